"""Losses of the error x - target: squared, absolute, and the two that pass from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_float_array, check_float_arrays, check_number, refuse
from ._loss_reduction import (
    check_deprecated,
    check_reduction,
    common_shape,
    read_target,
    reduce_losses,
    reduce_pullback,
    spread_back,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Cotangents, Pullback, Scalar

_Needs3 = tuple[bool, bool, bool]


def mse_loss(
    x: Array,
    target: Array,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> tuple[Array | Scalar, Pullback]:
    """Squared error of each element, or its mean or sum.

    Parameters
    ----------
    x : ndarray, any shape
        Predictions.
    target : ndarray, shape of `x`
        What they should be: of the dtype of `x`, or integers. Another shape is broadcast, as in
        PyTorch, which warns of it: of a target (N, 1) and predictions (N,) every pair is compared.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements, or by the sum of the weights.
    weight : ndarray, shape and dtype of `x`, optional
        How much each element counts; 1 by default.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of ``x - target`` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dweight)``; a target of
        integers has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `weight` has not that of `x`, `reduction` is not one of the three, or a
        deprecated argument is given.

    Notes
    -----
    Forward: ``l_i = w_i (x_i - t_i)^2``; the mean is ``y = sum_i l_i / sum_i w_i``.

    Backward: ``dx_i = 2 w_i (x_i - t_i) dl_i``, ``dt = -dx``, and ``dw_i = (x_i - t_i)^2 dl_i`` (for the mean
    ``dw_i = ((x_i - t_i)^2 - y) dl_i``), where ``dl_i`` is dy, or ``dy / sum_i w_i`` for the mean. What was
    broadcast gets the sum.

    The mean of nothing is NaN, the sum of nothing 0.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 5.5.1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = mse_loss(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> float(y)
    2.5
    >>> dx, dtarget, _ = pullback()
    >>> dx.tolist(), dtarget.tolist()
    ([1.0, -2.0], [-1.0, 2.0])
    """
    check_deprecated("mse_loss", size_average, reduce)
    return _of_errors(
        "mse_loss", x, target, weight, reduction,
        lambda errors: errors * errors,
        lambda errors, dlosses: errors * (dlosses + dlosses),
        by_weights=True,
    )  # fmt: skip


def l1_loss(
    x: Array,
    target: Array,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> tuple[Array | Scalar, Pullback]:
    """Absolute error of each element, or its mean or sum.

    Parameters
    ----------
    x : ndarray, any shape
        Predictions.
    target : ndarray, shape of `x`
        What they should be: of the dtype of `x`, or integers. Another shape is broadcast, as in PyTorch.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements, or by the sum of the weights.
    weight : ndarray, shape and dtype of `x`, optional
        How much each element counts; 1 by default.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of ``x - target`` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dweight)``; a target of
        integers has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `weight` has not that of `x`, `reduction` is not one of the three, or a
        deprecated argument is given.

    Notes
    -----
    Forward: ``l_i = w_i |x_i - t_i|``; the mean is ``y = sum_i l_i / sum_i w_i``.

    Backward: ``dx_i = w_i sign(x_i - t_i) dl_i``, ``dt = -dx``, and ``dw_i = |x_i - t_i| dl_i`` (for the mean
    ``dw_i = (|x_i - t_i| - y) dl_i``), where ``dl_i`` is dy, or ``dy / sum_i w_i`` for the mean.

    The derivative at x = t is taken to be 0, and so is that of an error that is NaN. The mean of nothing is
    NaN.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equation 1.91 with q = 1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = l1_loss(np.array([1.0, 2.0, 5.0, 0.0]), np.array([0.0, 4.0, 5.0, 1.0]))
    >>> float(y)
    1.0
    >>> pullback()[0].tolist()
    [0.25, -0.25, 0.0, -0.25]
    """
    check_deprecated("l1_loss", size_average, reduce)
    return _of_errors("l1_loss", x, target, weight, reduction, np.abs, _l1_pullback, by_weights=True)


def smooth_l1_loss(
    x: Array,
    target: Array,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> tuple[Array | Scalar, Pullback]:
    """Absolute error, rounded to a parabola where it is smaller than `beta`.

    Parameters
    ----------
    x : ndarray, any shape
        Predictions.
    target : ndarray, shape of `x`
        What they should be: of the dtype of `x`, or integers. Another shape is broadcast, as in PyTorch.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.
    beta : float, at least 0, default 1.0
        Where the parabola ends; 0 gives `l1_loss`.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of ``x - target`` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, dtarget)``; a target of integers has no
        derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `reduction` is not one of the three, `beta` is negative or NaN, or a
        deprecated argument is given.

    Notes
    -----
    Forward, with ``e = x - t``: ``l = e^2 / (2 beta)`` where ``|e| < beta``, else ``|e| - beta / 2``.

    Backward: ``dx = dl e / beta`` where ``|e| < beta``, else ``dl sign(e)``; ``dt = -dx``. ``dl`` is dy, or
    dy by the number of elements for the mean.

    Both pieces have one slope where they meet, so that there is no kink but for beta = 0, where the slope at
    e = 0 is taken to be 0. The mean of nothing is NaN.

    References
    ----------
    Girshick, "Fast R-CNN" (2015), equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = smooth_l1_loss(np.array([0.5, 3.0]), np.zeros(2), reduction="none")
    >>> y.tolist()
    [0.125, 2.5]
    >>> pullback(np.ones(2))[0].tolist()
    [0.5, 1.0]
    """
    check_deprecated("smooth_l1_loss", size_average, reduce)
    beta = check_number("smooth_l1_loss", "beta", beta, minimum=0)
    check_float_array("smooth_l1_loss", "x", x)
    number = x.dtype.type
    edge, half, one = number(beta), number(0.5), number(1)

    def losses(errors: Array) -> Any:
        size = np.abs(errors)
        return np.where(size < edge, half * size * size / edge, size - half * edge)

    def slopes(errors: Array, dlosses: Array) -> Any:
        inside = np.where(errors >= edge, one, errors / edge)
        return np.where(errors <= -edge, -one, inside) * dlosses

    bodies: tuple[Callable[[Array], Any], Callable[[Array, Array], Any]] = losses, slopes
    if beta == 0:
        bodies = np.abs, _l1_pullback
    y, pullback = _of_errors("smooth_l1_loss", x, target, None, reduction, *bodies)
    return y, _without_weight(pullback)


def huber_loss(
    x: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> tuple[Array | Scalar, Pullback]:
    """Half the squared error, continued by its tangent beyond `delta`.

    Parameters
    ----------
    x : ndarray, any shape
        Predictions.
    target : ndarray, shape of `x`
        What they should be: of the dtype of `x`, or integers. Another shape is broadcast, as in PyTorch.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements, whatever the weights.
    delta : float, above 0, default 1.0
        The error from which on the loss is a straight line.
    weight : ndarray, shape and dtype of `x`, optional
        How much each element counts; 1 by default.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of ``x - target`` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dweight)``; a target of
        integers has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `weight` has not that of `x`, `reduction` is not one of the three, or
        `delta` is not above 0.

    Notes
    -----
    Forward, with ``e = x - t``: ``l = w e^2 / 2`` where ``|e| < delta``, else ``w delta (|e| - delta / 2)``.

    Backward: ``dx = w dl max(-delta, min(e, delta))``, ``dt = -dx``, and dw is dl times the loss without its
    weight. ``dl`` is dy, or dy by the number of elements for the mean.

    Both pieces have one slope where they meet. The mean of nothing is NaN.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter" (1964), section 4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = huber_loss(np.array([0.5, 3.0]), np.zeros(2), reduction="none", delta=2.0)
    >>> y.tolist()
    [0.125, 4.0]
    >>> pullback(np.ones(2))[0].tolist()
    [0.5, 2.0]
    """
    delta = check_number("huber_loss", "delta", delta)
    if not delta > 0:
        raise refuse("huber_loss", "delta must be above 0", delta=delta)
    check_float_array("huber_loss", "x", x)
    number = x.dtype.type
    edge, half = number(delta), number(0.5)

    def losses(errors: Array) -> Any:
        size = np.abs(errors)
        return np.where(size < edge, half * size * size, edge * (size - half * edge))

    def slopes(errors: Array, dlosses: Array) -> Any:
        return np.minimum(np.maximum(errors, -edge), edge) * dlosses

    return _of_errors("huber_loss", x, target, weight, reduction, losses, slopes)


def _l1_pullback(errors: Array, dlosses: Array) -> Any:
    return np.subtract(errors > 0, errors < 0, dtype=errors.dtype) * dlosses


def _without_weight(pullback: Pullback) -> Pullback:
    """Return the pullback of a function that takes no weight: two slots instead of three."""

    def of_two(dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        return pullback(dy, needs_input_grad)[:2]

    return of_two


def _of_errors(
    function: str,
    x: Array,
    target: Array,
    weight: Array | None,
    reduction: str,
    losses_of: Callable[[Array], Any],
    slopes: Callable[[Array, Array], Any],
    *,
    by_weights: bool = False,
) -> tuple[Array | Scalar, Pullback]:
    """Return the reduced, weighted losses of x - target, and the pullback of its three arguments.

    `slopes` returns the cotangent of the errors, a new array. With `by_weights` the mean divides by the sum
    of the weights, which then has a derivative too.
    """
    check_float_arrays(function, "x", x, weight=weight)
    target, has_derivative = read_target(function, x, target)
    shape = common_shape(function, x=x, target=target)
    if weight is not None and weight.shape != x.shape:
        raise refuse(function, "weight must have the shape of x", x=x, weight=weight)
    check_reduction(function, reduction)
    with np.errstate(all="ignore"):
        errors = np.asarray(x - target)
        plain = np.asarray(losses_of(errors))
        losses = plain if weight is None else np.asarray(plain * weight)
        counts = weight if by_weights else None
        divisor = x.dtype.type(losses.size) if counts is None else np.add.reduce(counts, axis=None)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(dy: Array | float = 1.0, needs_input_grad: _Needs3 = (True, True, True)) -> Cotangents:
        dlosses = reduce_pullback(function, dy, shape, x.dtype, reduction, divisor)
        dx = dtarget = dweight = None
        with np.errstate(all="ignore"):
            if needs_input_grad[0] or needs_input_grad[1]:
                derrors = np.asarray(slopes(errors, dlosses))
                if weight is not None:
                    derrors = np.asarray(derrors * weight)
                if needs_input_grad[0]:
                    dx = spread_back(derrors, shape, x.shape)
                if needs_input_grad[1] and has_derivative:
                    dtarget = spread_back(np.negative(derrors), shape, target.shape)
            if weight is not None and needs_input_grad[2]:
                if counts is not None and reduction == "mean":
                    dweight = np.asarray((spread_back(plain, shape, x.shape) - y) * dlosses)
                else:
                    dweight = spread_back(plain * dlosses, shape, x.shape)
        return dx, dtarget, dweight

    return y, pullback
