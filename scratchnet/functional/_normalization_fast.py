"""Faster bodies of `_normalization.normalize`, the plain one that each of them must equal.

`normalize_columns` is ``normalize(x, (0, 2), ...)``, one mean a channel over the batch; `normalize_rows` is
``normalize(x, (2,), ...)``, one mean a row. Sums are products with ones, and large arrays are gone through in
blocks that stay in a cache, without temporaries of their size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .._types import Array
from ._buffers import blocks, broadcast_along_rows
from ._constants import ONE, ZERO
from ._shapes import ones, sum_rows

Wanted: TypeAlias = tuple[bool, bool, bool]
Backward: TypeAlias = Callable[[Array, Wanted], tuple[Array | None, Array | None, Array | None]]
Normalized: TypeAlias = tuple[Array, Backward, Array, Array]

_BLOCK = 1 << 16  # elements
_TILE = 1 << 13
_LONGEST = 1 << 12  # of a row that is added up as a product: a longer one loses digits so
_SHORTEST = 32  # of a row that is worth a product of its own


# ---- one mean a row


def normalize_rows(
    x: Array, weight: Array | None, bias: Array | None, eps: float, centre: bool
) -> Normalized:
    """Normalise each row of ``(N, G, D)``; `weight` and `bias` are (G, D). See `_normalization.normalize`."""
    n, groups, length = x.shape
    dtype, rows = x.dtype, x.reshape(n * groups, length)
    z = np.empty(rows.shape, dtype)
    y = z if weight is None and bias is None else np.empty(rows.shape, dtype)
    mean, var, inverse = (np.empty(n * groups, dtype) for _ in range(3))
    parts = _row_blocks(n, groups, length)
    count, tiny, one = dtype.type(length), dtype.type(eps), ONE[dtype.char]
    weights, biases = _Row(weight, n), _Row(bias, n)
    with np.errstate(all="ignore"), broadcast_along_rows(length):
        for part, group in parts:
            given, out, means = rows[part], z[part], mean[part]
            centred = given
            if centre:
                np.divide(_row_sums(given), count, means)
                centred = np.subtract(given, means[:, None], out)
            variance = _row_dots(centred, centred)
            variance /= count
            if centre and (means * means > 16 * variance).any():
                # What rounding has left of the mean, where it is large beside the spread.
                rest = _row_sums(centred)
                rest /= count
                np.subtract(centred, rest[:, None], centred)
                np.add(means, rest, out=means, where=np.isfinite(rest))  # an infinite mean stays so
                variance = _row_dots(centred, centred)
                variance /= count
            var[part] = variance
            variance += tiny
            np.sqrt(variance, variance)
            np.divide(one, variance, inverse[part])
            np.multiply(centred, inverse[part, None], out)
            if weight is not None:
                weights.combine(np.multiply, out, group, y[part])
            if bias is not None:
                biases.combine(np.add, out if weight is None else y[part], group, y[part])

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        cotangent = dy.reshape(rows.shape)
        width = groups * length
        dx = np.empty(rows.shape, dtype) if wanted[0] else None
        dweight = np.zeros(width, dtype) if wanted[1] else None
        dbias = np.zeros(width, dtype) if wanted[2] else None
        scratch = np.empty((max((p.stop - p.start for p, _ in parts), default=0), length), dtype)
        with np.errstate(all="ignore"), broadcast_along_rows(length):
            for part, group in parts:
                dz, value = cotangent[part], z[part]
                terms = scratch[: dz.shape[0]]
                if dweight is not None:
                    np.multiply(dz, value, terms)
                    _add_columns(dweight, terms, group)
                if dbias is not None:
                    _add_columns(dbias, dz, group)
                if dx is None:
                    continue
                out = dx[part]
                if weight is not None:
                    weights.combine(np.multiply, dz, group, out)
                    dz = out
                slope = _row_dots(dz, value)
                slope /= -count
                np.multiply(value, slope[:, None], terms)
                if centre:
                    offset = _row_sums(dz)
                    offset /= -count
                    np.add(terms, offset[:, None], terms)
                np.add(dz, terms, out)
                np.multiply(out, inverse[part, None], out)  # last, as the terms may cancel
        shaped = (groups, length)
        return (
            None if dx is None else dx.reshape(x.shape),
            None if dweight is None else dweight.reshape(shaped),
            None if dbias is None else dbias.reshape(shaped),
        )

    return y.reshape(x.shape), backward, mean.reshape(n, groups, 1), var.reshape(n, groups, 1)


def _row_blocks(n: int, groups: int, length: int) -> list[tuple[slice, slice]]:
    """Return blocks of the N G rows, each with the columns of ``(G D,)`` that belong to one sample of it.

    A block is some samples, or some groups of one.
    """
    width = groups * length
    if n * width <= _BLOCK:
        return [(slice(0, n * groups), slice(0, width))] if n else []
    if width <= _BLOCK:
        step = max(_BLOCK // max(width, 1), 1)
        starts = range(0, n, step)
        return [(slice(i * groups, min(i + step, n) * groups), slice(0, width)) for i in starts]
    step = max(_BLOCK // length, 1)
    pieces = [(g, min(g + step, groups)) for g in range(0, groups, step)]
    return [
        (slice(i * groups + g, i * groups + end), slice(g * length, end * length))
        for i in range(n)
        for g, end in pieces
    ]


class _Row:
    """A row of numbers that is combined with every sample; repeated, so that NumPy's inner loop is long."""

    def __init__(self, array: Array | None, n: int) -> None:
        self._row = None if array is None else array.reshape(-1)
        width = 0 if self._row is None else self._row.size
        self._repeats = _TILE // width if 0 < width <= _TILE // 2 and n * width > 4 * _TILE else 1
        self._tile = np.tile(self._row, self._repeats) if self._row is not None else None

    def combine(self, ufunc: np.ufunc, samples: Array, columns: slice, out: Array) -> None:
        """Write ``ufunc(samples, row)``; both arrays are blocks of rows, `out` in C order."""
        assert self._row is not None
        row, size = self._row[columns], samples.size
        if self._repeats > 1 and self._tile is not None and size % self._tile.size == 0:
            row = self._tile
        shape = (size // max(row.size, 1), row.size)
        ufunc(samples.reshape(shape), row, out.reshape(shape))


def _add_columns(total: Array, rows: Array, columns: slice) -> None:
    """Add the sum over the samples of a block to their columns of `total`."""
    width = columns.stop - columns.start
    if width:
        total[columns] += sum_rows(rows.reshape(rows.size // width, width))


def _row_sums(x: Array) -> Array:
    if x.shape[1] > _LONGEST:
        return np.asarray(np.add.reduce(x, axis=1))
    return np.asarray(x.dot(ones(x.shape[1], x.dtype)))


def _row_dots(x: Array, y: Array) -> Array:
    """Return ``sum x y`` of each row."""
    length = x.shape[1]
    if length > _LONGEST or length < _SHORTEST:
        return _row_sums(x * y)
    dots: Array = np.matmul(x[:, None, :], y[:, :, None]).reshape(x.shape[0])
    return dots


# ---- one mean a channel over the batch


def normalize_columns(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Normalized:
    """Normalise each channel of ``(N, C, M)`` over the batch and the M values.

    `weight` and `bias` are (C, 1). See `_normalization.normalize`. Here x is taken as the matrix (N, C M),
    since a row of numbers, each channel's repeated M times, is combined with all rows twice as fast as one
    number a channel is.
    """
    n, n_channels, length = x.shape
    dtype, shape, matrix = x.dtype, x.shape, x.reshape(n, n_channels * length)
    count = dtype.type(n * length)
    centred, y = np.empty(matrix.shape, dtype), np.empty(matrix.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = channel_sums(matrix, n_channels)
        mean /= count
        np.subtract(matrix, repeat(mean, length), centred)
        rest = channel_sums(centred, n_channels)  # what rounding has left of the mean
        rest /= count
        np.multiply(centred, centred, y)
        var = channel_sums(y, n_channels)
        var /= count
        var -= rest * rest
        np.maximum(var, ZERO[dtype.char], out=var)
        inverse = ONE[dtype.char] / np.sqrt(var + dtype.type(eps))
        scale = inverse if weight is None else weight.reshape(-1) * inverse
        offset = rest * scale
        offset = -offset if bias is None else bias.reshape(-1) - offset
        np.multiply(centred, repeat(scale, length), y)
        np.add(y, repeat(offset, length), y)
        np.add(mean, rest, out=mean, where=np.isfinite(rest))  # an infinite mean stays so, as in PyTorch

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dy = dy.reshape(matrix.shape)
        dbias = channel_sums(dy, n_channels)
        if not (wanted[0] or wanted[1]):
            return None, None, dbias[:, None] if wanted[2] else None
        dx = np.empty(matrix.shape, dtype)
        np.multiply(dy, centred, dx)
        dweight = channel_sums(dx, n_channels)
        dweight -= rest * dbias
        dweight *= inverse
        if wanted[0]:
            # dx = scale (dy - dbias / count + slope (centred - rest)): scaled last, as the terms may cancel.
            slope = dweight * inverse
            slope /= -count
            offset = dbias / -count
            offset -= slope * rest
            slope, offset, factor = (repeat(v, length) for v in (slope, offset, scale))
            for rows in blocks(n, matrix.nbytes):
                part = dx[rows]
                np.multiply(centred[rows], slope, part)
                np.add(part, dy[rows], part)
                np.add(part, offset, part)
                np.multiply(part, factor, part)
        return (
            dx.reshape(shape) if wanted[0] else None,
            dweight[:, None] if wanted[1] else None,
            dbias[:, None] if wanted[2] else None,
        )

    return y.reshape(shape), backward, mean[:, None], var[:, None]


def channel_sums(x: Array, n_channels: int) -> Array:
    """Return each channel's sum: ``(N, C M) -> (C,)``."""
    sums = sum_rows(x)
    if sums.size == n_channels:
        return sums
    length = sums.size // n_channels
    return np.asarray(sums.reshape(n_channels, length).dot(ones(length, x.dtype)))


def repeat(channels: Array, length: int) -> Array:
    """Return the row in which each channel's number stands `length` times: ``(C,) -> (C M,)``."""
    return channels if length == 1 else channels.repeat(length)
