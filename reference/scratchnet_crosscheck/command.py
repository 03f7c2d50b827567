"""``scratchnet check FILE...``: check hand-written layers without a line of code."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

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
        "--html", type=Path, metavar="FILE", help="write a page that opens offline to this file; needs Jinja2"
    )
    parser.add_argument(
        "--oracle", action="append", default=[], metavar="NAME",
        help="what layers are held against: torch, golden, jax or another that is installed; PyTorch where "
        "it is there, scratchnet's own functions else",
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
        chosen = configured(path)
        likes = {**chosen.like, **_likes(arguments.like)}
        options = Options(
            {name: _kind(kind) for name, kind in likes.items()}, oracles, arguments.skip,
            arguments.profile, seed,
            arguments.time_limit,
        )  # fmt: skip
        report = check_file(path, options, processes=min(2, os.cpu_count() or 1), told=_progress())
        _clear()
        report.notes += expect(report.records, chosen.expected)
        print("\n".join(text(str(path), report)))
        records += report.records
    print(summary(records, seed))
    for kind in ("json", "html"):
        if getattr(arguments, kind) is not None:
            import importlib

            how = {"profile": arguments.profile, "oracles": oracles, "seed": seed}
            importlib.import_module(f".report.{kind}", __package__).write(
                str(getattr(arguments, kind)), records, how
            )
    return status(records)


def _usage(arguments: argparse.Namespace, checks: Sequence[str], operations: Sequence[str]) -> str:
    from .oracles import names

    for path in arguments.files:
        if path.is_dir():
            return f"{path} is a folder: name the files in it, {path / '*.py'} for all"
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
    for name in arguments.oracle:
        if name not in names():
            return f"--oracle {name}: there is no such oracle; there are {', '.join(names())}"
    if arguments.html is not None:
        import importlib.util

        if importlib.util.find_spec("jinja2") is None:
            return "--html needs Jinja2: install jinja2, or use --json"
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


class Configured(NamedTuple):
    """What the pyproject.toml that a file belongs to says: ``[tool.crosscheck]``."""

    like: Mapping[str, str]
    expected: Mapping[str, Mapping[str, str]]


def configured(path: Path) -> Configured:
    """Return what stands under ``[tool.crosscheck]`` in the pyproject.toml that a file belongs to."""
    for folder in path.resolve().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            table = _toml(file).get("tool", {}).get("crosscheck", {})
            like = table.get("like", {k: v for k, v in table.items() if isinstance(v, str)})
            expected = {
                str(thing): {str(check): str(why) for check, why in checks.items()}
                for thing, checks in table.get("expected_failures", {}).items()
                if isinstance(checks, dict)
            }
            return Configured({str(k): str(v) for k, v in like.items()}, expected)
    return Configured({}, {})


def expect(records: Sequence[Record], expected: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Mark the failures that are expected; return what is to be said of expectations that meet nothing."""
    met = {(r["subject"], r["check"]) for r in records}
    for found in records:
        found["expected_failure"] = expected.get(found["subject"], {}).get(found["check"], "")
    return [
        f"a failure of {thing} is expected, {check}, but no such check ran"
        for thing, checks in expected.items()
        if any(subject == thing for subject, _ in met)
        for check in checks
        if (thing, check) not in met
    ]


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
        return lambda _subject, _check, _cases: None

    def told(subject: str, check: str, cases: int) -> None:
        words = f"{subject}: {check}" + (f", {cases} cases" if cases else "")
        print(f"\r\033[K{words[:100]}", end="", file=sys.stderr, flush=True)

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
    alike = _raising_alike(records)
    for record in records:
        if record["verdict"] == "failed" and record["expected_failure"]:
            lines.append(f"    failed as expected: {_title(record)}: {record['expected_failure']}")
        elif record["verdict"] == "failed":
            same = alike.get(_raised(record), [])
            if same and record is not same[0]:
                continue
            more = f" and {len(same) - 1} more checks" if same else ""
            lines.append(f"    FAILED: {_title(record)}{more}")
            lines += [f"      {line}" for line in record["report"]]
            lines.append(f"      again with: --seed {record['seed']}")
        elif record["verdict"] not in ("passed", "convention"):
            lines.append(f"    {record['verdict'].replace('_', ' ')}: {_title(record)}: {record['message']}")
    return lines


def _raised(record: Record) -> str:
    """Return what was raised, in words, "" where it failed otherwise."""
    said = record["report"][0] if record["verdict"] == "failed" and record["report"] else ""
    return said if said.startswith("raised ") and not record["expected_failure"] else ""


def _raising_alike(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the failures that raised the same in more than one check: said once."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if _raised(record):
            found.setdefault(_raised(record), []).append(record)
    return {words: same for words, same in found.items() if len(same) > 1}


def _title(record: Record) -> str:
    against = f", {record['oracle']}" if record["oracle"] else ""
    dtype = f" [{record['dtype']}{against}]" if record["dtype"] else ""
    return f"{record['check'].replace('_', ' ')}{dtype}"


def summary(records: Sequence[Record], seed: int) -> str:
    """Return the last line: how much of what."""
    passed = sum(r["verdict"] == "passed" for r in records)
    failed = [r for r in records if r["verdict"] == "failed"]
    wrong = sorted({r["subject"] for r in failed if not r["expected_failure"]})
    ran = {r["subject"] for r in records if r["verdict"] in ("passed", "failed")}
    named = sorted({r["subject"] for r in records if r["verdict"] == "not_checked" and r["subject"]})
    left, partly = [n for n in named if n not in ran], [n for n in named if n in ran]
    words = [f"{passed} checks passed, {len(failed)} failed"]
    if wrong:
        words.append(f"wrong: {', '.join(wrong)}")
    if left:
        words.append(f"not checked: {', '.join(left)}")
    if partly:
        words.append(f"checked in part: {', '.join(partly)}")
    if not passed and not failed:
        words = ["nothing was checked"]
    return f"{'; '.join(words)} (seed {seed})"


def status(records: Sequence[Record]) -> int:
    """Return the exit status that a run's results come to; a failure that is expected is not wrong."""
    if any(r["verdict"] == "failed" and not r["expected_failure"] for r in records):
        return WRONG
    return HELD if any(r["verdict"] in ("passed", "failed") for r in records) else NOTHING
