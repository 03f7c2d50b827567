"""Activations made of exponentials: units with a smooth bend, and gates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._check import (
    check_cotangent,
    check_dim,
    check_float_array,
    check_number,
    check_option,
    refuse,
)
from .._types import Array, Cotangents, Pullback
from ._activation_fast import gelu_by_blocks, silu_by_blocks, softplus_by_blocks, takes_softplus
from ._bits import keep, keep_mask
from ._constants import ONE, ZERO, constant
from ._elementwise import sloping
from ._erf import erf

# The one pair for which numbers of mean 0 and variance 1 keep both: the fixed point (0, 1) of the reference's
# equations, from its appendix.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934
_CUBIC = 0.044715  # of the reference's approximation by tanh
_HALF = constant(0.5)


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
    return _bent("elu", x, check_number("elu", "alpha", alpha), 1.0, 1.0)


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
    return _bent("selu", x, _SELU_ALPHA, _SELU_SCALE, 1.0)


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
    falling = np.asarray(scaled < ZERO[dtype.char])
    if limit < 0:
        falling &= ~above
    # Above the threshold exp(-abs(beta x)) counts as 0, which makes the slope 1, and y mostly x.
    rest = keep(_decay(scaled), keep_mask(above))
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


def silu(x: Array) -> tuple[Array, Pullback]:
    """Sigmoid linear unit, or swish: x times the logistic function of x.

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
    Forward: ``y = x s`` with ``s = 1 / (1 + exp(-x))``.

    Backward: ``dx = dy s (1 + x (1 - s))``.

    As in PyTorch, minus infinity becomes NaN, and the derivative is NaN at both infinities.

    References
    ----------
    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
    Reinforcement Learning" (Neural Networks 107, 2018), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = silu(np.array([0.0, 1000.0]))
    >>> y.tolist()
    [0.0, 1000.0]
    >>> pullback(np.ones(2))[0].tolist()
    [0.5, 1.0]
    """
    check_float_array("silu", "x", x)
    return silu_by_blocks(x) if x.dtype.char in "fd" else _silu_plain(x)


def _silu_plain(x: Array) -> tuple[Array, Pullback]:
    """Take any float dtype; `silu_by_blocks` must equal it."""
    one = ONE[x.dtype.char]
    gate = _sigmoid(x)
    y = np.empty_like(gate)
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        np.multiply(x, gate, out=y)

    def slopes() -> Array:
        slope = np.empty_like(gate)
        np.subtract(one, gate, out=slope)
        np.multiply(slope, x, out=slope)
        np.add(slope, one, out=slope)
        return np.multiply(slope, gate, out=slope)

    return sloping("silu", y, slopes)


def mish(x: Array) -> tuple[Array, Pullback]:
    """Product of x and ``tanh(softplus(x))``.

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
    Forward: ``y = x w`` with ``w = tanh(log(1 + exp(x)))``. With ``e = exp(x)`` that is
    ``w = n / (n + 2)``, ``n = e (e + 2)``: no logarithm is needed. From x = 40 on, w is 1.

    Backward: ``dx = dy (w + x s (1 - w^2))`` with ``s = 1 / (1 + exp(-x))``.

    As in PyTorch, minus infinity becomes NaN, and the derivative is NaN at both infinities.

    References
    ----------
    Misra, "Mish: A Self Regularized Non-Monotonic Activation Function" (BMVC 2020), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = mish(np.array([0.0, 1000.0]))
    >>> y.tolist()
    [0.0, 1000.0]
    >>> pullback(np.ones(2))[0].round(4).tolist()
    [0.6, 1.0]
    """
    check_float_array("mish", "x", x)
    one, two, kind = ONE[x.dtype.char], x.dtype.type(2), x.dtype.type
    e = np.asarray(np.exp(np.minimum(x, kind(40 if x.dtype.itemsize > 2 else 5))))
    n = np.asarray(e * (e + two))
    gate = np.asarray(n / (n + two))
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        y = np.asarray(x * gate)
    return sloping("mish", y, lambda: gate + x * (e / (e + one)) * (one - gate * gate))


def gelu(x: Array, approximate: str = "none") -> tuple[Array, Pullback]:
    """Gaussian error linear unit: x times the normal distribution function of x.

    Parameters
    ----------
    x : ndarray, any shape
    approximate : {"none", "tanh"}
        "tanh" takes the approximation that many trained networks were trained with.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats.
    ValueError
        `approximate` is neither.

    Notes
    -----
    Forward: ``y = x P(x)`` with ``P(x) = (1 + erf(x / sqrt(2))) / 2``; or, approximately,
    ``P(x) = (1 + tanh(u)) / 2`` with ``u = sqrt(2 / pi) (x + 0.044715 x^3)``.

    Backward: ``dx = dy (P(x) + x exp(-x^2 / 2) / sqrt(2 pi))``; or
    ``dx = dy (P(x) + x (1 - tanh(u)^2) sqrt(2 / pi) (1 + 0.134145 x^2) / 2)``.

    As in PyTorch, minus infinity becomes NaN, and the derivative is NaN at both infinities; the
    approximation's is NaN wherever x^2 overflows.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)" (2016), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = gelu(np.array([0.0, 100.0]))
    >>> y.tolist()
    [0.0, 100.0]
    >>> pullback(np.ones(2))[0].tolist()
    [0.5, 1.0]
    >>> gelu(np.array([1.0, 2.0]), approximate="tanh")[0].round(4).tolist()
    [0.8412, 1.9546]
    """
    check_float_array("gelu", "x", x)
    check_option("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        return _gelu_by_tanh(x)
    return gelu_by_blocks(x) if x.dtype.char == "f" else _gelu_plain(x)


def _gelu_plain(x: Array) -> tuple[Array, Pullback]:
    """Take the exact form in any float dtype; `gelu_by_blocks` must equal it."""
    one, half, kind = ONE[x.dtype.char], _HALF[x.dtype.char], x.dtype.type
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and huge arguments
        share = np.asarray((erf(np.asarray(x * kind(math.sqrt(0.5)))) + one) * half)
        y = np.asarray(x * share)

    def slopes() -> Any:
        density = np.exp(x * x * -half) * kind(1 / math.sqrt(2 * math.pi))
        return share + x * density

    return sloping("gelu", y, slopes)


def _gelu_by_tanh(x: Array) -> tuple[Array, Pullback]:
    one, half, kind = ONE[x.dtype.char], _HALF[x.dtype.char], x.dtype.type
    scale, cubic = kind(math.sqrt(2 / math.pi)), kind(_CUBIC)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and huge arguments
        bend = np.asarray(np.tanh(scale * (x + cubic * (x * x * x))))
        y = np.asarray(half * x * (one + bend))

    def slopes() -> Any:
        rise = scale * (one + kind(3 * _CUBIC) * (x * x))
        return half * (one + bend) + half * x * (one - bend * bend) * rise

    return sloping("gelu", y, slopes)


def glu(x: Array, dim: int = -1) -> tuple[Array, Pullback]:
    """Gated linear unit: the first half of a dimension times the logistic function of the second.

    Parameters
    ----------
    x : ndarray, shape (*, 2 D, *)
    dim : int, default -1
        The dimension that is halved.

    Returns
    -------
    y : ndarray, shape (*, D, *), dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `dim` not an integer.
    ValueError
        `x` has no such dimension, or an odd number of elements along it.

    Notes
    -----
    Forward: ``y = a s`` with ``s = 1 / (1 + exp(-b))``, where a and b are the halves of `x`.

    Backward: ``da = dy s``, ``db = dy a s (1 - s)``.

    References
    ----------
    Dauphin, Fan, Auli and Grangier, "Language Modeling with Gated Convolutional Networks" (ICML 2017),
    equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = glu(np.array([[3.0, 8.0, 0.0, 1000.0]]))
    >>> y.tolist()
    [[1.5, 8.0]]
    >>> pullback(np.ones((1, 2)))[0].tolist()
    [[0.5, 1.0, 0.75, 0.0]]
    """
    check_float_array("glu", "x", x)
    axis = check_dim("glu", dim, x.ndim)
    if x.ndim == 0 or x.shape[axis] % 2:
        raise refuse("glu", "x must have an even number of elements along dim", x=x, dim=dim)
    half = x.shape[axis] // 2
    before = (slice(None),) * axis
    first, second = (*before, slice(0, half)), (*before, slice(half, None))
    value, gate = x[first], _sigmoid(x[second])
    with np.errstate(invalid="ignore"):  # an infinity times 0
        y = np.asarray(value * gate)
    shape, dtype, one = y.shape, y.dtype, ONE[x.dtype.char]

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("glu", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(x.shape, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments and cotangents
            np.multiply(dy, gate, out=dx[first])
            np.multiply(dy * value, (one - gate) * gate, out=dx[second])
        return (dx,)

    return y, pullback


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
    """Return ``scale x`` where x > 0, else ``scale alpha (exp(rate x) - 1)``, and its pullback."""
    zero, kind = ZERO[x.dtype.char], x.dtype.type
    below = np.asarray(x <= zero)
    with np.errstate(over="ignore", invalid="ignore"):  # for a negative rate or an infinite x
        exponents = np.asarray(np.minimum(x, zero) * kind(rate))
        y = np.asarray(np.expm1(exponents))
        np.multiply(y, kind(scale * alpha), out=y)
        np.add(y, np.maximum(x, zero) * kind(scale), out=y)

    def slopes() -> Array:
        return np.where(below, np.exp(exponents) * kind(scale * alpha * rate), kind(scale))

    return sloping(function, y, slopes)


def _sigmoid(x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))``, a new array; its overflow to infinity is right: 0 comes out."""
    y = np.empty_like(x)
    np.negative(x, out=y)
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    np.add(y, ONE[x.dtype.char], out=y)
    np.reciprocal(y, out=y)
    return y


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
