"""What a backward pass is handed: cotangents, and what of the forward pass it asks for by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .protocol import Cannot

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping, Sequence

    from .._types import Array
    from ..references.protocol import Kind

#: What an object calls the output that its forward pass keeps.
OUTPUTS = ("output", "out", "outputs", "y", "a")


def with_predictions(
    thing: Any, arrays: Mapping[str, Array], named: list[inspect.Parameter], kind: Kind, of_forward: str
) -> Mapping[str, Array]:
    """Return the arrays, x being what forward kept as its output where backward is handed that.

    A softmax with its loss whose backward pass is called as ``backward(dvalues, y_true)`` is handed the
    probabilities, by the name of a gradient, and so is ``backward(y_pred, y_true)`` where forward's own
    argument (`of_forward`) has another name.
    """
    if not (kind.loss and len(named) == 2 and "x" in arrays):
        return arrays
    first = named[0].name
    if names.is_upstream(first) or (first != of_forward and names.is_probability(first)):
        for name in OUTPUTS:
            kept = getattr(thing, name, None)
            if (
                isinstance(kept, np.ndarray)
                and kept.shape == arrays["x"].shape
                and not np.array_equal(kept, arrays.get("target", ()))
            ):
                return {**arrays, "x": kept.copy()}
    return arrays


def assigned(
    wanted: list[inspect.Parameter], cotangents: list[Any], outputs: tuple[Any, ...],
    arrays: Mapping[str, Array], kind: Kind, inputs: Sequence[str], called_in_forward: Mapping[str, str],
) -> list[Any]:  # fmt: skip
    """Return what backward is handed for each parameter: by name where there are more than outputs.

    `inputs` are the slots that forward was handed, `called_in_forward` its own names for them.
    """
    required = [p for p in wanted if p.default is p.empty]
    called = [p.name for p in required]
    if kind.loss and len(required) >= 2 and "target" in inputs:
        given = []
        first_is_target = names.target_first(*called[-2:])
        for place in range(len(called)):
            if len(called) == 3 and place == 0:
                given.append(cotangents[0])
            elif place == len(called) - 2:
                given.append(arrays["target" if first_is_target else "x"])
            else:
                given.append(arrays["x" if first_is_target else "target"])
        return given
    if kind.loss and called == ["y_true"]:
        return [arrays["target"]]
    if len(required) <= len(cotangents):
        return cotangents[: len(wanted)]
    given, left = [], list(cotangents)
    step = _of_step(called, arrays, kind, called_in_forward)
    for place, name in enumerate(called):
        if (
            names.is_input(name)
            and len(called) - place + len(given) > len(left)
            and not names.is_upstream(name)
        ):
            given.append(arrays[inputs[0]])
        elif left and (names.is_upstream(name) or len(called) == len(cotangents) + len(given)):
            given.append(left.pop(0))
        elif slot := names.slot_named(name, tuple(s for s in inputs[1:] if s in arrays)):
            given.append(arrays[slot])
        elif name in step:
            given.append(outputs[0] if step[name] == "output" else arrays[step[name]])
        elif left:
            given.append(left.pop(0))
        else:
            raise Cannot(f"the argument {name!r} of its backward pass is not known")
    return given


def _of_step(
    called: list[str], arrays: Mapping[str, Array], kind: Kind, called_in_forward: Mapping[str, str]
) -> dict[str, str]:
    """Return what a recurrent step's backward pass is handed beside the gradient: input, state, output.

    The state is called as forward calls it; what is left over when all but the input are found is that.
    """
    if kind.inputs != ("x", "h") or len(called) < 3:
        return {}
    found = {n: called_in_forward[n] for n in called if called_in_forward.get(n) in arrays}
    found |= {n: "output" for n in called if n not in found and names.plain(n) in names.NEW_STATES}
    over = [n for n in called if n not in found and not names.is_upstream(n)]
    if len(over) == 1 and "h" in found.values() and "x" not in found.values():
        found[over[0]] = "x"
    return found


def as_given(dy: Array, y: Any) -> Any:
    """Return a number where a number came out."""
    return dy[()] if dy.ndim == 0 and not isinstance(y, np.ndarray) else dy


def rate_for(cotangents: tuple[Array, ...], scale: float) -> float:
    """Return a learning rate so large that the step dwarfs the parameter: nothing is rounded away."""
    largest = max((float(np.max(np.abs(dy), initial=0.0)) for dy in cotangents if dy.size), default=0.0)
    power = 30 if cotangents and cotangents[0].dtype == np.float64 else 20
    return float(
        2.0 ** (power - round(math.log2(largest)) if 0 < largest < math.inf else power) * max(1.0, scale)
    )
