"""The slips of recurrent layers: one step's share, nothing passed on, the cell's state without its tanh."""

from __future__ import annotations

from functools import partial
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


def _of_all_steps(b: Bench, s: Sample, shares: list[Array]) -> Array:
    """Return the gradient of a sequence, of the part in question, from that of each step by itself."""
    if b.part == "dx":
        return s.own("x", np.concatenate([s.as_torch("x", share) for share in shares], axis=1))
    return shares[0] if b.part == "dh" else np.asarray(np.sum(shares, axis=0))


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
        return _of_all_steps(b, s, shares)

    if b.fits(predict):
        return "term_missing", f"{b.part}: the gradient of the state is not passed on to the step before"
    return None


def _at_the_state(b: Bench, slope: Callable[[Array], Array]) -> Callable[[Sample], Array | None]:
    """Return what comes of another derivative in the place of 1 - tanh(c)^2."""

    def predict(s: Sample) -> Array | None:
        h, c = (s.truth[name] for name in s.case.outputs)
        dh, dc = s.dys
        gate = h / np.tanh(c)
        return b.gradient(b.part, s.judged, (dh, dc + dh * gate * (slope(c) - (1 - np.tanh(c) ** 2))))

    return predict


def _every_step(b: Bench, s: Sample) -> Array:
    """Return the gradient of the gates' sums of each sample and step: (N, T, gates * H).

    A feature that is 1 in one sample and step alone has them as the gradient of its weights.
    """
    x = s.x if s.x.ndim == 3 else s.x[:, None]
    batch, steps, width = x.shape
    wider = np.concatenate((x, np.eye(batch * steps).reshape(batch, steps, -1)), axis=-1)
    weight = s.as_torch("weight_ih", s.case["weight_ih"])
    more = s.judged.replace(
        x=s.own("x", wider if s.x.ndim == 3 else wider[:, 0]),
        weight_ih=s.own(
            "weight_ih", np.concatenate((weight, np.zeros((len(weight), batch * steps))), axis=-1)
        ),
    )
    found = b.gradient("dweight_ih", more, s.dys)
    if found is None:
        raise LookupError("no reference")
    return np.asarray(s.as_torch("weight_ih", found)[:, width:].T.reshape(batch, steps, -1))


def of_another_state(evidence: Evidence) -> tuple[str, str] | None:
    """The gradient of the state's weight is taken with a step's new state, or with the last of all."""
    b = bench(evidence)
    if not _recurrent(b) or b.here is None or b.part != "dweight_hh" or "gru" in b.here.case.operation:
        return None

    def predict(s: Sample, *, last: bool) -> Array:
        y = s.as_torch(s.case.outputs[0], s.truth[s.case.outputs[0]])
        states = y if y.ndim == 3 else y[:, None]
        if last:
            first = s.case["h"] if "h" in s.case.given else np.zeros_like(states[:, 0])
            states = np.repeat(states[:, -1:], states.shape[1], axis=1)
            states[:, 0] = first
        return s.own("weight_hh", np.einsum("ntg,nth->gh", _every_step(b, s), states))

    if b.fits(partial(predict, last=False)):
        return "of_the_new_state", f"{b.part} is taken with the state after the step, not the one before it"
    if b.fits(partial(predict, last=True)):
        return "of_the_last_state", f"{b.part} is taken with the last state in every step after the first"
    return None


def square_missing(evidence: Evidence) -> tuple[str, str] | None:
    """A step with tanh has 1 - h where 1 - h**2 should be."""
    b = bench(evidence)
    if not _recurrent(b) or b.here is None or not b.part.startswith("d"):
        return None
    if b.here.case.operation not in ("rnn", "rnn_cell"):
        return None

    def predict(s: Sample) -> Array | None:
        y = s.case.outputs[0]
        if s.x.ndim == 2:
            return b.gradient(b.part, s.judged, (s.dys[0] / (1 + s.truth[y]),))
        if "h" not in s.case.given:
            return None
        states = s.as_torch(y, s.truth[y])
        carried: Array = np.zeros(())
        shares: list[Array] = []
        for t in reversed(range(s.x.shape[1])):
            before = s.case["h"] if t == 0 else states[:, t - 1]
            step = s.judged.replace(x=s.own("x", s.x[:, t : t + 1]), h=np.array(before))
            dy = ((s.dy[:, t] + carried) / (1 + states[:, t]))[:, None]
            found = b.should(step, (s.own(y, dy),))
            carried = found["dh"]
            shares.insert(0, found[b.part])
        return _of_all_steps(b, s, shares)

    if b.fits(predict):
        return "term_missing", f"{b.part} has 1 - h where 1 - h**2 should be, the derivative of tanh"
    return None


def state_without_tanh(evidence: Evidence) -> tuple[str, str] | None:
    """An LSTM's step takes the derivative of tanh at the state by the formula for tanh's output."""
    b = bench(evidence)
    if not _recurrent(b) or b.here is None or len(b.here.case.outputs) != 2 or not b.part.startswith("d"):
        return None
    if b.fits(_at_the_state(b, lambda c: 1 - c**2)):
        return "derivative_at_output", f"{b.part} has 1 - c**2 where 1 - tanh(c)**2 should be"
    if b.fits(_at_the_state(b, lambda c: 1 - np.tanh(c))):
        return "term_missing", f"{b.part} has 1 - tanh(c) where 1 - tanh(c)**2 should be"
    return None
