"""Activations that are straight lines with kinks or steps between them (hardswish: with a parabola)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_float_arrays,
    check_generator,
    check_number,
    refuse,
)
from .._types import Array, Cotangents, Pullback
from ._activation_bends_fast import (
    clipped_by_blocks,
    hardswish_by_blocks,
    leaky_relu_by_blocks,
    takes_slope,
)
from ._bits import either, keep
from ._constants import ONE, ZERO, constant
from ._elementwise import passing, sloping

_THREE = constant(3.0)


def threshold(x: Array, threshold: float, value: float) -> tuple[Array, Pullback]:
    """Replace what is not above a threshold by a value.

    Parameters
    ----------
    x : ndarray, any shape
    threshold : float
        What is above it stays.
    value : float
        What the rest becomes.

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
        An option is NaN.

    Notes
    -----
    Forward: ``y = x where x > threshold, else value``.

    Backward: ``dx = dy where x > threshold, else 0``.

    At ``x = threshold`` the derivative is taken to be 0, as in PyTorch. NaN passes through, forward and
    backward.

    References
    ----------
    Collobert, Kavukcuoglu and Farabet, "Torch7: A Matlab-like Environment for Machine Learning" (BigLearn
    2011), whose module it was.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = threshold(np.array([0.0, 1.0, 2.0]), 1.0, 20.0)
    >>> y.tolist()
    [20.0, 20.0, 2.0]
    >>> pullback(np.array([5.0, 5.0, 5.0]))[0].tolist()
    [0.0, 0.0, 5.0]
    """
    check_float_array("threshold", "x", x)
    limit = check_number("threshold", "threshold", threshold)
    value = check_number("threshold", "value", value)
    closed = np.asarray(x <= x.dtype.type(limit))
    y = x.copy()
    y[closed] = value
    return passing("threshold", y, np.asarray(~closed))


def leaky_relu(x: Array, negative_slope: float = 0.01) -> tuple[Array, Pullback]:
    """Rectified linear unit that lets a part of what is negative through.

    Parameters
    ----------
    x : ndarray, any shape
    negative_slope : float, default 0.01
        The slope where x is not positive.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `negative_slope` not a number.
    ValueError
        `negative_slope` is NaN.

    Notes
    -----
    Forward: ``y = x where x > 0, else negative_slope x``.

    Backward: ``dx = dy where x > 0, else negative_slope dy``. The derivative at the kink ``x = 0`` is taken
    to be `negative_slope`, as in PyTorch, and so it is where x is NaN.

    References
    ----------
    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (ICML 2013),
    section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = leaky_relu(np.array([-4.0, 0.0, 2.0]), 0.25)
    >>> y.tolist()
    [-1.0, 0.0, 2.0]
    >>> pullback(np.array([4.0, 4.0, 4.0]))[0].tolist()
    [1.0, 1.0, 4.0]
    """
    check_float_array("leaky_relu", "x", x)
    number = check_number("leaky_relu", "negative_slope", negative_slope)
    slope = np.asarray(number, x.dtype)
    return leaky_relu_by_blocks(x, slope) if takes_slope(x, number) else _leaky_relu_plain(x, slope)


def _leaky_relu_plain(x: Array, slope: Array) -> tuple[Array, Pullback]:
    """Take any slope and any float dtype; `leaky_relu_by_blocks` must equal it."""
    rising = np.asarray(x > ZERO[x.dtype.char])
    return _leaking("leaky_relu", x, either(rising, ONE[x.dtype.char], slope))


def prelu(x: Array, weight: Array) -> tuple[Array, Pullback]:
    """Rectified linear unit whose slope for negative numbers is learned, one for all or one a channel.

    Parameters
    ----------
    x : ndarray, shape (N, C, *), or any shape for a single weight
    weight : ndarray, shape (C,), (1,) or ()
        The slopes.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (dx, dweight)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or their dtypes differ.
    ValueError
        `weight` has more than one dimension, or not one element a channel.

    Notes
    -----
    Forward: ``y = x where x > 0, else weight_c x`` in channel c.

    Backward: ``dx = dy where x > 0, else weight_c dy``; ``dweight_c`` is the sum of ``dy x`` where x is not
    positive, over all but the channels. The derivative at the kink ``x = 0`` is taken to be `weight`, as in
    PyTorch, and so it is where x is NaN. The weight's gradient for an empty batch is 0.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (ICCV 2015), equations 1 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = prelu(np.array([[-2.0, -2.0], [3.0, 3.0]]), np.array([0.5, 0.25]))
    >>> y.tolist()
    [[-1.0, -0.5], [3.0, 3.0]]
    >>> dx, dweight = pullback(np.ones((2, 2)))
    >>> dx.tolist(), dweight.tolist()
    ([[0.5, 0.25], [1.0, 1.0]], [-2.0, -2.0])
    """
    check_float_arrays("prelu", "x", x, weight=weight)
    if weight.ndim > 1:
        raise refuse("prelu", "weight must have one dimension at most", weight=weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.size not in (1, channels):
        raise refuse(
            "prelu", f"weight must have one element, or one for each of {channels} channels",
            weight=weight, x=x,
        )  # fmt: skip
    each = weight.size != 1
    shape, dtype = x.shape, x.dtype
    slopes = weight.reshape((-1,) + (1,) * (x.ndim - 2)) if each else weight.reshape(())
    rising = np.asarray(x > ZERO[dtype.char])
    factors = np.where(rising, ONE[dtype.char], slopes)
    falling = np.asarray(~rising)

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        dy = check_cotangent("prelu", dy, shape, dtype)
        dx = dweight = None
        with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments and cotangents
            if needs_input_grad[0]:
                dx = np.asarray(factors * dy, dtype)
            if needs_input_grad[1]:
                product = keep(np.asarray(x * dy), falling)
                axes = tuple(axis for axis in range(len(shape)) if axis != 1 or not each)
                dweight = np.asarray(np.add.reduce(product, axis=axes), dtype).reshape(weight.shape)
        return dx, dweight

    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(factors * x, dtype), pullback


def rrelu(
    x: Array,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    generator: np.random.Generator | None = None,
) -> tuple[Array, Pullback]:
    """Rectified linear unit with a slope for negative numbers that is drawn at random for each of them.

    Parameters
    ----------
    x : ndarray, any shape
    lower, upper : float, default 1/8 and 1/3
        Between these the slopes are uniform.
    training : bool, default False
        False draws nothing: the slope is the mean of both.
    generator : numpy.random.Generator, optional
        The source of the slopes; a freshly seeded one by default. One float64 is drawn for each element,
        whatever it is and whatever its dtype.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the slopes of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, a bound not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `lower` is above `upper`, or one of them not finite.

    Notes
    -----
    Forward: ``y = x where x > 0, else a x`` with a drawn from [lower, upper), or ``(lower + upper) / 2``.

    Backward: ``dx = dy where x > 0, else a dy``. At the kink ``x = 0`` the derivative is taken to be a, as in
    PyTorch. Where x is NaN it is 1 in training and a in evaluation, as there.

    References
    ----------
    Xu, Wang, Chen and Li, "Empirical Evaluation of Rectified Activations in Convolutional Network" (2015),
    section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = rrelu(np.array([-4.0, 2.0]), 0.0, 0.5)
    >>> y.tolist()
    [-1.0, 2.0]
    >>> pullback(np.array([4.0, 4.0]))[0].tolist()
    [1.0, 4.0]
    >>> y, _ = rrelu(np.full(9, -1.0), training=True, generator=np.random.default_rng(0))
    >>> bool((-1 / 3 <= y).all() and (y <= -1 / 8).all() and (y != y[0]).any())
    True
    """
    check_float_array("rrelu", "x", x)
    lower = check_number("rrelu", "lower", lower)
    upper = check_number("rrelu", "upper", upper)
    generator = check_generator("rrelu", generator)
    if not lower <= upper or not -np.inf < lower <= upper < np.inf:
        raise refuse("rrelu", "lower and upper must be finite, and in order", lower=lower, upper=upper)
    dtype = x.dtype
    one = ONE[dtype.char]
    if training:
        drawn = generator.uniform(lower, upper, x.shape)
        factors = np.where(x <= ZERO[dtype.char], np.asarray(drawn, dtype), one)
    else:
        factors = np.where(x > ZERO[dtype.char], one, dtype.type((lower + upper) / 2))
    return _leaking("rrelu", x, factors)


def relu6(x: Array) -> tuple[Array, Pullback]:
    """Rectified linear unit that stops at 6: ``y = min(max(x, 0), 6)``.

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
    Forward: ``y = min(max(x, 0), 6)``.

    Backward: ``dx = dy where 0 < x < 6, else 0``. The derivatives at the kinks 0 and 6 are taken to be 0, as
    in PyTorch. NaN passes through, forward and backward (PyTorch's derivative there is 1 or 0, by the
    element's place in memory).

    References
    ----------
    Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10" (2010), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = relu6(np.array([-1.0, 3.0, 6.0, 8.0]))
    >>> y.tolist()
    [0.0, 3.0, 6.0, 6.0]
    >>> pullback(np.ones(4))[0].tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    check_float_array("relu6", "x", x)
    return _clipped("relu6", x, 0.0, 6.0)


def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> tuple[Array, Pullback]:
    """Clip to an interval: a hyperbolic tangent of straight lines.

    Parameters
    ----------
    x : ndarray, any shape
    min_val, max_val : float, default -1 and 1
        The interval.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or a bound not a number.
    ValueError
        `min_val` is above `max_val`, or one of them NaN.

    Notes
    -----
    Forward: ``y = min(max(x, min_val), max_val)``.

    Backward: ``dx = dy where min_val < x < max_val, else 0``. The derivatives at the two kinks are taken to
    be 0, as in PyTorch. NaN passes through, forward and backward (PyTorch's derivative there is 1 or 0, by
    the element's place in memory).

    References
    ----------
    Collobert et al., "Natural Language Processing (Almost) from Scratch" (JMLR 12, 2011), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = hardtanh(np.array([-3.0, 0.5, 1.0]))
    >>> y.tolist()
    [-1.0, 0.5, 1.0]
    >>> pullback(np.ones(3))[0].tolist()
    [0.0, 1.0, 0.0]
    """
    check_float_array("hardtanh", "x", x)
    low = check_number("hardtanh", "min_val", min_val)
    high = check_number("hardtanh", "max_val", max_val)
    if low > high:
        raise refuse("hardtanh", "min_val must not be above max_val", min_val=min_val, max_val=max_val)
    return _clipped("hardtanh", x, low, high)


def hardsigmoid(x: Array) -> tuple[Array, Pullback]:
    """Logistic function of straight lines: 0 up to -3, 1 from 3 on.

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
    Forward: ``y = min(max(x + 3, 0), 6) / 6``.

    Backward: ``dx = dy / 6 where -3 < x < 3, else 0``. The derivatives at the kinks -3 and 3 are taken to be
    0, as in PyTorch, and so it is where x is NaN. (PyTorch's slope is 1/6 in single precision even for
    float64, off by 3e-8 of it; here it has the digits of the dtype.)

    References
    ----------
    Howard et al., "Searching for MobileNetV3" (ICCV 2019), section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = hardsigmoid(np.array([-3.0, 0.0, 4.0]))
    >>> y.tolist()
    [0.0, 0.5, 1.0]
    >>> pullback(np.full(3, 12.0))[0].tolist()
    [0.0, 2.0, 0.0]
    """
    check_float_array("hardsigmoid", "x", x)
    three = _THREE[x.dtype.char]
    open_ = np.asarray((x > -three) & (x < three))
    return passing("hardsigmoid", _sigmoid_of_lines(x), open_, x.dtype.type(1) / x.dtype.type(6))


def hardswish(x: Array) -> tuple[Array, Pullback]:
    """Product of x and `hardsigmoid`: a parabola between -3 and 3, straight lines outside.

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
    Forward: ``y = x min(max(x + 3, 0), 6) / 6``.

    Backward: ``dx = 0 where x <= -3, dy where x >= 3, else dy (x / 3 + 1/2)``: at the kinks -3 and 3 the
    derivative is the line's, as in PyTorch, where minus infinity becomes NaN as here. Where x is NaN it is 1
    (PyTorch's is 1 or NaN, by the element's place in memory).

    References
    ----------
    Howard et al., "Searching for MobileNetV3" (ICCV 2019), section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = hardswish(np.array([-1.5, 0.0, 1.5, 4.0]))
    >>> y.tolist()
    [-0.375, 0.0, 1.125, 4.0]
    >>> pullback(np.ones(4))[0].tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    check_float_array("hardswish", "x", x)
    return hardswish_by_blocks(x) if x.dtype.char in "fd" else _hardswish_plain(x)


def _hardswish_plain(x: Array) -> tuple[Array, Pullback]:
    """Take any float dtype; `hardswish_by_blocks` must equal it."""
    dtype = x.dtype
    three = _THREE[dtype.char]
    y = _sigmoid_of_lines(x)
    with np.errstate(invalid="ignore"):  # minus infinity times 0
        np.multiply(y, x, out=y)

    def slopes() -> Array:
        parabola = np.asarray(x / three)
        np.add(parabola, dtype.type(0.5), out=parabola)
        rising = either(np.asarray(x < three), parabola, ONE[dtype.char])
        return keep(rising, np.asarray(~(x <= -three)))  # NaN is kept

    return sloping("hardswish", y, slopes)


def hardshrink(x: Array, lambd: float = 0.5) -> tuple[Array, Pullback]:
    """Set small numbers to zero.

    Parameters
    ----------
    x : ndarray, any shape
    lambd : float, default 0.5
        How far from 0 they may lie. Nothing is small if it is negative.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `lambd` not a number.
    ValueError
        `lambd` is NaN.

    Notes
    -----
    Forward: ``y = 0 where -lambd <= x <= lambd, else x``.

    Backward: ``dx = 0 where -lambd <= x <= lambd, else dy``: at the two steps the derivative is taken to be
    0, as in PyTorch. NaN passes through, forward and backward (PyTorch's derivative there is 1 or 0, by the
    element's place in memory).

    References
    ----------
    Donoho and Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage" (Biometrika 81, 1994): hard
    thresholding.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = hardshrink(np.array([-2.0, 0.25, 0.5, 2.0]))
    >>> y.tolist()
    [-2.0, 0.0, 0.0, 2.0]
    >>> pullback(np.ones(4))[0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    check_float_array("hardshrink", "x", x)
    open_ = _large(x, x.dtype.type(check_number("hardshrink", "lambd", lambd)))
    return passing("hardshrink", keep(x, open_), open_)


def softshrink(x: Array, lambd: float = 0.5) -> tuple[Array, Pullback]:
    """Move every number towards zero by so much, and small ones to zero.

    Parameters
    ----------
    x : ndarray, any shape
    lambd : float, at least 0, default 0.5
        By how much.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `lambd` not a number.
    ValueError
        `lambd` is negative, infinite or NaN.

    Notes
    -----
    Forward: ``y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0``.

    Backward: ``dx = 0 where -lambd <= x <= lambd, else dy``: at the two kinks the derivative is taken to be
    0, as in PyTorch. NaN passes through, forward and backward (PyTorch's derivative there is 1 or 0, by the
    element's place in memory).

    References
    ----------
    Donoho and Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage" (Biometrika 81, 1994): soft
    thresholding.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = softshrink(np.array([-2.0, 0.25, 0.5, 2.0]))
    >>> y.tolist()
    [-1.5, 0.0, 0.0, 1.5]
    >>> pullback(np.ones(4))[0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    check_float_array("softshrink", "x", x)
    largest = float(np.finfo(x.dtype).max) if x.dtype.itemsize <= 8 else float(np.finfo(np.float64).max)
    number = x.dtype.type(check_number("softshrink", "lambd", lambd, minimum=0, maximum=largest))
    y = np.asarray(x - np.minimum(np.maximum(x, -number), number))
    return passing("softshrink", y, _large(x, number))


def _clipped(function: str, x: Array, low: float, high: float) -> tuple[Array, Pullback]:
    """Clip to [low, high]; the derivative at both ends is 0."""
    least, most = np.asarray(low, x.dtype), np.asarray(high, x.dtype)
    body = clipped_by_blocks if x.dtype.char in "fd" else _clipped_plain
    return body(function, x, least, most)


def _clipped_plain(function: str, x: Array, least: Array, most: Array) -> tuple[Array, Pullback]:
    """Take any float dtype; `clipped_by_blocks` must equal it."""
    y = np.asarray(np.minimum(np.maximum(x, least), most))
    closed = np.asarray(x <= least)
    closed |= x >= most
    return passing(function, y, np.asarray(~closed))


def _leaking(function: str, x: Array, factors: Array) -> tuple[Array, Pullback]:
    """Return ``x factors`` and its pullback."""
    shape, dtype = x.shape, x.dtype
    with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments
        y = np.asarray(factors * x, dtype)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite cotangents
            return (np.asarray(factors * dy, dtype),)

    return y, pullback


def _large(x: Array, limit: Any) -> Array:
    """Return where x is not between ``-limit`` and `limit`: NaN is not."""
    return np.asarray(~((x >= -limit) & (x <= limit)))


def _sigmoid_of_lines(x: Array) -> Array:
    """Return ``min(max(x + 3, 0), 6) / 6``, a new array."""
    kind = x.dtype.type
    y = np.asarray(x + _THREE[x.dtype.char])
    np.maximum(y, ZERO[x.dtype.char], out=y)
    np.minimum(y, kind(6), out=y)
    return np.asarray(np.divide(y, kind(6), out=y))
