"""Functions of torch.nn.functional's names: (value, pullback), and losses that return (loss, dx)."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .functions import ValueDriver, returns_a_gradient
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTS = (
    "_forward",
    "_backward",
    "_fwd",
    "_bwd",
    "_prime",
    "_derivative",
    "_grad",
    "_deriv",
)

#: What is as often a helper of the file, which has no gradient.
_HELPERS = ("add", "normalize")


def _has_weights(function: Any) -> bool:
    """Return whether a loss is handed weights and data instead of scores: ``f(W, X, y, reg)``."""
    first = [called.plain(p) for p in list(inspect.signature(function).parameters)[:3]]
    return len(first) == 3 and bool({"w", "theta", "weights", "weight"} & set(first[:2]))


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the functions whose names are known and that are no half of a pair."""
    found = []
    for name, thing in names.items():
        if not inspect.isfunction(thing) or (name.endswith(_PARTS) and name not in like):
            continue
        if name.startswith("_") and name not in like:  # a helper of the others
            continue
        kind = like.get(name) or called.of_function(name, inspect.signature(thing).parameters)
        if kind and (kind not in _HELPERS or returns_a_gradient(thing)):
            kinds = (kind,) if kind != "cross_entropy" else (kind, "temporal cross_entropy")
            if kind in ("cross_entropy", "multi_margin_loss") and _has_weights(thing):
                kinds = (f"linear {kind}",)
            found.append(Candidate(name, kinds, lambda k, f=thing: ValueDriver(f, k), "function"))  # type: ignore[misc]  # bound in the loop
    return found
