"""The onnx package's node test vectors, and the bound within which a result must agree with one.

A vector is one call of one ONNX operator: attributes, inputs and the expected outputs, which the package
computes with NumPy implementations of its own, or has as typed numbers.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

PRESENT = importlib.util.find_spec("onnx") is not None

FACTOR = 8.0
PERTURBATIONS = 5

#: Vectors whose expected numbers were typed with so many decimals.
TYPED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 4, "test_gridsample_bicubic": 4}


@dataclass(frozen=True)
class Vector:
    """One call of one operator.

    Inputs and expected outputs are by position; None stands for one that was left out.
    """

    name: str
    operator: str
    attributes: dict[str, object]
    inputs: tuple[np.ndarray | None, ...]
    expected: tuple[np.ndarray | None, ...]

    def __getitem__(self, position: int) -> np.ndarray | None:
        """Return an input, None where it was left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def get(self, attribute: str, default: object = None) -> object:
        """Return an attribute."""
        return self.attributes.get(attribute, default)

    def map(self, function, data: int | None = None) -> Vector:
        """Return the call with the floating-point inputs, or those of the first `data`, changed."""
        first = self.inputs[:data]
        changed = tuple(function(a) if is_float(a) else a for a in first)
        return replace(self, inputs=changed + self.inputs[len(first) :])


def is_float(array: object) -> bool:
    """Whether this is an array of NumPy's own floating-point numbers (bfloat16 is none)."""
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"


@cache
def vectors() -> dict[str, Vector]:
    """Return every vector of one operator by its name.

    Left out are those that spell an operator out as a graph of simpler ones (their names end in _expanded):
    they have the same inputs and outputs.
    """
    import onnx
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # their computations overflow on purpose here and there
        cases = collect_testcases()
    found = {}
    for case in cases:
        nodes = case.model.graph.node
        if len(nodes) != 1 or "_expanded" in case.name:
            continue
        node = nodes[0]
        ((inputs, outputs),) = case.data_sets
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        found[case.name] = Vector(
            case.name,
            node.op_type,
            {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()},
            _in_place(node.input, inputs),
            _in_place(node.output, outputs),
        )
    return found


def _in_place(names, arrays):
    """Return the arrays by position: they are stored without those that were left out."""
    rest = iter(arrays)
    return tuple(None if name == "" else _array(next(rest, None)) for name in names)


def _array(value):
    # Sequences, optionals and protocol messages belong to operators that are no layers.
    return value if value is None or isinstance(value, list | tuple | dict) else np.asarray(value)


def difference(
    got: np.ndarray, expected: np.ndarray, again, vector: Vector, data: int | None = None
) -> str | None:
    """Return in what way a result is not the expected one, or None.

    Both sides have rounded their way to it, each by at most a small multiple of

        eps * max|expected| + how far the exact result moves when the inputs move by a rounding

    so this much, eight times, is allowed. The second part is found by perturbing the inputs in float64 and is
    asked for only where the first is not enough. (The outputs are float32 mostly, and so is eps.) Expected
    numbers that were typed are right to a unit in the last place that was typed.

    Parameters
    ----------
    got, expected : ndarray
        A result, and the vector's.
    again : callable
        ``again(vector)`` computes the result anew, of other inputs.
    vector : Vector
        The call.
    data : int, optional
        How many of its inputs are data, if not all; the others are exact.
    """
    if got.shape != expected.shape:
        return f"shape {got.shape}, not {expected.shape}"
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, not {expected.dtype}"
    if expected.dtype.kind != "f":
        wrong = got != expected
        return f"{int(wrong.sum())} of {wrong.size} numbers differ" if wrong.any() else None
    mine, theirs = got.astype(np.float64), expected.astype(np.float64)
    odd = ~(np.isfinite(mine) & np.isfinite(theirs))
    if not ((mine == theirs) | (np.isnan(mine) & np.isnan(theirs)))[odd].all():
        return "infinities or not-a-numbers in other places"
    error = np.abs(np.where(odd, 0.0, mine) - np.where(odd, 0.0, theirs)).max(initial=0.0)
    eps = float(np.finfo(expected.dtype).eps)
    size = np.abs(np.where(odd, 0.0, theirs)).max(initial=0.0)
    typed = 10.0 ** -TYPED[vector.name] if vector.name in TYPED else 0.0
    if error <= FACTOR * eps * size + typed:
        return None
    bound = FACTOR * (eps * size + _moved(again, vector, eps, data)) + typed
    if error <= bound:
        return None
    return f"off by {error:.3g}, where {bound:.3g} is allowed and the largest number is {size:.3g}"


def _moved(again, vector: Vector, eps: float, data: int | None) -> float:
    rng = np.random.default_rng(0)
    exact = vector.map(lambda a: a.astype(np.float64))
    truth = again(exact)
    moved = 0.0
    for _ in range(PERTURBATIONS):
        near = again(exact.map(lambda a: a * (1.0 + eps * rng.uniform(-1.0, 1.0, size=a.shape)), data))
        away = np.abs(near - truth)
        moved = max(moved, float(away[np.isfinite(away)].max(initial=0.0)))
    return moved
