"""Sigmoid, SiLU, GELU and softplus in fewer calls: the results of the plain bodies, which each names.

What is faster: the first call of a pass makes the array that the others write to; large arrays are taken in
blocks (`_elementwise.by_blocks`); softplus's slope is had from its value, without a choice; and in float32
erf is a hyperbolic tangent. A pass takes arrays of one dimension, of float32 or float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ._buffers import level
from ._constants import ONE, constant
from ._elementwise import FINITE, by_blocks

if TYPE_CHECKING:
    from .._types import Array, Pullback

_QUIET_EXP = {"f": 7800.0, "d": 500_000.0}
"""Squares that add up to less are of numbers whose exponentials are finite."""
_QUIET_GELU = 190.0
_FEW = 8192
"""Up to here a second array takes less time than silencing warnings does."""
_MINUS_HALF = constant(-0.5 / math.log(2))  # for a power of 2
_DENSITY = constant(1 / math.sqrt(2 * math.pi))
_NEGLIGIBLE = {"f": 17.5, "d": 37.5}
"""From here on ``log1p(exp(-x))`` is less than half a unit in the last place of 1, let alone of x."""
_FAR = constant(40.0)
"""Here the sigmoid is 1 and softplus x, to the last bit of float64, and an exponential far from overflow."""

# erf(x / sqrt(2)) = tanh(x P(x^2) / Q(x^2)): rational, of degree 3 in x^2, since the inverse tangent of erf
# is odd and nearly a straight line. Our own fit, in 80 digits, to |x| < 5.6, where erf is 1 to the last bit
# of float32; the relative error is 3.3e-9, a twentieth of a unit in the last place. (Float64 would need a
# degree beyond 12: complex zeros of 1 - erf are near.) Lowest power first; P is times -2 / log(2),
# for a power of 2: that takes half the time of exp. Both are divided by Q's highest, which then is 1 and
# no multiplication.
_CUBIC_BELOW = 0.00032494103246851635
_TOP = tuple(
    constant(-2 * c / _CUBIC_BELOW * 0.5 ** (k - 3) * math.sqrt(0.5) / math.log(2))
    for k, c in enumerate((1.128379170810102, 0.2798058280273793, 0.04264721471326716, 0.0021783734448444325))
)
_BOTTOM = tuple(
    constant(c / _CUBIC_BELOW * 0.5 ** (k - 3))
    for k, c in enumerate((1.0, 0.15689169024820382, 0.02369059312474101))
)
_LAST_SQUARE = constant(40.0)
_HUGE = 1e12
"""Squares up to here do not overflow in the polynomials, whose quotient has long been past the last bit."""


def takes_dtype(x: Array) -> bool:
    """Return whether the bodies here and in `_activation_bends_fast` can take a call that has no options."""
    return x.dtype.char in "fd"


def takes_softplus(x: Array, beta: float, threshold: float) -> bool:
    """Return whether `softplus_by_blocks` can take a call: the threshold must make no difference."""
    return beta == 1 and threshold >= _NEGLIGIBLE.get(x.dtype.char, math.inf)


def sigmoid_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation._sigmoid_plain` does."""
    if x.size > _FEW or not x.dtype.isnative:
        return by_blocks("sigmoid", x, _sigmoid, _sigmoid_backward, (0.0, None))
    return by_blocks("sigmoid", x, _sigmoid_of_few, _sigmoid_backward)


