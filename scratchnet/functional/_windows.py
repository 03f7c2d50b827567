"""The geometry of sliding windows, shared by convolution and pooling.

Sides, kernels, strides and so on are tuples with one number for each spatial dimension, and spatial
dimensions are an array's last ones: nothing here knows how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._check import check_integer, refuse
from .._types import Array

Sides: TypeAlias = tuple[int, ...]
"""One number for each spatial dimension."""

IntOrSides: TypeAlias = int | Sequence[int]
"""An option as callers give it: one number for all spatial dimensions, or one for each."""

Slices: TypeAlias = tuple[EllipsisType | slice, ...]

SHAPES = {1: "(N, C, L) or (C, L)", 2: "(N, C, H, W) or (C, H, W)", 3: "(N, C, D, H, W) or (C, D, H, W)"}


class Geometry(NamedTuple):
    """Where the windows of one call lie.

    The element at offset ``k`` of window ``o`` is number ``o stride + k dilation - before`` of the input.
    """

    kernel: Sides
    stride: Sides
    dilation: Sides
    before: Sides
    """Padding before the first element."""
    after: Sides
    """Padding behind the last element; may exceed what the windows reach."""
    out: Sides
    """How many windows there are."""

    @property
    def is_padded(self) -> bool:
        """Whether any side is padded."""
        return any(self.before) or any(self.after)


def sides_of(function: str, name: str, value: IntOrSides, n_dims: int, *, minimum: int) -> Sides:
    """Return an option as one int for each spatial dimension; a number stands for all of them."""
    if isinstance(value, int):  # not operator.index: this is the common case
        return (check_integer(function, name, value, minimum=minimum),) * n_dims
    try:
        numbers = tuple(value)
    except TypeError:
        number: Any = value  # a NumPy integer, or nothing that can be taken
        numbers = (number,)
    if len(numbers) == 1:
        numbers *= n_dims
    if len(numbers) != n_dims:
        raise refuse(function, f"{name} must be an integer or a tuple of {n_dims}", **{name: value})
    return tuple(check_integer(function, name, number, minimum=minimum) for number in numbers)


def check_spatial(function: str, x: Array, n_dims: int) -> None:
    """Require a batch of images, or one image, with `n_dims` spatial dimensions."""
    if x.ndim not in (n_dims + 1, n_dims + 2):
        raise refuse(function, f"x must be {SHAPES[n_dims]}", x=x)


def pad(x: Array, before: Sides, after: Sides, value: float = 0.0) -> Array:
    """Return `x` with its last dimensions padded; `x` itself where there is nothing to pad."""
    if not any(before) and not any(after):
        return x
    n_dims = len(before)
    lead, sides = x.shape[:-n_dims], x.shape[-n_dims:]
    padded = np.full(
        lead + tuple(b + side + a for b, side, a in zip(before, sides, after, strict=True)),
        value,
        dtype=x.dtype,
    )
    unpad(padded, before, sides)[...] = x
    return padded


def unpad(x: Array, before: Sides, sides: Sides) -> Array:
    """Return the part of `x` that `pad` took from an array with these `sides`."""
    inner = (slice(b, b + side) for b, side in zip(before, sides, strict=True))
    index: Slices = (..., *inner)
    return x[index]


def shifted(padded: Array, offset: Sides, geometry: Geometry) -> Array:
    """Return the view of a padded array that holds, for every window, its element at `offset`.

    >>> import numpy as np
    >>> geometry = Geometry(kernel=(3,), stride=(2,), dilation=(1,), before=(0,), after=(0,), out=(2,))
    >>> shifted(np.array([10, 11, 12, 13, 14]), (1,), geometry).tolist()
    [11, 13]
    """
    slices = (
        slice(k * dilation, k * dilation + (out - 1) * stride + 1, stride)
        for k, dilation, out, stride in zip(
            offset, geometry.dilation, geometry.out, geometry.stride, strict=True
        )
    )
    index: Slices = (..., *slices)
    return padded[index]


def im2col(padded: Array, geometry: Geometry) -> Array:
    """Write each window as a column: ``(N, C, *sides) -> (N, C prod(kernel), prod(out))``."""
    n, c = padded.shape[:2]
    columns = np.empty((n, c, math.prod(geometry.kernel), *geometry.out), dtype=padded.dtype)
    for number, offset in enumerate(np.ndindex(*geometry.kernel)):
        columns[:, :, number] = shifted(padded, offset, geometry)
    return columns.reshape(n, c * math.prod(geometry.kernel), math.prod(geometry.out))


def col2im(columns: Array, padded_shape: tuple[int, ...], geometry: Geometry) -> Array:
    """Add every window's elements up where they came from: the transpose of `im2col`."""
    n, c = padded_shape[:2]
    parts = columns.reshape(n, c, math.prod(geometry.kernel), *geometry.out)
    padded = np.zeros(padded_shape, dtype=columns.dtype)
    for number, offset in enumerate(np.ndindex(*geometry.kernel)):
        view = shifted(padded, offset, geometry)
        view += parts[:, :, number]
    return padded


def zeros_around(lead: tuple[int, ...], sides: Sides, dtype: np.dtype[Any], geometry: Geometry) -> Array:
    """Return zeros in the padded shape of an array with these `sides`."""
    padded = (b + side + a for b, side, a in zip(geometry.before, sides, geometry.after, strict=True))
    return np.zeros((*lead, *padded), dtype=dtype)


def first_inside(sides: Sides, geometry: Geometry) -> Array:
    """Return, for each window, the number of its first offset inside the input; -1 where there is none."""
    number: Array = np.zeros((), dtype=np.intp)
    holds: Array = np.ones((), dtype=np.bool_)
    for axis, side in enumerate(sides):
        start = np.arange(geometry.out[axis]) * geometry.stride[axis] - geometry.before[axis]
        first = -(np.minimum(start, 0) // geometry.dilation[axis])
        number = number[..., None] * geometry.kernel[axis] + first
        holds = holds[..., None] & (start + first * geometry.dilation[axis] < side)
    return np.where(holds, number, -1)
