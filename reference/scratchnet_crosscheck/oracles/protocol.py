"""The contract between the suite and whatever computes a forward and a backward pass.

The thing under test and every oracle are driven through the same two methods, on NumPy arrays. An adapter for
another convention (the book's classes, forward/backward function pairs, torch.autograd.Function, ...) is one
more class with these methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .._types import Cotangents, Outputs, Pull
    from ..case import Case


@runtime_checkable
class Runner(Protocol):
    """A forward pass and its vector-Jacobian product.

    Whoever implements it hands over the case's own arrays, not copies, and returns the very arrays it got:
    the checks on memory (nothing written to, nothing shared) depend on it. A case in another dtype or memory
    layout is another `Case`; the runner converts nothing.
    """

    @property
    def name(self) -> str:
        """What reports call it: "torch", "golden", "my_layers.Affine"."""
        ...

    def forward(self, case: Case) -> Outputs:
        """Return every output, ``case.outputs`` first, then ``case.extras``."""
        ...

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Run forward and backward; return one cotangent for each slot, None where there is none.

        `cotangents` has one array for each of ``case.outputs``.
        """
        ...


@runtime_checkable
class Linearizes(Runner, Protocol):
    """A runner whose backward pass is a call of its own, after a forward pass that it belongs to.

    Only these can be checked for stale caches: forward, another forward, backward of the first.
    """

    def linearize(self, case: Case) -> tuple[Outputs, Pull]:
        """Run forward; return the outputs and ``pull(cotangents, needs_input_grad or None)``."""
        ...


@runtime_checkable
class Skips(Linearizes, Protocol):
    """A runner that leaves out the cotangents that are not asked for: its `pull` heeds needs_input_grad."""

    @property
    def skips(self) -> bool:
        """Whether it does."""
        ...


class Oracle(Runner, Protocol):
    """A runner that is believed: PyTorch, JAX, the golden model."""

    def unable(self, case: Case) -> str | None:
        """Return why it cannot judge this call, or None when it can."""
        ...


class OracleAbsent(Exception):  # noqa: N818 - a verdict, not an error
    """The framework is not installed, or what is installed under its name is something else."""


def linearize(runner: Runner, case: Case) -> tuple[Outputs, Pull]:
    """Return the outputs and the pullback of any runner; without its own `linearize`, by a fresh `vjp`."""
    own = getattr(runner, "linearize", None)  # asked at every call: isinstance of a protocol takes 15 us
    if own is not None:
        found: tuple[Outputs, Pull] = own(case)
        return found
    return runner.forward(case), lambda cotangents, _: runner.vjp(case, cotangents)
