"""Layers that are several in one: affine or convolution, normalised, with an activation, pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._conv import convolved, draw_conv2d, torch_convolved
from ._normalization import _eps, _wide
from ._pool import MAX_POOL2D
from .protocol import FLAT, TURNED, Form, Kind, Parts, Sketch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array

_PARAMS = ("weight", "bias", "gamma", "beta")


def _normalised(x: Any, a: Mapping[str, Any], o: Mapping[str, Any], how: str, lib: Any) -> Any:
    if how == "batchnorm":
        axes = tuple(i for i in range(x.ndim) if i != 1)
        mean = _wide(x.mean(axes), x)
        var = _wide(((x - mean) ** 2).mean(axes), x)
        return (x - mean) / lib.sqrt(var + _eps(o)) * _wide(a["gamma"], x) + _wide(a["beta"], x)
    n = x.shape[-1]
    centred = x - x.sum(-1)[..., None] / n
    var = (centred * centred).sum(-1)[..., None] / n
    return centred / lib.sqrt(var + _eps(o)) * a["gamma"] + a["beta"]


def _draw_affine(sketch: Sketch) -> Parts:
    batch, inside, out = sketch.d.batch(2, 6), sketch.side(1, 4), sketch.side(2, 5)
    shape: tuple[int, ...] = (max(batch, 2), inside)
    if sketch.form.layout("x") is FLAT and sketch.may("an x of rank 3", 4):
        shape = (*shape, sketch.side(1, 3))
    arrays = {
        "x": sketch.array("x", *shape),
        "weight": sketch.array("weight", out, int(np.prod(shape[1:]))),
    }
    for name in ("bias", "gamma", "beta"):
        arrays[name] = sketch.array(name, out, plain=True)
    return arrays, {"training": True, **sketch.option("eps", 1e-5, 1e-3, 0.1)}


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


def _pooled(sketch: Sketch, weight: Array, options: Mapping[str, Any], *, over: bool) -> tuple[int, int]:
    """Return sides of images on which a pooling's windows of two fit, whatever the convolution leaves.

    Where it may be, the convolution's stride leaves rows over, and `over` says whether the pooling's may.
    """
    stride, padding = int(options.get("stride", 1)), options.get("padding", 0)
    sides = []
    for kernel in weight.shape[2:]:
        pad = 0 if padding == "valid" else (kernel - 1) // 2 if padding == "same" else int(padding)
        out = 4 + (over and sketch.may("a stride that leaves a remainder", 1))
        leaves = stride > 1 and sketch.may("a stride that leaves a remainder", 1)
        rest = sketch.d.integer(1, stride - 1) if leaves else 0
        while (out - 1) * stride + kernel - 2 * pad < 1:
            out += 2
        sides.append((out - 1) * stride + kernel - 2 * pad + rest)
    return sides[0], sides[1]


def _draw_conv_pool(sketch: Sketch) -> Parts:
    found, options = draw_conv2d(sketch)
    arrays = dict(found)
    x, weight = arrays["x"], arrays["weight"]
    if x is None or weight is None:
        raise TypeError
    arrays["x"] = sketch.array("x", *x.shape[:-2], *_pooled(sketch, weight, options, over=True))
    return exactly(arrays), {"stride": 1, "padding": 0, **options, "kernel_size": 2, "pool_stride": 2}


def _draw_images(sketch: Sketch, *, pooled: bool) -> Parts:
    found, options = draw_conv2d(sketch)
    arrays, shape = dict(found), [2, *found["x"].shape[1:]]  # type: ignore[union-attr]  # it is always drawn
    weight = arrays["weight"]
    if weight is None:
        raise TypeError
    if pooled:
        options |= {"kernel_size": 2, "pool_stride": sketch.d.one_of(2, 2, 1)}
        # A whole number of windows: what a stride leaves over is the pooling's own question.
        shape[-2:] = _pooled(sketch, weight, options, over=False)
    else:
        shape[-2] += 1  # never one number a channel alone
    arrays["x"] = sketch.array("x", *shape)
    if pooled:
        arrays = exactly(arrays)
    for name in ("gamma", "beta"):
        arrays[name] = sketch.array(name, len(weight), plain=True)
    return arrays, {**options, "training": True, **sketch.option("eps", 1e-5, 1e-3, 0.1)}


def _pool(o: Mapping[str, Any]) -> dict[str, Any]:
    return {"kernel_size": o["kernel_size"], "stride": o["pool_stride"]}


def _affine(norm: str) -> Kind:
    def run(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any, relu: Any) -> tuple[Any, ...]:
        y = a["x"].reshape(len(a["x"]), -1) @ a["weight"].T + a["bias"]
        return (relu(_normalised(y, a, o, norm, lib)),)

    return Kind(
        f"affine_{norm}_relu", ("x", *_PARAMS), lambda a, o: run(a, o, np, lambda y: np.maximum(y, 0)),
        lambda t, a, o: run(a, o, t, t.relu), _draw_affine,
        lambda _: [Form({"weight": TURNED, "x": FLAT}), Form({"weight": TURNED}), Form()],
        params=_PARAMS, ties=True,
        defaults={"eps": 1e-5} | ({"training": True} if norm == "batchnorm" else {}),
    )  # fmt: skip


def _images(name: str, *, pooled: bool) -> Kind:
    def forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        y = np.maximum(_normalised(convolved(a, o)[0], a, o, "batchnorm", np), 0)
        return MAX_POOL2D.forward({"x": y}, _pool(o)) if pooled else (y,)

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        y = t.relu(_normalised(torch_convolved(t, a, o), a, o, "batchnorm", t))
        return MAX_POOL2D.torch(t, {"x": y}, _pool(o)) if pooled else (y,)

    windows = {"kernel_size": 2, "pool_stride": 2} if pooled else {}
    return Kind(
        name, ("x", *_PARAMS), forward, twin, lambda sketch: _draw_images(sketch, pooled=pooled),
        params=_PARAMS, ties=True,
        defaults={"stride": 1, "padding": 0, **windows, "eps": 1e-5, "training": True},
    )  # fmt: skip


AFFINE_BATCHNORM_RELU = _affine("batchnorm")
AFFINE_LAYERNORM_RELU = _affine("layernorm")
CONV_BATCHNORM_RELU = _images("conv_batchnorm_relu", pooled=False)
CONV_BATCHNORM_RELU_POOL = _images("conv_batchnorm_relu_pool", pooled=True)
CONV_RELU_POOL = Kind(
    "conv_relu_pool", ("x", "weight", "bias"),
    lambda a, o: MAX_POOL2D.forward({"x": np.maximum(convolved(a, o)[0], 0)}, _pool(o)),
    lambda t, a, o: MAX_POOL2D.torch(t, {"x": t.relu(torch_convolved(t, a, o))}, _pool(o)),
    _draw_conv_pool, params=("weight", "bias"), ties=True,
    defaults={"stride": 1, "padding": 0, "kernel_size": 2, "pool_stride": 2},
)  # fmt: skip
