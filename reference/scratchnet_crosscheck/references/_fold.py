"""Windows of an image as columns, and columns put back into an image."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

from ._conv import ALONE, LAST, alike, each, per_dimension, span
from ._operations import of_operation
from .protocol import Form, Parts, Sketch, every, moved

if TYPE_CHECKING:
    from .protocol import Layout

_DEFAULTS = {"kernel_size": 2, "dilation": 1, "padding": 0, "stride": 1}
#: Each window a row.
_ROWS = moved("(N, L, C kH kW)", lambda rank: (*range(rank - 2), rank - 1, rank - 2))


def _draw_windows(sketch: Sketch) -> tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]:
    """Return the options, the sides of the image, and how many windows there are along each."""
    kernel: tuple[int, ...] = (2, 2)
    options: dict[str, Any] = {}
    if "kernel_size" in sketch.takes:
        kernel = (sketch.d.integer(1, 3),) * 2
        if sketch.may("unequal window", 1):
            kernel = (kernel[0], sketch.d.integer(1, 3))
        options["kernel_size"] = kernel if len(set(kernel)) > 1 else kernel[0]
    for name, values in (("stride", (1, 2, 3)), ("padding", (0, 1)), ("dilation", (1, 2))):
        options |= per_dimension(sketch, name, 2, *values)
    strides, pads, dilations = (
        each(options.get(k, _DEFAULTS[k]), 2) for k in ("stride", "padding", "dilation")
    )
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    sides = alike(
        sketch, 2, lambda axis: span(sketch, reach[axis], strides[axis], pads[axis], 3), reach, strides, pads
    )
    out = tuple((m + 2 * p - r) // s + 1 for m, p, r, s in zip(sides, pads, reach, strides, strict=True))
    return options, sides, out


def _lead(sketch: Sketch) -> tuple[int, ...]:
    return () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)


def _draw_unfold(sketch: Sketch) -> Parts:
    options, sides, _ = _draw_windows(sketch)
    return {"x": sketch.array("x", *_lead(sketch), sketch.side(1, 3), *sides)}, options


def _draw_fold(sketch: Sketch) -> Parts:
    options, sides, out = _draw_windows(sketch)
    options["output_size"] = sides
    rows = sketch.side(1, 3) * math.prod(each(options.get("kernel_size", 2), 2))
    return {"x": sketch.array("x", *_lead(sketch), rows, math.prod(out))}, options


def _forms(columns: str, image: str) -> list[Form]:
    rows: dict[str, Layout] = {columns: _ROWS}
    last = Form({image: LAST.layouts["x"]})
    return every([Form(), last], [Form(), Form(rows)], [Form(), ALONE])[:6]


# With a kernel of 1 both come to another shape of the same array.
UNFOLD = of_operation(
    "unfold", _draw_unfold, _DEFAULTS, lambda o: o, forms=lambda _: _forms("y", "x"), per_sample=("x",),
    views=True,
)  # fmt: skip
FOLD = of_operation(
    "fold", _draw_fold, {"output_size": inspect.Parameter.empty, **_DEFAULTS}, lambda o: o,
    forms=lambda _: _forms("x", "y"), per_sample=("x",), views=True,
)  # fmt: skip
