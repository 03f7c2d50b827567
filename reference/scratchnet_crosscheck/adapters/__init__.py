"""Adapters: one convention of hand-written layers a file, each found and asked in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Candidate

#: In this order: what an earlier one takes, a later one does not.
ADAPTERS = (
    "autograd_function", "custom_vjp", "costs", "static", "torch_named", "book", "split", "cs231n", "flags",
    "pullbacks",
)  # fmt: skip


def recognise(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return every thing among a module's names that some adapter knows, in the file's order."""
    import importlib

    from .frameworks import only_applies

    names = {name: thing for name, thing in names.items() if not only_applies(thing)}
    found: dict[str, Candidate] = {}
    for adapter in ADAPTERS:
        for candidate in importlib.import_module(f".{adapter}", __name__).recognises(names, like):
            if not any(candidate.name == c.name or candidate.name in c.others for c in found.values()):
                found[candidate.name] = candidate
    order = list(names)
    return sorted(found.values(), key=lambda c: order.index(c.name.partition(".")[0]))
