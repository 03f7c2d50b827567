"""Faster bodies of `_normalization.normalize_plainly`, the plain one that each of them must equal.

`normalize_rows` takes one mean a row and a weight for each place in it, `normalize_groups` one mean a group
of channels in each sample, `normalize_columns` one mean a channel over the batch; the latter two have one
weight a channel. None of them takes an empty array.

Sums are products with ones, and large arrays are gone through in blocks that stay in a cache, without
temporaries of their size. The deviation from the mean is not an array of its own: it is ``base - shift``,
where `base` is x itself unless a mean exceeds its spread, and the formulas are in terms of the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .._types import Array
from ._buffers import blocks, broadcast_along_rows
from ._constants import ONE
from ._shapes import ones, sum_rows

Wanted: TypeAlias = tuple[bool, bool, bool]
Backward: TypeAlias = Callable[[Array, Wanted], tuple[Array | None, Array | None, Array | None]]
Normalized: TypeAlias = tuple[Array, Backward, Array, Array]

_BLOCK_BYTES = 1 << 21  # smaller ones lose more to calls than a nearer cache wins
_LONGEST = 1 << 12  # of a row that is added up as one product: a longer one loses digits so
_SHORT = 512  # of a row that is slow to combine with one number
_SHORTEST = 64  # of a row that is worth a product of its own


# ---- one mean a row


def normalize_rows(
    x: Array, weight: Array | None, bias: Array | None, eps: float, centre: bool
) -> tuple[Array, Backward]:
    """Normalise each row of ``(R, D)``; `weight` and `bias` are (D,). See `normalize_plainly`."""
    x = np.ascontiguousarray(x)
    length, dtype = x.shape[1], x.dtype
    count, tiny = np.array(length, dtype), np.array(eps, dtype)
    y = np.empty(x.shape, dtype)
    parts = _blocks(x)
    kept = []
    with np.errstate(all="ignore"), broadcast_along_rows(length):
        for part in parts:
            base, out, shift, offset = x[part], y[part], None, None
            if centre:
                base, shift, _, var = _moments(base, count)
            else:
                var = _row_dots(base, base)
                var /= count
            inverse = _inverse_root(var, tiny)
            column = inverse[:, None]
            np.multiply(base, column, out)
            if centre:
                offset = shift * inverse
                np.subtract(out, offset[:, None], out)
            if weight is not None:
                np.multiply(out, weight, out)
            if bias is not None:
                np.add(out, bias, out)
            kept.append((part, base, inverse, column, shift, offset))

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dy = np.ascontiguousarray(dy)
        dx = np.empty(dy.shape, dtype) if wanted[0] else None
        dweight: Array | None = None
        dbias: Array | None = None
        scratch = np.empty((parts[0].stop, length), dtype)
        less = -count
        with np.errstate(all="ignore"), broadcast_along_rows(length):
            for part, base, inverse, column, shift, offset in reversed(kept):
                cotangent = dy[part]
                if wanted[2]:
                    sums = sum_rows(cotangent)
                    dbias = sums if dbias is None else np.add(dbias, sums, dbias)
                if not (wanted[0] or wanted[1]):
                    continue
                terms = np.multiply(cotangent, base, scratch[: len(inverse)])
                if offset is None:  # dy z: NaN, not 0, where an infinity is divided by an infinite root
                    np.multiply(terms, column, terms)
                if wanted[1]:
                    if offset is None:
                        sums = sum_rows(terms)
                    else:
                        sums = _sum_of_multiples(inverse, terms)
                        sums -= _sum_of_multiples(offset, cotangent)
                    dweight = sums if dweight is None else np.add(dweight, sums, dweight)
                if dx is None:
                    continue
                # dx = inverse (dz + slope z + level), where z = base inverse - offset: scaled last, as the
                # terms may cancel.
                out = dx[part]
                slope = _row_sums(terms, weight)
                if offset is not None:
                    level = _row_sums(cotangent, weight)
                    slope -= shift * level  # exact where dz is constant and the numbers are short
                    slope *= inverse
                    level /= less
                slope /= less
                if offset is not None:
                    level -= offset * slope
                slope *= inverse
                np.multiply(base, slope[:, None], terms)
                if weight is not None:
                    cotangent = np.multiply(cotangent, weight, out)
                np.add(cotangent, terms, out)
                if offset is not None:
                    np.add(out, level[:, None], out)
                np.multiply(out, column, out)
            if dweight is not None and not _is_finite(dweight):
                dweight = np.zeros_like(dweight)
                for part, base, _, column, _, offset in kept:
                    z = base * column
                    if offset is not None:
                        z -= offset[:, None]
                    dweight += sum_rows(dy[part] * z)
        return dx, dweight, dbias

    return y, backward


def _moments(x: Array, count: Array) -> tuple[Array, Array, Array, Array]:
    """Return ``(base, shift, mean, var)`` of rows, where ``base - shift`` are the deviations from the mean.

    Where no mean exceeds its spread, the variance is the mean square less the square of the mean, which then
    costs no more than a bit or two, and base is x. Otherwise base is the deviations, and shift is 0.
    """
    mean, var = _row_sums(x), _row_dots(x, x)
    mean /= count
    var /= count
    if _is_within_spread(mean, var):
        return x, mean, mean, var
    base = x - mean[:, None]
    rest = _row_sums(base)  # what rounding has left of the mean
    rest /= count
    np.subtract(base, rest[:, None], base)
    np.add(mean, rest, out=mean, where=np.isfinite(rest))  # an infinite mean stays so, as in PyTorch
    var = _row_dots(base, base)
    var /= count
    return base, np.zeros_like(mean), mean, var


def _is_within_spread(mean: Array, square: Array) -> bool:
    """Make of mean squares variances, in place; return whether each is finite and at least ``mean^2``."""
    squared = mean * mean
    square -= squared
    squared = square - squared
    return bool(squared[squared.argmin()] >= 0 and squared[squared.argmax()] < math.inf)  # not of NaN


def _inverse_root(var: Array, eps: Array) -> Array:
    inverse = np.asarray(var + eps)
    np.sqrt(inverse, inverse)
    np.divide(ONE[var.dtype.char], inverse, inverse)
    return inverse


def _is_finite(dweight: Array) -> bool:
    """Return whether all numbers are finite.

    The sum of dy z is taken as a difference, which is NaN where a cotangent is infinite: it is taken anew.
    """
    return math.isfinite(dweight.dot(ones(dweight.size, dweight.dtype)))


def _blocks(rows: Array) -> list[slice]:
    """Return the slices that cut rows into blocks that fit a cache."""
    n = rows.shape[0]
    if rows.nbytes <= _BLOCK_BYTES:
        return [slice(0, n)]
    step = max(_BLOCK_BYTES * n // rows.nbytes, 1)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _row_sums(x: Array, weight: Array | None = None) -> Array:
    """Return the sum of each row of ``(R, D)``, weighted by ``(D,)`` numbers or not."""
    n, length = x.shape
    if weight is None:
        weight = ones(length, x.dtype)
    if length <= _LONGEST:
        return np.asarray(x.dot(weight))
    # Pieces of equal length, and the numbers that are left.
    pieces = -(-length // _LONGEST)
    whole = length // pieces * pieces
    split = x[:, :whole].reshape(n, pieces, 1, -1) @ weight[:whole].reshape(pieces, -1, 1)
    sums = split.reshape(n, pieces).dot(ones(pieces, x.dtype))
    if whole < length:
        sums += x[:, whole:].dot(weight[whole:])
    return np.asarray(sums)


def _row_dots(x: Array, y: Array) -> Array:
    """Return ``sum x y`` of each row."""
    n, length = x.shape
    if length < _SHORTEST:
        dots = np.empty(n, x.dtype)
        for part in _blocks(x):
            dots[part] = _row_sums(x[part] * y[part])
        return dots
    if length <= _LONGEST:
        return np.asarray(np.matmul(x[:, None, :], y[:, :, None]).reshape(n))
    pieces = -(-length // _LONGEST)
    whole = length // pieces * pieces
    split = x[:, :whole].reshape(n, pieces, 1, -1) @ y[:, :whole].reshape(n, pieces, -1, 1)
    dots = split.reshape(n, pieces).dot(ones(pieces, x.dtype))
    if whole < length:
        dots += np.matmul(x[:, None, whole:], y[:, whole:, None]).reshape(n)
    return np.asarray(dots)


def _sum_of_multiples(factors: Array, rows: Array) -> Array:
    """Return ``sum_r factor_r row_r``: ``(R,), (R, D) -> (D,)``; many rows in groups, as in `sum_rows`."""
    n, length = rows.shape
    if n <= 1024:
        return np.asarray(factors.dot(rows))
    size = math.isqrt(n)
    groups = n // size
    whole = groups * size
    sums = factors[:whole].reshape(groups, 1, size) @ rows[:whole].reshape(groups, size, length)
    return np.asarray(sum_rows(sums.reshape(groups, length)) + factors[whole:].dot(rows[whole:]))


# ---- one mean a group of channels in each sample


def normalize_groups(
    x: Array, groups: int, weight: Array | None, bias: Array | None, eps: float
) -> Normalized:
    """Normalise the channels of each sample of ``(N, C, M)`` in `groups`; `weight` and `bias` are (C,).

    Mean and variance are (N, G). See `normalize_plainly`. A channel of a sample is scaled and shifted by two
    numbers, and its share of all that backward needs is two sums.
    """
    n, channels, length = x.shape
    size, dtype = channels // groups, x.dtype
    count = np.array(size * length, dtype)
    weights = (ones(channels, dtype) if weight is None else weight).reshape(groups, size)
    x = np.ascontiguousarray(x)
    y = np.empty((n * channels, length), dtype)
    with np.errstate(all="ignore"):
        base, shift, mean, var = _moments(x.reshape(n * groups, size * length), count)
        base = base.reshape(y.shape)
        inverse = _inverse_root(var, np.array(eps, dtype)).reshape(n, groups, 1)
        shift = shift.reshape(n, groups, 1)
        offset = shift * inverse
        scale = (inverse * weights).reshape(n * channels, 1)
        level = (offset * weights).reshape(n, channels)
        level = -level if bias is None else bias - level
        level = level.reshape(n * channels, 1)
        with broadcast_along_rows(length):
            for part in _blocks(base):
                np.multiply(base[part], scale[part], y[part])
                np.add(y[part], level[part], y[part])

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dy = np.ascontiguousarray(dy).reshape(base.shape)
        dx = dweight = None
        with np.errstate(all="ignore"):
            sums = _row_sums(dy).reshape(n, groups, size)
            if wanted[0] or wanted[1]:
                dots = _row_dots(dy, base).reshape(n, groups, size)
                dots -= shift * sums  # exact where dy is constant and the numbers are short
                dots *= inverse  # sum dy z
            if wanted[1]:
                dweight = sum_rows(dots.reshape(n, channels))
                if not _is_finite(dweight):
                    z = base.reshape(n, groups, size * length) * inverse - offset
                    dweight = sum_rows(_row_sums(dy * z.reshape(base.shape)).reshape(n, channels))
            if wanted[0]:
                # dx = inverse (w dy + slope z + level), where z = base inverse - offset
                slope = _row_sums((dots * weights).reshape(n * groups, size)).reshape(n, groups, 1)
                level = _row_sums((sums * weights).reshape(n * groups, size)).reshape(n, groups, 1)
                slope /= -count
                level /= -count
                level -= offset * slope
                slope *= inverse
                dx = _combine(dy, weight, base, slope, level, inverse).reshape(x.shape)
        return dx, dweight, sum_rows(sums.reshape(n, channels)) if wanted[2] else None

    return y.reshape(x.shape), backward, mean.reshape(n, groups), var.reshape(n, groups)


def _combine(
    dy: Array, weight: Array | None, base: Array, slope: Array, level: Array, inverse: Array
) -> Array:
    """Return ``inverse (w dy + slope base + level)``, of a channel's weight and a group's three factors.

    The arrays are (N C, M), the factors (N, G, 1). The scale is last, as the terms may cancel.
    """
    dx = np.empty(dy.shape, dy.dtype)
    (n_rows, length), n = dy.shape, slope.shape[0]
    size = n_rows // slope.size
    short = length < _SHORT
    dz = dy
    if weight is not None and short:
        dz = dx
        np.multiply(dy.reshape(n, -1), repeat(weight, length), dx.reshape(n, -1))
    elif weight is not None:
        with broadcast_along_rows(length):
            dz = np.multiply(dy, np.tile(weight, n)[:, None], dx)
    # Short rows are slow: all channels of a group have the same factors, and are joined to one.
    joined = size if short and size * length <= _LONGEST else 1
    slope, level, inverse = (factor.repeat(size // joined)[:, None] for factor in (slope, level, inverse))
    dz, base, out = (array.reshape(n_rows // joined, joined * length) for array in (dz, base, dx))
    parts = _blocks(base)
    scratch = np.empty((parts[0].stop, joined * length), dy.dtype)
    with broadcast_along_rows(joined * length):
        for part in parts:
            result = out[part]
            terms = np.multiply(base[part], slope[part], scratch[: result.shape[0]])
            np.add(dz[part], terms, result)
            np.add(result, level[part], result)
            np.multiply(result, inverse[part], result)
    return dx


# ---- one mean a channel over the batch


def normalize_columns(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Normalized:
    """Normalise each channel of ``(N, C, M)`` over the batch and the M values; all others are (C,).

    See `normalize_plainly`. Here x is taken as the matrix (N, C M), since a row of numbers, each channel's
    repeated M times, is combined with all rows twice as fast as one number a channel is.
    """
    n, n_channels, length = x.shape
    dtype, shape = x.dtype, x.shape
    matrix = np.ascontiguousarray(x).reshape(n, n_channels * length)
    count = np.array(n * length, dtype)
    y = np.empty(matrix.shape, dtype)
    with np.errstate(all="ignore"):
        base = matrix
        mean, var = channel_sums(base, n_channels), _channel_dots(base, base, n_channels)
        mean /= count
        var /= count
        shift = mean
        if not _is_within_spread(mean, var):
            base = matrix - repeat(mean, length)
            rest = channel_sums(base, n_channels)  # what rounding has left of the mean
            rest /= count
            np.subtract(base, repeat(rest, length), base)
            mean = np.where(np.isfinite(rest), mean + rest, mean)  # an infinite mean stays so, as in PyTorch
            var = _channel_dots(base, base, n_channels)
            var /= count
            shift = np.zeros_like(mean)
        inverse = _inverse_root(var, np.array(eps, dtype))
        scale = inverse if weight is None else weight * inverse
        level = shift * scale
        level = -level if bias is None else bias - level
        factors, levels = repeat(scale, length), repeat(level, length)
        for rows in blocks(n, matrix.nbytes):
            part = y[rows]
            np.multiply(base[rows], factors, part)
            np.add(part, levels, part)

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dy = np.ascontiguousarray(dy).reshape(matrix.shape)
        dx = dweight = None
        with np.errstate(all="ignore"):
            dbias = channel_sums(dy, n_channels)
            if wanted[0] or wanted[1]:
                dweight = _channel_dots(dy, base, n_channels)
                dweight -= shift * dbias
                dweight *= inverse
            if dweight is not None and wanted[0]:
                # dx = scale (dy - dbias / count + slope (base - shift)): scaled last, as terms may cancel.
                slope = dweight * inverse
                slope /= -count
                level = dbias / -count
                level -= slope * shift
                slope, level = repeat(slope, length), repeat(level, length)
                dx = np.empty(matrix.shape, dtype)
                for rows in blocks(n, matrix.nbytes):
                    part = dx[rows]
                    np.multiply(base[rows], slope, part)
                    np.add(part, dy[rows], part)
                    np.add(part, level, part)
                    np.multiply(part, factors, part)
                dx = np.asarray(dx.reshape(shape))
            if dweight is not None and not _is_finite(dweight):
                z = (base - repeat(shift, length)) * repeat(inverse, length)
                dweight = channel_sums(dy * z, n_channels)
        return dx, dweight if wanted[1] else None, dbias if wanted[2] else None

    return y.reshape(shape), backward, mean, var


def channel_sums(x: Array, n_channels: int) -> Array:
    """Return each channel's sum: ``(N, C M) -> (C,)``."""
    sums = sum_rows(x)
    if sums.size == n_channels:
        return sums
    length = sums.size // n_channels
    return np.asarray(sums.reshape(n_channels, length).dot(ones(length, x.dtype)))


def _channel_dots(x: Array, y: Array, n_channels: int) -> Array:
    """Return each channel's ``sum x y``."""
    n, width = x.shape
    length = width // n_channels
    if length >= _SHORTEST:
        dots = _row_dots(x.reshape(n * n_channels, length), y.reshape(n * n_channels, length))
        return sum_rows(dots.reshape(n, n_channels))
    sums = np.zeros(n_channels, x.dtype)
    for rows in blocks(n, x.nbytes):
        sums += channel_sums(x[rows] * y[rows], n_channels)
    return sums


def repeat(channels: Array, length: int) -> Array:
    """Return the row in which each channel's number stands `length` times: ``(C,) -> (C M,)``."""
    return channels if length == 1 else channels.repeat(length)
