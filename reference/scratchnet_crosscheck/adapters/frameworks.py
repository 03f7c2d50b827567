"""torch.autograd.Function subclasses and functions with jax.custom_vjp."""

from __future__ import annotations

import ast
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..source import tree_of
from .functions import FunctionDriver
from .protocol import Gradients, Started
from .tensors import tensor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind


def is_autograd_function(thing: Any) -> bool:
    """Return whether a thing is a torch.autograd.Function subclass, without importing torch."""
    return isinstance(thing, type) and any(
        c.__module__.startswith("torch.autograd.function") for c in thing.__mro__[1:]
    )


def applied_by(function: Any) -> list[str]:
    """Return the torch.autograd.Functions whose ``apply`` a function calls, by their names in its file."""
    tree = tree_of(function)
    found = [_applied(function, node) for node in ast.walk(tree)] if tree is not None else []
    return [*dict.fromkeys(name for name in found if name)]


def only_applies(function: Any) -> bool:
    """Return whether a function gives back what a torch.autograd.Function does, and nothing else."""
    tree = tree_of(function) if inspect.isfunction(function) else None
    returned = [n.value for n in ast.walk(tree) if isinstance(n, ast.Return)] if tree is not None else []
    return bool(returned) and all(_applied(function, value) for value in returned)


def _applied(function: Any, call: ast.AST | None) -> str:
    """Return the torch.autograd.Function that an expression of a function's source applies, or ""."""
    if not (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "apply"
    ):
        return ""
    owner = call.func.value
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    return owner.id if isinstance(owner, ast.Name) and is_autograd_function(scope.get(owner.id)) else ""


def is_custom_vjp(thing: Any) -> bool:
    """Return whether a thing is a function with jax.custom_vjp, jitted or not, without importing jax."""
    own = unjitted(thing)
    return type(own).__name__ == "custom_vjp" and type(own).__module__.startswith("jax")


def unjitted(thing: Any) -> Any:
    """Return what jax.jit was given, or the thing itself."""
    inner = getattr(thing, "__wrapped__", None)
    jitted = type(thing).__name__ == "PjitFunction"
    return inner if jitted and inner is not None else thing


def handed(function: Any) -> dict[str, inspect.Parameter]:
    """Return what the forward pass of a torch.autograd.Function is handed, without its context."""
    found = dict(inspect.signature(function.forward).parameters)
    first = next(iter(found), "")
    return {k: p for k, p in found.items() if k != first or k not in ("ctx", "self", "context", "c")}


