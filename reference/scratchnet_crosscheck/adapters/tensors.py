"""Functions that compute with torch's tensors instead of NumPy's arrays, handed and asked for arrays."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array


def uses_torch(function: Callable[..., Any]) -> bool:
    """Return whether a function's file has torch by some name, without importing torch."""
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    return any(inspect.ismodule(value) and value.__name__.partition(".")[0] == "torch"
               for value in list(scope.values()))  # fmt: skip


def shareable(array: Array) -> Array:
    """Return the array itself where PyTorch can have it, else a copy."""
    if not array.flags.writeable or any(s < 0 for s in array.strides) or array.ndim == 0:
        return np.array(array, order="C", copy=True)
    return array


def in_tensors(function: Callable[..., Any], *, random: bool) -> Callable[..., Any]:
    """Return the function, which is handed tensors that share the arrays' memory and gives back arrays.

    What it returns inside a tuple of its own, as a cache, stays as it is. A random one is handed copies in C
    order: its mask, made like x, would lie as x does, and so be another in another layout.
    """
    import torch

    def handed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return torch.from_numpy(np.array(value, order="C", copy=True) if random else shareable(value))
        return {k: handed(v) for k, v in value.items()} if isinstance(value, dict) else value

    def got(value: Any) -> Any:
        return value.detach().numpy() if isinstance(value, torch.Tensor) else value

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        given, by_name = [*map(handed, arguments)], {k: handed(v) for k, v in named.items()}
        found = function(*given, **by_name)
        for table, own in (*zip(arguments, given, strict=True), *((named[k], v) for k, v in by_name.items())):
            if isinstance(table, dict):  # what it keeps there, as running statistics
                table.update({k: got(v) for k, v in own.items()})
        if isinstance(found, tuple | list):
            return tuple(got(part) for part in found)
        if isinstance(found, dict):
            return {k: got(v) for k, v in found.items()}
        return got(found)

    return call
