"""Faster bodies for pooling in float32 and float64; each must equal a plain body of ``_pool.py``.

1. `max_pool_shifts`: the plain body, but the winner's number is kept in a byte and only ever grows, so that
   it takes two passes over bytes instead of a masked assignment. For any geometry, without NaN; where the
   windows are many enough, ``_pool_phases.py`` does the same on longer runs.
2. `max_pool_pairs` and `avg_pool_pairs`: windows of 2 x 2 that do not overlap. Left and right neighbours are
   joined on the flat array, then each row of pairs with the next. Every second of these is thrown away again,
   but the runs are as long as a block, which is several times faster than going row by row.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from .._types import Array
from ._bits import keep
from ._pool_phases import MOST_OFFSETS, Forward, avg_pool_phases, fits_phases, max_pool_phases
from ._windows import Geometry, first_inside, pad, shifted, unpad, zeros_around

_BLOCK = 131_072  # elements of a block; its scratch stays in the cache

# Where in a pair of neighbours a maximum was, as the shift in bits that takes a float32 there.
_LEFT, _RIGHT, _NOWHERE = np.uint8(0), np.uint8(32), np.uint8(64)


def max_pool(x: Array, geometry: Geometry) -> Forward | None:
    """Return what the fastest body makes of a call; None where the plain one is."""
    if x.dtype.char not in "fd" or x.size == 0 or math.prod(geometry.kernel) > MOST_OFFSETS:
        return None
    if fits_pairs(geometry):
        body = max_pool_pairs
    else:
        body = max_pool_phases if fits_phases(geometry) else max_pool_shifts
    y, dx = body(x, geometry)
    if np.isnan(np.maximum.reduce(y, axis=None)):  # NaN is larger than nothing: only the plain body finds it
        return None
    return y, dx


def avg_pool(x: Array, divisor: Array, geometry: Geometry) -> Forward | None:
    """Return what the fastest body makes of a call; None where the plain one is."""
    if x.dtype.char not in "fd":
        return None
    if fits_pairs(geometry):
        return avg_pool_pairs(x, divisor, geometry)
    return avg_pool_phases(x, divisor, geometry) if fits_phases(geometry) else None


def fits_pairs(geometry: Geometry) -> bool:
    """Return whether the windows are 2 x 2 and lie side by side."""
    two = (2, 2)
    return (
        geometry.kernel == two
        and geometry.stride == two
        and geometry.dilation == (1, 1)
        and not geometry.is_padded
    )


def max_pool_shifts(x: Array, geometry: Geometry) -> Forward:
    """Return what `max_forward_plain` and `max_dx_plain` return; `x` holds no NaN."""
    sides = x.shape[-len(geometry.out) :]
    padded = pad(x, geometry.before, geometry.after, -np.inf)
    y = np.full(x.shape[: -len(sides)] + geometry.out, -np.inf, dtype=x.dtype)
    # A winner of -1, where a window holds nothing, becomes 255, which no offset has.
    winner = np.empty(y.shape, dtype=np.uint8)
    winner[...] = first_inside(sides, geometry)
    better = np.empty(y.shape, dtype=np.bool_)
    number_if_better = better.view(np.uint8)
    offsets = list(np.ndindex(*geometry.kernel))
    for number, offset in enumerate(offsets):
        candidate = shifted(padded, offset, geometry)
        np.greater(candidate, y, out=better)
        np.maximum(candidate, y, out=y)
        # Offsets come in growing order: who is better has the larger number.
        np.multiply(number_if_better, np.uint8(number), out=number_if_better)
        np.maximum(winner, number_if_better, out=winner)

    def dx(dy: Array) -> Array:
        dpadded = zeros_around(y.shape[: -len(sides)], sides, dy.dtype, geometry)
        for number, offset in enumerate(offsets):
            view = shifted(dpadded, offset, geometry)
            np.add(view, keep(dy, winner == number), out=view)
        return dpadded if not geometry.is_padded else np.array(unpad(dpadded, geometry.before, sides))

    return y, dx


def max_pool_pairs(x: Array, geometry: Geometry) -> Forward:
    """Return what `max_forward_plain` and `max_dx_plain` return; `x` holds no NaN."""
    height, width = geometry.out
    lead = x.shape[:-2]
    flat = _even(x, geometry).reshape(-1)
    y = np.empty((*lead, height, width), dtype=x.dtype)
    rows = y.reshape(-1, width)
    places = np.empty(flat.size // 2, dtype=np.uint8)
    step = max(1, _BLOCK // (4 * width)) * 2 * width  # pairs of a block: whole pairs of rows
    left, right, larger = np.empty((3, min(step, places.size)), dtype=x.dtype)
    upper = np.repeat(np.array([1, 0], np.uint8), width)
    upper = np.tile(upper, len(left) // (2 * width))
    lower_wins = np.empty(len(left), dtype=np.bool_)
    upper_wins = np.empty(len(left), dtype=np.uint8)
    for start in range(0, places.size, step):
        pairs = flat[2 * start : 2 * (start + step)]
        m = pairs.size // 2
        a, b, c = left[:m], right[:m], larger[:m]
        np.copyto(a, pairs[::2])  # to compare every second element is slower than to copy them first
        np.copyto(b, pairs[1::2])
        place = places[start : start + m]
        np.greater(b, a, out=place.view(np.bool_))
        np.maximum(a, b, out=c)
        np.greater(c[width:], c[:-width], out=lower_wins[: m - width])
        np.maximum(c[width:], c[:-width], out=a[: m - width])
        first = start // (2 * width)
        rows[first : first + m // (2 * width)] = a.reshape(-1, 2, width)[:, 0]
        # `_NOWHERE` goes to the upper rows whose lower row wins, and to the lower rows whose upper row does.
        loses, wins = lower_wins.view(np.uint8)[:m], upper_wins[:m]
        np.bitwise_and(loses, upper[:m], out=loses)
        np.bitwise_xor(loses, upper[:m], out=wins)
        np.bitwise_or(loses[width:], wins[:-width], out=loses[width:])
        np.multiply(loses, _NOWHERE, out=loses)
        np.multiply(place, _RIGHT, out=place)
        np.bitwise_or(place, loses, out=place)

    def dx(dy: Array) -> Array:
        flat_dx = np.empty(flat.size, dtype=dy.dtype)
        above_each_other = np.broadcast_to(dy.reshape(-1, 1, width), (len(rows), 2, width))
        for start in range(0, places.size, step):
            first, last = start // (2 * width), (start + step) // (2 * width)
            _to_places(
                above_each_other[first:last],
                places[start : start + step],
                flat_dx[2 * start : 2 * (start + step)],
            )
        return _with_odd(flat_dx.reshape(*lead, 2 * height, 2 * width), x.shape)

    return y, dx


def avg_pool_pairs(x: Array, divisor: Array, geometry: Geometry) -> Forward:
    """Return what `avg_forward_plain` and `avg_dx_plain` return."""
    height, width = geometry.out
    lead = x.shape[:-2]
    flat = _even(x, geometry).reshape(-1)
    y = np.empty((*lead, height, width), dtype=x.dtype)
    rows = y.reshape(-1, width)
    step = max(1, _BLOCK // (4 * width)) * 2 * width
    sums = np.empty(min(step, flat.size // 2), dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # what is thrown away may be anything
        for start in range(0, flat.size // 2, step):
            pairs = flat[2 * start : 2 * (start + step)]
            m = pairs.size // 2
            block = sums[:m]
            np.add(pairs[::2], pairs[1::2], out=block)
            np.add(block[:-width], block[width:], out=block[:-width])
            first, last = start // (2 * width), (start + m) // (2 * width)
            np.divide(block.reshape(-1, 2, width)[:, 0], divisor, out=rows[first:last])

    def dx(dy: Array) -> Array:
        even = np.empty((*lead, height, 2, width, 2), dtype=dy.dtype)
        each = dy / divisor
        even[..., 0, :, 0] = each
        even[..., 0, :, 1] = each
        even[..., 1, :, :] = even[..., 0, :, :]
        return _with_odd(even.reshape(*lead, 2 * height, 2 * width), x.shape)

    return y, dx


def _even(x: Array, geometry: Geometry) -> Array:
    """Return `x` without an odd last row and column, C-contiguous."""
    height, width = geometry.out
    return np.ascontiguousarray(x[..., : 2 * height, : 2 * width])


def _with_odd(dx: Array, shape: tuple[int, ...]) -> Array:
    """Return `dx` with zeros in the rows and columns that `_even` left out."""
    if dx.shape == shape:
        return dx
    whole = np.zeros(shape, dtype=dx.dtype)
    whole[..., : dx.shape[-2], : dx.shape[-1]] = dx
    return whole


def _to_places(dy: Array, places: Array, out: Array) -> None:
    """Write each element of `dy` to that side of its pair in `out` that `places` names, else 0."""
    if dy.dtype == np.float32:
        # A pair is one integer of 64 bits: an element's own, moved by 0, 32 or (which gives 0) 64 and more.
        pairs = out.view(np.uint64)
        np.copyto(pairs.reshape(dy.shape), dy.view(np.uint32))
        shift = places if sys.byteorder == "little" else places ^ _RIGHT
        np.left_shift(pairs, shift, out=pairs)
        return
    every = dy.reshape(-1).view(np.int64)  # a copy
    side = np.empty_like(every)
    for place, column in ((_LEFT, out[::2]), (_RIGHT, out[1::2])):
        mask = (places == place).view(np.int8)
        np.negative(mask, out=mask)  # every bit where the place is this one
        np.bitwise_and(every, mask, out=side)
        column[...] = side.view(out.dtype)
