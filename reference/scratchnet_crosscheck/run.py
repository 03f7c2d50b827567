"""The plain runner: properties over drawn cases, without pytest, with structured results."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import hypothesis
import numpy as np
from hypothesis import strategies as st

from .catalogue import operation_of
from .failure import Failure, Inconclusive, NotApplicable, raised
from .oracles import NUMERICAL, OracleAbsent, oracle
from .oracles.golden import Golden
from .properties import Property, Trial, properties
from .properties.refusals import bad_call_is_refused
from .strategies import COTANGENTS, Setting, seeded_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .case import Case
    from .catalogue.protocol import Operation
    from .oracles.protocol import Oracle, Runner

Verdict = Literal["passed", "failed", "not_applicable", "inconclusive", "oracle_absent", "not_checked"]

REFUSALS = "bad_calls_are_refused"


@dataclass(frozen=True)
class Profile:
    """How much is tried.

    Parameters
    ----------
    name : str
        What reports call it.
    examples : int
        Cases for each property.
    slow_share : float
        The share of them that an oracle gets which compiles anew for every shape.
    shrinking : float
        How many seconds of processor time are spent on making a failing case smaller.
    """

    name: str
    examples: int
    slow_share: float = 0.1
    shrinking: float = 1.5


PROFILES = {
    "quick": Profile("quick", 12, shrinking=0.5),
    "default": Profile("default", 40),
    "thorough": Profile("thorough", 400, shrinking=10.0),
}


class _Enough(BaseException):
    """Ends Hypothesis's search for a smaller case: no Exception, which it would take for a failure."""


#: The share of cases that Hypothesis chooses part by part; the others follow from seeds, a tenth as costly.
_CHOSEN = 0.1
#: How many cases Hypothesis may try to find a smaller one than a failing case that came from a seed.
_TRIES = 200
#: From how many seeds all checks draw the calls of what compiles each new shape.
_COMPILED = 40
_SLOW_ORACLES = ("jax",)
_SAME_CONVENTIONS = ("torch", "golden")


@dataclass(frozen=True)
class Result:
    """What one check of one operation came to.

    Parameters
    ----------
    operation, subject, check : str
        What was checked, who computes it, and the property's name.
    oracle : str
        What it was held against: an oracle's name ("numerical" is its own forward pass, differentiated
        numerically), or "" for a property that needs none.
    dtype : str
        The dtypes the cases were drawn in.
    verdict : str
        "passed" says that it ran and held. "inconclusive", "not_applicable", "oracle_absent" and
        "not_checked" are no passes.
    cases : int
        How many cases the check ran on and had something to say of.
    worst : float
        The largest error seen, as a multiple of what was allowed.
    evidence : mapping
        How often what was exercised: ranks, empty batches, layouts, remainders, kinds of cotangents.
    failure : Failure, optional
        The smallest failing case.
    message : str
        Why, in words, where the verdict is not "passed".
    seed : int
        Replays the run.
    """

    operation: str
    subject: str
    check: str
    oracle: str
    dtype: str
    verdict: Verdict
    cases: int = 0
    worst: float = 0.0
    evidence: Mapping[str, int] = field(default_factory=dict)
    failure: Failure | None = None
    message: str = ""
    seed: int = 0

    def __str__(self) -> str:
        """Return the result on one line, and what failed below it."""
        against = f" against {self.oracle}" if self.oracle else ""
        what = f"{self.operation} ({self.subject}, {self.dtype}): {self.check.replace('_', ' ')}{against}"
        line = f"{what}: {self.verdict}"
        if self.verdict == "passed":
            return f"{line} on {self.cases} cases, worst error {self.worst:.2g} of what is allowed"
        return f"{line} (seed {self.seed})\n    {self.message}"


@dataclass(frozen=True)
class Plan:
    """One check to run: a property, in one dtype where precision is a verdict of its own."""

    check: Property | None
    dtypes: tuple[str, ...]
    oracle: str = ""

    @property
    def needs_oracle(self) -> bool:
        """Whether the check holds the thing against an oracle."""
        return self.check is not None and self.check.needs_oracle

    @property
    def name(self) -> str:
        """The check's name."""
        return REFUSALS if self.check is None else self.check.name

    @property
    def words(self) -> str:
        """The check in words: what holds, against which oracle, in which dtype."""
        against = f" ({self.oracle})" if self.needs_oracle else ""
        dtype = f" in {self.dtypes[0]}" if self.check is not None and self.check.precision else ""
        return f"{self.name.replace('_', ' ')}{against}{dtype}"


