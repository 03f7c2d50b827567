"""The suite on the zoo of wrong and right layers: seed after seed, and what it said of each.

As a program it measures: ``python tests/quality/zoo.py wrong --seeds 10`` and ``... right --seeds 100``. Its
results are appended to a file of JSON lines: a measurement can be stopped and gone on with. The figures
are printed at the end. The tests beside it run the same for one seed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
SEEDS_A_PROCESS = 10
FOLDERS = {"wrong": TESTS / "wrong_layers", "right": TESTS / "right_layers"}


@dataclass
class Said:
    """What the suite said of one layer with one seed."""

    file: str
    subject: str
    seed: int
    passed: list[str] = field(default_factory=list)
    failed: list[tuple[str, list[str], str]] = field(default_factory=list)
    conventions: list[str] = field(default_factory=list)
    other: list[tuple[str, str]] = field(default_factory=list)
    cases: int = 0
    worst: float = 0.0
    seconds: float = 0.0
    reports: list[list[str]] = field(default_factory=list)


def manifest(zoo: str) -> Any:
    """Return the manifest of "wrong" or "right"."""
    spec = importlib.util.spec_from_file_location(f"zoo_{zoo}_manifest", FOLDERS[zoo] / "manifest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def entries(zoo: str) -> list[Any]:
    """Return the manifest's entries."""
    return list(manifest(zoo).WRONG if zoo == "wrong" else manifest(zoo).RIGHT)


def candidates(zoo: str, file: str) -> dict[str, Any]:
    """Return what is recognised in a file, by the manifest's names; unknown ones as with --like."""
    from scratchnet_crosscheck.adapters import recognise
    from scratchnet_crosscheck.discover import defined, load

    defines = defined(load(FOLDERS[zoo] / file)[0])
    known = {c.name for c in recognise(defines, {})}
    listed = [e for e in entries(zoo) if e.file == file]
    like = {e.subject: e.taken_for for e in listed if e.subject not in known}
    found = {c.name: c for c in recognise(defines, like)}
    subjects = [e.subject for e in listed]  # a pair goes by its forward's name
    return {s: found.get(s) or found[f"{s}_forward"] for s in subjects if {s, f"{s}_forward"} & set(found)}


def check(
    zoo: str,
    file: str,
    subjects: Iterable[str],
    seeds: Iterable[int],
    profile: str,
    oracle: str = "torch",
    skip: Iterable[str] = (),
) -> Iterator[Said]:
    """Check layers of one file, each with each seed; `skip` names checks that are not run."""
    from scratchnet_crosscheck.adapters.fitting import fit
    from scratchnet_crosscheck.adapters.protocol import Cannot
    from scratchnet_crosscheck.checking import check_subject

    warnings.simplefilter("ignore")
    found = candidates(zoo, file)
    seeds = list(seeds)
    for name in subjects:
        candidate = found.get(name)
        for seed in seeds:
            said = Said(file, name, seed)
            start = time.process_time()
            if candidate is None:
                said.other.append(("not_checked", "it is not recognised"))
                yield said
                continue
            try:
                subject = fit(candidate, lambda: None)
            except Cannot as why:
                said.other.append(("not_checked", why.reason))
                yield said
                continue
            records = check_subject(
                file, subject, oracles=[oracle], profile=profile, seed=seed, skip=tuple(skip)
            )
            for record in records:
                verdict = record["verdict"]
                if verdict == "passed":
                    said.passed.append(record["check"])
                    said.worst = max(said.worst, record["worst_error"])
                elif verdict == "failed":
                    keys = [reason["key"] for reason in record["diagnosis"]]
                    said.failed.append((record["check"], keys, record["dtype"]))
                    said.reports.append(record["report"])
                elif verdict == "convention":
                    keys = [reason["key"].removeprefix("convention:") for reason in record["diagnosis"]]
                    said.conventions.append(keys[0] if keys else record["check"])
                else:
                    said.other.append((verdict, record["check"]))
                said.cases += record["cases"]
            said.seconds = time.process_time() - start
            yield said


def wrong_with(entry: Any, said: Said) -> str:
    """Return what is amiss with what was said of a wrong layer, "" where all is well."""
    if not said.failed:
        return f"missed ({', '.join(map(str, said.other[:2])) or f'{len(said.passed)} checks passed'})"
    checks = {check for check, _, _ in said.failed}
    if not checks & set(entry.properties):
        return f"caught by {sorted(checks)}, not by {entry.properties}"
    firsts = {
        keys[0] if keys else "unexplained" for check, keys, _ in said.failed if check in entry.properties
    }
    if entry.diagnosis not in firsts:
        return f"diagnosed as {sorted(firsts)}, not as {entry.diagnosis}"
    return ""


