"""Softmax, its logarithm and cross entropy along the last axis: the plain bodies' results in fewer passes.

What is faster: sums are products with a vector of ones; matrices too large for the processor's cache are
taken in blocks of rows, so that all passes but the first find a block there; and cross entropy keeps the
exponentials instead of the log-probabilities. All take float32 and float64, and arrays that are not empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_cotangent
from ._buffers import blocks, broadcast_along_rows
from ._quiet import quietly
from ._shapes import ones

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback, Scalar

_FEW = 4096
_LONG = 256
"""Rows of so many elements are multiplied one by one; a call for each of shorter ones takes longer."""
_MODERATE = 6400.0
"""Squares that add up to less are of numbers whose exponentials, and sums of them, keep their digits."""


def takes(x: Array, axis: int) -> bool:
    """Return whether `softmax_of_rows` and `log_softmax_of_rows` can take a call."""
    return axis == x.ndim - 1 and x.dtype.char in "fd" and x.size > 0


def softmax_of_rows(x: Array) -> tuple[Array, Pullback]:
    """Do what the plain body of `softmax` does along the last axis."""
    if x.size <= _FEW and x.dtype.isnative:
        return _softmax_of_few(x)
    shape, dtype = x.shape, x.dtype
    rows = _rows(x)
    cuts = blocks(rows.shape[0], x.nbytes)
    y = np.empty(shape, dtype)
    y_rows, one = _rows(y), ones(shape[-1], dtype)
    # Logits may be very far apart, or infinite.
    with np.errstate(over="ignore", invalid="ignore"), broadcast_along_rows(shape[-1]):
        for cut in cuts:
            out = y_rows[cut]
            sums = _exponentials(rows[cut], out, one)
            np.divide(out, sums[:, None], out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("softmax", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_rows, dy_rows = _rows(dx), _rows(dy)
        with broadcast_along_rows(shape[-1]):
            for cut in cuts:
                out, part = dx_rows[cut], y_rows[cut]
                np.subtract(dy_rows[cut], _inner(part, dy_rows[cut], out, one), out)
                np.multiply(out, part, out)
        return (dx,)

    return y, pullback


def _softmax_of_few(x: Array) -> tuple[Array, Pullback]:
    """Do what `softmax_of_rows` does, in fewer calls."""
    shape, dtype = x.shape, x.dtype
    rows, column = _rows(x), ones(shape[-1], dtype)[:, None]
    if 4 * rows.size < _MODERATE and np.vdot(rows, rows) < _MODERATE:  # it does not warn of overflow itself
        y = np.exp(rows)
        np.divide(y, y.dot(column), y)
    else:
        y = np.empty(rows.shape, dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            np.divide(y, _exponentials(rows, y, column[:, 0])[:, None], y)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("softmax", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dy = _rows(dy)
        dx = np.multiply(y, dy)
        np.subtract(dy, dx.dot(column), dx)
        np.multiply(dx, y, dx)
        return (dx.reshape(shape),)

    return y.reshape(shape), pullback


def log_softmax_of_rows(x: Array) -> tuple[Array, Pullback]:
    """Do what the plain body of `log_softmax` does along the last axis."""
    if x.size <= _FEW and x.dtype.isnative:
        return _log_softmax_of_few(x)
    shape, dtype = x.shape, x.dtype
    rows = _rows(x)
    cuts = blocks(rows.shape[0], x.nbytes)
    y, exponentials = np.empty(shape, dtype), np.empty(rows.shape, dtype)
    y_rows, one = _rows(y), ones(shape[-1], dtype)
    sums = np.empty(rows.shape[0], dtype)
    with np.errstate(over="ignore", invalid="ignore"), broadcast_along_rows(shape[-1]):
        for cut in cuts:
            out = y_rows[cut]
            _shift(rows[cut], out)
            np.exp(out, exponentials[cut])
            sums[cut] = exponentials[cut].dot(one)
            np.subtract(out, np.log(sums[cut])[:, None], out)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("log_softmax", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_rows, dy_rows = _rows(dx), _rows(dy)
        with broadcast_along_rows(shape[-1]):
            for cut in cuts:
                out = dx_rows[cut]
                factors = dy_rows[cut].dot(one)
                factors /= sums[cut]
                np.multiply(exponentials[cut], factors[:, None], out)
                np.subtract(dy_rows[cut], out, out)
        return (dx,)

    return y, pullback


def _log_softmax_of_few(x: Array) -> tuple[Array, Pullback]:
    """Do what `log_softmax_of_rows` does, in fewer calls."""
    shape, dtype = x.shape, x.dtype
    rows, column = _rows(x), ones(shape[-1], dtype)[:, None]
    y = np.empty(rows.shape, dtype)
    quietly(_shift, rows, y)  # logits very far apart, or infinite
    exponentials = np.exp(y)
    sums = exponentials.dot(column)
    np.subtract(y, np.log(sums), y)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("log_softmax", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dy = _rows(dy)
        factors = dy.dot(column)
        np.divide(factors, sums, factors)
        dx = np.multiply(exponentials, factors)
        np.subtract(dy, dx, dx)
        return (dx.reshape(shape),)

    return y.reshape(shape), pullback


def cross_entropy_of_rows(x: Array, target: Array, reduction: str) -> tuple[Array | Scalar, Pullback]:
    """Do what the plain body of `cross_entropy` does for a matrix of logits, class indices and no options.

    The indices are known to be valid. Where `log_softmax` and `nll_loss` in reverse make and read a matrix
    each, the backward pass is one product, and a subtraction at each sample's own class.
    """
    n, n_classes = x.shape
    dtype = x.dtype
    exponentials = np.empty((n, n_classes), dtype)
    spots = np.arange(0, n * n_classes, n_classes)
    spots += target.astype(np.intp, copy=False)
    losses, sums = quietly(_losses_of_few if x.size <= _FEW else _losses_of_many, x, spots, exponentials)
    divisor = dtype.type(n)
    y = losses if reduction == "none" else ones(n, dtype).dot(losses)
    if reduction == "mean":
        y /= divisor
    shape = y.shape

    def pullback(
        dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)
    ) -> Cotangents:
        dlosses = check_cotangent("cross_entropy", dy, shape, dtype)
        if not needs_input_grad[0]:
            return None, None, None
        if reduction == "mean":
            dlosses = np.asarray(dlosses / divisor)
        dx = np.empty((n, n_classes), dtype)
        with broadcast_along_rows(n_classes):
            np.multiply(exponentials, (dlosses / sums)[:, None], dx)
        dx.reshape(-1)[spots] -= dlosses
        return dx, None, None

    return y, pullback


def _losses_of_few(x: Array, spots: Array, exponentials: Array) -> tuple[Array, Array]:
    """Write each row's exponentials, less its maximum; return ``log sum exp(x) - x[own]`` and their sums."""
    _shift(x, exponentials)
    own = exponentials.reshape(-1)[spots]
    np.exp(exponentials, exponentials)
    sums: Array = exponentials.dot(ones(x.shape[1], x.dtype))
    losses = np.log(sums)
    losses -= own
    return losses, sums


