"""ReLU, hardswish, ELU and SELU in fewer passes: the results of the plain bodies, which each names.

What is faster: the larger or smaller of two is taken with an array (with a single number NumPy takes three
times as long), nothing is chosen between two arrays, and no memory is taken but for the results and a block.
Large arrays are taken in blocks, so that those arrays of one number stay short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_cotangent
from ._bits import keep, keep_bits
from ._buffers import BLOCK_BYTES, blocks
from ._constants import ZERO, constant

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback

_MANY = 1 << 17
_HALF, _THREE, _SIX = constant(0.5), constant(3.0), constant(6.0)
_ONE = np.array(1, np.int8)
_LINES: dict[tuple[str, float], Array] = {}


def takes_relu(x: Array) -> bool:
    """Return whether `relu_by_blocks` can take a call, and is worth it."""
    return x.size >= _MANY and x.dtype.char in "fd"


def relu_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation._relu_plain` does, in float32 and float64."""
    shape, dtype = x.shape, x.dtype
    flat = x.reshape(-1)
    y, mask = np.empty(shape, dtype), np.empty(shape, np.int8)
    y_flat, mask_flat = y.reshape(-1), mask.reshape(-1)
    for cut in blocks(flat.size, x.nbytes):
        part, out, open_ = flat[cut], y_flat[cut], mask_flat[cut]
        np.maximum(part, _line(0.0, out), out=out)
        np.less_equal(part, ZERO[dtype.char], open_.view(np.bool_))
        np.subtract(open_, _ONE, open_)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("relu", dy, shape, dtype)
        return (keep(dy, mask) if needs_input_grad[0] else None,)

    return y, pullback


def hardswish_by_blocks(x: Array) -> tuple[Array, Pullback]:
    """Do what `_activation_piecewise._hardswish_plain` does, in float32 and float64."""
    shape, dtype, char = x.shape, x.dtype, x.dtype.char
    three, half = _THREE[char], _HALF[char]
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y = np.empty(shape, dtype)
    y_flat = y.reshape(-1)
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        for cut in cuts:
            part, out = flat[cut], y_flat[cut]
            _between_the_kinks(part, out)
            np.add(out, three, out)
            np.divide(out, _SIX[char], out)
            np.multiply(part, out, out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("hardswish", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        scratch = np.empty(cuts[0].stop, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite cotangents
            for cut in cuts:
                # With z = clip(x / 3, -1, 1) the slope is z + 1/2, less 1/2 where z is 1, more where -1.
                out = dx_flat[cut]
                step = scratch[: out.size]
                _between_the_kinks(flat[cut], out)
                np.divide(out, three, out)
                np.trunc(out, step)
                np.multiply(step, half, step)
                np.subtract(out, step, out)
                np.add(out, half, out)
                np.multiply(out, dy_flat[cut], out)
        return (dx,)

    return y, pullback


def _between_the_kinks(x: Array, out: Array) -> None:
    """Write `x`, but at least -3 and at most 3, to `out`; 3 for NaN, since the slope is 1 there."""
    np.fmin(x, _line(3.0, out), out=out)
    np.maximum(out, _line(-3.0, out), out=out)


def takes_bent(x: Array) -> bool:
    """Return whether `bent_by_blocks` can take a call: it writes numbers by their bits."""
    return x.dtype.char in "fd" and x.dtype.isnative


def bent_by_blocks(function: str, x: Array, alpha: float, scale: float) -> tuple[Array, Pullback]:
    """Do what `_activation_smooth._bent` does with the rate 1, in float32 and float64.

    What the slope is too large by where x is positive, ``scale alpha - scale``, must be had without rounding:
    alpha is from 1/2 to 2.
    """
    shape, dtype = x.shape, x.dtype
    flat = x.reshape(-1)
    cuts = blocks(flat.size, x.nbytes)
    y = np.empty(shape, dtype)
    y_flat = y.reshape(-1)
    rise, depth = np.asarray(scale, dtype), np.asarray(scale * alpha, dtype)
    excess = np.asarray(depth - rise)
    scratch = np.empty(cuts[0].stop, dtype)
    for cut in cuts:
        part, out = flat[cut], y_flat[cut]
        upper, zero = scratch[: out.size], _line(0.0, out)
        np.minimum(part, zero, out=out)
        np.expm1(out, out)
        np.maximum(part, zero, out=upper)
        if depth != 1:
            np.multiply(out, depth, out)
        if rise != 1:
            with np.errstate(over="ignore"):
                np.multiply(upper, rise, upper)
        np.add(out, upper, out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        above, scratch = np.empty(cuts[0].stop, np.int8), np.empty(cuts[0].stop, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite cotangents
            for cut in cuts:
                part, out = flat[cut], dx_flat[cut]
                np.fmin(part, _line(0.0, out), out=out)  # NaN becomes 0, as what is positive
                np.exp(out, out)
                if depth != 1:
                    np.multiply(out, depth, out)
                if excess:
                    mask, over = above[: out.size], scratch[: out.size]
                    np.less_equal(part, ZERO[dtype.char], mask.view(np.bool_))
                    np.subtract(mask, _ONE, mask)
                    keep_bits(excess, mask, over)
                    np.subtract(out, over, out)
                np.multiply(out, dy_flat[cut], out)
        return (dx,)

    return y, pullback


def _line(value: float, like: Array) -> Array:
    """Return a read-only array of `value`, at most a block long, as long as `like` and of its dtype."""
    key = like.dtype.char, value
    line = _LINES.get(key)
    if line is None:
        line = np.full(BLOCK_BYTES // like.itemsize, value, like.dtype)
        line.flags.writeable = False
        _LINES[key] = line
    return line[: like.size]
