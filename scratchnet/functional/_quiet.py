"""Passes that do not warn: where infinities and NaN are as they should be.

`np.errstate` takes as long as three ufuncs of few elements. What it sets belongs, from NumPy 2.0 on, to the
running context (`contextvars`): a pass that runs in a context in which it was set once takes a quarter of it.
"""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_SPARE: list[Context] = []
"""Contexts that no thread is in: one can be entered once at a time."""


def in_context(call: Callable[..., T], *arguments: Any) -> T:
    """Return ``call(*arguments)``, without warnings of NumPy's; for NumPy 2.0 and later."""
    try:
        context = _SPARE.pop()
    except IndexError:
        context = Context()
        context.run(np.seterr, over="ignore", invalid="ignore", divide="ignore")
    try:
        return context.run(call, *arguments)
    finally:
        _SPARE.append(context)


def by_errstate(call: Callable[..., T], *arguments: Any) -> T:
    """Do what `in_context` does in any NumPy."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return call(*arguments)


quietly = in_context if int(np.__version__.partition(".")[0]) >= 2 else by_errstate
