"""Passes over large arrays: blocks that stay in the cache, and NumPy's own buffer kept out of the way."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from .._types import Array

BLOCK_BYTES = 1 << 20
"""What a block of `blocks` takes at most."""
_UNCHANGED = nullcontext()
_SHORT = 512
_LINES: dict[int, tuple[Array, Array]] = {}
"""By the constant, which is kept beside its line: no other gets its address."""


def blocks(n: int, nbytes: int) -> list[slice]:
    """Return the slices that cut an array of `nbytes`, along an axis of `n`, into blocks that fit a cache."""
    if nbytes <= BLOCK_BYTES:
        return [slice(0, n)]
    step = max(BLOCK_BYTES * n // nbytes, 1)
    return [slice(start, start + step) for start in range(0, n, step)]


def broadcast_along_rows(length: int) -> AbstractContextManager[None]:
    """Make it cheaper, within the context, to combine an array with one number for each row of `length`.

    NumPy takes as many rows at a time as fit its buffer of 8,192 elements, and for that copies the number as
    often as a row is long. Rows of 512 and more are faster one by one (0.13 ns an element instead of 0.21):
    they get a buffer too small for two. The buffer's size belongs to the running thread or context.
    """
    return _least_buffer() if 512 <= length <= 4096 else _UNCHANGED


@contextmanager
def _least_buffer() -> Iterator[None]:
    before = np.setbufsize(16)
    try:
        yield
    finally:
        np.setbufsize(before)


def level(number: dict[str, Array], like: Array) -> Array:
    """Return a `_constants.constant` to be combined with `like`, an array of one dimension, of its dtype.

    By `np.maximum` and its relatives, which with a single number take three times as long as with an array:
    unless there are few elements, it is repeated, read-only. The longest array that there was is kept for
    each number; these are few, and `like` has 4 MB at most.
    """
    n, one = like.size, number[like.dtype.char]
    if n <= _SHORT:
        return one
    key = id(one)
    _, line = _LINES.get(key, (one, one))
    if line.size < n:
        line = np.full(max(n, 1 << 14), one)
        line.flags.writeable = False
        _LINES[key] = one, line
    return line[:n]
