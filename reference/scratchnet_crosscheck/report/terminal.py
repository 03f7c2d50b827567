"""The report as lines of text: a table of thing, check, oracle and dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = ("thing", "check", "oracle", "dtype", "cases", "worst error", "verdict")


def _verdict(found: Mapping[str, Any]) -> str:
    words = str(found["verdict"]).replace("_", " ")
    return f"{words} (expected)" if found.get("expected_failure") and words == "failed" else words


def thing(found: Mapping[str, Any]) -> str:
    """Return what a result is of: the thing, and what it was taken for."""
    subject, taken_for = found["subject"], found["taken_for"]
    return f"{subject} as {taken_for}" if taken_for not in ("", subject) else str(subject or found["file"])


def things(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what each result is of, with the file where things of several files have one name.

    Examples
    --------
    >>> two = [{"subject": "relu", "taken_for": "relu", "file": file} for file in ("a.py", "b.py")]
    >>> things(two), things(two[:1])
    (['relu in a.py', 'relu in b.py'], ['relu'])
    """
    files: dict[str, set[str]] = {}
    for found in results:
        files.setdefault(thing(found), set()).add(str(found["file"]))
    return [
        f"{thing(found)} in {found['file']}"
        if len(files[thing(found)]) > 1 and found["file"]
        else thing(found)
        for found in results
    ]


def _row(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    verdict, worst = found["verdict"], float(found["worst_error"])
    ran = verdict in ("passed", "failed")
    error = "-" if not ran or (worst == 0 and verdict == "failed") else f"{worst:.2g}"
    check = str(found["check"]).replace("_", " ")
    return (
        name,
        check,
        found["oracle"] or "-",
        found["dtype"],
        str(found["cases"]),
        error,
        _verdict(found),
    )


def table(results: Sequence[Mapping[str, Any]]) -> list[str]:
    r"""Return one line a result, in columns under a head; the worst error is in tolerance units.

    Examples
    --------
    >>> row = {"subject": "my_relu", "taken_for": "relu", "check": "dtype_is_preserved", "oracle": "",
    ...        "dtype": "float32", "cases": 12, "worst_error": 0.0, "verdict": "passed", "file": ""}
    >>> print(*table([row]), sep="\n")
    thing            check               oracle  dtype    cases  worst error  verdict
    my_relu as relu  dtype is preserved  -       float32     12            0  passed
    """
    rows = [HEAD, *(_row(found, name) for found, name in zip(results, things(results), strict=True))]
    wide = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    numbers = (4, 5)
    return [
        "  ".join(
            cell.rjust(w) if i in numbers else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    ]


def totals(results: Sequence[Mapping[str, Any]]) -> str:
    """Return how often each verdict was given, on one line."""
    counts = Counter(_verdict(found) for found in results)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


def unchecked(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the things of which no check ran: they are not checked, whatever else is green.

    What a file holds beside its layers is listed in its results and is not asked for: of a file it takes
    one thing that was checked.
    """
    ran = {(r["file"], r["subject"]) for r in results if r["verdict"] in ("passed", "failed")}
    files = {file for file, _ in ran}
    return sorted(
        {
            str(r["subject"] or r["file"])
            for r in results
            if (r["file"], r["subject"]) not in ran and not (r["check"] == "all" and r["file"] in files)
        }
    )
