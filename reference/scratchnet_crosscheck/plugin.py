"""The pytest plugin: options and hooks. It imports pytest and the standard library; all else on demand."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from .filerun import FileRun, Key

PROFILES = ("quick", "default", "thorough")
_OWN_ORACLES = ("torch", "golden", "jax", "numerical")  # others are looked up where they are asked for
_MARK = "__crosscheck__"  # items.MARK, which cannot be imported here
_PROPERTY = "crosscheck"
_BEAT = 0.1
_RESULTS = pytest.StashKey[dict[str, list[dict[str, Any]]]]()
_SEED = pytest.StashKey[int]()
_ITEMS = pytest.StashKey[bool]()
_RUNS = pytest.StashKey[list["FileRun"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with its ini option."""
    group = parser.getgroup("crosscheck", "cross-check of forward and backward passes")
    group.addoption(
        "--crosscheck",
        action="append",
        default=[],
        metavar="FILE.py",
        help="check the layers in FILE.py, which imports it; may be given several times",
    )
    group.addoption(
        "--crosscheck-like",
        action="append",
        default=[],
        metavar="NAME=OPERATION",
        help="what a class or function of another name in such a file is meant to be",
    )
    group.addoption(
        "--crosscheck-profile",
        choices=PROFILES,
        help="how much is tried: 12, 40 or 400 cases for each check (ini: crosscheck_profile)",
    )
    group.addoption(
        "--crosscheck-oracle",
        action="append",
        metavar="NAME",
        help="what things are held against: torch, golden, jax or another that is installed; may be given "
        "several times (ini: crosscheck_oracles)",
    )
    group.addoption(
        "--crosscheck-skip",
        action="append",
        metavar="CHECK",
        help="a check that is not run; may be given several times (ini: crosscheck_skip)",
    )
    group.addoption(
        "--crosscheck-seed", type=int, metavar="N", help="of all that is drawn (ini: crosscheck_seed)"
    )
    group.addoption(
        "--crosscheck-json", metavar="FILE", help="write every result to FILE (ini: crosscheck_json)"
    )
    group.addoption(
        "--crosscheck-html", metavar="FILE", help="write a page to FILE; needs Jinja2 (ini: crosscheck_html)"
    )
    parser.addini("crosscheck_profile", f"how much is tried: {', '.join(PROFILES)}", default="default")
    parser.addini("crosscheck_oracles", "what things are held against", "args", ["torch", "golden"])
    parser.addini("crosscheck_skip", "checks that are not run", "args", [])
    parser.addini("crosscheck_seed", "of all that is drawn; drawn anew by default", default="")
    parser.addini("crosscheck_json", "file that every result is written to", default="")
    parser.addini("crosscheck_html", "file that the page is written to", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and refuse what is misspelt in the ini file."""
    config.addinivalue_line(
        "markers",
        "crosscheck(profile=None, oracles=None, seed=None): settings of the cross-checks of this test; every "
        "cross-check has this marker",
    )
    profile, oracles = config.getini("crosscheck_profile"), config.getini("crosscheck_oracles")
    if profile not in PROFILES:
        raise pytest.UsageError(
            f"crosscheck_profile must be one of {', '.join(PROFILES)}; the ini file has {profile!r}"
        )
    given = config.getoption("--crosscheck-oracle")
    for name in given or oracles:
        if name not in _OWN_ORACLES:
            from .oracles import names

            where = "the command line" if given else "the ini file"
            if name not in names():
                raise pytest.UsageError(
                    f"crosscheck_oracles must be among {', '.join(names())}; {where} has {name!r}"
                )
    skipped = config.getoption("--crosscheck-skip") or config.getini("crosscheck_skip")
    if skipped:
        from .checking import known_checks

        for name in skipped:
            if name not in known_checks():
                raise pytest.UsageError(
                    f"crosscheck_skip names {name!r}; the checks are {', '.join(known_checks())}"
                )
    if not str(config.getini("crosscheck_seed") or "0").isdecimal():
        raise pytest.UsageError(
            f"crosscheck_seed must be an integer; the ini file has {config.getini('crosscheck_seed')!r}"
        )
    if _option(config, "html") and not _worker(config):
        import importlib.util

        if importlib.util.find_spec("jinja2") is None:
            raise pytest.UsageError("--crosscheck-html needs Jinja2: install it, or use --crosscheck-json")
    collector = _Collector()
    config.stash[_RESULTS] = collector.results
    config.pluginmanager.register(collector, "crosscheck-results")
    _take_files(config)


# ---- settings


def _worker(config: pytest.Config) -> dict[str, Any] | None:
    found: dict[str, Any] | None = getattr(config, "workerinput", None)
    return found


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(f"--crosscheck-{name}") or config.getini(f"crosscheck_{name}") or "")


def _seed(config: pytest.Config) -> int:
    """Return the run's seed: the same in every worker; --hypothesis-seed is heeded."""
    if _SEED not in config.stash:
        worker = _worker(config)
        if worker is not None and "crosscheck_seed" in worker:
            seed = int(worker["crosscheck_seed"])
        elif _option(config, "seed") or config.getoption("--crosscheck-seed") == 0:
            seed = int(_option(config, "seed") or 0)
        else:
            given = config.getoption("--hypothesis-seed", default=None)
            if given is None:
                import random

                seed = random.SystemRandom().randrange(2**32)
            else:
                text = str(given)
                seed = int(text) if text.isdecimal() else zlib.crc32(text.encode())
        config.stash[_SEED] = seed
    return config.stash[_SEED]


def _settings(config: pytest.Config) -> dict[str, Any]:
    return {
        "profile": _option(config, "profile"),
        "oracles": tuple(config.getoption("--crosscheck-oracle") or config.getini("crosscheck_oracles")),
        "seed": _seed(config),
        "skip": tuple(config.getoption("--crosscheck-skip") or config.getini("crosscheck_skip")),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a worker of pytest-xdist."""
    node.workerinput["crosscheck_seed"] = _seed(node.config)


# ---- files without tests


def _take_files(config: pytest.Config) -> None:
    """Let pytest collect the files of --crosscheck: alone where no other file or folder was named."""
    files = config.getoption("--crosscheck")
    for name in files:
        if not Path(name).is_file():
            raise pytest.UsageError(f"--crosscheck: {name}: no such file")
    for words in config.getoption("--crosscheck-like"):
        if not words.partition("=")[0].isidentifier() or not words.partition("=")[2]:
            raise pytest.UsageError(f"--crosscheck-like takes NAME=OPERATION, not {words!r}")
    if not files:
        return
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args[:] = [*named, *(name for name in files if name not in named)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file of --crosscheck: its layers are checked in a process of their own."""
    files = parent.config.getoption("--crosscheck")
    if files and any(Path(name).resolve() == file_path.resolve() for name in files):
        # Files beyond the root folder would all have the empty name.
        inside = file_path.is_relative_to(parent.config.rootpath)
        shown = file_path.relative_to(parent.config.rootpath) if inside else file_path
        found: pytest.Collector = CheckedFile.from_parent(parent, path=file_path, nodeid=shown.as_posix())
        return found
    return None


class CheckedFile(pytest.File):
    """A file whose layers are checked though it has no tests: in processes of their own, which import it."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return one item for each check of each thing, and one for each thing that cannot be checked."""
        from .command import configured
        from .filerun import FileRun

        chosen, own = _settings(self.config), configured(self.path)
        likes = [words.partition("=") for words in self.config.getoption("--crosscheck-like")]
        like = {**own.like, **{name: operation for name, _, operation in likes}}
        run = FileRun(self.path, self.nodeid, like, chosen, spread=_worker(self.config) is not None)
        self.config.stash.setdefault(_RUNS, []).append(run)
        for name, key in run.listed():
            item: pytest.Item = FileItem.from_parent(self, name=name, run=run, key=key)
            why = own.expected.get(key[0], {}).get(key[1], "")
            if why:
                item.add_marker(pytest.mark.xfail(reason=why))
            yield item
        run.warn(own.expected)


class FileItem(pytest.Item):
    """One check of one thing in such a file.

    Parameters
    ----------
    run : FileRun
        Checks the file.
    key : tuple of str
        Subject, check, oracle and dtype.
    """

    def __init__(self, *, run: FileRun, key: Key, **more: Any) -> None:
        super().__init__(**more)
        self.checked_by, self.key = run, key

    def runtest(self) -> None:
        """Wait for what the check came to; fail with what is to be said of it."""
        from .report.words import lines_of

        keys = [
            i.key for i in self.session.items if isinstance(i, FileItem) and i.checked_by is self.checked_by
        ]
        with _progress(self.config) as told:
            found = self.checked_by.result(self.key, keys, told)
        marker = self.get_closest_marker("xfail")
        if marker is not None and found["verdict"] == "failed":
            found = {**found, "expected_failure": str(marker.kwargs.get("reason", ""))}
        self.user_properties.append((_PROPERTY, json.dumps(found, sort_keys=True)))
        verdict = found["verdict"]
        if verdict == "failed" or (verdict == "not_checked" and found["check"] == "import"):
            pytest.fail("\n".join(lines_of(found, "--crosscheck-seed=")), pytrace=False)
        if verdict != "passed":
            pytest.skip(f"{verdict.replace('_', ' ')}: {found['message']}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where it stands."""
        return self.path, 0, self.name


# ---- items


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asked for checks one item for each of them."""
    asked = getattr(metafunc.function, _MARK, None)
    if asked is not None:
        from .items import parametrize

        parametrize(metafunc, asked, _settings(metafunc.config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every cross-check, so that ``-m crosscheck`` selects them."""
    for item in items:
        if isinstance(item, FileItem) or hasattr(getattr(item, "function", None), _MARK):
            config.stash[_ITEMS] = True
            item.add_marker("crosscheck")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """File what a check came to with its item: reports, JUnit files and workers' messages carry it on."""
    if not hasattr(getattr(item, "function", None), _MARK):
        return (yield)
    found = item.function.__crosscheck__  # type: ignore[attr-defined]  # of a Function alone
    check = item.callspec.params[found.argument]  # type: ignore[attr-defined]  # likewise
    with _progress(item.config) as told:
        check.watched_by(told)
        try:
            return (yield)
        finally:
            record = check.record()
            if record is not None:
                item.user_properties.append((_PROPERTY, json.dumps(record, sort_keys=True)))


@contextlib.contextmanager
def _progress(config: pytest.Config) -> Iterator[Callable[[str, str, int], None]]:
    """Show layer, check and cases behind the cursor while a check runs; nothing but on a terminal."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not reporter.isatty or config.get_verbosity() < 0:
        yield lambda _subject, _check, _cases: None
        return
    import time

    capture = config.pluginmanager.getplugin("capturemanager")
    last = [0.0]

    def write(words: str) -> None:
        # The cursor goes back to where it was: the reporter's own line stays as it is.
        with contextlib.nullcontext() if capture is None else capture.global_and_fixture_disabled():
            sys.stdout.write(f"\x1b7\x1b[K{words}\x1b8")
            sys.stdout.flush()

    def told(subject: str, check: str, cases: int) -> None:
        if time.monotonic() - last[0] > _BEAT:
            last[0] = time.monotonic()
            room = shutil.get_terminal_size().columns - config.get_terminal_writer().width_of_current_line - 2
            write(f" {subject}: {check}, {cases} cases"[: max(room, 0)])

    yield told
    if last[0]:
        write("")


# ---- reports


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say how things are checked, where something is."""
    return [_header(config)] if config.stash.get(_ITEMS, False) else []


def _header(config: pytest.Config) -> str:
    from .oracles import described

    chosen = _settings(config)
    found, absent = described(chosen["oracles"])
    missing = f"; absent: {', '.join(absent)}" if absent else ""
    return (
        f"crosscheck: profile {chosen['profile']}; oracles {', '.join(found)}{missing}; "
        f"float64 and float32; seed {chosen['seed']}"
    )


class _Collector:
    """Collects what the checks came to; in a run with workers, as their reports arrive."""

    def __init__(self) -> None:
        self.results: dict[str, list[dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results of a test."""
        if report.when == "call":
            found = [json.loads(str(value)) for name, value in report.user_properties if name == _PROPERTY]
            if found:  # of a test that is run again, the last run's
                self.results[report.nodeid] = found


def _results(config: pytest.Config) -> list[dict[str, Any]]:
    """Return all results: test by test, and where workers' reports came in as they could, in one order."""
    found = config.stash[_RESULTS]
    tests = list(dict.fromkeys(nodeid.partition("[")[0] for nodeid in found))
    if not config.stash.get(_ITEMS, False):
        tests.sort()
        found = dict(sorted(found.items()))
    return [
        r for test in tests for nodeid, rs in found.items() if nodeid.partition("[")[0] == test for r in rs
    ]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the files; a thing of which no check ran makes the run fail."""
    config = session.config
    for file in config.stash.get(_RUNS, []):
        file.stop()
    if _worker(config) is not None:
        return
    results = _results(config)
    chosen = _settings(config)
    run = {"profile": chosen["profile"], "oracles": list(chosen["oracles"]), "seed": chosen["seed"]}
    for kind in ("json", "html"):
        path = _option(config, kind)
        if path:
            import importlib

            Path(path).resolve().parent.mkdir(parents=True, exist_ok=True)
            importlib.import_module(f".report.{kind}", __package__).write(path, results, run)
    if results and session.exitstatus == pytest.ExitCode.OK:
        from .report.terminal import unchecked

        if unchecked(results):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of what was checked."""
    results = _results(config)
    if not results:
        return
    from .report.terminal import table, totals, unchecked

    terminalreporter.section("crosscheck")
    if not config.stash.get(_ITEMS, False):  # with workers, nothing was collected here
        terminalreporter.write_line(_header(config))
    brief = config.get_verbosity() < 0
    shown = [r for r in results if r["verdict"] not in ("passed", "not_applicable")] if brief else results
    if shown:
        for line, found in zip(table(shown), [None, *shown], strict=True):
            bad = found is not None and found["verdict"] in ("failed", "not_checked")
            terminalreporter.write_line(line, red=bad, bold=found is None)
    terminalreporter.write_line(totals(results))
    for name in unchecked(results):
        terminalreporter.write_line(f"{name}: no check ran; it is not checked", red=True)
    for kind in ("json", "html"):
        if _option(config, kind):
            terminalreporter.write_line(f"written: {_option(config, kind)}")