def _sigmoid(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    one = ONE[x.dtype.char]
    y = np.negative(x, y)
    np.exp(y, y)  # infinity is right: y becomes 0
    np.add(y, one, y)
    return np.divide(one, y, y), None


def _sigmoid_of_few(x: Array) -> tuple[Array, None]:
    y = np.minimum(x, level(_FAR, x))
    np.exp(y, y)  # exp(x) / (1 + exp(x)), with nothing to silence
    return np.divide(y, np.add(y, ONE[x.dtype.char]), y), None


def _sigmoid_backward(dy: Array, _: Array, y: Array, __: None, dx: Array | None = None) -> Array:
    dx = np.subtract(ONE[y.dtype.char], y, dx)
    np.multiply(dx, dy, dx)
    return np.multiply(dx, y, dx)


def silu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._silu_plain` does."""
    quiet = _QUIET_EXP[x.dtype.char], FINITE
    return by_blocks("silu", x, _silu, _silu_backward, quiet, keeps=True, of_few=_silu_of_few)


def _silu(x: Array, y: Array | None = None, gate: Array | None = None) -> tuple[Array, Array]:
    gate = _sigmoid(x, gate)[0]
    return np.multiply(x, gate, y), gate


def _silu_of_few(x: Array) -> tuple[Array, Array]:
    gate = np.exp(x)  # finite: exp(x) / (1 + exp(x))
    np.divide(gate, np.add(gate, ONE[x.dtype.char]), gate)
    return np.multiply(x, gate), gate


def _silu_backward(dy: Array, _: Array, y: Array, gate: Array, dx: Array | None = None) -> Array:
    dx = np.subtract(ONE[y.dtype.char], gate, dx)  # s + y (1 - s)
    np.multiply(dx, y, dx)
    np.add(dx, gate, dx)
    return np.multiply(dx, dy, dx)


def softplus_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._softplus_plain` does for ``beta = 1`` and a threshold without effect."""
    return by_blocks("softplus", x, _softplus, _softplus_backward, (None, FINITE))


def _softplus(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    y = np.minimum(x, level(_FAR, x), out=y)  # log(1 + exp(x)) up to there
    np.exp(y, y)
    np.log1p(y, y)
    return np.maximum(y, x, out=y), None  # what was cut off; elsewhere it is above x


def _softplus_backward(dy: Array, _: Array, y: Array, __: None, dx: Array | None = None) -> Array:
    dx = np.negative(y, dx)  # 1 / (1 + exp(-x)) = 1 - exp(-y)
    np.expm1(dx, dx)
    np.negative(dx, dx)
    return np.multiply(dx, dy, dx)


def gelu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._gelu_plain` does, in float32."""
    return by_blocks("gelu", x, _gelu, _gelu_backward, (_QUIET_GELU, FINITE), keeps=True)


def _gelu(x: Array, y: Array | None = None, share: Array | None = None) -> tuple[Array, Array]:
    one = ONE[x.dtype.char]
    square = np.multiply(x, x)
    if not x.dot(x) <= _HUGE:  # NaN among them, too
        np.minimum(square, _LAST_SQUARE[x.dtype.char], out=square)
    share = _horner(square, _BOTTOM, share)
    y = _horner(square, _TOP, y)
    np.divide(y, share, share)
    np.multiply(share, x, share)
    # (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which loses nothing where u is negative
    np.exp2(share, share)
    np.add(share, one, share)
    np.divide(one, share, share)
    return np.multiply(x, share, y), share


def _gelu_backward(dy: Array, x: Array, _: Array, share: Array, dx: Array | None = None) -> Array:
    char = x.dtype.char
    dx = np.multiply(x, x, dx)
    np.multiply(dx, _MINUS_HALF[char], dx)
    np.exp2(dx, dx)
    np.multiply(dx, _DENSITY[char], dx)
    np.multiply(dx, x, dx)
    np.add(dx, share, dx)
    return np.multiply(dx, dy, dx)


def _horner(x: Array, coefficients: tuple[dict[str, Array], ...], y: Array | None) -> Array:
    """Return the polynomial of degree 3 at `x`; without its highest coefficient, that is 1."""
    char = x.dtype.char
    lowest, linear, square, *cubic = coefficients
    if cubic:
        y = np.multiply(x, cubic[0][char], y)
        np.add(y, square[char], y)
    else:
        y = np.add(x, square[char], y)
    np.multiply(y, x, y)
    np.add(y, linear[char], y)
    np.multiply(y, x, y)
    return np.add(y, lowest[char], y)
