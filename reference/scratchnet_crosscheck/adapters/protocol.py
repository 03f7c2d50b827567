"""What an adapter is: it recognises a thing in a file and drives its two passes on plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types import ModuleType

    from .._types import Array
    from ..references.protocol import Form, Kind


class Cannot(Exception):  # noqa: N818 - a verdict, not an error
    """The thing cannot be driven.

    Parameters
    ----------
    reason : str
        Why, in words.
    remedy : str
        The option or line that would get it checked.
    whatever : bool
        Whether it holds whatever kind of thing it is.
    """

    def __init__(self, reason: str, remedy: str = "", *, whatever: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.whatever = whatever


Gradients = dict[str, Any]


@dataclass
class Started:
    """A forward pass that ran.

    Parameters
    ----------
    outputs : tuple
        What came out, as it came.
    back : callable
        ``back(cotangents, needs or None)``: the gradients by slot; a slot that is missing has none. `needs`
        says of each slot whether its gradient is asked for.
    extras : callable
        The new state, by slot, once the forward pass ran.
    """

    outputs: tuple[Any, ...]
    back: Callable[[tuple[Array, ...], Any], Gradients]
    extras: Mapping[str, Any] = field(default_factory=dict)


class Driver(Protocol):
    """Drives one thing: the calls it wants, made from arrays by slot in the thing's own layout."""

    #: Options that it can be given, by PyTorch's names, and what it insists on ("square kernel").
    takes: frozenset[str]
    #: Slots that it does not have.
    absent: frozenset[str]
    #: Whether a backward pass belongs to a forward pass of its own, and not to an object's last one.
    linearizes: bool
    #: Whether it heeds needs_input_grad.
    skips: bool
    #: Whether each new shape is compiled anew.
    compiles: bool
    #: What was guessed, in words, filled in as it is driven.
    notes: list[str]
    #: Conventions that were met, by key, in words.
    conventions: dict[str, str]

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: with objects that are used again, or with a new one for every call."""
        ...

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the forward pass."""
        ...


@dataclass
class Candidate:
    """A thing found in a file, and what it may be.

    Parameters
    ----------
    name : str
        As written in the file; a pair's forward.
    kinds : tuple of str
        The kinds to try, the likeliest first.
    drive : callable
        ``drive(kind) -> Driver``; raises `Cannot`.
    convention : str
        The adapter's name.
    strict : bool
        Whether its convention promises PyTorch's choices.
    others : tuple of str
        Names in the file that belong to it: a pair's backward.
    in_tensors : callable, optional
        The same as `drive`, for a thing that may compute with torch's tensors and not with arrays.
    """

    name: str
    kinds: tuple[str, ...]
    drive: Callable[[Kind], Driver]
    convention: str
    strict: bool = False
    others: tuple[str, ...] = ()
    in_tensors: Callable[[Kind], Driver] | None = None


class Adapter(Protocol):
    """Finds the things of one convention in a module."""

    def recognises(
        self, module: ModuleType, names: Mapping[str, Any], like: Mapping[str, str]
    ) -> list[Candidate]:
        """Return what is found among `names`; `like` says what a thing of another name is meant to be."""
        ...
