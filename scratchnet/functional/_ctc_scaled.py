"""CTC's two scans as sums of scaled probabilities in float64: the plain body's results without logarithms.

What is faster: a few additions and a product a time instead of logarithms and exponentials; the states come
before the batch, so that a shift by one state is a view of whole rows; and the scan from the beginning and
the one from the end are made at once, the latter over the reversed input.

The states of a scan lie gaps first, then labels: gap j (of L + 1) stands before label j + 1, and label 0 (of
L + 2) before the first gap. A gap is led to by itself and by the label before it; a label by itself and by
all that leads to the gap before it:

    gap_j' = gap_j + label_j,    label_{j+1}' = label_{j+1} + gap_j'.

That the gap between two equal labels may not be left out is a matter of the path: between them stands a
label that is emitted as a blank, with two gaps beside it that nothing is emitted at.

The scan from the end goes the other way: to a gap from itself and the label behind it, to a label from itself
and from all that leads to the gap behind it. Either begins with 1 at the label before its path, where nothing
is emitted; for the one from the end that is the label behind the last, which is "emitted" with probability 1
at the times that do not count, so that it begins when they are over, and the other's sums end up there.
"""

from __future__ import annotations

import functools
import itertools
import math
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array

_KEPT: list[Array] = []
_MOST_KEPT = 1 << 22
"""How many numbers may be kept for the next call: 32 MB."""
_BLOCK = 16384
"""How many numbers are worked on at a time: few enough for the processor's cache."""
_MOST_BY_MATRIX = 4096
"""How many products a step of the scan may take as a product with a matrix, which is one call."""
_EVERY = 24
"""After how many times the sums are divided by their total."""
_LEAST = -600.0
"""How small, as a logarithm, what both scans agree upon may be: see `scan_scaled`."""
_MOST_ABOVE = 600.0
"""By how much a log-probability may exceed 0."""


