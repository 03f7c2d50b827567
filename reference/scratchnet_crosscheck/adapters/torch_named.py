"""Classes with torch.nn's names, written in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import names as called
from .binding import signature
from .objects import factory, factory_in_tensors
from .passes import methods
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = frozenset({
    "BatchNorm1d", "BatchNorm2d",
})  # fmt: skip
"""Those that another convention has no class of, and that promise PyTorch's choices by their names."""


def _promises(name: str, thing: Any) -> bool:
    """Return whether a class promises PyTorch's choices: by its name, and with PyTorch's arguments."""
    return name in NAMES and any(p.name == "momentum" for p in signature(thing))


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the classes that promise torch.nn's conventions by their names."""
    found = []
    for name, thing in names.items():
        kind = like.get(name) or called.operation(name)
        if kind and isinstance(thing, type) and methods(thing) and _promises(name, thing):
            made = Candidate(
                name, (kind,), factory(thing), "torch.nn", strict=True, in_tensors=factory_in_tensors(thing)
            )
            found.append(made)
    return found
