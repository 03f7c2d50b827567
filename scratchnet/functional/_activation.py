"""Activations: the three that are used most, and softmax with its relatives."""

from __future__ import annotations

import warnings

import numpy as np

from .._check import check_cotangent, check_dim, check_float_array
from .._types import Array, Cotangents, Pullback
from ._activation_bends_fast import relu_by_blocks
from ._activation_fast import sigmoid_by_blocks, takes_dtype
from ._constants import ONE, ZERO
from ._softmax_fast import log_softmax_of_rows, softmax_of_rows, takes

_FEW = 512


def relu(x: Array) -> tuple[Array, Pullback]:
    """Rectified linear unit: ``y = max(x, 0)``.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats.

    Notes
    -----
    Forward: ``y = x where x > 0, else 0``.

    Backward: ``dx = dy where x > 0, else 0``. The derivative at the kink ``x = 0`` is taken to be 0, as in
    PyTorch. NaN passes through, forward and backward.

    References
    ----------
    Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (ICML 2010), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = relu(np.array([-1.0, 0.0, 2.0]))
    >>> y.tolist()
    [0.0, 0.0, 2.0]
    >>> pullback(np.array([5.0, 5.0, 5.0]))[0].tolist()
    [0.0, 0.0, 5.0]
    """
    check_float_array("relu", "x", x)
    return relu_by_blocks(x) if x.size > _FEW and takes_dtype(x) else _relu_plain(x)


