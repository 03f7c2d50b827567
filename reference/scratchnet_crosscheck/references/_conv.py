"""Convolutions of one, two or three dimensions, channels first or last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ._activation import FOLLOWING, following
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
    WINOGRAD,
    Form,
    Kind,
    Layout,
    Parts,
    Sketch,
    every,
    moved,
    reshaped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def each(value: Any, n: int) -> tuple[int, ...]:
    """Return one number for each of n dimensions."""
    return tuple(int(v) for v in value) if isinstance(value, tuple) else (int(value),) * n


def per_dimension(sketch: Sketch, name: str, n: int, *values: int) -> dict[str, Any]:
    """Return one number for an option, or one for each dimension, where the layer takes these."""
    if name not in sketch.takes:
        return {}
    if n > 1 and sketch.may(f"unequal {name}", 1):
        return {name: tuple(sketch.d.one_of(*values) for _ in range(n))}
    return {name: sketch.d.one_of(*values)}


def span(sketch: Sketch, reach: int, stride: int, pad: int, outputs: int = 4) -> int:
    """Return a side on which a window fits, with what the stride leaves over."""
    rest = sketch.d.integer(0, stride - 1) if sketch.may("a stride that leaves a remainder", 1) else 0
    if rest:
        sketch.d.marks.add("the stride leaves a remainder")
    out = sketch.d.integer(1, 2 if sketch.d.setting.sizes == "edge" else outputs)
    side = (out - 1) * stride + reach + rest - 2 * pad
    while side < 1:
        side += stride
    return side


def alike(sketch: Sketch, n: int, side: Callable[[int], int], *geometry: Sequence[int]) -> tuple[int, ...]:
    """Return a side for each dimension, one for all where their geometry is the same and it is drawn so."""
    apart = n > 1 and sketch.may("unequal sides", 1)
    first = side(0)
    if apart or any(len(set(numbers)) > 1 for numbers in geometry):
        return (first, *(side(axis) for axis in range(1, n)))
    return (first,) * n


def draw_kernel(sketch: Sketch, n: int) -> tuple[int, ...]:
    """Return the sides of a kernel: unequal ones where nothing says that it must be square."""
    if WINOGRAD in sketch.takes:
        return (3,) * n
    side = sketch.d.integer(1, 3)
    if "sized kernel" in sketch.takes:  # which its constructor is told as a number, or as one a dimension
        unequal = n > 1 and sketch.may("unequal window", 1)
    else:
        unequal = n > 1 and "square kernel" not in sketch.takes and sketch.may("unequal kernel sides", 1)
    return (side, *(sketch.d.integer(1, 3) for _ in range(1, n))) if unequal else (side,) * n


def windows(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """Return the windows along the last dimensions of x, their own dimensions last."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(-len(reach), 0)))
    steps = tuple(slice(None, None, step) for step in (*stride, *dilation))
    place: tuple[Any, ...] = (Ellipsis, *steps)
    return view[place]


# ---- forms


def biases(n: int) -> tuple[Layout, ...]:
    """Return how a bias for each channel may lie in a layer of n dimensions, channels first."""
    if n == 2:
        return SAME, PIXEL, ROW, COLUMN, CHANNEL
    ones = (1,) * n
    wide = reshaped(f"(1, C{', 1' * n})", lambda s: (1, *s, *ones))
    pixel = reshaped(f"(C{', 1' * n})", lambda s: (*s, *ones))
    return SAME, ROW, wide, pixel, *([COLUMN] if n > 1 else [])


def last_biases(n: int) -> tuple[Layout, ...]:
    """Return how a bias may lie where channels are last."""
    wide = PIXEL_LAST if n == 2 else reshaped(f"({'1, ' * (n + 1)}C)", lambda s: (*(1,) * (n + 1), *s))
    return SAME, ROW, wide


LAST = Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})
LAST_ALONE = Form({"x": CHANNELS_LAST_ALONE, "y": CHANNELS_LAST_ALONE}, {"samples": 0})
ALONE = Form(options={"samples": 0})

_UNTIED = Form(
    options={"untied": True},
    conventions={"bias_of_each_position": "it has a bias for each place of the output"},
)


