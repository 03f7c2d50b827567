"""Poolings of one, two or three dimensions, channels first or last, and what puts maxima back."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._conv import ALONE, LAST, LAST_ALONE, alike, each, per_dimension, span
from ._operations import of_operation
from .protocol import STEPS_OF_ONE, Form, Kind, Layout, Parts, Sketch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RANKS = (1, 2, 3)
_REMAINDER = "a stride that leaves a remainder"


def _channels(sketch: Sketch) -> tuple[int, ...]:
    """Return the number of samples, where there are any, and of channels."""
    batch = () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)
    return *batch, sketch.side(1, 3)


# ---- windows


def _draw_windows(sketch: Sketch, n: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the sides of x, and the options that say which windows there are."""
    takes, options = sketch.takes, dict[str, Any]()
    kernel: tuple[int, ...] = (sketch.d.one_of(1, 2, 3, 2, 3),) * n
    if "kernel_size" in takes:
        named = "unequal kernel" in takes  # a number for each side, by its own name
        if n > 1 and sketch.may("unequal kernel sides" if named else "unequal window", 1):
            kernel = (kernel[0], *(sketch.d.integer(1, 3) for _ in range(1, n)))
        options["kernel_size"] = kernel if len(set(kernel)) > 1 or named else kernel[0]
    else:
        kernel = each(sketch.form.options.get("kernel_size", 2), n)
    if "stride" in takes:
        apart = n > 1 and sketch.may("unequal stride", 1)
        other = sketch.may("a stride other than the window's", 0)
        if apart:
            options["stride"] = tuple(sketch.d.one_of(1, 2, 3) for _ in range(n))
        else:
            others = [step for step in (1, 2, 3) if step != kernel[0]] if other else []
            options["stride"] = sketch.d.one_of(*others, *([] if sketch.forced and others else kernel[:1]))
    elif STEPS_OF_ONE in takes:
        options["stride"] = 1
    strides = each(options.get("stride", sketch.form.options.get("stride", kernel)), n)
    if "padding" in takes:
        most = 0 if "padding in words" in takes else min(k // 2 for k in kernel)
        options["padding"] = sketch.d.one_of(0, most, most)
        if n > 1 and "padding in words" not in takes and sketch.may("unequal padding", 1):
            options["padding"] = tuple(sketch.d.integer(0, k // 2) for k in kernel)
    pads = each(options.get("padding", 0), n)
    options |= per_dimension(sketch, "dilation", n, 1, 2)
    dilations = each(options.get("dilation", 1), n)
    if "norm_type" not in takes:
        options |= sketch.option("ceil_mode", False, True, True)

    def side(axis: int) -> int:
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        found = span(sketch, reach, strides[axis], pads[axis], 4 if n < 3 else 2)
        # No window lies in the padding alone, and PyTorch's avg_pool3d wants one that fits without it.
        while found < max(dilations[axis], kernel[axis] if n == 3 else 1):
            found += strides[axis]
        over = (found + 2 * pads[axis] - reach) % strides[axis]
        if options.get("ceil_mode") and strides[axis] > 1 and not over and sketch.may(_REMAINDER, 2):
            found += 1
        return found

    sides = alike(sketch, n, side, kernel, strides, pads, dilations)
    return sides, options


def _of_windows(n: int, *names: str) -> dict[str, Any]:
    """Return a layer's options, and PyTorch's values of them."""
    each_side = {"kernel_h": 2, "kernel_w": 2} if n == 2 else {}
    known = {
        "stride": None, "padding": 0, "ceil_mode": False, "dilation": 1, "count_include_pad": True,
        "divisor_override": None, "norm_type": 2,
    }  # fmt: skip
    return {"kernel_size": 2, **each_side, **{name: known[name] for name in names}}


def _call(o: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation's options: it knows no sides by name."""
    return {k: v for k, v in o.items() if k not in ("kernel_h", "kernel_w")}


_FORMS = [Form(), LAST, LAST_ALONE, ALONE]


def _torch_parts(
    t: Any, x: Any, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], dilation: Sequence[int],
    *, beyond: bool,
) -> Any:  # fmt: skip
    """Return the windows of a tensor, each one's elements along the last dimension."""
    n = len(kernel)
    around: list[int] = []
    for side, k, s, p, d in zip(x.shape[-n:], kernel, stride, pad, dilation, strict=True):
        rest = side + 2 * p - (k - 1) * d - 1
        # One more window begins within the image or before it.
        more = beyond and rest % s and (rest // s + 1) * s < side + p
        around = [p, p + (s - rest % s if more else 0), *around]
    x = t.nn.functional.pad(x, tuple(around), value=float("-inf"))
    first = x.ndim - n
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = x.unfold(first + axis, (k - 1) * d + 1, s)[..., ::d]
    return x.flatten(-n)


def _maximum(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        sides, options = _draw_windows(sketch, n)
        if "average" in sketch.takes:  # one function for both, told which by a word
            options["average"] = sketch.may("averages", 1)
        return {"x": sketch.array("x", *_channels(sketch), *sides)}, options

    mean = _average(n)
    kind = of_operation(
        f"max_pool{n}d", draw, _of_windows(n, "stride", "padding", "dilation", "ceil_mode"), _call,
        forms=lambda _: _FORMS, ties=True, per_sample=("x",),
    )  # fmt: skip

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        if o.get("average"):
            return mean.torch(t, a, plain(o))
        if o.get("ties") != "even":
            return kind.torch(t, a, plain(o))
        kernel = each(o.get("kernel_size", 2), n)
        stride = each(kernel if o.get("stride") is None else o["stride"], n)
        pad, dilation = each(o.get("padding", 0), n), each(o.get("dilation", 1), n)
        parts = _torch_parts(t, a["x"], kernel, stride, pad, dilation, beyond=bool(o.get("ceil_mode")))
        return (parts.amax(-1),)

    def plain(o: Mapping[str, Any]) -> Mapping[str, Any]:
        return {k: v for k, v in o.items() if k != "average"}

    def forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        return (mean if o.get("average") else kind).forward(a, plain(o))

    def golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
        return _unless_even(mean if o.get("average") else kind, a, plain(o))

    return replace(kind, forward=forward, torch=twin, golden=golden)


def _unless_even(kind: Kind, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    """Return the catalogue's call, which hands the gradient of tied maxima to the first."""
    return None if o.get("ties") == "even" or kind.golden is None else kind.golden(a, o)


def _average(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        sides, options = _draw_windows(sketch, n)
        options |= sketch.option("count_include_pad", True, False, False)
        options |= sketch.option("divisor_override", None, 3, 1)
        return {"x": sketch.array("x", *_channels(sketch), *sides)}, options

    own = ("stride", "padding", "ceil_mode", "count_include_pad", *(["divisor_override"] if n > 1 else []))
    without = Form(
        options={"count_include_pad": False},
        conventions={"padding_not_counted": "its mean is of what lies in the image, without the padding"},
    )
    return of_operation(
        f"avg_pool{n}d", draw, _of_windows(n, *own), _call,
        forms=lambda _: [*_FORMS, *(form + without for form in _FORMS)], per_sample=("x",),
    )  # fmt: skip


#: What PyTorch's norms do and no formula says: the sum over a window that is cut off at the end is taken for
#: a share of that over a whole one.
AS_IF_WHOLE = "a window that is cut off, its sum made up to a whole one's"


def _norm(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        sides, options = _draw_windows(sketch, n)
        if "ceil_mode" in sketch.takes:
            options["ceil_mode"] = sketch.may(AS_IF_WHOLE, 1)
        if options.get("ceil_mode"):  # with one row or column left over
            kernel = each(options.get("kernel_size", 2), n)
            options |= {"stride": 2} if "stride" in options else {}
            more = 2 if "stride" in options else 0
            sides = alike(sketch, n, lambda axis: kernel[axis] + 1 + more * sketch.d.integer(0, 1), kernel)
        options |= sketch.option("norm_type", 2, 1, 3)
        # Where all is 0 the root has no derivative, nor where terms of an odd power cancel.
        x = sketch.array("x", *_channels(sketch), *sides, positive=True)
        even = options.get("norm_type", 2) == 2
        return {"x": -x if even and sketch.d.flag() else x}, options

    own = ("norm_type", "stride", "ceil_mode")
    return of_operation(
        f"lp_pool{n}d", draw, _of_windows(n, *own), _call, forms=lambda _: _FORMS, per_sample=("x",),
    )  # fmt: skip


MAX_POOL1D, MAX_POOL2D, MAX_POOL3D = (_maximum(n) for n in _RANKS)
AVG_POOL1D, AVG_POOL2D, AVG_POOL3D = (_average(n) for n in _RANKS)
LP_POOL1D, LP_POOL2D, LP_POOL3D = (_norm(n) for n in _RANKS)


# ---- to a given size


def _bins(side: int, out: int) -> list[slice]:
    """Return what each element of an adaptive pooling is made of."""
    return [slice(i * side // out, -(-(i + 1) * side // out)) for i in range(out)]


def _adaptive(how: str, n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        sides = [sketch.side(1, 7 if n == 1 else 5 if n == 2 else 4) for _ in range(n)]
        options: dict[str, Any] = {}
        if "output_size" in sketch.takes:
            odd = sketch.may("an output_size that does not divide the sides", 1)
            apart = n > 1 and sketch.may("unequal output_size", 1)
            out = [sketch.d.integer(2 if odd and not axis else 1, 3) for axis in range(n)]
            out = out if apart else out[:1] * n
            options["output_size"] = tuple(out) if apart else out[0]
            if odd:  # along the first; along the others it is as it comes
                sides[0] = out[0] * sketch.side(1, 2) + 1
            else:
                sides = [o * sketch.side(1, 3 if n < 3 else 2) for o in out]
        x = sketch.array("x", *_channels(sketch), *sides)
        if how == "max" and sketch.may("tied maxima", 1):
            x = sketch.d.laid_out(np.minimum(x, x.dtype.type(0.25)))
        return {"x": x}, options

    wide: tuple[Any, ...] = (Ellipsis, *(None,) * n)
    ones: tuple[Any, ...] = (Ellipsis, *(0,) * n)
    flat = Layout("(N, C)", lambda s: s[: len(s) - n], lambda y: y[wide], lambda y, _: y[ones])
    to_flat = Form({"y": flat})
    forms = [
        Form(), to_flat, LAST + to_flat, LAST, ALONE, ALONE + to_flat, LAST_ALONE, LAST_ALONE + to_flat,
    ]  # fmt: skip
    kind = of_operation(
        f"adaptive_{how}_pool{n}d", draw, {"output_size": 1}, lambda o: o, forms=lambda _: forms,
        ties=how == "max", per_sample=("x",),
    )  # fmt: skip
    if how == "avg":
        return kind

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        if o.get("ties") != "even":
            return kind.torch(t, a, o)
        x, size = a["x"], each(o.get("output_size", 1), n)
        bins = (_bins(m, k) for m, k in zip(x.shape[-n:], size, strict=True))
        places = [(Ellipsis, *part) for part in itertools.product(*bins)]
        parts = [x[place].flatten(-n).amax(-1) for place in places]
        return (t.stack(parts, -1).reshape(*x.shape[:-n], *size),)

    return replace(kind, torch=twin, golden=lambda a, o: _unless_even(kind, a, o))


ADAPTIVE_AVG_POOL1D, ADAPTIVE_AVG_POOL2D, ADAPTIVE_AVG_POOL3D = (_adaptive("avg", n) for n in _RANKS)
ADAPTIVE_MAX_POOL1D, ADAPTIVE_MAX_POOL2D, ADAPTIVE_MAX_POOL3D = (_adaptive("max", n) for n in _RANKS)


# ---- fractional: the sides are pooled by steps that follow from a number for each sample and channel


def _fractional(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        kernel = (sketch.d.integer(1, 3),) * n
        if sketch.may("unequal window", 1):
            kernel = tuple(sketch.d.integer(1, 3) for _ in range(n))
        options: dict[str, Any] = {"kernel_size": kernel if len(set(kernel)) > 1 else kernel[0]}
        if "output_size" in sketch.takes and not ("output_ratio" in sketch.takes and sketch.d.flag()):
            apart = sketch.may("unequal output_size", 1)
            out = tuple(sketch.d.integer(1, 3 if n == 2 else 2) for _ in range(n))
            out = out if apart else out[:1] * n
            options["output_size"] = out if apart else out[0]
            # A volume must be larger by one.
            sides = tuple(k + o - 3 + n + sketch.d.integer(0, 3) for k, o in zip(kernel, out, strict=True))
        else:
            options["output_ratio"] = (0.5,) * n if sketch.may("unequal output_ratio", 1) else 0.5
            sides = tuple(2 * (k + 1) + sketch.d.integer(0, 1) for k in kernel)
        lead = _channels(sketch)
        # Odd 64ths: no step ends on a whole number, where rounding would tell the dtypes apart.
        count = math.prod(lead if len(lead) == 2 else (1, *lead)) * n
        drawn = np.array([2 * sketch.d.integer(0, 31) + 1 for _ in range(count)]) / 64
        samples = drawn.reshape(*(lead if len(lead) == 2 else (1, *lead)), n)
        samples = samples.astype(sketch.d.setting.dtype)
        return {"x": sketch.array("x", *lead, *sides), "_random_samples": samples}, options

    # PyTorch takes a ratio for each side alone.
    def call(o: Mapping[str, Any]) -> Mapping[str, Any]:
        ratio = o.get("output_ratio")
        return {**o, "output_ratio": (ratio,) * n if isinstance(ratio, float) else ratio}

    return of_operation(
        f"fractional_max_pool{n}d", draw, {"kernel_size": 2, "output_size": None, "output_ratio": None}, call,
        slots=("x", "_random_samples"), fixed=("_random_samples",), params=("_random_samples",), ties=True,
        forms=lambda _: [Form(), ALONE], per_sample=("x", "_random_samples"),
    )  # fmt: skip


FRACTIONAL_MAX_POOL2D, FRACTIONAL_MAX_POOL3D = (_fractional(n) for n in (2, 3))


# ---- back


def _unpooling(n: int) -> Kind:
    def draw(sketch: Sketch) -> Parts:
        sides = tuple(sketch.side(1, 3 if n < 3 else 2) for _ in range(n))
        kernel: tuple[int, ...] = (2,) * n
        options: dict[str, Any] = {}
        if "kernel_size" in sketch.takes:
            kernel = (sketch.d.integer(1, 3),) * n
            if n > 1 and sketch.may("unequal window", 1):
                kernel = tuple(sketch.d.integer(1, 3) for _ in range(n))
            options["kernel_size"] = kernel if len(set(kernel)) > 1 else kernel[0]
        strides = kernel
        if "stride" in sketch.takes:
            # No smaller than the window: no two maxima are of one place.
            more = 1 if sketch.may("a stride other than the window's", 1) else 0
            apart = n > 1 and sketch.may("unequal stride", 1)
            strides = tuple((k if apart else max(kernel)) + more for k in kernel)
            options["stride"] = strides if apart else strides[0]
        pad = 0
        if "padding" in sketch.takes:
            pad = sketch.d.integer(0, min((k - (m == 1)) // 2 for k, m in zip(kernel, sides, strict=True)))
            options["padding"] = pad
        out = [(m - 1) * s + k - 2 * pad for m, s, k in zip(sides, strides, kernel, strict=True)]
        lead = _channels(sketch)
        indices = np.empty((*lead, *sides), np.int64)
        for place in np.ndindex(indices.shape):
            at = 0
            for i, side, step, k in zip(place[len(lead) :], out, strides, kernel, strict=True):
                low = i * step - pad
                at = at * side + sketch.d.integer(max(low, 0), min(low + k, side) - 1)
            indices[place] = at
        return {"x": sketch.array("x", *lead, *sides), "indices": indices}, options

    return of_operation(
        f"max_unpool{n}d", draw, {"kernel_size": 2, "stride": None, "padding": 0}, lambda o: o,
        slots=("x", "indices"), fixed=("indices",), per_sample=("x", "indices"),
        forms=lambda _: [Form(), ALONE],
    )  # fmt: skip


MAX_UNPOOL1D, MAX_UNPOOL2D, MAX_UNPOOL3D = (_unpooling(n) for n in _RANKS)
