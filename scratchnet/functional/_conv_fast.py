"""Faster bodies for convolution in float32 and float64; each must equal a plain body of ``_conv.py``.

1. `POINTWISE`: a kernel of one element needs no columns at all.
2. `BLOCKS`: the plain bodies on a few images at a time, so that the columns stay in the cache. For any
   geometry; it is the fastest for few channels.
3. `ROWS`: for stride 1 and more channels. An image with its padding is taken as one flat run. Of the columns
   only the shifts along the last axis are written, as runs as long as the image; each row of the kernel is
   then one product with those runs, begun further behind. Where a window wraps around an edge of the image,
   what comes out is dropped.
4. `WINOGRAD`: for 3 x 3 kernels, or 4 x 4 at stride 2, and many channels in float32, see
   ``_conv_winograd.py``.
5. `STRIDED`: for strides above 1 and more channels. Forward, windows are copied channels last, see
   ``_conv_pixels.py``. For `dx`, the elements of `x` that lie a stride apart meet the same elements of the
   kernel, so that they are a convolution at stride 1.
6. `DEPTHWISE`: for images whose channels have a kernel each, see ``_conv_depthwise.py``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._types import Array
from . import _conv_depthwise, _conv_pixels, _conv_winograd
from ._shapes import sum_rows
from ._windows import Geometry, Sides, Slices, pad, shifted, unpad

_SCRATCH_BYTES = 800_000  # what a block's columns may take: about a core's share of the second-level cache


_ZEROS = {char: np.zeros(1 << 15, dtype=char) for char in "fd"}


class Bodies(NamedTuple):
    """The three products of one convolution, on a batch ``(N, C, *sides)``."""

    forward: Callable[[Array, Array, Array | None, Geometry, int], Array]
    """``(x, weight, bias, geometry, groups) -> y``"""
    dx: Callable[[Array, Array, tuple[int, ...], Geometry, int], Array]
    """``(dy, weight, x_shape, geometry, groups) -> dx``"""
    dweight: Callable[[Array, Array, tuple[int, ...], Geometry, int], Array]
    """``(dy, x, weight_shape, geometry, groups) -> dweight``"""


def choose(x: Array, weight: Array, geometry: Geometry, groups: int) -> Bodies | None:
    """Return the fastest bodies for a call; None where the plain ones are."""
    if x.dtype.char not in "fd" or x.size == 0:
        return None
    if fits_pointwise(geometry, groups):
        return POINTWISE
    if _conv_depthwise.fits(x, weight, geometry, groups):
        return DEPTHWISE
    # Measured: products grow with both numbers of channels, what is written around them with one of them.
    channels = min(weight.shape[:2])
    if fits_winograd(x, weight, geometry, groups) and (
        max(geometry.stride) == 1 or min(geometry.kernel) == 4
    ):
        return WINOGRAD
    if channels >= 8 and fits_rows(geometry, groups):
        return ROWS
    if channels >= 8 and fits_phases(geometry, groups):
        return STRIDED
    return BLOCKS


def fits_winograd(x: Array, weight: Array, geometry: Geometry, groups: int) -> bool:
    """Return whether `WINOGRAD` can take a call that is so large that its many steps pay."""
    channels = min(weight.shape[:2])
    return (
        channels >= 16
        and _conv_winograd.fits(x, geometry, groups)
        and x.shape[0] * channels * math.prod(geometry.out) >= 8192
    )


def fits_pointwise(geometry: Geometry, groups: int) -> bool:
    """Return whether `POINTWISE` can take a call."""
    return (
        groups == 1
        and math.prod(geometry.kernel) * math.prod(geometry.stride) == 1
        and not geometry.is_padded
    )


def fits_rows(geometry: Geometry, groups: int) -> bool:
    """Return whether `ROWS` can take a call."""
    return groups == 1 and math.prod(geometry.stride) == 1


def fits_phases(geometry: Geometry, groups: int) -> bool:
    """Return whether `STRIDED` can gain by a call with a stride: each phase has elements of the kernel."""
    return (
        groups == 1
        and math.prod(geometry.dilation) == 1
        and all(k >= s for k, s in zip(geometry.kernel, geometry.stride, strict=True))
    )


def forward_pointwise(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    y: Array = weight.reshape(weight.shape[:2]) @ _flat(x)
    if bias is not None:
        y += bias[:, None]
    return y.reshape(*y.shape[:2], *geometry.out)


def dx_pointwise(
    dy: Array, weight: Array, x_shape: tuple[int, ...], _geometry: Geometry, _groups: int
) -> Array:
    """Return what `dx_plain` returns."""
    dx: Array = weight.reshape(weight.shape[:2]).T @ _flat(dy)
    return dx.reshape(x_shape)


def dweight_pointwise(
    dy: Array, x: Array, weight_shape: tuple[int, ...], _geometry: Geometry, _groups: int
) -> Array:
    """Return what `dweight_plain` returns."""
    return sum_rows(_flat(dy) @ _flat(x).swapaxes(1, 2)).reshape(weight_shape)


def forward_blocks(x: Array, weight: Array, bias: Array | None, geometry: Geometry, groups: int) -> Array:
    """Return what `forward_plain` returns."""
    n, o, length = x.shape[0], weight.shape[0], math.prod(geometry.out)
    matrix = weight.reshape(groups, o // groups, -1)
    if bias is not None:  # a row of ones below the columns adds the bias within the product
        matrix = np.concatenate((matrix, bias.reshape(groups, -1, 1)), axis=2)
    y = np.empty((n, groups, o // groups, length), dtype=x.dtype)
    columns = _Columns(x, geometry, groups, ones=bias is not None)
    for start in range(0, n, columns.size):
        stop = start + columns.size
        np.matmul(matrix, columns.fill(x[start:stop]), out=y[start:stop])
    return y.reshape(n, o, *geometry.out)


def dx_blocks(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int) -> Array:
    """Return what `dx_plain` returns."""
    n, o, length = dy.shape[0], weight.shape[0], math.prod(geometry.out)
    c, sides = x_shape[1], x_shape[2:]
    matrix = np.ascontiguousarray(weight.reshape(groups, o // groups, -1).swapaxes(1, 2))
    cotangents = dy.reshape(n, groups, o // groups, length)
    size = _block_size(n, matrix.size // (o // groups) * length, dy)
    dcolumns = np.empty((size, groups, matrix.shape[1], length), dtype=dy.dtype)
    parts = dcolumns.reshape(size, c, -1, *geometry.out)
    # Without padding the columns are added up in place.
    dx = (np.empty if geometry.is_padded else np.zeros)(x_shape, dtype=dy.dtype)
    padded = None
    if geometry.is_padded:
        padded = np.empty((size, c, *_padded_sides(geometry, sides)), dtype=dy.dtype)
    offsets = list(np.ndindex(*geometry.kernel))
    for start in range(0, n, size):
        block = dx[start : start + size]
        m = len(block)
        np.matmul(matrix, cotangents[start : start + size], out=dcolumns[:m])
        target = block
        if padded is not None:
            target = padded[:m]
            target.fill(0)
        for number, offset in enumerate(offsets):
            view = shifted(target, offset, geometry)
            np.add(view, parts[:m, :, number], out=view)
        if padded is not None:
            block[...] = unpad(target, geometry.before, sides)
    return dx


def dweight_blocks(
    dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return what `dweight_plain` returns."""
    n, o, length = x.shape[0], weight_shape[0], math.prod(geometry.out)
    cotangents = dy.reshape(n, groups, o // groups, length)
    columns = _Columns(x, geometry, groups)
    cotangents = cotangents.swapaxes(2, 3)
    # Transposed, which makes the larger factor the one that lies as a product likes it.
    dweight = np.zeros((groups, math.prod(weight_shape[1:]), o // groups), dtype=x.dtype)
    for start in range(0, n, columns.size):
        stop = start + columns.size
        dweight += sum_rows(columns.fill(x[start:stop]) @ cotangents[start:stop])
    return np.ascontiguousarray(dweight.swapaxes(1, 2)).reshape(weight_shape)


def forward_rows(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    n, o = x.shape[0], weight.shape[0]
    runs = _Runs(x, geometry)
    # (kernel rows, O, C k): what one row of the kernel makes of the shifts along the last axis
    matrices = np.ascontiguousarray(
        weight.reshape(*weight.shape[:2], len(runs.begins), -1).transpose(2, 0, 1, 3)
    ).reshape(len(runs.begins), o, -1)
    total = np.empty((runs.size, o, runs.length), dtype=x.dtype)
    part = np.empty_like(total)
    y = np.empty((n, o, *geometry.out), dtype=x.dtype)
    column = None if bias is None else bias.reshape(o, *(1,) * len(geometry.out))
    with np.errstate(invalid="ignore", over="ignore"):  # what is dropped may be anything
        for start in range(0, n, runs.size):
            block = y[start : start + runs.size]
            m = len(block)
            shifts = runs.fill(x[start : start + runs.size])
            last = total[:m]
            for row, begin in enumerate(runs.begins):
                np.matmul(matrices[row], shifts[:, :, begin : begin + runs.length], out=last)
                if 0 < row < len(runs.begins) - 1:
                    np.add(total[:m], last, out=total[:m])
                last = part[:m]
            first_term = runs.inside(total[:m])
            if len(runs.begins) > 1:
                np.add(first_term, runs.inside(part[:m]), out=block)
                if column is not None:
                    np.add(block, column, out=block)
            elif column is not None:
                np.add(first_term, column, out=block)
            else:
                block[...] = first_term
    return y


def dx_rows(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int) -> Array:
    """Return what `dx_plain` returns."""
    flipped = _flipped(weight, x_shape, geometry)
    if flipped is None:
        return dx_blocks(dy, weight, x_shape, geometry, groups)
    return forward_rows(dy, *flipped, groups)


def dx_phases(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int) -> Array:
    """Return what `dx_plain` returns.

    A kernel of 3 x 3 at stride 2 is a part of zeros to `WINOGRAD`, which still is the faster one.

    Else: along an axis, element ``s m + r`` of `x` is met by element ``(r + before) mod s`` of the kernel and
    every s-th after it: for each phase r, that is the kernel so thinned out, flipped, over the cotangents.
    """
    if fits_winograd(dy, weight, geometry, groups):
        return dx_winograd(dy, weight, x_shape, geometry, groups)
    axes = [
        [_phase(phase, axis, x_shape[2 + axis], geometry) for phase in range(min(s, x_shape[2 + axis]))]
        for axis, s in enumerate(geometry.stride)
    ]
    paddings = [number for phases in axes for phase in phases for number in phase[2:]]
    if min(paddings) < 0 or not np.isfinite(weight).all():  # zeros must not meet an infinite weight
        return dx_blocks(dy, weight, x_shape, geometry, groups)
    dx = np.empty(x_shape, dtype=dy.dtype)
    for phases in itertools.product(*axes):
        elements, kept, before, after = zip(*phases, strict=True)
        of_x: Slices = (..., *elements)
        of_weight: Slices = (..., *kept)
        part = dx[of_x]
        kernel = np.flip(weight[of_weight], axis=tuple(range(2, weight.ndim))).swapaxes(0, 1)
        unit = (1,) * len(axes)
        part[...] = forward_rows(
            dy, kernel, None, Geometry(kernel.shape[2:], unit, unit, before, after, part.shape[2:]), groups
        )
    return dx


def _phase(phase: int, axis: int, side: int, geometry: Geometry) -> tuple[slice, slice, int, int]:
    """Return a phase's elements of `x`, its elements of the kernel, and the padding of the cotangents."""
    stride, kernel = geometry.stride[axis], geometry.kernel[axis]
    further, first = divmod(phase + geometry.before[axis], stride)
    reach = (kernel - 1 - first) // stride
    before = reach - further
    after = -(-(side - phase) // stride) + reach - before - geometry.out[axis]
    return slice(phase, None, stride), slice(first, None, stride), before, after


def dweight_rows(
    dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return what `dweight_plain` returns."""
    n, o, c = x.shape[0], *weight_shape[:2]
    runs = _Runs(x, geometry)
    cotangents = np.zeros((runs.size, o, runs.length), dtype=x.dtype)
    inside = runs.inside(cotangents)
    # Transposed, which makes the larger factor the one that lies as a product likes it.
    each = np.zeros((len(runs.begins), c * geometry.kernel[-1], o), dtype=x.dtype)
    with np.errstate(invalid="ignore"):
        for start in range(0, n, runs.size):
            m = min(runs.size, n - start)
            inside[:m] = dy[start : start + m]
            shifts = runs.fill(x[start : start + m])
            factor = cotangents[:m].swapaxes(1, 2)
            for row, begin in enumerate(runs.begins):
                each[row] += sum_rows(shifts[:, :, begin : begin + runs.length] @ factor)
    if not _is_finite(each):  # 0 times an infinite element that lies outside a window
        return dweight_blocks(dy, x, weight_shape, geometry, groups)
    dweight = np.empty((o, c, len(runs.begins), geometry.kernel[-1]), dtype=x.dtype)
    dweight[...] = each.reshape(len(runs.begins), c, -1, o).transpose(3, 1, 0, 2)
    return dweight.reshape(weight_shape)


def forward_winograd(x: Array, weight: Array, bias: Array | None, geometry: Geometry, groups: int) -> Array:
    """Return what `forward_plain` returns."""
    y = _conv_winograd.forward(x, weight, bias, geometry, groups)
    if not _is_finite(y):  # within a tile, an infinite element reaches more than its windows
        return forward_blocks(x, weight, bias, geometry, groups)
    return y


def dx_winograd(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int) -> Array:
    """Return what `dx_plain` returns."""
    dx = _conv_winograd.dx(dy, weight, x_shape, geometry, groups)
    if not _is_finite(dx):
        return dx_blocks(dy, weight, x_shape, geometry, groups)
    return dx


def dweight_winograd(
    dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return what `dweight_plain` returns."""
    dweight = _conv_winograd.dweight(dy, x, weight_shape, geometry, groups)
    if not _is_finite(dweight):
        return dweight_blocks(dy, x, weight_shape, geometry, groups)
    return dweight


def forward_depthwise(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    if _conv_depthwise.narrow(x, geometry):
        y = _conv_depthwise.forward_bands(x, weight, bias, geometry)
        if _is_finite(y):  # an infinite element meets the zeros beside the bands
            return y
    return _conv_depthwise.forward_runs(x, weight, bias, geometry)


def dx_depthwise(
    dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return what `dx_plain` returns."""
    flipped = _flipped(weight, x_shape, geometry)
    if flipped is None:
        return dx_blocks(dy, weight, x_shape, geometry, groups)
    kernel, _, flipped_geometry = flipped
    return forward_depthwise(dy, kernel.swapaxes(0, 1), None, flipped_geometry, groups)


def dweight_depthwise(
    dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return what `dweight_plain` returns."""
    narrow = _conv_depthwise.narrow(x, geometry)
    body = _conv_depthwise.dweight_bands if narrow else _conv_depthwise.dweight_runs
    dweight = body(dy, x, weight_shape, geometry)
    if not _is_finite(dweight):  # 0 times an infinite element that lies outside a window
        return dweight_blocks(dy, x, weight_shape, geometry, groups)
    return dweight


def _flipped(
    weight: Array, x_shape: tuple[int, ...], geometry: Geometry
) -> tuple[Array, None, Geometry] | None:
    """Return the convolution (weight, bias, geometry) of the padded cotangents that makes `dx`, at stride 1.

    None where there is none: more padding than the kernel reaches, or an infinite weight, which the zeros
    around the cotangents must not meet.
    """
    reach = tuple(d * (k - 1) for d, k in zip(geometry.dilation, geometry.kernel, strict=True))
    before = tuple(r - b for r, b in zip(reach, geometry.before, strict=True))
    after = tuple(r - a for r, a in zip(reach, geometry.after, strict=True))
    if min(before + after) < 0 or not np.isfinite(weight).all():
        return None
    flipped = np.flip(weight, axis=tuple(range(2, weight.ndim))).swapaxes(0, 1)
    return flipped, None, geometry._replace(before=before, after=after, out=x_shape[2:])


class _Runs:
    """Scratch for `ROWS`: padded images as flat runs, once for each shift along the last axis."""

    def __init__(self, x: Array, geometry: Geometry) -> None:
        c, sides = x.shape[1], x.shape[2:]
        self.geometry = geometry
        self.padded_sides = _padded_sides(geometry, sides)
        steps = [math.prod(self.padded_sides[axis + 1 :]) for axis in range(len(sides))]
        strides = [d * step for d, step in zip(geometry.dilation, steps, strict=True)]
        self.begins = [
            sum(k * stride for k, stride in zip(row, strides[:-1], strict=True))
            for row in np.ndindex(*geometry.kernel[:-1])
        ]
        """Where each row of the kernel begins."""
        self.length = geometry.out[0] * steps[0]
        width = self.begins[-1] + self.length
        self.size = _block_size(x.shape[0], c * geometry.kernel[-1] * width, x)
        """How many images a block has."""
        self.padded = np.zeros((self.size, c, *self.padded_sides), dtype=x.dtype)
        self.shifts = np.zeros((self.size, c, geometry.kernel[-1], width), dtype=x.dtype)

    def fill(self, x: Array) -> Array:
        """Return the shifts of a block of images: ``(m, C, *sides) -> (m, C k, width)``."""
        m, c = x.shape[:2]
        unpad(self.padded[:m], self.geometry.before, x.shape[2:])[...] = x
        flat = self.padded[:m].reshape(m, c, -1)
        for k in range(self.geometry.kernel[-1]):
            source = flat[:, :, k * self.geometry.dilation[-1] :]
            width = min(source.shape[2], self.shifts.shape[3])
            self.shifts[:m, :, k, :width] = source[:, :, :width]
        return self.shifts[:m].reshape(m, -1, self.shifts.shape[3])

    def inside(self, flat: Array) -> Array:
        """Return the view of ``(m, O, length)`` that holds the windows inside: ``(m, O, *out)``."""
        images = flat.reshape(*flat.shape[:2], self.geometry.out[0], *self.padded_sides[1:])
        return unpad(images, (0,) * len(self.geometry.out), self.geometry.out)


class _Columns:
    """Scratch for `BLOCKS`: the columns of a few images."""

    def __init__(self, x: Array, geometry: Geometry, groups: int, *, ones: bool = False) -> None:
        c, k = x.shape[1] // groups, math.prod(geometry.kernel)
        shape = (groups, c * k + ones, math.prod(geometry.out))
        self.geometry = geometry
        self.size = _block_size(x.shape[0], math.prod(shape), x)
        """How many images a block has."""
        self.columns = np.empty((self.size, *shape), dtype=x.dtype)
        if ones:
            self.columns[:, :, -1] = 1
        self.parts = self.columns[:, :, : c * k].reshape(self.size, groups, c, k, *geometry.out)

    def fill(self, x: Array) -> Array:
        """Return the columns of a block of images: ``(m, C, *sides) -> (m, G, C/G K, L)``."""
        m = len(x)
        padded = pad(x, self.geometry.before, self.geometry.after)
        padded = padded.reshape(m, *self.parts.shape[1:3], *padded.shape[2:])
        for number, offset in enumerate(np.ndindex(*self.geometry.kernel)):
            self.parts[:m, :, :, number] = shifted(padded, offset, self.geometry)
        return self.columns[:m]


def _block_size(n: int, elements: int, like: Array) -> int:
    """Return how many images of so many scratch elements make a block."""
    return max(1, min(n, _SCRATCH_BYTES // (elements * like.itemsize)))


def _padded_sides(geometry: Geometry, sides: Sides) -> Sides:
    """Return the sides of a padded image."""
    return tuple(b + side + a for b, side, a in zip(geometry.before, sides, geometry.after, strict=True))


def _is_finite(x: Array) -> bool:
    """Return whether all elements are finite; a product with zeros is the fastest way to tell."""
    flat, zeros = x.reshape(-1), _ZEROS[x.dtype.char]
    with np.errstate(invalid="ignore"):
        return all(
            flat[start : start + zeros.size].dot(zeros[: flat.size - start]) == 0
            for start in range(0, flat.size, zeros.size)
        )


def _flat(x: Array) -> Array:
    """Return ``(N, C, *sides)`` as ``(N, C, L)``."""
    return x.reshape(*x.shape[:2], -1)


POINTWISE = Bodies(forward_pointwise, dx_pointwise, dweight_pointwise)
BLOCKS = Bodies(forward_blocks, dx_blocks, dweight_blocks)
ROWS = Bodies(forward_rows, dx_rows, dweight_rows)
WINOGRAD = Bodies(forward_winograd, dx_winograd, dweight_winograd)
STRIDED = Bodies(_conv_pixels.forward, dx_phases, _conv_pixels.dweight)
DEPTHWISE = Bodies(forward_depthwise, dx_depthwise, dweight_depthwise)
