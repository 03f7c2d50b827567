"""Losses of classes: from their log-probabilities or logits to one number, or to one for each sample.

What the two share stands at the end: how class indices are read.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._check import (
    check_float_arrays,
    check_integer,
    check_integer_array,
    check_labels,
    check_number,
    refuse,
    refuse_type,
)
from .._types import Array, Cotangents, Pullback, Scalar
from ._activation import log_softmax
from ._loss_reduction import check_deprecated, check_reduction, reduce_losses, reduce_pullback
from ._shapes import ones
from ._softmax_fast import cross_entropy_of_rows

_Needs3 = tuple[bool, bool, bool]


def nll_loss(
    x: Array,
    target: Array,
    weight: Array | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Negative log-likelihood of class indices: minus the log-probability of each sample's own class.

    Parameters
    ----------
    x : ndarray, shape (C,), (N, C) or (N, C, d1, d2, ...)
        Log-probabilities, as `log_softmax` gives them along the axis of C.
    target : ndarray of any integer dtype, shape (), (N,) or (N, d1, d2, ...)
        Class indices in ``0 .. C - 1``, or `ignore_index`.
    weight : ndarray, shape (C,), optional
        How much each class counts; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    ignore_index : int, default -100
        A target of this value is left out: of the sum, of the mean's divisor and of the gradient.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the sum of the weights of the targets that are not left out.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of `target` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, None, None)``: `target` and `weight`
        have no derivative here, as in PyTorch.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `weight` not one of the same dtype, `target` not one of integers.
    ValueError
        The shapes do not fit, a class index lies outside ``0 .. C - 1``, `reduction` is none of the three, or
        a deprecated argument is given.

    Notes
    -----
    Forward, with t the target and w the weight: ``l_n = -w[t_n] x[n, t_n]``, 0 where t_n is left out; the
    mean is ``sum_n l_n / sum_n w[t_n]``.

    Backward: ``dx[n, t_n] = -w[t_n] dl_n``, 0 elsewhere, where ``dl_n`` is dy, or ``dy / sum_n w[t_n]`` for
    the mean.

    The mean of nothing (an empty batch, all targets left out) is NaN, its gradient 0; the sum is 0.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equation 4.108.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = nll_loss(np.array([[-1.0, -2.0], [-3.0, -4.0]]), np.array([0, 1]))
    >>> float(y)
    2.5
    >>> dx, _, _ = pullback()
    >>> dx.tolist()
    [[-0.5, 0.0], [0.0, -0.5]]
    """
    check_deprecated("nll_loss", size_average, reduce)
    check_float_arrays("nll_loss", "x", x, weight=weight)
    _check_class_axis("nll_loss", x, weight)
    _check_indices("nll_loss", x, target)
    ignore_index = check_integer("nll_loss", "ignore_index", ignore_index)
    check_labels("nll_loss", target, _n_classes(x), ignore_index)
    check_reduction("nll_loss", reduction)
    kept, spots = _spots(x, target, ignore_index)
    with np.errstate(over="ignore", invalid="ignore"):  # log-probabilities may be -inf, and weights 0
        losses, factors = _picked(x, kept, spots, weight)
    divisor = _total(factors, kept, x.dtype)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(dy: Array | float = 1.0, needs_input_grad: _Needs3 = (True, True, True)) -> Cotangents:
        dlosses = reduce_pullback("nll_loss", dy, losses.shape, losses.dtype, reduction, divisor)
        if not needs_input_grad[0]:
            return None, None, None
        return _picked_pullback(dlosses, x, kept, spots, factors), None, None

    return y, pullback


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[Array | Scalar, Pullback]:
    """Cross entropy between logits and the classes, or the probabilities of classes, that they should have.

    Parameters
    ----------
    x : ndarray, shape (C,), (N, C) or (N, C, d1, d2, ...)
        Logits: the softmax is taken here.
    target : ndarray, integers of shape (), (N,) or (N, d1, d2, ...), or floats of the shape of `x`
        Class indices in ``0 .. C - 1`` (or `ignore_index`), of any integer dtype; or probabilities of the
        classes, of the dtype of `x`, which are taken as they are: they need not add up to 1.
    weight : ndarray, shape (C,), optional
        How much each class counts; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    ignore_index : int, default -100
        A class index of this value is left out: of the sum, of the mean's divisor and of the gradient. Not
        for probabilities.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum, for class indices by the sum of the weights of the targets that are not left
        out, for probabilities by the number of samples (``N d1 d2 ...``), whatever the weights.
    label_smoothing : float in [0, 1], default 0
        Moves this share of each sample's probability to all C classes alike.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of `x` without its axis of classes for 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dweight)``. Class indices
        have no derivative, and with them `weight` has none: both are None. With probabilities all three are
        arrays, as in PyTorch.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `weight` not one of the same dtype, `target` neither integers nor of
        that dtype.
    ValueError
        The shapes do not fit, a class index lies outside ``0 .. C - 1``, `reduction` is not one of the three,
        `label_smoothing` not in [0, 1], `ignore_index` was given with probabilities, or a deprecated argument
        is given.

    Notes
    -----
    Forward: ``l_n = -sum_c w_c q_nc z_nc`` with ``z = log softmax(x)``. Probabilities p give
    ``q = (1 - s) p + s / C``, where s is the label smoothing; a class index is a p of 1 for its class and 0
    for all others.

    Backward: ``dx_nc = dz_nc - softmax(x)_nc sum_c dz_nc`` with ``dz_nc = -dl_n w_c q_nc``, where ``dl_n`` is
    dy, or dy by the mean's divisor; which for class indices without smoothing is
    ``dl_n w[t_n] (softmax(x)_nc - [c = t_n])``. Further ``dp_nc = -dl_n (1 - s) w_c z_nc`` and
    ``dw_c = -sum_n dl_n q_nc z_nc``.

    The mean of nothing (an empty batch, all targets left out) is NaN, its gradient 0; the sum is 0.
    A sample whose logits hold NaN or +inf, or nothing but -inf, has the loss NaN.

    With class indices this is `log_softmax` and then `nll_loss`, and the pullback theirs in reverse. For the
    plain case of a matrix of logits a fused body does the same in fewer passes.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equations 4.108 and 4.109. Szegedy et al.,
    "Rethinking the Inception Architecture for Computer Vision" (2016), section 7 (label smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = cross_entropy(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([1, 0]))
    >>> round(float(y), 4)  # log(2) / 2: the second sample is right beyond doubt
    0.3466
    >>> dx, _, _ = pullback()
    >>> dx.tolist()
    [[0.25, -0.25], [0.0, 0.0]]

    Probabilities as targets:

    >>> y, pullback = cross_entropy(np.array([[0.0, 0.0]]), np.array([[0.25, 0.75]]))
    >>> pullback()[0].tolist()
    [[0.25, -0.25]]
    """
    check_deprecated("cross_entropy", size_average, reduce)
    if _is_plain(x, target, weight, ignore_index, label_smoothing):
        check_reduction("cross_entropy", reduction)
        return cross_entropy_of_rows(x, target, reduction)

    check_float_arrays("cross_entropy", "x", x, weight=weight)
    _check_class_axis("cross_entropy", x, weight)
    check_reduction("cross_entropy", reduction)
    ignore_index = check_integer("cross_entropy", "ignore_index", ignore_index)
    label_smoothing = check_number("cross_entropy", "label_smoothing", label_smoothing, minimum=0, maximum=1)
    if isinstance(target, np.ndarray) and target.dtype.kind == "f":
        _check_probabilities(x, target, ignore_index)
        return _cross_entropy_of_probabilities(x, target, weight, reduction, label_smoothing)
    _check_indices("cross_entropy", x, target)
    check_labels("cross_entropy", target, _n_classes(x), ignore_index)
    return _cross_entropy_of_indices(x, target, weight, ignore_index, reduction, label_smoothing)


