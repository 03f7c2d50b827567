"""The catalogue: one entry an operation, one family a file, mirroring scratchnet.functional.

An entry is found, not listed: every `Operation` at the top level of a module of this package.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from .protocol import Invalid as Invalid
from .protocol import Operation as Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..case import Case


@cache
def _catalogue() -> tuple[Mapping[str, Operation], Mapping[str, str]]:
    entries: dict[str, Operation] = {}
    families: dict[str, str] = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if module == "protocol":
            continue
        for value in vars(importlib.import_module(f".{module}", __name__)).values():
            if isinstance(value, Operation):
                if value.name in entries:
                    raise ValueError(f"two catalogue entries are called {value.name!r}")
                entries[value.name] = value
                families[value.name] = module.removeprefix("_")
    return MappingProxyType(entries), MappingProxyType(families)


def operations(family: str | None = None) -> Mapping[str, Operation]:
    """Return every entry by its name, or those of one family ("linear", "activation", ...).

    Examples
    --------
    >>> "relu" in operations("activation"), "relu" in operations("linear")
    (True, False)
    """
    entries, families = _catalogue()
    if family is None:
        return entries
    if family not in families.values():
        raise ValueError(
            f"no family is called {family!r}; there are {', '.join(sorted(set(families.values())))}"
        )
    return {name: entry for name, entry in entries.items() if families[name] == family}


def operation_of(case: Case | str) -> Operation:
    """Return the entry a case belongs to, or the entry of this name."""
    name = case if isinstance(case, str) else case.operation
    entries, _ = _catalogue()
    if name not in entries:
        raise ValueError(f"no operation is called {name!r}; there are {', '.join(entries)}")
    return entries[name]
