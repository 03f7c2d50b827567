"""Functions of torch.nn.functional that are no layers: called as the catalogue calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalogue import operations
from ._operations import of_operation
from ._pad import most_padding
from .protocol import Form

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

_MODES = ("reflect", "replicate", "circular")


def _draw_pad(sketch: Sketch) -> Parts:
    n = 1 if sketch.may("an x of rank 3", 4) else 3 if sketch.may("an x of rank 5", 4) else 2
    sides = [sketch.side(2, 4) for _ in range(n)]
    asked = [m for m in _MODES if "mode" in sketch.takes and sketch.may(f"mode '{m}'", 3)]
    mode = asked[0] if asked else sketch.form.options.get("usual", "constant")
    least = -1 if mode == "constant" and sketch.may("negative padding", 4) else 0
    most = [most_padding(mode, side) for side in sides]
    options: dict[str, Any] = {
        "pad": tuple(sketch.d.integer(least, m) for m in reversed(most) for _ in ("before", "after"))
    }
    if "mode" in sketch.takes:
        options["mode"] = mode
    if mode == "constant":
        options |= sketch.option("value", 0.0, 1.5, -2.0)
    return {"x": sketch.array("x", sketch.batch(high=3), sketch.side(1, 3), *sides)}, options


PAD = of_operation(
    "pad", _draw_pad, {"pad": None, "mode": "constant", "value": None},
    lambda o: {k: v for k, v in o.items() if k != "usual"}, slots=("x",), views=True, per_sample=("x",),
    needs=("pad",), forms=lambda _: [Form(), *(Form(options={"usual": mode}) for mode in _MODES)],
)  # fmt: skip
