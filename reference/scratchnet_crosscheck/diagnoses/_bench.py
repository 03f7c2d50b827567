"""The bench explanations are tried on: the failing case and drawn ones, what came out and what should.

One small case fits many explanations: with two rows the batch size is 2. So an explanation predicts what
comes out, and is believed only where it does so on the failing case and on every drawn one.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..properties.protocol import drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from .protocol import Diagnosis, Evidence

    Predict = Callable[["Sample"], "Array | None"]

#: How many calls are drawn, and how many at least where they cost more than their share.
DRAWN, FEWEST = 28, 8
#: How many at most are looked through for calls that are wrong, and how many of these are enough.
MOST, ENOUGH = 112, 4
#: Seconds of processor time for drawing the calls of one thing.
DRAWING = 0.4
#: Checks in which objects are used again: what they leave behind belongs to these alone.
USED_AGAIN = ("repeated_calls_agree", "a_call_between_changes_nothing")


@dataclass(frozen=True, eq=False)
class Sample:
    """One call: what came out, and what should have, both by the result's name; or what was raised.

    ``x``, ``dy`` and ``options`` are the first argument, the first cotangent and the options as PyTorch has
    them, whatever the layout of the thing: the batch first, channels before pixels.
    """

    case: Case
    judged: Case
    dys: Outputs
    got: dict[str, Array]
    truth: dict[str, Array]
    form: Any = None
    raised: str = ""

    def as_torch(self, name: str, array: Array) -> Array:
        """Return an array of the thing, an argument's or an output's, in PyTorch's layout."""
        if self.form is None:
            return array
        try:
            return np.asarray(self.form.layout(name.removeprefix("new_")).to(array))
        except (ValueError, IndexError, TypeError):  # its shape is not the one that it should have
            return array

    def own(self, name: str, array: Array) -> Array:
        """Return an array of PyTorch's layout in the thing's own."""
        return array if self.form is None else np.asarray(self.form.layout(name).back(array, None))

    @cached_property
    def x(self) -> Array:
        """The first argument in PyTorch's layout."""
        first = self.case.slots[0]
        return self.as_torch(first, self.case[first])

    @cached_property
    def dy(self) -> Array:
        """The first cotangent in PyTorch's layout."""
        return self.as_torch(self.case.outputs[0], self.dys[0])

    @cached_property
    def options(self) -> dict[str, Any]:
        """All options: the call's, and those that go for every call of the thing."""
        return {**({} if self.form is None else self.form.options), **self.case.options}

    def part(self, found: dict[str, Array], name: str) -> Array:
        """Return one result in PyTorch's layout."""
        slot = name[1:] if name.startswith("d") and name not in self.case.outputs else name
        return self.as_torch(slot, found[name])


class Calls:
    """Calls of one thing, drawn when they are first asked for and kept for all its failures."""

    def __init__(self, look: Callable[[Case], Sample | None], draw: Callable[[int], Case]) -> None:
        self._look, self._draw = look, draw
        self._found: list[Sample] = []
        self._tried = 0
        self._spent = 0.0
        self._until = DRAWN
        #: What explained a failure of a part, by the part's name: tried first on the next one.
        self.believed: dict[str, list[Diagnosis]] = {}
        #: The parts a failure of which nothing explained.
        self.unexplained: set[str] = set()

    def __iter__(self) -> Iterator[Sample]:
        at = 0
        while at < len(self._found) or self._more():
            yield self._found[at]
            at += 1

    def _more(self) -> bool:
        begun = time.process_time()
        try:
            while self._tried < self._until and (self._spent < DRAWING or self._tried < FEWEST):
                self._tried += 1
                try:
                    case = self._draw(self._tried + 999).copy()
                except Exception:  # nothing drawn is nothing looked at
                    continue
                sample = self._look(case)
                if sample is not None:
                    self._found.append(sample)
                    return True
            return False
        finally:
            self._spent += time.process_time() - begun

    def look_further(self, part: str) -> bool:
        """Look through more calls where hardly one is wrong; return whether a wrong one was found."""
        before = sum(wrong(s, part) for s in self)
        if before >= ENOUGH or self._until >= MOST:
            return False
        known = len(self._found)
        while self._until < MOST and sum(wrong(s, part) for s in self._found) < ENOUGH:
            self._until += 7
            self._spent = min(self._spent, DRAWING / 2)
            for _ in self:
                pass
        # Only those that tell something are kept: the wrong ones.
        self._found[known:] = [s for s in self._found[known:] if wrong(s, part)]
        return len(self._found) > known


