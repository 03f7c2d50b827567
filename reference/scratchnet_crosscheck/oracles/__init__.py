"""Oracles: what a forward pass and its vector-Jacobian product should be.

Each is found under its name and imported only when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from .protocol import OracleAbsent as OracleAbsent

if TYPE_CHECKING:
    from ..catalogue.protocol import Operation
    from .protocol import Oracle

#: Oracle name: (module, class). "numerical" is no runner: it differentiates the thing under test itself.
_HOMES = {"torch": ("pytorch", "PyTorch"), "jax": ("jax", "Jax"), "golden": ("golden", "Golden")}

NAMES = tuple(_HOMES)


def oracle(name: str, entry: Operation | None = None) -> Oracle:
    """Return the oracle of this name, for the catalogue's operations or for an `entry` of one's own.

    Raises
    ------
    OracleAbsent
        It is not installed.
    ValueError
        There is no oracle of this name.
    """
    if name not in _HOMES:
        raise ValueError(f"no oracle is called {name!r}; there are {', '.join(NAMES)}")
    module, kind = _HOMES[name]
    found = getattr(importlib.import_module(f".{module}", __name__), kind)
    return cast("Oracle", found() if name == "golden" else found(entry))
