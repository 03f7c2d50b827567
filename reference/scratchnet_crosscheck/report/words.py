"""A failure in at most 25 lines: what is wrong, the smallest case to paste, why, and how to replay it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..failure import Failure
    from ..run import Result

MOST_LINES = 25
_LONGEST = 600


def explain(result: Result, reasons: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return what is to be said of a check that did not hold; `reasons` are keys and words."""
    against = f", held against {result.oracle}" if result.oracle else ""
    check, verdict = result.check.replace("_", " "), result.verdict.replace("_", " ")
    lines = [f"{result.subject} as {result.operation}: {check} ({result.dtype}{against}): {verdict}"]
    failure = result.failure
    if failure is None:
        return [*lines, *(f"  {line}" for line in result.message.splitlines())][:MOST_LINES]
    lines += [f"  {_cut(failure.message)}", *_ratio(failure)]
    lines += [f"  diagnosis: {words}" for _, words in reasons[:4]]
    lines += [f"  smallest case of {result.cases + 1}:" if result.cases else "  the case:"]
    lines += [f"    {_cut(line)}" for line in _snippet(result.subject, failure)]
    return [*lines, f"  again with: --crosscheck-seed={result.seed}"][:MOST_LINES]


def _snippet(subject: str, failure: Failure) -> list[str]:
    from ..case import array_call

    case = failure.case
    call = repr(case)
    if call.startswith(f"{case.operation}("):
        call = subject + call[len(case.operation) :]
    if not failure.cotangents:
        return [call]
    dys = ", ".join(array_call(dy) for dy in failure.cotangents)
    return [f"{', '.join((*case.outputs, 'pullback', *case.extras[:1]))} = {call}", f"pullback({dys})"]


def _ratio(failure: Failure) -> list[str]:
    """Return how got and wanted are related at the worst element, where both are numbers of some size."""
    if failure.index is None or failure.got is None or failure.wanted is None:
        return []
    got, wanted = float(failure.got[failure.index]), float(failure.wanted[failure.index])
    if not wanted or not math.isfinite(got) or not math.isfinite(wanted):
        return []
    return [f"  ratio {got / wanted:.6g}"]


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
