"""Functions of torch.nn.functional that are no layers: called as the catalogue calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalogue._grid import draw_affine, draw_sample
from ._operations import of_operation
from ._pad import most_padding
from .protocol import Form

if TYPE_CHECKING:
    from .protocol import Parts, Sketch


def _dims(sketch: Sketch) -> int:
    return 3 if sketch.may("an x of rank 5", 3) else 2


def _one(sketch: Sketch, name: str, usual: str, *others: str) -> str:
    """Return the usual word for an option, or another that the layer knows."""
    asked = [w for w in others if name in sketch.takes and sketch.may(f"{name} {w!r}", 2)]
    return asked[0] if asked else usual


def _draw_sample(sketch: Sketch) -> Parts:
    dims = _dims(sketch)
    mode = _one(sketch, "mode", "bilinear", "nearest", *(["bicubic"] if dims == 2 else []))
    case = draw_sample(sketch.d, dims, mode, _one(sketch, "padding_mode", "zeros", "border", "reflection"))
    return case.arrays, {k: v for k, v in case.options.items() if k in sketch.takes}


def _draw_affine(sketch: Sketch) -> Parts:
    case = draw_affine(sketch.d, _dims(sketch))
    return case.arrays, {k: v for k, v in case.options.items() if k in sketch.takes}


GRID_SAMPLE = of_operation(
    "grid_sample", _draw_sample, {"mode": "bilinear", "padding_mode": "zeros", "align_corners": None},
    lambda o: o, slots=("x", "grid"), per_sample=("x", "grid"),
)  # fmt: skip
AFFINE_GRID = of_operation(
    "affine_grid", _draw_affine, {"size": None, "align_corners": None}, lambda o: o, slots=("theta",),
)  # fmt: skip

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
