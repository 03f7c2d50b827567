"""What calls leave behind: accumulated, stale, overwritten, shared; and layouts, dtypes and masks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case, all_equal
from ..oracles.protocol import Linearizes, linearize
from ..properties.protocol import many
from ..strategies import LAYOUTS, lay_out
from ._bench import USED_AGAIN, bench, close, generic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array, Outputs
    from .protocol import Evidence

_VALUES = frozenset({
    "forward_equals_the_reference", "backward_equals_the_reference",
    "backward_equals_numerical_differentiation",
    "empty_and_smallest_shapes_equal_the_reference", "extreme_values_equal_the_reference",
    "pullback_is_linear_in_the_cotangent", "concatenated_batches_give_concatenated_results",
})  # fmt: skip


def _dys(evidence: Evidence, outputs: Outputs, seed: int = 0) -> Outputs:
    rng = np.random.default_rng(seed)
    return tuple(generic(np.asarray(y), rng) for y in outputs[: len(evidence.case.outputs)])


def _copies(arrays: object) -> list[Array | None]:
    return [None if a is None else np.array(a, copy=True) for a in arrays]  # type: ignore[attr-defined]  # a sequence


def _other(evidence: Evidence) -> Case:
    """Return a call of the same shapes and other numbers."""
    rng = np.random.default_rng(3)
    return evidence.case.map(
        lambda _, a: np.asarray(np.abs(generic(a, rng)) + a) if a.dtype.kind == "f" else a
    )


def overwrites(evidence: Evidence) -> tuple[str, str] | None:
    """An argument or the cotangent is not what it was after a call."""
    if evidence.check in _VALUES:
        return None
    for case in (evidence.case, *(evidence.draw(seed) for seed in range(3))):
        fresh = case.copy()
        outputs, pull = linearize(evidence.subject, fresh)
        if not all_equal(fresh.given.values(), case.copy().given.values()):
            return "overwrites_input", "the forward pass overwrites an input"
        dys = _dys(replace(evidence, case=fresh), outputs)
        kept = tuple(d.copy() for d in dys)
        pull(dys, None)
        if not all_equal(dys, kept):
            return "overwrites_cotangent", "the backward pass overwrites the cotangent it is given"
        if not all_equal(fresh.given.values(), case.copy().given.values()):
            return "overwrites_input", "the backward pass overwrites an input"
    return None


def repeated(evidence: Evidence) -> tuple[str, str] | None:
    """A second call differs: gradients add up, forward's values are gone, or a state is kept."""
    if evidence.check not in USED_AGAIN:
        return None
    found = _repeated_on(evidence)
    # What is kept may be 0 on the failing case itself, and have come from a case before it.
    for seed in range(4) if found is None else ():
        found = _repeated_on(replace(evidence, case=evidence.draw(seed), cotangents=()))
        if found is not None:
            break
    return found


def _repeated_on(evidence: Evidence) -> tuple[str, str] | None:
    _afresh(evidence)
    case = evidence.case.copy()
    outputs, pull = linearize(evidence.subject, case)
    outputs = tuple(np.array(y, copy=True) for y in outputs)
    dys = evidence.cotangents or _dys(evidence, outputs)
    first = _copies(pull(dys, None))
    second = _copies(pull(dys, None))
    again, pull_again = linearize(evidence.subject, case)
    third = _copies(pull_again(dys, None))
    for later, steps in ((second, "backward pass"), (third, "call")):
        grown = [
            (a, b)
            for a, b in zip(first, later, strict=True)
            if a is not None
            and b is not None
            and a.shape == b.shape
            and not np.array_equal(a, b, equal_nan=True)
        ]
        if grown and _adds_up(evidence, case, dys):
            return (
                "accumulated",
                f"gradients are accumulated across calls: a second {steps} adds to the first",
            )
    if isinstance(evidence.subject, Linearizes) and not all_equal(first, second):
        return "overwrites_cache", "backward overwrites what forward has kept: a second backward pass differs"
    if not all(all_equal(first, later) for later in (second, third)) or not all_equal(again, outputs):
        return "stale", "values of an earlier call are left over in a later one"
    return None


