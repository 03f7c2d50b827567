"""Which two methods of a class are its passes, and what these are handed."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from . import names
from .binding import signature
from .set_up import called_instead


def methods(cls: type) -> tuple[str, str] | None:
    """Return the names of a class's two passes, or None."""
    for forward, backward in names.PASSES:
        if callable(getattr(cls, forward, None)) and callable(getattr(cls, backward, None)):
            if forward == "__call__" and not any("__call__" in vars(c) for c in cls.__mro__[:-1]):
                continue
            return ("__call__" if called_instead(cls, forward) else forward), backward
    return None


def is_layer(value: Any) -> bool:
    """Return whether an object has two passes and attributes."""
    return hasattr(value, "__dict__") and methods(type(value)) is not None


def named_in(cls: type, name: str) -> str:
    """Return the method that names what one is handed: itself, or the one it hands everything on to."""
    if name != "__call__" or not takes_anything(cls.__call__):
        return name
    return next((f for f in names.FORWARDS if called_instead(cls, f)), name)


@functools.lru_cache(maxsize=512)  # a class is asked for its passes' signatures at every call of it
def handed_to(cls: type, name: str) -> list[inspect.Parameter]:
    """Return what a method is handed, without the object itself."""
    name = named_in(cls, name)
    held = inspect.getattr_static(cls, name)
    found = signature(getattr(cls, name))
    return found if isinstance(held, staticmethod | classmethod) else found[1:]


def takes_anything(call: Any) -> bool:
    """Return whether a callable takes any number of arguments by position."""
    return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(call).parameters.values())
