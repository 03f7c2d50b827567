"""Something under test, with all that its checks need, whatever its convention."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .catalogue.protocol import Operation
    from .failure import Failure
    from .oracles.protocol import Oracle, Runner
    from .properties import Property
    from .run import Plan


@dataclass(frozen=True)
class Thing:
    """Something under test, with all that its checks need.

    Parameters
    ----------
    name : str
        As written in its file.
    file : str
        Where it was written.
    entry : Operation
        What it is meant to be.
    runner : Runner
        Drives it.
    oracles : tuple of str, optional
        The only ones that can judge it; None where those that are asked for can.
    own : bool
        Whether it is in no catalogue, and has no oracles but these.
    left_out : mapping of str to str
        Checks that say nothing of its convention, each with the reason; "" where it goes without saying.
    remarks : tuple
        What is said of it once, as key, verdict ("convention", "not_checked") and words.
    judges : mapping
        Makers of oracles of its own, by name.
    adds : tuple of Property
        Checks that only a thing of its convention is asked.
    any_formula : bool
        Whether it may be written by another formula than its oracles' (`tolerance`).
    prepares : callable
        Called with a check's name before it begins; returns the runner for it.
    dtypes : tuple of str
        The only dtypes it is asked in; all where none is named.
    known : list of (Plan, Failure)
        Where checks of it have failed so far.
    """

    name: str
    file: str
    entry: Operation
    runner: Runner
    oracles: tuple[str, ...] | None = None
    own: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[tuple[str, str, str], ...] = ()
    judges: Mapping[str, Callable[[], Oracle]] = field(default_factory=dict)
    adds: tuple[Property, ...] = ()
    any_formula: bool = False
    prepares: Callable[[str], Runner] | None = None
    dtypes: tuple[str, ...] = ()
    known: list[tuple[Plan, Failure]] = field(default_factory=list)

    def prepare(self, check: str) -> Runner:
        """Return the runner for a check that is about to begin."""
        return self.runner if self.prepares is None else self.prepares(check)