def _adds_up(evidence: Evidence, case: Case, dys: Outputs) -> bool:
    """Whether calls with no cotangent leave the sums as they are, and each further one adds the same."""
    runs = [_copies(evidence.run(case, dys)) for _ in range(3)]
    added = False
    for one, two, three in zip(*runs, strict=True):
        if one is None or two is None or three is None or one.shape != two.shape:
            continue
        if np.array_equal(one, two):
            continue
        step = max(float(np.abs(two - one).max()), 1e-300)  # what a state that settles adds shrinks instead
        if np.abs((three - two) - (two - one)).max() > 1e-3 * step:
            return False
        added = True
    return added


def stale(evidence: Evidence) -> tuple[str, str] | None:
    """A backward pass is that of another call, or of an earlier cotangent."""
    if evidence.check in _VALUES or evidence.check in (
        "another_seed_draws_other_numbers",
        "dtype_is_preserved",
    ):
        return None
    case, other = evidence.case.copy(), _other(evidence)
    _afresh(evidence)
    outputs, pull = linearize(evidence.subject, case.copy())
    outputs = tuple(np.array(y, copy=True) for y in outputs)
    dys = _dys(evidence, outputs)
    first = _copies(pull(dys, None))
    tripled = _copies(pull(tuple(3 * d for d in dys), None))
    if all_equal(first, tripled) and any(g is not None and np.any(g) for g in first):
        _afresh(evidence)
        alone = _copies(linearize(evidence.subject, case.copy())[1](tuple(3 * d for d in dys), None))
        if not all_equal(first, alone):  # else it is NaN, or the sign of the cotangent: no matter of calls
            return "stale", "backward returns the answer to an earlier cotangent again"
        _afresh(evidence)
    if evidence.check not in ("interleaved_calls_agree", "a_call_between_changes_nothing"):
        return None
    _, pull = linearize(evidence.subject, case.copy())
    linearize(evidence.subject, other)
    if evidence.check == "interleaved_calls_agree" and not all_equal(_copies(pull(dys, None)), first):
        return (
            "stale",
            "backward takes values of a later call: forward, another forward, backward of the first",
        )
    for between in (other, *(evidence.draw(seed) for seed in range(8))):
        _afresh(evidence)
        y, pull_between = linearize(evidence.subject, between.copy())
        pull_between(_dys(replace(evidence, case=between), y), None)
        again, pull = linearize(evidence.subject, case.copy())
        if not all_equal(again, outputs) or not all_equal(pull(dys, None), first):
            return "stale", "values of an earlier call are used in a later one"
    return None


def raises_when_used_again(evidence: Evidence) -> tuple[str, str] | None:
    """An object that was used before raises in a call that a new one takes."""
    driver = getattr(getattr(evidence.subject, "subject", None), "driver", None)
    if driver is None or evidence.check not in USED_AGAIN:
        return None
    case = evidence.case
    try:
        driver.use_again(reuses=False)
        dys = evidence.cotangents or _dys(evidence, evidence.subject.forward(case.copy()))
        evidence.run(case.copy(), dys)  # what raises here is no matter of use
        moved = case.map(lambda _, a: np.asarray(0.5 - a, a.dtype) if a.dtype.kind == "f" else a)
        drawn = [s.case for s in itertools.islice(bench(evidence).calls, 8)]
        pairs = [(evidence, other, dys) for other in (case, moved, *drawn)]
        # Or the calls are of the same object in two modes, and either comes first.
        other_mode = {**case.options, "training": not case.options.get("training", True)}
        for other in (c.with_options(**other_mode) for c in drawn if "training" in case.options):
            between = replace(evidence, case=other, cotangents=())
            pairs.append((evidence, other, dys))
            pairs.append((between, case, _dys(between, evidence.subject.forward(other.copy()))))
        for later, earlier, cotangents in pairs:
            if _raises_after(later, driver, earlier, cotangents):
                return (
                    "stale",
                    "it raises in a call that follows another: values of the earlier call are used",
                )
    finally:
        driver.use_again(reuses=True)
    return None


