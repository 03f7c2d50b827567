"""Functions of torch.nn.functional that are no layers: called as the catalogue calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalogue import operations
from ._operations import of_operation

if TYPE_CHECKING:
    from .protocol import Kind, Parts, Sketch


def _kind(name: str, slots: tuple[str, ...], defaults: dict[str, Any], **more: Any) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        case = operations()[name].draw(sketch.d)
        return case.arrays, {k: v for k, v in case.options.items() if k in sketch.takes}

    return of_operation(name, draw, defaults, lambda o: o, slots=slots, **more)


GRID_SAMPLE = _kind(
    "grid_sample", ("x", "grid"), {"mode": "bilinear", "padding_mode": "zeros", "align_corners": None},
    per_sample=("x", "grid"),
)  # fmt: skip
AFFINE_GRID = _kind("affine_grid", ("theta",), {"size": None, "align_corners": None})
PAD = _kind("pad", ("x",), {"pad": None, "mode": "constant", "value": None})
