"""Classes that hold functions: ``Linear.forward`` and ``Linear.backward`` without an object, or many."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import cs231n, flags, split
from . import names as called
from .book import ALTERNATIVES
from .frameworks import is_autograd_function
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTEXTS = ("ctx", "self", "cls", "context")


def functions_of(thing: Any) -> dict[str, Any]:
    """Return a class's static methods by name, none where it is a torch.autograd.Function."""
    if not isinstance(thing, type) or is_autograd_function(thing):
        return {}
    found = {
        name: member.__func__ for name, member in vars(thing).items() if isinstance(member, staticmethod)
    }
    return {name: f for name, f in found.items() if inspect.isfunction(f) and not _has_context(f)}


def _has_context(function: Any) -> bool:
    return next(iter(inspect.signature(function).parameters), "") in _CONTEXTS


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the classes whose two passes are static, and the pairs among other static methods."""
    found = []
    for name, thing in names.items():
        functions = functions_of(thing)
        both = next(((f, b) for f, b in called.PASSES if f in functions and b in functions), None)
        if both is not None:
            kind = like.get(name) or called.operation(name)
            # Handed the cotangent alone, its backward pass belongs to its last forward pass, as an object's.
            if kind and len(inspect.signature(functions[both[1]]).parameters) > 1:
                forward, backward = (functions[n] for n in both)
                pair = cs231n.pair(name, ALTERNATIVES.get(kind, (kind,)), forward, backward)
                found.append(replace(pair, convention="static forward/backward"))
            continue
        own = {k.partition(".")[2]: v for k, v in like.items() if k.startswith(f"{name}.")}
        inner: list[Candidate] = []
        for adapter in (flags, split, cs231n):
            for candidate in adapter.recognises(functions, own):
                if not any(candidate.name == c.name or candidate.name in c.others for c in inner):
                    inner.append(candidate)
        order = list(functions)
        inner.sort(key=lambda c: order.index(c.name))
        found += [
            replace(c, name=f"{name}.{c.name}", others=(name, *(f"{name}.{o}" for o in c.others)))
            for c in inner
        ]
    return found