def _cross_entropy_of_indices(
    x: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float
) -> tuple[Array | Scalar, Pullback]:
    """Compose log_softmax and nll_loss; smoothing adds the same loss of every class."""
    axis = _class_axis(x)
    one_hot_share = x.dtype.type(1 - smoothing)
    every_share = x.dtype.type(smoothing / max(x.shape[axis], 1))
    class_weights = _along(axis, x.ndim, ones(x.shape[axis], x.dtype) if weight is None else weight)
    with np.errstate(over="ignore", invalid="ignore"):
        z, z_pullback = log_softmax(x, axis)
        kept, spots = _spots(x, target, ignore_index)
        losses, factors = _picked(z, kept, spots, weight)
        if smoothing:
            every = np.asarray(np.add.reduce(z * class_weights, axis=axis))
            losses = np.asarray(one_hot_share * losses)
            losses[kept] -= every_share * every[kept]
    divisor = _total(factors, kept, x.dtype)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(dy: Array | float = 1.0, needs_input_grad: _Needs3 = (True, True, True)) -> Cotangents:
        dlosses = reduce_pullback("cross_entropy", dy, losses.shape, losses.dtype, reduction, divisor)
        if not needs_input_grad[0]:
            return None, None, None
        with np.errstate(over="ignore", invalid="ignore"):
            dz = _picked_pullback(dlosses, x, kept, spots, factors)
            if smoothing:
                dkept = np.where(kept, dlosses, x.dtype.type(0))
                dz = one_hot_share * dz - np.expand_dims(dkept, axis) * (every_share * class_weights)
            return z_pullback(dz)[0], None, None

    return y, pullback