class Bench:
    """The failing case and drawn ones, evaluated when they are first asked for."""

    def __init__(self, evidence: Evidence, calls: Calls | None = None) -> None:
        self.evidence = evidence
        self.calls = Calls(self.tried, evidence.draw) if calls is None else calls
        self._until = 0.0

    def begin(self, seconds: float, *, anew: bool = False) -> None:
        """Give the explanations so much time from now on, or `anew` also if they had less."""
        until = time.process_time() + seconds
        self._until = min(self._until, until) if self._until and not anew else until

    @property
    def late(self) -> bool:
        """Whether the time for this failure is over."""
        return time.process_time() > self._until > 0

    @cached_property
    def here(self) -> Sample | None:
        """The failing case, in float64 if it is wrong there as well."""
        case, dys = self.evidence.case, self.evidence.cotangents
        exact = self.tried(case.astype(np.float64), tuple(d.astype(np.float64) for d in dys))
        if exact is not None and self._wrong_part(exact):
            return exact
        return self.tried(case, dys) or exact

    @cached_property
    def drawn(self) -> list[Sample]:
        """Other calls of the same thing, of ordinary values."""
        return [s for s in self.calls if not s.raised]

    @property
    def samples(self) -> Iterator[Sample]:
        """All of them, the failing case first."""
        if self.here is not None and not self.here.raised:
            yield self.here
        yield from (s for s in self.calls if not s.raised)

    @cached_property
    def part(self) -> str:
        """Which result is wrong."""
        if self.evidence.part:
            return self.evidence.part
        return next((p for p in map(self._wrong_part, self.samples) if p), "")

    def _wrong_part(self, sample: Sample) -> str:
        if self.evidence.part:
            return self.evidence.part if wrong(sample, self.evidence.part) else ""
        return next((p for p in sample.truth if p.startswith("d") and wrong(sample, p)), "")

    def look(self, case: Case, dys: Outputs | None = None) -> Sample | None:
        """Return what comes out of a call and what should, or None where either does not run."""
        found = self.tried(case, dys)
        return None if found is None or found.raised else found

    def tried(self, case: Case, dys: Outputs | None = None) -> Sample | None:
        """Return what comes out of a call, or that it raises; None where it is no valid call."""
        try:
            with np.errstate(all="ignore"):
                return self._run(case, dys)
        except Exception as error:  # what is explained is broken, and may raise where it will
            return self._raised(case, dys, f"{type(error).__name__}: {error}")

    def _run(self, case: Case, dys: Outputs | None) -> Sample:
        judged = self.masked(case)
        outputs = self.evidence.subject.forward(case.copy())
        if self.evidence.reference is None:
            raise LookupError("no reference")
        wanted = self.evidence.reference.forward(judged)
        if any(np.shape(a) != np.shape(b) for a, b in zip(outputs, wanted, strict=False)):
            # No cotangent fits both: the outputs alone are looked at.
            got, truth = (self._named(case, found, ()) for found in (outputs, wanted))
            return Sample(case, judged, _cotangents(case, wanted), got, truth, self._form)
        if not dys or len(dys) != len(case.outputs):
            dys = _cotangents(case, outputs)
        outputs = tuple(np.array(y, copy=True) for y in outputs)
        grads = self.evidence.run(case.copy(), tuple(np.array(d, copy=True) for d in dys))
        truth = self._named(judged, wanted, self.evidence.reference.vjp(judged, dys))
        return Sample(case, judged, dys, self._named(case, outputs, grads), truth, self._form)

    def _raised(self, case: Case, dys: Outputs | None, why: str) -> Sample | None:
        """Return a call that is a right one and yet raises, or None where the reference does not take it."""
        reference = self.evidence.reference
        if reference is None:
            return None
        try:
            dys = dys or _cotangents(case, reference.forward(case))
            return Sample(case, case, dys, {}, self.should(case, dys), self._form, why)
        except Exception:  # it was no call to begin with
            return None

    @property
    def _form(self) -> Any:
        """How the thing has its arrays, where an adapter drives it."""
        return getattr(getattr(self.evidence.subject, "subject", None), "form", None)

    def masked(self, case: Case) -> Case:
        """Return the call as the reference is given it: with the mask that was drawn, if one was."""
        slopes = case.operation == "rrelu"
        if not (slopes or "dropout" in case.operation) or {"mask", "slopes"} & {*case.options}:
            return case
        return replace(case.with_options(**drawn(slopes, self.evidence.subject, case)), seed=None)

    def should(self, case: Case, dys: Outputs) -> dict[str, Array]:
        """Return what should come out of a call."""
        reference = self.evidence.reference
        if reference is None:
            raise LookupError("no reference")
        return self._named(case, reference.forward(case), reference.vjp(case, dys))

    def gradient(self, part: str, case: Case, dys: Outputs) -> Array | None:
        """Return one result of the reference on a changed call, or None where there is none."""
        try:
            with np.errstate(all="ignore"):
                return self.should(case, dys).get(part)
        except Exception:  # the change made no valid call
            return None

    def _named(self, case: Case, outputs: Outputs, grads: Cotangents) -> dict[str, Array]:
        found = dict(zip(case.outputs + case.extras, map(np.asarray, outputs), strict=False))
        for slot, grad in zip(case.slots, grads, strict=False):
            if grad is not None and slot in case.differentiable:
                found[f"d{slot}"] = np.asarray(grad)
        return found

    def fits(self, predict: Predict, part: str | None = None, least: int = 2, numbers: int = 4) -> bool:
        """Return whether `predict` reproduces what came out in every call in which it is wrong.

        A slip may lie in one branch: the calls that are right need no explanation.
        """
        part = part or self.part
        explained = elements = 0
        for sample in self.samples:
            if part not in sample.got or part not in sample.truth:
                continue
            if not wrong(sample, part):
                continue
            if self.late:
                return False
            try:
                with np.errstate(all="ignore"):
                    said = predict(sample)
            except Exception:  # it does not apply
                said = None
            if said is None or not _as_said(sample, part, np.asarray(said)):
                return False
            if np.any(sample.got[part]):  # that nothing comes out is explained by too much
                explained += 1
                elements += sample.got[part].size
        return explained >= least and elements >= numbers

    def look_further(self) -> bool:
        """Look through more calls, if the failing one is wrong and hardly another is."""
        if self.late or self.here is None or not wrong(self.here, self.part):
            return False
        return self.calls.look_further(self.part)

    @property
    def raises(self) -> bool:
        """Whether what failed is that a call raised."""
        return self.evidence.message.startswith("raised ")

    def judged(self, part: str | None = None) -> list[tuple[Sample, bool]]:
        """Return the samples that have the part, each with whether it is wrong there.

        Where it failed by raising: all of them, each with whether it raises.
        """
        if self.raises:
            return [(s, bool(s.raised)) for s in (self.here, *self.calls) if s is not None]
        part = part or self.part
        return [(s, wrong(s, part)) for s in self.samples if part in s.got and part in s.truth]


