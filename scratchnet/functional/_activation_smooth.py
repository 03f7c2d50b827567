"""Activations with a smooth bend, made of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import check_float_array, check_number, refuse
from .._types import Array, Pullback
from ._activation_bends_fast import SELU_ALPHA, SELU_SCALE, elu_by_blocks, selu_by_blocks
from ._activation_fast import softplus_by_blocks, takes_dtype, takes_softplus
from ._bits import either, keep
from ._constants import ONE, ZERO
from ._elementwise import sloping


def elu(x: Array, alpha: float = 1.0) -> tuple[Array, Pullback]:
    """Exponential linear unit: x where it is positive, and a bend that ends at ``-alpha``.

    Parameters
    ----------
    x : ndarray, any shape
    alpha : float, default 1
        How far down it goes.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `alpha` not a number.
    ValueError
        `alpha` is NaN.

    Notes
    -----
    Forward: ``y = x where x > 0, else alpha (exp(x) - 1)``.

    Backward: ``dx = dy where x > 0, else dy alpha exp(x)``. At ``x = 0`` the derivative is taken to be
    `alpha`, as in PyTorch (a kink unless that is 1). Where x is NaN it is 1 (PyTorch's is 1 or NaN, by the
    element's place in memory).

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units"
    (ICLR 2016), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = elu(np.array([-np.inf, 0.0, 2.0]))
    >>> y.tolist()
    [-1.0, 0.0, 2.0]
    >>> pullback(np.ones(3))[0].tolist()
    [0.0, 1.0, 1.0]
    """
    check_float_array("elu", "x", x)
    number = check_number("elu", "alpha", alpha)
    if number == 1 and takes_dtype(x):
        return elu_by_blocks("elu", x)
    return _bent("elu", x, number, 1.0, 1.0)


def celu(x: Array, alpha: float = 1.0) -> tuple[Array, Pullback]:
    """Exponential linear unit whose derivative is continuous for every `alpha`.

    Parameters
    ----------
    x : ndarray, any shape
    alpha : float, not 0, default 1
        How far down it goes, and how slowly.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `alpha` not a number.
    ValueError
        `alpha` is 0 or NaN.

    Notes
    -----
    Forward: ``y = x where x > 0, else alpha (exp(x / alpha) - 1)``.

    Backward: ``dx = dy where x > 0, else dy exp(x / alpha)``. Where x is NaN the derivative is taken to be 1
    (PyTorch's is 1 or NaN, by the element's place in memory).

    References
    ----------
    Barron, "Continuously Differentiable Exponential Linear Units" (2017), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = celu(np.array([-np.inf, 0.0, 2.0]), 0.5)
    >>> y.tolist()
    [-0.5, 0.0, 2.0]
    >>> pullback(np.ones(3))[0].tolist()
    [0.0, 1.0, 1.0]
    """
    check_float_array("celu", "x", x)
    number = check_number("celu", "alpha", alpha)
    if number == 0:
        raise refuse("celu", "alpha must not be 0", alpha=alpha)
    if number == 1 and takes_dtype(x):
        return elu_by_blocks("celu", x)
    return _bent("celu", x, number, 1.0, 1 / number)


def selu(x: Array) -> tuple[Array, Pullback]:
    """Exponential linear unit, scaled so that layers of it keep mean 0 and variance 1.

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
    Forward: ``y = scale x where x > 0, else scale alpha (exp(x) - 1)`` with alpha = 1.67326 and
    scale = 1.05070.

    Backward: ``dx = dy scale where x > 0, else dy scale alpha exp(x)``. At the kink ``x = 0`` the derivative
    is taken to be ``scale alpha``, as in PyTorch. Where x is NaN it is `scale` (PyTorch's is that or NaN, by
    the element's place in memory).

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks" (NeurIPS 2017),
    equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = selu(np.array([-np.inf, 0.0, 1.0]))
    >>> y.round(4).tolist()
    [-1.7581, 0.0, 1.0507]
    >>> pullback(np.ones(3))[0].round(4).tolist()
    [0.0, 1.7581, 1.0507]
    """
    check_float_array("selu", "x", x)
    return selu_by_blocks(x) if takes_dtype(x) else _bent("selu", x, SELU_ALPHA, SELU_SCALE, 1.0)


def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> tuple[Array, Pullback]:
    """Smooth form of the rectified linear unit: ``log(1 + exp(beta x)) / beta``.

    Parameters
    ----------
    x : ndarray, any shape
    beta : float, not 0, default 1
        How sharply it bends.
    threshold : float, default 20
        Where ``beta x`` is above it, y is x.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option not a number.
    ValueError
        `beta` is 0, or an option NaN.

    Notes
    -----
    Forward: ``y = x where beta x > threshold, else log(1 + exp(beta x)) / beta``, computed as
    ``(max(beta x, 0) + log1p(exp(-abs(beta x)))) / beta``, so that nothing overflows.

    Backward: ``dx = dy where beta x > threshold, else dy / (1 + exp(-beta x))``.

    At ``beta x = threshold`` value and derivative are the curve's: there is a step of ``exp(-threshold)``.

    References
    ----------
    Dugas, Bengio, Belisle, Nadeau and Garcia, "Incorporating Second-Order Functional Knowledge for Better
    Option Pricing" (NIPS 2000), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = softplus(np.array([-1000.0, 0.0, 1000.0]))
    >>> y.round(4).tolist()
    [0.0, 0.6931, 1000.0]
    >>> pullback(np.ones(3))[0].tolist()
    [0.0, 0.5, 1.0]
    """
    check_float_array("softplus", "x", x)
    number = check_number("softplus", "beta", beta)
    if number == 0:
        raise refuse("softplus", "beta must not be 0", beta=beta)
    limit = check_number("softplus", "threshold", threshold)
    return softplus_by_blocks(x) if takes_softplus(x, number, limit) else _softplus_plain(x, number, limit)


def _softplus_plain(x: Array, beta: float, limit: float) -> tuple[Array, Pullback]:
    """Take any options and any float dtype; `softplus_by_blocks` must equal it."""
    dtype = x.dtype
    rate = dtype.type(beta)
    with np.errstate(over="ignore"):
        scaled = np.asarray(x * rate)
    above = np.asarray(scaled > dtype.type(limit))
    falling = np.asarray(scaled <= dtype.type(min(limit, 0.0)))
    # Above the threshold exp(-abs(beta x)) counts as 0, which makes the slope 1, and y mostly x.
    rest = keep(_decay(scaled), np.asarray(~above))
    y = np.asarray(np.log1p(rest))
    np.add(y, np.maximum(scaled, ZERO[dtype.char]), out=y)
    if rate != 1 or limit < 0:
        np.divide(y, rate, out=y)
        np.copyto(y, x, where=above)
    return sloping("softplus", y, lambda: _logistic(falling, rest))


def logsigmoid(x: Array) -> tuple[Array, Pullback]:
    """Logarithm of the logistic function.

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
    Forward: ``y = log(1 / (1 + exp(-x)))``, computed as ``min(x, 0) - log1p(exp(-abs(x)))``, which neither
    overflows nor loses digits.

    Backward: ``dx = dy / (1 + exp(x))``.

    References
    ----------
    Maechler, "Accurately Computing log(1 - exp(-|a|))" (2012), the part on log(1 + exp(x)).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = logsigmoid(np.array([-1000.0, 0.0, 1000.0]))
    >>> y.round(4).tolist()
    [-1000.0, -0.6931, 0.0]
    >>> pullback(np.ones(3))[0].tolist()
    [1.0, 0.5, 0.0]
    """
    check_float_array("logsigmoid", "x", x)
    rest = _decay(x)
    y = np.asarray(np.log1p(rest))
    np.subtract(np.minimum(x, ZERO[x.dtype.char]), y, out=y)
    return sloping("logsigmoid", y, lambda: _logistic(x > ZERO[x.dtype.char], rest))


def softsign(x: Array) -> tuple[Array, Pullback]:
    """Return ``x / (1 + abs(x))``: a bend that nears -1 and 1 more slowly than tanh.

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
    Forward: ``y = x / (1 + abs(x))``.

    Backward: ``dx = dy / (1 + abs(x))^2``.

    As in PyTorch, both are NaN at the infinities.

    References
    ----------
    Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks" (AISTATS
    2010), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = softsign(np.array([-1.0, 0.0, 3.0]))
    >>> y.tolist()
    [-0.5, 0.0, 0.75]
    >>> pullback(np.ones(3))[0].tolist()
    [0.25, 1.0, 0.0625]
    """
    check_float_array("softsign", "x", x)
    scale = np.asarray(ONE[x.dtype.char] / (np.abs(x) + ONE[x.dtype.char]))
    with np.errstate(invalid="ignore"):  # an infinity times 0
        y = np.asarray(x * scale)
    # The last term is 0, and NaN where y is.
    return sloping("softsign", y, lambda: scale * scale + y * ZERO[x.dtype.char])


def tanhshrink(x: Array) -> tuple[Array, Pullback]:
    """Return ``x - tanh(x)``: small numbers become much smaller.

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
    Forward: ``y = x - tanh(x)``.

    Backward: ``dx = dy tanh(x)^2``.

    References
    ----------
    Collobert, Kavukcuoglu and Farabet, "Torch7: A Matlab-like Environment for Machine Learning" (BigLearn
    2011), whose module it was.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = tanhshrink(np.array([-100.0, 0.0, 100.0]))
    >>> y.tolist()
    [-99.0, 0.0, 99.0]
    >>> pullback(np.ones(3))[0].tolist()
    [1.0, 0.0, 1.0]
    """
    check_float_array("tanhshrink", "x", x)
    bend = np.asarray(np.tanh(x))
    return sloping("tanhshrink", np.asarray(x - bend), lambda: bend * bend)


def _bent(function: str, x: Array, alpha: float, scale: float, rate: float) -> tuple[Array, Pullback]:
    """Return ``scale x`` where x > 0, else ``scale alpha (exp(rate x) - 1)``, and its pullback.

    `elu_by_blocks` and `selu_by_blocks` must equal it for their numbers.
    """
    zero, kind = ZERO[x.dtype.char], x.dtype.type
    below = np.asarray(x <= zero)
    upper = keep(x, np.asarray(~below))
    with np.errstate(over="ignore", invalid="ignore"):  # for a negative rate or an infinite x
        exponents = np.asarray(x * kind(rate))
        y = np.asarray(np.expm1(exponents))
        if scale * alpha != 1:
            np.multiply(y, kind(scale * alpha), out=y)
        y = keep(y, below)
        if scale != 1:
            np.multiply(upper, kind(scale), out=upper)
        np.add(y, upper, out=y)

    def slopes() -> Any:
        bend = np.asarray(np.exp(exponents))
        if scale * alpha * rate != 1:
            np.multiply(bend, kind(scale * alpha * rate), out=bend)
        return either(below, bend, np.asarray(kind(scale)))

    return sloping(function, y, slopes)


def _decay(x: Array) -> Array:
    """Return ``exp(-abs(x))``, a new array."""
    y = np.empty_like(x)
    np.abs(x, out=y)
    np.negative(y, out=y)
    np.exp(y, out=y)
    return y


def _logistic(falling: Any, decay: Array) -> Any:
    """Return ``1 / (1 + exp(-z))`` of where z is negative and ``exp(-abs(z))``."""
    one = ONE[decay.dtype.char]
    return np.where(falling, decay, one) / (decay + one)
