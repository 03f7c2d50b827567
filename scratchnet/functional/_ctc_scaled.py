"""CTC's two scans as sums of scaled probabilities in float64: the plain body's results without logarithms.

What is faster: three additions and products a time instead of logarithms and exponentials; the states come
before the batch, so that a shift by one state is a view of whole rows; and the scan from the end is the scan
from the beginning of the reversed path and input, so that both are made at once, side by side.
"""

from __future__ import annotations

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
"""How many numbers are turned round at a time: few enough for the processor's cache."""
_EVERY = 4
"""After how many times the sums are divided by their total."""
_LEAST_TOTAL = 1e-12
_MOST = 600.0
"""What the path through an underflow can matter, at most, as a logarithm: see `scan_scaled`."""


def scan_scaled(
    frames: Array, path: Array, times: Array, counts: Array, blank: int
) -> tuple[Array, Callable[[], Array]] | None:
    """Do what `_ctc._scan_logarithms` does, or return None where that could lose digits.

    A state's sum that underflows is off by at most 2^-1022 while all states' sums add up to 1. A time later
    one state gives to three others at most, of three classes, so that its part grows by at most
    ``g = min(3, sum of the class probabilities by their largest)`` and, by the division, 1 / total. The
    product of all these, over the share of the last two states, bounds what the loss can be off. Up to
    exp(600), and totals of `_EVERY` times no less than 1e-12, that is nothing beside a rounding, in the
    products of both scans as well. NaN and an impossible path fail this.
    """
    n_times, n, n_classes = frames.shape
    n_states = path.shape[1]
    if frames.dtype.char not in "fd" or np.minimum.reduce(times) < 1:
        return None
    largest = np.maximum.reduce(frames, axis=2)
    beyond = np.arange(n_times)[:, None] >= times
    sums, chances = _borrow((n_times, n_states, 2 * n), (n_times, 2 * n, n_classes + 1))
    chances[:, :, -1] = 0  # of the states that a shorter path does not have
    ahead = chances[:, :n, :-1]
    np.subtract(frames, largest[:, :, None], out=ahead)
    np.exp(ahead, out=ahead)
    ahead[beyond] = 1  # a time that does not count, where nothing can underflow
    chances[:, n:] = chances[::-1, :n]
    states = np.arange(n_states)[:, None]
    there = np.where(states <= 2 * counts, path.T, n_classes)
    both = np.concatenate([there, there[::-1]], axis=1)
    skips = np.zeros(both.shape)
    skips[2:] = (both[2:] != blank) & (both[2:] != both[:-2])
    both += np.arange(0, 2 * n * (n_classes + 1), n_classes + 1)
    # The path of a sequence ends with the input's own last time, at its own last state, whence it is scanned.
    starts: dict[int, list[int]] = {}
    for i, time in enumerate(times.tolist()):
        starts.setdefault(n_times - time, []).append(i)

    totals = _scan(sums, chances.reshape(n_times, -1), both, skips, counts, starts)
    # The sums of the last time lack the probability of what is emitted then.
    rows, last = np.arange(n), times - 1
    ends = sums[last, 2 * counts, rows] * chances[last, rows, blank]
    label = np.maximum(2 * counts - 1, 0)
    ends += np.where(counts > 0, sums[last, label, rows] * chances[last, rows, path[rows, label]], 0.0)
    logarithms = np.log(totals[:, :n])
    # The division after time t counts for what comes later.
    logarithms[np.arange(_EVERY - 1, n_times, _EVERY)[:, None] >= last] = 0
    share = np.log(ends) + np.add.reduce(logarithms, axis=0)
    if not np.minimum.reduce(totals, axis=None, initial=1.0) >= _LEAST_TOTAL:
        return None
    if not n_times * math.log(3) - np.minimum.reduce(share) <= _MOST:
        growth = np.minimum(np.add.reduce(ahead, axis=2), 3.0)
        growth[beyond] = 1
        if not np.maximum.reduce(np.add.reduce(np.log(growth), axis=0) - share) <= _MOST:
            return None
    largest = largest.astype(np.float64)
    largest[beyond] = 0
    losses = -(share + np.add.reduce(largest, axis=0))

    def passing() -> Array:
        # The sums of the scan from the end lie as those from the beginning when both axes are turned round.
        ahead, back = sums[:, :, :n], sums[::-1, ::-1, n:]
        classes = np.asarray(there.T[:, :, None] == np.arange(n_classes)).astype(np.float64)
        passed = np.empty((n_times, n, n_classes))
        step = max(1, _BLOCK // (n * n_states))
        for first in range(0, n_times, step):
            some = slice(first, first + step)
            at = np.ascontiguousarray((ahead[some] * back[some]).transpose(2, 0, 1))
            np.matmul(at, classes, out=passed[some].transpose(1, 0, 2))
        np.multiply(passed, chances[:, :n, :-1], out=passed)
        passed /= np.add.reduce(passed, axis=2, keepdims=True)
        return passed.astype(frames.dtype)

    return losses.astype(frames.dtype), passing


def _scan(
    sums: Array, chances: Array, places: Array, skips: Array, counts: Array, starts: dict[int, list[int]]
) -> Array:
    """Write the sums over all that lead to a state; return the totals they were divided by on the way.

    ``chances[t].take(places)`` is the probability of being emitted at t, by state, for the n columns of the
    scan from the beginning and the n from the end, which start at their own times.
    """
    (n_states, columns), n = places.shape, len(counts)
    totals = np.empty((len(sums) // _EVERY, columns))
    emitted = np.empty(places.shape)
    padded = np.zeros((n_states + 2, columns))  # two rows of zeros before the first state
    one_before, two_before, same = padded[1:-1], padded[:-2], padded[2:]
    for t, (now, chance) in enumerate(zip(sums, chances, strict=True)):
        if t == 0:
            now.fill(1)  # that of a scan that has not begun may be anything
            now[2:, :n] = 0
        else:
            np.multiply(two_before, skips, now)
            np.add(now, one_before, now)
            np.add(now, same, now)
        for i in starts.get(t, ()):
            first = n_states - 1 - 2 * int(counts[i])
            now[:, n + i] = 0
            now[first : first + 2, n + i] = 1
        chance.take(places, None, emitted, "clip")
        np.multiply(now, emitted, same)
        if t % _EVERY == _EVERY - 1:
            total = totals[t // _EVERY]
            np.add.reduce(same, axis=0, out=total)
            np.divide(same, total, same)
    return totals


def _borrow(*shapes: tuple[int, ...]) -> list[Array]:
    """Return float64 arrays in memory that is kept, where nothing refers to it any more; else in new one.

    New memory of this size would be fetched from the system, page by page, at each call: half of the time.
    It leaves the list while it is looked at, so that no other thread can be given it too.
    """
    sizes = [math.prod(shape) for shape in shapes]
    memory = _KEPT.pop() if _KEPT else None
    if memory is None or memory.size < sum(sizes) or sys.getrefcount(memory) > 2:
        memory = np.empty(sum(sizes))
    ends = list(itertools.accumulate(sizes))
    found = [
        memory[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)
    ]
    if not _KEPT and memory.size <= _MOST_KEPT:
        _KEPT.append(memory)
    return found
