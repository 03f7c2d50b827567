"""What a catalogue entry is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .. import strategies
from ..case import Case

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from .._types import Array, Outputs

#: A dotted name, or a function: of the torch module and the call's tensors by position and keyword; of the
#: jax module and the call's arrays and options by keyword.
Twin: TypeAlias = str | Callable[..., Any] | None


def _never(_: Case) -> str | None:
    return None


def nothing(_: Case) -> tuple[str, ...]:
    """Say of every call that it treats no samples apart."""
    return ()


@dataclass(frozen=True)
class Invalid:
    """A bad call, and what its refusal must say.

    Parameters
    ----------
    why : str
        What is wrong with it, in words; the test's id.
    case : Case
        The call.
    words : tuple of str
        What the message must contain, the argument and its value among them. The function's name is always
        asked for.
    error : type
        The exception.
    cotangents : tuple of ndarray, optional
        Where the call itself is right and what the pullback is given is wrong.
    """

    why: str
    case: Case
    words: tuple[str, ...]
    error: type[Exception] = ValueError
    cotangents: Outputs | None = None


@dataclass(frozen=True)
class Operation:
    """One operation: how valid calls are drawn, and what does not follow from its name.

    The golden model is ``scratchnet.functional.<name>``; the twin is ``torch.nn.functional.<name>`` on
    tensors with the same arguments, the first by position.

    Parameters
    ----------
    name : str
        As in torch.nn.functional.
    draw : callable
        ``draw(Draw) -> Case``: a valid call.
    invalid : tuple of Invalid
        Bad calls and what is said of them.
    twin, jax : str, callable or None
        The twin in PyTorch and JAX, where it does not follow; None where there is none.
    randomness : {"mask", "slopes"}, optional
        The operation draws random numbers: a mask that can be read off the output on an input of ones, and
        that the twins are handed as ``mask``; or slopes for negative numbers, read off on minus ones and
        handed over as ``slopes``.
    kinks : tuple of float
        Input values at which the derivative jumps. They are left alone where inputs are perturbed, and
        derivatives there are taken one-sided.
    ties : bool
        Equal values compete (maximum): perturbing must keep them equal.
    per_sample : callable
        ``per_sample(case)``: the arguments that carry the batch as their first axis, where this call treats
        each sample by itself; else nothing.
    stateful : bool
        Takes a state and returns the new one.
    extremes : tuple of float
        Which extreme values are asked of it: NaN, infinities, the edge of the exponent.
    torch_cannot, jax_cannot : callable
        Why the twin cannot judge this call, or None when it can.
    tangent : callable, optional
        ``tangent(case, directions)``: the part of the directions along which the derivative is defined, where
        an argument is constrained (probabilities that add up to 1).
    by_strategy : bool
        Calls are drawn by a Hypothesis strategy of somebody else's, and so cannot follow from a seed.
    compiles : bool
        Each new shape is compiled anew, which takes a hundred times what a call takes: all checks of one
        run draw their calls from the same few seeds.
    """

    name: str
    draw: Callable[[strategies.Draw], Case]
    invalid: tuple[Invalid, ...] = ()
    twin: Twin = ""
    jax: Twin = None
    randomness: Literal["mask", "slopes"] | None = None
    kinks: tuple[float, ...] = ()
    ties: bool = False
    per_sample: Callable[[Case], tuple[str, ...]] = nothing
    stateful: bool = False
    extremes: tuple[float, ...] = strategies.EXTREMES
    torch_cannot: Callable[[Case], str | None] = _never
    jax_cannot: Callable[[Case], str | None] = _never
    tangent: Callable[[Case, dict[str, Array]], dict[str, Array]] | None = None
    by_strategy: bool = False
    compiles: bool = False

    def __post_init__(self) -> None:
        """Fill in the twin that follows from the name."""
        if self.twin == "":
            object.__setattr__(self, "twin", f"torch.nn.functional.{self.name}")

    @property
    def smooth(self) -> bool:
        """Whether the derivative exists everywhere."""
        return not self.kinks and not self.ties

    def cases(self, setting: strategies.Setting) -> SearchStrategy[Case]:
        """Return the strategy that draws valid calls within `setting`."""
        return strategies.cases(self.draw, setting)
