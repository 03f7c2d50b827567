"""Calls do not know of one another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..case import all_equal
from ..failure import Failure, Inconclusive, NotApplicable, raised
from ..oracles.protocol import Linearizes, linearize
from .protocol import Trial, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from ..oracles.protocol import Runner


def _kept(results: Cotangents) -> list[Array | None]:
    return [None if r is None else np.array(r, copy=True) for r in results]


def _same(
    got: Cotangents, wanted: Sequence[Array | None], what: str, case: Case, cotangents: Outputs = ()
) -> None:
    if len(got) != len(wanted) or not all_equal(got, wanted):
        raise Failure(what, case, cotangents)


@contextmanager
def _running(case: Case) -> Iterator[None]:
    """Say of an error that it is this call's, not that of the one beside which it is run."""
    try:
        yield
    except (Failure, NotApplicable, Inconclusive):
        raise
    except Exception as error:
        raise raised(error, case) from error


@holds(dtypes=("float64", "float32"))
def repeated_calls_agree(subject: Runner, case: Case, trial: Trial) -> None:
    """The same call again, and the same backward pass again, give the same bit for bit."""
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)
    first, grads = _kept(outputs), _kept(pull(cotangents, None))
    _same(pull(cotangents, None), grads, "a second backward pass differs from the first", case, cotangents)
    again, pull_again = linearize(subject, case)
    _same(again, first, "a second forward pass differs from the first", case)
    _same(pull_again(cotangents, None), grads, "a second call's backward pass differs", case, cotangents)


@holds(needs_other=True, dtypes=("float64", "float32"))
def interleaved_calls_agree(subject: Runner, case: Case, trial: Trial) -> None:
    """Forward, forward of another call (of another shape, as it comes), then both backward passes."""
    other = trial.other
    if other is None or not isinstance(subject, Linearizes):
        raise NotApplicable("its backward pass belongs to its last forward pass")
    outputs, pull = subject.linearize(case)
    cotangents = trial.cotangents(case, outputs)
    wanted = _kept(pull(cotangents, None))
    with _running(other):
        others, pull_other = subject.linearize(other)
        theirs = trial.cotangents(other, others)
        wanted_other = _kept(pull_other(theirs, None))

    _, pull = subject.linearize(case)
    _, pull_other = subject.linearize(other)
    _same(
        pull(cotangents, None),
        wanted,
        f"its backward pass differs after a forward pass of {other!r}",
        case,
        cotangents,
    )
    _same(
        pull_other(theirs, None),
        wanted_other,
        f"its backward pass differs between those of {case!r}",
        other,
        theirs,
    )
    _same(
        pull(cotangents, None), wanted, f"its backward pass differs after one of {other!r}", case, cotangents
    )


@holds(needs_other=True, dtypes=("float64", "float32"), share=0.6)
def a_call_between_changes_nothing(subject: Runner, case: Case, trial: Trial) -> None:
    """The whole of another call, forward and backward, leaves the next call of the first kind as it was."""
    if trial.other is None:
        raise NotApplicable("no other call drawn")
    outputs = subject.forward(case)
    cotangents = trial.cotangents(case, outputs)
    wanted, grads = _kept(outputs), _kept(subject.vjp(case, cotangents))
    with _running(trial.other):
        others = subject.forward(trial.other)
        subject.vjp(trial.other, trial.cotangents(trial.other, others))
    _same(
        subject.vjp(case, cotangents),
        grads,
        f"its backward pass differs after a call of {trial.other!r}",
        case,
        cotangents,
    )
    _same(subject.forward(case), wanted, f"its forward pass differs after a call of {trial.other!r}", case)
