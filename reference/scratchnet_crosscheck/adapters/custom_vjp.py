"""Functions with jax.custom_vjp."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .frameworks import custom_vjp, is_custom_vjp, unjitted
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the functions whose names are known."""
    found = []
    for name, thing in names.items():
        if not is_custom_vjp(thing):
            continue
        kind = like.get(name) or called.of_function(name, inspect.signature(thing).parameters)
        if kind:
            halves = [getattr(unjitted(thing), half, None) for half in ("fwd", "bwd")]
            others = tuple(n for n, t in names.items() if t is not None and any(t is h for h in halves))
            found.append(
                Candidate(name, (kind,), custom_vjp(thing), "jax.custom_vjp", strict=True, others=others)
            )
    return found
