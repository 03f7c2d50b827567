"""The book's ``common.functions``: activations and losses of chapters 3 and 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import functional
from .._check import refuse
from ._arrays import as_float, as_target, number, same_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Pullback

# With `np`: the book's scripts take it from this module's star.
__all__ = [
    "cross_entropy_error",
    "identity_function",
    "mean_squared_error",
    "np",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]


def identity_function(x: Any) -> Any:
    """Return `x` itself: the output activation of a regression.

    Parameters
    ----------
    x : anything

    Returns
    -------
    x : the same object

    Notes
    -----
    Forward: ``y = x``.

    Examples
    --------
    >>> identity_function(3.0)
    3.0
    """
    return x


def step_function(x: Any) -> Array:
    """Return 1 where `x` is positive, else 0.

    Parameters
    ----------
    x : number or ndarray, any shape

    Returns
    -------
    y : ndarray of int, shape of `x`

    Notes
    -----
    Forward: ``y = 1 where x > 0, else 0``; 0 at the step itself. Its derivative is 0 wherever it exists.

    Examples
    --------
    >>> step_function(np.array([-1.0, 0.0, 2.0])).tolist()
    [0, 0, 1]
    """
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x: Any) -> Any:
    """Logistic function, without overflow for large negative `x`.

    Parameters
    ----------
    x : number or ndarray, any shape
        Integers are taken as float64.

    Returns
    -------
    y : ndarray or NumPy number, shape and dtype of `x`

    Notes
    -----
    Forward: ``y = 1 / (1 + exp(-x))``.

    Examples
    --------
    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return number(functional.sigmoid(as_float(x))[0])


def sigmoid_grad(x: Any) -> Any:
    """Derivative of `sigmoid` at `x`.

    Parameters
    ----------
    x : number or ndarray, any shape

    Returns
    -------
    dy : ndarray or NumPy number, shape and dtype of `x`

    Notes
    -----
    Forward: ``sigmoid(x) (1 - sigmoid(x))``.

    Examples
    --------
    >>> sigmoid_grad(np.array([0.0, -1000.0])).tolist()
    [0.25, 0.0]
    """
    return _derivative(functional.sigmoid, x)


