"""A result as plain values: what travels from a worker to the report, and what is written to a file.

docs/check-json.md says what each field means.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..failure import Failure
    from ..run import Result

#: Raised when a field changes its meaning or goes.
SCHEMA_VERSION = 1
VERDICTS = (
    "passed", "failed", "convention", "inconclusive", "not_applicable", "oracle_absent", "not_checked",
)  # fmt: skip
_LONGEST = 2000
#: What the key of a diagnosis begins with that names a convention and no mistake.
CONVENTION = "convention:"

#: One result by field: what one check of one thing, with one oracle, in one dtype came to.
Record: TypeAlias = dict[str, Any]


def record(file: str, subject: str, taken_for: str, check: str, verdict: str, **more: Any) -> Record:
    """Return a record with every field of the schema; those that are not given say nothing.

    Examples
    --------
    >>> found = record("my.py", "Relu", "relu", "dtype_is_preserved", "passed", cases=9)
    >>> found["verdict"], found["cases"], found["diagnosis"], found["smallest_case"]
    ('passed', 9, [], None)
    """
    return {
        "file": file,
        "subject": subject,
        "taken_for": taken_for,
        "check": check,
        "oracle": "",
        "dtype": "",
        "verdict": verdict,
        "cases": 0,
        "worst_error": 0.0,
        "diagnosis": [],
        "smallest_case": None,
        "message": "",
        "report": [],
        "expected_failure": "",
        "seed": 0,
        "evidence": {},
        **more,
    }


def of_result(
    result: Result, file: str = "", expected: str = "", reasons: Sequence[tuple[str, str]] = ()
) -> Record:
    """Return the record of a result; `reasons` are the keys and words of its diagnosis.

    Examples
    --------
    >>> from scratchnet_crosscheck.run import Result
    >>> found = of_result(Result("relu", "my_relu", "dtype_is_preserved", "", "float32", "passed", 9))
    >>> found["subject"], found["taken_for"], found["verdict"], found["smallest_case"]
    ('my_relu', 'relu', 'passed', None)
    """
    from .words import body

    failure = result.failure
    message = failure.message if failure is not None else result.message
    verdict: str = result.verdict
    if verdict == "failed" and reasons and reasons[0][0].startswith(CONVENTION):
        verdict, message = "convention", reasons[0][1]  # it differs, all of it, as a known convention does
    return record(
        file,
        result.subject,
        result.operation,
        result.check,
        verdict,
        oracle=result.oracle,
        dtype=result.dtype,
        cases=max(result.cases, 1) if failure is not None else result.cases,
        worst_error=_worst(result),
        diagnosis=[{"key": key, "words": words} for key, words in reasons],
        smallest_case=None if failure is None else _pasted(failure)[:_LONGEST],
        message=message.splitlines()[0][:_LONGEST] if message else "",
        report=body(result, reasons) if verdict == "failed" else [],
        expected_failure=expected,
        seed=result.seed,
        evidence={str(k): int(v) for k, v in result.evidence.items()},
    )


def _worst(result: Result) -> float:
    """Return the worst error as a multiple of what was allowed, a finite number."""
    worst, failure = float(result.worst), result.failure
    if failure is not None and failure.error and failure.allowed:
        worst = max(worst, failure.error / failure.allowed)
    return worst if math.isfinite(worst) else 1e308


def _pasted(failure: Failure) -> str:
    from ..case import array_call

    dys = ", ".join(array_call(dy) for dy in failure.cotangents)
    return repr(failure.case) + (f"\nbackward({dys})" if dys else "")
