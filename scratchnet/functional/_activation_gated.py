"""Activations that are x times a gate: a smooth step from 0 to 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._check import check_cotangent, check_dim, check_float_array, check_option, refuse
from .._types import Array, Cotangents, Pullback
from ._activation_fast import gelu_by_blocks, silu_by_blocks
from ._constants import ONE, constant
from ._elementwise import sloping
from ._erf import erf

_CUBIC = 0.044715  # of GELU's approximation by tanh
_HALF = constant(0.5)


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
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        share = np.asarray((erf(np.asarray(x * kind(math.sqrt(0.5)))) + one) * half)
        y = np.asarray(x * share)

    def slopes() -> Any:
        density = np.exp(x * x * -half) * kind(1 / math.sqrt(2 * math.pi))
        return share + x * density

    return sloping("gelu", y, slopes)


def _gelu_by_tanh(x: Array) -> tuple[Array, Pullback]:
    one, kind = ONE[x.dtype.char], x.dtype.type
    scale, cubic = kind(math.sqrt(2 / math.pi)), kind(_CUBIC)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and huge arguments
        # (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which loses nothing where u is negative.
        power = np.exp(kind(-2) * scale * (x + cubic * (x * x * x)))
        share = np.asarray(one / (one + power))
        y = np.asarray(x * share)

    def slopes() -> Any:
        # 1 - share, which loses its digits where share is next to 1, is power / (1 + power).
        rest = np.where(power < one, power * share, one - share)
        rise = kind(2) * scale * (one + kind(3 * _CUBIC) * (x * x))
        return share + x * share * rest * rise

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


def _sigmoid(x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))``, a new array; its overflow to infinity is right: 0 comes out."""
    y = np.empty_like(x)
    np.negative(x, out=y)
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    np.add(y, ONE[x.dtype.char], out=y)
    np.reciprocal(y, out=y)
    return y
