"""Watches what a layer has no business with: NumPy's own functions, other processes, its surroundings."""

from __future__ import annotations

import builtins
import contextlib
import math
import os
import select
import sys
from typing import Any

import numpy as np


class Meddling(RuntimeError):  # noqa: N818 - a verdict, not an error
    """A layer changed what is not its own."""


class Guard:
    """Looks, after each call of a layer, whether the modules that all share are as they were, and mends them.

    Parameters
    ----------
    home : str
        The folder to be in.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._environment = dict(os.environ)
        self._depth = sys.getrecursionlimit()
        self._kept = [
            (vars(module), name, value)
            for module in (np, np.random, np.linalg, math, builtins)
            for name, value in vars(module).items()
            if callable(value) and not name.startswith("__")
        ]
        self._process = os.getpid()
        self._forked = False
        self._told, self._tells = os.pipe()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=self._note_fork)

    def _note_fork(self) -> None:
        self._forked = True

    def look(self) -> None:
        """Raise `Meddling` where something was changed, or another process came back from the call."""
        if os.getpid() != self._process:  # a child that the layer forked, on its way back into the suite
            with contextlib.suppress(OSError):
                os.write(self._tells, b"x")
            os._exit(0)
        changed = [entry for entry in self._kept if entry[0].get(entry[1]) is not entry[2]]
        for names, name, value in changed:
            names[name] = value
        if changed:
            raise Meddling(f"it replaced {', '.join(_called(*entry) for entry in changed[:3])}")
        if self._forked:
            self._forked = False
            ready, _, _ = select.select([self._told], [], [], 0.2)
            if ready:
                os.read(self._told, 4096)
                raise Meddling("it forks: a second process came back from the call")

    def tidy(self) -> None:
        """Put back what the process is surrounded by: the folder, the environment, the depth of recursion."""
        with contextlib.suppress(Meddling):
            self.look()
        with contextlib.suppress(OSError):
            os.chdir(self._home)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        sys.setrecursionlimit(self._depth)


def _called(names: dict[str, Any], name: str, _: Any) -> str:
    module = str(names.get("__name__", ""))
    return name if module == "builtins" else f"{module}.{name}"
