"""What a subcommand is; other packages register theirs in the entry-point group `GROUP`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse

USAGE, FAILURE, INTERRUPTED = 2, 1, 130
"""Exit statuses: the call's words are off; the work failed; Ctrl-C."""

GROUP = "scratchnet.commands"
"""The entry-point group under which another package registers a subcommand's module."""


class Command(Protocol):
    """What a subcommand's module offers."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments the subcommand takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit status. A ValueError or OSError raised is printed as one line."""
