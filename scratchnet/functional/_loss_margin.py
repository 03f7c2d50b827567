"""Losses that ask for a margin between right and wrong: hinges, soft and hard, of one score or of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import (
    check_float_array,
    check_float_arrays,
    check_integer_array,
    check_labels,
    check_number,
    refuse,
)
from ._activation import sigmoid
from ._activation_smooth import logsigmoid
from ._loss_reduction import (
    check_deprecated,
    check_fits,
    check_reduction,
    common_shape,
    read_target,
    reduce_losses,
    reduce_pullback,
    reduced,
)
from ._shapes import unbroadcast

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback, Scalar

# PyTorch's constant beside the squares of a cosine, which has the digits of float32.
_LEAST = float(np.float32(1e-12))


def margin_ranking_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Hinge on the difference of two scores, of which the target says the one that should be higher.

    Parameters
    ----------
    input1, input2 : ndarray, any shape
        Scores.
    target : ndarray, shape of the scores
        1 where `input1` should be higher, -1 where `input2` should: of their dtype, or integers. Shapes of
        the same number of dimensions are broadcast.
    margin : float, default 0
        By how much.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.

    Returns
    -------
    y : float of the dtype of the scores, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dinput1, dinput2, dtarget)``; a target of
        integers has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast or have different numbers of dimensions, `reduction` is not one of the
        three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = max(0, m - t (x1 - x2))``.

    Backward, where ``m - t (x1 - x2) >= 0``: ``dx1 = -t dl``, ``dx2 = t dl``, ``dt = -(x1 - x2) dl``; 0
    elsewhere. ``dl`` is dy, or dy by the number of elements for the mean.

    At the kink the derivative is that of the slope. The mean of nothing is NaN.

    References
    ----------
    Herbrich, Graepel and Obermayer, "Large Margin Rank Boundaries for Ordinal Regression" (2000).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = margin_ranking_loss(np.array([1.0, 3.0]), np.array([2.0, 1.0]), np.array([1, 1]))
    >>> float(y)
    0.5
    >>> pullback()[0].tolist()
    [-0.5, -0.0]
    """
    function = "margin_ranking_loss"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "input1", input1, input2=input2)
    sign, has_derivative = read_target(function, input1, target, first="input1")
    if not input1.ndim == input2.ndim == target.ndim:
        raise refuse(
            function, "the arguments must have one number of dimensions",
            input1=input1, input2=input2, target=target,
        )  # fmt: skip
    common_shape(function, input1=input1, input2=input2, target=target)
    margin = check_number(function, "margin", margin)
    check_reduction(function, reduction)
    zero = input1.dtype.type(0)
    with np.errstate(all="ignore"):
        difference = np.asarray(input1 - input2)
        losses = np.asarray(-sign * difference + input1.dtype.type(margin))
        violated = losses >= 0
        losses = np.asarray(np.maximum(losses, zero))

    def by_input1(dlosses: Array) -> Any:
        return -sign * np.where(violated, dlosses, zero)

    def by_input2(dlosses: Array) -> Any:
        return sign * np.where(violated, dlosses, zero)

    def by_target(dlosses: Array) -> Any:
        return -difference * np.where(violated, dlosses, zero)

    gradients = (by_input1, by_input2, by_target if has_derivative else None)
    return reduced(function, losses, reduction, (input1, input2, sign), gradients)


