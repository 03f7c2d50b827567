"""The subcommands of ``scratchnet``: one module each, and those that other packages register."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from .protocol import GROUP

if TYPE_CHECKING:
    from .protocol import Command


def commands() -> dict[str, Command]:
    """Return all subcommands by name: ours, then those found in the entry-point group."""
    # Here, not above: they import NumPy, and the command line first says how many threads that may use.
    from . import gradcheck, train

    found: dict[str, Command] = {"train": cast("Command", train), "gradcheck": cast("Command", gradcheck)}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.load())
    return found
