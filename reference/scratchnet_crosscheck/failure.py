"""What a check raises: a failure that says where and by how much, or that nothing could be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._types import Array, Outputs
    from .case import Case


_RAISED = "raised "


@dataclass(eq=False)
class Failure(Exception):  # noqa: N818 - what a check found, not an error of the suite
    """A check that did not hold, on one case.

    Parameters
    ----------
    message : str
        One sentence: what was found, and what should have been.
    case : Case
        The call it was found on.
    cotangents : tuple of ndarray
        What was handed to the backward pass; empty where only the forward pass ran.
    part : str
        The result that is wrong: an output's name, or ``d`` and an argument's name.
    index : tuple of int, optional
        The worst element of it.
    got, wanted : ndarray, optional
        The whole result and what it should have been.
    error, allowed : float, optional
        The largest error and the bound, in the result's own unit.
    wrong : int, optional
        How many of its elements lie outside the bound.
    place : callable, optional
        Returns the same failure with its place, where finding that takes many calls: asked of the smallest
        case alone.
    trial : tuple, optional
        What the check was given: the case, another one, the kind of cotangent and the seed.
    """

    message: str
    case: Case
    cotangents: Outputs = ()
    part: str = ""
    index: tuple[int, ...] | None = None
    got: Array | None = None
    wanted: Array | None = None
    error: float | None = None
    allowed: float | None = None
    wrong: int | None = None
    place: Callable[[], Failure] | None = None
    trial: tuple[Case, Case | None, str, int] | None = None

    @property
    def kind(self) -> str:
        """What is wrong, without numbers: the exception's type, or the part; "" where neither is known."""
        return self.message.partition(":")[0] if self.message.startswith(_RAISED) else self.part

    def __str__(self) -> str:
        """Return the message and the case."""
        from .case import array_call

        lines = [self.message, f"    {self.case!r}"]
        if self.cotangents:
            lines.append(f"    pullback({', '.join(array_call(c) for c in self.cotangents)})")
        return "\n".join(line if len(line) <= 2000 else f"{line[:1997]}..." for line in lines)


def raised(error: Exception, case: Case) -> Failure:
    """Return the failure that a call raised where it should not have."""
    return Failure(f"{_RAISED}{type(error).__name__}: {error}", case)


class Inconclusive(Exception):  # noqa: N818 - a verdict, not an error
    """The check ran and cannot say: the yardstick itself is too coarse on this case."""


class NotApplicable(Exception):  # noqa: N818 - a verdict, not an error
    """The check has nothing to say on this case."""
