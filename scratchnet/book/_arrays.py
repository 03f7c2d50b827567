"""What the book's functions take and the core does not: numbers, integers, mixed dtypes, forms of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import refuse, refuse_type

if TYPE_CHECKING:
    from .._types import Array


def as_float(x: Any) -> Array:
    """Return `x` as an array of floats: floats as they are, numbers, lists and integers in float64."""
    array = x if isinstance(x, np.ndarray) else np.asarray(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def same_dtype(x: Array, *others: Array) -> list[Array]:
    """Return the arrays in the one float dtype that NumPy's rules give for all of them together."""
    dtype = x.dtype
    for other in others:
        if other.dtype != dtype:
            dtype = np.promote_types(dtype, other.dtype)
    if dtype.kind != "f":
        dtype = np.promote_types(dtype, np.float64)
    return [array if array.dtype == dtype else array.astype(dtype) for array in (x, *others)]


def number(y: Array) -> Any:
    """Return an array as it is, and one of no dimensions as a NumPy number, as NumPy's own functions do."""
    return y if y.ndim else y[()]


def as_target(function: str, t: Any, n_classes: int, n_samples: int) -> Array:
    """Return labels (N,), also for one-hot rows (N, n_classes), or other probabilities as they are.

    Labels (N, 1) are taken as (N,).
    """
    target = t if isinstance(t, np.ndarray) else np.asarray(t)
    if target.shape == (n_samples,) and target.dtype.kind in "iu":
        return target
    if target.shape == (n_samples, n_classes):
        labels: Array = target.argmax(axis=1)
        # The core is faster with labels. One-hot: every row has a 1, and there is nothing else.
        largest = target[np.arange(n_samples), labels]
        is_one_hot = np.count_nonzero(target) == n_samples == np.count_nonzero(largest == 1)
        return labels if is_one_hot else target
    if target.size != n_samples or target.ndim > 2:
        raise refuse(
            function,
            f"t must hold labels ({n_samples},) or one-hot rows ({n_samples}, {n_classes})",
            t=target,
        )
    if target.dtype.kind not in "iu":
        raise refuse_type(function, "labels must be integers", t=target)
    return target.reshape(n_samples)


def as_labels(function: str, t: Any, n_classes: int, n_samples: int) -> Array:
    """Return labels (N,), of rows of probabilities the place of the largest."""
    target = as_target(function, t, n_classes, n_samples)
    return target if target.ndim == 1 else target.argmax(axis=1)
