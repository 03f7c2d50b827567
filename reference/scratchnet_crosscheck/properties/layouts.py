"""Numbers are what counts, not where they lie in memory, nor which other samples they came with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..case import all_equal
from ..catalogue.protocol import nothing
from ..failure import Failure, NotApplicable
from ..oracles.protocol import linearize
from ..strategies import LAYOUTS, broadcast_first, lay_out, read_only
from ..tolerance import Mismatch, Yardstick
from .protocol import Trial, holds, of_itself

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from ..catalogue.protocol import Operation
    from ..oracles.protocol import Runner


def _treats_samples_apart(entry: Operation) -> bool:
    return entry.per_sample is not nothing


def _laid_out(array: Array, kind: str) -> Array:
    if kind == "read-only":
        return read_only(array)
    return lay_out(array, kind)


def _failure(
    part: str, why: str, found: Mismatch, got: Cotangents, truth: Cotangents, case: Case, dy: Outputs
) -> Failure:
    return Failure(
        f"{part} {found.why} {why}", case, dy, part, found.index, got[found.part], truth[found.part],
        found.error, found.allowed, found.wrong,
    )  # fmt: skip


def _agrees(subject: Runner, plain: Case, plain_dy: Outputs, case: Case, dy: Outputs, trial: Trial) -> None:
    outputs, pull = linearize(subject, case)
    got = (*outputs, *pull(dy, None))
    evaluate = of_itself(subject)
    if not all_equal(got, evaluate(plain, plain_dy)):
        # Sums may run in another order: no more than rounding may come of it.
        yardstick = Yardstick(evaluate, plain, plain_dy, trial.entry)
        found = yardstick.compare(got)
        if found is not None:
            names = (*case.outputs, *case.extras, *(f"d{slot}" for slot in case.slots))
            raise _failure(names[found.part], "in this memory layout", found, got, yardstick.truth, case, dy)


@holds(layouts=False, share=0.4)
def memory_layout_of_inputs_makes_no_difference(subject: Runner, case: Case, trial: Trial) -> None:
    """Fortran-ordered, transposed, reversed, strided and read-only arguments give the same."""
    outputs = subject.forward(case)
    cotangents = trial.cotangents(case, outputs, "signed")
    for kind in (*LAYOUTS[1:], "read-only"):
        laid = case.map(lambda _, a, kind=kind: _laid_out(a, kind))  # type: ignore[misc]  # bound in the loop
        _agrees(subject, case, cotangents, laid, cotangents, trial)
    repeated = case.map(lambda _, a: broadcast_first(a) if a.ndim and a.size else a)
    _agrees(subject, repeated.copy(), cotangents, repeated, cotangents, trial)


@holds(layouts=False, share=0.4)
def memory_layout_of_cotangents_makes_no_difference(subject: Runner, case: Case, trial: Trial) -> None:
    """Cotangents of every layout, of stride 0, read-only or a view into a larger array, give the same."""
    outputs = subject.forward(case)
    plain = trial.cotangents(case, outputs, "signed")
    for kind in (*LAYOUTS[1:], "read-only"):
        _agrees(subject, case, plain, case, tuple(_laid_out(c, kind) for c in plain), trial)
    one = trial.cotangents(case, outputs, "broadcast")
    _agrees(subject, case, tuple(np.array(c, order="C", copy=True) for c in one), case, one, trial)


@holds(applies=_treats_samples_apart, batched=True, share=0.6)
def concatenated_batches_give_concatenated_results(subject: Runner, case: Case, trial: Trial) -> None:
    """Where samples are treated one by one, two halves of a batch give what the whole gives."""
    batched = trial.entry.per_sample(case)
    if not batched:
        raise NotApplicable("samples are not treated one by one in this call")
    count = case[batched[0]].shape[0]
    if count < 2:
        raise NotApplicable("a batch of one has no halves")
    at = int(trial.rng.integers(1, count))
    outputs = subject.forward(case)
    cotangents = trial.cotangents(case, outputs, "signed")
    n = len(case.outputs)

    def halved(c: Case, dy: Outputs) -> Cotangents:
        parts = []
        for piece in (slice(None, at), slice(at, None)):
            half = replace(
                c, arrays={k: a[piece] if k in batched and a is not None else a for k, a in c.arrays.items()}
            )
            parts.append((subject.forward(half)[:n], subject.vjp(half, tuple(d[piece] for d in dy))))
        (y_a, d_a), (y_b, d_b) = parts
        joined: list[Array | None] = [np.concatenate([p, q]) for p, q in zip(y_a, y_b, strict=True)]
        for slot, p, q in zip(c.slots, d_a, d_b, strict=True):
            whole = None if p is None or q is None else np.concatenate([p, q]) if slot in batched else p + q
            joined.append(whole)
        return tuple(joined)

    got = (*outputs[:n], *subject.vjp(case, cotangents))
    yardstick = Yardstick(halved, case, cotangents, trial.entry)
    found = yardstick.compare(got)
    trial.worst = max(trial.worst, yardstick.worst)
    if found is not None:
        names = (*case.outputs, *(f"d{slot}" for slot in case.slots))
        why = f"from what the batch gives in two parts, cut at {at}"
        raise _failure(names[found.part], why, found, got, yardstick.truth, case, cotangents)
