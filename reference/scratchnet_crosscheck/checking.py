"""One check of one thing, whatever its convention: the result, why it failed, and its record."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .adapted import USED_BEFORE, of_subject
from .diagnoses import Evidence, explain
from .failure import NotApplicable
from .oracles import NUMERICAL, OracleAbsent, oracle
from .properties import properties
from .references.protocol import Sampler
from .report.records import Record, of_result, record
from .run import Plan, Result, check_property, plans
from .strategies import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .adapters.runner import Subject
    from .case import Case
    from .oracles.protocol import Oracle, Runner
    from .properties import Property, Trial
    from .run import Profile
    from .thing import Thing

#: What an operation of one's own is not asked: its strategy draws no edge of its own.
_NOT_OF_OWN = ("empty_and_smallest_shapes_equal_the_reference",)
#: What explains a failure where the check that failed has no oracle: the first that is there.
_EXPLAINING = ("torch", "golden")

Reasons = tuple[tuple[str, str], ...]


def judges_of(thing: Thing, oracles: Sequence[str]) -> tuple[str, ...]:
    """Return the oracles of those that are asked for that can judge a thing, or its own."""
    if thing.own:
        return thing.oracles or ()
    return tuple(name for name in oracles if thing.oracles is None or name in thing.oracles)


def plans_of(thing: Thing, oracles: Sequence[str], skip: Sequence[str] | frozenset[str] = ()) -> list[Plan]:
    """Return the checks of a thing, with each oracle that is asked for and can judge it."""
    judges = judges_of(thing, oracles)
    found = plans(thing.entry, judges)
    if thing.own:
        found = [plan for plan in found if plan.name not in _NOT_OF_OWN]
    if "numpy" in judges:
        found = [plan for plan in found if not plan.needs_oracle or plan.name.startswith("forward_")]
    for added in thing.adds:
        found += [Plan(added, ("float64",), name) for name in judges if name != NUMERICAL]
    if thing.dtypes:
        kept = [(plan, tuple(d for d in plan.dtypes if d in thing.dtypes)) for plan in found]
        found = [replace(plan, dtypes=dtypes) for plan, dtypes in kept if dtypes]
    return [plan for plan in found if plan.name not in skip and thing.left_out.get(plan.name) != ""]


def check(
    thing: Thing,
    plan: Plan,
    *,
    profile: str | Profile = "default",
    seed: int = 0,
    oracles: Sequence[str] = _EXPLAINING,
    told: Callable[[int], None] | None = None,
) -> tuple[Result, Reasons]:
    """Run one check of a thing; return what it came to and, where it failed, the explanations that fit.

    Parameters
    ----------
    thing : Thing
        What is checked.
    plan : Plan
        The check.
    profile : str or Profile
        How much is tried.
    seed : int
        Replays it.
    oracles : sequence of str
        Where the check itself has none, these may help to explain its failure.
    told : callable, optional
        Called with the number of cases tried, after each.
    """
    make = cache(thing.judges[plan.oracle]) if plan.oracle in thing.judges else None
    runner = thing.prepare(plan.name)
    asked = plan
    if plan.check is not None and plan.name in thing.left_out:
        asked = replace(plan, check=_says(plan.check, thing.left_out[plan.name]))
    found = check_property(
        thing.entry, asked, runner, profile=profile, seed=seed, judge=make, told=told,
        any_formula=thing.any_formula, known=thing.known,
    )  # fmt: skip
    return found, _reasons(thing, found, runner, make, oracles)


def _says(check: Property, why: str) -> Property:
    """Return the check as one that says nothing, and why."""

    def silent(runner: Runner, case: Case, trial: Trial) -> None:  # noqa: ARG001 - the protocol's
        raise NotApplicable(why)

    silent.__name__ = check.name
    return replace(check, check=silent)


def _reasons(
    thing: Thing, result: Result, runner: Any, make: Callable[[], Oracle] | None, oracles: Sequence[str]
) -> Reasons:
    """Return the explanations of a failure that fit, as key and words, the most specific first."""
    failure = result.failure
    if failure is None:
        return ()

    def draw(seed: int) -> Case:
        setting = Setting(np.dtype(np.float64), layouts=False)
        return thing.entry.draw(Sampler(np.random.default_rng(seed), setting))

    evidence = Evidence(
        result.check,
        runner,
        _reference(thing, result.oracle, make, oracles),
        failure.case,
        failure.cotangents,
        failure.part,
        failure.got,
        failure.wanted,
        draw,
        failure.message,
        thing,
    )
    return tuple(explain(evidence))


def _reference(
    thing: Thing, name: str, make: Callable[[], Oracle] | None, oracles: Sequence[str]
) -> Oracle | None:
    """Return what explains a failure: the check's own oracle, or the first that is there."""
    for other in dict.fromkeys((name, *oracles, *_EXPLAINING)):
        beyond = thing.oracles is not None and other not in thing.oracles
        if other in ("", NUMERICAL) or beyond or (thing.judges and other not in thing.judges):
            continue
        try:
            if other == name and make is not None:
                return make()
            return thing.judges[other]() if thing.judges else oracle(other, thing.entry)
        except OracleAbsent:
            continue
    return None


def check_subject(
    file: str,
    subject: Subject,
    *,
    oracles: Sequence[str],
    profile: str | Profile,
    seed: int,
    skip: Sequence[str] = (),
    started: Callable[[str], None] = lambda _: None,
    told: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Run every check of a thing that an adapter drives, one after the other; yield each one's record."""
    thing = of_subject(subject, file)
    for key, verdict, words in thing.remarks:
        yield record(file, thing.name, thing.entry.name, key, verdict, message=words, seed=seed)
    for plan in plans_of(thing, oracles, skip):
        started(plan.words)
        found, reasons = check(thing, plan, profile=profile, seed=seed, oracles=oracles, told=told)
        yield of_result(found, file, reasons=reasons)


def listed(subject: Subject, oracles: Sequence[str], skip: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Return check, oracle and dtype of each record that `check_subject` will yield, in order."""
    thing = of_subject(subject, "")
    said = [(key, "", "") for key, _, _ in thing.remarks]
    return said + [(p.name, p.oracle, ", ".join(p.dtypes)) for p in plans_of(thing, oracles, skip)]


def known_checks() -> list[str]:
    """Return the names of all checks."""
    return sorted((*properties(), USED_BEFORE.name))
