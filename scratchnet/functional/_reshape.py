"""Functions that only rearrange elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from .._check import check_cotangent, check_dim, check_float_array, check_integer, refuse, refuse_type
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


def unflatten(x: Array, dim: int, sizes: Sequence[int]) -> tuple[Array, Pullback]:
    """Make several dimensions of one: what undoes `flatten`.

    Parameters
    ----------
    x : ndarray, any shape but ()
        Of floats.
    dim : int
        Which dimension; negative ones count from the end.
    sizes : tuple or list of int
        The sides of the new dimensions, whose product is the old one's; one of them may be -1 and follows
        from the others.

    Returns
    -------
    y : ndarray, shape ``(*before, *sizes, *behind)``
        A copy, in the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `dim` or one of `sizes` not an integer, or `sizes` not a sequence.
    ValueError
        `x` has no such dimension, or `sizes` is empty or does not come to it.

    Notes
    -----
    Forward: the elements in the order of the indices (row-major), whatever the memory order of `x`.

    Backward: ``dx`` is `dy` in the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = unflatten(np.arange(6.0).reshape(1, 6), 1, (2, -1))
    >>> y.tolist()
    [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]
    >>> pullback(y)[0].shape
    (1, 6)
    """
    check_float_array("unflatten", "x", x)
    if x.ndim == 0:
        raise refuse("unflatten", "x must have a dimension", x=x)
    place = check_dim("unflatten", dim, x.ndim)
    if not isinstance(sizes, tuple | list):
        raise refuse_type("unflatten", "sizes must be a tuple of integers", sizes=sizes)
    sides = [check_integer("unflatten", "each of sizes", side, minimum=-1) for side in sizes]
    known = prod(side for side in sides if side != -1)
    if sides.count(-1) == 1 and known and x.shape[place] % known == 0:
        sides[sides.index(-1)] = x.shape[place] // known
    if not sides or -1 in sides or prod(sides) != x.shape[place]:
        requirement = f"sizes must be integers whose product is {x.shape[place]}, the side of dimension {dim}"
        raise refuse("unflatten", requirement, sizes=sizes, x=x)
    shape, dtype = (*x.shape[:place], *sides, *x.shape[place + 1 :]), x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("unflatten", dy, shape, dtype)
        return (dy.reshape(x.shape).copy() if needs_input_grad[0] else None,)

    return x.reshape(shape).copy(), pullback


def copied(x: Array) -> tuple[Array, Pullback]:
    """Return x itself, as a copy: what `scratchnet.nn.Identity` is a shell of; ``dx = dy``."""
    if not isinstance(x, np.ndarray):
        raise refuse_type("Identity", "x must be a NumPy array", **{"type of x": type(x).__name__})
    shape, dtype = x.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("Identity", dy, shape, dtype)
        return (dy.copy() if needs_input_grad[0] else None,)

    return x.copy(), pullback
