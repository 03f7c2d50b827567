"""Recurrent layers: a step and a sequence, with tanh and with an LSTM's gates."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ._activation import _sigmoid
from .protocol import BATCH_LAST, COLUMN, ONE_LAYER, TIME_FIRST, TURNED, Form, Kind, Parts, Sketch, every, lay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CELL = ("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _draw(sketch: Sketch, gates: int, *, steps: bool, cell: bool) -> Parts:
    # a probe has more than one unit and more than one step: with one, two conventions may be the same
    low = 2 if sketch.forced else 1
    batch, width, hidden = max(sketch.batch(high=4), 1), sketch.side(low, 4), sketch.side(low, 3)
    time = (sketch.side(low, 4),) if steps else ()
    samples: tuple[int, ...] = (batch,)
    if sketch.form.options.get("alone"):  # what squeezes its vectors makes a number of one
        samples = ()
        hidden = 1 if sketch.may("a state of one number", 3) else sketch.side(2, 3)
    arrays: dict[str, Any] = {"x": sketch.small("x", *samples, *time, width)}
    if "h" not in sketch.form.absent:
        arrays["h"] = sketch.small("h", *samples, hidden)
    if cell and "c" not in sketch.form.absent:
        arrays["c"] = sketch.small("c", *samples, hidden)
    arrays["weight_ih"] = sketch.small("weight_ih", gates * hidden, width)
    arrays["weight_hh"] = sketch.small("weight_hh", gates * hidden, hidden)
    for name in ("bias_ih", "bias_hh"):
        if name not in sketch.form.absent:
            arrays[name] = sketch.small(name, gates * hidden)
    may_be_last = steps and sketch.form.layout("y") is not TIME_FIRST
    options = sketch.option("return_sequences", *((True, False) if may_be_last else (True,)))
    # a probe is read from its first step: the order of what is returned is found out afterwards
    ways = (False,) if sketch.forced else (False, True)
    options |= sketch.option("go_backwards", *ways) if steps else {}
    return arrays, options | (sketch.option("nonlinearity", "tanh", "relu") if gates == 1 else {})


def _numpy() -> Any:
    class Lib:
        tanh = staticmethod(np.tanh)
        relu = staticmethod(lambda x: np.maximum(x, 0))
        sigmoid = staticmethod(_sigmoid)
        stack = staticmethod(lambda parts: np.stack(parts, 1))
        zeros = staticmethod(lambda x, n: np.zeros((x.shape[0], n)))

    return Lib


def _of_torch(t: Any) -> Any:
    class Lib:
        tanh = staticmethod(t.tanh)
        relu = staticmethod(t.relu)
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
    lib: Any, a: Mapping[str, Any], o: Mapping[str, Any], x: Any, h: Any, c: Any
) -> tuple[Any, Any]:
    return getattr(lib, o.get("nonlinearity", "tanh"))(_pre(a, x, h)), c


def _lstm_step(
    lib: Any, a: Mapping[str, Any], o: Mapping[str, Any], x: Any, h: Any, c: Any
) -> tuple[Any, Any]:
    y = _pre(a, x, h)
    n = h.shape[-1]
    part = {g: y[..., k * n : (k + 1) * n] for k, g in enumerate(o.get("gates", "ifgo"))}
    c = lib.sigmoid(part["f"]) * c + lib.sigmoid(part["i"]) * lib.tanh(part["g"])
    return lib.sigmoid(part["o"]) * lib.tanh(c), c


def _gru_step(
    lib: Any, a: Mapping[str, Any], o: Mapping[str, Any], x: Any, h: Any, c: Any
) -> tuple[Any, Any]:
    n, order = h.shape[-1], o.get("gates", "rzn")
    part = {g: slice(k * n, (k + 1) * n) for k, g in enumerate(order)}
    gx, weight = x @ a["weight_ih"].T, a["weight_hh"]
    if a.get("bias_ih") is not None:
        gx = gx + a["bias_ih"]
    own: Any = a["bias_hh"] if a.get("bias_hh") is not None else 0 * weight[:, 0]
    r, z = (lib.sigmoid(gx[..., part[g]] + h @ weight[part[g]].T + own[part[g]]) for g in "rz")
    new = part["n"]
    if o.get("reset") == "before":
        fresh = lib.tanh(gx[..., new] + (r * h) @ weight[new].T + own[new])
    else:
        fresh = lib.tanh(gx[..., new] + r * (h @ weight[new].T + own[new]))
    return (((1 - z) * h + z * fresh) if o.get("update") == "new" else ((1 - z) * fresh + z * h)), c


def _run(step: Callable[..., tuple[Any, Any]], *, steps: bool, both: bool) -> Callable[..., tuple[Any, ...]]:
    def run(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        hidden = a["weight_hh"].shape[1]
        h = a["h"] if a.get("h") is not None else lib.zeros(a["x"], hidden)
        c = a["c"] if a.get("c") is not None else lib.zeros(a["x"], hidden)
        if not steps:
            h, c = step(lib, a, o, a["x"], h, c)
            return (h, c) if both else (h,)
        outputs = []
        times = range(a["x"].shape[1])
        for t in reversed(times) if o.get("go_backwards") else times:
            h, c = step(lib, a, o, a["x"][:, t], h, c)
            outputs.append(h)
        if o.get("go_backwards") and o.get("in_time_order"):
            outputs.reverse()
        return (lib.stack(outputs) if o.get("return_sequences", True) else h,)

    return run


def _weights(*absent: frozenset[str]) -> list[Form]:
    turned = lay({"weight_ih": TURNED, "weight_hh": TURNED}, {})
    biases = [Form(absent=frozenset({"bias_hh"})), Form(), Form(absent=frozenset({"bias_ih", "bias_hh"}))]
    return every([Form(absent=a) for a in absent], turned, biases)


def _columns(lstm: bool) -> list[Form]:
    """Return the form of a step whose samples are columns: the weights stand to their left."""
    turned = ("x", "h", "c", "h_next", "c_next") if lstm else ("x", "h", "y")
    laid = dict.fromkeys(turned, BATCH_LAST) | {"bias_ih": COLUMN}
    return [Form(laid, absent=frozenset({"bias_hh"}))]


#: One sample by itself, where nothing with a batch gets through both passes.
_ALONE = Form(
    options={"samples": 0, "alone": True},
    conventions={"one_sample": "it takes one sample at a time, as vectors"},
)

#: Of a sequence that is read from its end; Keras returns it in the order of reading.
IN_TIME_ORDER = Form(
    options={"in_time_order": True},
    conventions={"sequence_in_time_order": "a sequence read from its end is returned in the order of time"},
)


def _gated(forms: list[Form]) -> list[Form]:
    found = []
    orders = ["ifgo", "ifog", "fgio", *("".join(p) for p in itertools.permutations("ifgo"))]
    for form in forms:
        found += [form + Form(options={"gates": order}) for order in dict.fromkeys(orders)]
    return found


def _gru_forms(forms: list[Form]) -> list[Form]:
    orders = dict.fromkeys(("rzn", "zrn", *("".join(p) for p in itertools.permutations("rzn"))))
    before = {"reset_before_product": "the reset gate is applied before the product, as in the first paper"}
    new = {"update_gate_keeps_new": "the update gate is the share of the new state"}
    return [
        form + Form(options={"gates": order}) + reset + update
        for form in forms for order in orders
        for reset in (Form(), Form(options={"reset": "before"}, conventions=before))
        for update in (Form(), Form(options={"update": "new"}, conventions=new))
    ]  # fmt: skip


def _kind(name: str, step: Callable[..., tuple[Any, Any]], gates: int, *, steps: bool) -> Kind:
    lstm = gates == 4
    run = _run(step, steps=steps, both=lstm)
    slots = ("x", "h", "c", *_CELL[2:]) if lstm else _CELL
    absent = [frozenset({"c"}) if lstm and steps else frozenset[str]()]
    if steps:
        absent.append(frozenset({"h", "c"}))
        absent += [frozenset[str]()] if lstm else []
    forms = _weights(*absent)
    forms += [] if steps else [*_columns(lstm), *every([_ALONE], forms)]
    forms = _gated(forms) if lstm else _gru_forms(forms) if gates == 3 else forms
    if steps:
        last = {"return_sequences": False}
        handed = [form for form in forms if not form.absent & {"h", "c"}]
        states = dict.fromkeys(("h", "c") if lstm else ("h",), ONE_LAYER)
        forms = [
            *forms,
            *every([Form({"x": TIME_FIRST, "y": TIME_FIRST})], forms),
            *every([Form(options=last), Form({"x": TIME_FIRST}, last)], forms),
            *every([Form(states | {"x": TIME_FIRST, "y": TIME_FIRST}), Form(states)], handed),
        ]
    return Kind(
        name, slots, lambda a, o: run(_numpy(), a, o), lambda t, a, o: run(_of_torch(t), a, o),
        lambda sketch: _draw(sketch, gates, steps=steps, cell=lstm), lambda _: forms, params=_CELL[2:],
        outputs=("h_next", "c_next") if lstm and not steps else ("y",),
        sizes=lambda a: {"in": a["weight_ih"].shape[1], "out": a["weight_hh"].shape[1]},
        defaults=({"return_sequences": True, "go_backwards": False} if steps else {})
        | ({"nonlinearity": "tanh"} if gates == 1 else {}),
        beside="last states" if steps else "", may_lack=("bias_ih",),
    )  # fmt: skip


RNN_CELL = _kind("rnn_cell", _rnn_step, 1, steps=False)
RNN = _kind("rnn", _rnn_step, 1, steps=True)
LSTM_CELL = _kind("lstm_cell", _lstm_step, 4, steps=False)
LSTM = _kind("lstm", _lstm_step, 4, steps=True)
GRU_CELL = _kind("gru_cell", _gru_step, 3, steps=False)
GRU = _kind("gru", _gru_step, 3, steps=True)
