"""``scratchnet check FILE...``: check hand-written layers without a line of code."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .isolation import Report
    from .report.records import Record

SUMMARY = "check hand-written layers in Python files against PyTorch and numerical differentiation"

HELD, WRONG, USAGE, NOTHING = 0, 1, 2, 3
"""Exit statuses: all held; something is wrong; the call's words are off; nothing was checked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the subcommand takes."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a Python file; checking it imports it"
    )
    parser.add_argument(
        "--like", action="append", default=[], metavar="NAME=OPERATION",
        help="what a class or function of another name is meant to be",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result to this file")
    parser.add_argument(
        "--profile", choices=("quick", "default", "thorough"), default="default", help="how much is tried"
    )
    parser.add_argument(
        "--oracle", action="append", default=[], choices=("torch", "golden"),
        help="what layers are held against; PyTorch where it is installed, scratchnet's own functions else",
    )  # fmt: skip
    parser.add_argument(
        "--skip", action="append", default=[], metavar="CHECK", help="a check that is not run"
    )
    parser.add_argument("--seed", type=int, help="replays a run")
    parser.add_argument(
        "--time-limit", type=float, default=10.0, metavar="SECONDS", help="how long one call may take"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the files; return the exit status."""
    try:
        import hypothesis  # noqa: F401 - an extra: said in words when it is missing
    except ImportError:
        raise ValueError("it needs Hypothesis: pip install hypothesis") from None
    from . import checking
    from .isolation import Options, check_file
    from .references import kinds

    problem = _usage(arguments, checking.known_checks(), list(kinds()))
    if problem:
        print(f"scratchnet check: {problem} (see scratchnet check --help)", file=sys.stderr)
        return USAGE
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    oracles = arguments.oracle or [_best_oracle()]
    records: list[Record] = []
    for path in arguments.files:
        likes = {**configured(path), **_likes(arguments.like)}
        options = Options(
            {name: _kind(kind) for name, kind in likes.items()}, oracles, arguments.skip,
            arguments.profile, seed,
            arguments.time_limit,
        )  # fmt: skip
        report = check_file(path, options, processes=min(2, os.cpu_count() or 1), told=_progress())
        _clear()
        print("\n".join(text(str(path), report)))
        records += report.records
    print(summary(records, seed))
    if arguments.json is not None:
        write_json(arguments.json, records, seed=seed, profile=arguments.profile)
    return status(records)


def _usage(arguments: argparse.Namespace, checks: Sequence[str], operations: Sequence[str]) -> str:
    for path in arguments.files:
        if not path.is_file():
            return f"{path}: no such file"
    for words in arguments.like:
        name, found, operation = words.partition("=")
        if not found or not name.isidentifier():
            return f"--like takes NAME=OPERATION, not {words!r}"
        if _kind(operation) not in operations:
            return f"--like {words}: there is no operation {operation!r}; there are " + ", ".join(
                sorted(operations)
            )
    for name in arguments.skip:
        if name not in checks:
            return f"--skip {name}: no check is called so; there are {', '.join(checks)}"
    return ""


def _kind(operation: str) -> str:
    """Return the kind of this name; a layer's name does as well."""
    from .adapters.names import operation as known
    from .references import kinds

    return operation if operation in kinds() else known(operation) or operation


def _likes(words: Sequence[str]) -> dict[str, str]:
    return {name: kind for name, _, kind in (w.partition("=") for w in words)}


def configured(path: Path) -> dict[str, str]:
    """Return the mapping under ``[tool.crosscheck.like]`` of the pyproject.toml that a file belongs to."""
    for folder in path.resolve().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            table = _toml(file).get("tool", {}).get("crosscheck", {})
            like = table.get("like", {k: v for k, v in table.items() if isinstance(v, str)})
            return {str(k): str(v) for k, v in like.items()}
    return {}


def _toml(file: Path) -> dict[str, Any]:
    import importlib

    try:  # Python 3.10 has none of its own; there tomli comes with pytest
        reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        return dict(reader.loads(file.read_text(encoding="utf-8")))
    except (ImportError, OSError, ValueError):
        return {}


def _best_oracle() -> str:
    import importlib.util

    return "torch" if importlib.util.find_spec("torch") is not None else "golden"


# ---- what is printed


def _progress() -> Any:
    if not sys.stderr.isatty():
        return lambda _subject, _check: None

    def told(subject: str, check: str) -> None:
        print(f"\r\033[K{subject}: {check}"[:100], end="", file=sys.stderr, flush=True)

    return told


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def text(file: str, report: Report) -> list[str]:
    """Return what is printed of one file."""
    lines = [file, *(f"  note: {note}" for note in report.notes)]
    by_subject: dict[str, list[Record]] = {}
    for record in report.records:
        by_subject.setdefault(record["subject"], []).append(record)
    for subject, records in by_subject.items():
        lines += _of_subject(subject, records, report)
    return lines


def _of_subject(subject: str, records: Sequence[Record], report: Report) -> list[str]:
    if not subject:
        return [f"  {record['verdict'].replace('_', ' ')}: {record['message']}" for record in records]
    if subject not in report.taken:
        return [f"  {subject}: {r['verdict'].replace('_', ' ')}: {r['message']}" for r in records]
    taken, convention, notes = report.taken[subject]
    lines = [f"  {subject} ({convention}), taken for {taken}"]
    lines += [f"    {note}" for note in dict.fromkeys(notes)]
    lines += [
        f"    convention: {r['message']} [{r['check']}]" for r in records if r["verdict"] == "convention"
    ]
    passed = [r for r in records if r["verdict"] == "passed"]
    if passed:
        worst = max(r["worst_error"] for r in passed)
        cases = sum(r["cases"] for r in passed)
        lines.append(
            f"    passed: {len(passed)} checks on {cases} cases, worst error {worst:.2g} of what is allowed"
        )
    for record in records:
        if record["verdict"] == "failed":
            lines.append(f"    FAILED: {_title(record)}")
            lines += [f"      {line}" for line in record["report"]]
        elif record["verdict"] not in ("passed", "convention"):
            lines.append(f"    {record['verdict'].replace('_', ' ')}: {_title(record)}: {record['message']}")
    return lines


def _title(record: Record) -> str:
    against = f", {record['oracle']}" if record["oracle"] else ""
    dtype = f" [{record['dtype']}{against}]" if record["dtype"] else ""
    return f"{record['check'].replace('_', ' ')}{dtype}"


def summary(records: Sequence[Record], seed: int) -> str:
    """Return the last line: how much of what."""
    count = {verdict: sum(r["verdict"] == verdict for r in records) for verdict in ("passed", "failed")}
    wrong = sorted({r["subject"] for r in records if r["verdict"] == "failed"})
    left = sorted({r["subject"] for r in records if r["verdict"] == "not_checked" and r["subject"]})
    words = [f"{count['passed']} checks passed, {count['failed']} failed"]
    if wrong:
        words.append(f"wrong: {', '.join(wrong)}")
    if left:
        words.append(f"not checked: {', '.join(left)}")
    if not count["passed"] and not count["failed"]:
        words = ["nothing was checked"]
    return f"{'; '.join(words)} (seed {seed})"


def status(records: Sequence[Record]) -> int:
    """Return the exit status that a run's results come to."""
    if any(r["verdict"] == "failed" for r in records):
        return WRONG
    return HELD if any(r["verdict"] == "passed" for r in records) else NOTHING


def write_json(path: Path, records: Sequence[Record], *, seed: int, profile: str) -> None:
    """Write every result; docs/check-json.md says what is in it."""
    from .report.json import write

    write(str(path), records, {"seed": seed, "profile": profile})
