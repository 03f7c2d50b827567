"""Sigmoid, SiLU, GELU and softplus in fewer calls: the results of the plain bodies, which each names.

What is faster: the first call of a pass makes the array that the others write to; large arrays are taken in
blocks (`_elementwise.by_blocks`); the slopes of SiLU and softplus are had from what forward needed, without
another exponential; and in float32 erf is a hyperbolic tangent. A pass takes arrays of one dimension, of
float32 or float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ._buffers import level
from ._constants import ONE, constant
from ._elementwise import by_blocks

if TYPE_CHECKING:
    from .._types import Array, Pullback

_MINUS_HALF = constant(-0.5 / math.log(2))  # for a power of 2
_DENSITY = constant(1 / math.sqrt(2 * math.pi))
_NEGLIGIBLE = {"f": 17.5, "d": 37.5}
"""From here on ``log1p(exp(-x))`` is less than half a unit in the last place of 1, let alone of x."""
_FAR = constant(40.0)
"""Here softplus is x, to the last bit of float64, and an exponential far from overflow."""

# erf(x / sqrt(2)) = tanh(x R(x^2)), R rational of degree 3 in x^2, since the inverse tangent of erf is odd
# and nearly a straight line. Our own fit, in 80 digits, to |x| < 5.6, where erf is 1 to the last bit of
# float32; the relative error is 3.3e-9, a twentieth of a unit in the last place. (Float64 would need a degree
# beyond 12: complex zeros of 1 - erf are near.) Its inverse as a continued fraction,
# 1 / R(x^2) = c + n0 / (x^2 + s0 + n1 / (x^2 + s1 + n2 / (x^2 + s2))), takes three calls less than two
# polynomials, and infinity as it comes; c and n0 are times -log(2) / 2, for exp(-2 x R) as a power of 2.
_HALF_LOG_2 = math.log(2) / 2
_LEVEL = constant(-_HALF_LOG_2 * 0.210953735309287)
_NUMERATORS = (
    constant(-_HALF_LOG_2 * 22.500245686864584), constant(-21.93660581622162), constant(1096.5434657890116),
)  # fmt: skip
_SHIFTS = constant(25.864817045453034), constant(-24.156270205977652), constant(37.446552865031705)


def takes_dtype(x: Array) -> bool:
    """Return whether the bodies here and in `_activation_bends_fast` can take a call that has no options."""
    return x.dtype.char in "fd"


def takes_softplus(x: Array, beta: float, threshold: float) -> bool:
    """Return whether `softplus_by_blocks` can take a call: the threshold must make no difference."""
    return beta == 1 and threshold >= _NEGLIGIBLE.get(x.dtype.char, math.inf)


def sigmoid_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation._sigmoid_plain` does."""
    return by_blocks("sigmoid", x, _sigmoid, _sigmoid_backward)


def _sigmoid(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    one = ONE[x.dtype.char]
    y = np.negative(x, y)
    np.exp(y, y)  # infinity is right: y becomes 0
    np.add(y, one, y)
    return np.divide(one, y, y), None


def _sigmoid_backward(dy: Array, _: Array, y: Array, __: None, dx: Array | None = None) -> Array:
    dx = np.subtract(ONE[y.dtype.char], y, dx)
    np.multiply(dx, dy, dx)
    return np.multiply(dx, y, dx)


def silu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._silu_plain` does."""
    return by_blocks("silu", x, _silu, _silu_backward, keeps=True)


def _silu(x: Array, y: Array | None = None, inverse: Array | None = None) -> tuple[Array, Array]:
    inverse = np.negative(x, inverse)
    np.exp(inverse, inverse)  # infinity is right: y becomes 0
    np.add(inverse, ONE[x.dtype.char], inverse)
    return np.divide(x, inverse, y), inverse


def _silu_backward(dy: Array, x: Array, y: Array, inverse: Array, dx: Array | None = None) -> Array:
    dx = np.subtract(x, y, dx)  # s (1 + x (1 - s)) = s (1 + x - y)
    np.add(dx, ONE[y.dtype.char], dx)
    np.divide(dx, inverse, dx)
    return np.multiply(dx, dy, dx)


def softplus_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._softplus_plain` does for ``beta = 1`` and a threshold without effect."""
    return by_blocks("softplus", x, _softplus, _softplus_backward, keeps=True)


def _softplus(x: Array, y: Array | None = None, power: Array | None = None) -> tuple[Array, Array]:
    power = np.minimum(x, level(_FAR, x), out=power)  # log(1 + exp(x)) up to there
    np.exp(power, power)
    y = np.log1p(power, y)
    return np.maximum(y, x, out=y), power  # what was cut off; elsewhere it is above x


def _softplus_backward(dy: Array, _: Array, __: Array, power: Array, dx: Array | None = None) -> Array:
    dx = np.add(power, ONE[power.dtype.char], dx)
    np.divide(power, dx, dx)
    return np.multiply(dx, dy, dx)


def gelu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._gelu_plain` does, in float32."""
    return by_blocks("gelu", x, _gelu, _gelu_backward, keeps=True)


def _gelu(x: Array, y: Array | None = None, share: Array | None = None) -> tuple[Array, Array]:
    char = x.dtype.char
    square, one = np.multiply(x, x, y), ONE[char]
    share = np.add(square, _SHIFTS[2][char], share)
    for numerator, shift in ((_NUMERATORS[2], _SHIFTS[1]), (_NUMERATORS[1], _SHIFTS[0])):
        np.divide(numerator[char], share, share)
        np.add(share, square, share)
        np.add(share, shift[char], share)
    np.divide(_NUMERATORS[0][char], share, share)
    np.add(share, _LEVEL[char], share)
    np.divide(x, share, share)
    # (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which loses nothing where u is negative
    np.exp2(share, share)
    np.add(share, one, share)
    np.divide(one, share, share)
    return np.multiply(x, share, square), share


def _gelu_backward(dy: Array, x: Array, _: Array, share: Array, dx: Array | None = None) -> Array:
    char = x.dtype.char
    dx = np.multiply(x, x, dx)
    np.multiply(dx, _MINUS_HALF[char], dx)
    np.exp2(dx, dx)
    np.multiply(dx, _DENSITY[char], dx)
    np.multiply(dx, x, dx)
    np.add(dx, share, dx)
    return np.multiply(dx, dy, dx)
