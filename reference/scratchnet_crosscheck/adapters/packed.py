"""Parameters handed over in one argument: ``params["W"]``, or ``W, b = params``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import names

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

    from .._types import Array
    from ..references.protocol import Kind

_NAMES = ("params", "parameters", "param", "weights", "theta", "p", "w")


@dataclass(frozen=True)
class Packed:
    """The argument, what its parts are called and which slots they are, and whether it is a dictionary."""

    argument: str
    slots: Mapping[str, str]
    by_key: bool

    def made(self, arrays: Mapping[str, Array]) -> Any:
        """Return what the argument is handed."""
        found = {key: arrays[slot] for key, slot in self.slots.items() if slot in arrays}
        return found if self.by_key else tuple(found.values())

    def parts(self, found: Any) -> tuple[list[Any], Any] | None:
        """Return the gradients by themselves and those of the parts, None where these are not together."""
        parts = list(found) if isinstance(found, tuple | list) else [found]
        together = [part for part in parts if isinstance(part, dict | tuple | list)]
        if len(together) != 1:
            return None
        (of_parts,) = together
        if not isinstance(of_parts, dict):
            of_parts = dict(zip(self.slots, of_parts, strict=False))
        return [part for part in parts if part is not together[0]], of_parts


def packed(parameters: list[inspect.Parameter], kind: Kind, source: str) -> Packed | None:
    """Return the argument that holds a kind's parameters, by how a function's source takes it apart."""
    for parameter in parameters:
        name = parameter.name
        if parameter.default is not parameter.empty or names.plain(name) not in _NAMES or not kind.params:
            continue
        keys = re.findall(rf"\b{name}\s*\[\s*['\"](\w+)['\"]\s*\]", source)
        line = re.search(
            rf"^\s*\(?\s*(\w+(?:\s*,\s*\w+)+)\s*\)?\s*=\s*{name}\s*(?:#.*)?$", source, re.MULTILINE
        )
        parts = list(dict.fromkeys(keys)) or (re.split(r"\s*,\s*", line[1]) if line else [])
        slots: dict[str, str] = {}
        for part in parts:
            slot = names.slot_named(part, tuple(s for s in kind.params if s not in slots.values()))
            if slot is None:
                break
            slots[part] = slot
        else:
            if slots:
                return Packed(name, slots, by_key=bool(keys))
    return None
