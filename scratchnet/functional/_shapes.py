"""Shape arithmetic that several families share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Array


def sum_rows(x: Array) -> Array:
    """Return the sum over the first axis, as an array: ``(M, *) -> (*)``."""
    if x.ndim != 2:
        return np.asarray(np.add.reduce(x, axis=0))
    n, length = x.shape
    if n <= 1024:
        return np.asarray(ones(n, x.dtype).dot(x))
    # Added one after the other, n rows lose digits as sqrt(n) does; in sqrt(n) groups as its root.
    size = math.isqrt(n)
    groups = n // size
    sums = ones(size, x.dtype) @ x[: groups * size].reshape(groups, size, length)
    rest = x[groups * size :]
    return np.asarray(ones(groups, x.dtype).dot(sums) + ones(rest.shape[0], x.dtype).dot(rest))


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """Sum `dy` back to the `shape` of an operand that was broadcast to ``dy.shape``.

    Broadcasting copies an operand along the axes it lacks or has once; its
    cotangent is the sum of the copies'.
    """
    if dy.shape == shape:
        return dy
    lead = dy.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        axis + lead for axis, side in enumerate(shape) if side == 1 and dy.shape[axis + lead] != 1
    )
    return np.asarray(np.add.reduce(dy, axis=axes, keepdims=True)).reshape(shape)


def sum_to_channels(x: Array) -> Array:
    """Return the sum over all axes but the second: ``(N, C, *) -> (C,)``.

    A product with ones is several times faster than a sum over short rows.
    """
    n, c, length = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    if length != 1:
        x = x.reshape(n * c, length).dot(ones(length, x.dtype))
    return sum_rows(x.reshape(n, c))


# Sums are taken as products with a vector of ones: a matrix-vector product is the fastest reduction there is.
_LONGEST = 1 << 16
_ONES: dict[str, Array] = {}


def ones(n: int, dtype: np.dtype[Any]) -> Array:
    """Return `n` ones, read-only: a part of one vector kept for each dtype, unless they are very many."""
    if n > _LONGEST:
        return np.ones(n, dtype)
    vector = _ONES.get(dtype.char)
    if vector is None:
        vector = np.ones(_LONGEST, dtype)
        vector.flags.writeable = False
        _ONES[dtype.char] = vector
    return vector[:n]