#: Kernels without a side for their one input channel: (C, H, W).
_OF_CHANNELS = Layout("(C, kernel)", lambda s: (s[0], *s[2:]), lambda a: a[:, None], lambda a, _: a[:, 0])
#: One image of one channel, (H, W), with the output's channels first or last.
_IMAGE = {
    "x": Layout("(H, W)", lambda s: s[1:], lambda a: a[None], lambda a, _: a[0]),
    "weight": _OF_CHANNELS,
}
_IMAGES = [Form({**_IMAGE, **y}, {"samples": 0, "channels": 1}) for y in ({"y": CHANNELS_LAST_ALONE}, {})]


def _forms(n: int) -> list[Form]:
    bias = [Form({"bias": b}) for b in biases(n)]
    kernel_last = KERNEL_LAST if n == 2 else moved("kernel first", lambda r: (*range(2, r), 1, 0))
    kernels = [Form({"weight": kernel_last}), Form(), Form({"weight": CHANNELS_LAST})]
    return [
        *every([Form(), ALONE], bias),
        *every([LAST, LAST_ALONE], kernels, [Form({"bias": b}) for b in last_biases(n)]),
        *every([Form(), LAST], [Form(), Form({"weight": kernel_last})], bias, [Form(options={"samples": 1})]),
        *(every([ALONE, Form()], [_UNTIED]) if n == 2 else []),
        *(every(_IMAGES, bias) if n == 2 else []),
    ]


# ---- calls


#: What PyTorch's padding modes are called in NumPy.
_AS_NUMPY = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


WORD_SAME = "padding 'same'"
#: Of what is told a number for its padding or, as its source says, the word "same".
SAME_TOO = "the word 'same' for a padding"
#: What not every convolution has whose padding is "same": as PyTorch, one more after than before.
EVEN_SAME = "a kernel of even size with padding 'same'"


