"""How far apart two vectors are: by their angle or by the norm of their difference."""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_dim, check_float_arrays, check_number, refuse
from .._types import Array, Cotangents, Pullback
from ._shapes import unbroadcast


def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> tuple[Array, Pullback]:
    """Return the cosine of the angle between vectors that lie along `dim`.

    Parameters
    ----------
    x1, x2 : ndarray, shapes that broadcast against each other
    dim : int, default 1
        The dimension of their common shape that the vectors lie along.
    eps : float, default 1e-8
        What a norm is taken to be at least.

    Returns
    -------
    y : ndarray, the common shape without `dim`
        In the dtype of `x1`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (dx1, dx2)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not broadcast or have no such dimension; `eps` is negative.

    Notes
    -----
    Forward: ``y = u1 . u2`` with ``u = x / max(|x|, eps)``, Euclidean norms.

    Backward, with ``n1 = max(|x1|, eps)`` and ``du1 = dy u2``:
    ``dx1 = (du1 - (du1 . u1) x1 / |x1|) / n1``, and `dx2` alike. Of a zero vector ``x1 / |x1|`` is 0. As in
    PyTorch the norm's own derivative counts where it is less than `eps` as well.

    An infinity makes its vector's similarity NaN, and so does a norm that overflows to infinity make it 0.

    References
    ----------
    Manning, Raghavan and Schuetze, "Introduction to Information Retrieval" (2008), equation 6.10.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = cosine_similarity(np.array([[3.0, 4.0]]), np.array([[2.0, 0.0]]))
    >>> y.round(6).tolist()
    [0.6]
    >>> dx1, dx2 = pullback(np.array([1.0]))
    >>> dx1.round(6).tolist(), dx2.round(6).tolist()
    ([[0.128, -0.096]], [[0.0, 0.4]])
    """
    check_float_arrays("cosine_similarity", "x1", x1, x2=x2)
    eps = check_number("cosine_similarity", "eps", eps, minimum=0)
    common = _common_shape("cosine_similarity", x1, x2)
    axis = check_dim("cosine_similarity", dim, len(common))
    shape, dtype = common[:axis] + common[axis + 1 :], x1.dtype
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # A number is a vector of one: NumPy takes axis 0 of it.
        (u1, n1, way1), (u2, n2, way2) = (_unit(np.broadcast_to(x, common), axis, eps) for x in (x1, x2))
        y = np.asarray(np.add.reduce(u1 * u2, axis=axis))

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        dy = np.expand_dims(check_cotangent("cosine_similarity", dy, shape, dtype), axis)
        with np.errstate(over="ignore", invalid="ignore"):
            dx1 = _unit_backward(dy * u2, u1, n1, way1, axis) if needs_input_grad[0] else None
            dx2 = _unit_backward(dy * u1, u2, n2, way2, axis) if needs_input_grad[1] else None
        return (
            None if dx1 is None else unbroadcast(dx1, x1.shape),
            None if dx2 is None else unbroadcast(dx2, x2.shape),
        )

    return y, pullback


