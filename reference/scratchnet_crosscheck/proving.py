"""``scratchnet prove``: hold every operation against its references, seed after seed, and write it down.

What comes of it is kept in a file beside this one, ``proven.json``, and shown by ``scratchnet coverage``.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .oracles import NUMERICAL, OracleAbsent, names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from .catalogue.protocol import Operation
    from .run import Result

SUMMARY = "hold every operation of scratchnet against PyTorch and numerical differentiation, many times over"

#: The record of the last whole run.
PROVEN = Path(__file__).with_name("proven.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the subcommand takes."""
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help="all by default")
    parser.add_argument(
        "--cases", type=int, default=20_000, metavar="N", help="go on until so many calls were compared"
    )
    parser.add_argument("--oracle", action="append", default=[], help="PyTorch where it is installed")
    parser.add_argument("--profile", choices=("quick", "default", "thorough"), default="default")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; each turn takes the next")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was proven to this file")


def run(arguments: argparse.Namespace) -> int:
    """Prove; return 1 where anything failed."""
    from .catalogue import operations

    known = operations()
    for name in arguments.operations:
        if name not in known:
            raise ValueError(f"no operation is called {name!r}; there are {', '.join(known)}")
    entries = [known[name] for name in arguments.operations or known]
    judges = arguments.oracle or ["torch"]
    for judge in judges:
        if judge not in names() or judge == NUMERICAL:
            raise ValueError(f"no oracle is called {judge!r}; there are {', '.join(names())}")
    _one_thread()
    start = time.monotonic()

    def told(turn: int, name: str, cases: int) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[Kturn {turn}: {name}, {cases:,} cases", end="", file=sys.stderr, flush=True)

    proven, wrong = prove(entries, judges, arguments.cases, arguments.profile, arguments.seed, told)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    for result in wrong:
        print(result)
    cases = sum(found["cases"] for found in proven.values())
    print(
        f"{len(proven)} operations, {cases:,} cases, worst error "
        f"{max(found['worst'] for found in proven.values()):.2g} of what is allowed, {len(wrong)} failures, "
        f"{time.monotonic() - start:.0f} s"
    )
    if arguments.record is not None:
        write(arguments.record, proven, judges)
    return 1 if wrong else 0


def prove(
    entries: Sequence[Operation],
    judges: Sequence[str],
    cases: int,
    profile: str = "default",
    seed: int = 0,
    told: Callable[[int, str, int], None] = lambda _turn, _name, _cases: None,
) -> tuple[dict[str, dict[str, Any]], list[Result]]:
    """Check operations in turn, each turn with the next seed, until so many cases have been compared.

    Returns
    -------
    proven : dict
        For each operation the cases that held, the checks, and the worst error as a share of the allowed.
    wrong : list of Result
        What failed.
    """
    from .run import check_operation

    proven: dict[str, dict[str, Any]] = {e.name: {"cases": 0, "checks": 0, "worst": 0.0} for e in entries}
    wrong: list[Result] = []
    turn = 0
    while turn == 0 or sum(found["cases"] for found in proven.values()) < cases:
        for entry in entries:
            found = proven[entry.name]
            told(turn, entry.name, sum(f["cases"] for f in proven.values()))
            checks: set[tuple[str, str, str]] = set()
            for result in check_operation(entry, oracle=judges, profile=profile, seed=seed + turn):
                if result.verdict == "failed":
                    wrong.append(result)
                elif result.verdict == "passed":
                    found["cases"] += result.cases
                    found["worst"] = max(found["worst"], result.worst)
                    checks.add((result.check, result.oracle, result.dtype))
            found["checks"] = max(found["checks"], len(checks))
        turn += 1
    return proven, wrong


def _one_thread() -> None:
    """Keep PyTorch, where it is, from waiting for a second core."""
    from .oracles.pytorch import import_torch

    with contextlib.suppress(OracleAbsent):
        import_torch().set_num_threads(1)


def write(path: Path, proven: dict[str, dict[str, Any]], judges: Sequence[str]) -> None:
    """Write what was proven, with when and against what."""
    import datetime
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from scratchnet import __version__
    from scratchnet._files import write_atomically

    against = {"python": platform.python_version()}
    for package in ("numpy", *judges):
        try:
            against[package] = version(package)
        except PackageNotFoundError:
            continue
    whole = {
        "scratchnet": __version__,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "against": against,
        "operations": {
            name: {**found, "worst": round(float(found["worst"]), 3)} for name, found in proven.items()
        },
    }
    write_atomically(path, (json.dumps(whole, indent=1) + "\n").encode())


def last() -> dict[str, Any]:
    """Return the record of the last whole run; without operations where there was none.

    Examples
    --------
    >>> sorted(last())
    ['against', 'date', 'operations', 'scratchnet']
    """
    if not PROVEN.is_file():
        return {"scratchnet": "", "date": "", "against": {}, "operations": {}}
    found: dict[str, Any] = json.loads(PROVEN.read_text(encoding="utf-8"))
    return found