def _draw(sketch: Sketch, n: int, numbers: int = 0, *, of: str = "") -> Parts:
    """Draw a call; its options are of `numbers` numbers, or of n; `of` says what it is made "of" alone."""
    kernel, several = (1,) * n if of == "points" else draw_kernel(sketch, n), numbers or n
    options = per_dimension(sketch, "stride", several, 1, 2, 3)
    if sketch.forced == SAME_TOO:
        kernel, options = (3,) * n, {"stride": 1} if "stride" in options else {}
    words = "padding in words" in sketch.takes or (SAME_TOO in sketch.takes and sketch.may(SAME_TOO))
    if "padding" in sketch.takes and words:
        has_same = sketch.may(WORD_SAME, 1) or sketch.forced == SAME_TOO
        if WORD_SAME not in sketch.form.without and sketch.may(EVEN_SAME, 1):
            first = sketch.d.one_of(2, 2, 4)
            square = "square kernel" in sketch.takes
            kernel = (first, *(first if square else sketch.d.one_of(2, 3, 4) for _ in range(1, n)))
            same = True
        else:
            odd = all(k % 2 for k in kernel) and set(each(options.get("stride", 1), n)) == {1}
            same = odd and has_same
        options["padding"] = "same" if same else "valid" if "padding in words" in sketch.takes else 0
        if same and "stride" in options:
            options["stride"] = 1
    else:
        options |= per_dimension(sketch, "padding", several, 0, 1, 2)
    options |= per_dimension(sketch, "dilation", several, 1, 2) | sketch.option("groups", 1, 2)
    one = sketch.form.options.get("channels") == 1
    if one:
        options.pop("groups", None)
    groups = sketch.side(1, 4) if of == "channels" else options.get("groups", 1)
    strides = each(options.get("stride", sketch.form.options.get("stride", 1)), n)
    dilations = each(options.get("dilation", 1), n)
    padding = options.get("padding", sketch.form.options.get("padding", 0))
    if isinstance(padding, str):
        pads = tuple((k - 1) // 2 if padding == "same" else 0 for k in kernel)
    else:
        pads = each(padding, n)
    c_in, c_out = (groups * (1 if of == "channels" else sketch.side(1, 3)) for _ in ("in", "out"))
    c_in = 1 if one else c_in

    if "padding_mode" in sketch.takes and any(pads) and not isinstance(padding, str):
        options["padding_mode"] = next(
            (m for m in _AS_NUMPY if sketch.may(f"padding_mode {m!r}", 4)), "zeros"
        )
    inside = int(options.get("padding_mode", "zeros") != "zeros")  # what is repeated must be there

    def side(axis: int) -> int:
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        found = span(sketch, reach, strides[axis], pads[axis], 4 if n < 3 else 2)
        while found <= inside * pads[axis]:
            found += strides[axis]
        return found

    sides = alike(sketch, n, side, kernel, strides, dilations, pads)
    batch = () if sketch.form.options.get("samples") == 0 else (sketch.batch(high=3),)
    arrays = {
        "x": sketch.array("x", *batch, c_in, *sides),
        "weight": sketch.array("weight", c_out, c_in // groups, *kernel),
        "bias": None if sketch.without_bias() else sketch.array("bias", c_out),
    }
    if arrays["bias"] is not None and sketch.form.options.get("untied"):
        geometry = zip(sides, pads, dilations, kernel, strides, strict=True)
        places = tuple((m + 2 * p - d * (k - 1) - 1) // s + 1 for m, p, d, k, s in geometry)
        places = sides if padding == "same" else places
        arrays["bias"] = sketch.array("bias", c_out, *places)
    return arrays, options


def _options(o: Mapping[str, Any]) -> dict[str, Any]:
    return {k: o[k] for k in ("stride", "padding", "dilation", "groups") if k in o}


def _around(padding: Any, reach: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return how many zeros go before and after each side; with "same", one more after where it is odd."""
    if padding == "same":
        return tuple((r // 2, r - r // 2) for r in reach)
    return tuple((p, p) for p in each(0 if padding == "valid" else padding, len(reach)))


def convolved(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the convolution of a call, in NumPy."""
    x, weight = a["x"], a["weight"]
    n = weight.ndim - 2
    stride, dilation = (each(o.get(k, 1), n) for k in ("stride", "dilation"))
    groups = int(o.get("groups", 1))
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
    around = ((0, 0),) * (x.ndim - n) + _around(o.get("padding", 0), reach)
    mode: Any = _AS_NUMPY.get(o.get("padding_mode", "zeros"), "constant")
    padded = np.pad(x, around, mode)
    own = tuple(range(2, 2 + n))
    parts = []
    for part, w in zip(np.split(padded, groups, axis=-n - 1), np.split(weight, groups), strict=True):
        found = windows(part, w.shape[2:], stride, dilation)
        there = (found.ndim - 2 * n - 1, *range(found.ndim - n, found.ndim))
        parts.append(np.moveaxis(np.tensordot(found, w, (there, (1, *own))), -1, -n - 1))
    y = np.concatenate(parts, axis=-n - 1)
    if a.get("bias") is None:
        return (y,)
    return (y + (a["bias"] if a["bias"].ndim > 1 else a["bias"].reshape(-1, *(1,) * n)),)


def torch_convolved(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    """Return the convolution of a call on tensors."""
    x, options = a["x"], _options(o)
    n = a["weight"].ndim - 2
    mode, padding = o.get("padding_mode", "zeros"), options.get("padding", 0)
    if padding == "same" or mode != "zeros":  # of "same" PyTorch warns where one side has one more
        dilation = each(options.get("dilation", 1), n)
        pads = _around(padding, [(k - 1) * d for k, d in zip(a["weight"].shape[2:], dilation, strict=True)])
        how = "constant" if mode == "zeros" else mode
        x = t.nn.functional.pad(x, tuple(p for pair in reversed(pads) for p in pair), how)
        options["padding"] = 0
    function = getattr(t.nn.functional, f"conv{n}d")
    if o.get("untied"):
        return function(x, a["weight"], **options) + a["bias"]
    return function(x, a["weight"], a.get("bias"), **options)


def sizes(a: Mapping[str, Any], channels: int, out: int) -> Mapping[str, Any]:
    """Return what a constructor may ask for, of a layer with so many channels."""
    kernel = tuple(a["weight"].shape[2:])
    n = len(kernel)
    found = {"in": channels, "out": out, "kernel": kernel[0] if len(set(kernel)) == 1 else kernel}
    if n == 2:
        found |= {"kernel_h": kernel[0], "kernel_w": kernel[1],
                  "height": a["x"].shape[-2], "width": a["x"].shape[-1]}  # fmt: skip
    return found


def _sizes(a: Mapping[str, Any]) -> Mapping[str, Any]:
    return sizes(a, a["x"].shape[1 - a["weight"].ndim], a["weight"].shape[0])


_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
_OF_CLASSES = {**_DEFAULTS, "padding_mode": "zeros"}


def _kind(n: int) -> Kind:
    def golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
        if o.get("untied") or o.get("padding_mode", "zeros") != "zeros":
            return None
        slots = {"x": a["x"], "weight": a["weight"], "bias": a.get("bias")}
        moving = tuple(name for name, array in slots.items() if array is not None)
        return Case(f"conv{n}d", slots, {**_DEFAULTS, **_options(o)}, moving)

    return Kind(
        f"conv{n}d", ("x", "weight", "bias"), convolved, lambda t, a, o: (torch_convolved(t, a, o),),
        lambda sketch: _draw(sketch, n), lambda _: _forms(n), params=("weight", "bias"), golden=golden,
        per_sample=("x",), sizes=_sizes, defaults=_OF_CLASSES,
    )  # fmt: skip


CONV1D, CONV2D, CONV3D = (_kind(n) for n in (1, 2, 3))


# ---- of each channel by itself, and of each place by itself

#: How the kernels of a depthwise convolution lie beside (C, 1, H, W) and (C, H, W): (H, W, C), (H, W, C, 1).
_CHANNELS_BEHIND = Layout(
    "(kernel, C)", lambda s: (*s[2:], s[0]), lambda a: np.moveaxis(a, -1, 0)[:, None],
    lambda a, _: np.moveaxis(a[:, 0], 0, -1),
)  # fmt: skip
_CHANNELS_BEFORE_ONE = moved("(kernel, C, 1)", lambda rank: (*range(2, rank), 0, 1))


def _points(turned: bool) -> Layout:
    """Return the layout of a pointwise convolution's weight as a matrix."""

    def shape(s: tuple[int, ...]) -> tuple[int, ...]:
        return (s[1], s[0]) if turned else s[:2]

    def to(a: Any) -> Any:
        return (a.T if turned else a)[:, :, None, None]

    def back(a: Any, _: Any) -> Any:
        return a[:, :, 0, 0].T if turned else a[:, :, 0, 0]

    return Layout("(in, out)" if turned else "(out, in)", shape, to, back)


def _laid(kernels: Sequence[Layout], last_kernels: Sequence[Layout]) -> list[Form]:
    """Return the forms of images with channels first and last, with these layouts of the weight."""
    return [
        *every([Form()], [Form({"weight": k}) for k in kernels], [Form({"bias": b}) for b in biases(2)]),
        *every([LAST], [Form({"weight": k}) for k in last_kernels],
               [Form({"bias": b}) for b in last_biases(2)]),
    ]  # fmt: skip


def _depthwise(o: Mapping[str, Any], a: Mapping[str, Any]) -> dict[str, Any]:
    return {**o, "groups": a["weight"].shape[0]}


DEPTHWISE = replace(
    CONV2D, name="depthwise conv2d", draw=lambda sketch: _draw(sketch, 2, of="channels"),
    forward=lambda a, o: convolved(a, _depthwise(o, a)),
    torch=lambda t, a, o: (torch_convolved(t, a, _depthwise(o, a)),),
    golden=lambda a, o: CONV2D.golden(a, _depthwise(o, a)) if CONV2D.golden else None,
    forms=lambda _: _laid(
        (SAME, _OF_CHANNELS), (_CHANNELS_BEHIND, _CHANNELS_BEFORE_ONE, _OF_CHANNELS, SAME)
    ),
    defaults={"stride": 1, "padding": 0, "dilation": 1},
)  # fmt: skip
POINTWISE = replace(
    CONV2D, name="pointwise conv2d", draw=lambda sketch: _draw(sketch, 2, of="points"),
    forms=lambda _: _laid(
        (_points(False), SAME, _points(True)), (_points(True), _points(False), KERNEL_LAST, SAME)
    ),
    defaults={"stride": 1, "padding": 0},
)  # fmt: skip


def draw_conv2d(sketch: Sketch) -> Parts:
    """Draw a convolution of images with one number for each option, as the first of several operations."""
    return _draw(sketch, 2, numbers=1)


def _draw_conv_relu(sketch: Sketch) -> Parts:
    arrays, options = draw_conv2d(sketch)
    return arrays, options | following(sketch)


CONV_RELU = replace(
    CONV2D, name="conv_relu",
    forward=lambda a, o: (FOLLOWING[o.get("activation", "relu")](convolved(a, o)[0]),),
    torch=lambda t, a, o: (getattr(t, o.get("activation", "relu"))(torch_convolved(t, a, o)),),
    golden=None, ties=True, per_sample=(), draw=_draw_conv_relu, defaults={"stride": 1, "padding": 0},
)  # fmt: skip
