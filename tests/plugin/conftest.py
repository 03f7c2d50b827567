"""Little projects, each run by a pytest of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LAYERS = """
import numpy as np


def my_relu(x):
    negative = x <= 0
    def pullback(dy, needs_input_grad=(True,)):
        return (np.where(negative, np.zeros_like(dy), dy) if needs_input_grad[0] else None,)
    return np.where(negative, np.zeros_like(x), x), pullback


def wrong_relu(x):
    mask = x > 0
    def pullback(dy, needs_input_grad=(True,)):
        return (np.where(mask, dy + dy, np.zeros_like(dy)) if needs_input_grad[0] else None,)
    return np.where(mask, x, np.zeros_like(x)), pullback


def writing_relu(x):
    mask = x > 0
    def pullback(dy, needs_input_grad=(True,)):
        if dy.flags.writeable:
            dy[...] = dy * mask
        return (dy * mask if needs_input_grad[0] else None,)
    return np.where(mask, x, np.zeros_like(x)), pullback


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        return np.where(self.mask, np.zeros_like(x), x)

    def backward(self, dout):
        return np.where(self.mask, np.zeros_like(dout), dout)
"""


@dataclass
class Done:
    """What a run printed, and how it ended."""

    status: int
    text: str
    folder: Path

    def lines(self, *words: str) -> list[str]:
        """Return the lines that hold all of these words."""
        return [line for line in self.text.splitlines() if all(word in line for word in words)]


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Done]:
    """See `runner`."""
    return runner(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Done]:
    """The same, for one run that several tests look at."""
    return runner(tmp_path_factory.mktemp("shared"))


def runner(folder: Path) -> Callable[..., Done]:
    """Write a project's files (beside layers.py) and run pytest in it.

    Of the plugins that are installed this one alone is loaded, by its entry point's name, unless `plugins`
    names others or is None: then pytest finds all by itself. Hypothesis's own takes longer than a small run.
    """

    def run(
        files: dict[str, str],
        *arguments: str,
        python: tuple[str, ...] = (),
        plugins: tuple[str, ...] | None = (),
        **environment: str,
    ) -> Done:
        for name, text in {"layers.py": LAYERS, "pytest.ini": "[pytest]\n", **files}.items():
            (folder / name).write_text(text, encoding="utf-8")
        loaded = ["--assert=plain", *(w for name in ("crosscheck", *(plugins or ())) for w in ("-p", name))]
        command = [sys.executable, *(python or ("-m", "pytest", *([] if plugins is None else loaded)))]
        command += arguments
        if plugins is not None:
            environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env={
                **kept,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "COLUMNS": "200",
                **environment,
            },
        )
        return Done(done.returncode, done.stdout + done.stderr, folder)

    return run


def line(call: str, **settings: Any) -> dict[str, str]:
    """Return a test file with one line in it, quick and against the golden model unless it says otherwise."""
    return {
        "test_line.py": f"import layers\nfrom scratchnet_crosscheck import crosscheck\n\ntest_it = {call}\n",
        "pytest.ini": "[pytest]\n"
        + "".join(
            f"crosscheck_{k} = {v}\n"
            for k, v in {"profile": "quick", "oracles": "golden", **settings}.items()
        ),
    }


@pytest.fixture(name="line", scope="session")
def line_fixture() -> Callable[..., dict[str, str]]:
    """The function above, for test files that cannot import a conftest."""
    return line
