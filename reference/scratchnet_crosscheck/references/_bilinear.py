"""A layer of two inputs: what is linear in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._operations import of_operation
from .protocol import COLUMN, ROW, SAME, Form, every, lay, moved

if TYPE_CHECKING:
    from .protocol import Parts, Sketch

_OUT_LAST = moved("(in1, in2, out)", lambda _: (1, 2, 0))
_OUT_BETWEEN = moved("(in1, out, in2)", lambda _: (1, 0, 2))


def _draw(sketch: Sketch) -> Parts:
    first, second, outputs = (sketch.side(1, 4) for _ in range(3))
    lead: tuple[int, ...] = (sketch.batch(),)
    if sketch.form.options.get("samples") == 0 or sketch.may("a vector for x", 8):
        lead = ()
    elif sketch.may("an x of rank 3", 4):
        lead = (*lead, sketch.side(1, 3))
    arrays: dict[str, Any] = {
        "input1": sketch.array("input1", *lead, first),
        "input2": sketch.array("input2", *lead, second),
        "weight": sketch.array("weight", outputs, first, second),
        "bias": None,
    }
    if not sketch.without_bias():
        arrays["bias"] = sketch.array("bias", outputs)
    return arrays, {}


BILINEAR = of_operation(
    "bilinear", _draw, {}, lambda _: {}, slots=("input1", "input2", "weight", "bias"),
    forms=lambda _: every(
        [Form(), Form(options={"samples": 0})],
        lay(*({"weight": layout} for layout in (SAME, _OUT_LAST, _OUT_BETWEEN))),
        lay(*({"bias": bias} for bias in (SAME, ROW, COLUMN))),
    ),
    params=("weight", "bias"), per_sample=("input1", "input2"),
    sizes=lambda a: {
        "in1": a["weight"].shape[1], "in2": a["weight"].shape[2], "out": a["weight"].shape[0],
        "in": a["weight"].shape[1],
    },
)  # fmt: skip
