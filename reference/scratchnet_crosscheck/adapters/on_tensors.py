"""Gradients that are kept on their tensors, as fast.ai's lessons do.

Of a class that is called, ``y = layer(x); y.g = dy; layer.backward()``, and then ``x.g`` and ``layer.w.g``;
of functions, ``y = lin(x, w, b); y.g = dy; lin_grad(x, y, w, b)``, and then ``x.g``, ``w.g`` and ``b.g``.
"""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ..source import tree_of
from . import names
from .binding import signature
from .passes import handed_to, methods, named_in
from .set_up import own_methods
from .tensors import array_of, tensor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._types import Array

#: What the gradient of a tensor is called, kept on the tensor.
_GRADIENTS = ("g", "grad")


def kept_on_tensors(cls: type) -> str:
    """Return what a class that is called calls the gradient that it keeps on a tensor, "" of any other.

    Its backward pass is handed nothing, and somewhere it sets that attribute of something else than itself.
    """
    passes = methods(cls)
    if passes is None or not any("__call__" in vars(c) for c in cls.__mro__[:-1]):
        return ""
    if handed_to(cls, passes[1]):
        return ""
    return _stored(tree for _, tree in own_methods(cls))


def set_on_arguments(backward: Callable[..., Any]) -> str:
    """Return what a function calls the gradient that it sets on what it is handed, "" of any other."""
    tree = tree_of(backward)
    return "" if tree is None else _stored([tree])


def _stored(trees: Iterable[ast.AST]) -> str:
    """Return the attribute for a gradient that code sets of something else than `self`, or ""."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        if not isinstance(node, ast.Attribute) or node.attr not in _GRADIENTS:
            continue
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if isinstance(node.ctx, ast.Store) and not own:
            return node.attr
    return ""


def _tensor(value: Any, *, random: bool) -> Any:
    """Return an array as a tensor, and anything else as it is."""
    return tensor_of(value, random=random) if isinstance(value, np.ndarray) else value


class _Kept:
    """A parameter, beside which its gradient is kept."""

    def __init__(self, data: Array) -> None:
        self.data = data


def _gradients(tensors: Iterable[Any], gradient: str) -> Any:
    """Return the gradients that tensors have, one by itself; None of what has none."""
    found = tuple(array_of(getattr(t, gradient, None)) for t in tensors)
    return found if len(found) != 1 else found[0]


def class_of_arrays(cls: type, passes: tuple[str, str], gradient: str, *, random: bool) -> type:
    """Return a class that is handed and returns arrays, gradients too, and runs an object of this one."""
    tensor = functools.partial(_tensor, random=random)

    @functools.wraps(cls.__init__)  # type: ignore[misc]  # of a class
    def make(self: Any, *arguments: Any, **named: Any) -> None:
        own: dict[int, Array] = {}

        def handed(value: Any) -> Any:
            made = tensor(value)
            own[id(made)] = value
            return made

        self.thing = cls(*map(handed, arguments), **{k: handed(v) for k, v in named.items()})
        for name, value in vars(self.thing).items():
            if hasattr(value, "detach"):
                setattr(self, name, _Kept(own.get(id(value), array_of(value))))

    @functools.wraps(getattr(cls, named_in(cls, passes[0])))
    def forward(self: Any, *arguments: Any) -> Any:
        for name, kept in vars(self).items():
            if isinstance(kept, _Kept):
                setattr(self.thing, name, tensor(kept.data))
        self.given = tuple(map(tensor, arguments))
        self.returned = self.thing(*self.given)
        return array_of(self.returned)

    def backward(self: Any, dout: Any) -> Any:
        setattr(self.returned, gradient, tensor(np.asarray(dout)))
        getattr(self.thing, passes[1])()
        for name, kept in vars(self).items():
            if isinstance(kept, _Kept):
                setattr(kept, gradient, array_of(getattr(getattr(self.thing, name), gradient, None)))
        return _gradients(self.given, gradient)

    # Of the same name and module, its source is that of the class it stands for.
    return type(
        cls.__name__, (),
        {"__init__": make, "forward": forward, "backward": backward, "__module__": cls.__module__,
         "__qualname__": cls.__qualname__},
    )  # fmt: skip


def functions_of_arrays(
    forward: Callable[..., Any], backward: Callable[..., Any], gradient: str, *, random: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a forward function that returns (y, cache), and the backward one that is handed dy and that.

    The backward one is handed what has the name of an argument of forward, the output by a name of its own,
    and of other names what is left over, in order.
    """
    own = [p.name for p in signature(forward)]
    asked = [p.name for p in signature(backward)]
    output = next((n for n in asked if n not in own and names.is_output(n)), "")

    @functools.wraps(forward)
    def forth(*arguments: Any, **named: Any) -> Any:
        given = dict(zip(own, arguments, strict=False)) | named
        tensors = {name: _tensor(value, random=random) for name, value in given.items()}
        y = forward(**tensors)
        return array_of(y), (tensors, y)

    def run(tensors: Mapping[str, Any], y: Any) -> Any:
        left = iter([t for name, t in tensors.items() if name not in asked])
        backward(*(y if n == output else tensors[n] if n in tensors else next(left) for n in asked))
        return _gradients(tensors.values(), gradient)

    def back(dout: Any, cache: Any) -> Any:
        tensors, y = cache
        setattr(y, gradient, _tensor(np.asarray(dout), random=random))
        return run(tensors, y)

    def back_of_loss(cache: Any) -> Any:
        return run(*cache)

    return forth, back if output else back_of_loss
