"""The book's ``common.gradient``: numerical differentiation of chapter 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..numerical import numerical_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array

__all__ = ["np", "numerical_gradient", "numerical_gradient_2d"]


def _numerical_gradient_1d(f: Callable[[Array], Any], x: Array) -> Array:
    """Return the central differences of `f` at the vector `x`."""
    return numerical_gradient(f, x)


def numerical_gradient_2d(f: Callable[[Array], Any], X: Array) -> Array:
    """Differentiate a function of a vector at every row of `X`.

    Parameters
    ----------
    f : callable
        Takes a vector (D,), returns a number.
    X : ndarray, shape (D,) or (N, D)

    Returns
    -------
    grad : ndarray, shape of `X`
        The gradient of `f` at each row.

    Notes
    -----
    Forward: ``(f(x + h e_i) - f(x - h e_i)) / 2h`` with ``h = 1e-4`` for each entry i of each row x.

    Examples
    --------
    >>> grad = numerical_gradient_2d(lambda x: np.sum(x**2), np.array([[3.0, 4.0], [0.0, 2.0]]))
    >>> np.round(grad, 6).tolist()
    [[6.0, 8.0], [0.0, 4.0]]
    """
    if X.ndim == 1:
        return _numerical_gradient_1d(f, X)
    rows = [_numerical_gradient_1d(f, row) for row in X]
    return np.array(rows).reshape(X.shape)
