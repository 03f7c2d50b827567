"""Select elements by a bit mask: exact for infinities and NaN, and one pass over the memory."""

from __future__ import annotations

import numpy as np

from .._types import Array

_INTEGER_OF_SIZE = {2: np.int16, 4: np.int32, 8: np.int64}


def keep_mask(closed: Array) -> Array:
    """Return the int8 mask for `keep`: 0 (no bit) where `closed`, -1 (every bit) elsewhere."""
    return np.subtract(closed.view(np.int8), np.int8(1))


def keep(x: Array, mask: Array) -> Array:
    """Return a new array: `x` where `mask` is -1, and zero where it is 0.

    A product with 0 and 1 would turn an infinite element into NaN, and `np.where` takes ten times as long:
    a bitwise "and" with the element's own bits does neither.
    """
    integer = _INTEGER_OF_SIZE.get(x.dtype.itemsize)
    if integer is None:  # longdouble has no integer of its size
        return np.where(mask.view(np.bool_), x, x.dtype.type(0))
    bits: Array = np.bitwise_and(x.view(integer), mask)
    return bits.view(x.dtype)
