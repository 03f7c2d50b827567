"""Forward and backward against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..failure import NotApplicable
from ..oracles.protocol import linearize
from ..tolerance import Yardstick
from .protocol import Trial, holds

if TYPE_CHECKING:
    from .._types import Cotangents, Outputs
    from ..case import Case
    from ..catalogue.protocol import Operation
    from ..oracles.protocol import Runner


def _asked_for_extremes(entry: Operation) -> bool:
    return bool(entry.extremes)


def _can_judge(case: Case, trial: Trial) -> None:
    why = trial.reference.unable(case)
    if why is not None:
        raise NotApplicable(why)


def _forward(subject: Runner, case: Case, trial: Trial) -> None:
    shown = trial.for_reference(subject, case)
    _can_judge(shown, trial)

    def reference(c: Case, _: Outputs) -> Cotangents:
        return trial.reference.forward(c)

    yardstick = Yardstick(reference, shown, (), trial.entry, any_formula=trial.any_formula)
    trial.judge(yardstick, subject.forward(case), case)


def _backward(subject: Runner, case: Case, trial: Trial) -> None:
    shown = trial.for_reference(subject, case)
    _can_judge(shown, trial)
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)

    def reference(c: Case, dy: Outputs) -> Cotangents:
        return trial.reference.vjp(c, dy)

    yardstick = Yardstick(reference, shown, cotangents, trial.entry, any_formula=trial.any_formula)
    trial.judge(yardstick, pull(cotangents, None), case, cotangents)


@holds(needs_oracle=True, precision=True)
def forward_equals_the_reference(subject: Runner, case: Case, trial: Trial) -> None:
    """Every output, new state included, is the reference's."""
    _forward(subject, case, trial)


@holds(needs_oracle=True, precision=True)
def backward_equals_the_reference(subject: Runner, case: Case, trial: Trial) -> None:
    """Every cotangent is the reference's vector-Jacobian product, for cotangents of every kind."""
    _backward(subject, case, trial)


@holds(needs_oracle=True, sizes="edge", share=0.5)
def empty_and_smallest_shapes_equal_the_reference(subject: Runner, case: Case, trial: Trial) -> None:
    """An empty batch, a batch of one and sides of one come out as the reference has them."""
    with np.errstate(all="ignore"):
        _forward(subject, case, trial)
        _backward(subject, case, trial)


@holds(needs_oracle=True, conventions=True, precision=True, values="extreme", applies=_asked_for_extremes)
def extreme_values_equal_the_reference(subject: Runner, case: Case, trial: Trial) -> None:
    """NaN, infinities and the edge of the exponent go through as they go through the reference."""
    if trial.kind in ("huge", "tiny"):
        trial.kind = (
            "signed"  # two extremes multiplied say more about the order of products than of the layer
        )
    with np.errstate(all="ignore"):
        _forward(subject, case, trial)
        _backward(subject, case, trial)
