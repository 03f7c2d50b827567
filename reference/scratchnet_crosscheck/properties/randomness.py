"""What draws random numbers draws them from its generator, and as often as it should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..failure import Failure, NotApplicable
from .protocol import Trial, holds

if TYPE_CHECKING:
    from ..case import Case
    from ..catalogue.protocol import Operation
    from ..oracles.protocol import Runner


def _draws_a_mask(entry: Operation) -> bool:
    return entry.randomness == "mask"


@holds(applies=_draws_a_mask, share=0.4)
def elements_are_dropped_as_often_as_asked(subject: Runner, case: Case, _: Trial) -> None:
    """Of 4,096 ones, the number dropped lies within six standard deviations of ``p``."""
    p = case.options.get("p", 0.5)
    if not isinstance(p, float) or not case.options.get("training", True):
        raise NotApplicable("nothing is dropped")
    ones = np.ones((64, 64), dtype=case.dtype)
    y = subject.forward(case.replace(**{case.slots[0]: ones}))[0]
    dropped = int((y == 0).sum())
    if abs(dropped - p * y.size) > 6.0 * np.sqrt(p * (1.0 - p) * y.size):
        raise Failure(f"{dropped} of {y.size} elements dropped at p={p}", case)


@holds(applies=_draws_a_mask, share=0.4)
def another_seed_draws_other_numbers(subject: Runner, case: Case, _: Trial) -> None:
    """Two seeds give two masks."""
    p = case.options.get("p", 0.5)
    if (
        case.seed is None
        or not isinstance(p, float)
        or not 0.0 < p < 1.0
        or not case.options.get("training", True)
    ):
        raise NotApplicable("nothing is drawn")
    ones = case.replace(**{case.slots[0]: np.ones((64, 64), dtype=case.dtype)})
    if np.array_equal(subject.forward(ones)[0], subject.forward(replace(ones, seed=case.seed + 1))[0]):
        raise Failure(f"seeds {case.seed} and {case.seed + 1} give the same mask", case)
