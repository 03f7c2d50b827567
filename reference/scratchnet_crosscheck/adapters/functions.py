"""Functions: pairs with a cache, fused losses, values with pullbacks."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .binding import Bound, bind, given_option, signature
from .protocol import Cannot, Gradients, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind

#: What a parameter dictionary of each kind holds, by PyTorch's names.
TABLES: dict[str, dict[str, str]] = {
    "conv2d": {"stride": "stride", "pad": "padding"},
    "conv_relu": {"stride": "stride", "pad": "padding"},
    "max_pool2d": {"pool_height": "kernel_h", "pool_width": "kernel_w", "stride": "stride"},
    "avg_pool2d": {"pool_height": "kernel_h", "pool_width": "kernel_w", "stride": "stride"},
    "batch_norm": {"eps": "eps", "momentum": "momentum", "mode": "training"},
    "layer_norm": {"eps": "eps"},
    "rms_norm": {"eps": "eps"},
    "group_norm": {"eps": "eps"},
    "dropout": {"p": "p", "mode": "training"},
}


class FunctionDriver:
    """What all functions share: arguments made from arrays, options and parameter dictionaries."""

    linearizes = True
    skips = False

    def __init__(self, function: Callable[..., Any], kind: Kind) -> None:
        self._function, self._kind = function, kind
        self.notes: list[str] = []
        self.conventions: dict[str, str] = {}
        self._parameters = signature(function)
        inputs = 1 if kind.params else len(kind.inputs)
        self._bound: Bound = bind(
            self._parameters, kind, kind.slots, inputs=min(inputs, len(self._parameters))
        )
        self.takes = self._bound.takes
        self._table_state = False
        for _ in self._bound.tables:
            entries = self._table_of()
            self.takes |= set(entries.values())
            self._table_state = self._table_state or bool(kind.state)
        if "kernel_h" in self.takes:
            self.takes |= {"kernel_size", "unequal kernel"}
        named = set(self._bound.slots.values()) | (set(kind.state) if self._table_state else set())
        self.absent = frozenset(s for s in kind.slots if s not in named)

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: a function has no object to use again."""

    def _table_of(self) -> dict[str, str]:
        return TABLES.get(self._kind.name, {})

    def arguments(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments by name, and the parameter dictionary among them if there is one."""
        found: dict[str, Any] = {
            arg: arrays[slot] for arg, slot in self._bound.slots.items() if slot in arrays
        }
        defaults = {p.name: p.default for p in self._parameters}
        for arg, option in self._bound.options.items():
            if (
                option in options
                or option in form.options
                or defaults[arg] is _EMPTY
                or option in ("kernel_h", "kernel_w")
            ):
                found[arg] = self._value(
                    option, given_option(self._kind, option, options, form, defaults[arg]), arg
                )
        table: dict[str, Any] = {}
        for arg in self._bound.tables:
            if self._kind.name == "conv_relu_pool":
                found[arg] = _composite(names.plain(arg), options)
                continue
            table = {
                key: self._value(option, given_option(self._kind, option, options, form, _EMPTY), key)
                for key, option in self._table_of().items()
                if option in options or option in ("kernel_h", "kernel_w", "stride", "padding", "training")
            }  # fmt: skip
            if self._table_state:
                table.update({s: arrays[s].copy() for s in self._kind.state if s in arrays})
            found[arg] = table
        return found, table

    @staticmethod
    def _value(option: str, value: Any, name: str) -> Any:
        if option == "training" and names.plain(name) == "mode":
            return "train" if value or value is None else "test"
        return True if option == "training" and value is None else value

    def call(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> tuple[Any, dict[str, Any]]:
        """Call the function."""
        found, table = self.arguments(arrays, options, form)
        leading = []
        for parameter in self._parameters:  # by position as far as they go: names may be positional only
            if parameter.name not in found or parameter.kind is parameter.KEYWORD_ONLY:
                break
            leading.append(found.pop(parameter.name))
        return self._function(*leading, **found), table


_EMPTY: Any = inspect.Parameter.empty


def _composite(argument: str, options: Mapping[str, Any]) -> dict[str, Any]:
    if argument.startswith("conv"):
        return {"stride": options["stride"], "pad": options["padding"]}
    return {
        "pool_height": options["kernel_size"],
        "pool_width": options["kernel_size"],
        "stride": options["pool_stride"],
    }


def _named(kind: Kind, present: list[str], grads: tuple[Any, ...]) -> Gradients:
    """Name the gradients that a backward pass returns in the forward's order."""
    moving = [s for s in present if s not in kind.fixed]
    if len(grads) == len(present) and len(present) != len(moving):
        return {s: g for s, g in zip(present, grads, strict=True) if g is not None}
    return {s: g for s, g in zip(moving, grads, strict=False) if g is not None}


class PairDriver(FunctionDriver):
    """``NAME_forward(...) -> (*outputs, cache)``, ``NAME_backward(*dout, cache) -> gradients``."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], kind: Kind) -> None:
        super().__init__(forward, kind)
        self._backward = backward

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the forward function."""
        out, table = self.call(arrays, options, form)
        if out is None or (isinstance(out, tuple) and out and out[0] is None):
            return Started((None,), lambda *_: {}, {})
        if not isinstance(out, tuple) or len(out) < 2:
            raise Cannot("its forward function returns no cache", "return (out, cache)")
        *outputs, cache = out
        if len(outputs) < len(self._kind.outputs) and len(out) == len(self._kind.outputs):
            outputs, cache = list(out), None
        extras = {f"new_{s}": table[s] for s in self._kind.state if s in table}
        present = [s for s in self._bound.slots.values() if s in arrays]

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            found = self._backward(*cotangents, cache)
            if found is None:
                return {}
            return _named(self._kind, present, found if isinstance(found, tuple) else (found,))

        return Started(tuple(outputs), back, extras)


class ValueDriver(FunctionDriver):
    """``f(...) -> (value, pullback[, state])``, or a fused loss, ``f(x, y) -> (loss, dx)``."""

    fused = False

    def __init__(self, function: Callable[..., Any], kind: Kind) -> None:
        super().__init__(function, kind)
        self.skips = False

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Call the function."""
        given = dict(options)
        generator: dict[str, Any] = {}
        if any(p.name == "generator" for p in self._parameters):
            # `np.random.default_rng` is seeded while a random layer runs, so that it is replayed.
            self._bound.constants["generator"] = generator["generator"] = np.random.default_rng()
        found, _ = self.arguments(arrays, given, form)
        found.update(generator)
        leading = []
        for parameter in self._parameters:
            if parameter.name not in found or parameter.kind is parameter.KEYWORD_ONLY:
                break
            leading.append(found.pop(parameter.name))
        out = self._function(*leading, **found)
        if out is None or (isinstance(out, tuple) and out and out[0] is None):
            return Started((None,), lambda *_: {}, {})
        if not isinstance(out, tuple) or len(out) < 2:
            raise Cannot(
                "it returns a value alone: no backward pass is found",
                f"return (value, pullback), or name its backward pass {self._function.__name__}_backward",
            )
        value, second, *rest = out
        if callable(second):
            return self._with_pullback(arrays, value, second, rest)
        if not self._kind.loss:
            raise Cannot(
                "it returns (value, something that cannot be called): no backward pass is found",
                "return (value, pullback)",
            )
        self.fused = True
        present = [s for s in self._bound.slots.values() if s in arrays]
        # One backward pass a call: the first is handed what came out, a second one a copy.
        pristine = [g.copy() if isinstance(g, np.ndarray) else g for g in (second, *rest)]
        fresh = [(second, *rest)]

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            parts = (
                fresh.pop()
                if fresh
                else tuple(g.copy() if isinstance(g, np.ndarray) else g for g in pristine)
            )
            grads = _named(self._kind, present, parts)
            dy = cotangents[0].reshape(-1)[0]
            return {
                s: (g * dy).astype(g.dtype) if isinstance(g, np.ndarray) and dy != 1 else g
                for s, g in grads.items()
            }

        return Started((value,), back, {})

    def _with_pullback(
        self, arrays: Mapping[str, Array], value: Any, pullback: Any, rest: list[Any]
    ) -> Started:
        outputs = value if isinstance(value, tuple) else (value,)
        slots = list(self._bound.slots.values())
        extras: dict[str, Any] = {}
        if rest and self._kind.state:
            state = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
            extras = dict(zip([f"new_{s}" for s in self._kind.state], state, strict=False))
        self.skips = "needs_input_grad" in {p.name for p in signature(pullback)}

        def back(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            if needs is None or not self.skips:
                grads = pullback(*cotangents)
            else:
                by_slot = dict(
                    zip([s for s in self._kind.slots if s in self._case_slots], needs, strict=False)
                )
                grads = pullback(*cotangents, tuple(bool(by_slot.get(s, False)) for s in slots))
            if not isinstance(grads, tuple):
                grads = (grads,)
            if len(grads) == len(slots):
                return {s: g for s, g in zip(slots, grads, strict=True) if g is not None}
            return _named(self._kind, [s for s in slots if s in arrays], grads)

        self._case_slots = {s for s in self._kind.slots if s not in self.absent}
        return Started(outputs, back, extras)
