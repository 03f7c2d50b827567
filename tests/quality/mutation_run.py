"""A pytest plugin that runs the tests collected against one mutant after another: what mutation.py starts.

The tests are collected once. Each is run on the original first, which tells what functions it reaches and how
long it takes. Then a mutant at a time is run in a process forked from this one, so that none can spoil
another: those tests that reach its function, first those that have killed mutants of it, then the
shortest. In the current folder it reads mutants.json and appends to outcomes.jsonl.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import NoReturn

import pytest
from mutmut.state import state

WHICH = "MUTANT_UNDER_TEST"
NO_FAULT = 0
MEMORY = 4 << 30  # bytes a mutant may take beside what its process has


class Mutants:
    """Runs what is collected against the mutants named in mutants.json."""

    def __init__(self) -> None:
        """Read what is asked for."""
        self.names: list[str] = json.loads(Path("mutants.json").read_text(encoding="utf-8"))
        self.changes: dict[str, str] = json.loads(Path("changes.json").read_text(encoding="utf-8"))
        self.seconds = float(os.environ["MUTATION_SECONDS"])
        self.children = int(os.environ["MUTATION_CHILDREN"])
        self.fault = ""
        self.took: dict[str, float] = {}
        self.reach: defaultdict[str, list[str]] = defaultdict(list)
        self.killers: defaultdict[str, Counter[str]] = defaultdict(Counter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants in place of the tests."""
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        items = {item.nodeid: item for item in session.items}
        self.try_the_original(items)
        gc.collect()
        gc.freeze()
        functions = {name: name.rpartition("__mutmut_")[0] for name in self.names}
        cost = {f: sum(self.took[test] for test in self.reach[f]) for f in set(functions.values())}
        waiting = sorted(self.names, key=lambda name: (-cost[functions[name]], functions[name]))
        print(f"{len(waiting)} mutants, {len(items)} tests that take {sum(self.took.values()):.0f} s")
        running: dict[int, tuple[int, str]] = {}
        start = time.monotonic()
        with Path("outcomes.jsonl").open("a", encoding="utf-8") as out:
            while waiting or running:
                while waiting and len(running) < self.children:
                    name = waiting.pop()
                    pipe, process = self.start(name, self.tests(functions[name]), items)
                    running[pipe] = process, name
                for pipe in select.select(list(running), [], [])[0]:
                    process, name = running.pop(pipe)
                    with os.fdopen(pipe, encoding="utf-8") as told:
                        killer = told.read()
                    outcome = self.outcome(os.waitpid(process, 0)[1], killer)
                    if killer:
                        self.killers[functions[name]][killer] += 1
                    record = {
                        "mutant": name, "change": self.changes[name], "outcome": outcome, "killer": killer,
                    }  # fmt: skip
                    out.write(json.dumps(record) + "\n")
                    out.flush()
                    if len(waiting) % 200 == 0:
                        print(f"{len(waiting)} to go, {time.monotonic() - start:.0f} s", flush=True)
        self.try_without_a_mutant(items)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test failed by."""
        if report.failed:
            self.fault = str(report.longrepr) or "failed"

    def fails(self, item: pytest.Item) -> str:
        """Run a test; return its report if it fails."""
        self.fault = ""
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.fault

    def try_the_original(self, items: dict[str, pytest.Item]) -> None:
        """Run every test on the original, and keep what functions it reaches and how long it takes."""
        os.environ[WHICH] = "stats"
        for name, item in items.items():
            state()._stats.clear()
            before = time.process_time()
            fault = self.fails(item)
            self.took[name] = time.process_time() - before
            if fault:
                raise SystemExit(f"{name} fails without any mutant:\n{fault}")
            for function in state()._stats:
                self.reach[function].append(name)
        os.environ[WHICH] = ""

    def try_without_a_mutant(self, items: dict[str, pytest.Item]) -> None:
        """Run every test that has killed a mutant as it is run against one, but without one."""
        killers = sorted({test for kills in self.killers.values() for test in kills})
        pipe, process = self.start("", killers, items)
        with os.fdopen(pipe, encoding="utf-8") as told:
            killer = told.read()
        if self.outcome(os.waitpid(process, 0)[1], killer) != "survived":
            raise SystemExit(f"{killer or 'a test'} fails without any mutant: what is said of them is void")

    def tests(self, function: str) -> list[str]:
        """Return the tests that reach a function, the likeliest to notice first."""
        kills = self.killers[function]
        return sorted(self.reach[function], key=lambda test: (-kills[test], self.took[test]))

    def start(self, mutant: str, tests: list[str], items: dict[str, pytest.Item]) -> tuple[int, int]:
        """Start a process that runs `tests` against a mutant; it writes the name of what kills it."""
        ours, theirs = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(ours)
            self.run(mutant, tests, items, theirs)
        os.close(theirs)
        return ours, process

    def run(self, mutant: str, tests: list[str], items: dict[str, pytest.Item], pipe: int) -> NoReturn:
        """Run `tests` against a mutant until one fails, in a process that ends with it."""
        os.environ[WHICH] = mutant
        has = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, has + MEMORY))
        start = time.process_time()
        for name in tests:
            if time.process_time() - start > self.seconds:
                break
            # Ends the process where a mutant makes a test go on for ever.
            signal.setitimer(signal.ITIMER_PROF, 5 + 30 * self.took[name])
            noticed = True
            with contextlib.suppress(BaseException):
                noticed = bool(self.fails(items[name]))
            if noticed:
                os.write(pipe, name.encode())
                break
        os._exit(NO_FAULT)

    @staticmethod
    def outcome(status: int, killer: str) -> str:
        """Return what became of a mutant, by how its process ended."""
        if os.WIFSIGNALED(status):
            return "timeout" if os.WTERMSIG(status) == signal.SIGPROF else "crashed"
        return "killed" if killer else "survived"


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of the loop over tests."""
    sys.path.insert(0, str(Path.cwd()))
    config.pluginmanager.register(Mutants(), "mutants")
