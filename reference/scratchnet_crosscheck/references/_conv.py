"""Convolutions and poolings over images (N, C, H, W) or (N, H, W, C)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import (
    CHANNEL,
    CHANNELS_LAST,
    CHANNELS_LAST_ALONE,
    COLUMN,
    KERNEL_LAST,
    PIXEL,
    PIXEL_LAST,
    ROW,
    SAME,
    Form,
    Kind,
    Parts,
    Sketch,
    every,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1])) if isinstance(value, tuple) else (int(value), int(value))


def _span(sketch: Sketch, kernel: int, stride: int, pad: int) -> int:
    """Return a side on which a window fits, with what the stride leaves over."""
    rest = sketch.d.integer(0, stride - 1) if sketch.may("a stride that leaves a remainder", 1) else 0
    if rest:
        sketch.d.marks.add("the stride leaves a remainder")
    out = sketch.d.integer(1, 2 if sketch.d.setting.sizes == "edge" else 4)
    side = (out - 1) * stride + kernel + rest - 2 * pad
    while side < 1:
        side += stride
    return side


def _windows(
    x: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Any:
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(-2, -1))
    return view[..., :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


# ---- convolution


_UNTIED = Form(
    options={"untied": True},
    conventions={"bias_of_each_position": "it has a bias for each place of the output"},
)


def _conv_forms(_: bool) -> list[Form]:
    bias = [Form({"bias": b}) for b in (SAME, PIXEL, ROW, COLUMN, CHANNEL)]
    last = Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})
    alone = Form({"x": CHANNELS_LAST_ALONE, "y": CHANNELS_LAST_ALONE}, {"samples": 0})
    kernels = [Form({"weight": KERNEL_LAST}), Form(), Form({"weight": CHANNELS_LAST})]
    return [
        *every([Form(), Form(options={"samples": 0})], bias),
        *every([last, alone], kernels, [Form({"bias": b}) for b in (SAME, ROW, PIXEL_LAST)]),
        *every([Form(), last], [Form(), Form({"weight": KERNEL_LAST})], bias, [Form(options={"samples": 1})]),
        *every([Form(options={"samples": 0}), Form()], [_UNTIED]),
    ]  # fmt: skip


#: What not every convolution has whose padding is "same": as PyTorch, one more after than before.
EVEN_SAME = "a kernel of even size with padding 'same'"


def _draw_conv(sketch: Sketch) -> Parts:
    square = "square kernel" in sketch.takes
    kh = sketch.d.integer(1, 3)
    kw = kh if square or not sketch.may("unequal kernel sides", 1) else sketch.d.integer(1, 3)
    options: dict[str, Any] = {}
    stride = pad = 0
    if "stride" in sketch.takes:
        stride = options["stride"] = sketch.d.one_of(1, 2, 3)
    if "padding" in sketch.takes and "padding in words" in sketch.takes:
        if sketch.may(EVEN_SAME, 1):
            kh = sketch.d.one_of(2, 2, 4)
            kw = kh if square else sketch.d.one_of(2, 3, 4)
            stride, options["padding"] = 1, "same"
        else:
            odd = kh % 2 and kw % 2 and stride < 2
            options["padding"] = sketch.d.one_of("valid", "same") if odd else "valid"
        if "stride" in options:
            options["stride"] = stride
        pad = (min(kh, kw) - 1) // 2 if options["padding"] == "same" else 0
    elif "padding" in sketch.takes:
        pad = options["padding"] = sketch.d.one_of(0, 1, 2)
    dilation = groups = 1
    if "dilation" in sketch.takes:
        dilation = options["dilation"] = sketch.d.one_of(1, 2)
    if "groups" in sketch.takes:
        groups = options["groups"] = sketch.d.one_of(1, 2)
    step = stride or int(sketch.form.options.get("stride", 1))
    pad = pad if "padding" in sketch.takes else int(sketch.form.options.get("padding", 0))
    c_in, c_out = groups * sketch.side(1, 3), groups * sketch.side(1, 3)
    h = _span(sketch, (kh - 1) * dilation + 1, step, pad)
    w = _span(sketch, (kw - 1) * dilation + 1, step, pad) if sketch.may("unequal sides", 1) or kh != kw else h
    batch: tuple[int, ...] = (sketch.batch(high=3),)
    if sketch.form.options.get("samples") == 0:
        batch = ()
    arrays = {
        "x": sketch.array("x", *batch, c_in, h, w),
        "weight": sketch.array("weight", c_out, c_in // groups, kh, kw),
        "bias": None if "bias" in sketch.form.absent else sketch.array("bias", c_out),
    }
    if arrays["bias"] is not None and sketch.form.options.get("untied"):
        places = ((side + 2 * pad - dilation * (k - 1) - 1) // step + 1 for side, k in ((h, kh), (w, kw)))
        arrays["bias"] = sketch.array("bias", c_out, *places)
    return arrays, options


def _conv_options(o: Mapping[str, Any]) -> dict[str, Any]:
    return {k: o[k] for k in ("stride", "padding", "dilation", "groups") if k in o}


def _around(padding: Any, reach: list[int]) -> tuple[tuple[int, int], ...]:
    """Return how many zeros go before and after each side; with "same", one more after where it is odd."""
    if padding == "same":
        return tuple((n // 2, n - n // 2) for n in reach)
    return tuple((n, n) for n in ((0, 0) if padding == "valid" else _pair(padding)))


def _conv(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, weight = a["x"], a["weight"]
    stride, dilation = (_pair(o.get(k, 1)) for k in ("stride", "dilation"))
    groups = int(o.get("groups", 1))
    around = _around(
        o.get("padding", 0), [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
    )
    padded = np.pad(x, ((0, 0),) * (x.ndim - 2) + around)
    parts = []
    for part, w in zip(np.split(padded, groups, axis=-3), np.split(weight, groups), strict=True):
        parts.append(np.einsum("...chwij,ocij->...ohw", _windows(part, w.shape[2:], stride, dilation), w))
    y = np.concatenate(parts, axis=-3)
    if a.get("bias") is None:
        return (y,)
    return (y + (a["bias"] if a["bias"].ndim > 1 else a["bias"][:, None, None]),)


def _conv_golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
    if o.get("untied"):
        return None
    slots = {"x": a["x"], "weight": a["weight"], "bias": a.get("bias")}
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **_conv_options(o)}
    return Case("conv2d", slots, options, tuple(n for n, v in slots.items() if v is not None))


def _conv_sizes(a: Mapping[str, Any]) -> Mapping[str, int]:
    out, _, kh, kw = a["weight"].shape
    inside = a["x"].shape[-3]
    return {"in": inside, "out": out, "kernel": kh, "kernel_h": kh, "kernel_w": kw,
            "height": a["x"].shape[-2], "width": a["x"].shape[-1]}  # fmt: skip


def _torch_conv(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    x, options = a["x"], _conv_options(o)
    if options.get("padding") == "same":  # PyTorch warns of copying where one side is padded by one more
        dilation = _pair(options.get("dilation", 1))
        (top, bottom), (left, right) = _around(
            "same", [(k - 1) * d for k, d in zip(a["weight"].shape[2:], dilation, strict=True)]
        )
        x, options["padding"] = t.nn.functional.pad(x, (left, right, top, bottom)), 0
    if o.get("untied"):
        return t.nn.functional.conv2d(x, a["weight"], **options) + a["bias"]
    return t.nn.functional.conv2d(x, a["weight"], a.get("bias"), **options)


CONV2D = Kind(
    "conv2d", ("x", "weight", "bias"), _conv, lambda t, a, o: (_torch_conv(t, a, o),), _draw_conv,
    _conv_forms, params=("weight", "bias"), golden=_conv_golden, per_sample=("x",), sizes=_conv_sizes,
)  # fmt: skip

CONV_RELU = Kind(
    "conv_relu", ("x", "weight", "bias"), lambda a, o: (np.maximum(_conv(a, o)[0], 0),),
    lambda t, a, o: (t.relu(_torch_conv(t, a, o)),), _draw_conv, _conv_forms, params=("weight", "bias"),
    ties=True, sizes=_conv_sizes,
)  # fmt: skip


def _draw_conv1d(sketch: Sketch) -> Parts:
    kernel = sketch.d.integer(1, 3)
    options: dict[str, Any] = {}
    for name, values in (("stride", (1, 2)), ("padding", (0, 1)), ("dilation", (1, 2))):
        options |= sketch.option(name, *values)
    if "padding in words" in sketch.takes:
        options["padding"] = 0
    step, pad, dilation = options.get("stride", 1), options.get("padding", 0), options.get("dilation", 1)
    c_in, c_out = sketch.side(1, 3), sketch.side(1, 3)
    length = _span(sketch, (kernel - 1) * dilation + 1, step, pad)
    arrays = {
        "x": sketch.array("x", sketch.batch(high=3), c_in, length),
        "weight": sketch.array("weight", c_out, c_in, kernel),
        "bias": None if "bias" in sketch.form.absent else sketch.array("bias", c_out),
    }
    return arrays, options


def _conv1d(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    wide = {"x": a["x"][..., None, :], "weight": a["weight"][..., None, :], "bias": a.get("bias")}
    each = {k: (d, int(o[k])) for k, d in (("stride", 1), ("padding", 0), ("dilation", 1)) if k in o}
    return (_conv(wide, each)[0][..., 0, :],)


CONV1D = Kind(
    "conv1d", ("x", "weight", "bias"), _conv1d,
    lambda t, a, o: (t.nn.functional.conv1d(a["x"], a["weight"], a.get("bias"), **_conv_options(o)),),
    _draw_conv1d, params=("weight", "bias"), per_sample=("x",),
    sizes=lambda a: {"in": a["weight"].shape[1], "out": a["weight"].shape[0], "kernel": a["weight"].shape[2]},
)  # fmt: skip


# ---- pooling


def _pool_forms(_: bool) -> list[Form]:
    last = Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})
    return [
        Form(),
        last,
        Form({"x": CHANNELS_LAST_ALONE, "y": CHANNELS_LAST_ALONE}, {"samples": 0}),
        Form(options={"samples": 0}),
    ]


def _draw_pool(sketch: Sketch) -> Parts:
    kh = sketch.d.integer(1, 3)
    kw = (
        sketch.d.integer(1, 3)
        if "unequal kernel" in sketch.takes and sketch.may("unequal kernel sides", 1)
        else kh
    )
    options: dict[str, Any] = {}
    if "kernel_size" in sketch.takes:
        options["kernel_size"] = (kh, kw)
    else:
        kh, kw = _pair(sketch.form.options.get("kernel_size", 2))
    if "stride" in sketch.takes:
        other = sketch.may("a stride other than the window's", 0)
        options["stride"] = sketch.d.one_of(1, 2, 3) if other else kh
    strides = _pair(options.get("stride", sketch.form.options.get("stride", (kh, kw))))
    pad = 0
    if "padding" in sketch.takes and min(kh, kw) > 1:
        pad = options["padding"] = 0 if "padding in words" in sketch.takes else sketch.d.one_of(0, 1)
    h = _span(sketch, kh, strides[0], pad)
    w = _span(sketch, kw, strides[1], pad) if sketch.may("unequal sides", 1) or kh != kw else h
    batch = () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)
    return {"x": sketch.array("x", *batch, sketch.side(1, 3), h, w)}, options


def _pool_windows(x: Any, o: Mapping[str, Any], fill: float) -> Any:
    kernel = _pair(o.get("kernel_size", 2))
    stride = _pair(o.get("stride") or kernel)
    pad = int(o.get("padding", 0))
    around = ((0, 0),) * (x.ndim - 2) + ((pad, pad), (pad, pad))
    return _windows(np.pad(x, around, constant_values=fill), kernel, stride)


def _max_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kernel = _pair(o.get("kernel_size", 2))
    stride, pad = _pair(o.get("stride") or kernel), int(o.get("padding", 0))
    if o.get("ties") != "even":
        return (t.nn.functional.max_pool2d(a["x"], kernel, stride, pad),)
    x = t.nn.functional.pad(a["x"], (pad,) * 4, value=float("-inf"))
    return (x.unfold(-2, kernel[0], stride[0]).unfold(-2, kernel[1], stride[1]).amax((-2, -1)),)


def _average_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kernel = _pair(o.get("kernel_size", 2))
    return (
        t.nn.functional.avg_pool2d(
            a["x"], kernel, _pair(o.get("stride") or kernel), int(o.get("padding", 0))
        ),
    )


def _pool_golden(name: str) -> Any:
    def golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
        if o.get("ties") == "even":
            return None
        kernel = _pair(o.get("kernel_size", 2))
        options = {
            "kernel_size": kernel,
            "stride": _pair(o.get("stride") or kernel),
            "padding": int(o.get("padding", 0)),
        }
        return Case(name, {"x": a["x"]}, options, ("x",))

    return golden


MAX_POOL2D = Kind(
    "max_pool2d", ("x",), lambda a, o: (_pool_windows(a["x"], o, -np.inf).max(axis=(-2, -1)),), _max_torch,
    _draw_pool, _pool_forms, ties=True, golden=_pool_golden("max_pool2d"),
    per_sample=("x",),
)  # fmt: skip
AVG_POOL2D = Kind(
    "avg_pool2d", ("x",), lambda a, o: (_pool_windows(a["x"], o, 0.0).mean(axis=(-2, -1)),), _average_torch,
    _draw_pool, _pool_forms, golden=_pool_golden("avg_pool2d"),
    per_sample=("x",),
)  # fmt: skip


def _draw_global(sketch: Sketch) -> Parts:
    return {"x": sketch.array("x", sketch.batch(high=3), *(sketch.side(1, 4) for _ in range(3)))}, {}


ADAPTIVE_AVG_POOL2D = Kind(
    "adaptive_avg_pool2d", ("x",), lambda a, o: (a["x"].mean(axis=(2, 3), keepdims="flat" not in o),),
    lambda _, a, o: (a["x"].mean(dim=(2, 3), keepdim="flat" not in o),), _draw_global,
    lambda _: [
        Form(), Form(options={"flat": True}), Form({"x": CHANNELS_LAST}, {"flat": True}),
        Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST}),
    ],
    per_sample=("x",),
)  # fmt: skip


# ---- convolution, relu and pooling in one


def exactly(parts: Mapping[str, Array | None]) -> dict[str, Array | None]:
    """Return eighths within 32 of zero: a convolution of them makes no rounding error, in float32 either.

    The maximum of two outputs that are equal by right is the first; where they differ by rounding, it is
    either. NaN, infinities and what is as large as is planted for them stay.
    """

    def snapped(array: Array) -> Array:
        found = np.empty_like(array)
        with np.errstate(all="ignore"):
            found[...] = np.where(np.abs(array) <= 1e4, np.clip(np.round(array * 8) / 8, -32, 32), array)
        return found

    return {name: None if array is None else snapped(array) for name, array in parts.items()}


def _draw_conv_pool(sketch: Sketch) -> Parts:
    found, _ = _draw_conv(sketch)
    arrays = dict(found)
    x, weight = arrays["x"], arrays["weight"]
    if x is None or weight is None:
        raise TypeError
    # Sides on which the pooling's windows fit, whatever the convolution leaves.
    shape = list(x.shape)
    for axis, kernel in ((-2, weight.shape[2]), (-1, weight.shape[3])):
        shape[axis] = kernel + 3 + sketch.may("a stride that leaves a remainder", 1)
    arrays["x"] = sketch.array("x", *shape)
    return exactly(arrays), {
        "stride": 1,
        "padding": "valid" if "padding in words" in sketch.takes else sketch.d.one_of(0, 1),
        "kernel_size": 2,
        "pool_stride": 2,
    }


def _pool_part(o: Mapping[str, Any]) -> dict[str, Any]:
    return {"kernel_size": o["kernel_size"], "stride": o["pool_stride"]}


CONV_RELU_POOL = Kind(
    "conv_relu_pool", ("x", "weight", "bias"),
    lambda a, o: (_pool_windows(np.maximum(_conv(a, o)[0], 0), _pool_part(o), -np.inf).max(axis=(-2, -1)),),
    lambda t, a, o: _max_torch(t, {"x": t.relu(_torch_conv(t, a, o))}, _pool_part(o)),
    _draw_conv_pool, params=("weight", "bias"), ties=True,
)  # fmt: skip
