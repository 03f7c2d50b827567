"""Costs as of Nielsen's book: ``fn(a, y)``, and ``delta(z, a, y)``, the gradient by the weighted input z."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._activation import _sigmoid, _softmax
from ..references.protocol import BATCH_LAST
from . import names as called
from .binding import signature
from .protocol import Candidate, Cannot, Gradients, Started
from .unfinished import called as run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind

#: What a cost of this name may be, an activation before it; the value says which.
_KINDS = {
    "quadratic": ("sigmoid mse_loss",), "mse": ("sigmoid mse_loss",), "squared": ("sigmoid mse_loss",),
    "crossentropy": ("sigmoid binary_cross_entropy", "softmax categorical_cross_entropy"),
    "loglikelihood": ("softmax categorical_cross_entropy",),
}  # fmt: skip
_WEIGHTED = ("z", "zs", "weightedinput", "weightedinputs")


def is_cost(thing: Any) -> bool:
    """Return whether a thing is a class of a cost and its gradient by the weighted input."""
    return isinstance(thing, type) and all(callable(getattr(thing, m, None)) for m in ("fn", "delta"))


class CostDriver:
    """Drives such a class; what comes before the cost, the activation, is ours."""

    linearizes = True
    skips = False
    compiles = False
    takes: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def __init__(self, cls: type, kind: Kind) -> None:
        try:
            self._cost: Any = cls()
        except Exception as error:  # made with what is not known here
            raise Cannot(f"building it raises {type(error).__name__}: {error}") from error
        self._activation = kind.name.partition(" ")[0]
        self._delta = [p.name for p in signature(self._cost.delta)]
        space = getattr(self._cost.delta, "__globals__", {})
        if kind.name == "sigmoid mse_loss" and not any("sigm" in name for name in space):
            raise Cannot("which activation comes before it is not known")
        self.notes: list[str] = [f"taken as the cost of a {self._activation}, delta its gradient by z"]
        self.conventions: dict[str, str] = {}

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: nothing is kept of a call."""

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the activation and the cost."""
        del options
        x, target = arrays["x"], arrays["target"]
        if self._activation == "sigmoid":
            a = _sigmoid(x)
        else:
            a = _softmax(x, 0 if form.layout("x") is BATCH_LAST else -1)
        first, second = [p.name for p in signature(self._cost.fn)][:2]
        handed = (target, a) if called.target_first(first, second) else (a, target)

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            given = [x if called.plain(name) in _WEIGHTED else target if called.is_target(name) else a
                     for name in self._delta]  # fmt: skip
            found = run(self._cost.delta, *given)
            return {} if found is None else {"x": np.asarray(found) * cotangents[0].reshape(-1)[0]}

        return Started((run(self._cost.fn, *handed),), back, {})


def _driven(cls: type) -> Callable[[Kind], CostDriver]:
    return lambda kind: CostDriver(cls, kind)


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the costs whose names are known."""
    found = []
    for name, thing in names.items():
        if is_cost(thing):
            short = called.plain(name)
            kinds = next((kinds for word, kinds in _KINDS.items() if word in short), ())
            kinds = (like[name],) if name in like else kinds
            if kinds:
                found.append(Candidate(name, kinds, _driven(thing), "cost with fn and delta"))
    return found