def _raises_after(evidence: Evidence, driver: Any, other: Case, dys: Outputs) -> bool:
    """Return whether the call, forward or twice backward, raises after another one that does not."""
    try:
        driver.use_again(reuses=False)
        evidence.run(other.copy(), _dys(evidence, evidence.subject.forward(other.copy())))
        driver.use_again(reuses=True)
        evidence.run(other.copy(), _dys(evidence, evidence.subject.forward(other.copy())))
    except Exception:  # by itself
        return False
    try:
        _, pull = linearize(evidence.subject, evidence.case.copy())
        for _ in range(2):
            pull(tuple(np.array(dy, copy=True) for dy in dys), None)
    except Exception:
        return True
    return False


def _afresh(evidence: Evidence) -> None:
    """Begin with a new object, where an adapter uses one again."""
    driver = getattr(getattr(evidence.subject, "subject", None), "driver", None)
    if driver is not None:
        driver.use_again(reuses=evidence.check in (*USED_AGAIN, "results_share_no_memory"))


def memory(evidence: Evidence) -> tuple[str, str] | None:
    """Results lie in memory that is used again, or that is shared."""
    if evidence.check not in ("results_share_no_memory", "cotangents_returned_are_the_callers"):
        return None
    case = evidence.case.copy()
    outputs, pull = linearize(evidence.subject, case)
    dys = _dys(evidence, outputs)
    first, second = pull(dys, None), pull(dys, None)
    if any(
        a is not None and b is not None and np.shares_memory(a, b) for a, b in zip(first, second, strict=True)
    ):
        given = [*case.given.values(), *dys]
        if not any(a is not None and np.shares_memory(a, g) for a in first for g in given):
            return "reused_buffer", "two backward passes return the same memory: a buffer is used again"
    results = [*outputs, *(g for g in first if g is not None)]
    given = [*case.given.values(), *dys]
    own = [r for r in results if not any(np.shares_memory(r, g) for g in given)]
    again, pull_again = linearize(evidence.subject, _other(evidence))
    others = [*again, *(g for g in pull_again(dys, None) if g is not None)]
    if any(np.shares_memory(a, b) for a in own for b in others):
        return "reused_buffer", "two calls return the same memory: a buffer is used again"
    places = [*given, *results]
    for i, a in enumerate(places):
        if any(np.shares_memory(a, b) for j, b in enumerate(results, len(given)) if j != i):
            return "shared_memory", "a result shares memory with another result, an argument or a cotangent"
    return None


def assumes_contiguous(evidence: Evidence) -> tuple[str, str] | None:
    """The same numbers in another memory layout give another result."""
    case = evidence.case.copy()
    dys = _dys(evidence, evidence.subject.forward(case.copy()))

    def results(case: Case, dys: Outputs) -> list[Array | None]:
        found = _copies([*evidence.subject.forward(case), *evidence.run(case, dys)])
        # Another result may be zero but for rounding, which the layout changes: it says nothing of this one.
        parts = [*case.outputs, *case.extras, *(f"d{slot}" for slot in case.slots)]
        return [found[parts.index(evidence.part)]] if evidence.part in parts else found

    wanted = results(case.copy(), dys)
    if not _alike(wanted, results(case.copy(), dys)):
        return None  # it is no matter of layouts
    for kind in LAYOUTS[1:]:
        for what, laid, given in (
            ("an input", case.map(lambda _, a, kind=kind: lay_out(a, kind)), dys),  # type: ignore[misc]  # bound in the loop
            ("a cotangent", case.copy(), tuple(lay_out(d, kind) for d in dys)),
        ):
            if not _alike(results(laid, given), wanted):
                return (
                    "assumes_contiguous",
                    f"right only for arrays in C order: {what} in {kind} gives another result",
                )
    return None


def _alike(one: Sequence[Array | None], other: Sequence[Array | None]) -> bool:
    return all(a is None or b is None or close(a, b) for a, b in zip(one, other, strict=True))