def _cross_entropy_of_probabilities(
    x: Array, target: Array, weight: Array | None, reduction: str, smoothing: float
) -> tuple[Array | Scalar, Pullback]:
    """Minus the sum over the classes of weight times probability times log_softmax."""
    axis = _class_axis(x)
    number, n_classes = x.dtype.type, x.shape[axis]
    class_weights = _along(axis, x.ndim, ones(n_classes, x.dtype) if weight is None else weight)
    others = tuple(i for i in range(x.ndim) if i != axis)
    with np.errstate(over="ignore", invalid="ignore"):
        z, z_pullback = log_softmax(x, axis)
        q = target * number(1 - smoothing) + number(smoothing / max(n_classes, 1))
        losses = np.asarray(-np.add.reduce(z * q * class_weights, axis=axis))
    # Without classes there are no samples to speak of: the mean is NaN, as in PyTorch.
    divisor = number(math.prod(x.shape) // n_classes if n_classes else 0)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(dy: Array | float = 1.0, needs_input_grad: _Needs3 = (True, True, True)) -> Cotangents:
        dlosses = reduce_pullback("cross_entropy", dy, losses.shape, losses.dtype, reduction, divisor)
        dlosses = np.expand_dims(np.broadcast_to(dlosses, losses.shape), axis)
        dx = dtarget = dweight = None
        with np.errstate(over="ignore", invalid="ignore"):
            if needs_input_grad[0]:
                dx = z_pullback(-dlosses * q * class_weights)[0]
            if needs_input_grad[1]:
                dtarget = -dlosses * z * class_weights * number(1 - smoothing)
            if weight is not None and needs_input_grad[2]:
                dweight = -np.asarray(np.add.reduce(dlosses * q * z, axis=others))
        return dx, dtarget, dweight

    return y, pullback


def _is_plain(x: Array, target: Array, weight: Array | None, ignore_index: int, smoothing: float) -> bool:
    """Return whether `cross_entropy_of_rows` can take this call: valid, and none of the options used."""
    if weight is not None or smoothing != 0 or not isinstance(x, np.ndarray):
        return False
    if x.ndim != 2 or x.dtype.char not in "fd" or not isinstance(target, np.ndarray):
        return False
    n, n_classes = x.shape
    if target.shape != (n,) or target.dtype.kind not in "iu" or n == 0:
        return False
    if ignore_index.__class__ is not int or 0 <= ignore_index < n_classes:
        return False
    # Read without a sign, a negative index is a large one: one maximum tells for both ends of the range.
    indices = target.astype(np.intp, copy=False).view(np.uintp)
    return bool((max(indices.tolist()) if n <= 16 else np.maximum.reduce(indices)) < n_classes)


# Classes: x of shape (C,), (N, C) or (N, C, d1, ...) and one index for each (), (N,) or (N, d1, ...).


def _class_axis(x: Array) -> int:
    return 0 if x.ndim == 1 else 1


def _n_classes(x: Array) -> int:
    n_classes: int = x.shape[_class_axis(x)]
    return n_classes


def _along(axis: int, ndim: int, vector: Array) -> Array:
    """Return `vector` with the axes of size 1 that it takes to broadcast along `axis`."""
    return vector.reshape(tuple(-1 if i == axis else 1 for i in range(ndim)))


def _check_class_axis(function: str, x: Array, weight: Array | None) -> None:
    if x.ndim == 0:
        raise refuse(function, "x must have an axis of classes: (C,), (N, C) or (N, C, d1, ...)", x=x)
    if weight is not None and weight.shape != (_n_classes(x),):
        raise refuse(function, "weight must hold one number for each class of x", weight=weight, x=x)


def _check_indices(function: str, x: Array, target: Array) -> None:
    """Require integers, of the shape of `x` without its axis of classes."""
    check_integer_array(function, "target", target)
    axis = _class_axis(x)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    if target.shape == shape:
        return
    if target.shape == x.shape:
        requirement = f"one-hot labels must be given as indices of shape {shape} (target.argmax({axis}))"
        if function == "cross_entropy":
            requirement += " or as probabilities (target.astype(x.dtype))"
        raise refuse(function, requirement, target=target, x=x)
    raise refuse(
        function, f"target must hold a class index for each sample of x: {shape}", target=target, x=x
    )


def _check_probabilities(x: Array, target: Array, ignore_index: int) -> None:
    if target.dtype != x.dtype:
        raise refuse_type(
            "cross_entropy", "probabilities as target must have the dtype of x", target=target, x=x
        )
    if target.shape != x.shape:
        raise refuse(
            "cross_entropy",
            "target must be probabilities of the shape of x, or class indices as integers",
            target=target,
            x=x,
        )
    if ignore_index >= 0:
        raise refuse(
            "cross_entropy",
            "ignore_index is for class indices; give the samples to leave out a probability of 0",
            ignore_index=ignore_index,
        )


def _spots(x: Array, target: Array, ignore_index: int) -> tuple[Array, tuple[Array | int, ...]]:
    """Return the mask of the targets that count, and the index into `x` of each one's own class."""
    kept = np.asarray(target != ignore_index)
    labels = target[kept].astype(np.intp)
    if x.ndim == 1:
        return kept, (labels,)
    sample, *place = np.nonzero(kept)
    return kept, (sample, labels, *place)


def _picked(
    x: Array, kept: Array, spots: tuple[Array | int, ...], weight: Array | None
) -> tuple[Array, Array | None]:
    """Return minus the weighted `x` at the spots, 0 where nothing is kept; and the weights, if any."""
    losses = np.zeros(kept.shape, x.dtype)
    factors = None if weight is None else weight[spots[_class_axis(x)]]
    losses[kept] = -x[spots] if factors is None else -x[spots] * factors
    return losses, factors


def _picked_pullback(
    dlosses: Array, x: Array, kept: Array, spots: tuple[Array | int, ...], factors: Array | None
) -> Array:
    dx = np.zeros(x.shape, x.dtype)
    dlosses = np.broadcast_to(dlosses, kept.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        dx[spots] = -dlosses[kept] if factors is None else -dlosses[kept] * factors
    return dx


def _total(factors: Array | None, kept: Array, dtype: np.dtype[Any]) -> Scalar:
    """Return what the mean divides by: the weight, or number, of the targets that count."""
    total: Scalar = dtype.type(np.count_nonzero(kept)) if factors is None else np.add.reduce(factors)
    return total
