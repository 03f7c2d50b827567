"""Recurrent layers: a step and a sequence, with tanh and with an LSTM's gates."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ._activation import _sigmoid
from .protocol import TURNED, Form, Kind, Parts, Sketch, every, lay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CELL = ("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _draw(sketch: Sketch, gates: int, *, steps: bool, cell: bool) -> Parts:
    batch, width, hidden = max(sketch.batch(high=4), 1), sketch.side(1, 4), sketch.side(1, 3)
    time = (sketch.side(1, 4),) if steps else ()
    arrays: dict[str, Any] = {"x": sketch.small("x", batch, *time, width)}
    if "h" not in sketch.form.absent:
        arrays["h"] = sketch.small("h", batch, hidden)
    if cell and "c" not in sketch.form.absent:
        arrays["c"] = sketch.small("c", batch, hidden)
    arrays["weight_ih"] = sketch.small("weight_ih", gates * hidden, width)
    arrays["weight_hh"] = sketch.small("weight_hh", gates * hidden, hidden)
    for name in ("bias_ih", "bias_hh"):
        if name not in sketch.form.absent:
            arrays[name] = sketch.small(name, gates * hidden)
    return arrays, {}


def _numpy() -> Any:
    class Lib:
        tanh = staticmethod(np.tanh)
        sigmoid = staticmethod(_sigmoid)
        stack = staticmethod(lambda parts: np.stack(parts, 1))
        zeros = staticmethod(lambda x, n: np.zeros((x.shape[0], n)))

    return Lib


def _of_torch(t: Any) -> Any:
    class Lib:
        tanh = staticmethod(t.tanh)
        sigmoid = staticmethod(t.sigmoid)
        stack = staticmethod(lambda parts: t.stack(parts, 1))
        zeros = staticmethod(lambda x, n: x.new_zeros((x.shape[0], n)))

    return Lib


def _pre(a: Mapping[str, Any], x: Any, h: Any) -> Any:
    y = x @ a["weight_ih"].T + h @ a["weight_hh"].T
    for name in ("bias_ih", "bias_hh"):
        if a.get(name) is not None:
            y = y + a[name]
    return y


def _rnn_step(
    lib: Any, a: Mapping[str, Any], _: Mapping[str, Any], x: Any, h: Any, c: Any
) -> tuple[Any, Any]:
    return lib.tanh(_pre(a, x, h)), c


def _lstm_step(
    lib: Any, a: Mapping[str, Any], o: Mapping[str, Any], x: Any, h: Any, c: Any
) -> tuple[Any, Any]:
    y = _pre(a, x, h)
    n = h.shape[1]
    part = {g: y[:, k * n : (k + 1) * n] for k, g in enumerate(o.get("gates", "ifgo"))}
    c = lib.sigmoid(part["f"]) * c + lib.sigmoid(part["i"]) * lib.tanh(part["g"])
    return lib.sigmoid(part["o"]) * lib.tanh(c), c


def _run(step: Callable[..., tuple[Any, Any]], *, steps: bool, both: bool) -> Callable[..., tuple[Any, ...]]:
    def run(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        hidden = a["weight_hh"].shape[1]
        h = a["h"] if a.get("h") is not None else lib.zeros(a["x"], hidden)
        c = a["c"] if a.get("c") is not None else lib.zeros(a["x"], hidden)
        if not steps:
            h, c = step(lib, a, o, a["x"], h, c)
            return (h, c) if both else (h,)
        outputs = []
        for t in range(a["x"].shape[1]):
            h, c = step(lib, a, o, a["x"][:, t], h, c)
            outputs.append(h)
        return (lib.stack(outputs),)

    return run


def _weights(*absent: frozenset[str]) -> list[Form]:
    turned = lay({"weight_ih": TURNED, "weight_hh": TURNED}, {})
    biases = [Form(absent=frozenset({"bias_hh"})), Form()]
    return every([Form(absent=a) for a in absent], turned, biases)


def _gated(forms: list[Form]) -> list[Form]:
    found = []
    orders = ["ifgo", "ifog", "fgio", *("".join(p) for p in itertools.permutations("ifgo"))]
    for form in forms:
        found += [form + Form(options={"gates": order}) for order in dict.fromkeys(orders)]
    return found


def _kind(name: str, step: Callable[..., tuple[Any, Any]], gates: int, *, steps: bool) -> Kind:
    lstm = gates == 4
    run = _run(step, steps=steps, both=lstm)
    slots = ("x", "h", "c", *_CELL[2:]) if lstm else _CELL
    absent = [frozenset({"c"}) if lstm and steps else frozenset[str]()]
    if steps:
        absent.append(frozenset({"h", "c"}))
    forms = _gated(_weights(*absent)) if lstm else _weights(*absent)
    return Kind(
        name, slots, lambda a, o: run(_numpy(), a, o), lambda t, a, o: run(_of_torch(t), a, o),
        lambda sketch: _draw(sketch, gates, steps=steps, cell=lstm), lambda _: forms, params=_CELL[2:],
        outputs=("h_next", "c_next") if lstm and not steps else ("y",),
        sizes=lambda a: {"in": a["weight_ih"].shape[1], "out": a["weight_hh"].shape[1]},
    )  # fmt: skip


RNN_CELL = _kind("rnn_cell", _rnn_step, 1, steps=False)
RNN = _kind("rnn", _rnn_step, 1, steps=True)
LSTM_CELL = _kind("lstm_cell", _lstm_step, 4, steps=False)
LSTM = _kind("lstm", _lstm_step, 4, steps=True)
