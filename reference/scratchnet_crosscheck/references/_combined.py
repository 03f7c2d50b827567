"""Small operations that are met fused: a gate and what it lets through, a sum, a bias and its activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._activation import GELU, LARGE, _gelu, _gelu_torch, _sigmoid
from .protocol import Form, Kind, Parts, Sketch

if TYPE_CHECKING:
    from collections.abc import Mapping


def _shape(sketch: Sketch) -> tuple[int, ...]:
    """Return the shape of what is taken element by element."""
    shape = (sketch.batch(), sketch.side())
    if sketch.may("a vector for x", 6):
        return shape[1:]
    return (*shape, sketch.side(1, 4)) if sketch.may("an x of rank 3", 4) else shape


# ---- SwiGLU: silu(gate) times another, two arrays or the halves of one

_SECOND = "second"


def _gate_forms(what: str) -> list[Form]:
    words = {"gate_second": f"the second {what} is the gate"}
    return [Form(), Form(options={_SECOND: True}, conventions=words)]


def _gated(one: Any, two: Any, sigmoid: Any, o: Mapping[str, Any]) -> Any:
    gate, up = (two, one) if o.get(_SECOND) else (one, two)
    return gate * sigmoid(gate) * up


def _draw_two(sketch: Sketch) -> Parts:
    shape = _shape(sketch)
    return {name: sketch.array(name, *shape) for name in ("gate", "up")}, {}


SILU_MUL = Kind(
    "silu_mul", ("gate", "up"), lambda a, o: (_gated(a["gate"], a["up"], _sigmoid, o),),
    lambda t, a, o: (_gated(a["gate"], a["up"], t.sigmoid, o),), _draw_two,
    lambda _: _gate_forms("argument"), extremes=LARGE, per_sample=("gate", "up"),
)  # fmt: skip


def _draw_halves(sketch: Sketch) -> Parts:
    *lead, last = _shape(sketch)
    return {"x": sketch.array("x", *lead, 2 * last)}, sketch.option("dim", -1)


def _halves(x: Any) -> tuple[Any, Any]:
    middle = x.shape[-1] // 2
    return x[..., :middle], x[..., middle:]


SWIGLU = Kind(
    "swiglu", ("x",), lambda a, o: (_gated(*_halves(a["x"]), _sigmoid, o),),
    lambda t, a, o: (_gated(*_halves(a["x"]), t.sigmoid, o),), _draw_halves,
    lambda _: _gate_forms("half"), extremes=LARGE, per_sample=("x",), defaults={"dim": -1},
)  # fmt: skip


# ---- a sum, and a bias with the activation that follows


def _draw_sum(sketch: Sketch) -> Parts:
    shape = _shape(sketch)
    return {name: sketch.array(name, *shape) for name in ("x1", "x2")}, {}


ADD = Kind(
    "add", ("x1", "x2"), lambda a, _: (a["x1"] + a["x2"],), lambda _t, a, _: (a["x1"] + a["x2"],), _draw_sum,
    views=True, per_sample=("x1", "x2"),
)  # fmt: skip


def _draw_biased(sketch: Sketch) -> Parts:
    hidden = sketch.side()
    # As it is met, of tokens: a bias is for each place of the last axis, whatever the rank.
    lead = (sketch.batch(), sketch.side(1, 4)) if sketch.may("the tokens of a batch") else (sketch.batch(),)
    _, options = GELU.draw(sketch)
    return {"x": sketch.array("x", *lead, hidden), "bias": sketch.array("bias", hidden)}, options


def _approximate(o: Mapping[str, Any]) -> str:
    return str(o.get("approximate", "none"))


BIAS_GELU = Kind(
    "bias_gelu", ("x", "bias"), lambda a, o: (_gelu(a["x"] + a["bias"], _approximate(o)),),
    lambda t, a, o: (_gelu_torch(t, a["x"] + a["bias"], _approximate(o)),), _draw_biased, GELU.forms,
    extremes=LARGE, per_sample=("x",), defaults=GELU.defaults,
)  # fmt: skip
