"""Where an element's derivative is a choice: at a kink, any number between the two sides' is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._activation import SELU_ALPHA, SELU_SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array
    from ..references.protocol import Form


def _sides(kind: str, options: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the derivative on the left and on the right of 0; PyTorch takes the left one at 0."""
    if kind == "relu":
        return 0.0, 1.0
    if kind == "leaky_relu":
        return float(options.get("negative_slope", 0.01)), 1.0
    if kind == "elu":
        return float(options.get("alpha", 1.0)), 1.0
    if kind == "selu":
        return SELU_SCALE * SELU_ALPHA, SELU_SCALE
    return None


def as_pytorch_has_it(
    kind: str,
    derivative: Array,
    x: Array,
    options: Mapping[str, Any],
    form: Form,
    conventions: dict[str, str],
) -> Array:
    """Return a derivative with PyTorch's choice at a kink, where it is another that is right as well.

    That goes for a function that is asked for a derivative, the number itself: which subgradient it names is
    its own choice, and it is said.
    """
    sides = _sides(kind, {**form.options, **options})
    if sides is None or derivative.shape != x.shape:
        return derivative
    left, right = sides
    chosen = (x == 0) & (derivative != left) & (derivative >= min(sides)) & (derivative <= max(sides))
    if not chosen.any():
        return derivative
    conventions["derivative_at_kink"] = (
        f"at 0 its derivative is {float(derivative[chosen][0]):g}, PyTorch's {left:g}: "
        f"any number from {min(left, right):g} to {max(left, right):g} is right"
    )
    return np.where(chosen, np.asarray(left, derivative.dtype if derivative.dtype.kind == "f" else float),
                    derivative)  # fmt: skip
