"""A file that pytest checks though it has no tests: listed first, and checked as its items are run."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

from .isolation import Checking, Options, check_file
from .oracles import NUMERICAL
from .report.records import Record, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Subject, check, oracle, dtype: what a record is found by.
Key: TypeAlias = tuple[str, str, str, str]
_WAIT = 0.2


def key_of(found: Record) -> Key:
    """Return what a record is found by."""
    return found["subject"], found["check"], found["oracle"], found["dtype"]


class FileRun:
    """Lists the checks of a file's things, and runs them when the first result is asked for.

    Parameters
    ----------
    path : Path
        The file. Listing what is in it imports it, in a process of its own.
    shown : str
        What results call it.
    like : mapping of str to str
        What things of other names are meant to be.
    settings : mapping
        The run's "profile", "oracles", "seed" and "skip".
    spread : bool
        Whether other processes check other things of the same file: then only the things that are asked for.
    """

    def __init__(
        self, path: Path, shown: str, like: Mapping[str, str], settings: Mapping[str, Any], *, spread: bool
    ) -> None:
        self._path, self._shown, self._like, self._settings = path, shown, like, settings
        self._spread = spread
        self._known: dict[Key, Record] = {}
        self._taken_for: dict[str, str] = {}
        self._keys: list[Key] = []
        self._runs: dict[str, Checking] = {}
        self._news = threading.Condition()
        self._at: tuple[str, str, int] | None = None

    def listed(self) -> Iterator[tuple[str, Key]]:
        """Yield a name and a key for each check, in the file's order."""
        report = check_file(
            self._path, self._options((), self._settings["skip"], listing=True), shown=self._shown
        )
        self._taken_for = {subject: words for subject, (words, *_) in report.taken.items()}
        by_subject: dict[str, list[Key]] = {subject: [] for subject in report.order}
        for found in report.records:
            self._known[key_of(found)] = found
            by_subject.setdefault(found["subject"], []).append(key_of(found))
        for subject, plans in report.plans.items():
            by_subject.setdefault(subject, []).extend((subject, *plan) for plan in plans)
        self._keys = [key for keys in by_subject.values() for key in keys]
        for key in self._keys:
            yield self._name(key), key

    def warn(self, expected: Mapping[str, Mapping[str, str]]) -> None:
        """Warn of failures that are expected of checks that are not there."""
        there = {(subject, check) for subject, check, _, _ in self._keys}
        for subject, checks in expected.items():
            for check in checks:
                if (subject, check) not in there and any(subject == s for s, _ in there):
                    warnings.warn(f"{self._shown}: {subject} has no check {check!r} to fail", stacklevel=1)

    def result(self, key: Key, asked: Sequence[Key], told: Callable[[str, str, int], None]) -> Record:
        """Return the record of a check; `asked` are the keys of all that this run wants of the file."""
        subject = key[0]
        with self._news:
            if key in self._known:
                return self._known[key]
        going = self._going(subject, asked)
        while True:
            with self._news:
                found = self._known.get(key)
                if found is None and going.alive():
                    self._news.wait(_WAIT)
                at = self._at
            if found is not None:
                return found
            if not going.alive():
                with self._news:
                    return self._known.get(key) or self._lost(key)
            if at is not None:
                told(*at)

    def stop(self) -> None:
        """End what still runs."""
        for going in self._runs.values():
            going.stop()

    def _going(self, subject: str, asked: Sequence[Key]) -> Checking:
        """Return the run that a thing is checked in; start it where that has not been done."""
        if subject not in self._runs:
            wanted = (
                [subject]
                if self._spread
                else list(dict.fromkeys(s for s, *_ in asked if s not in self._runs))
            )
            checks = {check for s, check, _, _ in asked if s in wanted}
            skip = {check for _, check, _, _ in self._keys} - checks | set(self._settings["skip"])
            going = Checking(
                self._path,
                self._options(wanted, sorted(skip)),
                shown=self._shown,
                processes=1 if self._spread else min(2, os.cpu_count() or 1, len(wanted)),
                told=self._tell,
                took=self._take,
            )
            self._runs.update(dict.fromkeys(wanted, going))
            going.start()
        return self._runs[subject]

    def _options(self, only: Sequence[str], skip: Sequence[str], *, listing: bool = False) -> Options:
        s = self._settings
        return Options(self._like, s["oracles"], skip, s["profile"], s["seed"], only=only, listing=listing)

    def _take(self, found: Record) -> None:
        with self._news:
            self._known[key_of(found)] = found
            self._news.notify_all()

    def _tell(self, subject: str, check: str, cases: int) -> None:
        with self._news:
            self._at = subject, check, cases

    def _lost(self, key: Key) -> Record:
        """Return a record for a check that never came to an end: its process was lost in it, or before it."""
        subject, check, oracle, dtype = key
        common = {"oracle": oracle, "dtype": dtype, "seed": self._settings["seed"]}
        for found in self._known.values():
            ended = found["verdict"] == "failed" and not found["dtype"]
            if found["subject"] == subject and ended and found["check"] == check:
                return {**found, **common}
        why = next((f for f in self._known.values() if f["subject"] == subject and not f["dtype"]
                    and f["verdict"] == "failed"), None)  # fmt: skip
        message = "it was not run" if why is None else f"it was not run: {why['message']} ({why['check']})"
        # Where no check says what happened, this one does: a thing that is lost has not passed.
        verdict = (
            "not_checked" if why is not None and why["check"] in {k[1] for k in self._keys} else "failed"
        )
        taken = self._taken_for.get(subject, "")
        return record(
            self._shown, subject, taken, check, verdict, message=message, report=[message], **common
        )

    def _name(self, key: Key) -> str:
        subject, check, oracle, dtype = key
        several = len({k[3] for k in self._keys if k[:3] == key[:3]}) > 1
        against = "" if oracle == NUMERICAL else oracle
        parts = "-".join(part for part in (check, against, dtype if several else "") if part)
        verdict = self._known[key]["verdict"] if key in self._known else ""
        if check in ("all", "import"):
            parts = verdict
        return f"{subject or self._path.name}[{parts}]"
