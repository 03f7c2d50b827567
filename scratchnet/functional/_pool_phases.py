"""Pooling on flat arrays, in float32 and float64; it must equal the plain bodies of ``_pool.py``.

With a stride of s, what stands at one offset of all windows is every s-th element of the padded input. The
input is parted into phases, of which each holds every s-th: there, neighbouring windows are neighbours, and
another offset of the kernel is the same array, further on. All images of a block lie one after the other, so
that a step of the work is one call over one run, whatever the width of a row. A row of a phase is longer than
a row of windows by the reach of the kernel: what is computed there is thrown away.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._types import Array
from ._bits import keep
from ._windows import Geometry, Sides, Slices, first_inside

Forward: TypeAlias = tuple[Array, Callable[[Array], Array]]
"""``y``, and the function from ``dy`` to ``dx``."""

MOST_OFFSETS = 255
"""How many offsets a kernel may have: their numbers, and one that none has, fit into a byte."""
_BLOCK = 32_768
"""How many elements of a phase are worked on at a time."""
_MOST_WASTE = 2
"""How many times the elements of `y` the elements of a phase may be."""


class _Plan(NamedTuple):
    """Where the phases lie, and each offset in them."""

    grid: Sides
    """The sides of a phase."""
    inside: Slices
    """Where in a phase the windows are."""
    offsets: list[tuple[Sides, int]]
    """For each offset of the kernel its phase, and how far on it is there in the flat array."""
    parts: dict[Sides, tuple[Slices, Slices]]
    """For each phase where in it, and where in the input, the elements that both have in common are."""
    reach: int
    """How far on the last offset is."""
    first: Array
    """For each window the number of its first offset inside the input; 255, which none has, without any."""


def fits_phases(geometry: Geometry) -> bool:
    """Return whether few enough elements are thrown away, and the kernel is not too large."""
    return math.prod(geometry.kernel) <= MOST_OFFSETS and math.prod(
        _grid(geometry)
    ) <= _MOST_WASTE * math.prod(geometry.out)


def _grid(geometry: Geometry) -> Sides:
    reaches = zip(geometry.out, geometry.kernel, geometry.dilation, geometry.stride, strict=True)
    return tuple(o + (k - 1) * d // s for o, k, d, s in reaches)


@functools.lru_cache(maxsize=64)
def _plan(sides: Sides, geometry: Geometry) -> _Plan:
    grid = _grid(geometry)
    offsets, parts = [], {}
    for offset in np.ndindex(*geometry.kernel):
        phase, on = [], 0
        for k, d, s, side in zip(offset, geometry.dilation, geometry.stride, grid, strict=True):
            phase.append(k * d % s)
            on = on * side + k * d // s
        key = tuple(phase)
        offsets.append((key, on))
        if key not in parts:
            parts[key] = _common(key, sides, grid, geometry)
    inside = (slice(None), *(slice(o) for o in geometry.out))
    first = first_inside(sides, geometry).astype(np.uint8)
    first.flags.writeable = False
    return _Plan(grid, inside, offsets, parts, offsets[-1][1], first)


def _common(phase: Sides, sides: Sides, grid: Sides, geometry: Geometry) -> tuple[Slices, Slices]:
    """Return where in a phase, and where in the input, the elements that both have are."""
    mine: list[slice] = [slice(None)]
    theirs: list[slice] = [slice(None)]
    for first, side, length, s, before in zip(
        phase, sides, grid, geometry.stride, geometry.before, strict=True
    ):
        start = max(0, -(-(before - first) // s))
        end = max(start, min(length, -(-(side + before - first) // s)))
        begin = first + start * s - before
        mine.append(slice(start, end))
        theirs.append(slice(begin, begin + (end - start) * s, s))
    return tuple(mine), tuple(theirs)


def _blocks(n: int, grid: Sides) -> tuple[int, list[slice]]:
    """Return how many images a block has at most, and the blocks."""
    step = max(1, min(n, _BLOCK // math.prod(grid)))
    return step, [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _phases(plan: _Plan, n: int, value: float, dtype: np.dtype[Any]) -> dict[Sides, Array]:
    """Return an array of n images for each phase."""
    memory = np.full((len(plan.parts), n, *plan.grid), value, dtype)
    return dict(zip(plan.parts, memory, strict=True))


def _images(x: Array, geometry: Geometry) -> tuple[Array, _Plan]:
    """Return the channels of all samples as images ``(N, *sides)``, and the plan for them."""
    sides = x.shape[-len(geometry.out) :]
    return x.reshape(-1, *sides), _plan(sides, geometry)


def _fill(phases: dict[Sides, Array], plan: _Plan, images: Array) -> None:
    """Write the images to their phases."""
    for phase, (mine, theirs) in plan.parts.items():
        phases[phase][: len(images)][mine] = images[theirs]


def max_pool_phases(x: Array, geometry: Geometry) -> Forward:
    """Return what `max_forward_plain` and `max_dx_plain` return; `x` holds no NaN."""
    images, plan = _images(x, geometry)
    sides = images.shape[1:]  # the pullback needs no more of the images
    step, blocks = _blocks(len(images), plan.grid)
    size = math.prod(plan.grid)
    y = np.empty((len(images), *geometry.out), dtype=x.dtype)
    winner = np.zeros((len(images), *plan.grid), dtype=np.uint8)
    if geometry.is_padded:
        winner[plan.inside] = plan.first
    phases = _phases(plan, step, -np.inf, x.dtype)
    best = np.empty(step * size, dtype=x.dtype)
    better = np.empty(step * size, dtype=np.bool_)
    for block in blocks:
        some = images[block]
        n = len(some) * size - plan.reach
        _fill(phases, plan, some)
        top, is_better, first = best[:n], better[:n], winner[block].reshape(-1)[:n]
        number_if_better = is_better.view(np.uint8)
        for number, (phase, on) in enumerate(plan.offsets):
            candidate = phases[phase].reshape(-1)[on : on + n]
            if number == 0:
                top[...] = candidate
                continue
            np.greater(candidate, top, out=is_better)
            np.maximum(candidate, top, out=top)
            # Offsets come in growing order: who is better has the larger number.
            np.multiply(number_if_better, np.uint8(number), out=number_if_better)
            np.maximum(first, number_if_better, out=first)
        y[block] = best[: len(some) * size].reshape(-1, *plan.grid)[plan.inside]

    def dx(dy: Array) -> Array:
        return _add_up(dy.reshape(-1, *geometry.out), plan, sides, winner).reshape(x.shape)

    return y.reshape(*x.shape[: -len(geometry.out)], *geometry.out), dx


def avg_pool_phases(x: Array, divisor: Array, geometry: Geometry) -> Forward:
    """Return what `avg_forward_plain` and `avg_dx_plain` return."""
    images, plan = _images(x, geometry)
    sides = images.shape[1:]  # the pullback needs no more of the images
    step, blocks = _blocks(len(images), plan.grid)
    size = math.prod(plan.grid)
    y = np.empty((len(images), *geometry.out), dtype=x.dtype)
    phases = _phases(plan, step, 0.0, x.dtype)
    sums = np.empty(step * size, dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # what is thrown away may be anything
        for block in blocks:
            some = images[block]
            n = len(some) * size - plan.reach
            _fill(phases, plan, some)
            total = sums[:n]
            total.fill(0)
            for phase, on in plan.offsets:
                np.add(total, phases[phase].reshape(-1)[on : on + n], out=total)
            np.divide(sums[: len(some) * size].reshape(-1, *plan.grid)[plan.inside], divisor, out=y[block])

    def dx(dy: Array) -> Array:
        each = dy / divisor
        return _add_up(each.reshape(-1, *geometry.out), plan, sides, None).reshape(x.shape)

    return y.reshape(*x.shape[: -len(geometry.out)], *geometry.out), dx


def _add_up(dy: Array, plan: _Plan, sides: Sides, winner: Array | None) -> Array:
    """Return ``dx``: each window's cotangent, added at the offset that is its winner, or at all of them."""
    step, blocks = _blocks(len(dy), plan.grid)
    size = math.prod(plan.grid)
    dx = np.zeros((len(dy), *sides), dtype=dy.dtype)
    spread = np.zeros((step, *plan.grid), dtype=dy.dtype)
    kept, open_ = np.empty(step * size, dtype=dy.dtype), np.empty(step * size, dtype=np.bool_)
    phases = _phases(plan, step, 0.0, dy.dtype)
    for block in blocks:
        some = dy[block]
        n = len(some) * size - plan.reach
        spread[: len(some)][plan.inside] = some
        if block.start:
            for added in phases.values():
                added.fill(0)
        for number, (phase, on) in enumerate(plan.offsets):
            added = phases[phase].reshape(-1)[on : on + n]
            own = every = spread.reshape(-1)[:n]
            if winner is not None:
                np.equal(winner[block].reshape(-1)[:n], np.uint8(number), out=open_[:n])
                own = keep(every, open_[:n], kept[:n])
            np.add(added, own, out=added)
        for phase, (mine, theirs) in plan.parts.items():
            dx[block][theirs] = phases[phase][: len(some)][mine]
    return dx
