"""Max unpooling: the partial inverse of max pooling, over any number of spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_integer,
    check_integer_array,
    refuse,
    refuse_type,
)
from .._types import Array, Cotangents, Pullback
from ._windows import IntOrSides, Sides, check_spatial, sides_of


def max_unpool1d(
    x: Array,
    indices: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    output_size: Sequence[int] | None = None,
) -> tuple[Array, Pullback]:
    """Put the maxima of windows of signals or sequences back to where they were, among zeros.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
        What `max_pool1d` gave.
    indices : ndarray of int64, shape of `x`
        The places that it gave with `return_indices`, each in the flat image of its channel.
    kernel_size, stride, padding : int or tuple of int
        What it was given; together they say how large `y` is.
    output_size : sequence of int, optional
        The sides of `y` (or its whole shape with a batch) where the pooling left a remainder: each less than
        a stride away from its default.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, False)) -> (dx, None)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `indices` not one of int64, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, `indices` has another shape or a place
        outside `y`, or an option is out of range.

    Notes
    -----
    The formulas and conventions are `max_unpool2d`'s with one spatial dimension.

    References
    ----------
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = max_unpool1d(np.array([[5.0, 7.0]]), np.array([[1, 2]]), 2)
    >>> y.tolist(), pullback(np.array([[1.0, 2.0, 3.0, 4.0]]))[0].tolist()
    ([[0.0, 5.0, 7.0, 0.0]], [[2.0, 3.0]])
    """
    return _max_unpool_nd(x, indices, kernel_size, stride, padding, output_size, n_dims=1)


def max_unpool2d(
    x: Array,
    indices: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    output_size: Sequence[int] | None = None,
) -> tuple[Array, Pullback]:
    """Put the maxima of windows of images back to where they were, among zeros.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
        What `max_pool2d` gave.
    indices : ndarray of int64, shape of `x`
        The places that it gave with `return_indices`, each in the flat image of its channel.
    kernel_size, stride, padding : int or tuple of int
        What it was given; together they say how large `y` is.
    output_size : sequence of int, optional
        The sides of `y` (or its whole shape with a batch) where the pooling left a remainder: each less than
        a stride away from its default.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, False)) -> (dx, None)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `indices` not one of int64, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, `indices` has another shape or a place
        outside `y`, or an option is out of range.

    Notes
    -----
    Forward: ``y[n, c].flat[indices[n, c, i, j]] = x[n, c, i, j]``, all else is 0. A side of `y` has
    ``(L - 1) stride + kernel_size - 2 padding`` elements, or what `output_size` says.

    Backward: ``dx[n, c, i, j] = dy[n, c].flat[indices[n, c, i, j]]``.

    Where several elements go to one place the last of them stays, in the order of memory (PyTorch leaves open
    which), and each of them is given the cotangent of that place. An empty batch gives an empty `y`.

    References
    ----------
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet.functional import max_pool2d
    >>> x = np.array([[[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]])
    >>> (y, indices), _ = max_pool2d(x, 2, return_indices=True)
    >>> max_unpool2d(y, indices, 2)[0].tolist()
    [[[0.0, 0.0], [0.0, 6.0]]]
    >>> max_unpool2d(y, indices, 2, output_size=(2, 3))[0].tolist()
    [[[0.0, 0.0, 0.0], [6.0, 0.0, 0.0]]]
    """
    return _max_unpool_nd(x, indices, kernel_size, stride, padding, output_size, n_dims=2)


def max_unpool3d(
    x: Array,
    indices: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    output_size: Sequence[int] | None = None,
) -> tuple[Array, Pullback]:
    """Put the maxima of windows of volumes or films back to where they were, among zeros.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
        What `max_pool3d` gave.
    indices : ndarray of int64, shape of `x`
        The places that it gave with `return_indices`, each in the flat image of its channel.
    kernel_size, stride, padding : int or tuple of int
        What it was given; together they say how large `y` is.
    output_size : sequence of int, optional
        The sides of `y` (or its whole shape with a batch) where the pooling left a remainder: each less than
        a stride away from its default.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, False)) -> (dx, None)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `indices` not one of int64, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, `indices` has another shape or a place
        outside `y`, or an option is out of range.

    Notes
    -----
    The formulas and conventions are `max_unpool2d`'s with three spatial dimensions.

    References
    ----------
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014), section 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = max_unpool3d(np.full((1, 1, 1, 1), 9.0), np.full((1, 1, 1, 1), 6), 2)
    >>> y.tolist()
    [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [9.0, 0.0]]]]
    """
    return _max_unpool_nd(x, indices, kernel_size, stride, padding, output_size, n_dims=3)


def _max_unpool_nd(
    x: Array,
    indices: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None,
    padding: IntOrSides,
    output_size: Sequence[int] | None,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Put elements to their places in the last `n_dims` dimensions."""
    function = f"max_unpool{n_dims}d"
    check_float_array(function, "x", x)
    check_integer_array(function, "indices", indices)
    check_spatial(function, x, n_dims)
    if indices.dtype != np.int64:
        raise refuse_type(function, "indices must have the dtype int64", indices=indices)
    if indices.shape != x.shape:
        raise refuse(function, "indices must have the shape of x", indices=indices, x=x)
    if 0 in x.shape[-n_dims - 1 :]:
        raise refuse(function, "only the batch of x may be empty", x=x)
    kernel = sides_of(function, "kernel_size", kernel_size, n_dims, minimum=1)
    steps = kernel if stride is None else sides_of(function, "stride", stride, n_dims, minimum=1)
    pads = sides_of(function, "padding", padding, n_dims, minimum=0)
    usual = tuple(
        (side - 1) * s + k - 2 * p
        for side, s, k, p in zip(x.shape[-n_dims:], steps, kernel, pads, strict=True)
    )
    out = usual if output_size is None else _output_sides(function, output_size, usual, steps)
    if min(out) < 0:
        raise refuse(function, "padding must leave y a side of at least 0", padding=padding, output_size=out)
    size = math.prod(out)
    wrong = (indices < 0) | (indices >= size)
    if wrong.any():
        raise refuse(
            function,
            f"every place of indices must lie in [0, {size - 1}], as y has the sides {out}",
            indices=int(indices[wrong][0]),
        )
    shape, given_shape, dtype = x.shape[:-n_dims] + out, x.shape, x.dtype
    flat_shape = (*x.shape[:-n_dims], math.prod(x.shape[-n_dims:]))
    places = np.array(indices.reshape(flat_shape))
    y = np.zeros((*x.shape[:-n_dims], size), dtype=dtype)
    if x.size:
        np.put_along_axis(y, places, x.reshape(flat_shape), axis=-1)

    def pullback(dy: Array, needs_input_grad: tuple[bool, ...] = (True, False)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None, None)
        flat = dy.reshape(*shape[:-n_dims], size)
        return (np.take_along_axis(flat, places, axis=-1).reshape(given_shape), None)

    return y.reshape(shape), pullback


def _output_sides(function: str, output_size: Sequence[int], usual: Sides, steps: Sides) -> Sides:
    """Return the sides of `y`; those asked for lie less than a stride from the usual ones."""
    n_dims = len(usual)
    if not isinstance(output_size, Sequence):
        raise refuse_type(function, "output_size must be a tuple", output_size=output_size)
    if len(output_size) not in (n_dims, n_dims + 2):
        raise refuse(
            function, f"output_size must have {n_dims} or {n_dims + 2} numbers", output_size=output_size
        )
    out = tuple(check_integer(function, "output_size", side, minimum=0) for side in output_size[-n_dims:])
    if any(abs(o - u) >= s for o, u, s in zip(out, usual, steps, strict=True)):
        raise refuse(
            function,
            f"output_size must lie less than a stride {steps} away from {usual}",
            output_size=output_size,
        )
    return out
