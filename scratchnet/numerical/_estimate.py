"""What every derivative here comes with: a value and how far it may be from the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array


class Estimate(NamedTuple):
    """A derivative and the estimate of its error.

    Attributes
    ----------
    value : ndarray or (nested) tuple of ndarrays
        float64, or longdouble where the function was evaluated in it. Which structure it has is said by the
        function that returns it; None stands where there is no derivative (integers, options).
    error : same structure
        Estimated bound of ``abs(value - truth)``, entry by entry; infinity where nothing is known.
    """

    value: Any
    error: Any


class OneSided(NamedTuple):
    """The derivatives to both sides of a point; they agree where the function is smooth."""

    right: Estimate
    left: Estimate


def extrapolate(
    quotients: Sequence[Array], noise: Sequence[Array], powers: Sequence[int]
) -> tuple[Array, Array]:
    """Return the limit for step 0 of quotients taken at h, h/2, h/4, ... and the estimate of its error.

    Column j of the table removes the error term that halving the step divides by ``powers[j - 1]``:
    T = (p fine - coarse) / (p - 1). An entry's error is the larger distance to its two parents (Ridders 1982)
    plus the rounding carried along in `noise`. Each output takes the last entry that is finite: choosing the
    one of least error instead would believe two entries that agree by accident, at kinks above all. A single
    quotient has no parents: its error is unknown, infinity.
    """
    value, error = quotients[-1], np.full_like(quotients[-1], np.inf)
    column, column_noise = list(quotients), list(noise)
    for p in powers:
        finer, finer_noise = [], []
        for k in range(len(column) - 1):
            coarse, fine = column[k], column[k + 1]
            entry = (p * fine - coarse) / (p - 1)
            entry_noise = (p * column_noise[k + 1] + column_noise[k]) / (p - 1)
            bound = np.maximum(np.abs(entry - coarse), np.abs(entry - fine)) + entry_noise
            known = np.isfinite(bound)  # not where a step left the function's domain
            value, error = np.where(known, entry, value), np.where(known, bound, error)
            finer.append(entry)
            finer_noise.append(entry_noise)
        column, column_noise = finer, finer_noise
    return value, error
