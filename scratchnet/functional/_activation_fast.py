"""Sigmoid, SiLU, GELU and softplus in fewer passes: the results of the plain bodies, which each names.

What is faster: arrays too large for the processor's cache are taken in blocks, so that all passes but the
first find a block there; nothing is allocated but the results and what backward needs; softplus's slope is
had from its value, without a choice; and in float32 erf is a hyperbolic tangent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_cotangent
from ._buffers import blocks
from ._constants import ONE, constant

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback

_MANY = 1 << 17
_MINUS_HALF = constant(-0.5 / math.log(2))  # for a power of 2
_DENSITY = constant(1 / math.sqrt(2 * math.pi))
_SIGN: dict[str, tuple[Array, Any]] = {
    "f": (np.array(-(1 << 31), np.int32), np.int32), "d": (np.array(-(1 << 63), np.int64), np.int64)
}  # fmt: skip
_NEGLIGIBLE = {"f": 17.5, "d": 37.5}
"""From here on ``log1p(exp(-x))`` is less than half a unit in the last place of 1, let alone of x."""

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


def takes_softplus(x: Array, beta: float, threshold: float) -> bool:
    """Return whether `softplus_by_blocks` can take a call: the threshold must make no difference.

    And the sign must be where it is looked for.
    """
    return beta == 1 and x.dtype.isnative and threshold >= _NEGLIGIBLE.get(x.dtype.char, math.inf)


def takes_sigmoid(x: Array) -> bool:
    """Return whether `sigmoid_by_blocks` can take a call, and is worth it."""
    return x.size >= _MANY and x.dtype.char in "fd"


def sigmoid_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation._sigmoid_plain` does."""
    shape, dtype, one = x.shape, x.dtype, ONE[x.dtype.char]
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y = np.empty(shape, dtype)
    y_flat = y.reshape(-1)
    with np.errstate(over="ignore"):  # exp(-x) = inf is right: y becomes 0
        for cut in cuts:
            out = y_flat[cut]
            np.negative(flat[cut], out)
            np.exp(out, out)
            np.add(out, one, out)
            np.divide(one, out, out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("sigmoid", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        for cut in cuts:
            out, part = dx_flat[cut], y_flat[cut]
            np.subtract(one, part, out)
            np.multiply(out, dy_flat[cut], out)
            np.multiply(out, part, out)
        return (dx,)

    return y, pullback


def silu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._silu_plain` does."""
    shape, dtype, one = x.shape, x.dtype, ONE[x.dtype.char]
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y, gate = np.empty(shape, dtype), np.empty(flat.size, dtype)
    y_flat = y.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):  # exp(-x) = inf is right; minus infinity times 0
        for cut in cuts:
            part, out = flat[cut], gate[cut]
            np.negative(part, out)
            np.exp(out, out)
            np.add(out, one, out)
            np.divide(one, out, out)
            np.multiply(part, out, y_flat[cut])

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("silu", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments and cotangents
            for cut in cuts:  # s + y (1 - s)
                out, s = dx_flat[cut], gate[cut]
                np.subtract(one, s, out)
                np.multiply(out, y_flat[cut], out)
                np.add(out, s, out)
                np.multiply(out, dy_flat[cut], out)
        return (dx,)

    return y, pullback


def softplus_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._softplus_plain` does for ``beta = 1`` and a threshold without effect."""
    shape, dtype = x.shape, x.dtype
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y = np.empty(shape, dtype)
    y_flat = y.reshape(-1)
    zeros = np.zeros(cuts[0].stop, dtype)  # for max(x, 0): an array is faster than a 0
    scratch = zeros if len(cuts) == 1 else np.empty_like(zeros)
    minus, integer = _SIGN[dtype.char]
    for cut in cuts:
        part, out = flat[cut], y_flat[cut]
        rising = scratch[: out.size]
        np.bitwise_or(part.view(integer), minus, out.view(integer))  # -abs(x)
        np.exp(out, out)
        np.log1p(out, out)
        np.maximum(part, zeros[: out.size], out=rising)
        np.add(out, rising, out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("softplus", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite cotangents
            for cut in cuts:  # 1 / (1 + exp(-x)) = 1 - exp(-y)
                out = dx_flat[cut]
                np.negative(y_flat[cut], out)
                np.expm1(out, out)
                np.negative(out, out)
                np.multiply(out, dy_flat[cut], out)
        return (dx,)

    return y, pullback


def gelu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_gated._gelu_plain` does, in float32."""
    shape, dtype, char = x.shape, x.dtype, x.dtype.char
    one, minus_half, last = ONE[char], _MINUS_HALF[char], _LAST_SQUARE[char]
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y, share = np.empty(shape, dtype), np.empty(flat.size, dtype)
    y_flat = y.reshape(-1)
    scratch = np.empty(cuts[0].stop, dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and huge arguments
        for cut in cuts:
            part, out, top = flat[cut], share[cut], y_flat[cut]
            square = scratch[: part.size]
            np.multiply(part, part, square)
            if not np.maximum.reduce(square, initial=0) <= _HUGE:  # NaN among them, too
                np.minimum(square, last, out=square)
            _horner(square, _BOTTOM, char, out)
            _horner(square, _TOP, char, top)
            np.divide(top, out, out)
            np.multiply(out, part, out)
            # (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which loses nothing where u is negative
            np.exp2(out, out)
            np.add(out, one, out)
            np.divide(one, out, out)
            np.multiply(part, out, top)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("gelu", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments and cotangents
            for cut in cuts:
                part, out = flat[cut], dx_flat[cut]
                np.multiply(part, part, out)
                np.multiply(out, minus_half, out)
                np.exp2(out, out)
                np.multiply(out, _DENSITY[char], out)
                np.multiply(out, part, out)
                np.add(out, share[cut], out)
                np.multiply(out, dy_flat[cut], out)
        return (dx,)

    return y, pullback


def _horner(x: Array, coefficients: tuple[dict[str, Array], ...], char: str, out: Array) -> None:
    """Write the polynomial of degree 3 at `x` to `out`; without its highest coefficient, that is 1."""
    lowest, linear, square, *cubic = coefficients
    if cubic:
        np.multiply(x, cubic[0][char], out)
        np.add(out, square[char], out)
    else:
        np.add(x, square[char], out)
    np.multiply(out, x, out)
    np.add(out, linear[char], out)
    np.multiply(out, x, out)
    np.add(out, lowest[char], out)
