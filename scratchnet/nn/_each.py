"""Options that are given as one number for several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def each_of(value: Any, count: int) -> tuple[Any, ...]:
    """Return an option's numbers as a tuple; what is no iterable stands `count` times, as PyTorch keeps it.

    >>> each_of(2, 3), each_of([1, 2], 2)
    ((2, 2, 2), (1, 2))
    """
    return tuple(value) if isinstance(value, Iterable) else (value,) * count