def hinge_embedding_loss(
    x: Array,
    target: Array,
    margin: float = 1.0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Distances of what is alike (target 1), and a hinge on those of what is not (target -1).

    Parameters
    ----------
    x : ndarray, any shape
        Distances.
    target : ndarray, shape of `x`
        1 or -1: of the dtype of `x`, or integers. Another shape is broadcast.
    margin : float, default 1.0
        How far apart what is not alike should be.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, None)``: `target` has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = x`` for a target of 1, ``max(0, m - x)`` for -1, and as in PyTorch the sum of both for any
    other.

    Backward: ``dx = dl`` for a target of 1; ``-dl`` where ``m - x >= 0``, else 0, for -1; the sum of both for
    any other. ``dl`` is dy, or dy by the number of elements for the mean.

    At the kink the derivative is that of the slope. The mean of nothing is NaN.

    References
    ----------
    Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping" (2006), equation 3,
    without the squares.

    Examples
    --------
    >>> import numpy as np
    >>> x, target = np.array([0.5, 0.25, 2.0]), np.array([1, -1, -1])
    >>> y, pullback = hinge_embedding_loss(x, target, reduction="none")
    >>> y.tolist()
    [0.5, 0.75, 0.0]
    >>> pullback(np.ones(3))[0].tolist()
    [1.0, -1.0, 0.0]
    """
    function = "hinge_embedding_loss"
    check_deprecated(function, size_average, reduce)
    check_float_array(function, "x", x)
    sign, _ = read_target(function, x, target)
    common_shape(function, x=x, target=target)
    margin = check_number(function, "margin", margin)
    check_reduction(function, reduction)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    unlike, alike = sign != one, sign != -one
    with np.errstate(all="ignore"):
        short = np.asarray(x.dtype.type(margin) - x)
        losses = np.where(unlike, np.maximum(short, zero), zero) + np.where(alike, x, zero)

    def by_x(dlosses: Array) -> Any:
        return np.where(alike, dlosses, zero) - np.where(unlike & (short >= 0), dlosses, zero)

    return reduced(function, np.asarray(losses), reduction, (x, sign), (by_x, None))


def soft_margin_loss(
    x: Array, target: Array, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> tuple[Array | Scalar, Pullback]:
    """Logistic loss of scores whose sign should be the target's.

    Parameters
    ----------
    x : ndarray, any shape
        Scores.
    target : ndarray, shape of `x`
        1 or -1: of the dtype of `x`, or integers. Another shape is broadcast.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, None)``: `target` has no derivative here, as
        in PyTorch.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = log(1 + exp(-t x))``.

    Backward: ``dx = -t e / (1 + e) dl`` with ``e = exp(-t x)``, where ``dl`` is dy, or dy by the number of
    elements for the mean.

    Where the exponential overflows (-t x above 88 in float32, 709 in float64) the loss is infinite and its
    derivative NaN, as in PyTorch; `binary_cross_entropy_with_logits` is the same loss without that. The mean
    of nothing is NaN.

    References
    ----------
    Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning" (2009), equation 10.18.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = soft_margin_loss(np.array([0.0, 2.0]), np.array([1, 1]), reduction="none")
    >>> y.round(4).tolist()
    [0.6931, 0.1269]
    >>> pullback(np.ones(2))[0].round(4).tolist()
    [-0.5, -0.1192]
    """
    function = "soft_margin_loss"
    check_deprecated(function, size_average, reduce)
    check_float_array(function, "x", x)
    sign, _ = read_target(function, x, target)
    common_shape(function, x=x, target=target)
    check_reduction(function, reduction)
    one = x.dtype.type(1)
    with np.errstate(all="ignore"):
        exponentials = np.asarray(np.exp(-sign * x))
        losses = np.asarray(np.log1p(exponentials))

    def by_x(dlosses: Array) -> Any:
        return -(sign * exponentials) / (exponentials + one) * dlosses

    return reduced(function, losses, reduction, (x, sign), (by_x, None))


def multilabel_soft_margin_loss(
    x: Array,
    target: Array,
    weight: Array | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Cross entropy of a yes or no for each class, averaged over the classes.

    Parameters
    ----------
    x : ndarray, shape (*, C)
        Logits, one for each class.
    target : ndarray, shape of `x`
        1 for the classes a sample has, 0 for the others: of the dtype of `x`, or integers. What broadcasts to
        that shape is taken too.
    weight : ndarray, shape (C,), optional
        How much each class counts; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of samples.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of its shape without the last side for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dweight)``; a target of
        integers has no derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not fit, `x` has no classes, `reduction` is not one of the three, or a deprecated
        argument is given.

    Notes
    -----
    Forward: ``l_n = -1/C sum_c w_c (t_nc log sigmoid(x_nc) + (1 - t_nc) log sigmoid(-x_nc))``.

    Backward: ``dx_nc = w_c / C ((1 - t_nc) sigmoid(x_nc) - t_nc sigmoid(-x_nc)) dl_n``,
    ``dt_nc = w_c / C (log sigmoid(-x_nc) - log sigmoid(x_nc)) dl_n``, and dw_c is the sum over n of
    ``dl_n / C`` times the term of the forward pass. ``dl_n`` is dy, or dy by the number of samples for the
    mean.

    The mean of nothing is NaN.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equation 4.90, for each class.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = multilabel_soft_margin_loss(np.zeros((1, 2)), np.array([[1, 0]]))
    >>> round(float(y), 4)
    0.6931
    >>> pullback()[0].tolist()
    [[-0.25, 0.25]]
    """
    function = "multilabel_soft_margin_loss"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "x", x, weight=weight)
    labels, has_derivative = read_target(function, x, target)
    if x.ndim == 0:
        raise refuse(function, "x must have an axis of classes: (C,) or (N, C)", x=x)
    check_fits(function, "target", labels, x)
    if weight is not None:
        check_fits(function, "weight", weight, x)
    check_reduction(function, reduction)
    number = x.dtype.type
    one, n_classes = number(1), number(x.shape[-1])
    factor = one if weight is None else weight
    with np.errstate(all="ignore"):
        log_yes, log_no = logsigmoid(x)[0], logsigmoid(-x)[0]
        terms = np.asarray(-(labels * log_yes + (one - labels) * log_no))
        losses = np.asarray(np.add.reduce(terms * factor, axis=-1) / n_classes)

    # The cotangents of the samples' losses, spread over the classes.
    def spread(dlosses: Array) -> Any:
        return np.broadcast_to(dlosses, losses.shape)[..., None] / n_classes

    def by_x(dlosses: Array) -> Any:
        slopes = (one - labels) * sigmoid(x)[0] - labels * sigmoid(-x)[0]
        return spread(dlosses) * factor * slopes

    def by_target(dlosses: Array) -> Any:
        return spread(dlosses) * factor * (log_no - log_yes)

    def by_weight(dlosses: Array) -> Any:
        return spread(dlosses) * terms

    gradients = (by_x, by_target if has_derivative else None, by_weight)
    return reduced(function, losses, reduction, (x, labels, weight), gradients, shape=x.shape)


