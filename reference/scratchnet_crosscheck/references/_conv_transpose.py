"""Transposed convolutions of one, two or three dimensions, channels first or last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._conv import (
    ALONE,
    LAST,
    LAST_ALONE,
    alike,
    biases,
    draw_kernel,
    each,
    last_biases,
    per_dimension,
    sizes,
)
from ._operations import of_operation
from .protocol import Form, Kind, Layout, Parts, Sketch, every, moved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._types import Array

#: What a layer may not do that pads what it has put zeros into, by as many as the kernel reaches beyond.
_WIDE = "a padding of more than the kernel reaches"


def _turned(layout: Layout, first: int) -> Layout:
    """Return a layout of the weight whose kernel lies turned by half; its own sides begin at `first`."""

    def turn(array: Array) -> Array:
        axes = tuple(range(first, first + array.ndim - 2))
        return array[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(array.ndim))]

    return Layout(
        f"{layout.name}, turned by half", layout.shape, lambda a: layout.to(turn(a)),
        lambda a, own: turn(layout.back(a, own)),
    )  # fmt: skip


_IN_OUT = moved("(in, out, *kernel)", lambda rank: tuple(range(rank)))
_OUT_IN = moved("(out, in, *kernel)", lambda rank: (1, 0, *range(2, rank)))
_KERNEL_OUT_IN = moved("(*kernel, out, in)", lambda rank: (*range(2, rank), 1, 0))
_KERNEL_IN_OUT = moved("(*kernel, in, out)", lambda rank: (*range(2, rank), 0, 1))
_FIRST = (_IN_OUT, _OUT_IN)
_LAST = (_KERNEL_OUT_IN, _KERNEL_IN_OUT)


def _forms(n: int) -> list[Form]:
    first, last = ([Form({"bias": b}) for b in found] for found in (biases(n), last_biases(n)))
    plain = [Form(), Form({"weight": _OUT_IN})]
    behind = [Form({"weight": layout}) for layout in _LAST]
    turned = [
        Form(
            {"weight": _turned(layout, 2 if layout in _FIRST else 0)},
            conventions={
                "kernel_turned_by_half": "it slides the kernel as it is over an input with zeros between: "
                "PyTorch's kernel turned by half"
            },
        )
        for layout in (_OUT_IN, _IN_OUT, *_LAST)
    ]
    return [
        *every([Form(), ALONE], plain, first),
        *every([LAST, LAST_ALONE], [*behind, *plain], last),
        *every([Form(), ALONE], turned[:2], first),
        *every([LAST, LAST_ALONE], [*turned[2:], *turned[:2]], last),
    ]


_DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1}


def _kind(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        kernel, words = draw_kernel(sketch, n), "padding in words" in sketch.takes
        options = per_dimension(sketch, "stride", 1 if words else n, 1, 2, 3)
        options |= per_dimension(sketch, "dilation", n, 1, 2)
        strides, dilations = (each(options.get(name, 1), n) for name in ("stride", "dilation"))
        if words:
            # With "same" the output's sides are the input's times the stride. What is cut off for it is
            # even here: of one more before or behind, layers have either.
            kernel = (strides[0] + 2 * sketch.d.integer(0, 1),) * n
            options["padding"] = sketch.d.one_of("valid", "same")
            pads = _in_numbers(options["padding"], kernel, strides)
            dilations = (1,) * n
            options |= {"dilation": 1} if "dilation" in options else {}
        else:
            reach = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
            options |= per_dimension(sketch, "padding", n, 0, 1, 2)
            pads = each(options.get("padding", 0), n)
            if "padding" in options:
                if sketch.may(_WIDE, 3):
                    options["padding"] = max(reach) + 1
                elif any(p > r for p, r in zip(pads, reach, strict=True)):
                    least = tuple(min(p, r) for p, r in zip(pads, reach, strict=True))
                    options["padding"] = least if isinstance(options["padding"], tuple) else min(least)
            pads = each(options.get("padding", 0), n)
        options |= _left_over(sketch, strides)
        extra = each(options.get("output_padding", 0), n)
        groups = sketch.d.one_of(1, 2) if "groups" in sketch.takes else 1
        options |= sketch.option("groups", groups)
        c_in, per_group = groups * sketch.side(1, 3), sketch.side(1, 3)

        def side(axis: int) -> int:
            found = sketch.side(1, 4 if n < 3 else 2)
            more = dilations[axis] * (kernel[axis] - 1) + 1 + extra[axis] - 2 * pads[axis]
            while (found - 1) * strides[axis] + more < 1:
                found += 1
            return found

        sides = alike(sketch, n, side, kernel, strides, dilations, pads, extra)
        batch = () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)
        return {
            "x": sketch.array("x", *batch, c_in, *sides),
            "weight": sketch.array("weight", c_in, per_group, *kernel),
            "bias": None if "bias" in sketch.form.absent else sketch.array("bias", per_group * groups),
        }, options

    kind = of_operation(
        f"conv_transpose{n}d", draw, _DEFAULTS, lambda o: o, slots=("x", "weight", "bias"),
        forms=lambda _: _forms(n), params=("weight", "bias"), per_sample=("x",),
        sizes=lambda a: sizes(a, a["weight"].shape[0], a["weight"].shape[1] * a.get("groups", 1)),
    )  # fmt: skip

    def plain(a: Mapping[str, Any], o: Mapping[str, Any]) -> Mapping[str, Any]:
        padding = o.get("padding")
        if not isinstance(padding, str):
            return o
        return {**o, "padding": _in_numbers(padding, a["weight"].shape[2:], each(o.get("stride", 1), n))}

    return replace(
        kind, forward=lambda a, o: kind.forward(a, plain(a, o)),
        torch=lambda t, a, o: kind.torch(t, a, plain(a, o)),
        golden=lambda a, o: None if kind.golden is None else kind.golden(a, plain(a, o)),
    )  # fmt: skip


def _in_numbers(padding: str, kernel: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Return how much is cut off each side for a padding in words."""
    return tuple((k - s) // 2 if padding == "same" else 0 for k, s in zip(kernel, strides, strict=True))


def _left_over(sketch: Sketch, strides: tuple[int, ...]) -> dict[str, Any]:
    """Return how much is added behind each side: less than the stride."""
    if "output_padding" not in sketch.takes:
        return {}
    if len(strides) > 1 and sketch.may("unequal output_padding", 1):
        return {"output_padding": tuple(sketch.d.integer(0, s - 1) for s in strides)}
    return {"output_padding": sketch.d.integer(0, min(strides) - 1)}


CONV_TRANSPOSE1D, CONV_TRANSPOSE2D, CONV_TRANSPOSE3D = (_kind(n) for n in (1, 2, 3))
