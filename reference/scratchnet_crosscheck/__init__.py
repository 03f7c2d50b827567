"""Cross-check hand-written forward and backward passes against PyTorch, JAX and numerical differentiation.

Importing this package imports nothing heavy: its names are resolved when they are first asked for, so that a
pytest run that loads the plugin and does not use it pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .case import Case as Case
    from .catalogue import operations as operations
    from .failure import Failure as Failure
    from .items import check as check
    from .items import crosscheck as crosscheck
    from .items import parametrize_with_checks as parametrize_with_checks
    from .run import Profile as Profile
    from .run import Result as Result
    from .run import check_operation as check_operation
    from .run import check_property as check_property

_HOMES = {
    "Case": "case",
    "Failure": "failure",
    "Profile": "run",
    "Result": "run",
    "check": "items",
    "check_operation": "run",
    "check_property": "run",
    "crosscheck": "items",
    "operations": "catalogue",
    "parametrize_with_checks": "items",
}

__all__ = [
    "Case",
    "Failure",
    "Profile",
    "Result",
    "check",
    "check_operation",
    "check_property",
    "crosscheck",
    "operations",
    "parametrize_with_checks",
]


def __getattr__(name: str) -> object:
    """Import the module that holds `name`, and return it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
