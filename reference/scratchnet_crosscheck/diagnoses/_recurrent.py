"""The slips of recurrent layers: one step's share, nothing passed on, the cell's state without its tanh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from .protocol import Evidence


def _recurrent(b: Bench) -> bool:
    return b.here is not None and any(w in b.here.case.operation for w in ("rnn", "lstm", "gru"))


def _per_step(b: Bench, s: Sample) -> Array:
    """Return the gradient of the gates' sums of each step, summed over the batch: (T, gates * H).

    A feature that is 1 in one step alone has them as the gradient of its weights.
    """
    batch, steps, width = s.x.shape
    clock = np.broadcast_to(np.eye(steps), (batch, steps, steps))
    weight = s.as_torch("weight_ih", s.case["weight_ih"])
    more = s.judged.replace(
        x=s.own("x", np.concatenate((s.x, clock), axis=-1)),
        weight_ih=s.own("weight_ih", np.concatenate((weight, np.zeros((len(weight), steps))), axis=-1)),
    )
    found = b.gradient("dweight_ih", more, s.dys)
    if found is None:
        raise LookupError("no reference")
    return np.asarray(s.as_torch("weight_ih", found)[:, width:].T)


def one_step(evidence: Evidence) -> tuple[str, str] | None:
    """A bias has the gradient of the first or of the last step alone."""
    b = bench(evidence)
    if not _recurrent(b) or "bias" not in b.part:
        return None
    for at, which in ((0, "first"), (-1, "last")):

        def predict(s: Sample, at: int = at) -> Array:
            return s.own(b.part[1:], _per_step(b, s)[at])

        if b.fits(predict):
            return "not_summed", f"{b.part} is that of the {which} time step alone, not summed over the steps"
    return None


def nothing_passed_on(evidence: Evidence) -> tuple[str, str] | None:
    """Each step goes back for itself: the gradient of the state is not passed on to the step before."""
    b = bench(evidence)
    if not _recurrent(b) or b.here is None or "h" not in b.here.case.slots or "c" in b.here.case.slots:
        return None
    if b.here.dys[0].ndim != 3 or not b.part.startswith("d"):
        return None

    def predict(s: Sample) -> Array | None:
        shares = []
        for t in range(s.x.shape[1]):
            state = s.case["h"] if t == 0 else s.as_torch("y", s.truth[s.case.outputs[0]])[:, t - 1]
            step = s.judged.replace(x=s.own("x", s.x[:, t : t + 1]), h=state)
            share = b.gradient(b.part, step, (s.own(s.case.outputs[0], s.dy[:, t : t + 1]),))
            if share is None:
                return None
            shares.append(share)
        if b.part == "dx":
            return s.own("x", np.concatenate([s.as_torch("x", share) for share in shares], axis=1))
        return shares[0] if b.part == "dh" else np.asarray(np.sum(shares, axis=0))

    if b.fits(predict):
        return "term_missing", f"{b.part}: the gradient of the state is not passed on to the step before"
    return None


def _at_the_state(b: Bench) -> Callable[[Sample], Array | None]:
    """Return what comes of 1 - c^2 in the place of 1 - tanh(c)^2."""

    def predict(s: Sample) -> Array | None:
        h, c = (s.truth[name] for name in s.case.outputs)
        dh, dc = s.dys
        gate = h / np.tanh(c)
        return b.gradient(b.part, s.judged, (dh, dc + dh * gate * (np.tanh(c) ** 2 - c**2)))

    return predict


def state_without_tanh(evidence: Evidence) -> tuple[str, str] | None:
    """An LSTM's step takes the derivative of tanh at the state by the formula for tanh's output."""
    b = bench(evidence)
    if not _recurrent(b) or b.here is None or len(b.here.case.outputs) != 2 or not b.part.startswith("d"):
        return None
    if b.fits(_at_the_state(b)):
        return "derivative_at_output", f"{b.part} has 1 - c**2 where 1 - tanh(c)**2 should be"
    return None
