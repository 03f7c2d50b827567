"""Oracles: what a forward pass and its vector-Jacobian product should be.

Each is an entry point of the group ``scratchnet_crosscheck.oracles``, so that another package can add one::

    [project.entry-points."scratchnet_crosscheck.oracles"]
    mine = "my_package.oracle:for_operation"

It names a callable that is handed the catalogue's entry (or None, for any) and returns an object with the
methods of `protocol.Oracle`; it raises `OracleAbsent` where what it needs is not installed. An oracle is
imported only when it is asked for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .protocol import OracleAbsent as OracleAbsent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from ..catalogue.protocol import Operation
    from .protocol import Oracle

GROUP = "scratchnet_crosscheck.oracles"
#: Differentiates the thing under test itself: a check of its own, for which nothing is handed over.
NUMERICAL = "numerical"
#: Our own, as pyproject.toml registers them. No other package's entry point can take their place.
OURS = {
    "torch": "scratchnet_crosscheck.oracles.pytorch:PyTorch",
    "golden": "scratchnet_crosscheck.oracles.golden:Golden.of",
    "jax": "scratchnet_crosscheck.oracles.jax:Jax",
    NUMERICAL: "scratchnet_crosscheck.oracles.numerical:slopes",
}
_METHODS = ("forward", "vjp", "unable")


@cache
def registered() -> Mapping[str, EntryPoint]:
    """Return every oracle that is registered, by name: ours first.

    Examples
    --------
    >>> list(registered())[:4]
    ['torch', 'golden', 'jax', 'numerical']
    """
    from importlib.metadata import EntryPoint, entry_points

    found = {name: EntryPoint(name, value, GROUP) for name, value in OURS.items()}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def names() -> tuple[str, ...]:
    """Return the names of the oracles that may be asked for."""
    return tuple(registered())


def oracle(name: str, entry: Operation | None = None) -> Oracle:
    """Return the oracle of this name, for the catalogue's operations or for an `entry` of one's own.

    Raises
    ------
    OracleAbsent
        It is not installed, or what is installed under its name is something else.
    ValueError
        There is no oracle of this name.
    """
    if name not in registered() or name == NUMERICAL:
        others = ", ".join(n for n in names() if n != NUMERICAL)
        raise ValueError(f"no oracle is called {name!r}; there are {others}")
    point = registered()[name]
    try:
        make: Any = point.load()
        found: Any = make(entry)
    except OracleAbsent:
        raise
    except Exception as error:
        if name in OURS:
            raise
        raise OracleAbsent(f"the oracle {name} ({point.value}) cannot be made: {error}") from error
    missing = [method for method in _METHODS if not callable(getattr(found, method, None))]
    if missing:
        raise OracleAbsent(f"the oracle {name} ({point.value}) is none: it has no {', '.join(missing)}")
    judge: Oracle = found
    return judge


def described(asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the oracles of these names that are there, with their versions, and those that are absent.

    None is imported: what is only found out when one is used, its results say.
    """
    import importlib.metadata

    found, absent = [NUMERICAL], []
    for name in asked:
        if name in ("golden", NUMERICAL):
            found += [name] if name not in found else []
            continue
        point = registered().get(name)
        try:
            version = (
                point.dist.version
                if point is not None and name not in OURS and point.dist is not None
                else importlib.metadata.version(name)
            )
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
            continue
        found.append(f"{name} {version}")
    return found, absent
