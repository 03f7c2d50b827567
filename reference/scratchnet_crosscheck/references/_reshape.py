"""What only moves elements to another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._operations import of_operation

if TYPE_CHECKING:
    from .protocol import Parts, Sketch


def _draw_unflatten(sketch: Sketch) -> Parts:
    sizes = tuple(sketch.side(1, 3) for _ in range(sketch.d.one_of(2, 3, 1)))
    shape, dim = [sketch.batch(), int(np.prod(sizes))], 1
    if sketch.may("an x of rank 3"):
        shape.append(sketch.side(1, 3))
    options: dict[str, Any] = {"sizes": sizes}
    if "dim" in sketch.takes:
        options["dim"] = dim
        if sketch.may("a dimension other than the second"):
            shape.insert(1, sketch.side(1, 3))
            options["dim"] = dim = 2 if sketch.d.flag() else 2 - len(shape)
    if shape[0] and sketch.may("a side left open", 3):
        open_one = sketch.d.integer(0, len(sizes) - 1)
        options["sizes"] = tuple(-1 if i == open_one else side for i, side in enumerate(sizes))
    return {"x": sketch.array("x", *shape)}, options


UNFLATTEN = of_operation(
    "unflatten", _draw_unflatten, {"dim": 1, "sizes": (1, -1)},
    lambda o: {"dim": o["dim"], "sizes": o["sizes"]}, per_sample=("x",), views=True, needs=("sizes",),
)  # fmt: skip