def _cotangents(case: Case, outputs: Outputs) -> Outputs:
    rng = np.random.default_rng(case.size)
    return tuple(generic(np.asarray(y), rng) for y in outputs[: len(case.outputs)])


def generic(like: Array, rng: np.random.Generator) -> Array:
    """Return signed numbers of no pattern."""
    return np.asarray(np.round(rng.normal(size=like.shape), 3) + 0.0625, dtype=like.dtype)


def close(a: Array, b: Array) -> bool:
    """Return whether two results are the same but for rounding."""
    if a.shape != b.shape:
        return False
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    odd = ~(np.isfinite(x) & np.isfinite(y))
    if odd.any() and not ((x == y) | (np.isnan(x) & np.isnan(y)))[odd].all():
        return False
    x, y = x[~odd], y[~odd]
    if not x.size:
        return True
    scale = max(float(np.abs(x).max()), float(np.abs(y).max()))
    return bool(np.abs(x - y).max() <= (1e-4 if a.dtype == np.float32 else 1e-9) * scale)


def _as_said(sample: Sample, part: str, said: Array) -> bool:
    """Return whether a result is as predicted; where all but nothing cancels, roundings of dy are left."""
    got = sample.got[part]
    if close(got, said):
        return True
    if got.shape != said.shape or not part.startswith("d"):
        return False
    eps = float(np.finfo(got.dtype).eps) if got.dtype.kind == "f" else 0.0
    largest = max((float(np.abs(d).max(initial=0.0)) for d in sample.dys), default=0.0)
    return bool((np.abs(got - said) <= 64.0 * eps * largest).all())


def wrong(sample: Sample, part: str) -> bool:
    """Return whether a result is not what it should be."""
    if part not in sample.got or part not in sample.truth:
        return False
    return not _as_said(sample, part, sample.truth[part])


def where_wrong(sample: Sample, part: str) -> Array:
    """Return which elements are wrong; the shapes must agree."""
    got, truth = (np.asarray(v[part], np.float64) for v in (sample.got, sample.truth))
    with np.errstate(all="ignore"):
        scale = float(np.nanmax(np.abs(truth), initial=0.0)) or 1.0
        tolerance = 1e-4 if sample.got[part].dtype == np.float32 else 1e-9
        return np.asarray(
            ~((np.abs(got - truth) <= tolerance * scale) | (got == truth) | (np.isnan(got) & np.isnan(truth)))
        )


_LAST: list[tuple[Evidence, Bench]] = []


def bench(evidence: Evidence) -> Bench:
    """Return the evidence's bench: the same for every explanation that is tried on it.

    The drawn calls are kept for the next failure of the same thing.
    """
    if not _LAST or _LAST[0][0] is not evidence:
        kept = None
        if _LAST and _same_thing(_LAST[0][0], evidence):
            kept = _LAST[0][1].calls
        _LAST[:] = [(evidence, Bench(evidence, kept))]
    return _LAST[0][1]


@contextmanager
def instead(evidence: Evidence) -> Iterator[Bench]:
    """Have a bench of its own for other evidence for a while: the calls of the one before it are kept."""
    kept, mine = _LAST[:], Bench(evidence)
    _LAST[:] = [(evidence, mine)]
    try:
        yield mine
    finally:
        _LAST[:] = kept


def _same_thing(one: Evidence, other: Evidence) -> bool:
    """Return whether two failures are of one thing, driven in the same way and held against the same."""
    if one.thing is None or one.thing is not other.thing:
        return False
    first, second = ((getattr(e.reference, "name", ""), e.check in USED_AGAIN) for e in (one, other))
    return first == second
