"""Each file in a process of its own: one that hangs, leaves or crashes fails a check and nothing else."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .report.records import Record, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

IMPORT_SECONDS = 60.0
SUITE_SECONDS = 120.0


@dataclass
class Options:
    """How files are checked.

    Parameters
    ----------
    like : mapping of str to str
        What things of other names are meant to be.
    oracles, skip : sequence of str
        What they are held against, and the checks that are not run.
    profile : str
        How much is tried.
    seed : int
        Replays a run.
    seconds : float
        How long one call of a layer may take.
    gigabytes : float
        How much memory a layer may take beyond what is in use.
    only : sequence of str
        The subjects that are checked; all where none is named.
    listing : bool
        Whether the checks are only listed, and none is run.
    """

    like: Mapping[str, str] = field(default_factory=dict)
    oracles: Sequence[str] = ("torch",)
    skip: Sequence[str] = ()
    profile: str = "default"
    seed: int = 0
    seconds: float = 10.0
    gigabytes: float = 4.0
    only: Sequence[str] = ()
    listing: bool = False


@dataclass
class Report:
    """What was found in one file.

    Parameters
    ----------
    records : list
        Every result.
    taken : dict
        For each subject what it was taken for, in what convention, and what was guessed.
    notes : list of str
        Of the import.
    plans : dict
        Where checks are only listed: of each subject, the check, oracle and dtype of each of its records.
    """

    records: list[Record] = field(default_factory=list)
    taken: dict[str, tuple[str, str, list[str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    plans: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)


Told: TypeAlias = "Callable[[str, str, int], None]"


def _say_nothing(_subject: str, _check: str, _cases: int) -> None: ...


class _Worker:
    """A worker process, and the thread that reads what it says."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        environment = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                       "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
                       "JAX_PLATFORMS": "cpu"}  # fmt: skip
        environment.pop("DISPLAY", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}._worker", json.dumps(configuration)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            start_new_session=os.name == "posix",
        )  # fmt: skip
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is not None:
            for line in stream:
                try:
                    self._said.put(json.loads(line))
                except ValueError:  # cut off in the middle by the end of the process
                    continue
        self._said.put(None)

    def next(self, seconds: float) -> dict[str, Any] | None:
        """Return the next event, None at the end; raise `queue.Empty` after so many seconds of silence."""
        return self._said.get(timeout=seconds)

    def end(self) -> tuple[int, str]:
        """Kill it if it runs; return its exit status and the last line it wrote to standard error."""
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self.kill()
        status = self._process.wait()
        self._reader.join(timeout=1.0)
        text = ""
        for stream in (self._process.stderr, self._process.stdout):
            if stream is not None:
                if stream is self._process.stderr:
                    text = stream.read().decode("utf-8", "replace")
                stream.close()
        return status, next((line for line in reversed(text.splitlines()) if line.strip()), "")

    def kill(self) -> None:
        """End it and what it started."""
        try:
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        except (ProcessLookupError, PermissionError):
            self._process.kill()


