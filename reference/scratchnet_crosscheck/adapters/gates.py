"""Recurrent functions whose weights are in a dictionary, one matrix a gate, with samples in columns.

``rnn_cell_forward(xt, a_prev, parameters)``: the input is (D, N), a sequence (D, N, T). `parameters` has
Wax, Waa and ba, or for each gate of an LSTM a matrix over ``[a_prev; xt]`` and a bias; Wya, Wy and by make a
prediction on the way, of which no gradient is asked.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .binding import signature
from .protocol import Cannot, Gradients, Started
from .unfinished import called

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind

KINDS = ("rnn_cell", "rnn", "lstm_cell", "lstm")
#: What the gates are called in the weights of PyTorch's order, and in the dictionary.
_GATES = {"i": "i", "f": "f", "g": "c", "o": "o"}
_PREDICTED = 2


_WEIGHTS = "parameters"
#: What the arguments are called, plain.
_ROLES = {
    _WEIGHTS: ("parameters", "params", "weights"),
    "x": ("x", "xt", "xs", "input", "inputs"),
    "h": ("aprev", "a0", "hprev", "h0", "prevh", "preva", "h", "a", "ht1", "at1"),
    "c": ("cprev", "c0", "prevc", "c", "ct1"),
}  # fmt: skip


def has_dictionary(forward: Callable[..., Any]) -> bool:
    """Return whether a recurrent function is handed its weights in a dictionary."""
    return any(name in _ROLES[_WEIGHTS] for name in inspect.signature(forward).parameters)


def _role(parameter: inspect.Parameter) -> str:
    short = names.plain(parameter.name)
    for role, own in _ROLES.items():
        if short in own:
            return role
    raise Cannot(
        f"its argument {parameter.name!r} is not known",
        "take the input, the state and a dictionary of weights: rnn_cell_forward(xt, a_prev, parameters)",
    )


def _columns(array: Array) -> Array:
    """(N, D) as (D, N), and (N, T, D) as (D, N, T)."""
    return np.ascontiguousarray(array.T if array.ndim == 2 else array.transpose(2, 0, 1))


def _rows(array: Array) -> Array:
    """(D, N) as (N, D), and (D, N, T) as (N, T, D)."""
    return np.ascontiguousarray(array.T if array.ndim == 2 else array.transpose(1, 2, 0))


class GatesDriver:
    """Drives such a pair; arrays are turned on the way in and on the way out."""

    linearizes = True
    skips = False
    compiles = False
    takes: frozenset[str] = frozenset()

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], kind: Kind) -> None:
        self._forward, self._backward, self._kind = forward, backward, kind
        self._lstm, self._steps = kind.name.startswith("lstm"), not kind.name.endswith("cell")
        self._order = [_role(p) for p in signature(forward) if p.default is p.empty]
        self.absent = frozenset({"bias_hh"} | ({"c"} if self._lstm and self._steps else set()))
        self.notes: list[str] = ["samples are in columns, weights in a dictionary"]
        self.conventions: dict[str, str] = {}

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: a function has no object to use again."""

    def _parameters(self, arrays: Mapping[str, Array], order: str) -> dict[str, Any]:
        of_x, of_h, bias = arrays["weight_ih"], arrays["weight_hh"], arrays["bias_ih"]
        hidden = of_h.shape[1]
        predicts = np.linspace(-1, 1, _PREDICTED * hidden).reshape(_PREDICTED, hidden).astype(of_h.dtype)
        beside = np.zeros((_PREDICTED, 1), of_h.dtype)
        if not self._lstm:
            return {"Wax": of_x.copy(), "Waa": of_h.copy(), "ba": bias.reshape(-1, 1).copy(), "Wya": predicts,
                    "by": beside}  # fmt: skip
        found: dict[str, Any] = {"Wy": predicts, "by": beside}
        for place, gate in enumerate(order):
            rows = slice(place * hidden, (place + 1) * hidden)
            found[f"W{_GATES[gate]}"] = np.concatenate([of_h[rows], of_x[rows]], axis=1)
            found[f"b{_GATES[gate]}"] = bias[rows].reshape(-1, 1).copy()
        return found

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the forward function."""
        order = str({**form.options, **options}.get("gates", "ifgo"))
        weights = self._parameters(arrays, order)
        given = [
            weights if s == _WEIGHTS else _columns(arrays[s]) for s in self._order if s in (_WEIGHTS, *arrays)
        ]
        out = called(self._forward, *given)
        if out is None or (isinstance(out, tuple) and out and out[0] is None):
            return Started((None,), lambda *_: {}, {})
        *parts, cache = out
        outputs = tuple(_rows(np.asarray(y)) for y in parts[: len(self._kind.outputs)])

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            grads = called(self._backward, *(_columns(dy) for dy in cotangents), cache)
            return self._named(grads, order) if isinstance(grads, dict) else {}

        return Started(outputs, back, {})

    def _named(self, grads: Mapping[str, Any], order: str) -> Gradients:
        found: Gradients = {}
        for slot, keys in (("x", ("dxt", "dx")), ("h", ("da_prev", "da0")), ("c", ("dc_prev",))):
            for key in keys:
                if grads.get(key) is not None:
                    found[slot] = _rows(np.asarray(grads[key]))
        if not self._lstm:
            weights: dict[str, Any] = {
                "weight_ih": grads.get("dWax"), "weight_hh": grads.get("dWaa"), "bias_ih": grads.get("dba")
            }  # fmt: skip
        else:
            matrices: list[Any] = [grads.get(f"dW{_GATES[gate]}") for gate in order]
            biases: list[Any] = [grads.get(f"db{_GATES[gate]}") for gate in order]
            if any(m is None for m in (*matrices, *biases)):
                return found
            whole = np.concatenate(matrices)
            hidden = len(whole) // len(order)
            weights = {
                "weight_hh": whole[:, :hidden].copy(), "weight_ih": whole[:, hidden:].copy(),
                "bias_ih": np.concatenate(biases),
            }  # fmt: skip
        if weights["bias_ih"] is not None:
            weights["bias_ih"] = np.asarray(weights["bias_ih"]).reshape(-1)
        return found | {slot: grad for slot, grad in weights.items() if grad is not None}