def pairwise_distance(
    x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> tuple[Array, Pullback]:
    """Return the p-norm of the difference of vectors that lie along the last axis.

    Parameters
    ----------
    x1, x2 : ndarray, shapes (*, D) that broadcast against each other
    p : float, default 2
        The norm's exponent: any number, and infinities.
    eps : float, default 1e-6
        What is added to each difference, so that the distance of equal vectors has a derivative.
    keepdim : bool, default False
        Whether `y` keeps the last axis, with side 1.

    Returns
    -------
    y : ndarray, shape (*) or (*, 1)
        In the dtype of `x1`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (dx1, dx2)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, the dtypes differ, or `p` or `eps` is not a number.
    ValueError
        The shapes do not broadcast; `p` is infinite or negative and the vectors are empty.

    Notes
    -----
    Forward: ``y = (sum of |d|^p)^(1/p)`` with ``d = x1 - x2 + eps``; the number of d that are not 0 for
    p = 0, the largest |d| for infinity and the smallest for minus infinity.

    Backward: ``dd = dy sign(d) (|d| / y)^(p - 1)``, ``dx1 = dd``, ``dx2 = -dd``. It is 0 where y is 0, where
    d is 0 and for p = 0; where p is infinite, those d that have the norm share `dy` evenly.

    References
    ----------
    Deza and Deza, "Encyclopedia of Distances" (2009), chapter 5, "Norm metric".

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = pairwise_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)), eps=0.0)
    >>> y.tolist()
    [5.0]
    >>> dx1, dx2 = pullback(np.array([1.0]))
    >>> dx1.tolist(), dx2.tolist()
    ([[0.6, 0.8]], [[-0.6, -0.8]])
    """
    check_float_arrays("pairwise_distance", "x1", x1, x2=x2)
    p = check_number("pairwise_distance", "p", p)
    eps = check_number("pairwise_distance", "eps", eps)
    common = _common_shape("pairwise_distance", x1, x2)
    if common[-1:] == (0,) and (p < 0 or p == math.inf):
        raise refuse("pairwise_distance", "x1 must have a last axis that is not empty for this p", x1=x1, p=p)
    dtype = x1.dtype
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        d = np.asarray(x1 - x2 + dtype.type(eps))
        norm = p_norm(d, p)
    shape = norm.shape if keepdim else norm.shape[:-1]

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        dy = check_cotangent("pairwise_distance", dy, shape, dtype).reshape(norm.shape)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            dd = p_norm_backward(dy, d, norm, p)
        return (
            np.array(unbroadcast(dd, x1.shape)) if needs_input_grad[0] else None,
            np.asarray(unbroadcast(-dd, x2.shape)) if needs_input_grad[1] else None,
        )

    return np.array(norm.reshape(shape)), pullback


def p_norm(d: Array, p: float) -> Array:
    """Return the p-norm over the last axis, which stays with side 1."""
    size = np.abs(d)
    if math.prod(d.shape[-1:]) == 1 and p != 0:
        return np.asarray(size)  # no power of it is taken, which might overflow
    if p == 2:
        return np.asarray(np.sqrt(np.add.reduce(d * d, axis=-1, keepdims=True)))
    if p == 1:
        return np.asarray(np.add.reduce(size, axis=-1, keepdims=True))
    if p == 0:
        return np.asarray(np.add.reduce(d != 0, axis=-1, keepdims=True)).astype(d.dtype)
    if math.isinf(p):
        return np.asarray((np.maximum if p > 0 else np.minimum).reduce(size, axis=-1, keepdims=True))
    power = d.dtype.type
    return np.asarray(np.add.reduce(size ** power(p), axis=-1, keepdims=True) ** power(1 / p))


def p_norm_backward(dy: Array, d: Array, norm: Array, p: float) -> Array:
    """Return the cotangent of `d`, where that of `p_norm`, which is `norm`, is `dy`."""
    if p == 0:
        return np.zeros_like(d)
    if p == 2:
        return np.asarray(np.where(norm == 0, 0, dy * (d / norm)))
    sign = np.subtract(d > 0, d < 0, dtype=d.dtype)  # of NaN 0, as in PyTorch
    if p == 1:
        return np.asarray(dy * sign)
    if math.isinf(p):
        reached = np.abs(d) == norm
        shared = dy / np.add.reduce(reached, axis=-1, keepdims=True).astype(d.dtype)
        return np.asarray(np.where(reached, sign * shared, 0))
    power = d.dtype.type(p - 1)
    each = np.where(d == 0, 0, sign * np.abs(d) ** power)
    return np.asarray(np.where(norm == 0, 0, each * (dy / norm**power)))


def _common_shape(function: str, x1: Array, x2: Array) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise refuse(function, "x1 and x2 must have shapes that broadcast", x1=x1, x2=x2) from None


def _unit(x: Array, axis: int, eps: float) -> tuple[Array, Array, Array]:
    """Return ``x / max(|x|, eps)``, that norm, and the derivative of |x|."""
    norm = np.sqrt(np.add.reduce(x * x, axis=axis, keepdims=True))
    least = np.maximum(norm, x.dtype.type(eps))
    return x / least, least, np.where(norm == 0, 0, x / norm)


def _unit_backward(du: Array, u: Array, norm: Array, way: Array, axis: int) -> Array:
    along = np.add.reduce(du * u, axis=axis, keepdims=True)
    return np.asarray((du - along * way) / norm)