def alarm_of(entry: Any, said: Said) -> str:
    """Return what is amiss with what was said of a right layer, "" where all is well."""
    if said.failed:
        return f"false alarm: {said.failed[0]}; {' | '.join(said.reports[0][:3])}"
    if not said.passed:
        return f"nothing checked: {said.other[:2]}"
    if set(said.conventions) != set(entry.conventions):
        return f"conventions {sorted(said.conventions)}, not {sorted(entry.conventions)}"
    return ""


JUDGES = {"wrong": wrong_with, "right": alarm_of}


# ---- the program


def _work(job: tuple[str, str, list[str], list[int], str, str], out: str, limit: float) -> None:
    """Check one file in a process of its own; append a line for each layer and seed."""
    zoo, file, subjects, seeds, profile, oracle = job
    signal.alarm(int(limit))  # a layer that hangs ends this process and nothing else
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stdout = nowhere
        for said in check(zoo, file, subjects, seeds, profile, oracle):
            line = json.dumps(said.__dict__) + "\n"
            with Path(out).open("a", encoding="utf-8") as lines:
                lines.write(line)
    os._exit(0)


def main() -> int:
    """Measure; return 1 where anything was amiss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zoo", choices=("wrong", "right"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--profile", default="default")
    parser.add_argument("--oracle", default="torch")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="files or layers")
    parser.add_argument("--lines", default="", help="the file of results; what it holds is not run again")
    parser.add_argument("--seconds", type=float, default=1e9, help="start nothing new after so long")
    parser.add_argument("--report", action="store_true", help="only print what the file holds")
    arguments = parser.parse_args()
    # Resolved: a file may be checked in its own folder.
    out = str(Path(arguments.lines or f"zoo-{arguments.zoo}-{arguments.profile}.jsonl").resolve())
    Path(out).touch()
    listed = {(e.file, e.subject): e for e in entries(arguments.zoo)}
    if not arguments.report:
        _measure(arguments, listed, out)
    return _figures(arguments.zoo, listed, out)


def _measure(arguments: argparse.Namespace, listed: dict[tuple[str, str], Any], out: str) -> None:
    if arguments.oracle == "torch":
        import torch

        torch.set_num_threads(1)
    import scratchnet_crosscheck.checking  # noqa: F401 - once, before the processes fork

    done = {(s.file, s.subject, s.seed) for s in _read(out)}
    jobs: list[tuple[str, str, list[str], list[int], str, str]] = []
    # Several seeds a process: JAX compiles every shape once in each.
    last = arguments.first_seed + arguments.seeds
    for first in range(arguments.first_seed, last, SEEDS_A_PROCESS):
        seeds = range(first, min(first + SEEDS_A_PROCESS, last))
        by_file: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
        for file, subject in listed:
            wanted = not arguments.only or file in arguments.only or subject in arguments.only
            open_ = tuple(seed for seed in seeds if (file, subject, seed) not in done)
            if wanted and open_:
                by_file[file, open_].append(subject)
        jobs += [
            (arguments.zoo, file, subjects, list(open_), arguments.profile, arguments.oracle)
            for (file, open_), subjects in by_file.items()
        ]
    start, running = time.monotonic(), []
    fork = multiprocessing.get_context("fork")
    while jobs or running:
        running = [p for p in running if p.is_alive()]
        if jobs and len(running) < arguments.processes:
            if time.monotonic() - start > arguments.seconds:
                jobs.clear()
                continue
            running.append(fork.Process(target=_work, args=(jobs[0], out, 900.0 * len(jobs.pop(0)[3]))))
            running[-1].start()
        else:
            time.sleep(0.02)


def _read(out: str) -> list[Said]:
    return [Said(**json.loads(line)) for line in Path(out).read_text(encoding="utf-8").splitlines()]


def _figures(zoo: str, listed: dict[tuple[str, str], Any], out: str) -> int:
    results = [s for s in _read(out) if (s.file, s.subject) in listed]
    amiss: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    for said in results:
        words = JUDGES[zoo](listed[said.file, said.subject], said)
        if words:
            amiss[said.file, said.subject, words].append(said.seed)
            kinds[words.split(" ")[0]] += 1
    for (file, subject, words), seeds in sorted(amiss.items()):
        print(f"{file} {subject}: {words} (seeds {seeds})")
    seen: Counter[tuple[str, str]] = Counter((s.file, s.subject) for s in results)
    missing = [f"{f} {s}" for f, s in listed if not seen[f, s]]
    if missing:
        print(f"never finished: {', '.join(missing)}")
    seeds = {s.seed for s in results}
    print(
        f"{zoo}: {len(seen)} layers, {len(seeds)} seeds, {len(results)} runs, "
        f"{sum(s.cases for s in results)} cases, "
        f"{sum(s.seconds for s in results):.0f} s of processor time; amiss: {dict(kinds) or 'nothing'}"
    )
    return 1 if amiss or missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
