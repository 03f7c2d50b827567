"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift.

`normalize_plainly` does it over any axes of an array, and all normalisations by a mean are that; each has a
faster body beside it for float32 and float64. What is subtracted and divided by is either computed from the
argument or given (`_normalize_with`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_float_arrays,
    check_integer,
    check_number,
    refuse,
    refuse_type,
)
from .._types import Array, Cotangents, Pullback
from ._constants import ONE
from ._normalization_fast import (
    Backward,
    Normalized,
    Wanted,
    channel_sums,
    normalize_columns,
    normalize_groups,
    normalize_rows,
    repeat,
)
from ._shapes import unbroadcast

_Needs: TypeAlias = tuple[bool, ...]
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

    The variance is ``sum x^2 / m - mean^2`` where that is at least ``mean^2`` in every channel. Otherwise it
    is taken in two passes, since in one it loses half of the digits of float64 at ``mean / std = 1e4``; what
    rounding leaves of the mean after the first is taken off as well.

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
    if x.ndim < 2:
        raise refuse("batch_norm", "x must have a batch and a channel axis: (N, C) or (N, C, d1, ...)", x=x)
    _check_channels("batch_norm", x, running_mean, running_var, weight, bias)
    if running_mean is None and not training:
        raise refuse(
            "batch_norm", "running_mean and running_var are needed in evaluation mode", training=training
        )
    if training and x.size and x.size == x.shape[1]:
        raise refuse("batch_norm", "training takes more than one value a channel", x=x)
    eps = check_number("batch_norm", "eps", eps, minimum=0)
    momentum = check_number("batch_norm", "momentum", momentum)
    if training and eps == 0:
        raise refuse("batch_norm", "eps must be positive when training", eps=eps)

    samples, state = _samples(x), (_copied(running_mean), _copied(running_var))
    if training and x.size:
        y, backward, mean, var = _over_batch(samples, weight, bias, eps)
        state = _moved(state, mean, var, momentum, x.size // x.shape[1])
    else:
        y, backward = _normalize_with(samples, running_mean, running_var, weight, bias, eps)
    return y.reshape(x.shape), _channel_pullback("batch_norm", x, weight, bias, backward), state


def instance_norm(
    x: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Pullback, _RunningStatistics]:
    """Instance normalisation: bring each channel of each sample to mean 0 and variance 1, scale and shift.

    Parameters
    ----------
    x : ndarray, shape (N, C, d1, ...)
    running_mean, running_var : ndarray, shape (C,), or None
        The statistics over past samples. Without `use_input_stats` they are what is normalised with; with it
        they are only brought up to date, and may both be None.
    weight, bias : ndarray, shape (C,), optional
        Scale and shift of each channel; 1 and 0 by default.
    use_input_stats : bool, default True
        Whether to normalise with the statistics of each sample's channels.
    momentum : float, default 0.1
        The share of the batch in the new running statistics.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,) * 5) -> (dx, None, None, dweight, dbias)``: the running
        statistics have no derivative.
    (running_mean, running_var) : tuple of ndarray
        The new running statistics: new arrays, equal to the given ones without `use_input_stats` or where
        `x` is empty. None where they were not given.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        `x` has fewer than two axes; the shape of another does not fit; running statistics are missing without
        `use_input_stats`, or one of the two with it, which also needs more than one value a channel; `eps` is
        negative.

    Notes
    -----
    Forward, for each channel of each sample, with its m values: ``mean = sum x / m``,
    ``var = sum (x - mean)^2 / m``, ``z = (x - mean) / sqrt(var + eps)`` and ``y = w z + b``. The running
    statistics become ``(1 - momentum) running + momentum new``, where the new ones are averages over the
    samples of the batch, of the variance of ``var m / (m - 1)``.

    Backward, with ``dz = w dy``: ``dx = (dz - sum dz / m - z sum (dz z) / m) / sqrt(var + eps)``, with sums
    over the m values; ``db = sum dy`` and ``dw = sum dy z`` over these and the batch. Without
    `use_input_stats` mean and variance are constants: ``dx = w / sqrt(var + eps) dy``.

    A constant channel becomes the bias. An empty batch gives an empty `y`, and zeros for `dweight` and
    `dbias`. A channel that holds NaN or an infinity becomes NaN.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing Ingredient for Fast Stylization"
    (2016), equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 3.0], [10.0, 30.0]]])
    >>> y, pullback, state = instance_norm(x, eps=0.0)
    >>> y.tolist(), state
    ([[[-1.0, 1.0], [-1.0, 1.0]]], (None, None))
    >>> pullback(y)[0].tolist()
    [[[0.0, 0.0], [0.0, 0.0]]]
    """
    name = "instance_norm"
    check_float_arrays(
        name, "x", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if x.ndim < 2:
        raise refuse(name, "x must have a batch and a channel axis: (N, C, d1, ...)", x=x)
    _check_channels(name, x, running_mean, running_var, weight, bias)
    if running_mean is None and not use_input_stats:
        raise refuse(
            name, "running_mean and running_var are needed without use_input_stats",
            use_input_stats=use_input_stats,
        )  # fmt: skip
    if use_input_stats and math.prod(x.shape[2:]) == 1:
        raise refuse(name, "the statistics of x take more than one value a channel and sample", x=x)
    eps = check_number(name, "eps", eps, minimum=0)
    momentum = check_number(name, "momentum", momentum)

    samples, state = _samples(x), (_copied(running_mean), _copied(running_var))
    if use_input_stats:
        y, backward, mean, var = _over_groups(samples, x.shape[1], weight, bias, eps)
        if x.size:
            state = _moved(state, mean.mean(axis=0), var.mean(axis=0), momentum, samples.shape[2])
    else:
        y, backward = _normalize_with(samples, running_mean, running_var, weight, bias, eps)
    return y.reshape(x.shape), _channel_pullback(name, x, weight, bias, backward), state


def group_norm(
    x: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> tuple[Array, Pullback]:
    """Group normalisation: bring each group of channels of each sample to mean 0 and variance 1.

    Parameters
    ----------
    x : ndarray, shape (N, C) or (N, C, d1, ...)
    num_groups : int
        G, into which the C channels are divided in order. With one group it is layer normalisation over all
        of a sample, with C groups instance normalisation.
    weight, bias : ndarray, shape (C,), optional
        Scale and shift of each channel; 1 and 0 by default.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``.

    Raises
    ------
    TypeError
        An array argument is not an array of floats, the dtypes differ, or `num_groups` is not an integer.
    ValueError
        `x` has fewer than two axes; `num_groups` is not positive or does not divide C; the shape of `weight`
        or `bias` is not (C,); `x` is one sample with one value a group; `eps` is negative.

    Notes
    -----
    Forward, for each group of each sample, with its ``m = C / G d1 d2 ...`` values: ``mean = sum x / m``,
    ``var = sum (x - mean)^2 / m``, ``z = (x - mean) / sqrt(var + eps)``; then ``y = w z + b`` with the number
    of the channel.

    Backward, with ``dz = w dy``: ``dx = (dz - sum dz / m - z sum (dz z) / m) / sqrt(var + eps)``, with sums
    over the group; ``db = sum dy`` and ``dw = sum dy z``, with sums over all axes but the channels'.

    A constant group, such as a single value, becomes the bias. An empty batch gives an empty `y`, and zeros
    for `dweight` and `dbias`. A group that holds NaN or an infinity becomes NaN.

    References
    ----------
    Wu and He, "Group Normalization" (ECCV 2018), equations 1, 2 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0, 10.0, 30.0]])
    >>> y, pullback = group_norm(x, 2, eps=0.0)
    >>> y.tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    >>> pullback(np.array([[1.0, 1.0, 0.0, 0.0]]))[0].tolist()
    [[0.0, 0.0, 0.0, 0.0]]
    """
    check_float_arrays("group_norm", "x", x, weight=weight, bias=bias)
    if x.ndim < 2:
        raise refuse("group_norm", "x must have a batch and a channel axis: (N, C) or (N, C, d1, ...)", x=x)
    groups = check_integer("group_norm", "num_groups", num_groups, minimum=1)
    n, channels = x.shape[:2]
    if channels % groups:
        raise refuse("group_norm", "num_groups must divide the channels of x", num_groups=num_groups, x=x)
    _check_channels("group_norm", x, None, None, weight, bias)
    if x.size == groups and n == 1:
        raise refuse("group_norm", "one sample takes more than one value a group", num_groups=num_groups, x=x)
    eps = check_number("group_norm", "eps", eps, minimum=0)

    y, backward, _, _ = _over_groups(_samples(x), groups, weight, bias, eps)
    pullback_of_five = _channel_pullback("group_norm", x, weight, bias, backward)

    def pullback(dy: Array, needs_input_grad: _Needs = (True, True, True)) -> Cotangents:
        wanted_x, wanted_weight, wanted_bias = needs_input_grad
        dx, _, _, dweight, dbias = pullback_of_five(dy, (wanted_x, False, False, wanted_weight, wanted_bias))
        return dx, dweight, dbias

    return y.reshape(x.shape), pullback


def layer_norm(
    x: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Pullback]:
    """Layer normalisation: bring the last axes of each sample to mean 0 and variance 1, scale and shift.

    Parameters
    ----------
    x : ndarray, shape (*, *normalized_shape)
    normalized_shape : tuple or list of int
        The last sides of `x`, over which the mean is taken.
    weight, bias : ndarray, shape normalized_shape, optional
        Scale and shift of each feature; 1 and 0 by default.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``.

    Raises
    ------
    TypeError
        An array argument is not an array of floats, the dtypes differ, or `normalized_shape` is not a tuple
        of integers.
    ValueError
        `normalized_shape` is empty or not how the shape of `x` ends; `weight` or `bias` has another shape;
        `eps` is negative.

    Notes
    -----
    Forward, for each sample with its D values: ``mean = sum x / D``, ``var = sum (x - mean)^2 / D``,
    ``z = (x - mean) / sqrt(var + eps)`` and ``y = w z + b``.

    The variance is ``sum x^2 / D - mean^2`` where that is at least ``mean^2``, and otherwise taken in two
    passes; what rounding has left of the mean after the first is then taken off as well.

    Backward, with ``dz = w dy``: ``dx = (dz - sum dz / D - z sum (dz z) / D) / sqrt(var + eps)``, with sums
    over the D values; ``db = sum dy`` and ``dw = sum dy z``, with sums over the samples.

    A constant sample, such as a single value, becomes the bias. An empty batch gives an empty `y`, and zeros
    for `dweight` and `dbias`. A sample that holds NaN or an infinity becomes NaN.

    References
    ----------
    Ba, Kiros and Hinton, "Layer Normalization" (2016), equations 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
    >>> y, pullback = layer_norm(x, (2,), weight=np.array([1.0, 2.0]), eps=0.0)
    >>> y.tolist()
    [[-1.0, 2.0], [-1.0, 2.0]]
    >>> pullback(np.ones((2, 2)))[1].tolist()
    [-2.0, 2.0]
    """
    return _over_last_axes("layer_norm", x, normalized_shape, weight, bias, eps)


def rms_norm(
    x: Array, normalized_shape: Sequence[int], weight: Array | None = None, eps: float | None = None
) -> tuple[Array, Pullback]:
    """Root mean square normalisation: divide the last axes of each sample by their root mean square, scale.

    Parameters
    ----------
    x : ndarray, shape (*, *normalized_shape)
    normalized_shape : tuple or list of int
        The last sides of `x`, over which the mean is taken.
    weight : ndarray, shape normalized_shape, optional
        Scale of each feature; 1 by default.
    eps : float, optional
        Added to the mean square; by default the distance from 1 to the next number of the dtype.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (dx, dweight)``.

    Raises
    ------
    TypeError
        An array argument is not an array of floats, the dtypes differ, or `normalized_shape` is not a tuple
        of integers.
    ValueError
        `normalized_shape` is empty or not how the shape of `x` ends; `weight` has another shape; `eps` is
        negative.

    Notes
    -----
    Forward, for each sample with its D values: ``z = x / sqrt(sum x^2 / D + eps)`` and ``y = w z``.

    Backward, with ``dz = w dy``: ``dx = (dz - z sum (dz z) / D) / sqrt(sum x^2 / D + eps)``, with a sum over
    the D values; ``dw = sum dy z``, with a sum over the samples.

    Zeros stay zeros, or become NaN where `eps` is 0. An empty batch gives an empty `y` and zeros for
    `dweight`. A sample that holds NaN or an infinity has NaN there; its finite values become NaN or 0.

    References
    ----------
    Zhang and Sennrich, "Root Mean Square Layer Normalization" (NeurIPS 2019), equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[3.0, 3.0, 3.0, 3.0], [1.0, -1.0, 1.0, -1.0]])
    >>> y, pullback = rms_norm(x, (4,), eps=0.0)
    >>> y.tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0]]
    >>> pullback(y)[0].tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    check_float_array("rms_norm", "x", x)
    if eps is None:
        eps = float(np.finfo(x.dtype).eps)
    y, pullback_of_three = _over_last_axes("rms_norm", x, normalized_shape, weight, None, eps, centre=False)

    def pullback(dy: Array, needs_input_grad: _Needs = (True, True)) -> Cotangents:
        return pullback_of_three(dy, (*needs_input_grad, False))[:2]

    return y, pullback


def local_response_norm(
    x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> tuple[Array, Pullback]:
    """Local response normalisation: divide by a power of the mean square over neighbouring channels.

    Parameters
    ----------
    x : ndarray, shape (N, C, d1, ...)
    size : int
        n, how many channels are taken: ``n // 2`` before each, itself, and ``(n - 1) // 2`` after it. Those
        there are not count as zeros.
    alpha, beta, k : float, default 1e-4, 0.75 and 1
        The factor of the mean square, the exponent, and what is added.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `size` is not an integer, or another argument is not a number.
    ValueError
        `x` has fewer than three axes, or `size` is not positive.

    Notes
    -----
    Forward, with c' from ``c - n // 2`` to ``c + (n - 1) // 2``: ``d_c = k + alpha / n sum x_c'^2`` and
    ``y_c = x_c / d_c^beta``.

    Backward, with c' from ``c - (n - 1) // 2`` to ``c + n // 2``, the channels that c is a neighbour of:
    ``dx_c = dy_c / d_c^beta - 2 alpha beta / n x_c sum dy_c' y_c' / d_c'``.

    Where d is 0, which takes a k of 0, zeros become NaN; where it is negative, y is NaN unless beta is a
    whole number. An empty `x` gives an empty `y`.

    References
    ----------
    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks"
    (NeurIPS 2012), section 3.3, where alpha is what alpha / n is here.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[3.0], [4.0]]])
    >>> y, pullback = local_response_norm(x, 2, alpha=2.0, beta=0.5, k=0.0)
    >>> y.round(6).tolist()
    [[[1.0], [0.8]]]
    >>> pullback(np.ones((1, 2, 1)))[0].round(6).tolist()
    [[[-0.096], [0.072]]]
    """
    name = "local_response_norm"
    check_float_array(name, "x", x)
    if x.ndim < 3:
        raise refuse(name, "x must be (N, C, d1, ...)", x=x)
    n = check_integer(name, "size", size, minimum=1)
    alpha, beta, k = (
        check_number(name, word, value) for word, value in (("alpha", alpha), ("beta", beta), ("k", k))
    )
    number = x.dtype.type
    with np.errstate(all="ignore"):
        base = _sum_of_neighbours(x * x, n // 2, (n - 1) // 2)
        base *= number(alpha / n)
        base += number(k)
        y = np.asarray(x / base ** number(beta))

    def pullback(dy: Array, needs_input_grad: _Needs = (True,)) -> Cotangents:
        dy = check_cotangent(name, dy, x.shape, x.dtype)
        if not needs_input_grad[0]:
            return (None,)
        with np.errstate(all="ignore"):
            dx = _sum_of_neighbours(dy * y / base, (n - 1) // 2, n // 2)
            dx *= x
            dx *= number(-2.0 * alpha * beta / n)
            dx += dy / base ** number(beta)
        return (dx,)

    return y, pullback


def _sum_of_neighbours(x: Array, before: int, after: int) -> Array:
    """Return for each channel the sum of it, `before` channels before it and `after` after it."""
    sums: Array = x.copy()
    channels = x.shape[1]
    for step in range(1, min(before, channels - 1) + 1):
        sums[:, step:] += x[:, :-step]
    for step in range(1, min(after, channels - 1) + 1):
        sums[:, :-step] += x[:, step:]
    return sums


# ---- the body they share


def normalize_plainly(
    x: Array,
    axes: tuple[int, ...],
    weight: Array | None,
    bias: Array | None,
    eps: float,
    *,
    centre: bool = True,
) -> Normalized:
    """Normalise over some axes; the definition, for any shape and dtype.

    Parameters
    ----------
    x : ndarray
    axes : tuple of int
        What means are taken over.
    weight, bias : ndarray or None
        Broadcast against `x`.
    eps : float
        Added to the variance.
    centre : bool
        Whether the mean is subtracted; without, the variance is the mean square.

    Returns
    -------
    y : ndarray, shape of `x`
    backward : callable
        ``backward(dy, (whether dx, dweight, dbias are wanted)) -> (dx, dweight, dbias)``, in the shapes of
        `x`, `weight` and `bias`; what is wanted was given.
    mean, var : ndarray
        Over the axes, which are kept with a side of 1. The variance is the biased one.
    """
    count = x.dtype.type(math.prod(x.shape[axis] for axis in axes))

    def average(values: Array) -> Array:
        means: Array = np.add.reduce(values, axis=axes, keepdims=True) / count
        return means

    with np.errstate(all="ignore"):
        mean, centred = average(x), x
        if centre:
            centred = x - mean
            rest = average(centred)  # what rounding has left of the mean
            centred = centred - rest
            mean = mean + np.where(np.isfinite(rest), rest, 0)  # an infinite mean stays so, as in PyTorch
        var = average(centred * centred)
        inverse = 1 / np.sqrt(var + x.dtype.type(eps))
        z = centred * inverse
        y = z.copy() if weight is None else z * weight
        if bias is not None:
            y = y + bias

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dx = dweight = dbias = None
        with np.errstate(all="ignore"):
            if wanted[0]:
                dz = dy if weight is None else dy * weight
                dx = dz - z * average(dz * z)
                if centre:
                    dx = dx - average(dz)
                dx = dx * inverse
            if wanted[1] and weight is not None:
                dweight = unbroadcast(dy * z, weight.shape)
            if wanted[2] and bias is not None:
                dbias = unbroadcast(dy.copy(), bias.shape)
        return dx, dweight, dbias

    return y, backward, mean, var


def _over_batch(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Normalized:
    """Normalise each channel of ``(N, C, M)`` over a batch that is not empty; all that has no M is (C,)."""
    if x.dtype.char in "fd":
        return normalize_columns(x, weight, bias, eps)
    y, backward, mean, var = normalize_plainly(x, (0, 2), _column(weight), _column(bias), eps)
    return y, backward, mean.reshape(-1), var.reshape(-1)


def _over_groups(x: Array, groups: int, weight: Array | None, bias: Array | None, eps: float) -> Normalized:
    """Normalise the channels of each sample of ``(N, C, M)`` in groups; mean and variance are (N, G)."""
    if x.size and x.dtype.char in "fd":
        return normalize_groups(x, groups, weight, bias, eps)
    n, channels, length = x.shape
    size = channels // groups
    grouped = (groups, size, 1)
    y, backward, mean, var = normalize_plainly(
        x.reshape(n, groups, size, length),
        (2, 3),
        None if weight is None else weight.reshape(grouped),
        None if bias is None else bias.reshape(grouped),
        eps,
    )

    def backward_of_channels(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        return backward(dy.reshape(n, groups, size, length), wanted)

    return y.reshape(x.shape), backward_of_channels, mean.reshape(n, groups), var.reshape(n, groups)


def _normalize_with(
    x: Array, mean: Array | None, var: Array | None, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Backward]:
    """Normalise each channel of ``(N, C, M)`` with given statistics: ``w (x - mean) / sqrt(var + eps) + b``.

    An empty batch has no statistics, and any others, such as those taken for None, give its empty value and
    its zero gradients. The statistics are constants: ``dx = w dy / sqrt(var + eps)``. The value and `dx` are
    (N, C M).
    """
    n, n_channels, length = x.shape
    dtype, matrix = x.dtype, x.reshape(n, n_channels * length)
    mean = np.zeros(n_channels, dtype) if mean is None else mean
    var = np.ones(n_channels, dtype) if var is None else var
    y = np.empty(matrix.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inverse = ONE[dtype.char] / np.sqrt(var + dtype.type(eps))
        scale = inverse if weight is None else weight * inverse
        offset = mean * -scale
        if bias is not None:
            offset += bias
        np.multiply(matrix, repeat(scale, length), y)
        np.add(y, repeat(offset, length), y)

    def backward(dy: Array, wanted: Wanted) -> tuple[Array | None, Array | None, Array | None]:
        dy = dy.reshape(matrix.shape)
        dx: Array | None = None
        dweight = dbias = None
        with np.errstate(over="ignore", invalid="ignore"):
            if wanted[0]:
                dx = dy * repeat(scale, length)
            if wanted[1]:
                terms = matrix - repeat(mean, length)
                terms *= dy
                dweight = channel_sums(terms, n_channels)
                dweight *= inverse
            if wanted[2]:
                dbias = channel_sums(dy, n_channels)
        return dx, dweight, dbias

    return y, backward


def _over_last_axes(
    function: str,
    x: Array,
    normalized_shape: Sequence[int],
    weight: Array | None,
    bias: Array | None,
    eps: float,
    *,
    centre: bool = True,
) -> tuple[Array, Pullback]:
    """Normalise the last axes of each sample: `layer_norm`, and without a mean `rms_norm`."""
    check_float_arrays(function, "x", x, weight=weight, bias=bias)
    shape = _check_normalized_shape(function, x, normalized_shape)
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None and array.shape != shape:
            raise refuse(function, f"{name} must have the shape normalized_shape={shape}", **{name: array})
    eps = check_number(function, "eps", eps, minimum=0)
    length = math.prod(shape)
    rows = x.reshape(math.prod(x.shape[: x.ndim - len(shape)]), length)
    row = None if weight is None else weight.reshape(length)
    shift = None if bias is None else bias.reshape(length)
    if x.size and x.dtype.char in "fd":
        y, backward = normalize_rows(rows, row, shift, eps, centre)
    else:
        y, backward, _, _ = normalize_plainly(rows, (1,), row, shift, eps, centre=centre)

    def pullback(dy: Array, needs_input_grad: _Needs = (True, True, True)) -> Cotangents:
        dy = check_cotangent(function, dy, x.shape, x.dtype)
        wanted = (
            needs_input_grad[0],
            weight is not None and needs_input_grad[1],
            bias is not None and needs_input_grad[2],
        )
        dx, dweight, dbias = backward(dy.reshape(rows.shape), wanted)
        return (
            None if dx is None else dx.reshape(x.shape),
            None if dweight is None else dweight.reshape(shape),
            None if dbias is None else dbias.reshape(shape),
        )

    return y.reshape(x.shape), pullback


def _check_normalized_shape(function: str, x: Array, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(normalized_shape, tuple | list):
        raise refuse_type(
            function, "normalized_shape must be a tuple of integers", normalized_shape=normalized_shape
        )
    shape = tuple(check_integer(function, "normalized_shape", side) for side in normalized_shape)
    if not shape:
        raise refuse(function, "normalized_shape must have a side", normalized_shape=normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise refuse(
            function, "the shape of x must end with normalized_shape", normalized_shape=normalized_shape, x=x
        )
    return shape


# ---- channels


def _samples(x: Array) -> Array:
    """Return x as (N, C, M)."""
    return x.reshape(x.shape[0], x.shape[1], math.prod(x.shape[2:]))


def _column(channels: Array | None) -> Array | None:
    return None if channels is None else channels[:, None]


def _channel_pullback(
    function: str, x: Array, weight: Array | None, bias: Array | None, backward: Backward
) -> Pullback:
    """Return the pullback of a function of x, running statistics, weight and bias, from its samples'."""
    shape, dtype = x.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: _Needs = (True,) * 5) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        wanted = (
            needs_input_grad[0],
            weight is not None and needs_input_grad[3],
            bias is not None and needs_input_grad[4],
        )
        dx, dweight, dbias = backward(_samples(dy), wanted)
        return (
            None if dx is None else dx.reshape(shape),
            None,
            None,
            None if dweight is None else dweight.reshape(shape[1]),
            None if dbias is None else dbias.reshape(shape[1]),
        )

    return pullback


def _copied(array: Array | None) -> Array | None:
    return None if array is None else array.copy()


def _moved(
    running: _RunningStatistics, mean: Array, var: Array, momentum: float, count: int
) -> _RunningStatistics:
    """Return ``(1 - momentum) running + momentum new``, of the unbiased variance of `count` values."""
    running_mean, running_var = running
    if running_mean is None or running_var is None:
        return running
    number = running_mean.dtype.type
    keep, share, unbiased = number(1 - momentum), number(momentum), number(momentum * (count / (count - 1)))
    return (
        np.asarray(running_mean * keep + mean * share),
        np.asarray(running_var * keep + var * unbiased),
    )


def _check_channels(
    function: str,
    x: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
) -> None:
    if (running_mean is None) != (running_var is None):
        raise refuse(
            function,
            "running_mean and running_var must both be given or both be None",
            running_mean=running_mean,
            running_var=running_var,
        )
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, array in given.items():
        if array is not None and array.shape != x.shape[1:2]:
            raise refuse(function, f"{name} must hold a number for each channel", **{name: array, "x": x})
