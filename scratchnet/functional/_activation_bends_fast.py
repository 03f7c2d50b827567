"""ReLU and its like, hardswish, ELU and SELU in fewer calls: what the plain bodies do, which each names.

What is faster: the larger or smaller of two is taken with an array (with a single number NumPy takes three
times as long), nothing is chosen between two arrays, and backward's masks are had from the value. The first
call of a pass makes the array that the others write to, and large arrays are taken in blocks
(`_elementwise.by_blocks`). A pass takes arrays of one dimension, of float32 or float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_cotangent
from ._bits import keep
from ._buffers import BLOCK_BYTES, blocks, level
from ._constants import ONE, ZERO, constant
from ._elementwise import by_blocks

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback

_MINUS_ONE, _HALF, _THREE, _SIX = constant(-1.0), constant(0.5), constant(3.0), constant(6.0)
# The one pair for which numbers of mean 0 and variance 1 keep both: the fixed point (0, 1) of the equations
# in the appendix of SELU's reference.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934
_RISE, _DEPTH = constant(SELU_SCALE), constant(SELU_SCALE * SELU_ALPHA)
# Without rounding, as alpha is below 2.
_EXCESS = {char: np.asarray(_DEPTH[char] - _RISE[char]) for char in "fd"}
_CLIP = 6000
"""Above it `np.clip`, whose call takes 2 us longer, is faster than a maximum and a minimum with arrays."""
_CLIP_BY_NUMBERS = 2048
"""And above this faster than a maximum with a number."""


def relu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation._relu_plain` does, in float32 and float64."""
    shape, dtype, zero = x.shape, x.dtype, ZERO[x.dtype.char]
    flat = x if x.ndim == 1 else x.reshape(-1)
    open_: Array | None = None
    if x.nbytes <= BLOCK_BYTES and dtype.isnative:
        y = np.maximum(flat, level(ZERO, flat))
        y = y if flat is x else y.reshape(shape)
    else:  # from the value, which by then is no longer in the cache, a mask takes longer than a kept one
        y, open_ = np.empty(shape, dtype), np.empty(shape, np.bool_)
        y_flat, open_flat = y.reshape(-1), open_.reshape(-1)
        for cut in blocks(flat.size, x.nbytes):
            np.maximum(flat[cut], level(ZERO, flat[cut]), out=y_flat[cut])
            np.not_equal(y_flat[cut], zero, open_flat[cut])

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("relu", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        return (keep(dy, np.not_equal(y, zero) if open_ is None else open_),)

    return y, pullback


def takes_slope(x: Array, slope: float) -> bool:
    """Return whether `leaky_relu_by_blocks` can take a call: up to 1, and above 0 in float32, too."""
    return 1e-30 <= slope <= 1 and x.dtype.char in "fd"


def leaky_relu_by_blocks(x: Array, slope: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_piecewise._leaky_relu_plain` does for a slope from 1e-30 to 1."""

    def forward(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
        y = np.multiply(x, slope, y)
        return np.maximum(x, y, out=y), None

    def backward(dy: Array, x: Array, _: Array, __: None, dx: Array | None = None) -> Array:
        rising = np.greater(x, ZERO[x.dtype.char])
        if dx is None:
            dx = rising.astype(x.dtype)
        else:
            np.copyto(dx, rising)
        if x.size > _CLIP_BY_NUMBERS:
            np.clip(dx, slope, ONE[x.dtype.char], out=dx)
        else:
            np.maximum(dx, slope, out=dx)
        return np.multiply(dx, dy, dx)

    return by_blocks("leaky_relu", x, forward, backward, quiet=False, makes=True)


def clipped_by_blocks(function: str, x: Array, low: Array, high: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_piecewise._clipped_plain` does."""

    def forward(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
        if x.size > _CLIP_BY_NUMBERS:
            return np.clip(x, low, high, out=y), None
        y = np.maximum(x, low, out=y)
        return np.minimum(y, high, out=y), None

    def backward(dy: Array, _: Array, y: Array, __: None, dx: Array | None = None) -> Array:
        closed = np.less_equal(y, low)
        np.logical_or(closed, np.greater_equal(y, high), closed)
        return keep(dy, np.logical_not(closed, closed), dx)

    return by_blocks(function, x, forward, backward, quiet=False, makes=True)


def hardswish_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_piecewise._hardswish_plain` does, in float32 and float64."""
    return by_blocks("hardswish", x, _hardswish, _hardswish_backward, makes=True)


def _hardswish(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    char = x.dtype.char
    y = np.add(x, _THREE[char], y)
    if x.size > _CLIP:
        np.clip(y, ZERO[char], _SIX[char], out=y)
    else:
        np.maximum(y, level(ZERO, y), out=y)
        np.minimum(y, level(_SIX, y), out=y)
    np.divide(y, _SIX[char], y)
    return np.multiply(x, y, y), None


def _hardswish_backward(dy: Array, x: Array, _: Array, __: None, dx: Array | None = None) -> Array:
    # With z = x / 3, clipped to -1 and 1, the slope is z + 1/2, less 1/2 where z is 1, more where -1.
    # No quotient of a number between -3 and 3 is rounded to these.
    char = x.dtype.char
    dx = np.divide(x, _THREE[char], dx)
    np.fmin(dx, level(ONE, dx), out=dx)  # NaN becomes 1, since the slope is 1 there
    np.maximum(dx, level(_MINUS_ONE, dx), out=dx)
    step = np.trunc(dx)
    np.multiply(step, _HALF[char], step)
    np.subtract(dx, step, dx)
    np.add(dx, _HALF[char], dx)
    return np.multiply(dx, dy, dx)


def elu_by_blocks(function: str, x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._bent` does with alpha, scale and rate 1, in float32 and float64."""
    return by_blocks(function, x, _elu, _elu_backward)


def _elu(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    y = np.minimum(x, level(ZERO, x), out=y)
    np.expm1(y, y)
    # exp(x) - 1 is above x for negative numbers, and was made 0 for positive ones.
    return np.maximum(x, y, out=y), None


def _elu_backward(dy: Array, x: Array, _: Array, __: None, dx: Array | None = None) -> Array:
    dx = np.fmin(x, level(ZERO, x), out=dx)  # NaN becomes 0, as what is positive
    np.exp(dx, dx)
    return np.multiply(dx, dy, dx)


def selu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._bent` does with SELU's numbers, in float32 and float64."""
    return by_blocks("selu", x, _selu, _selu_backward, makes=True)


def _selu(x: Array, y: Array | None = None, _: None = None) -> tuple[Array, None]:
    zero = level(ZERO, x)
    y = np.minimum(x, zero, out=y)
    np.expm1(y, y)
    np.multiply(y, _DEPTH[x.dtype.char], y)
    upper = np.maximum(x, zero)
    np.multiply(upper, _RISE[x.dtype.char], upper)
    return np.add(y, upper, y), None


def _selu_backward(dy: Array, x: Array, _: Array, __: None, dx: Array | None = None) -> Array:
    char = x.dtype.char
    factors = np.less_equal(x, ZERO[char]).astype(x.dtype)  # exp is 1 elsewhere
    np.multiply(factors, _EXCESS[char], factors)
    np.add(factors, _RISE[char], factors)
    dx = _elu_backward(factors, x, factors, None, dx)
    return np.multiply(dx, dy, dx)
