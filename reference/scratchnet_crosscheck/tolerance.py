"""The error measure and the bound: the one place that says how close is close enough.

The measure is the max norm of a result, and in float64 that of each slice (sample, channel) as well, since
the max norm hides small entries beside large ones. With t the reference in float64 on the same inputs, the
bound is

    K * (own + change + eps * max|t|)

where `own` is the reference's own error in the result's dtype, the largest over the inputs and five that are
perturbed by rounding, and `change` is how far t moves under those perturbations. In float32 K is 8: over
15,000 comparisons of right float32 code the worst came to 2.2. The cheap part, 8 eps max|t|, is tried first
and the rest is paid for only where that fails.

In float64 nothing more precise is at hand to measure `own` with: its error in float32, measured in float64
and scaled by the ratio of the two eps, stands for it. That is blind where float32 saturates before float64
does (1 - tanh(19)^2 is 0 in the one and all rounding in the other), so 8 eps times the largest cotangent (1
for a forward pass) is added, and K is 64: a real mistake stands out by ten orders there.

There is no absolute floor that does not scale with the cotangent: one of 1e-5 hides a gradient that is zero
by mistake.

Somebody's own layer may be written by another formula of the same function than the reference's. An element
of it need be within this bound or within 16 roundings of the largest argument, scaled by the cotangent, and
of the largest result: what a right formula may come to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._types import Array, Cotangents, DType, Outputs
    from .case import Case
    from .catalogue.protocol import Operation

    Evaluate = Callable[[Case, Outputs], Cotangents]

PERTURBATIONS = 5
#: And so many before a result within a hundred times of the bound is called wrong.
MORE = 30
FACTOR = {"float32": 8.0, "float64": 64.0}
CHEAP_FACTOR = 8.0
FORMULA_FACTOR = 16.0


@dataclass(frozen=True)
class Mismatch:
    """The worst place of a result that is outside its bound."""

    part: int
    why: str
    index: tuple[int, ...] | None = None
    error: float | None = None
    allowed: float | None = None
    wrong: int | None = None


class Yardstick:
    """How far a result may be from a reference, on one case.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(case, cotangents)``: the reference's results, a tuple with None for those that are not
        there. It is called in the case's dtype and in float64.
    case : Case
        The call.
    cotangents : tuple of ndarray
        What is handed to the backward pass; empty where the results are a forward pass's.
    entry : Operation
        Says which values a perturbation must leave alone.
    seed : int
        Of the perturbations.
    cancels : bool
        Whether terms may cancel that are as large as the arguments' product, and in a way that no small
        perturbation shows: ``dp - sum dp p`` of a saturated softmax is a multiple of a rounding error of
        `dp`, and it is the same multiple for all neighbours of `dp`.
    any_formula : bool
        Whether the results may be had by another formula than the reference's.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        case: Case,
        cotangents: Outputs,
        entry: Operation,
        seed: int = 0,
        *,
        cancels: bool = False,
        any_formula: bool = False,
    ) -> None:
        self._evaluate = evaluate
        self._case = case
        self._cotangents = cotangents
        self._entry = entry
        self._seed = seed
        self._cancels = cancels
        self._any_formula = any_formula
        self.dtype: DType = case.dtype
        self.eps = float(np.finfo(self.dtype).eps)
        self.factor = FACTOR.get(self.dtype.name, 8.0)
        self.worst = 0.0
        self._found: list[tuple[Cotangents, Cotangents]] = []

    @cached_property
    def truth(self) -> Cotangents:
        """The reference in float64, on the same inputs."""
        return self._in_double(self._case, self._cotangents)

    @cached_property
    def own(self) -> Cotangents:
        """The reference in the dtype of the case."""
        return self._evaluate(self._case, self._cotangents)

    @cached_property
    def _unperturbed(self) -> list[tuple[Cotangents, Cotangents]]:
        """The reference's own error on the very inputs: what is as far off by chance may be so nowhere else.

        ``x - y + eps`` is 0 in float32 for one x alone, and the slope of its absolute value another there.
        """
        if self.dtype == np.float64:  # it is the truth itself
            return []
        with np.errstate(all="ignore"):
            return [(tuple(None for _ in self.truth), _distances(self.own, self.truth))]

    def _perturbed(self, count: int) -> list[tuple[Cotangents, Cotangents]]:
        """For each perturbation: how far the truth moves, and the reference's own error; both by element."""
        with np.errstate(all="ignore"):
            while len(self._found) < count:
                rng = np.random.default_rng([self._seed, len(self._found)])
                case = perturb(self._case, self._entry, rng)
                cotangents = tuple(_jitter(c, rng, ()) for c in self._cotangents)
                truth = self._in_double(case, cotangents)
                moved = _distances(truth, self.truth)
                if self.dtype == np.float64:
                    self._found.append((moved, self._own_by_float32(rng)))
                else:
                    self._found.append((moved, _distances(self._evaluate(case, cotangents), truth)))
        return self._found

    def _own_by_float32(self, rng: np.random.Generator) -> Cotangents:
        """The error the reference makes in float32, scaled to what it would be in float64.

        The arguments are off by a rounding error of float32: those that were drawn have few digits, and sums
        of them may be exact.
        """
        coarse = perturb(self._case.astype(np.float32), self._entry, rng)
        short = tuple(_jitter(c.astype(np.float32), rng, ()) for c in self._cotangents)
        ratio = self.eps / float(np.finfo(np.float32).eps)
        off = _distances(self._evaluate(coarse, short), self._in_double(coarse, short))
        return tuple(None if distance is None else distance * ratio for distance in off)

    def compare(self, got: Cotangents, *, slices: bool = True) -> Mismatch | None:
        """Return where `got` is outside the bound, or None.

        ``self.worst`` becomes the largest error seen, as a multiple of the bound.
        """
        if len(got) != len(self.truth):
            return Mismatch(0, f"{len(got)} results, not {len(self.truth)}")
        for part, (mine, true) in enumerate(zip(got, self.truth, strict=True)):
            if mine is None and true is None:
                continue
            if mine is None or true is None:
                return Mismatch(part, "is None" if mine is None else "is not None")
            if not isinstance(mine, np.ndarray | np.generic):
                return Mismatch(part, f"is a {type(mine).__name__}, not an array")
            if mine.shape != true.shape:
                return Mismatch(part, f"has shape {mine.shape}, not {true.shape}")
            found = self._compare_one(part, np.asarray(mine), true, slices=slices)
            if found is not None:
                return found
        return None

    def _compare_one(self, part: int, mine: Array, true: Array, *, slices: bool) -> Mismatch | None:
        if mine.dtype.kind != "f":
            differ = mine != true
            return _masked(part, "is not the integer it should be", differ) if differ.any() else None
        with np.errstate(all="ignore"):
            rounded = true.astype(self.dtype).astype(np.float64)
            mine64 = mine.astype(np.float64)
        # Not-a-numbers and infinities first: they must be the reference's, in the case's dtype or in float64.
        odd = ~(np.isfinite(mine64) & np.isfinite(rounded))
        if odd.any():
            own = self.own[part]
            agrees = _same(mine64, rounded) | (own is not None and _same(mine64, np.asarray(own, np.float64)))
            wrong = odd & ~agrees
            if wrong.any():
                index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                why = f"is {mine64[index]:g} where the reference is {rounded[index]:g}"
                return _masked(part, why, wrong)
        error = np.where(odd, 0.0, np.abs(mine64 - np.where(np.isfinite(true), true, 0.0)))
        scale = np.where(odd, 0.0, np.abs(np.where(np.isfinite(true), true, 0.0)))
        axes: list[tuple[int, ...] | None] = [None]
        if slices and self.dtype == np.float64 and error.ndim > 1:
            axes.append(tuple(range(1 if error.ndim == 2 else 2, error.ndim)))
        for axis in axes:
            found = self._within(part, error, scale, axis)
            if found is not None:
                return found
        return None

    def _within(self, part: int, error: Array, scale: Array, axis: tuple[int, ...] | None) -> Mismatch | None:
        def largest(a: Array) -> Array:
            return np.asarray(np.max(a, axis=axis, keepdims=True, initial=0.0))

        size = largest(scale)
        floor = self._floor
        by_formula = 0.0
        if self._any_formula:
            unit = FORMULA_FACTOR * self.eps
            by_formula = unit * self._of_the_arguments + unit * float(scale.max(initial=0.0))
        allowed = np.maximum(CHEAP_FACTOR * self.eps * size + floor, by_formula)
        if (error <= allowed).all():
            self._note(error, allowed)
            return None
        for count in (PERTURBATIONS, MORE):  # of a single number five may all be small by chance
            own, change = np.zeros_like(size), np.zeros_like(size)
            for moved, off in (*self._unperturbed, *self._perturbed(count)):
                here, there = moved[part], off[part]
                if here is not None:
                    change = np.maximum(change, largest(np.where(np.isfinite(here), here, 0.0)))
                if there is not None:
                    own = np.maximum(own, largest(np.where(np.isfinite(there), there, 0.0)))
            allowed = np.maximum(self.factor * (own + change + self.eps * size) + floor, by_formula)
            outside = error > allowed
            if not outside.any() or (error > 100.0 * allowed).any():
                break
        self._note(error, allowed)
        if not outside.any():
            return None
        excess = np.where(outside, error / allowed, 0.0)
        index = np.unravel_index(int(np.argmax(excess)), error.shape)
        where = tuple(int(i) for i in index)
        bound = float(np.broadcast_to(allowed, error.shape)[index])
        return Mismatch(part, "is off", where, float(error[index]), bound, int(outside.sum()))

    def _note(self, error: Array, allowed: Array) -> None:
        if error.size:
            self.worst = max(self.worst, float(np.max(error / allowed)))

    @cached_property
    def _of_the_arguments(self) -> float:
        """The largest argument, 1 at least, times the largest cotangent."""
        floats = [a for a in self._case.given.values() if a.dtype.kind == "f"]
        largest = max([1.0, *map(_largest, floats)])
        product = largest * max(map(_largest, self._cotangents), default=1.0)
        return min(product, float(np.finfo(np.float64).max))

    @cached_property
    def _floor(self) -> float:
        """What no relative error can describe: underflow, and roundings of numbers next to 1.

        Underflow comes to a few smallest normal numbers, scaled as the arguments are.
        """
        sizes = [1.0]
        for array in (*self._case.given.values(), *self._cotangents):
            if array.dtype.kind == "f":
                sizes.append(max(1.0, _largest(array)))
        product = min(float(np.prod(sizes)), 1e200)
        underflow = 64.0 * float(np.finfo(self.dtype).tiny) * product
        if self._cancels:
            return CHEAP_FACTOR * self.eps * product
        largest = max((float(np.max(np.abs(c), initial=0.0)) for c in self._cotangents), default=0.0)
        if self.dtype != np.float64:
            # One rounding of a cotangent from which another cancels, as in softmax: PyTorch's may be none.
            return underflow + 2.0 * self.eps * largest
        return underflow + CHEAP_FACTOR * self.eps * (largest if self._cotangents else 1.0)

    def _in_double(self, case: Case, cotangents: Outputs) -> Cotangents:
        with np.errstate(all="ignore"):
            return self._evaluate(case.astype(np.float64), tuple(c.astype(np.float64) for c in cotangents))


