"""Padding of the last one, two or three dimensions: a kind for each mode and number of dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._operations import of_operation
from .protocol import CHANNELS_LAST, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANKS = (1, 2, 3)


def _numbers(padding: Any, n: int) -> tuple[int, ...]:
    """Return how much goes before and behind each dimension, the last one first, as PyTorch has it."""
    if isinstance(padding, int):
        return (padding,) * (2 * n)
    pairs = isinstance(padding[0], tuple)
    return tuple(m for pair in reversed(padding) for m in pair) if pairs else tuple(padding)


#: In which order four numbers for the sides of an image may stand.
_AS_PYTORCH, _TURNED = "left, right, top, bottom", "top, bottom, left, right"


def _of_four(order: str) -> Form:
    """Return the form of a layer that is handed four numbers, where Keras' is handed two pairs."""
    return Form(options={"four": order}, conventions={"padding_of_four": f"its padding is {order}"})


def most_padding(mode: str, side: int) -> int:
    """Return how much goes beside a side: a reflection leaves out the edge, a turn goes round once."""
    return {"reflect": side - 1, "circular": side}.get(mode, 3)


def _kind(title: str, mode: str, n: int, value: float = 0.0, *, pairs: bool = False) -> Kind:
    """Return the kind of one mode; `pairs` says that a layer takes a pair for each side, as Keras' do."""

    def draw(sketch: Sketch) -> Parts:
        batch = () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)
        sides = [sketch.side(2, 4 if n < 3 else 3) for _ in range(n)]
        options: dict[str, Any] = {}
        if "padding" in sketch.takes:
            most = [most_padding(mode, side) for side in sides]
            if "four" in sketch.form.options:
                order = "lrtb" if sketch.form.options["four"] == _AS_PYTORCH else "tblr"
                across = {"l": most[1], "r": most[1], "t": most[0], "b": most[0]}
                options["padding"] = tuple(sketch.d.integer(0, across[side]) for side in order)
            elif not sketch.may("unequal padding", 1):
                options["padding"] = sketch.d.integer(0, min(most))
            elif pairs:
                options["padding"] = tuple((sketch.d.integer(0, m), sketch.d.integer(0, m)) for m in most)
            else:
                options["padding"] = tuple(sketch.d.integer(0, m) for m in reversed(most) for _ in "lr")
        options |= sketch.option("value", 0.0, 1.5, -2.0)
        return {"x": sketch.array("x", *batch, sketch.side(1, 3), *sides)}, options

    def call(o: Mapping[str, Any]) -> Mapping[str, Any]:
        fill = float(o.get("value", value)) if mode == "constant" else None
        pad = _numbers(o["padding"], n)
        turned = o.get("four", _AS_PYTORCH) != _AS_PYTORCH
        return {"pad": (*pad[2:], *pad[:2]) if turned else pad, "mode": mode, "value": fill}

    last = Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})
    more: dict[str, Any] = {"value": value} if title == "constant" else {}
    forms = [Form(), Form(options={"samples": 0}), last]
    if pairs and n == 2:
        more["four"] = _AS_PYTORCH
        forms += every(forms, [_of_four(order) for order in (_AS_PYTORCH, _TURNED)])
    return of_operation(
        f"{'keras ' if pairs else ''}{title} {n}d pad", draw, {"padding": 1, **more}, call, per_sample=("x",),
        views=mode == "constant", forms=lambda _: forms,
    )  # fmt: skip


ZERO_1D, ZERO_2D, ZERO_3D = (_kind("zero", "constant", n) for n in _RANKS)
CONSTANT_1D, CONSTANT_2D, CONSTANT_3D = (_kind("constant", "constant", n) for n in _RANKS)
KERAS_ZERO_2D, KERAS_ZERO_3D = (_kind("zero", "constant", n, pairs=True) for n in (2, 3))
KERAS_CONSTANT_2D, KERAS_CONSTANT_3D = (_kind("constant", "constant", n, pairs=True) for n in (2, 3))
REFLECT_1D, REFLECT_2D, REFLECT_3D = (_kind("reflect", "reflect", n) for n in _RANKS)
REPLICATE_1D, REPLICATE_2D, REPLICATE_3D = (_kind("replicate", "replicate", n) for n in _RANKS)
CIRCULAR_1D, CIRCULAR_2D, CIRCULAR_3D = (_kind("circular", "circular", n) for n in _RANKS)
