"""A result as plain values: what travels from a worker to the report, and what is written to a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..failure import Failure
    from ..run import Result

#: Of the file that `json.write` writes; raised when a field changes its meaning or goes.
SCHEMA_VERSION = 1
_LONGEST = 2000


class Record(TypedDict):
    """What one check of one thing, with one oracle, in one dtype came to."""

    file: str
    subject: str
    taken_for: str
    check: str
    oracle: str
    dtype: str
    verdict: str
    cases: int
    worst_error: float
    diagnosis: list[dict[str, str]]
    smallest_case: str | None
    message: str
    expected_failure: str
    seed: int
    evidence: dict[str, int]


def record(
    result: Result, file: str = "", expected: str = "", reasons: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the record of a result; `reasons` are the keys and words of its diagnosis.

    Examples
    --------
    >>> from scratchnet_crosscheck.run import Result
    >>> found = record(Result("relu", "my_relu", "dtype_is_preserved", "", "float32", "passed", 9))
    >>> found["subject"], found["taken_for"], found["verdict"], found["smallest_case"]
    ('my_relu', 'relu', 'passed', None)
    """
    case = None if result.failure is None else _pasted(result.failure)[:_LONGEST]
    found: Record = {
        "file": file,
        "subject": result.subject,
        "taken_for": result.operation,
        "check": result.check,
        "oracle": result.oracle,
        "dtype": result.dtype,
        "verdict": result.verdict,
        "cases": result.cases,
        "worst_error": _worst(result),
        "diagnosis": [{"key": key, "words": words} for key, words in reasons],
        "smallest_case": case,
        "message": result.message.splitlines()[0][:_LONGEST] if result.message else "",
        "expected_failure": expected,
        "seed": result.seed,
        "evidence": {str(k): int(v) for k, v in result.evidence.items()},
    }
    return dict(found)


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
