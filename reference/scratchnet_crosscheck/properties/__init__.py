"""Properties: what must hold of every operation, each a plain named check, one theme a file.

A property is found, not listed: every `Property` at the top level of a module of this package.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from .protocol import Property as Property
from .protocol import Trial as Trial

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def properties() -> Mapping[str, Property]:
    """Return every property by its name.

    Examples
    --------
    >>> "inputs_are_not_written_to" in properties()
    True
    """
    found: dict[str, Property] = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if module != "protocol":
            for value in vars(importlib.import_module(f".{module}", __name__)).values():
                if isinstance(value, Property):
                    found[value.name] = value
    return MappingProxyType(found)
