"""What a diagnosis is: does one cause explain this failing case, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from ..oracles.protocol import Runner


@dataclass(frozen=True)
class Evidence:
    """A failing case, and what is needed to try explanations on it.

    Parameters
    ----------
    check : str
        The property that failed.
    subject : Runner
        The thing under test: it may be run again, on this case or on another.
    reference : Runner or None
        What should come out, for any case; None where the check needs no oracle and none is there.
    case : Case
        The smallest failing call. Its ``operation`` says what the thing is taken for.
    cotangents : tuple of ndarray
        What its backward pass was handed; empty where the forward pass failed.
    part : str
        Which result is wrong: an output, or ``d`` and an argument's name; "" where it is not known.
    got, truth : ndarray or None
        That result and what it should have been.
    draw : callable
        ``draw(seed) -> Case``: another valid call of the same thing.
    message : str
        What the check said.
    thing : object, optional
        What failed, the same object for all its checks: calls drawn for one failure then serve the next.
    """

    check: str
    subject: Runner
    reference: Runner | None
    case: Case
    cotangents: Outputs
    part: str
    got: Array | None
    truth: Array | None
    draw: Callable[[int], Case]
    message: str = ""
    thing: object = None

    def run(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Return the thing's cotangents on another call."""
        return self.subject.vjp(case, cotangents)

    def should(self, case: Case, cotangents: Outputs) -> Cotangents | None:
        """Return the reference's cotangents on another call, or None where there is no reference."""
        return None if self.reference is None else self.reference.vjp(case, cotangents)


#: ``diagnosis(evidence)``: its key, which does not change, and words; None where it does not fit.
Diagnosis: TypeAlias = Callable[[Evidence], "tuple[str, str] | None"]
