"""What moves pixels and channels about, and what resamples images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._operations import of_operation
from .protocol import CHANNELS_LAST, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST = Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})
#: Images as they are, one of them without a batch, and with their channels last.
_IMAGES = [Form(), Form(options={"samples": 0}), _LAST]


def _batch(sketch: Sketch) -> tuple[int, ...]:
    """Return the batch's side: never none, of which PyTorch makes another shape on the way back."""
    return () if sketch.form.options.get("samples") == 0 else (max(sketch.batch(high=3), 1),)


# ---- pixels and channels


def _pixels(name: str, option: str) -> Kind:
    """Return the kind that deals pixels out to channels, or channels to pixels; each factor has its name."""

    def draw(sketch: Sketch) -> Parts:
        given = sketch.option(option, 2, 3, 1)
        r, sides = given.get(option, 2), [sketch.side(1, 3), sketch.side(1, 3)]
        channels = sketch.side(1, 3 if r > 1 else 6)  # as many as where they are dealt out
        if name == "pixel_shuffle":
            return {"x": sketch.array("x", *_batch(sketch), channels * r * r, *sides)}, given
        return {"x": sketch.array("x", *_batch(sketch), channels, *(r * s for s in sides))}, given

    return of_operation(
        name, draw, {option: 2}, lambda o: {option: o[option]}, per_sample=("x",), views=True,
        forms=lambda _: _IMAGES,
    )  # fmt: skip


PIXEL_SHUFFLE = _pixels("pixel_shuffle", "upscale_factor")
PIXEL_UNSHUFFLE = _pixels("pixel_unshuffle", "downscale_factor")


def _draw_channels(sketch: Sketch) -> Parts:
    groups = sketch.option("groups", 2, 3, 1, 4)
    shape = [sketch.batch(high=3), groups.get("groups", 2) * sketch.side(1, 3), sketch.side(1, 3)]
    if not sketch.may("an x of rank 3", 4):
        shape.append(sketch.side(1, 3))
    return {"x": sketch.array("x", *shape)}, groups


CHANNEL_SHUFFLE = of_operation(
    "channel_shuffle", _draw_channels, {"groups": 2}, lambda o: {"groups": o["groups"]}, per_sample=("x",),
    views=True, forms=lambda _: [Form(), _LAST],
)  # fmt: skip


# ---- resampling

_LINEAR = ("linear", "bilinear", "trilinear")
_WITH_CORNERS = (*_LINEAR, "bicubic")
#: Modes that a layer need not know, and of how many dimensions each is.
_MODES = {
    "bilinear": 2, "linear": 1, "trilinear": 3, "bicubic": 2, "nearest-exact": 2, "area": 2, "nearest": 2,
}  # fmt: skip


def _is_sure(n: int, m: int, mode: str) -> bool:
    """Return whether no rounding decides which of `n` elements is the nearest of each of `m`."""
    half = 1 if mode == "nearest-exact" else 0
    o = np.arange(m)
    true = (2 * o + half) * n // (2 * m)
    found = [np.floor((o.astype(t) + t(half / 2)) * t(n / m)) for t in (np.float32, np.float64)]
    return all((f == true).all() for f in found)


def _new_side(sketch: Sketch, sides: list[int], mode: str) -> int:
    return sketch.d.one_of(*(m for m in (4, 3, 6, 2, 5, 1, 7) if all(_is_sure(n, m, mode) for n in sides)))


def _factors(sketch: Sketch, dims: int) -> Any:
    if dims > 1 and sketch.may("unequal factors", 1):
        return tuple(sketch.d.integer(1, 3) for _ in range(dims))
    return sketch.d.one_of(2, 3, 1)