def plans(entry: Operation, oracles: Sequence[str] = ("torch",)) -> list[Plan]:
    """Return every check that applies to an operation, with each oracle.

    Examples
    --------
    >>> from scratchnet_crosscheck.catalogue import operation_of
    >>> [p.words for p in plans(operation_of("relu"), ("torch",)) if "backward equals the" in p.words]
    ['backward equals the reference (torch) in float64', 'backward equals the reference (torch) in float32']
    """
    found = [Plan(None, ("float64",))] if entry.invalid else []
    oracles = [name for name in oracles if name != NUMERICAL]  # it judges by a check of its own
    for check in properties().values():
        if not check.applies(entry):
            continue
        splits = [("float64",), ("float32",)] if check.precision else [check.dtypes]
        judges = [name for name in oracles if not check.conventions or name in _SAME_CONVENTIONS]
        for name in judges if check.needs_oracle else [check.oracle]:
            found += [Plan(check, dtypes, name) for dtypes in splits]
    return found


def check_operation(
    name: str | Operation,
    subject: Runner | None = None,
    *,
    oracle: str | Sequence[str] = ("torch",),
    checks: Iterable[str] | None = None,
    profile: str | Profile = "default",
    seed: int | None = None,
) -> list[Result]:
    """Run every property that applies to an operation, and return what each came to.

    Parameters
    ----------
    name : str or Operation
        The operation, by its name in the catalogue or as an entry of one's own.
    subject : Runner, optional
        The thing under test; scratchnet.functional's own function by default.
    oracle : str or sequence of str
        What it is held against; properties that need no oracle always run.
    checks : iterable of str, optional
        The names of the properties to run; all by default.
    profile : str or Profile
        How much is tried: "quick", "default" or "thorough".
    seed : int, optional
        Replays a run; drawn anew by default and found in the results.

    Examples
    --------
    >>> results = check_operation("relu", oracle=(), profile="quick", seed=1)
    >>> {result.verdict for result in results}
    {'passed'}
    """
    entry = operation_of(name) if isinstance(name, str) else name
    wanted = plans(entry, (oracle,) if isinstance(oracle, str) else oracle)
    if checks is not None:
        asked = set(checks)
        unknown = asked - set(properties()) - {REFUSALS}
        if unknown:
            raise ValueError(
                f"no check is called {sorted(unknown)}; there are {', '.join((*properties(), REFUSALS))}"
            )
        wanted = [plan for plan in wanted if plan.name in asked]
    return [check_property(entry, plan, subject, profile=profile, seed=seed) for plan in wanted]


def check_property(
    entry: Operation,
    plan: Plan,
    subject: Runner | None = None,
    *,
    profile: str | Profile = "default",
    seed: int | None = None,
    judge: Callable[[], Oracle] | None = None,
    told: Callable[[int], None] | None = None,
    any_formula: bool = False,
    known: list[tuple[Plan, Failure]] | None = None,
) -> Result:
    """Run one check of one operation.

    Parameters
    ----------
    entry : Operation
        How its calls are drawn.
    plan : Plan
        The check, in which dtype and against which oracle.
    subject : Runner, optional
        The thing under test; scratchnet.functional's own function by default.
    profile : str or Profile
        How much is tried.
    seed : int, optional
        Replays a run.
    judge : callable, optional
        Makes the oracle, where it is another than the one of the plan's name; may raise `OracleAbsent`.
    told : callable, optional
        Called with the number of cases that have been tried, after each.
    any_formula : bool
        Whether the thing may be written by another formula than the oracle's (`tolerance`).
    known : list of (Plan, Failure), optional
        Where other checks of it failed, each made as small as could be: on one that fails here in the same
        way none smaller is looked for. What is found here is put to it.
    """
    thing: Runner = Golden(name="scratchnet") if subject is None else subject
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    profile = PROFILES[profile] if isinstance(profile, str) else profile
    dtype = ", ".join(plan.dtypes)

    def result(verdict: Verdict, message: str = "", **found: Any) -> Result:
        return Result(
            entry.name,
            thing.name,
            plan.name,
            plan.oracle,
            dtype,
            verdict,
            message=message,
            seed=seed,
            **found,
        )

    if plan.check is None:
        return _refusals(entry, thing, result)
    believed: Oracle | None = None
    if plan.needs_oracle:
        if judge is None and subject is None and plan.oracle == "golden":
            return result("not_checked", "the oracle is the thing under test")
        try:
            believed = oracle(plan.oracle, entry) if judge is None else judge()
        except OracleAbsent as absent:
            return result("oracle_absent", str(absent))
    known = [] if known is None else known
    found = _Search(entry, thing, plan, believed, told, any_formula, known).run(profile, seed, result)
    if found.failure is not None and found.failure.kind and found.failure.trial is not None:
        known.append((plan, found.failure))
    return found


