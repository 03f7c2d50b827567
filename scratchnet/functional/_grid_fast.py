"""Sampling at any places in float32 and float64; it must equal the plain bodies of ``_grid.py``.

Channels come first, so that every pass but the taking itself goes along the places of all images, and all
neighbours of a block of places are taken at once. Backward sums what goes to each pixel: the pixels of a
block are put in the order of how often they are neighbours, so that the first to go to each is added in one
go, then the second, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from .._types import Array
from ._embedding import add_rows


class Taps(NamedTuple):
    """The neighbours along one axis, ``(K, N, P)`` each, for every place."""

    number: Array
    inside: Array
    weight: Array
    slope: Array
    """The weight's derivative by the grid's coordinate."""


Sampled: TypeAlias = tuple[Array, Callable[[Array], Array], Callable[[Array], Array]]
"""``y``, and the functions from ``dy`` to ``dx`` and to ``dgrid``."""

_BLOCK = 131_072  # elements of a block; its scratch stays in the cache
_FEW = 16_384  # elements up to which counting with weights is faster than to sort
_LONG_RUN = 256


def sample(x: Array, axes: Sequence[Taps]) -> Sampled | None:
    """Return what `forward_plain`, `dx_plain` and `dgrid_plain` do; None where they are to be taken."""
    n, c, *sides = x.shape
    places = axes[0].number.shape[2]
    if x.dtype.char not in "fd" or x.size == 0 or places == 0:
        return None
    size, every = math.prod(sides), n * places
    numbers = _numbers(axes, sides)
    # One neighbour is the nearest: no weights.
    weights = _products([axis.weight for axis in axes]) if len(numbers) > 1 else None
    pixels = np.empty((c, n * size + 1), x.dtype)
    pixels[:, :-1].reshape(c, n, size)[...] = x.reshape(n, c, size).transpose(1, 0, 2)
    pixels[:, -1] = 0  # what is outside
    step = max(1, _BLOCK // (len(numbers) * c))
    blocks = [slice(start, min(start + step, every)) for start in range(0, every, step)]

    y = np.empty((c, every), x.dtype)
    for block in blocks:
        values = pixels.take(numbers[:, block], axis=1, mode="clip")
        if weights is None:
            y[:, block] = values[:, 0]
        else:
            values *= weights[:, block]
            np.add.reduce(values, axis=1, out=y[:, block])

    def dx(dy: Array) -> Array:
        by_channel = dy.transpose(1, 0, 2).reshape(c, every)
        summed = add_weighted(numbers, weights, by_channel, n * size)
        return np.array(summed.reshape(c, n, size).transpose(1, 0, 2), order="C")

    def dgrid(dy: Array) -> Array:
        by_channel = dy.transpose(1, 0, 2).reshape(c, every)
        along = np.empty(numbers.shape, x.dtype)
        for block in blocks:
            values = pixels.take(numbers[:, block], axis=1, mode="clip")
            values *= by_channel[:, None, block]
            np.add.reduce(values, axis=0, out=along[:, block])
        found = np.empty((every, len(axes)), x.dtype)
        for i, axis in enumerate(reversed(axes)):
            factors = _products([other.slope if other is axis else other.weight for other in axes])
            factors *= along
            np.add.reduce(factors, axis=0, out=found[:, i])
        return found

    return np.array(y.reshape(c, n, places).transpose(1, 0, 2), order="C"), dx, dgrid


def add_weighted(numbers: Array, weights: Array | None, each: Array, count: int) -> Array:
    """Return ``(C, count)``: the sum of ``weights[k, p] each[:, p]`` over all k, p with that number.

    A number of `count` belongs to none. Without weights they are all 1.
    """
    c, places = each.shape
    if numbers.size * c <= _FEW:
        return _counted(numbers, weights, each, count)
    flat = numbers.reshape(-1)
    often = np.bincount(flat, minlength=count + 1)[:count]
    most = int(often.max())
    if most > _LONG_RUN:
        rows = each.T if weights is None else (each.T * weights[..., None]).reshape(-1, c)
        return np.asarray(add_rows(flat, rows, count + 1)[:-1].T)
    order = _order(flat, count + 1)
    place_of = np.tile(np.arange(places), len(numbers)).take(order)
    weight_of = None if weights is None else weights.reshape(-1).take(order)
    first = np.cumsum(often) - often
    sums = np.empty((c, count), each.dtype)
    step = max(1, _BLOCK // c)
    scratch = np.empty((2, c * min(step, count)), each.dtype)
    for start in range(0, count, step):
        block = often[start : start + step]
        by_often = np.argsort((most - block).astype(np.uint16), kind="stable")
        begin = first[start : start + step].take(by_often)
        # How many of the block have one more: its first ones have the most.
        have = len(block) - np.cumsum(np.bincount(block))[:-1]
        held = scratch[0, : c * len(block)].reshape(c, -1)
        held[:, np.count_nonzero(block) :] = 0
        for turn, m in enumerate(have.tolist()):
            at = begin[:m] + turn
            values = scratch[1, : c * m].reshape(c, m)
            each.take(place_of.take(at), axis=1, out=values, mode="clip")
            if weight_of is not None:
                values *= weight_of.take(at)
            if turn == 0:
                held[:, :m] = values
            else:
                held[:, :m] += values
        back = np.empty_like(by_often)
        back[by_often] = np.arange(len(block))
        if len(block) == count:
            return held.take(back, axis=1)
        sums[:, start : start + step] = held.take(back, axis=1)
    return sums


def _counted(numbers: Array, weights: Array | None, each: Array, count: int) -> Array:
    """Return what `add_weighted` does, by a weighted count of elements in float64."""
    c = len(each)
    places = np.arange(0, c * (count + 1), count + 1)[:, None, None] + numbers
    values = each[:, None] if weights is None else each[:, None] * weights
    sums = np.bincount(places.reshape(-1), values.reshape(-1), minlength=c * (count + 1))
    return sums.reshape(c, count + 1)[:, :-1].astype(each.dtype, copy=False)


def _order(numbers: Array, count: int) -> Array:
    """Return the stable order of integers in [0, count), 16 bits at a time: NumPy counts those."""
    if numbers.size < 2048:
        return np.argsort(numbers, kind="stable")
    order = np.argsort((numbers & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while count - 1 >> shift:
        digit = (numbers[order] >> shift & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit, kind="stable")]
        shift += 16
    return order


def _numbers(axes: Sequence[Taps], sides: Sequence[int]) -> Array:
    """Return the numbers of all neighbours of all places among the pixels, ``(K, N P)``."""
    number, inside = axes[0].number, axes[0].inside
    n, places = number.shape[1:]
    for axis, side in zip(axes[1:], sides[1:], strict=True):
        number = (number[:, None] * side + axis.number).reshape(-1, n, places)
        inside = (inside[:, None] & axis.inside).reshape(-1, n, places)
    size = math.prod(sides)
    number = number + np.arange(0, n * size, size)[:, None]
    return np.where(inside, number, n * size).reshape(-1, n * places)


def _products(factors: Sequence[Array]) -> Array:
    """Return the product of an array of each axis for all pairs (triples) of neighbours, ``(K, N P)``."""
    product = factors[0]
    for factor in factors[1:]:
        product = (product[:, None] * factor).reshape(-1, *factor.shape[1:])
    return product.reshape(len(product), -1)
