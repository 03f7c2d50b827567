"""Backward against numerical differentiation of its own forward: needs no reference at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..failure import Failure, Inconclusive, NotApplicable
from ..oracles.numerical import slopes
from ..oracles.protocol import linearize
from .protocol import Trial, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array, Outputs
    from ..case import Case
    from ..oracles.protocol import Runner

#: An argument of so many entries is differentiated by each of them to find the place.
_FEW = 48


@holds(values="calm", share=0.6, oracle="numerical")
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
    if trial.entry.tangent is not None:
        directions = trial.entry.tangent(case, directions)
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

    given = {name: np.asarray(grads[name]) for name in directions}
    bench = _Bench(subject, case, cotangents, given, smooth=trial.entry.smooth)
    found = bench.along(directions)
    if found.doubt is not None:
        raise Inconclusive(f"numerical differentiation is good to {found.doubt:.1g} only")
    trial.worst = max(trial.worst, found.off / found.allowed if found.allowed else 0.0)
    if found.wrong:
        between = (
            f"{found.low:.9g}"
            if found.high - found.low <= found.allowed
            else f"between {found.low:.9g} and {found.high:.9g}"
        )
        failure = Failure(
            f"along a random direction the backward pass has derivative {found.analytic:.9g}, "
            f"the forward pass {between} (allowed {found.allowed:.2g})",
            case,
            cotangents,
            error=found.off if np.isfinite(found.off) else None,
            allowed=found.allowed,
        )
        if trial.entry.tangent is None:  # one entry alone cannot be moved where they are tied together
            failure.place = lambda: bench.placed(failure, directions)
        raise failure


@dataclass(frozen=True)
class _Along:
    """The two passes' derivatives along a direction; at a kink the forward pass's lies from low to high."""

    analytic: float
    low: float
    high: float
    allowed: float
    doubt: float | None

    @property
    def off(self) -> float:
        """How far the backward pass is from the forward pass."""
        if np.isnan(self.analytic):
            return float("inf")
        return max(self.low - self.analytic, self.analytic - self.high, 0.0)

    @property
    def wrong(self) -> bool:
        """Whether that is too far."""
        return self.doubt is None and not self.off <= self.allowed

    @property
    def truth(self) -> float:
        """What the backward pass should have had."""
        if self.wrong:
            return self.low if self.analytic < self.low else self.high
        smooth = self.doubt is None and self.high - self.low <= self.allowed
        return (self.low + self.high) / 2 if smooth else self.analytic


class _Bench:
    """One call, differentiated numerically along any direction, beside its backward pass."""

    def __init__(
        self, subject: Runner, case: Case, cotangents: Outputs, grads: Mapping[str, Array], *, smooth: bool
    ) -> None:
        self._subject, self._case, self._cotangents = subject, case, cotangents
        self._grads, self._smooth = grads, smooth

    def along(self, directions: Mapping[str, Array]) -> _Along:
        """Return both passes' derivatives along a direction."""
        low = high = doubt = scale = 0.0
        for dy, slope in zip(
            self._cotangents,
            slopes(self._subject, self._case, directions, smooth=self._smooth),
            strict=True,
        ):
            one, other = dy * slope.right, dy * slope.left
            low += float(np.minimum(one, other).sum())
            high += float(np.maximum(one, other).sum())
            doubt += float((np.abs(dy) * slope.error).sum())
            scale += float(np.abs(one).sum())
        entries = {name: self._grads[name][step != 0] for name, step in directions.items()}
        analytic = sum(float((entries[name] * step[step != 0]).sum()) for name, step in directions.items())
        # What is not finite is no measure of how exact the rest is.
        magnitude = sum(float(np.abs(part[np.isfinite(part)]).sum()) for part in entries.values())
        coarse = not np.isfinite(doubt) or doubt > 1e-4 * max(scale, magnitude)
        allowed = 8.0 * doubt + 64.0 * float(np.finfo(np.float64).eps) * (scale + magnitude)
        return _Along(analytic, low, high, allowed, doubt if coarse else None)

    def placed(self, failure: Failure, directions: Mapping[str, Array]) -> Failure:
        """Return the failure with the argument and the entry of it that are wrong, where they can be told."""
        apart = {name: self.along({name: step}) for name, step in directions.items()}
        wrong = [name for name, found in apart.items() if found.wrong]
        if not wrong:
            return failure
        name = max(wrong, key=lambda n: apart[n].off)
        size = self._case[name].size
        return self._each(failure, name) if size <= _FEW else self._one(failure, name, directions[name])

    def _each(self, failure: Failure, name: str) -> Failure:
        """Differentiate by every entry of an argument."""
        grad = self._grads[name]
        truth, excess = np.array(grad, dtype=np.float64), np.zeros(grad.shape)
        worst: tuple[int, ...] | None = None
        chosen = None
        for index in np.ndindex(grad.shape):
            found = self.along({name: _unit(grad.shape, index)})
            truth[index] = found.truth
            if found.wrong:
                excess[index] = found.off
                if worst is None or found.off > excess[worst]:
                    worst, chosen = index, found
        if worst is None or chosen is None:
            return failure
        return self._said(failure, name, worst, chosen, grad, truth, int((excess > 0).sum()))

    def _one(self, failure: Failure, name: str, direction: Array) -> Failure:
        """Find one wrong entry of a large argument by halving the direction."""
        places = np.flatnonzero(direction)
        while places.size > 1:
            halves = [places[: places.size // 2], places[places.size // 2 :]]
            found = [self.along({name: _part(direction, half)}) for half in halves]
            worse = int(found[1].off > found[0].off)
            if not found[worse].wrong:
                return failure
            places = halves[worse]
        index = tuple(int(i) for i in np.unravel_index(int(places[0]), direction.shape))
        chosen = self.along({name: _unit(direction.shape, index)})
        return self._said(failure, name, index, chosen) if chosen.wrong else failure

    @staticmethod
    def _said(
        failure: Failure,
        name: str,
        index: tuple[int, ...],
        found: _Along,
        got: Array | None = None,
        wanted: Array | None = None,
        wrong: int | None = None,
    ) -> Failure:
        place = f"[{', '.join(map(str, index))}]" if index else ""
        if not np.isfinite(found.analytic):
            return replace(
                failure,
                message=f"d{name}{place} is {found.analytic:g} where numerical differentiation has "
                f"{found.truth:.9g}",
                part=f"d{name}",
                index=index,
                got=got,
                wanted=wanted,
                error=None,
                allowed=None,
                wrong=wrong,
                place=None,
            )
        kink = "" if found.high - found.low <= found.allowed else " at the nearest, as this is a kink,"
        many = "" if wrong is None or got is None else f"; {wrong} of {got.size} elements"
        message = (
            f"d{name}{place} is {found.analytic:.9g}, should be {found.truth:.9g}{kink} by numerical "
            f"differentiation (off by {found.off:.3g}, allowed {found.allowed:.3g}{many})"
        )
        return replace(
            failure,
            message=message,
            part=f"d{name}",
            index=index,
            got=got,
            wanted=wanted,
            error=found.off,
            allowed=found.allowed,
            wrong=wrong,
            place=None,
        )


def _unit(shape: tuple[int, ...], index: tuple[int, ...]) -> Array:
    direction = np.zeros(shape)
    direction[index] = 1.0
    return direction


def _part(direction: Array, places: Array) -> Array:
    part = np.zeros(direction.shape)
    part.flat[places] = direction.flat[places]
    return part