def depends_on_what_is_asked(evidence: Evidence) -> tuple[str, str] | None:
    """One cotangent changes with whether another is asked for."""
    if evidence.check != "each_cotangent_alone_is_the_same":
        return None
    outputs, pull = linearize(evidence.subject, evidence.case)
    dys = _dys(evidence, outputs)
    full = pull(dys, None)
    n = len(evidence.case.slots)
    for i in range(n):
        for needs in (tuple(j == i for j in range(n)), tuple(j != i for j in range(n))):
            for slot, a, b, need in zip(evidence.case.slots, pull(dys, needs), full, needs, strict=True):
                if need and not all_equal([a], [b]):
                    skipped = ", ".join(s for s, q in zip(evidence.case.slots, needs, strict=True) if not q)
                    return (
                        "depends_on_what_is_asked",
                        f"d{slot} is another one where that of {skipped} is not asked for",
                    )
    return None


def float64_out(evidence: Evidence) -> tuple[str, str] | None:
    """Float64 comes out where float32 went in."""
    if evidence.check != "dtype_is_preserved":
        return None
    case = evidence.case.astype(np.float32)
    outputs = evidence.subject.forward(case)
    dys = _dys(replace(evidence, case=case), outputs)
    dys = tuple(d.astype(np.float32) for d in dys)
    named = [
        *zip(case.outputs, outputs, strict=False),
        *((f"d{s}", g) for s, g in zip(case.slots, evidence.run(case, dys), strict=True)),
    ]
    off = [name for name, a in named if a is not None and np.asarray(a).dtype == np.float64]
    if off:
        return "float64_out", f"{', '.join(off)}: float64 comes out where float32 went in"
    return None


def masks(evidence: Evidence) -> tuple[str, str] | None:
    """Dropout's slips: another mask on the way back, the other probability, always the same numbers."""
    case = evidence.case
    if "dropout" not in case.operation:
        return None
    first = case.slots[0]
    ones = case.replace(**{first: many(case, 1.0)})
    p: Any = case.options.get("p")
    y = evidence.subject.forward(ones)[0]
    share = float((y <= 0).mean())
    often = evidence.check == "elements_are_dropped_as_often_as_asked" and isinstance(p, float)
    if often and abs(share - (1 - p)) < 0.05 and abs(share - p) > 0.05:
        return "keep_for_drop", f"p = {p:g} is taken for the probability of keeping: {share:.0%} are dropped"
    if evidence.check == "another_seed_draws_other_numbers" and case.seed is not None and 0 < share < 1:
        again = evidence.subject.forward(replace(ones, seed=case.seed + 1))[0]
        if np.array_equal(y, again):
            return "always_same_mask", "the same random numbers are drawn in every call"
    if case.operation in ("dropout1d", "dropout2d", "dropout3d") and _drops_elements(evidence):
        return "drops_elements", "single elements are dropped, not whole channels"
    if evidence.check in _VALUES and 0 < share < 1:
        outputs, pull = linearize(evidence.subject, ones)
        dx = pull((np.ones_like(outputs[0]),), None)[0]
        if (
            dx is not None
            and abs(float((dx == 0).mean()) - share) < 0.1
            and ((dx == 0) != (outputs[0] <= 0)).mean() > 0.05
        ):
            return "new_mask", "backward draws another mask than forward did"
    return None


def _drops_elements(evidence: Evidence) -> bool:
    """Return whether a channel is dropped in part."""
    here = bench(evidence).here
    if here is None or here.x.ndim < 3:
        return False
    slot, output = here.case.slots[0], here.case.outputs[0]
    ones = np.ones((64, 1, *(2,) * (here.x.ndim - 2)), here.x.dtype)
    y = evidence.subject.forward(here.case.replace(**{slot: here.own(slot, ones)}))[0]
    dropped = here.as_torch(output, np.asarray(y)) <= 0
    axes = tuple(range(2, dropped.ndim))
    return bool((dropped.any(axes) & ~dropped.all(axes)).any())
