"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift.

`_normalize` does the work for any set of channels; what a channel is, is up to its callers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .._check import check_cotangent, check_float_arrays, check_number, refuse
from .._types import Array, Cotangents, Pullback
from ._buffers import blocks
from ._constants import ONE, ZERO
from ._shapes import ones, sum_rows

_Wanted: TypeAlias = tuple[bool, bool, bool]
_Backward: TypeAlias = Callable[[Array, _Wanted], tuple[Array | None, Array | None, Array | None]]
_Needs: TypeAlias = tuple[bool, bool, bool, bool, bool]
_RunningStatistics: TypeAlias = tuple[Array | None, Array | None]


def batch_norm(
    x: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Pullback, _RunningStatistics]:
    """Batch normalisation: bring each channel to mean 0 and variance 1 over the batch, then scale and shift.

    Parameters
    ----------
    x : ndarray, shape (N, C) or (N, C, d1, d2, ...)
    running_mean, running_var : ndarray, shape (C,), or None
        The statistics over past batches. In evaluation mode they are what is normalised with; in training
        mode they are only brought up to date, and may both be None.
    weight, bias : ndarray, shape (C,), optional
        Scale and shift of each channel; 1 and 0 by default.
    training : bool, default False
        Whether to normalise with the statistics of the batch.
    momentum : float, default 0.1
        The share of the batch in the new running statistics.
    eps : float, default 1e-5
        Added to the variance; in training mode it must be positive.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,) * 5) -> (dx, None, None, dweight, dbias)``: the running
        statistics have no derivative.
    (running_mean, running_var) : tuple of ndarray
        The new running statistics: new arrays, equal to the given ones in evaluation mode or where `x` is
        empty. None where they were not given.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        `x` has fewer than two axes; the shape of another does not fit; running statistics are missing in
        evaluation mode, or one of the two in training mode; a channel has a single value in training mode;
        `eps` is negative, or 0 in training mode.

    Notes
    -----
    Forward, for each channel with m values in training mode: ``mean = sum x / m``,
    ``var = sum (x - mean)^2 / m``, ``z = (x - mean) / sqrt(var + eps)`` and ``y = w z + b``. The running
    statistics become ``(1 - momentum) running + momentum new``, with the unbiased ``var m / (m - 1)``.

    The variance is taken in two passes: in one pass ``sum x^2 / m - mean^2`` loses half of the digits of
    float64 at ``mean / std = 1e4``. What rounding leaves of the mean after the first is taken off as well.

    Backward: ``db = sum dy``, ``dw = sum dy z``, and ``dx = w / sqrt(var + eps) (dy - db / m - z dw / m)``.
    In evaluation mode mean and variance are constants: ``dx = w / sqrt(var + eps) dy``.

    An empty batch gives an empty `y`, and zeros for `dweight` and `dbias`. A channel that holds NaN or an
    infinity becomes NaN in training mode.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift" (ICML 2015), algorithms 1 and 2. Chan, Golub and LeVeque, "Algorithms for Computing the Sample
    Variance" (1983), equation 1.7.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> y, pullback, (mean, var) = batch_norm(x, np.zeros(2), np.ones(2), training=True, momentum=0.5)
    >>> np.round(y, 3).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    >>> mean.tolist(), var.tolist()
    ([1.0, 5.0], [1.5, 0.5])

    The sum of a normalised channel is constant:

    >>> bool(np.abs(pullback(np.ones((2, 2)))[0]).max() < 1e-12)
    True
    """
    check_float_arrays(
        "batch_norm", "x", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    _check_batch_norm(x, running_mean, running_var, weight, bias, training)
    eps = check_number("batch_norm", "eps", eps, minimum=0)
    momentum = check_number("batch_norm", "momentum", momentum, minimum=-float("inf"))
    if training and eps == 0:
        raise refuse("batch_norm", "eps must be positive when training", eps=eps)

    dtype, shape, n_channels = x.dtype, x.shape, x.shape[1]
    matrix = x if x.ndim == 2 else x.reshape(shape[0], math.prod(shape[1:]))
    if training and x.size:
        y, backward, mean, var = _normalize(matrix, n_channels, weight, bias, eps)
        count = x.size // n_channels
        state: _RunningStatistics = (
            _updated(running_mean, mean, momentum),
            _updated(running_var, var, momentum, count / (count - 1)),  # the unbiased variance
        )
    else:
        # An empty batch has no statistics, and any others give its empty value and its zero gradients.
        given_mean = np.zeros(n_channels, dtype) if running_mean is None else running_mean
        given_var = np.ones(n_channels, dtype) if running_var is None else running_var
        y, backward = _normalize_with(matrix, given_mean, given_var, weight, bias, eps)
        state = (
            None if running_mean is None else running_mean.copy(),
            None if running_var is None else running_var.copy(),
        )

    def pullback(dy: Array, needs_input_grad: _Needs = (True,) * 5) -> Cotangents:
        dy = check_cotangent("batch_norm", dy, shape, dtype)
        wanted = (
            needs_input_grad[0],
            weight is not None and needs_input_grad[3],
            bias is not None and needs_input_grad[4],
        )
        dx, dweight, dbias = backward(dy.reshape(matrix.shape), wanted)
        return None if dx is None else dx.reshape(shape), None, None, dweight, dbias

    return y.reshape(shape), pullback, state


def _normalize(
    x: Array, n_channels: int, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, _Backward, Array, Array]:
    """Normalise each channel with its own statistics.

    Parameters
    ----------
    x : ndarray, shape (N, C M)
        M values of each of the C channels in each of N rows, one channel after the other. As a matrix, since
        a row of numbers, each channel's repeated M times, is combined with all rows twice as fast as one
        number a channel is.

    Returns
    -------
    y : ndarray, shape of `x`
    backward : callable
        ``backward(dy, (whether dx, dweight, dbias are wanted)) -> (dx, dweight, dbias)``.
    mean, var : ndarray, shape (C,)
        The variance is the biased one.
    """
    dtype, length = x.dtype, x.shape[1] // n_channels
    count = dtype.type(x.shape[0] * length)
    centred, y = np.empty(x.shape, dtype), np.empty(x.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _sum(x, n_channels)
        mean /= count
        np.subtract(x, _repeat(mean, length), centred)
        rest = _sum(centred, n_channels)  # what rounding has left of the mean
        rest /= count
        np.multiply(centred, centred, y)
        var = _sum(y, n_channels)
        var /= count
        var -= rest * rest
        np.maximum(var, ZERO[dtype.char], out=var)
        inverse = ONE[dtype.char] / np.sqrt(var + dtype.type(eps))
        scale = inverse if weight is None else weight * inverse
        offset = rest * scale
        offset = -offset if bias is None else bias - offset
        np.multiply(centred, _repeat(scale, length), y)
        np.add(y, _repeat(offset, length), y)
        np.add(mean, rest, out=mean, where=np.isfinite(rest))  # an infinite mean stays so, as in PyTorch

    def backward(dy: Array, wanted: _Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dbias = _sum(dy, n_channels)
        if not (wanted[0] or wanted[1]):
            return None, None, dbias if wanted[2] else None
        dx = np.empty(x.shape, dtype)
        np.multiply(dy, centred, dx)
        dweight = _sum(dx, n_channels)
        dweight -= rest * dbias
        dweight *= inverse
        if wanted[0]:
            # dx = scale (dy - dbias / count + slope (centred - rest)): scaled last, as the terms may cancel.
            slope = dweight * inverse
            slope /= -count
            offset = dbias / -count
            offset -= slope * rest
            slope, offset, factor = (_repeat(v, length) for v in (slope, offset, scale))
            for rows in blocks(x.shape[0], x.nbytes):
                part = dx[rows]
                np.multiply(centred[rows], slope, part)
                np.add(part, dy[rows], part)
                np.add(part, offset, part)
                np.multiply(part, factor, part)
        return dx if wanted[0] else None, dweight if wanted[1] else None, dbias if wanted[2] else None

    return y, backward, mean, var


def _normalize_with(
    x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, _Backward]:
    """Normalise each channel with given statistics; arguments and results as of `_normalize`."""
    dtype, n_channels = x.dtype, mean.size
    length = x.shape[1] // max(n_channels, 1)
    y = np.empty(x.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inverse = ONE[dtype.char] / np.sqrt(var + dtype.type(eps))
        scale = inverse if weight is None else weight * inverse
        offset = mean * -scale
        if bias is not None:
            offset += bias
        np.multiply(x, _repeat(scale, length), y)
        np.add(y, _repeat(offset, length), y)

    def backward(dy: Array, wanted: _Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dx = dweight = None
        with np.errstate(over="ignore", invalid="ignore"):
            if wanted[0]:
                dx = np.empty(x.shape, dtype)
                np.multiply(dy, _repeat(scale, length), dx)
            if wanted[1]:
                terms = x - _repeat(mean, length)
                terms *= dy
                dweight = _sum(terms, n_channels)
                dweight *= inverse
        return dx, dweight, _sum(dy, n_channels) if wanted[2] else None

    return y, backward


def _sum(x: Array, n_channels: int) -> Array:
    """Return each channel's sum: ``(N, C M) -> (C,)``."""
    sums = sum_rows(x)
    if sums.size == n_channels:
        return sums
    length = sums.size // n_channels
    return np.asarray(sums.reshape(n_channels, length).dot(ones(length, x.dtype)))


def _repeat(channels: Array, length: int) -> Array:
    """Return the row in which each channel's number stands `length` times: ``(C,) -> (C M,)``."""
    return channels if length == 1 else channels.repeat(length)


def _updated(running: Array | None, new: Array, momentum: float, factor: float = 1.0) -> Array | None:
    """Return ``(1 - momentum) running + momentum factor new``."""
    if running is None:
        return None
    number = running.dtype.type
    return np.asarray(running * number(1 - momentum) + new * number(momentum * factor))


def _check_batch_norm(
    x: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
    training: bool,
) -> None:
    if x.ndim < 2:
        raise refuse("batch_norm", "x must have a batch and a channel axis: (N, C) or (N, C, d1, ...)", x=x)
    if (running_mean is None) != (running_var is None):
        raise refuse(
            "batch_norm",
            "running_mean and running_var must both be given or both be None",
            running_mean=running_mean,
            running_var=running_var,
        )
    if running_mean is None and not training:
        raise refuse(
            "batch_norm", "running_mean and running_var are needed in evaluation mode", training=training
        )
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, array in given.items():
        if array is not None and array.shape != x.shape[1:2]:
            raise refuse("batch_norm", f"{name} must hold a number for each channel", **{name: array, "x": x})
    if training and x.size and x.size == x.shape[1]:
        raise refuse("batch_norm", "training takes more than one value a channel", x=x)
