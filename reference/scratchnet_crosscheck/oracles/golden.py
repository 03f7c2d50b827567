"""The golden model: scratchnet's own function of the operation's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Cotangents, Needs, Outputs, Pull
    from ..case import Case
    from ..catalogue.protocol import Operation


class Golden:
    """``scratchnet.functional.<operation>``, or another function of the value-and-pullback convention.

    Parameters
    ----------
    function : callable, optional
        Takes the case's first array by position, the others and the options by keyword; returns
        ``(value, pullback)`` or ``(value, pullback, state)``. Where it is not given, it is found by the
        case's operation.
    name : str
        What reports call it.
    """

    skips = True

    def __init__(self, function: Callable[..., Any] | None = None, name: str = "golden") -> None:
        self.name = name
        self._function = function

    @classmethod
    def of(cls, _: Operation | None) -> Golden:
        """Return the oracle: the operation is found by each case's name."""
        return cls()

    def unable(self, case: Case) -> str | None:
        """Return why it cannot judge this call: a random operation draws its own numbers."""
        return "draws its own random numbers" if case.seed is not None else None

    def linearize(self, case: Case) -> tuple[Outputs, Pull]:
        """Call the function; return its outputs and its pullback."""
        options = dict(case.options)
        if case.seed is not None:
            options["generator"] = np.random.default_rng(case.seed)
        # The first by position: what it is called differs. The others have PyTorch's names.
        (_, first), *others = case.arrays.items()
        value, pullback, *rest = self._find(case.operation)(first, **dict(others), **options)
        outputs = tuple(value) if isinstance(value, tuple) else (value,)
        if rest:
            state = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
            outputs += tuple(part for part in state if part is not None)

        def pull(cotangents: Outputs, needs: Needs | None = None) -> Cotangents:
            result: Cotangents = pullback(*cotangents) if needs is None else pullback(*cotangents, needs)
            return result

        return outputs, pull

    def forward(self, case: Case) -> Outputs:
        """Return the outputs."""
        return self.linearize(case)[0]

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Return the pullback's cotangents."""
        return self.linearize(case)[1](cotangents, None)

    def _find(self, operation: str) -> Callable[..., Any]:
        if self._function is not None:
            return self._function
        from scratchnet import functional

        function: Callable[..., Any] = getattr(functional, operation)
        return function
