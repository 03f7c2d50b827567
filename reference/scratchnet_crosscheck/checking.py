"""Every check of one recognised thing, as records that can be written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .adapters.runner import Reference, Stateful, runner_of
from .case import array_call
from .diagnoses import Evidence, explain
from .failure import Failure
from .oracles import OracleAbsent
from .properties import Property, properties
from .properties.values import backward_equals_the_reference
from .references.protocol import Sampler
from .run import PROFILES, Plan, Result, _Search, plans
from .strategies import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .adapters.runner import Subject
    from .case import Case
    from .oracles.protocol import Runner
    from .properties import Trial

SCHEMA_VERSION = 1
VERDICTS = (
    "passed", "failed", "convention", "inconclusive", "not_applicable", "oracle_absent", "not_checked",
)  # fmt: skip
Record = dict[str, Any]


def record(file: str, subject: str, taken_for: str, check: str, verdict: str, **more: Any) -> Record:
    """Return one result as it is written down, with every field of the schema."""
    return {
        "file": file, "subject": subject, "taken_for": taken_for, "check": check, "oracle": "", "dtype": "",
        "verdict": verdict, "cases": 0, "worst_error": 0.0, "diagnosis": [], "smallest_case": None,
        "message": "", "report": [], "seed": 0, **more,
    }  # fmt: skip


def asked_of(subject: Subject, oracles: Sequence[str], skip: Sequence[str] = ()) -> list[Plan]:
    """Return the checks of a thing."""
    found = []
    for plan in plans(subject.entry(), oracles):
        if plan.check is None or plan.name in skip:
            continue
        if plan.name == "results_share_no_memory" and subject.kind.views and not subject.strict:
            continue
        found.append(plan)
    if not subject.driver.linearizes and not subject.kind.random and USED_BEFORE.name not in skip:
        found += [Plan(USED_BEFORE, ("float64",), name) for name in oracles]
    return found


def _used_before(runner: Runner, case: Case, trial: Trial) -> None:
    if isinstance(runner, Stateful):
        kind = runner.subject.kind
        changed = [n for n in kind.params if n in case.given]
        if not kind.loss and kind.slots[0] not in kind.fixed:
            changed.append(kind.slots[0])
        other = case.replace(**{n: np.asarray(0.5 - case[n], dtype=case[n].dtype) for n in changed})
        outputs = runner.forward(other)
        runner.vjp(other, trial.cotangents(other, outputs, "signed"))
    backward_equals_the_reference.check(runner, case, trial)


_used_before.__name__ = "a_call_between_changes_nothing"
#: The same object, used before with another input and other parameters, held against the reference.
USED_BEFORE = Property(_used_before, needs_oracle=True, share=0.6)
_USED = ("repeated_calls_agree", USED_BEFORE.name)


def check_subject(
    file: str, subject: Subject, *, oracles: Sequence[str], profile: str, seed: int, skip: Sequence[str] = (),
    started: Callable[[str], None] = lambda _: None,
) -> Iterator[Record]:  # fmt: skip
    """Run every check of a thing, one after the other; yield what each came to."""
    for key, words in subject.conventions.items():
        yield record(file, subject.name, subject.taken_for, key, "convention", message=words)
    for slot in sorted(subject.silent):
        if slot in subject.kind.params:
            yield record(
                file, subject.name, subject.taken_for, f"gradient_of_{slot}", "not_checked",
                message=f"no gradient of {slot} was found: keep it as self.d{slot} or return it",
            )  # fmt: skip
    for plan in asked_of(subject, oracles, skip):
        started(plan.words)
        yield _one(file, subject, plan, profile, seed)


def _one(file: str, subject: Subject, plan: Plan, profile: str, seed: int) -> Record:
    dtype = ", ".join(plan.dtypes)
    common = {"oracle": plan.oracle, "dtype": dtype, "seed": seed}

    def made(verdict: str, message: str = "", **found: Any) -> Record:
        return record(
            file, subject.name, subject.taken_for, plan.name, verdict, message=message, **common, **found
        )

    if plan.name == "backward_equals_numerical_differentiation" and "log_eps" in subject.form.options:
        return made("not_applicable", "a declared epsilon is in the forward formula alone")
    judge: Any = None
    if plan.oracle:
        try:
            judge = Reference(plan.oracle, subject)
        except OracleAbsent as absent:
            return made("oracle_absent", str(absent))
    subject.beat()
    subject.driver.use_again(reuses=plan.name in _USED)
    runner = runner_of(subject)
    entry = subject.entry()

    def result(verdict: Any, message: str = "", **found: Any) -> Result:
        return Result(
            entry.name,
            subject.name,
            plan.name,
            plan.oracle,
            dtype,
            verdict,
            message=message,
            seed=seed,
            **found,
        )

    if judge is not None and plan.check is not None and not subject.kind.random:
        plan = replace(plan, check=_as_good_as_the_formula(plan.check, judge))
    found = _Search(entry, runner, plan, judge).run(PROFILES[profile], seed, result)
    if found.verdict != "failed" or found.failure is None:
        return made(found.verdict, found.message, cases=found.cases, worst_error=_finite(found.worst))
    failure = found.failure
    reasons = explain(_evidence(subject, plan, runner, judge, failure))
    return made(
        "failed", failure.message, cases=max(found.cases, 1),
        worst_error=_finite(
            failure.error / failure.allowed if failure.error and failure.allowed else found.worst
        ),
        diagnosis=[{"key": key, "words": words} for key, words in reasons],
        smallest_case=_pasted(failure), report=drawn(failure, plan, [words for _, words in reasons], seed),
    )  # fmt: skip


def _as_good_as_the_formula(check: Property, judge: Any) -> Property:
    """Return the check, content with what rounding alone does to another formula of the same function.

    A difference of no more than a few roundings of the largest argument, scaled by the cotangent, is what a
    right formula other than the reference's may come to; it is held for every result of the call.
    """

    def loose(runner: Runner, case: Case, trial: Trial) -> None:
        try:
            check(runner, case, trial)
        except Failure as failure:
            if failure.error is None or not _within_rounding(runner, judge, failure):
                raise

    return replace(check, check=named(loose, check.name))


def named(function: Any, name: str) -> Any:
    """Return a function under another name."""
    function.__name__ = name
    return function


def _within_rounding(runner: Runner, judge: Any, failure: Failure) -> bool:
    case, dys = failure.case, failure.cotangents
    eps = float(np.finfo(case.dtype).eps)
    largest = max([1.0, *(_largest(a) for a in case.given.values() if a.dtype.kind == "f")])
    scale = max((_largest(dy) for dy in dys), default=1.0)
    with np.errstate(all="ignore"):
        got = runner.vjp(case, dys) if dys else runner.forward(case)
        double = case.astype(np.float64)
        true = judge.vjp(double, tuple(dy.astype(np.float64) for dy in dys)) if dys else judge.forward(double)
    for mine, wanted in zip(got, true, strict=False):
        if mine is None or wanted is None:
            continue
        if not isinstance(mine, np.ndarray | np.generic) or mine.shape != wanted.shape:
            return False
        allowed = 16.0 * eps * (scale * largest + _largest(wanted))
        if not (np.abs(mine.astype(np.float64) - wanted) <= allowed).all():
            return False
    return True


def _largest(array: Any) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0.0))


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 1e308


def _evidence(subject: Subject, plan: Plan, runner: Any, judge: Any, failure: Failure) -> Evidence:
    reference = judge
    if reference is None:
        for name in ("torch", "golden"):
            try:
                reference = Reference(name, subject)
            except OracleAbsent:
                continue
            break

    def draw(seed: int) -> Case:
        return subject.case(
            Sampler(np.random.default_rng(seed), Setting(np.dtype(np.float64), layouts=False))
        )

    return Evidence(
        plan.name, runner, reference, failure.case, failure.cotangents, failure.part, failure.got,
        failure.wanted,
        draw, failure.message,
    )  # fmt: skip


def _pasted(failure: Failure) -> str:
    lines = [repr(failure.case)]
    if failure.cotangents:
        lines.append(f"backward({', '.join(array_call(dy) for dy in failure.cotangents)})")
    return "\n".join(lines)


def drawn(failure: Failure, plan: Plan, reasons: Sequence[str], seed: int) -> list[str]:
    """Return a failure in at most 25 lines: what is wrong, by how much, on which call, and why."""
    lines = [_short(failure.message)]
    got, wanted, index = failure.got, failure.wanted, failure.index
    if (
        isinstance(got, np.ndarray | np.generic)
        and wanted is not None
        and index is not None
        and np.shape(got) == wanted.shape
    ):
        place = f"[{', '.join(map(str, index))}]" if index else ""
        mine, true = float(np.asarray(got)[index]), float(wanted[index])
        ratio = f", ratio {mine / true:.6g}" if true and np.isfinite(mine / true) else ""
        lines = [f"{failure.part}{place}: got {mine:.9g}, {plan.oracle or 'should be'} {true:.9g}{ratio}"]
        if failure.wrong is not None:
            lines.append(f"{failure.wrong} of {wanted.size} elements are wrong")
        if failure.error is not None and failure.allowed is not None:
            lines.append(f"error {failure.error:.3g}, allowed {failure.allowed:.3g} (rounding)")
        if lines[0].split(":")[0] not in failure.message:
            lines.insert(0, _short(failure.message))
    lines.append("on this call:")
    for name, array in failure.case.arrays.items():
        lines.append(f"    {name} = {_cut(array_call(array)) if array is not None else None}")
    if failure.case.options:
        lines.append(f"    {', '.join(f'{k}={v!r}' for k, v in failure.case.options.items())}")
    for name, dy in zip(failure.case.outputs, failure.cotangents, strict=False):
        lines.append(f"    d{name} = {_cut(array_call(dy))}")
    lines += [f"diagnosis: {words}" for words in reasons]
    lines.append(f"replay: --seed {seed}")
    return lines[:25]


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:297]}..."


def _cut(text: str, most: int = 400) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def known_checks() -> list[str]:
    """Return the names of all checks."""
    return sorted(properties())
