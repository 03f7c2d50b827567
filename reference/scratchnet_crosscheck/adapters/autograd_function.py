"""torch.autograd.Function subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import names as called
from .frameworks import autograd, handed, is_autograd_function
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the subclasses whose names are known."""
    found = []
    for name, thing in names.items():
        if not is_autograd_function(thing):
            continue
        kind = like.get(name) or called.of_function(name, handed(thing))
        if kind:
            found.append(Candidate(name, (kind,), autograd(thing), "torch.autograd.Function", strict=True))
    return found
