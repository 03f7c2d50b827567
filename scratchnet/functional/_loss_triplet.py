"""Losses of triplets: an anchor should be nearer to the positive than to the negative, by a margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .._check import check_float_arrays, check_number, refuse, refuse_type
from ._distance import p_norm, p_norm_backward
from ._loss_reduction import check_deprecated, check_reduction, reduce_losses, reduce_pullback
from ._shapes import unbroadcast

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Cotangents, Pullback, Scalar

_Needs3 = tuple[bool, bool, bool]


def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Hinge on how much nearer, in the p-norm, an anchor is to the positive than to the negative.

    Parameters
    ----------
    anchor, positive, negative : ndarray, shape (*, D)
        Vectors; shapes of the same number of dimensions are broadcast.
    margin : float, above 0, default 1.0
        How much nearer it should be.
    p : float, default 2
        Of the norm; infinite and negative ones too.
    eps : float, default 1e-6
        Added to each difference of two vectors.
    swap : bool, default False
        Whether the negative's distance is the smaller one of those to the anchor and to the positive.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of triplets.

    Returns
    -------
    y : float of the dtype of the vectors, or ndarray of shape (*) for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (danchor, dpositive, dnegative)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not broadcast or have different numbers of dimensions, `margin` is not above 0,
        `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = max(0, m + d(a, p) - d(a, n))`` with ``d(u, v) = ||u - v + eps||_p``; with `swap` the
    smaller one of ``d(a, n)`` and ``d(p, n)`` in place of the former.

    Backward, where ``m + d(a, p) - d(a, n) >= 0``: dl goes to d(a, p) and -dl to the other distance (half to
    each of two that are equal), and from a distance d of the vector e to its elements as
    ``sign(e_i) (|e_i| / d)^(p - 1)``. ``dl`` is dy, or dy by the number of triplets for the mean.

    A distance of 0 has the derivative 0, and so has an element that is 0 where p < 2; for an infinite p the
    derivative is shared among the elements that are largest (smallest). p = 0 counts what is not 0, without a
    derivative. The mean of nothing is NaN.

    References
    ----------
    Balntas, Riba, Ponsa and Mikolajczyk, "Learning Local Feature Descriptors with Triplets and Shallow
    Convolutional Neural Networks" (2016), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]])
    >>> y, pullback = triplet_margin_loss(a, p, n, eps=0.0)
    >>> float(y)  # 1 + 5 - 2
    4.0
    >>> pullback()[1].round(6).tolist()
    [[0.6, 0.8]]
    """
    function = "triplet_margin_loss"
    check_deprecated(function, size_average, reduce)
    _check_vectors(function, anchor, positive, negative)
    margin = _check_margin(function, margin)
    p = check_number(function, "p", p)
    eps = check_number(function, "eps", eps)
    check_reduction(function, reduction)
    if math.isinf(p) and 0 in anchor.shape[-1:]:
        raise refuse(function, "an infinite norm needs vectors of at least one element", p=p, anchor=anchor)

    def distance(a: Array, b: Array) -> tuple[Array, Pullback]:
        return _pairwise_distance(a, b, p, eps)

    return _triplet(function, anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    distance_function: Callable[[Array, Array], tuple[Array, Pullback]] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Hinge on how much nearer an anchor is to the positive than to the negative, by a distance of one's own.

    Parameters
    ----------
    anchor, positive, negative : ndarray
        Arrays of the same number of dimensions, for instance (N, D).
    distance_function : callable, optional
        ``distance_function(a, b) -> (distances, pullback)``, as a function of `scratchnet.functional`: the
        pullback turns the distances' cotangent into those of a and b. The Euclidean distance with 1e-6 added
        to each difference by default.
    margin : float, above 0, default 1.0
        How much nearer it should be.
    swap : bool, default False
        Whether the negative's distance is the smaller one of those to the anchor and to the positive.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of distances.

    Returns
    -------
    y : float of the dtype of the arguments, or ndarray of the distances' shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (danchor, dpositive, dnegative)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, the dtypes differ, or `distance_function` returns something
        else than a value and its pullback.
    ValueError
        The shapes do not broadcast or have different numbers of dimensions, `margin` is not above 0, or
        `reduction` is not one of the three.

    Notes
    -----
    Forward: ``l = max(0, m + d(a, p) - d(a, n))``; with `swap` the smaller one of ``d(a, n)`` and
    ``d(p, n)`` in place of the former.

    Backward, where ``m + d(a, p) - d(a, n) >= 0``: dl goes to d(a, p) and -dl to the other distance (half to
    each of two that are equal), and on through the distance's own pullback. ``dl`` is dy, or dy by the number
    of distances for the mean.

    The mean of nothing is NaN.

    References
    ----------
    Balntas, Riba, Ponsa and Mikolajczyk, "Learning Local Feature Descriptors with Triplets and Shallow
    Convolutional Neural Networks" (2016), section 2.

    Examples
    --------
    The squared distance:

    >>> import numpy as np
    >>> def squared(a, b):
    ...     def pullback(dy, needs_input_grad=(True, True)):
    ...         da = 2 * dy[:, None] * (a - b)
    ...         return da, -da
    ...     return ((a - b) ** 2).sum(axis=1), pullback
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> y, pullback = triplet_margin_with_distance_loss(a, p, n, distance_function=squared)
    >>> float(y)
    1.0
    >>> pullback()[0].tolist()
    [[-2.0, 2.0]]
    """
    function = "triplet_margin_with_distance_loss"
    _check_vectors(function, anchor, positive, negative)
    margin = _check_margin(function, margin)
    check_reduction(function, reduction)

    def distance(a: Array, b: Array) -> tuple[Array, Pullback]:
        if distance_function is None:
            return _pairwise_distance(a, b, 2.0, 1e-6)
        found = distance_function(a, b)
        right = isinstance(found, tuple) and len(found) == 2 and callable(found[1])
        if not right or not isinstance(found[0], np.ndarray | np.floating) or found[0].dtype != a.dtype:
            raise refuse_type(
                function,
                "distance_function must return an array of the arguments' dtype and its pullback",
                distance_function=distance_function,
            )
        return np.asarray(found[0]), found[1]

    return _triplet(function, anchor, positive, negative, distance, margin, swap, reduction)


def _check_vectors(function: str, anchor: Array, positive: Array, negative: Array) -> None:
    check_float_arrays(function, "anchor", anchor, positive=positive, negative=negative)
    given = {"anchor": anchor, "positive": positive, "negative": negative}
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise refuse(function, "the three must have one number of dimensions", **given)
    try:
        np.broadcast_shapes(anchor.shape, positive.shape, negative.shape)
    except ValueError:
        raise refuse(
            function, "the shapes of anchor, positive and negative must broadcast", **given
        ) from None


def _check_margin(function: str, margin: float) -> float:
    margin = check_number(function, "margin", margin)
    if not margin > 0:
        raise refuse(function, "margin must be above 0", margin=margin)
    return margin


def _triplet(
    function: str,
    anchor: Array,
    positive: Array,
    negative: Array,
    distance: Callable[[Array, Array], tuple[Array, Pullback]],
    margin: float,
    swap: bool,
    reduction: str,
) -> tuple[Array | Scalar, Pullback]:
    """Return the hinge on two distances (of three, with `swap`), and the pullback through all of them."""
    dtype = anchor.dtype
    zero, half = dtype.type(0), dtype.type(0.5)
    with np.errstate(all="ignore"):
        near, near_pullback = distance(anchor, positive)
        far, far_pullback = distance(anchor, negative)
        nearest = far
        if swap:
            other, other_pullback = distance(positive, negative)
            nearest = np.minimum(far, other)
        hinge = np.asarray(dtype.type(margin) + near - nearest)
        losses = np.asarray(np.maximum(hinge, zero))
    divisor = dtype.type(losses.size)
    y = reduce_losses(losses, reduction, divisor)

    def pullback(dy: Array | float = 1.0, needs_input_grad: _Needs3 = (True, True, True)) -> Cotangents:
        dlosses = reduce_pullback(function, dy, losses.shape, dtype, reduction, divisor)
        if not any(needs_input_grad):
            return None, None, None
        sums: list[Array | None] = [None, None, None]

        def add(places: tuple[int, int], gradients: Cotangents) -> None:
            for place, gradient in zip(places, gradients, strict=True):
                if needs_input_grad[place] and gradient is not None:
                    before = sums[place]
                    sums[place] = np.array(gradient) if before is None else np.asarray(before + gradient)

        with np.errstate(all="ignore"):
            dhinge = np.asarray(np.where(hinge >= 0, dlosses, zero))
            add((0, 1), near_pullback(unbroadcast(dhinge, near.shape)))
            dfar = np.asarray(-dhinge)
            if swap:
                shared = np.where(far == other, half * dfar, dfar)
                dother = np.asarray(np.where(far < other, zero, shared))
                dfar = np.asarray(np.where(far > other, zero, shared))
                add((1, 2), other_pullback(unbroadcast(dother, other.shape)))
            add((0, 2), far_pullback(unbroadcast(dfar, far.shape)))
        return tuple(sums)

    return y, pullback


def _pairwise_distance(a: Array, b: Array, p: float, eps: float) -> tuple[Array, Pullback]:
    """Return the p-norm of ``a - b + eps`` along the last axis, and its pullback."""
    number = a.dtype.type
    errors = np.asarray(a - b + number(eps))
    if errors.ndim == 0:
        errors = errors.reshape(1)
    norms = p_norm(errors, p)

    def pullback(dy: Array) -> Cotangents:
        derrors = p_norm_backward(dy[..., None], errors, norms, p)
        return unbroadcast(derrors, a.shape), unbroadcast(np.asarray(-derrors), b.shape)

    return np.asarray(norms[..., 0]), pullback