class _Kept:
    """A file's content, to be put back where a layer removes or rewrites its own file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.mended = False
        try:
            self._content: bytes | None = path.read_bytes()
        except OSError:
            self._content = None

    def mend(self) -> None:
        """Put the file back as it was."""
        with self._lock:
            if self._content is None:
                return
            try:
                same = self._path.read_bytes() == self._content
            except OSError:
                same = False
            if not same:
                from scratchnet._files import write_atomically

                self.mended = True
                write_atomically(self._path, self._content)


class _Run:
    """The workers that one file takes: another is started where one is lost."""

    def __init__(
        self, path: Path, shown: str, options: Options, report: Report, told: Told,
        took: Callable[[Record], None], share: tuple[int, int], kept: _Kept,
    ) -> None:  # fmt: skip
        self._path, self._shown, self._options, self._report, self._told = path, shown, options, report, told
        self._took = took
        self._kept = kept
        self._worker: _Worker | None = None
        self._stopped = False
        self._share = share
        self._done: list[str] = []
        self._definitions = False
        self._subject, self._check = "", ""
        self._records: list[Record] = []

    def run(self) -> None:
        """Check the file to its end, with as many workers as it takes."""
        for _ in range(200):
            if self._stopped or self._one_worker():
                return

    def stop(self) -> None:
        """End the worker that runs, and start no other."""
        self._stopped = True
        if self._worker is not None:
            self._worker.kill()

    def _one_worker(self) -> bool:
        options = self._options
        self._subject = self._check = ""
        self._kept.mend()
        worker = self._worker = _Worker({
            "file": str(self._path), "shown": self._shown, "like": dict(options.like), "done": self._done,
            "oracles": list(options.oracles), "skip": list(options.skip), "profile": options.profile,
            "seed": options.seed, "gigabytes": options.gigabytes, "definitions": self._definitions,
            "share": list(self._share), "only": list(options.only), "listing": options.listing,
        })  # fmt: skip
        limit = SUITE_SECONDS
        self._state = "the suite"
        finished = False
        try:
            while True:
                event = worker.next(limit)
                if event is None:
                    break
                kind = event["event"]
                if kind == "importing":
                    self._state = event["what"]
                    limit = IMPORT_SECONDS if self._state == "the file" else SUITE_SECONDS
                elif kind == "found":
                    self._state, limit = "checking", options.seconds
                    self._found(event)
                elif kind == "unreadable":
                    self._file_record(event["reason"])
                    finished = True
                elif kind == "done":
                    finished = True
                else:
                    self._take(kind, event)
        except queue.Empty:
            worker.kill()
            worker.end()
            return self._silent(limit)
        status, last = worker.end()
        return finished or self._stopped or self._gone(status, last)

    @property
    def shown(self) -> str:
        """What results call the file."""
        return self._shown

    def keep(self, found: Record) -> None:
        """Add a result."""
        self._report.records.append(found)
        self._took(found)

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        report = self._report
        if kind == "subject":
            self._subject, self._check = event["subject"], event["check"]
            self._told(self._subject, self._check, 0)
        elif kind == "taken":
            report.taken[event["subject"]] = event["taken_for"], event["convention"], event["notes"]
        elif kind == "note":
            report.taken[event["subject"]][2].extend(event["notes"])
        elif kind == "result":
            self.keep(event["record"])
        elif kind == "plans":
            report.plans[event["subject"]] = [tuple(plan) for plan in event["plans"]]
        elif kind == "beat" and event.get("cases") and self._check:
            self._told(self._subject, self._check, event["cases"])
        elif kind == "finished":
            self._done.append(event["subject"])
        elif kind == "cannot":
            self._done.append(event["subject"])
            self._add(event["subject"], "", "not_checked", event["reason"], event["remedy"])

    def _add(self, subject: str, check: str, verdict: str, message: str, remedy: str = "") -> None:
        taken = self._report.taken.get(subject, ("", "", []))[0]
        words = f"{message} ({remedy})" if remedy else message
        self.keep(
            record(self._shown, subject, taken, check or "all", verdict, message=words, report=[words],
                   seed=self._options.seed)
        )  # fmt: skip

    def _found(self, event: dict[str, Any]) -> None:
        report = self._report
        if not report.order and not self._share[0]:
            report.notes += event["notes"]
            report.order = event["subjects"]
            for name, reason, remedy in event["unknown"]:
                self._add(name, "", "not_checked", reason, remedy)
            if not event["subjects"] and not event["unknown"]:
                self._file_record(
                    "nothing in it is known: no class, function or pair that looks like a layer"
                )
        if self._definitions and not self._share[0]:
            report.notes.append(
                f"importing it took more than {IMPORT_SECONDS:g} s: only what it defines was taken"
            )

    def _file_record(self, reason: str) -> None:
        if not self._share[0]:
            self.keep(record(self._shown, "", "", "import", "not_checked", message=reason, report=[reason]))

    def _silent(self, limit: float) -> bool:
        """Judge a worker that said nothing for too long; return whether that was all."""
        if self._state == "the file" and not self._definitions:
            self._definitions = True
            return False
        if self._state != "checking":
            self._file_record(f"importing {self._state} took more than {limit:g} s")
            return True
        return self._lost(f"a call did not come back within {limit:g} s")

    def _gone(self, status: int, last: str) -> bool:
        """Judge a worker that ended before its time; return whether that was all."""
        if self._state == "the file" and not self._definitions:
            self._definitions = True  # what it runs at import ends the process: take what it defines
            self._report.notes.append(
                f"importing it ended the process ({_how(status)}): only what it defines was taken"
            )
            return False
        if self._state != "checking" or not self._subject:
            self._file_record(
                f"the process ended while importing {self._state}: {_how(status)} {last}".strip()
            )
            return True
        return self._lost(f"the process ended during a call: {_how(status)}")

    def _lost(self, why: str) -> bool:
        self._done.append(self._subject)
        check = self._check.split(" (")[0].split(" in float")[0].replace(" ", "_")
        self._add(self._subject, check, "failed", why)
        return False


def _how(status: int) -> str:
    if status < 0:
        try:
            return f"killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"killed by signal {-status}"
    return f"exit status {status}"


def check_file(
    path: Path, options: Options, *, shown: str | None = None, processes: int = 1,
    told: Told = _say_nothing, took: Callable[[Record], None] = lambda _: None,
) -> Report:  # fmt: skip
    """Check everything in a file; return every result.

    Parameters
    ----------
    path : Path
        The file. Checking it imports it.
    options : Options
        How.
    shown : str, optional
        What results call the file.
    processes : int
        How many workers share the subjects.
    told : callable
        Called with subject, check and the number of cases tried, as each begins and while it goes on.
    took : callable
        Called with each result as it comes in.
    """
    going = Checking(path, options, shown=shown, processes=processes, told=told, took=took)
    going.start()
    try:
        going.join()
    except BaseException:  # interrupted: what it started ends with it
        going.stop()
        raise
    return going.report


class Checking:
    """A file that is being checked: it is started, and waited for or stopped. As `check_file`."""

    def __init__(
        self, path: Path, options: Options, *, shown: str | None = None, processes: int = 1,
        told: Told = _say_nothing, took: Callable[[Record], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.report = Report()
        name = str(path) if shown is None else shown
        self._kept = _Kept(path.resolve())
        self._runs = [
            _Run(path.resolve(), name, options, self.report, told, took, (k, processes), self._kept)
            for k in range(processes)
        ]
        self._threads = [threading.Thread(target=run.run, daemon=True) for run in self._runs]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Return whether it still goes on."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        """Wait for its end, and put the report in the file's order."""
        for thread in self._threads:
            thread.join()
        self._kept.mend()
        if self._kept.mended:
            words = "a layer removed or rewrote the file while it was checked: it was put back as it was"
            self._runs[0].keep(record(
                self._runs[0].shown, "", "", "file_is_left_as_it_was", "failed", message=words, report=[words]
            ))  # fmt: skip
        order = {subject: place for place, subject in enumerate(self.report.order)}
        self.report.records.sort(key=lambda r: order.get(r["subject"], len(order)))

    def stop(self) -> None:
        """End it and what it started."""
        for run in self._runs:
            run.stop()