class AutogradDriver(FunctionDriver):
    """``Function.apply`` on tensors that share the arrays' memory, so that what is written to them shows."""

    def __init__(self, function: Any, kind: Kind) -> None:
        self._apply = function
        parameters = handed(function).values()

        def call(*arguments: Any) -> Any:
            return function.apply(*arguments)

        call.__name__ = function.__name__
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect.signature reads
            [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters]
        )
        super().__init__(call, kind)
        # Run once more for some gradients alone, what is random would draw other numbers.
        self.skips = not kind.random

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run apply."""
        outs, back = self._applied(arrays, options, form, frozenset(arrays))

        def back_for_some(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            """Run apply anew where not all gradients are asked for: which are is settled by then."""
            if needs is None or not self.skips:
                return back(cotangents)
            asked = frozenset(s for s, need in needs.items() if need)
            return self._applied(arrays, options, form, asked)[1](cotangents)

        return Started(tuple(y.detach().numpy() for y in outs), back_for_some, {})

    def _applied(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form, asked: frozenset[str]
    ) -> tuple[tuple[Any, ...], Callable[[tuple[Array, ...]], Gradients]]:
        """Run apply; return its outputs, and what returns the gradients that are asked for."""
        import torch

        tensors = {}
        for slot, array in arrays.items():
            tensor = tensor_of(array, random=self._kind.random)
            wanted = array.dtype.kind == "f" and slot not in self._kind.fixed and slot in asked
            tensors[slot] = tensor.requires_grad_() if wanted else tensor
        found, _ = self.arguments(tensors, options, form)
        ordered = []
        for parameter in self._parameters:
            if parameter.name in found:
                ordered.append(found[parameter.name])
            elif parameter.default is not parameter.empty:
                ordered.append(parameter.default)
        with torch.enable_grad():
            out = self._function(*ordered)
        outs = out if isinstance(out, tuple) else (out,)
        if not any(y.requires_grad for y in outs[len(self._kind.outputs) :]):  # indices beside the maxima
            outs = outs[: len(self._kind.outputs)]

        def back(cotangents: tuple[Array, ...]) -> Gradients:
            wanted = [s for s, t in tensors.items() if t.requires_grad]
            if not wanted:
                return {}
            grads = torch.autograd.grad(
                outs, [tensors[s] for s in wanted], [tensor_of(dy, random=False) for dy in cotangents],
                retain_graph=True, allow_unused=True,
            )  # fmt: skip
            return {s: g.detach().numpy() for s, g in zip(wanted, grads, strict=True) if g is not None}

        return outs, back


class CustomVjpDriver(FunctionDriver):
    """``jax.vjp`` of the function, in the dtype of the arrays.

    Compiled as a whole, which takes a quarter of the time and a tenth of the memory of compiling each of its
    operations by itself; one by one where it cannot be, since it looks at its numbers.
    """

    compiles = True

    def __init__(self, function: Any, kind: Kind) -> None:
        super().__init__(function, kind)
        #: Whether it can be: until it raises there and not by itself.
        self.compiled_whole = True
        self._compiled: dict[Any, tuple[Any, Any]] = {}

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the function."""
        import jax

        jax.config.update("jax_enable_x64", True)
        moving = tuple(s for s in self._bound.slots.values() if s in arrays and s not in self._kind.fixed)
        given = {s: jax.numpy.asarray(np.array(a, copy=True)) for s, a in arrays.items()}
        outs, pull = self._run(given, moving, options, form)

        def back(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            del needs
            grads = pull(tuple(jax.numpy.asarray(np.array(dy, copy=True)) for dy in cotangents))
            return {s: np.array(g, copy=True) for s, g in zip(moving, grads, strict=True)}

        return Started(tuple(np.array(y, copy=True) for y in outs), back, {})

    def _run(
        self, given: dict[str, Any], moving: tuple[str, ...], options: Mapping[str, Any], form: Form
    ) -> tuple[tuple[Any, ...], Callable[[tuple[Any, ...]], tuple[Any, ...]]]:
        """Return the outputs and what takes cotangents back."""
        import jax

        def run(given: Mapping[str, Any], *values: Any) -> tuple[Any, ...]:
            out = self.call({**given, **dict(zip(moving, values, strict=True))}, options, form)[0]
            return out if isinstance(out, tuple) else (out,)

        def zeros(outs: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(jax.numpy.zeros_like(y) for y in outs)

        values = tuple(given[s] for s in moving)
        if self.compiled_whole and not any(isinstance(o, np.ndarray) for o in options.values()):
            key = moving, repr(sorted(options.items())), repr(sorted(form.options.items()))
            if key not in self._compiled:
                self._compiled[key] = (
                    jax.jit(run),
                    jax.jit(lambda given, dys, *values: jax.vjp(partial(run, given), *values)[1](dys)),
                )
            forward, backward = self._compiled[key]
            try:
                outs = forward(given, *values)
                backward(given, zeros(outs), *values)
                return outs, lambda dys: backward(given, dys, *values)
            except Exception:  # does it raise for being one whole?
                outs, vjp = jax.vjp(partial(run, given), *values)
                vjp(zeros(outs))
                self.compiled_whole = False
        else:
            outs, vjp = jax.vjp(partial(run, given), *values)
        return outs, vjp


def of_a_framework(driver: Any) -> bool:
    """Return whether a thing's gradients are exact by its framework's rules, its formula its own choice."""
    return isinstance(driver, AutogradDriver | CustomVjpDriver)


def autograd(function: Any) -> Callable[[Kind], AutogradDriver]:
    """Return what drives a torch.autograd.Function."""
    return lambda kind: AutogradDriver(function, kind)


def custom_vjp(function: Any) -> Callable[[Kind], CustomVjpDriver]:
    """Return what drives a function with jax.custom_vjp."""
    return lambda kind: CustomVjpDriver(function, kind)
