"""Functions that only rearrange elements."""

from __future__ import annotations

from math import prod

from .._check import check_cotangent, check_dim, check_float_array, refuse
from .._types import Array, Cotangents, Pullback


def flatten(x: Array, start_dim: int = 0, end_dim: int = -1) -> tuple[Array, Pullback]:
    """Make one dimension of those from `start_dim` to `end_dim`.

    Parameters
    ----------
    x : ndarray, any shape
        Of floats.
    start_dim, end_dim : int, default 0 and -1
        The first and the last of the dimensions; negative ones count from the end.

    Returns
    -------
    y : ndarray, shape ``(*before, product of those, *behind)``
        A copy, in the dtype of `x`; a number becomes an array of one.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or a dimension is not an integer.
    ValueError
        `x` has no such dimension, or `start_dim` comes behind `end_dim`.

    Notes
    -----
    Forward: the elements in the order of the indices (row-major), whatever the memory order of `x`.

    Backward: ``dx`` is `dy` in the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = flatten(np.arange(8.0).reshape(2, 2, 2), start_dim=1)
    >>> y.tolist()
    [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]
    >>> pullback(y)[0].shape
    (2, 2, 2)
    """
    check_float_array("flatten", "x", x)
    start = check_dim("flatten", start_dim, x.ndim)
    end = check_dim("flatten", end_dim, x.ndim)
    if start > end:
        raise refuse(
            "flatten", "start_dim must not come behind end_dim", start_dim=start_dim, end_dim=end_dim, x=x
        )
    shape = (*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    dtype = x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("flatten", dy, shape, dtype)
        return (dy.reshape(x.shape).copy() if needs_input_grad[0] else None,)

    return x.reshape(shape).copy(), pullback
