"""A failure in at most 25 lines: what is wrong, the smallest case to paste, why, and how to replay it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..failure import Failure
    from ..run import Result

MOST_LINES = 25
_LONGEST = 400
_NAMES = {"torch": "PyTorch", "jax": "JAX", "golden": "scratchnet", "numerical": "numerical differentiation"}


def title(found: Mapping[str, Any]) -> str:
    """Return what was checked, of a record: the thing, the check, and what it was held against.

    Examples
    --------
    >>> from .records import record
    >>> title(record("", "Affine", "linear", "dtype_is_preserved", "failed", dtype="float32"))
    'Affine as linear: dtype is preserved (float32): failed'
    """
    judge = "" if found["oracle"] == "numerical" else _NAMES.get(found["oracle"], found["oracle"])
    against = f", held against {judge}" if judge else ""
    dtype = f" ({found['dtype']}{against})" if found["dtype"] else ""
    thing = found["subject"] or found["file"]
    if found["taken_for"] not in ("", thing):
        thing = f"{thing} as {found['taken_for']}"
    check, verdict = str(found["check"]).replace("_", " "), str(found["verdict"]).replace("_", " ")
    return f"{thing}: {check}{dtype}: {verdict}"


def lines_of(found: Mapping[str, Any], again: str) -> list[str]:
    """Return a record that did not pass as at most 25 lines; `again` is the option that replays it."""
    said = list(found["report"] or str(found["message"]).splitlines())
    replay = [f"  again with: {again}{found['seed']}"] if found["verdict"] == "failed" else []
    return [title(found), *(f"  {line}" for line in said)][: MOST_LINES - len(replay)] + replay


def body(result: Result, reasons: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return what is to be said of a check that failed, without its title; `reasons` are keys and words."""
    failure = result.failure
    if failure is None:
        return result.message.splitlines()
    lines = _numbers(failure, _NAMES.get(result.oracle, result.oracle) or "should be")
    lines += [f"diagnosis: {words}" for _, words in reasons[:4]]
    lines.append("on this call:")
    case = failure.case
    for name, array in case.arrays.items():
        lines.append(f"  {name} = {_array(array)}")
    lines += [f"  {name} = {value!r}" for name, value in list(case.options.items())[:8]]
    for name, dy in zip(case.outputs, failure.cotangents, strict=False):
        lines.append(f"  d{name} = {_array(dy)}")
    return [_cut(line) for line in lines]


def _numbers(failure: Failure, judge: str) -> list[str]:
    """Return the worst place with both numbers and how they are related, where there is one."""
    got, wanted, index = failure.got, failure.wanted, failure.index
    if got is None or wanted is None or index is None or getattr(got, "shape", None) != wanted.shape:
        return [_cut(failure.message)]
    place = f"{failure.part}[{', '.join(map(str, index))}]" if index else failure.part
    mine, true = float(got[index]), float(wanted[index])
    # To what is 0 but for rounding, a ratio says nothing.
    tells = bool(true) and math.isfinite(mine / true) and abs(true) > (failure.allowed or 0.0)
    ratio = f", ratio {mine / true:.6g}" if tells else ""
    lines = [f"{place}: got {mine:.9g}, {judge} {true:.9g}{ratio}"]
    if failure.wrong is not None:
        most = ", this one most" if failure.wrong > 1 else ""
        lines.append(f"{failure.wrong} of {wanted.size} elements wrong{most}")
    if failure.error is not None and failure.allowed is not None:
        lines.append(f"off by {failure.error:.3g}; rounding accounts for {failure.allowed:.3g}")
    if not failure.message.startswith(place):
        lines.insert(0, _cut(failure.message))
    return lines


def _array(array: Any) -> str:
    from ..case import array_call

    return "None" if array is None else array_call(array)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
