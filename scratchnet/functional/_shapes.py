"""Shape arithmetic that several families share."""

from __future__ import annotations

import numpy as np

from .._types import Array


def sum_rows(x: Array) -> Array:
    """Return the sum over the first axis, as an array: ``(M, *) -> (*)``."""
    return np.asarray(np.add.reduce(x, axis=0))


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """Sum `dy` back to the `shape` of an operand that was broadcast to ``dy.shape``.

    Broadcasting copies an operand along the axes it lacks or has once; its
    cotangent is the sum of the copies'.
    """
    if dy.shape == shape:
        return dy
    lead = dy.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        axis + lead for axis, side in enumerate(shape) if side == 1 and dy.shape[axis + lead] != 1
    )
    return np.asarray(np.add.reduce(dy, axis=axes, keepdims=True)).reshape(shape)
