"""Functions and classes that compute with torch's tensors, handed and asked for NumPy's arrays."""

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
    """Return the array's memory where PyTorch can have it, else a copy.

    A side of one may have any stride. PyTorch's float32 convolution takes some of these for channels last,
    and its result is wrong (2.13, x of shape (2, 1, 8, 5), strides (40, 1, 5, 1)): they get the usual ones.
    """
    if not array.flags.writeable or any(s < 0 for s in array.strides) or array.ndim == 0:
        return np.array(array, order="C", copy=True)
    return array.reshape(-1).reshape(array.shape) if array.flags.c_contiguous else array


def tensor_of(array: Array, *, random: bool) -> Any:
    """Return an array as a tensor of its memory; of what a random thing is handed, of a copy in C order.

    Its mask, made like x, would lie as x does, and so be another in another layout.
    """
    import torch

    return torch.from_numpy(np.array(array, order="C", copy=True) if random else shareable(array))


def array_of(value: Any) -> Any:
    """Return a tensor as an array, and anything else as it is."""
    return value.detach().numpy() if hasattr(value, "detach") else value


def in_tensors(function: Callable[..., Any], *, random: bool) -> Callable[..., Any]:
    """Return the function, which is handed tensors that share the arrays' memory and gives back arrays.

    What it returns inside a tuple of its own, as a cache, stays as it is.
    """

    def handed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return tensor_of(value, random=random)
        return {k: handed(v) for k, v in value.items()} if isinstance(value, dict) else value

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        given, by_name = [*map(handed, arguments)], {k: handed(v) for k, v in named.items()}
        found = function(*given, **by_name)
        for table, own in (*zip(arguments, given, strict=True), *((named[k], v) for k, v in by_name.items())):
            if isinstance(table, dict):  # what it keeps there, as running statistics
                table.update({k: array_of(v) for k, v in own.items()})
        if isinstance(found, tuple | list):
            return tuple(array_of(part) for part in found)
        if isinstance(found, dict):
            return {k: array_of(v) for k, v in found.items()}
        return array_of(found)

    return call


def class_in_tensors(cls: type, passes: tuple[str, str], *, random: bool) -> type:
    """Return a class whose objects keep arrays, and compute with tensors that share the arrays' memory."""
    import torch

    def change(value: Any, of: type, to: Callable[[Any], Any]) -> Any:
        if isinstance(value, dict):
            return {k: change(v, of, to) for k, v in value.items()}
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return type(value)(change(v, of, to) for v in value)
        return to(value) if isinstance(value, of) else value

    def awake(thing: Any) -> None:
        vars(thing).update(change(dict(vars(thing)), np.ndarray, functools.partial(tensor_of, random=False)))

    def asleep(thing: Any) -> None:
        vars(thing).update(change(dict(vars(thing)), torch.Tensor, array_of))

    def make(self: Any, *arguments: Any, **named: Any) -> None:
        in_tensors(cls.__init__, random=random)(self, *arguments, **named)  # type: ignore[misc]  # of a class
        asleep(self)

    def one_pass(name: str) -> Callable[..., Any]:
        run = in_tensors(getattr(cls, name), random=random)

        @functools.wraps(run)
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            awake(self)
            try:
                return run(self, *arguments, **named)
            finally:
                asleep(self)

        return call

    own = {"__init__": functools.wraps(cls.__init__)(make), "__module__": cls.__module__}  # type: ignore[misc]  # of a class
    return type(cls.__name__, (cls,), {**own, **{name: one_pass(name) for name in passes}})
