"""What draws random numbers draws them from its generator, and as often as it should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..failure import Failure, NotApplicable
from .protocol import Trial, holds, many

if TYPE_CHECKING:
    from ..case import Case
    from ..catalogue.protocol import Operation
    from ..oracles.protocol import Runner


def _draws_a_mask(entry: Operation) -> bool:
    return entry.randomness == "mask"


def _draws(entry: Operation) -> bool:
    return entry.randomness is not None


def _nothing_is_drawn(case: Case) -> bool:
    p = case.options.get("p", 0.5)
    bounds = {case.options.get("lower", 0), case.options.get("upper", 1)}
    certain = not isinstance(p, float) or not 0.0 < p < 1.0 or len(bounds) == 1
    return case.seed is None or certain or not case.options.get("training", True)


@holds(applies=_draws_a_mask, share=0.4)
def elements_are_dropped_as_often_as_asked(subject: Runner, case: Case, _: Trial) -> None:
    """Of 4,096 ones, the number dropped lies within six standard deviations of ``p``."""
    p = case.options.get("p", 0.5)
    if not isinstance(p, float) or not case.options.get("training", True):
        raise NotApplicable("nothing is dropped")
    y = subject.forward(case.replace(**{case.slots[0]: many(case, 1.0)}))[0]
    dropped = int((y <= 0).sum())
    if abs(dropped - p * y.size) > 6.0 * np.sqrt(p * (1.0 - p) * y.size):
        raise Failure(f"{dropped} of {y.size} elements dropped at p={p}", case)


@holds(applies=_draws, share=0.4)
def another_seed_draws_other_numbers(subject: Runner, case: Case, trial: Trial) -> None:
    """Two seeds give two masks, or other slopes."""
    if _nothing_is_drawn(case) or case.seed is None:
        raise NotApplicable("nothing is drawn")
    sign = -1 if trial.entry.randomness == "slopes" else 1
    ones = case.replace(**{case.slots[0]: many(case, sign)})
    if np.array_equal(subject.forward(ones)[0], subject.forward(replace(ones, seed=case.seed + 1))[0]):
        what = trial.entry.randomness
        raise Failure(f"seeds {case.seed} and {case.seed + 1} give the same {what}", case)