def scan_scaled(
    frames: Array, labels: Array, counts: Array, beyond: Array, blank: int
) -> tuple[Array, Callable[[], Array]] | None:
    """Do what `_ctc._scan_logarithms` does, or return None where that could lose digits.

    At any time the probability of the labels is the sum, over the states, of the products of both scans, each
    as it has been divided by then. A sum that underflows is off by at most 2^-1022; the probability is off by
    as much times the other scan's sum, which is at most 3^_EVERY, as it grows threefold at most from time to
    time and has been 1. While the probability, so divided, is at least exp(-600) at every time, that is
    nothing beside a rounding, in the loss and in each product. NaN and an impossible path fail this.
    """
    n_times, n, n_classes = frames.shape
    if frames.dtype.char not in "fd" or np.count_nonzero(beyond[0]):
        return None
    largest = float(np.maximum.reduce(frames, axis=None))
    if not largest <= _MOST_ABOVE:  # or NaN
        return None
    path, ends = _states(labels, counts, blank, n_classes)
    n_gaps, n_states, rows = len(path) // 2, len(path), np.arange(n)
    # At each time: of every class of every sequence, of what cannot be, and of what is beyond each sequence.
    size = n * n_classes
    width = size + 1 + n
    sums, chances = _borrow((n_times, 2, n_states, n), (n_times, 2 * width))
    ahead = chances[:, :size].reshape(frames.shape)
    above = max(largest, 0.0)
    below = frames if above == 0 else np.subtract(frames, above, dtype=np.float64)
    np.exp(below, out=ahead, dtype=np.float64)
    ahead[beyond] = 0
    chances[:, size] = 0
    chances[:, size + 1 : width] = beyond
    chances[:, width:] = chances[::-1, :width]
    begun = np.zeros(sums.shape[1:])
    begun[0, n_gaps] = 1
    begun[1].put((ends + n_gaps + 1) * n + rows, 1)
    places = np.concatenate((path, path + width)).reshape(begun.shape)
    last, totals = _scan(sums, chances, places, begun, n_gaps)
    share = agreed = np.log(last.take(ends * n + rows))
    if len(totals):
        divided = np.zeros((len(totals) + 1, 2, n))
        np.cumsum(np.log(totals), axis=0, out=divided[1:])
        share = share + divided[-1, 0]
        by = np.arange(n_times) // _EVERY
        agreed = share - divided[by, 0] - divided[by[::-1], 1]
    if not np.minimum.reduce(agreed, axis=None) >= _LEAST:
        return None
    losses = -share
    if above > 0:
        losses -= above * np.add.reduce(~beyond, axis=0)

    def slopes() -> Array:
        passed = np.empty(frames.shape)
        flat = passed.reshape(n_times, size)
        step = min(n_times, max(1, _BLOCK // max(path.size, width)))
        places = (np.arange(0, step * width, width)[:, None, None] + path).reshape(-1)
        product = np.empty((step, n_states, n))
        for first in range(0, n_times, step):
            some = flat[first : first + step]
            both = product[: len(some)]
            np.multiply(sums[first : first + step, 0], sums[::-1][first : first + step, 1], out=both)
            added = np.bincount(places[: both.size], both.reshape(-1), len(some) * width)
            np.multiply(added.reshape(-1, width)[:, :size], chances[first : first + step, :size], out=some)
        # Not divided by the probability of the labels, which has lost digits by then. 0 / 0 beyond the end.
        total = passed.reshape(-1, n_classes).dot(np.ones(n_classes))
        passed /= total.reshape(n_times, n, 1)
        of_logits = ahead if above == 0 else ahead * np.exp(above)
        return np.subtract(of_logits, passed, out=passed).astype(frames.dtype)

    return losses.astype(frames.dtype), slopes


def _states(labels: Array, counts: Array, blank: int, n_classes: int) -> tuple[Array, Array]:
    """Return the place of what is emitted at each state, (states, N), and how many labels each path has.

    Of sequence i the place of a class c is ``i n_classes + c``. What is behind the label behind a path,
    nothing leads to.
    """
    labels = np.ascontiguousarray(labels.T)
    longest, n = labels.shape
    rows = np.arange(n)
    between: Array | None = None
    again = labels[1:] == labels[:-1]
    again &= labels[1:] != blank
    if np.count_nonzero(again):
        later = np.zeros(labels.shape, np.intp)
        np.cumsum(again, axis=0, out=later[1:])
        place, column = np.nonzero(np.arange(longest)[:, None] < counts)
        taken = place + later[place, column]
        counts = counts + later[-1]
        longest = int(np.maximum.reduce(counts))
        spaced = np.full((longest, n), blank, np.intp)
        spaced[taken, column] = labels[place, column]
        between = np.arange(longest)[:, None] < counts
        between[taken, column] = False
        labels = spaced
    path = np.empty((2 * longest + 3, n), np.intp)
    gaps, after = path[: longest + 1], path[longest + 2 :]
    first, none = rows * n_classes, n * n_classes
    gaps[...] = first + blank
    np.add(labels, first, out=after[:-1])
    path[longest + 1] = after[-1] = none
    path.put((counts + longest + 2) * n + rows, none + 1 + rows)
    if between is not None:
        gaps[:-1][between] = gaps[1:][between] = none
    return path, counts


def _scan(sums: Array, chances: Array, places: Array, begun: Array, n_gaps: int) -> tuple[Array, Array]:
    """Write the sums over all that lead to a state, starting with those in `begun`, which is written to.

    ``chances[t].take(places)`` is the probability of being emitted at t, by state, for the scan from the
    beginning and the one from the end. Return the former's sums at the labels but the first, after the last
    time, and the totals that the sums of both were divided by on the way.
    """
    n_times, _, n_states, n = sums.shape
    forth, back = begun
    gaps, before, after = forth[:n_gaps], forth[n_gaps:-1], forth[n_gaps + 1 :]
    totals = np.empty((n_times // _EVERY, 2, n))
    step = max(1, _EVERY // -(-_EVERY * places.size // _BLOCK))  # _EVERY, or a part of it
    few = 2 * n_states * places.size <= _MOST_BY_MATRIX
    multiply, add = np.multiply, np.add
    if few:
        lead, flat = _leading(n_gaps), begun.reshape(-1, n)
    else:
        # Nothing leads to the first label, or from the end to the last, but being there.
        sums[:, 0, n_gaps], sums[:, 1, -1] = forth[n_gaps], back[-1]
        back_gaps, back_before, back_after = back[:n_gaps], back[n_gaps:-1], back[n_gaps + 1 :]
    for first in range(0, n_times, step):
        now = sums[first : first + step]
        emitted = chances[first : first + step].take(places, axis=1, mode="clip")
        if few:
            shape = len(now), *flat.shape
            for new, chance in zip(now.reshape(shape), emitted.reshape(shape), strict=True):
                lead.dot(flat, new)
                multiply(new, chance, flat)
        else:
            starts, ends = now[:, 0], now[:, 1]
            parts = starts[:, :n_gaps], starts[:, n_gaps + 1 :], ends[:, :n_gaps], ends[:, n_gaps:-1]
            for new, chance, new_gaps, new_after, end_gaps, end_before in zip(
                now, emitted, *parts, strict=True
            ):
                add(gaps, before, new_gaps)
                add(after, new_gaps, new_after)
                add(back_gaps, back_after, end_gaps)
                add(back_before, end_gaps, end_before)
                multiply(new, chance, begun)
        last = first + step
        if last % _EVERY == 0 and last <= n_times:
            total = add.reduce(begun, axis=1, out=totals[last // _EVERY - 1])
            np.divide(begun, total[:, None], begun)
    return after + (gaps + before), totals


@functools.lru_cache(maxsize=32)
def _leading(n_gaps: int) -> Array:
    """Return the matrix of ones where a column's state leads to a row's, and zeros; for both scans."""
    n_states = 2 * n_gaps + 1
    one = np.eye(n_states)
    one[:n_gaps, n_gaps:-1] = np.eye(n_gaps)
    one[n_gaps + 1 :] += one[:n_gaps]
    both = np.zeros((2 * n_states, 2 * n_states))
    both[:n_states, :n_states], both[n_states:, n_states:] = one, one.T
    both.flags.writeable = False
    return both


def _borrow(*shapes: tuple[int, ...]) -> list[Array]:
    """Return float64 arrays in memory that is kept, where nothing refers to it any more; else in new one.

    New memory of some size would be fetched from the system, page by page, at each call: half of the time.
    It leaves the list while it is looked at, so that no other thread can be given it too.
    """
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) < _BLOCK:
        return [np.empty(shape) for shape in shapes]
    held = [_KEPT.pop()] if _KEPT else []
    # Two references are this list's and the question's own.
    if not held or held[0].size < sum(sizes) or sys.getrefcount(held[0]) > 2:
        held = [np.empty(sum(sizes))]
    (memory,) = held
    ends = list(itertools.accumulate(sizes))
    found = [
        memory[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)
    ]
    if not _KEPT and memory.size <= _MOST_KEPT:
        _KEPT.append(memory)
    return found
