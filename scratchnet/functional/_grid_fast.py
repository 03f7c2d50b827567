"""Sampling at any places in float32 and float64; it must equal the plain bodies of ``_grid.py``.

A few channels are worked on at a time, as many as fit the cache: every pass but the taking itself goes along
the places of all images, and all neighbours of a place are taken at once. Backward sums what goes to each
pixel as a weighted count of the pixels' numbers, which NumPy makes in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from .._types import Array


class Taps(NamedTuple):
    """The neighbours along one axis, ``(K, N, P)`` each, for every place."""

    number: Array
    inside: Array
    weight: Array
    slope: Array
    """The weight's derivative by the grid's coordinate."""


Sampled: TypeAlias = tuple[Array, Callable[[Array], Array], Callable[[Array], Array]]
"""``y``, and the functions from ``dy`` to ``dx`` and to ``dgrid``."""

_BLOCK = 32_768
"""How many neighbours of all the channels are worked on at a time."""


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
    step = max(1, _BLOCK // numbers.size)
    groups = [slice(start, min(start + step, c)) for start in range(0, c, step)]
    images = x.reshape(n, c, size)

    def values(group: slice) -> Iterator[tuple[slice, Array]]:
        """Find the values of all neighbours, block by block of places: (channels, K, places of the block)."""
        pixels = np.empty((group.stop - group.start, n * size + 1), x.dtype)
        pixels[:, :-1].reshape(-1, n, size)[...] = images[:, group].transpose(1, 0, 2)
        pixels[:, -1] = 0  # what is outside
        width = min(every, max(1, 4 * _BLOCK // len(numbers)))
        scratch = np.empty(len(pixels) * len(numbers) * width, x.dtype)
        for start in range(0, every, width):
            block = slice(start, min(start + width, every))
            which = numbers[:, block]
            found = scratch[: len(pixels) * which.size].reshape(-1, *which.shape)
            yield block, pixels.take(which, axis=1, out=found, mode="clip")

    y = np.empty((n, c, places), x.dtype)
    for group in groups:
        line = np.empty((group.stop - group.start, every), x.dtype)
        for block, found in values(group):
            if weights is None:
                line[:, block] = found[:, 0]
            else:
                np.multiply(found, weights[:, block], out=found)
                np.add.reduce(found, axis=1, out=line[:, block])
        y[:, group] = line.reshape(-1, n, places).transpose(1, 0, 2)

    def dx(dy: Array) -> Array:
        summed = np.empty((n, c, size), x.dtype)
        for group in groups:
            each = dy[:, group].transpose(1, 0, 2).reshape(-1, every)
            back = add_weighted(numbers, weights, each, n * size)
            summed[:, group] = back.reshape(-1, n, size).transpose(1, 0, 2)
        return summed

    def dgrid(dy: Array) -> Array:
        along = np.zeros(numbers.shape, x.dtype)
        for group in groups:
            each = dy[:, group].transpose(1, 0, 2).reshape(-1, 1, every)
            for block, found in values(group):
                np.multiply(found, each[:, :, block], out=found)
                along[:, block] += found[0] if len(found) == 1 else np.add.reduce(found, axis=0)
        slopes = np.empty((every, len(axes)), x.dtype)
        for i, axis in enumerate(reversed(axes)):
            factors = _products([other.slope if other is axis else other.weight for other in axes])
            factors *= along
            np.add.reduce(factors, axis=0, out=slopes[:, i])
        return slopes

    return y, dx, dgrid


def add_weighted(numbers: Array, weights: Array | None, each: Array, count: int) -> Array:
    """Return ``(C, count)``: the sum of ``weights[k, p] each[:, p]`` over all k, p with that number.

    A number of `count` belongs to none. Without weights they are all 1.
    """
    c = len(each)
    places = numbers
    if c > 1:
        places = np.arange(0, c * (count + 1), count + 1)[:, None, None] + numbers
    values = each[:, None] if weights is None else each[:, None] * weights
    sums = np.bincount(places.reshape(-1), values.reshape(-1), c * (count + 1))
    return sums.reshape(c, count + 1)[:, :-1]


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