def _losses_of_many(x: Array, spots: Array, exponentials: Array) -> tuple[Array, Array]:
    """Do what `_losses_of_few` does, with two passes less.

    The loss is ``log(sum / own exponential)``: a sum is never less than one of its terms, so a sample that is
    right beyond doubt has the loss 0 here as well. Where the own exponential is next to nothing
    beside the sum, and may have lost its digits, the rows are done by themselves. Elsewhere it has them: no
    sum is below 1/64, as `_exponentials` sees to.
    """
    n, n_classes = x.shape
    sums, one = np.empty(n, x.dtype), ones(n_classes, x.dtype)
    with broadcast_along_rows(n_classes):
        for cut in blocks(n, x.nbytes):
            sums[cut] = _exponentials(x[cut], exponentials[cut], one)
    own = exponentials.reshape(-1)[spots]
    ratios = sums / own
    losses = np.log(ratios)
    far = ~(ratios <= 1e30)
    if far.any():
        (places,) = np.nonzero(far)
        rows = x[places]
        few_spots = spots[places] + (np.arange(len(places)) - places) * n_classes
        losses[places] = _losses_of_few(rows, few_spots, np.empty_like(rows))[0]
    return losses, sums


def _inner(y: Array, dy: Array, out: Array, one: Array) -> Array:
    """Return the inner products of the rows of two matrices, as a column; `out` may be written to."""
    if y.shape[1] >= _LONG:
        inner: Array = np.matmul(y[:, None], dy[:, :, None])[:, 0]
    else:
        np.multiply(y, dy, out)
        inner = out.dot(one)[:, None]
    return inner


def _rows(x: Array) -> Array:
    """Return `x` as a matrix of its last axis's lines: a view, or a copy where that cannot be."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _exponentials(rows: Array, out: Array, one: Array) -> Array:
    """Write the exponentials of each row, all by the same factor where need be, to `out`; return their sums.

    The factor is left out again by whoever divides by the sum. It is 1 for rows of usual size, whose
    exponentials then have not even the rounding of a subtraction; and otherwise that of the largest number of
    all. Where some row's sum is so small that this could cost digits, or NaN, each row gets its own.
    """
    largest = np.maximum.reduce(rows, axis=None)
    if -60 <= largest <= 60:
        np.exp(rows, out)
    else:
        np.subtract(rows, largest, out)
        np.exp(out, out)
    sums: Array = out.dot(one)
    if not np.minimum.reduce(sums) >= 1 / 64:
        _shift(rows, out)
        np.exp(out, out)
        sums = out.dot(one)
    return sums


def _shift(rows: Array, out: Array) -> None:
    """Write each row less its maximum to `out`."""
    if rows.shape[0] > 16 and rows.shape[1] <= 64:
        # NumPy starts anew for each row: of many short ones it is faster to make a few long columns.
        largest = np.maximum.reduce(rows.T.copy(), axis=0)[:, None]
    else:
        largest = np.maximum.reduce(rows, axis=1, keepdims=True)
    np.subtract(rows, largest, out)
