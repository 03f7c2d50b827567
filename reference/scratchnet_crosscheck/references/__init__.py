"""What a thing found in a file is held against: one `Kind` an operation, one family a file.

A kind is found, not listed: every `Kind` at the top level of a module of this package.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from .protocol import Kind as Kind

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind by its name.

    Examples
    --------
    >>> "linear" in kinds(), kinds()["linear"].slots
    (True, ('x', 'weight', 'bias'))
    """
    found: dict[str, Kind] = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if module.startswith("_"):
            for value in vars(importlib.import_module(f".{module}", __name__)).values():
                if isinstance(value, Kind):
                    found[value.name] = value
    return MappingProxyType(found)