def _resampling(name: str, n: int, mode: str, forms: list[Form], *, size: bool = True) -> Kind:
    """Return the kind that resamples (N, C, *) of `n` dimensions, whose layer has this mode by default.

    `size` says whether it may take the new sides: Keras' size is a factor.
    """

    def draw(sketch: Sketch) -> Parts:
        given: dict[str, Any] = {}
        own, dims = str(sketch.form.options.get("mode", mode)), n
        if "mode" in sketch.takes:
            given["mode"] = own
            known = [m for m, d in _MODES.items() if d == n] if not size else list(_MODES) if n == 2 else []
            asked = [m for m in known if m != own and sketch.may(f"mode {m!r}", 3)]
            if asked:
                given["mode"] = own = asked[0]
                dims = _MODES[own] if own in _LINEAR else n
            elif own == "nearest" and size and sketch.may("an x of rank 3", 4):
                dims = 1
            elif own == "nearest" and size and sketch.may("an x of rank 5", 4):
                dims = 3
        # Which of two elements is the nearest may be a matter of rounding, and so of nobody's choice.
        chooses = "mode" in given and n == 2 and "mode 'bilinear'" not in sketch.form.without
        smooth = own == "bilinear" or chooses
        fraction = smooth and "scale_factor" in sketch.takes and sketch.may("a fraction for scale_factor")
        if fraction and "mode" in given:
            given["mode"] = own = "bilinear"
            dims = 2
        if own in _WITH_CORNERS and "align_corners" in sketch.takes:
            given["align_corners"] = sketch.may("aligned corners", 1)
        sides = [sketch.side(2, (6, 4, 3)[dims - 1]) for _ in range(dims)]
        by_size = "size" in sketch.takes and ("scale_factor" not in sketch.takes or sketch.may("a size", 1))
        if fraction:
            given["scale_factor"] = 1.5
            sides[0] = 3  # the new side is rounded down, and no longer 1.5 times as long
        elif by_size:
            several = dims > 1 and sketch.may("unequal sizes", 1)
            new = [_new_side(sketch, [n], own) for n in sides] if several else []
            given["size"] = tuple(new) if several else _new_side(sketch, sides, own)
        elif "scale_factor" in sketch.takes:
            given["scale_factor"] = _factors(sketch, dims)
        return {"x": sketch.array("x", sketch.batch(high=3), sketch.side(1, 3), *sides)}, given

    def call(o: Mapping[str, Any]) -> Mapping[str, Any]:
        new, own = o.get("size"), o.get("mode") or mode
        factor = o.get("scale_factor") or 2
        if o.get("times") and new is not None:
            new, factor = None, new
        factor = None if new is not None else _floats(factor)
        return {
            "size": new, "scale_factor": factor,
            "mode": own, "align_corners": bool(o.get("align_corners")) if own in _WITH_CORNERS else None,
            "recompute_scale_factor": None, "antialias": False,
        }  # fmt: skip

    defaults = {"size": None, "scale_factor": None, "mode": None, "align_corners": None, "times": False}
    if not size:
        del defaults["size"]
    return of_operation(f"{name} interpolate", draw, defaults, call, per_sample=("x",), forms=lambda _: forms)


def _floats(factor: Any) -> Any:
    return tuple(float(f) for f in factor) if isinstance(factor, tuple) else float(factor)


_NEAREST = Form(options={"mode": "nearest"})
_ALIGNED = {"aligned_corners": "corners keep their places, PyTorch's align_corners=True"}
_APART = {"aligned_corners": "corners do not keep their places, PyTorch's align_corners=False"}


def _bilinear(*, aligned: bool, words: Mapping[str, str]) -> Form:
    return Form(options={"mode": "bilinear", "align_corners": aligned}, conventions=words)


_TIMES = Form(
    options={"times": True}, conventions={"size_is_a_factor": "its size is what the sides are multiplied by"}
)  # fmt: skip
_OF_MODES = [_NEAREST, _bilinear(aligned=False, words={}), _bilinear(aligned=True, words=_ALIGNED)]
_LAYOUTS = [Form(), _LAST]

UPSAMPLE = _resampling("2d", 2, "nearest", every([Form(), _TIMES], _LAYOUTS, _OF_MODES))
UPSAMPLING_NEAREST = _resampling("nearest 2d", 2, "nearest", every(_LAYOUTS, [_NEAREST]))
UPSAMPLING_BILINEAR = _resampling(
    "bilinear 2d", 2, "bilinear",
    every(_LAYOUTS, [_bilinear(aligned=True, words={}), _bilinear(aligned=False, words=_APART)]),
)  # fmt: skip
KERAS_1D, KERAS_2D, KERAS_3D = (
    _resampling(
        f"repeating {n}d", n, "nearest",
        every([_LAST, Form()], _OF_MODES if n == 2 else [_NEAREST]), size=False,
    )
    for n in (1, 2, 3)
)  # fmt: skip
