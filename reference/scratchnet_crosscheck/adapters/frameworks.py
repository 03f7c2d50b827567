"""torch.autograd.Function subclasses and functions with jax.custom_vjp."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from .functions import FunctionDriver
from .protocol import Gradients, Started
from .tensors import shareable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind


def is_autograd_function(thing: Any) -> bool:
    """Return whether a thing is a torch.autograd.Function subclass, without importing torch."""
    return isinstance(thing, type) and any(
        c.__module__.startswith("torch.autograd.function") for c in thing.__mro__[1:]
    )


def is_custom_vjp(thing: Any) -> bool:
    """Return whether a thing is a function with jax.custom_vjp, jitted or not, without importing jax."""
    own = unjitted(thing)
    return type(own).__name__ == "custom_vjp" and type(own).__module__.startswith("jax")


def unjitted(thing: Any) -> Any:
    """Return what jax.jit was given, or the thing itself."""
    inner = getattr(thing, "__wrapped__", None)
    jitted = type(thing).__name__ == "PjitFunction"
    return inner if jitted and inner is not None else thing


class AutogradDriver(FunctionDriver):
    """``Function.apply`` on tensors that share the arrays' memory, so that what is written to them shows."""

    def __init__(self, function: Any, kind: Kind) -> None:
        self._apply = function
        forward = function.forward
        parameters = list(inspect.signature(forward).parameters.values())
        names = [p.name for p in parameters]
        skip = 1 if names and names[0] in ("ctx", "self", "context", "c") else 0

        def call(*arguments: Any) -> Any:
            return function.apply(*arguments)

        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect.signature reads
            [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters[skip:]]
        )
        super().__init__(call, kind)

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run apply."""
        import torch

        tensors = {}
        for slot, array in arrays.items():
            # A mask like x would lie as x does, and so be another in another layout.
            own = np.array(array, order="C", copy=True) if self._kind.random else shareable(array)
            tensor = torch.from_numpy(own)
            wanted = array.dtype.kind == "f" and slot not in self._kind.fixed
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

        def back(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            del needs
            wanted = [s for s, t in tensors.items() if t.requires_grad]
            grads = torch.autograd.grad(
                outs, [tensors[s] for s in wanted], [torch.from_numpy(shareable(dy)) for dy in cotangents],
                retain_graph=True, allow_unused=True,
            )  # fmt: skip
            return {s: g.detach().numpy() for s, g in zip(wanted, grads, strict=True) if g is not None}

        return Started(tuple(y.detach().numpy() for y in outs), back, {})


class CustomVjpDriver(FunctionDriver):
    """``jax.vjp`` of the function, in the dtype of the arrays."""

    compiles = True

    def __init__(self, function: Any, kind: Kind) -> None:
        super().__init__(function, kind)

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the function."""
        import jax

        jax.config.update("jax_enable_x64", True)
        moving = [s for s in self._bound.slots.values() if s in arrays and s not in self._kind.fixed]
        given = {s: jax.numpy.asarray(np.array(a, copy=True)) for s, a in arrays.items()}

        def run(*values: Any) -> Any:
            now: Any = {**given, **dict(zip(moving, values, strict=True))}
            return self.call(now, options, form)[0]

        out, vjp = jax.vjp(run, *[given[s] for s in moving])
        outs = out if isinstance(out, tuple) else (out,)

        def back(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            del needs
            dys = tuple(jax.numpy.asarray(np.array(dy, copy=True)) for dy in cotangents)
            grads = vjp(dys if isinstance(out, tuple) else dys[0])
            return {s: np.array(g, copy=True) for s, g in zip(moving, grads, strict=True)}

        return Started(tuple(np.array(y, copy=True) for y in outs), back, {})


def of_a_framework(driver: Any) -> bool:
    """Return whether a thing's gradients are exact by its framework's rules, its formula its own choice."""
    return isinstance(driver, AutogradDriver | CustomVjpDriver)


def autograd(function: Any) -> Callable[[Kind], AutogradDriver]:
    """Return what drives a torch.autograd.Function."""
    return lambda kind: AutogradDriver(function, kind)


def custom_vjp(function: Any) -> Callable[[Kind], CustomVjpDriver]:
    """Return what drives a function with jax.custom_vjp."""
    return lambda kind: CustomVjpDriver(function, kind)
