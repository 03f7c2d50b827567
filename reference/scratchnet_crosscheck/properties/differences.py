"""Backward against numerical differentiation of its own forward: needs no reference at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..failure import Failure, Inconclusive, NotApplicable
from ..oracles.numerical import slopes
from ..oracles.protocol import linearize
from .protocol import Trial, holds

if TYPE_CHECKING:
    from ..case import Case
    from ..oracles.protocol import Runner


@holds(values="calm", share=0.6)
def backward_equals_numerical_differentiation(subject: Runner, case: Case, trial: Trial) -> None:
    """Along a random direction, the backward pass is the derivative of the forward pass.

    At a kink the derivative from the left and from the right differ; the backward pass must lie between.
    """
    outputs, pull = linearize(subject, case)
    outputs = outputs[: len(case.outputs)]
    if not all(np.isfinite(y).all() for y in outputs):
        raise NotApplicable("the value is not finite")
    cotangents = trial.cotangents(case, outputs, "signed")
    grads = dict(zip(case.slots, pull(cotangents, None), strict=True))
    directions = {
        name: (trial.rng.integers(1, 9, size=case[name].shape) / 8.0)
        * trial.rng.choice([-1.0, 1.0], size=case[name].shape)
        for name in case.differentiable
    }
    missing = [name for name in case.differentiable if grads[name] is None]
    if missing:
        raise Failure(
            f"d{missing[0]} is None, though {missing[0]} is differentiable",
            case,
            cotangents,
            f"d{missing[0]}",
        )
    for name in case.differentiable:
        grad = np.asarray(grads[name])
        if grad.shape != case[name].shape:
            raise Failure(
                f"d{name} has shape {grad.shape}, not {case[name].shape}", case, cotangents, f"d{name}"
            )

    low = high = doubt = scale = 0.0
    for dy, slope in zip(
        cotangents, slopes(subject, case, directions, smooth=trial.entry.smooth), strict=True
    ):
        one, other = dy * slope.right, dy * slope.left
        low += float(np.minimum(one, other).sum())
        high += float(np.maximum(one, other).sum())
        doubt += float((np.abs(dy) * slope.error).sum())
        scale += float(np.abs(one).sum())
    given = {name: np.asarray(grads[name]) for name in directions}
    analytic = sum(float((given[name] * step).sum()) for name, step in directions.items())
    magnitude = sum(float(np.abs(grad).sum()) for grad in given.values())
    if not np.isfinite(doubt) or doubt > 1e-4 * max(scale, magnitude):
        raise Inconclusive(f"numerical differentiation is good to {doubt:.1g} only")
    allowed = 8.0 * doubt + 64.0 * float(np.finfo(np.float64).eps) * (scale + magnitude)
    off = max(low - analytic, analytic - high, 0.0)
    trial.worst = max(trial.worst, off / allowed if allowed else 0.0)
    if off > allowed:
        between = f"{low:.9g}" if high - low <= allowed else f"between {low:.9g} and {high:.9g}"
        raise Failure(
            f"along a random direction the backward pass has derivative {analytic:.9g}, "
            f"the forward pass {between} (allowed {allowed:.2g})",
            case,
            cotangents,
            error=off,
            allowed=allowed,
        )