def multi_margin_loss(
    x: Array,
    target: Array,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Hinges between the score of each sample's own class and those of all others.

    Parameters
    ----------
    x : ndarray, shape (N, C) or (C,)
        Scores of the classes.
    target : ndarray of any integer dtype, shape (N,), or () or (1,) beside (C,)
        Class indices in ``0 .. C - 1``.
    p : {1, 2}, default 1
        The power of each hinge.
    margin : float, default 1.0
        By how much the own class should lead.
    weight : ndarray, shape (C,), optional
        How much the samples of each class count; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of samples, whatever the weights.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the shape of `target` for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, None, None)``: `weight` has no
        derivative here, as in PyTorch.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `weight` not one of its dtype, `target` not one of integers.
    ValueError
        The shapes do not fit, `x` has no classes, a class index lies outside ``0 .. C - 1``, `p` is neither 1
        nor 2, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward, with t the target: ``l_n = w[t_n] / C sum_{c != t_n} max(0, z_nc)^p`` with
    ``z_nc = m - x[n, t_n] + x[n, c]``.

    Backward: ``dx[n, c] = w[t_n] / C p z_nc^(p-1) dl_n`` where ``z_nc > 0``, else 0, and ``dx[n, t_n]`` is
    minus the sum of these; ``dl_n`` is dy, or dy by the number of samples for the mean.

    At the kink, and where z is NaN, the derivative is 0, and a z that is NaN counts for nothing. The mean of
    nothing is NaN.

    References
    ----------
    Weston and Watkins, "Support Vector Machines for Multi-Class Pattern Recognition" (1999), equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = multi_margin_loss(np.array([[1.0, 0.5, -1.0, 2.0]]), np.array([0]))
    >>> float(y)  # (0.5 + 0 + 2) / 4
    0.625
    >>> pullback()[0].tolist()
    [[-0.5, 0.25, 0.0, 0.25]]
    """
    function = "multi_margin_loss"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "x", x, weight=weight)
    check_integer_array(function, "target", target)
    _check_scores(function, x)
    shapes = ((x.shape[0],),) if x.ndim == 2 else ((), (1,))
    if target.shape not in shapes:
        raise refuse(function, "target must hold one class index for each sample of x", target=target, x=x)
    rows = np.atleast_2d(x)
    n, n_classes = rows.shape
    if weight is not None and weight.shape != (n_classes,):
        raise refuse(function, "weight must hold one number for each class of x", weight=weight, x=x)
    check_labels(function, target, n_classes)
    if p not in (1, 2):
        raise refuse(function, "p must be 1 or 2", p=p)
    margin = check_number(function, "margin", margin)
    check_reduction(function, reduction)
    number = x.dtype.type
    zero, labels = number(0), np.atleast_1d(target).astype(np.intp)
    own = np.arange(n), labels
    with np.errstate(all="ignore"):
        z = number(margin) - rows[own][:, None] + rows
        counted = z > 0
        counted[own] = False
        z = np.where(counted, z, zero)
        share = number(1) / number(n_classes)
        factor = np.full(n, share) if weight is None else weight[labels] * share
        losses = np.add.reduce(z if p == 1 else z * z, axis=1) * factor
    losses = np.asarray(losses).reshape(target.shape)

    def by_x(dlosses: Array) -> Any:
        scaled = dlosses * factor
        dz = np.where(counted, scaled[:, None], zero) if p == 1 else scaled[:, None] * (z + z)
        dz[own] = -np.add.reduce(dz, axis=1)
        return dz.reshape(x.shape)

    return reduced(function, losses, reduction, (x, target, weight), (by_x, None, None), shape=x.shape)


def multilabel_margin_loss(
    x: Array, target: Array, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> tuple[Array | Scalar, Pullback]:
    """Hinges between the score of each class that a sample has and those of all that it has not.

    Parameters
    ----------
    x : ndarray, shape (N, C) or (C,)
        Scores of the classes.
    target : ndarray of any integer dtype, shape of `x`
        Of each sample the indices of its classes, in ``0 .. C - 1``; the first -1 ends them, and what follows
        it counts for nothing.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of samples.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of its shape without the classes for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, None)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `target` not one of integers.
    ValueError
        The shapes differ, `x` has no classes, a class index lies outside ``-1 .. C - 1``, `reduction` is not
        one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l_n = 1/C sum_j sum_i max(0, z_nji)`` with ``z_nji = 1 - x[n, t_nj] + x[n, i]``, j over the
    listed classes and i over those that are not among them. A class that is listed twice counts twice.

    Backward: each ``z_nji > 0`` adds ``dl_n / C`` to ``dx[n, i]`` and takes it from ``dx[n, t_nj]``, where
    ``dl_n`` is dy, or dy by the number of samples for the mean.

    At the kink, and where z is NaN, the derivative is 0, and a z that is NaN counts for nothing. The mean of
    nothing is NaN.

    References
    ----------
    Elisseeff and Weston, "A Kernel Method for Multi-Labelled Classification" (2001), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> x, target = np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([[3, 0, -1, 1]])
    >>> y, pullback = multilabel_margin_loss(x, target)
    >>> round(float(y), 4)  # ((1 - 0.6) + (1 - 0.4) + (1 + 0.1) + (1 + 0.3)) / 4
    0.85
    >>> pullback()[0].tolist()
    [[-0.5, 0.5, 0.5, -0.5]]
    """
    function = "multilabel_margin_loss"
    check_deprecated(function, size_average, reduce)
    check_float_array(function, "x", x)
    check_integer_array(function, "target", target)
    _check_scores(function, x)
    if target.shape != x.shape:
        raise refuse(function, "target must have the shape of x, filled up with -1", target=target, x=x)
    rows = np.atleast_2d(x)
    n, n_classes = rows.shape
    check_labels(function, target, n_classes, -1)
    check_reduction(function, reduction)
    number = x.dtype.type
    zero, share = number(0), number(1) / number(n_classes)
    labels = target.reshape(n, n_classes).astype(np.intp)
    listed = np.logical_and.accumulate(labels >= 0, axis=1)
    samples = np.arange(n)[:, None]
    own = np.zeros((n, n_classes), bool)
    own[np.nonzero(listed)[0], labels[listed]] = True
    with np.errstate(all="ignore"):
        z = number(1) - rows[samples, labels][:, :, None] + rows[:, None, :]
        counted = (z > 0) & listed[:, :, None] & ~own[:, None, :]
        losses = np.add.reduce(np.where(counted, z, zero), axis=(1, 2)) * share
    losses = np.asarray(losses).reshape(x.shape[:-1])
    pairs = counted.astype(x.dtype)
    more = np.add.reduce(pairs, axis=1)  # how often each class is one of the others
    np.subtract.at(more, (samples, np.where(listed, labels, 0)), np.add.reduce(pairs, axis=2))

    def by_x(dlosses: Array) -> Any:
        return (dlosses[..., None] * share * more).reshape(x.shape)

    return reduced(function, losses, reduction, (x, target), (by_x, None), shape=x.shape)


def _check_scores(function: str, x: Array) -> None:
    if x.ndim > 2 or 0 in x.shape[-1:]:
        raise refuse(function, "x must be scores of at least one class: (N, C) or (C,)", x=x)


def cosine_embedding_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """How far the cosine of two vectors is from 1 (target 1), or above a margin (target -1).

    Parameters
    ----------
    input1, input2 : ndarray, shape (N, D) or (D,)
        Pairs of vectors.
    target : ndarray, shape (N,) or ()
        1 for vectors that should be alike, -1 for others: of their dtype, or integers.
    margin : float, default 0
        The cosine up to which vectors are unlike enough.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of pairs.

    Returns
    -------
    y : float of the dtype of the vectors, or ndarray of shape (N,) or () for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dinput1, dinput2, None)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not fit, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``c = a.b / sqrt((a.a + 1e-12) (b.b + 1e-12))``; ``l = 1 - c`` for a target of 1,
    ``max(0, c - m)`` for -1, and 0 for any other.

    Backward: ``da = dc (b / sqrt(A B) - c a / A)`` with ``A = a.a + 1e-12`` and B alike, db alike, where
    ``dc`` is -dl for a target of 1, dl for -1 where ``c - m >= 0``, else 0. ``dl`` is dy, or dy by the number
    of pairs for the mean.

    A vector of zeros has the cosine 0. The mean of nothing is NaN.

    References
    ----------
    Bromley, Guyon, LeCun, Säckinger and Shah, "Signature Verification using a 'Siamese' Time Delay Neural
    Network" (1993).

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.array([[1.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [3.0, 4.0]])
    >>> y, pullback = cosine_embedding_loss(a, b, np.array([1, -1]), reduction="none")
    >>> y.round(6).tolist()
    [1.0, 1.0]
    >>> (pullback(np.ones(2))[0].round(6) + 0.0).tolist()
    [[0.0, -1.0], [0.0, 0.0]]
    """
    function = "cosine_embedding_loss"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "input1", input1, input2=input2)
    sign, _ = read_target(function, input1, target, first="input1")
    if sign.ndim > 1 or not input1.ndim == input2.ndim == sign.ndim + 1:
        raise refuse(
            function, "the vectors must be (N, D) beside a target (N,), or (D,) beside ()",
            input1=input1, input2=input2, target=target,
        )  # fmt: skip
    vectors = common_shape(function, input1=input1, input2=input2)
    if sign.ndim and 1 not in sign.shape and vectors[0] not in (1, sign.shape[0]):
        raise refuse(function, "target must hold a number for each pair", target=target, input1=input1)
    margin = check_number(function, "margin", margin)
    check_reduction(function, reduction)
    number = input1.dtype.type
    zero, one, least = number(0), number(1), number(_LEAST)
    alike, unlike = sign == 1, sign == -1
    with np.errstate(all="ignore"):
        size1 = np.add.reduce(input1 * input1, axis=-1) + least
        size2 = np.add.reduce(input2 * input2, axis=-1) + least
        product = np.asarray(size1 * size2)
        root = np.sqrt(product)
        cosine = np.asarray(np.add.reduce(input1 * input2, axis=-1) / root)
        beyond = np.asarray(cosine - number(margin))
        losses = np.where(alike, one - cosine, zero) + np.where(unlike, np.maximum(beyond, zero), zero)
    losses = np.asarray(losses)
    divisor = number(losses.size)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(
        dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)
    ) -> Cotangents:
        dlosses = reduce_pullback(function, dy, losses.shape, input1.dtype, reduction, divisor)
        with np.errstate(all="ignore"):
            dcosine = np.where(unlike & (beyond >= 0), dlosses, zero) - np.where(alike, dlosses, zero)
            dcosine = np.asarray(dcosine)[..., None]
            along = dcosine / np.asarray(root)[..., None]
            turned = dcosine * (cosine / product)[..., None]
            dinput1 = dinput2 = None
            if needs_input_grad[0]:
                dinput1 = _vectors_back(
                    along * input2, turned * np.asarray(size2)[..., None] * input1, input1
                )
            if needs_input_grad[1]:
                dinput2 = _vectors_back(
                    along * input1, turned * np.asarray(size1)[..., None] * input2, input2
                )
        return dinput1, dinput2, None

    return y, pullback


def _vectors_back(along: Array, turned: Array, vector: Array) -> Array:
    """Return the difference of two cotangents of a vector, each summed back to its shape."""
    return np.asarray(unbroadcast(along, vector.shape) - unbroadcast(turned, vector.shape))
