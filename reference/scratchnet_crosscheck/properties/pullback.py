"""The backward pass as a linear map: of sums, of one argument at a time, of shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..case import all_equal
from ..failure import Failure, NotApplicable
from ..oracles.protocol import Skips, linearize
from ..tolerance import Yardstick
from .protocol import Trial, holds

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from ..oracles.protocol import Runner


@holds(share=0.6)
def pullback_is_linear_in_the_cotangent(subject: Runner, case: Case, trial: Trial) -> None:
    """The cotangents of a sum are the sum of the cotangents, and scale as it does."""
    # Powers of two: scaling by them and back is exact.
    a, b = float(trial.rng.choice([2.0, -1.0, 2.0**30])), float(trial.rng.choice([-0.5, 1.0]))
    outputs, _ = linearize(subject, case)
    n = len(case.outputs)
    first = trial.cotangents(case, outputs, "signed")
    second = trial.cotangents(case, outputs, "signed")

    def summed(c: Case, dy: Outputs) -> Cotangents:
        one = subject.vjp(c, tuple(np.asarray(p / a, dtype=p.dtype) for p in dy[:n]))
        two = subject.vjp(c, tuple(np.asarray(p / b, dtype=p.dtype) for p in dy[n:]))
        return tuple(
            None if p is None or q is None else np.asarray(a * p + b * q, dtype=p.dtype)
            for p, q in zip(one, two, strict=True)
        )

    scaled = tuple(np.asarray(k * p, dtype=p.dtype) for k, part in ((a, first), (b, second)) for p in part)
    mixed = tuple(p + q for p, q in zip(scaled[:n], scaled[n:], strict=True))
    yardstick = Yardstick(summed, case, scaled, trial.entry, cancels=True)
    trial.judge(yardstick, subject.vjp(case, mixed), case, mixed)


@holds(dtypes=("float64", "float32"), share=0.6)
def each_cotangent_alone_is_the_same(subject: Runner, case: Case, trial: Trial) -> None:
    """Asking for some arguments' cotangents only leaves those bit for bit the same, and the others None."""
    if not isinstance(subject, Skips) or not subject.skips:
        raise NotApplicable("always computes every cotangent")
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)
    full = pull(cotangents, None)
    some = tuple(bool(flag) for flag in trial.rng.integers(0, 2, size=len(case.slots)))
    alone = [tuple(i == j for j in range(len(case.slots))) for i in range(len(case.slots))]
    for needs in (*alone, some, (False,) * len(case.slots)):
        got = pull(cotangents, needs)
        wanted = tuple(whole if need else None for whole, need in zip(full, needs, strict=True))
        if len(got) != len(wanted):
            raise Failure(f"{len(got)} cotangents, not {len(wanted)}", case, cotangents)
        for slot, mine, whole, need in zip(case.slots, got, wanted, needs, strict=True):
            if mine is not None and not need:
                raise Failure(
                    f"d{slot} is computed though needs_input_grad={needs}", case, cotangents, f"d{slot}"
                )
            if not all_equal([mine], [whole]) and not (trial.any_formula and _but_for_rounding(mine, whole)):
                raise Failure(
                    f"d{slot} differs when needs_input_grad={needs}",
                    case,
                    cotangents,
                    f"d{slot}",
                    None,
                    mine,
                    whole,
                )


def _but_for_rounding(mine: Array | None, whole: Array | None) -> bool:
    """Return whether a framework may have added up in another order, or by another routine."""
    if mine is None or whole is None or mine.shape != whole.shape:
        return False
    with np.errstate(all="ignore"):
        off = np.abs(mine.astype(np.float64) - whole)
    return bool((off <= 64.0 * float(np.finfo(whole.dtype).eps) * np.abs(whole).max(initial=0.0)).all())


@holds(sizes="edge", dtypes=("float64", "float32"), share=0.5)
def cotangents_have_the_shapes_of_their_arguments(subject: Runner, case: Case, trial: Trial) -> None:
    """One slot an argument: an array of its shape, or None where it has no derivative; empty batches too."""
    with np.errstate(all="ignore"):
        outputs, pull = linearize(subject, case)
        cotangents = trial.cotangents(case, outputs)
        got = pull(cotangents, None)
    if not isinstance(got, tuple) or len(got) != len(case.slots):
        raise Failure(f"the pullback does not return one slot for each of {case.slots}", case, cotangents)
    for slot, grad in zip(case.slots, got, strict=True):
        if slot in case.differentiable:
            if not isinstance(grad, np.ndarray) or grad.shape != case[slot].shape:
                found = (
                    f"has shape {grad.shape}"
                    if isinstance(grad, np.ndarray)
                    else f"is a {type(grad).__name__}"
                )
                raise Failure(f"d{slot} {found}, not {case[slot].shape}", case, cotangents, f"d{slot}")
        elif grad is not None:
            raise Failure(
                f"d{slot} is not None, though {slot} has no derivative", case, cotangents, f"d{slot}"
            )


@holds(precision=True, share=0.5)
def dtype_is_preserved(subject: Runner, case: Case, trial: Trial) -> None:
    """Outputs and cotangents have the dtype of the arguments."""
    outputs, pull = linearize(subject, case)
    for name, y in zip(case.outputs + case.extras, outputs, strict=True):
        if y.dtype.kind == "f" and y.dtype != case.dtype:
            raise Failure(f"{name} is {y.dtype}, its arguments {case.dtype}", case, (), name, got=y)
    cotangents = trial.cotangents(case, outputs)
    for slot, grad in zip(case.slots, pull(cotangents, None), strict=True):
        if grad is not None and grad.dtype != case[slot].dtype:
            raise Failure(
                f"d{slot} is {grad.dtype}, {slot} {case[slot].dtype}", case, cotangents, f"d{slot}", got=grad
            )
