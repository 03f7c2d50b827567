"""Checks one file in a process of its own, and says what it does as it goes, one JSON object a line.

Run by `isolation`: ``python -m scratchnet_crosscheck._worker CONFIGURATION``, the configuration in JSON. What
the file itself prints goes nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters.protocol import Candidate
    from .guard import Guard

_BEAT = 0.25


class _Line:
    """The line to the parent: events, and beats no more often than needed."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last = 0.0
        self.guard: Guard | None = None

    def say(self, event: str, **more: Any) -> None:
        """Write one event."""
        self._stream.write(json.dumps({"event": event, **more}) + "\n")
        self._stream.flush()
        self._last = time.monotonic()

    def beat(self, cases: int = 0) -> None:
        """Say that all is well, and how many cases have been tried."""
        if self.guard is not None:
            self.guard.look()
        if time.monotonic() - self._last > _BEAT:
            self.say("beat", cases=cases)


def _quiet() -> IO[str]:
    """Keep the real standard output for ourselves; what is printed from now on goes nowhere."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - for the rest of the process
    return ours


def _limit_memory(gigabytes: float) -> None:
    """Limit what may be allocated beyond what is in use, where the system can."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + int(gigabytes * 2**30)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    except (ImportError, OSError, ValueError):
        return


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _check(line: _Line, candidate: Candidate, configuration: dict[str, Any]) -> None:
    """Check one thing; say what it is taken for and what each check came to."""
    from . import checking
    from .adapters.fitting import fit
    from .adapters.protocol import Cannot

    line.say("subject", subject=candidate.name, check="being tried")
    try:
        subject = fit(candidate, line.beat)
    except Cannot as why:
        line.say("cannot", subject=candidate.name, reason=why.reason, remedy=why.remedy)
        return
    line.say(
        "taken", subject=candidate.name, taken_for=subject.taken_for, convention=candidate.convention,
        notes=[*subject.notes, *subject.driver.notes],
    )  # fmt: skip
    if configuration["listing"]:
        plans = checking.listed(subject, configuration["oracles"], configuration["skip"])
        line.say("plans", subject=candidate.name, plans=plans)
        line.say("finished", subject=candidate.name)
        return
    seen = len(subject.driver.notes)
    profile = configuration["profile"]

    def started(check: str, name: str = candidate.name) -> None:
        line.say("subject", subject=name, check=check)

    for found in checking.check_subject(
        configuration["shown"], subject, oracles=configuration["oracles"], profile=profile,
        seed=configuration["seed"], skip=configuration["skip"], started=started,
        told=line.beat,
    ):  # fmt: skip
        line.say("result", record=found)
    if len(subject.driver.notes) > seen:
        line.say("note", subject=candidate.name, notes=subject.driver.notes[seen:])
    line.say("finished", subject=candidate.name)


def main() -> int:
    """Check the file of the configuration in the first argument."""
    configuration = json.loads(sys.argv[1])
    line = _Line(_quiet())
    import warnings

    warnings.simplefilter("ignore")
    line.say("importing", what="the suite")
    from . import checking as _checking  # noqa: F401 - before the clock of the file's import runs
    from .adapters import recognise
    from .discover import Unreadable, defined, load, unknown
    from .guard import Guard

    for name in configuration["oracles"]:
        if name == "torch":
            from .oracles import OracleAbsent
            from .oracles.pytorch import import_torch

            with contextlib.suppress(OracleAbsent):
                import_torch().set_num_threads(1)
    path = Path(configuration["file"])
    line.say("importing", what="the file")
    try:
        module, notes = load(path, definitions=configuration["definitions"])
        guard = line.guard = Guard(str(path.parent))
    except Unreadable as why:
        line.say("unreadable", reason=str(why))
        return 0
    _limit_memory(configuration["gigabytes"])
    names = defined(module)
    like = {
        k: v for k, v in configuration["like"].items()
        if k.partition(".")[0] in names or f"{k}_forward" in names
    }  # fmt: skip
    for name, kind in list(like.items()):
        if name not in names and f"{name}_forward" in names:
            like[f"{name}_forward"] = kind
    candidates = recognise(names, like)
    taken = {n for c in candidates for n in (c.name, *c.others)}
    line.say(
        "found", notes=notes, subjects=[c.name for c in candidates],
        unknown=[list(u) for u in unknown(names, taken)],
    )  # fmt: skip
    share, of = configuration["share"]
    only = set(configuration["only"]) or {c.name for c in candidates}
    for place, candidate in enumerate(candidates):
        if candidate.name not in only - set(configuration["done"]) or place % of != share:
            continue
        guard.tidy()
        try:
            _check(line, candidate, configuration)
        except Exception as error:  # ours or the layer's, which nothing else has caught: the others go on
            line.say(
                "cannot", subject=candidate.name, reason=f"it could not be driven: {_words(error)}", remedy=""
            )
    line.say("done")
    return 0


if __name__ == "__main__":
    status = main()
    os._exit(status)  # a layer's threads and exit handlers are not waited for