def _relu_plain(x: Array) -> tuple[Array, Pullback]:
    """Take any float dtype; `relu_by_blocks` must equal it."""
    zero, shape, dtype = ZERO[x.dtype.char], x.shape, x.dtype
    y = np.asarray(np.maximum(x, zero), dtype)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("relu", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = dy.copy()
        dx[np.less_equal(y, zero)] = zero
        return (dx,)

    return y, pullback


def sigmoid(x: Array) -> tuple[Array, Pullback]:
    """Logistic function: ``y = 1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats.

    Notes
    -----
    Forward: ``y = 1 / (1 + exp(-x))``. Where ``exp(-x)`` overflows, `y` is 0, without a warning.

    Backward: ``dx = dy (1 - y) y``.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), equation 3.30 and section 3.10.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = sigmoid(np.array([0.0, -1000.0]))
    >>> y.tolist()
    [0.5, 0.0]
    >>> pullback(np.array([4.0, 1.0]))[0].tolist()
    [1.0, 0.0]
    """
    check_float_array("sigmoid", "x", x)
    return sigmoid_by_blocks(x) if takes_dtype(x) else _sigmoid_plain(x)


def _sigmoid_plain(x: Array) -> tuple[Array, Pullback]:
    """Take any float dtype; `sigmoid_by_blocks` must equal it."""
    one = ONE[x.dtype.char]
    y = np.empty_like(x)
    np.negative(x, out=y)
    with np.errstate(over="ignore"):  # exp(-x) = inf is right: y becomes 0
        np.exp(y, out=y)
    np.add(y, one, out=y)
    np.divide(one, y, out=y)  # in two thirds of the time of `np.reciprocal`

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("sigmoid", dy, x.shape, x.dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty_like(y)
        np.subtract(one, y, out=dx)
        np.multiply(dx, dy, out=dx)
        np.multiply(dx, y, out=dx)
        return (dx,)

    return y, pullback


def tanh(x: Array) -> tuple[Array, Pullback]:
    """Hyperbolic tangent.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats.

    Notes
    -----
    Forward: ``y = tanh(x)``.

    Backward: ``dx = dy (1 - y^2)``.

    References
    ----------
    LeCun et al., "Efficient BackProp" (1998), section 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = tanh(np.array([0.0, 1000.0]))
    >>> y.tolist()
    [0.0, 1.0]
    >>> pullback(np.array([3.0, 3.0]))[0].tolist()
    [3.0, 0.0]
    """
    check_float_array("tanh", "x", x)
    one, shape, dtype = ONE[x.dtype.char], x.shape, x.dtype
    y = np.asarray(np.tanh(x), dtype)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("tanh", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.asarray(np.multiply(y, y), dtype)
        np.subtract(one, dx, dx)
        return (np.multiply(dx, dy, dx),)

    return y, pullback


def softmax(x: Array, dim: int | None = None) -> tuple[Array, Pullback]:
    """Softmax along one dimension: non-negative numbers that add up to 1.

    Parameters
    ----------
    x : ndarray, any shape
        Logits.
    dim : int
        The dimension along which the result adds up to 1. Without it, with a warning, 0 for an `x` of no, one
        or three dimensions and 1 for any other, which is the choice of PyTorch (deprecated there).

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `dim` not an integer.
    ValueError
        `x` has no such dimension.

    Notes
    -----
    Forward: ``y_i = exp(x_i - max x) / sum_j exp(x_j - max x)``: no exponential exceeds 1.

    Backward: ``dx_i = y_i (dy_i - sum_j y_j dy_j)``.

    A line that holds NaN or +inf, or nothing but -inf, becomes NaN.

    References
    ----------
    Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs" (1990), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = softmax(np.array([[1000.0, 1000.0]]), dim=1)
    >>> y.tolist()
    [[0.5, 0.5]]
    >>> pullback(np.array([[1.0, 0.0]]))[0].tolist()
    [[0.25, -0.25]]
    """
    check_float_array("softmax", "x", x)
    axis = _axis("softmax", dim, x.ndim)
    if takes(x, axis):
        return softmax_of_rows(x)
    return _softmax_plain(x, axis)


def _softmax_plain(x: Array, axis: int) -> tuple[Array, Pullback]:
    """Take any axis and any float dtype; `softmax_of_rows` must equal it."""
    y, total = _shifted_exponentials(x, axis)[1:]
    np.divide(y, total, out=y)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("softmax", dy, x.shape, x.dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty_like(y)
        np.multiply(y, dy, out=dx)
        inner = _sum(dx, axis)
        np.subtract(dy, inner, out=dx)
        np.multiply(dx, y, out=dx)
        return (dx,)

    return y, pullback


def log_softmax(x: Array, dim: int | None = None) -> tuple[Array, Pullback]:
    """Logarithm of softmax along one dimension, without the loss of digits of taking the logarithm after it.

    Parameters
    ----------
    x : ndarray, any shape
        Logits.
    dim : int
        The dimension along which ``exp(y)`` adds up to 1. Without it as for `softmax`, with a warning.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `dim` not an integer.
    ValueError
        `x` has no such dimension.

    Notes
    -----
    Forward: ``y_i = x_i - m - log sum_j exp(x_j - m)`` with ``m = max x``.

    Backward: ``dx_i = dy_i - softmax(x)_i sum_j dy_j``.

    A line that holds NaN or +inf, or nothing but -inf, becomes NaN.

    References
    ----------
    Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions"
    (IMA Journal of Numerical Analysis, 2021), section 4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = log_softmax(np.array([0.0, -1000.0]), dim=0)
    >>> y.tolist()
    [0.0, -1000.0]
    >>> pullback(np.array([1.0, 1.0]))[0].tolist()
    [-1.0, 1.0]
    """
    check_float_array("log_softmax", "x", x)
    axis = _axis("log_softmax", dim, x.ndim)
    if takes(x, axis):
        return log_softmax_of_rows(x)
    return _log_softmax_plain(x, axis)


def _log_softmax_plain(x: Array, axis: int) -> tuple[Array, Pullback]:
    """Take any axis and any float dtype; `log_softmax_of_rows` must equal it."""
    y, exponentials, total = _shifted_exponentials(x, axis)
    np.subtract(y, np.log(total), out=y)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("log_softmax", dy, x.shape, x.dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty_like(y)
        np.multiply(exponentials, _sum(dy, axis) / total, out=dx)
        np.subtract(dy, dx, out=dx)
        return (dx,)

    return y, pullback


def softmin(x: Array, dim: int | None = None) -> tuple[Array, Pullback]:
    """Softmax of -x along one dimension: the least element becomes the largest.

    Parameters
    ----------
    x : ndarray, any shape
    dim : int
        The dimension along which the result adds up to 1. Without it as for `softmax`, with a warning.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `dim` not an integer.
    ValueError
        `x` has no such dimension.

    Notes
    -----
    Forward: ``y = softmax(-x)``.

    Backward: ``dx_i = -y_i (dy_i - sum_j y_j dy_j)``: softmax's, with the other sign.

    A line that holds NaN or -inf, or nothing but +inf, becomes NaN.

    References
    ----------
    Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs" (1990), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = softmin(np.array([[0.0, 1000.0]]), dim=1)
    >>> y.tolist()
    [[1.0, 0.0]]
    >>> softmin(np.array([[2.0, 2.0]]), dim=1)[1](np.array([[1.0, 0.0]]))[0].tolist()
    [[-0.25, 0.25]]
    """
    check_float_array("softmin", "x", x)
    shape, dtype = x.shape, x.dtype
    y, pullback_of_softmax = softmax(np.asarray(-x, dtype), _axis("softmin", dim, x.ndim))

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("softmin", dy, shape, dtype)
        (dx,) = pullback_of_softmax(dy, needs_input_grad)
        if dx is not None:
            np.negative(dx, out=dx)
        return (dx,)

    return y, pullback


def _axis(function: str, dim: int | None, ndim: int) -> int:
    """Return `dim` counted from the front; for None PyTorch's old choice, with a warning as there."""
    if dim is not None:
        return check_dim(function, dim, ndim)
    chosen = 0 if ndim in (0, 1, 3) else 1
    warnings.warn(f"{function}: dim should be given; without it, it is {chosen} here", stacklevel=3)
    return chosen


def _shifted_exponentials(x: Array, axis: int) -> tuple[Array, Array, Array]:
    """Return ``x - max x``, its exponentials and their sum along `axis`, each a new array."""
    if x.size == 0:  # it has no maximum, and nothing that the sum could divide
        return np.empty_like(x), np.empty_like(x), np.ones((1,) * x.ndim, x.dtype)
    shifted = np.empty_like(x)
    largest: Array = x if x.ndim == 0 else np.maximum.reduce(x, axis=axis, keepdims=True)  # a line of one
    with np.errstate(over="ignore", invalid="ignore"):  # logits very far apart, or infinite
        np.subtract(x, largest, out=shifted)
    exponentials = np.empty_like(x)
    np.exp(shifted, out=exponentials)
    return shifted, exponentials, _sum(exponentials, axis)


def _sum(x: Array, axis: int) -> Array:
    """Return the sum along `axis`, which is kept with one element."""
    return x if x.ndim == 0 else np.asarray(np.add.reduce(x, axis=axis, keepdims=True))
