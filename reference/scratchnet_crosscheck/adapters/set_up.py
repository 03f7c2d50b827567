"""What an object wants done before its passes: sizes told, parameters made, an optimizer handed over."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ..source import tree_of
from . import names
from .binding import signature
from .protocol import Cannot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Methods that make an object ready, in the order in which they are called.
_METHODS = (
    "set_input_shape", "set_shape", "build", "initialize", "initialise", "init", "init_weights",
    "initialize_weights", "init_params", "initialize_params", "init_parameters", "initialize_parameters",
    "_initialize_weights", "_init_weights", "_init_params", "_build", "setup", "set_up",
)  # fmt: skip
_SHAPES = ("shape", "inputshape", "inshape", "inputdims", "xshape", "inputsize")


class Optimizer:
    """Stands for an optimizer: it keeps the gradients it is handed, and takes a step, so that order matters.

    Layers call theirs in many ways; what all have in common is that a gradient comes in as an array. Copies
    keep their gradients in the same list.
    """

    learning_rate = lr = 1.0

    def __init__(self) -> None:
        self.kept: list[tuple[Any, Any]] = []

    def __copy__(self) -> Optimizer:
        return self

    def __deepcopy__(self, _: Any) -> Optimizer:
        return self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return the parameter after a step; of a gradient alone, the step."""
        arrays = [a for a in (*arguments, *named.values()) if isinstance(a, np.ndarray)]
        if len(arrays) >= 2 and arrays[0].shape == arrays[1].shape:
            self.kept.append((arrays[0], arrays[1]))
            return arrays[0] - arrays[1]
        if arrays:
            self.kept.append((None, arrays[0]))
            return arrays[0]
        return None

    update = step = optimize = get_update = apply = update_params = __call__

    def of(self, parameter: Any, gradient_of: tuple[int, ...]) -> Any:
        """Return the gradient that was handed over for a parameter, or None."""
        for first, second in self.kept:
            if first is parameter:
                return second
            if second is parameter and first is not None:
                return first  # `update(grad, w)`
        alone = [g for first, g in self.kept if first is None and g.shape == gradient_of]
        return alone[0] if len(alone) == 1 else None


def prepare(
    thing: Any, shape: tuple[int, ...] | None, sizes: Mapping[str, Any], optimizer: Optimizer
) -> None:
    """Call the methods that make an object ready, those whose arguments are known."""
    for name in _METHODS:
        method = getattr(thing, name, None)
        if not callable(method):
            continue
        arguments: dict[str, Any] = {}
        try:
            parameters = signature(method)
        except Cannot:
            continue
        for parameter in parameters:
            short = names.plain(parameter.name)
            size = names.option_named(parameter.name, names.SIZES, frozenset(names.SIZES))
            if short in names.OPTIMIZERS:
                arguments[parameter.name] = optimizer
            elif (short in _SHAPES or name in ("set_input_shape", "build")) and shape is not None:
                arguments[parameter.name] = shape
            elif size is not None and size in sizes:
                arguments[parameter.name] = sizes[size]
            elif parameter.default is parameter.empty:
                break
        else:
            try:
                method(**arguments)
            except Exception:  # it is for something else: what it lacks, its passes will say
                continue
            if name == "build" and getattr(thing, "built", None) is False:
                thing.built = True  # as who calls the layer sets it, and would build it anew otherwise


# ---- what a class's own code says


def _own(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each attribute of `self` in a function, and whether it is set or added to."""
    for inner in ast.walk(node):
        kept = inner
        while isinstance(kept, ast.Subscript) and isinstance(kept.ctx, ast.Store):  # self.cache["x"] = x
            kept = kept.value
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):  # self.cache.append(x)
            kept = inner.func.value
        if isinstance(kept, ast.Attribute) and isinstance(kept.value, ast.Name) and kept.value.id == "self":
            yield kept.attr, kept is not inner or isinstance(kept.ctx, ast.Store)


def own_methods(cls: type) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the names and trees of a class's methods, those of its bases too."""
    for name in {name for c in cls.__mro__[:-1] for name in vars(c)}:
        held = inspect.getattr_static(cls, name)
        held = held.__func__ if isinstance(held, staticmethod | classmethod) else held
        if inspect.isfunction(held) and (tree := tree_of(held)) is not None:
            yield name, tree


@functools.lru_cache(maxsize=512)
def called_instead(cls: type, forward: str) -> bool:
    """Return whether a class is meant to be called: its ``__call__`` keeps something and runs its forward."""
    if forward == "__call__" or not any("__call__" in vars(c) for c in cls.__mro__[:-1]):
        return False
    tree = tree_of(cls.__call__)
    if tree is None or (
        (tree.args.vararg is not None or tree.args.kwarg is not None) and not _hands_on(tree, forward)
    ):
        return False
    found = list(_own(tree))
    return any(is_set for _, is_set in found) and (forward, False) in found


def _hands_on(tree: ast.FunctionDef, forward: str) -> bool:
    """Return whether a method hands all that it is given on to another, and returns what that gives.

    One that does more wants other things than arrays: variables that know how they were computed.
    """
    handed = [arg.arg for arg in tree.args.args[1:]]
    handed += [f"*{tree.args.vararg.arg}"] if tree.args.vararg else []
    handed += [f"**{tree.args.kwarg.arg}"] if tree.args.kwarg else []
    wanted = f"self.{forward}({', '.join(handed)})"
    given = {wanted}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in given:
            given |= {ast.unparse(target) for target in node.targets}
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    return bool(returned) and all(value is not None and ast.unparse(value) in given for value in returned)


@functools.lru_cache(maxsize=512)
def knows_nothing(cls: type, backward: str) -> bool:
    """Return whether a backward pass reads nothing that a forward pass keeps: it knows what it is handed."""
    trees = dict(own_methods(cls))
    if backward not in trees or any(
        isinstance(n, ast.Name) and n.id == "super" for n in ast.walk(trees[backward])
    ):
        return False
    kept = {attr for name, tree in trees.items() if name not in ("__init__", backward)
            for attr, is_set in _own(tree) if is_set}  # fmt: skip
    return not any(attr in kept for attr, _ in _own(trees[backward]))