def relu(x: Any) -> Any:
    """Rectified linear unit.

    Parameters
    ----------
    x : number or ndarray, any shape

    Returns
    -------
    y : ndarray or NumPy number, shape and dtype of `x` (also integers)

    Notes
    -----
    Forward: ``y = max(x, 0)``.

    Examples
    --------
    >>> relu(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    array = np.asarray(x)
    if array.dtype.kind in "iu":  # exact without a detour over floats
        return number(np.asarray(np.maximum(array, 0)))
    return number(functional.relu(as_float(array))[0])


def relu_grad(x: Any) -> Any:
    """Derivative of `relu` at `x`.

    Parameters
    ----------
    x : number or ndarray, any shape

    Returns
    -------
    dy : ndarray or NumPy number, shape and dtype of `x`

    Notes
    -----
    Forward: ``1 where x > 0, else 0``. At the kink 0 it is 0, as in PyTorch and as in the book's own Relu
    layer; the book's function says 1 there.

    Examples
    --------
    >>> relu_grad(np.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return _derivative(functional.relu, x)


def softmax(x: Any) -> Any:
    """Softmax along the last axis.

    Parameters
    ----------
    x : ndarray, shape (*, C)

    Returns
    -------
    y : ndarray, shape and dtype of `x`

    Notes
    -----
    Forward: ``y_i = exp(x_i) / sum_j exp(x_j)``, without overflow.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    return number(functional.softmax(as_float(x), dim=-1)[0])


def sum_squared_error(y: Any, t: Any) -> Any:
    """Half the sum of the squared differences.

    Parameters
    ----------
    y, t : ndarray, shapes that broadcast

    Returns
    -------
    loss : NumPy number

    Notes
    -----
    Forward: ``1/2 sum_k (y_k - t_k)^2``. The first edition calls it `mean_squared_error`.

    Examples
    --------
    >>> float(sum_squared_error(np.array([0.0, 1.0]), np.array([0.0, 0.0])))
    0.5
    """
    outputs, targets = same_dtype(*np.broadcast_arrays(as_float(y), as_float(t)))
    error = (outputs - targets).reshape(-1)
    return error.dtype.type(0.5) * np.dot(error, error)


mean_squared_error = sum_squared_error


def cross_entropy_error(y: Any, t: Any) -> Any:
    """Mean of ``-log y`` of the right classes.

    Parameters
    ----------
    y : ndarray, shape (C,) or (N, C)
        Probabilities.
    t : ndarray
        Labels (N,) or one-hot rows of the shape of `y`; of one sample a label or a one-hot vector (C,).

    Returns
    -------
    loss : NumPy number of the dtype of `y`

    Raises
    ------
    TypeError
        Labels are not integers.
    ValueError
        `t` does not fit `y`, or a label is out of range.

    Notes
    -----
    Forward: ``-1/N sum_n sum_k t_nk log y_nk``. The book adds 1e-7 to each `y`; here only a `y` of 0 is
    replaced, by the smallest normal number of the dtype, so that the loss stays finite (708.4 in float64).
    For a network's loss use `softmax_loss`, which loses no digits.

    Examples
    --------
    >>> float(cross_entropy_error(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 0])))
    0.0
    """
    probabilities = as_float(y)
    if probabilities.ndim == 1:
        probabilities, t = probabilities[None], np.asarray(t).reshape(1, -1)
    _check_rows("cross_entropy_error", "y", probabilities)
    N, C = probabilities.shape
    target = as_target("cross_entropy_error", t, C, N)
    logarithms = np.log(np.maximum(probabilities, np.finfo(probabilities.dtype).tiny))
    if target.ndim == 1:
        return functional.nll_loss(logarithms, target)[0]
    return -np.sum(target.astype(logarithms.dtype) * logarithms) / logarithms.dtype.type(N)


def softmax_loss(X: Any, t: Any) -> Any:
    """Cross entropy of `softmax(X)`, taken from the scores themselves.

    Parameters
    ----------
    X : ndarray, shape (C,) or (N, C)
        Scores.
    t : ndarray
        As for `cross_entropy_error`.

    Returns
    -------
    loss : NumPy number of the dtype of `X`

    Raises
    ------
    TypeError, ValueError
        As for `cross_entropy_error`.

    Notes
    -----
    Forward: ``-1/N sum_n sum_k t_nk log softmax(X)_nk``.

    Examples
    --------
    >>> float(softmax_loss(np.array([[0.0, 1000.0]]), np.array([0])))
    1000.0
    """
    scores = as_float(X)
    if scores.ndim == 1:
        scores, t = scores[None], np.asarray(t).reshape(1, -1)
    return softmax_cross_entropy("softmax_loss", scores, t)[0]


def softmax_cross_entropy(function: str, scores: Array, t: Any) -> tuple[Any, Pullback]:
    """Return the core's cross entropy for the book's three forms of `t`, with its pullback."""
    _check_rows(function, "x", scores)
    N, C = scores.shape
    target = as_target(function, t, C, N)
    if target.ndim == 2 and target.dtype != scores.dtype:
        target = target.astype(scores.dtype)
    return functional.cross_entropy(scores, target)


def _check_rows(function: str, name: str, x: Array) -> None:
    if x.ndim != 2 or x.size == 0:
        raise refuse(function, f"{name} must be (N, C) with at least one sample and one class", **{name: x})


def _derivative(function: Callable[[Array], tuple[Array, Pullback]], x: Any) -> Any:
    y, pullback = function(as_float(x))
    (dx,) = pullback(np.ones_like(y))
    return None if dx is None else number(dx)