def _refusals(entry: Operation, subject: Runner, result: Any) -> Result:
    for done, bad in enumerate(entry.invalid):
        try:
            bad_call_is_refused(subject, bad)
        except Failure as failure:
            found: Result = result("failed", str(failure), cases=done + 1, failure=failure)
            return found
    passed: Result = result("passed", cases=len(entry.invalid))
    return passed


class _Search:
    """The search for a case on which one check does not hold, as small as possible."""

    def __init__(
        self,
        entry: Operation,
        subject: Runner,
        plan: Plan,
        judge: Oracle | None,
        told: Callable[[int], None] | None = None,
        any_formula: bool = False,
        known: Sequence[tuple[Plan, Failure]] = (),
    ) -> None:
        if plan.check is None:
            raise TypeError("a plan without a property is no search")
        self._entry, self._subject, self._check, self._judge = entry, subject, plan.check, judge
        self._dtypes = plan.dtypes
        self._told = told
        self._any_formula = any_formula
        self._known = known
        self._tried = 0
        self._said = 0
        self._worst = 0.0
        self._silent: Counter[tuple[Verdict, str]] = Counter()
        self._evidence: Counter[str] = Counter()
        self._smallest: Failure | None = None
        self._sizes: Literal["ordinary", "edge", "small"] = plan.check.sizes
        self._until = math.inf

    def run(self, profile: Profile, seed: int, result: Any) -> Result:
        """Draw cases within the profile; return what it came to."""
        share = self._check.share * (
            profile.slow_share if self._judge is not None and self._judge.name in _SLOW_ORACLES else 1.0
        )
        examples = max(3, round(profile.examples * share))
        chosen = examples if self._entry.by_strategy else max(2, round(examples * _CHOSEN))
        found: Result
        try:
            self._chosen(chosen, seed)
        except Failure as failure:
            return self._failed(self._smaller(failure, profile, seed), result)
        except hypothesis.errors.HypothesisException as error:
            # Flaky: it failed and then did not, as a layer does that remembers earlier calls.
            if self._smallest is None:
                found = result("not_checked", f"no case could be drawn: {error}")
                return found
            return self._failed(self._smallest, result)
        try:
            self._seeded(examples - chosen, seed)
        except Failure as failure:
            return self._failed(self._smaller(failure, profile, seed), result)
        if self._said:
            found = result("passed", cases=self._said, worst=self._worst, evidence=dict(self._evidence))
            return found
        if not self._silent:
            found = result("not_checked", "no case was drawn")
            return found
        (verdict, why), _ = self._silent.most_common(1)[0]
        found = result(verdict, why)
        return found

    def _failed(self, failure: Failure, result: Any) -> Result:
        if failure.place is not None:
            # The thing is run again to find the place: what is broken may break in any way there.
            with contextlib.suppress(Exception):
                failure = failure.place()
        found: Result = result(
            "failed",
            str(failure),
            cases=self._said,
            worst=self._worst,
            evidence=dict(self._evidence),
            failure=failure,
        )
        return found

    def _chosen(self, examples: int, seed: int, shrinking: float = 0.0) -> None:
        """Try cases that Hypothesis chooses part by part; make one that fails smaller for so many seconds."""
        settings = hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=True,
            derandomize=False,
            report_multiple_bugs=False,
            verbosity=hypothesis.Verbosity.quiet,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=(hypothesis.Phase.generate, *((hypothesis.Phase.shrink,) if shrinking else ())),
        )

        @hypothesis.seed(seed)
        @settings
        @hypothesis.given(self._trials())
        def one(drawn: tuple[Case, Case | None, str, int]) -> None:
            if time.process_time() > self._until:
                raise _Enough
            try:
                self._one(*drawn)
            except Failure:
                if shrinking:
                    self._until = min(self._until, time.process_time() + shrinking)
                raise

        one()

    def _seeded(self, examples: int, seed: int) -> None:
        """Try cases that follow from seeds: cheap to draw, and each drawn afresh."""
        numbers = random.Random(seed)
        settings = [self._setting(dtype) for dtype in self._dtypes]
        few = [numbers.getrandbits(32) for _ in range(_COMPILED)] if self._entry.compiles else None

        def case_of(setting: Setting) -> Case:
            chosen = numbers.getrandbits(32) if few is None else numbers.choice(few)
            return seeded_case(self._entry.draw, setting, chosen)

        for _ in range(examples):
            setting = numbers.choice(settings)
            case = case_of(setting)
            other = case_of(setting) if self._check.needs_other else None
            self._one(case, other, numbers.choice(COTANGENTS), numbers.getrandbits(16))

    def _smaller(self, failure: Failure, profile: Profile, seed: int) -> Failure:
        """Return a failure on the smallest case that Hypothesis finds: among small ones, else among all."""
        before = self._as_before(failure)
        if before is not None:
            return before
        sizes = self._check.sizes
        first = ("small",) if sizes == "ordinary" and not self._entry.by_strategy else ()
        for self._sizes in (*first, sizes):
            self._until = time.process_time() + 2 * profile.shrinking
            self._smallest = None
            try:
                self._chosen(_TRIES, seed, shrinking=profile.shrinking)
            except Failure as smaller:
                return smaller
            except (_Enough, hypothesis.errors.HypothesisException):
                if self._smallest is not None:
                    return self._smallest
        return failure

    def _as_before(self, failure: Failure) -> Failure | None:
        """Return the failure on a case that another check found and made small, where it is of this kind."""
        for plan, earlier in self._known:
            there, here = plan.check, self._check
            if there is None or earlier.trial is None or earlier.kind != failure.kind:
                continue
            if there.values not in (here.values, "calm") or there.batched < here.batched:
                continue
            case, other, kind, seed = earlier.trial
            if case.dtype.name not in self._dtypes:
                dtype = np.dtype(self._dtypes[0])
                case, other = case.astype(dtype), None if other is None else other.astype(dtype)
            try:
                self._one(case, other or case, kind, seed)
            except Failure as again:
                if again.kind == failure.kind:
                    return again
        return None

    def _setting(self, dtype: str) -> Setting:
        check = self._check
        return Setting(
            np.dtype(dtype), check.values, self._sizes, check.layouts, check.batched, self._entry.extremes
        )

    def _trials(self) -> st.SearchStrategy[tuple[Case, Case | None, str, int]]:
        def of(dtype: str) -> st.SearchStrategy[tuple[Case, Case | None, str, int]]:
            drawn = self._entry.cases(self._setting(dtype))
            other: st.SearchStrategy[Case | None] = drawn if self._check.needs_other else st.none()
            return st.tuples(drawn, other, st.sampled_from(COTANGENTS), st.integers(0, 2**16))

        return st.one_of([of(dtype) for dtype in self._dtypes])

    def _one(self, case: Case, other: Case | None, kind: str, seed: int) -> None:
        trial = Trial(self._entry, self._judge, kind, seed, other, self._any_formula)
        given = (case, other, kind, seed)
        self._tried += 1
        if self._told is not None:
            self._told(self._tried)
        try:
            self._check(self._subject, case, trial)
        except Failure as failure:
            self._keep(failure, given)
            self._worst = max(self._worst, trial.worst)
            raise
        except NotApplicable as why:
            self._silent["not_applicable", str(why)] += 1
            return
        except Inconclusive as why:
            self._silent["inconclusive", str(why)] += 1
            return
        except Exception as error:
            failed = raised(error, case)
            self._keep(failed, given)
            raise failed from error
        self._said += 1
        self._worst = max(self._worst, trial.worst)
        self._evidence.update(case.tags())
        self._evidence[f"cotangent: {trial.kind}"] += 1

    def _keep(self, failure: Failure, given: tuple[Case, Case | None, str, int]) -> None:
        failure.trial = given
        if self._smallest is None or failure.case.size < self._smallest.case.size:
            self._smallest = failure
