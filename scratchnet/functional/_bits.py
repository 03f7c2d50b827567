"""Select elements by a bit mask: exact for infinities and NaN, and one pass over the memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Array
from ._constants import ZERO

_INTEGER_OF_SIZE: dict[int, np.dtype[Any]] = {
    2: np.dtype(np.int16),
    4: np.dtype(np.int32),
    8: np.dtype(np.int64),
}
_ONE = np.array(1, np.int8)
_BYTE = np.dtype(np.int8)
_FEW = 256
"""Up to here the mask stays one of bools: two calls instead of five, and too few elements to notice."""


def keep_mask(closed: Array) -> Array:
    """Return the mask for `keep`: 0 (no bit) where `closed`, -1 (every bit) elsewhere; or just `closed`."""
    if closed.size <= _FEW:
        return closed
    return np.subtract(closed.view(_BYTE), _ONE)


def keep(x: Array, mask: Array, out: Array | None = None) -> Array:
    """Return a new array: zero where what `keep_mask` was given is True, `x` elsewhere.

    Or write it to `out`, which is of the dtype of `x`, and return that. A product with 0 and 1 would turn an
    infinite element into NaN, and `np.where` takes ten times as long: a bitwise "and" with the element's own
    bits does neither.
    """
    integer = _INTEGER_OF_SIZE.get(x.dtype.itemsize)
    if mask.size <= _FEW or integer is None:  # longdouble has no integer of its size
        kept: Array = x.copy() if out is None else out
        if out is not None:
            np.copyto(kept, x)
        kept[mask if mask.dtype == np.bool_ else mask == 0] = ZERO[x.dtype.char]
        return kept
    if out is None:
        bits: Array = np.bitwise_and(x.view(integer), mask)
        return bits.view(x.dtype)
    np.bitwise_and(x.view(integer), mask, out.view(integer))
    return out


def either(choice: Array, first: Array, second: Array) -> Array:
    """Return a new array: `first` where the bools of `choice` are True, `second` elsewhere; as `np.where`.

    The two are of one dtype, and of the shape of `choice` or a single number. For many elements it is done by
    bits, ``second ^ ((first ^ second) & mask)``, in a tenth of the time.
    """
    integer = _INTEGER_OF_SIZE.get(first.dtype.itemsize)
    if choice.size <= _FEW or integer is None:
        return np.where(choice, first, second)
    other = second.view(integer)
    bits = np.bitwise_and(np.negative(choice.view(_BYTE)), first.view(integer) ^ other)
    np.bitwise_xor(bits, other, out=bits)
    chosen: Array = bits.view(first.dtype)
    return chosen