def perturb(case: Case, entry: Operation, rng: np.random.Generator) -> Case:
    """Return the case with every float argument off by a rounding error.

    Zero, the values an entry names as kinks and what is not finite stay as they are; where equal values
    compete, they stay equal.
    """

    def change(_: str, array: Array) -> Array:
        return array if array.dtype.kind != "f" else _jitter(array, rng, entry.kinks, together=entry.ties)

    return case.map(change)


def _jitter(
    array: Array, rng: np.random.Generator, kinks: tuple[float, ...], *, together: bool = False
) -> Array:
    eps = float(np.finfo(array.dtype).eps)
    if together:  # one factor for each distinct value
        values, which = np.unique(array, return_inverse=True)
        factor = rng.uniform(-1.0, 1.0, size=values.shape)[which].reshape(array.shape)
    else:
        factor = rng.uniform(-1.0, 1.0, size=array.shape)
    moved = (array.astype(np.float64) * (1.0 + eps * factor)).astype(array.dtype)
    # In the array's own dtype the factor is rounded away half of the time: step to a neighbour instead.
    moved = np.where(
        moved == array, np.nextafter(array, np.where(factor > 0, np.inf, -np.inf).astype(array.dtype)), moved
    )
    still = (array == 0) | ~np.isfinite(array)
    for kink in kinks:
        still |= array == kink
    return np.asarray(np.where(still, array, moved), dtype=array.dtype)


def _distances(first: Cotangents, second: Cotangents) -> Cotangents:
    return tuple(
        None
        if a is None or b is None or a.dtype.kind != "f"
        else np.abs(a.astype(np.float64) - b.astype(np.float64))
        for a, b in zip(first, second, strict=True)
    )


def _largest(array: Array) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _same(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _masked(part: int, why: str, wrong: Array) -> Mismatch:
    index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return Mismatch(part, why, tuple(int(i) for i in index), wrong=int(wrong.sum()))
