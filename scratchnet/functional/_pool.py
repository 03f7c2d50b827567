"""Pooling over any number of spatial dimensions.

`_max_pool_nd` and `_avg_pool_nd` do the work; the public functions are a signature and one line each. Both go
over the kernel's offsets: at each, a shifted view holds one element of every window. The faster bodies in
``_pool_fast.py`` each name the plain one they must equal.
"""

from __future__ import annotations

import math
from typing import Literal, overload

import numpy as np

from .._check import check_cotangent, check_float_array, check_integer, refuse
from .._types import Array, Cotangents, Pullback
from . import _pool_fast
from ._windows import (
    Geometry,
    IntOrSides,
    Sides,
    check_spatial,
    first_inside,
    pad,
    shifted,
    sides_of,
    unpad,
    zeros_around,
)


@overload
def max_pool1d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> tuple[Array, Pullback]: ...
@overload
def max_pool1d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[tuple[Array, Array], Pullback]: ...
@overload
def max_pool1d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]: ...
def max_pool1d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each window of signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`. Padding never wins: it counts as minus infinity.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat and not padded.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone:
        indices are integers and have no cotangent.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `max_pool2d`'s with one spatial dimension.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    Boureau, Ponce and LeCun, "A Theoretical Analysis of Feature Pooling in Visual Recognition" (ICML 2010).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = max_pool1d(np.array([[3.0, 1.0, 2.0, 5.0, 4.0]]), 2, ceil_mode=True)
    >>> y.tolist()
    [[3.0, 5.0, 4.0]]
    >>> pullback(np.array([[1.0, 2.0, 3.0]]))[0].tolist()
    [[1.0, 0.0, 0.0, 2.0, 3.0]]
    """
    return _max_pool_nd(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, n_dims=1)


@overload
def max_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> tuple[Array, Pullback]: ...
@overload
def max_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[tuple[Array, Array], Pullback]: ...
@overload
def max_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]: ...
def max_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each window of images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`. Padding never wins: it counts as minus infinity.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat and not padded.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone:
        indices are integers and have no cotangent.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    Forward: ``y[n, c, i, j] = max over p, q of x[n, c, i stride + p dilation - padding, j stride + ...]``.

    Backward: each ``dy[n, c, i, j]`` is added to `dx` where that maximum was.

    Of equal elements the first wins, in the order of memory. NaN wins over all else (of several the last), so
    that it is seen in `y`. A window of nothing but minus infinity gives its first element; one that holds no
    element at all, which only `ceil_mode` and `dilation` together can make, minus infinity, index -1 and no
    gradient. An empty batch gives an empty `y`.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    Boureau, Ponce and LeCun, "A Theoretical Analysis of Feature Pooling in Visual Recognition" (ICML 2010).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0, 7.0, 7.0], [4.0, 3.0, 7.0, 7.0]]])
    >>> (y, indices), pullback = max_pool2d(x, 2, return_indices=True)
    >>> y.tolist(), indices.tolist()
    ([[[4.0, 7.0]]], [[[4, 2]]])
    >>> pullback(np.array([[[10.0, 20.0]]]))[0].tolist()
    [[[0.0, 0.0, 20.0, 0.0], [10.0, 0.0, 0.0, 0.0]]]
    """
    return _max_pool_nd(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, n_dims=2)


@overload
def max_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> tuple[Array, Pullback]: ...
@overload
def max_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[tuple[Array, Array], Pullback]: ...
@overload
def max_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]: ...
def max_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    dilation: IntOrSides = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each window of volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`. Padding never wins: it counts as minus infinity.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat and not padded.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone:
        indices are integers and have no cotangent.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `max_pool2d`'s with three spatial dimensions.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    Boureau, Ponce and LeCun, "A Theoretical Analysis of Feature Pooling in Visual Recognition" (ICML 2010).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = max_pool3d(np.arange(16.0).reshape(1, 2, 2, 4), 2)
    >>> y.tolist()
    [[[[13.0, 15.0]]]]
    """
    return _max_pool_nd(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, n_dims=3)


def avg_pool1d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple[Array, Pullback]:
    """Take the mean of each window of signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    count_include_pad : bool, default True
        Whether padding counts as elements that are 0. What sticks out beyond the padding never counts.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `avg_pool2d`'s with one spatial dimension.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.B.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = avg_pool1d(np.array([[2.0, 4.0, 6.0, 8.0]]), 2)
    >>> y.tolist(), pullback(np.array([[1.0, 2.0]]))[0].tolist()
    ([[3.0, 7.0]], [[0.5, 0.5, 1.0, 1.0]])
    """
    return _avg_pool_nd(x, kernel_size, stride, padding, ceil_mode, count_include_pad, None, n_dims=1)


def avg_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[Array, Pullback]:
    """Take the mean of each window of images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    count_include_pad : bool, default True
        Whether padding counts as elements that are 0. What sticks out beyond the padding never counts.
    divisor_override : int, optional
        What to divide by instead of the number of elements.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    Forward: ``y[n, c, i, j] = (sum over p, q of x[n, c, i stride + p - padding, j stride + ...]) / d``, where
    d is `divisor_override`, or the number of elements of the window: with those in the padding where
    `count_include_pad`, without them otherwise.

    Backward: each ``dy[n, c, i, j] / d`` is added to `dx` at every element of its window.

    An empty batch gives an empty `y`.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.B.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[4.0, 8.0], [0.0, 4.0]]])
    >>> y, pullback = avg_pool2d(x, 2)
    >>> y.tolist(), pullback(np.array([[[4.0]]]))[0].tolist()
    ([[[4.0]]], [[[1.0, 1.0], [1.0, 1.0]]])
    >>> avg_pool2d(x, 2, padding=1)[0].tolist()
    [[[1.0, 2.0], [0.0, 1.0]]]
    >>> avg_pool2d(x, 2, padding=1, count_include_pad=False)[0].tolist()
    [[[4.0, 8.0], [0.0, 4.0]]]
    """
    return _avg_pool_nd(
        x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, n_dims=2
    )


def avg_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    padding: IntOrSides = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[Array, Pullback]:
    """Take the mean of each window of volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    padding : int or tuple of int, default 0
        How far windows may begin before the first element and end behind the last; at most half of
        `kernel_size`.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x` or in the
        padding before it.
    count_include_pad : bool, default True
        Whether padding counts as elements that are 0. What sticks out beyond the padding never counts.
    divisor_override : int, optional
        What to divide by instead of the number of elements.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `avg_pool2d`'s with three spatial dimensions.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 3.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.B.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = avg_pool3d(np.arange(16.0).reshape(1, 2, 2, 4), 2)
    >>> y.tolist()
    [[[[6.5, 8.5]]]]
    """
    return _avg_pool_nd(
        x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, n_dims=3
    )


def _max_pool_nd(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None,
    padding: IntOrSides,
    dilation: IntOrSides,
    ceil_mode: bool,
    return_indices: bool,
    n_dims: int,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take maxima over windows of the last `n_dims` dimensions."""
    function = f"max_pool{n_dims}d"
    check_float_array(function, "x", x)
    geometry = _geometry(function, x, kernel_size, stride, padding, dilation, ceil_mode, n_dims)
    shape, dtype, sides = x.shape[:-n_dims] + geometry.out, x.dtype, x.shape[-n_dims:]
    fast = None if return_indices else _pool_fast.max_pool(x, geometry)
    if fast is None:
        y, winner = max_forward_plain(x, geometry)
    else:
        y, fast_dx = fast

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if fast is None:
            return (max_dx_plain(dy, winner, sides, geometry),)
        return (fast_dx(dy),)

    if return_indices:
        return (y, _indices(winner, sides, geometry)), pullback
    return y, pullback


def _avg_pool_nd(
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None,
    padding: IntOrSides,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Take means over windows of the last `n_dims` dimensions."""
    function = f"avg_pool{n_dims}d"
    check_float_array(function, "x", x)
    geometry = _geometry(function, x, kernel_size, stride, padding, 1, ceil_mode, n_dims)
    shape, dtype, sides = x.shape[:-n_dims] + geometry.out, x.dtype, x.shape[-n_dims:]
    if divisor_override is not None:
        number = check_integer(function, "divisor_override", divisor_override)
        if number == 0:
            raise refuse(function, "divisor_override must not be 0", divisor_override=divisor_override)
        divisor = np.asarray(number, dtype=dtype)
    elif not geometry.is_padded:  # every window has all its elements
        divisor = np.asarray(math.prod(geometry.kernel), dtype=dtype)
    else:
        divisor = window_sizes(geometry, sides, count_include_pad).astype(dtype)
    fast = _pool_fast.avg_pool(x, divisor, geometry)
    y, fast_dx = fast if fast is not None else (avg_forward_plain(x, divisor, geometry), None)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if fast_dx is None:
            return (avg_dx_plain(dy, divisor, sides, geometry),)
        return (fast_dx(dy),)

    return y, pullback


def _geometry(
    function: str,
    x: Array,
    kernel_size: IntOrSides,
    stride: IntOrSides | None,
    padding: IntOrSides,
    dilation: IntOrSides,
    ceil_mode: bool,
    n_dims: int,
) -> Geometry:
    """Return where the windows lie; padded behind as far as the last one reaches."""
    check_spatial(function, x, n_dims)
    kernel = sides_of(function, "kernel_size", kernel_size, n_dims, minimum=1)
    # As in PyTorch, an empty tuple stands for the default too.
    stride = (
        kernel if stride is None or stride == () else sides_of(function, "stride", stride, n_dims, minimum=1)
    )
    before = sides_of(function, "padding", padding, n_dims, minimum=0)
    dilation = sides_of(function, "dilation", dilation, n_dims, minimum=1)
    if any(2 * b > k for b, k in zip(before, kernel, strict=True)):
        raise refuse(
            function, "padding must be at most half of kernel_size", padding=padding, kernel_size=kernel
        )
    sides = x.shape[-n_dims:]
    if 0 in x.shape[-n_dims - 1 :]:
        raise refuse(function, "only the batch of x may be empty", x=x)
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    out = tuple(
        _n_windows(side, b, r, s, ceil_mode)
        for side, b, r, s in zip(sides, before, reach, stride, strict=True)
    )
    if min(out) < 1:
        raise refuse(function, f"no window fits: its sides, dilated, are {reach}", x=x, padding=padding)
    after = tuple(
        max((o - 1) * s + r - b - side, 0)
        for o, s, r, b, side in zip(out, stride, reach, before, sides, strict=True)
    )
    return Geometry(kernel, stride, dilation, before, after, out)


def _n_windows(side: int, padding: int, reach: int, stride: int, ceil_mode: bool) -> int:
    """Return how many windows one side has."""
    room = side + 2 * padding - reach
    if not ceil_mode:
        return room // stride + 1
    n = -(-room // stride) + 1
    # The last window must begin inside the input or in the padding before it.
    return n - 1 if (n - 1) * stride >= side + padding else n


def max_forward_plain(x: Array, geometry: Geometry) -> tuple[Array, Array]:
    """Return `y` and, for each window, the number of the offset that won (-1 where it holds no element)."""
    padded = pad(x, geometry.before, geometry.after, -np.inf)
    winner = np.broadcast_to(
        first_inside(x.shape[-len(geometry.out) :], geometry), x.shape[: -len(geometry.out)] + geometry.out
    ).copy()
    y = np.full(winner.shape, -np.inf, dtype=x.dtype)
    for number, offset in enumerate(np.ndindex(*geometry.kernel)):
        candidate = shifted(padded, offset, geometry)
        better = (candidate > y) | np.isnan(candidate)
        y[better] = candidate[better]
        winner[better] = number
    return y, winner


def max_dx_plain(dy: Array, winner: Array, sides: Sides, geometry: Geometry) -> Array:
    """Return ``dx``: each window's cotangent, added where its maximum was."""
    padded = zeros_around(dy.shape[: -len(sides)], sides, dy.dtype, geometry)
    for number, offset in enumerate(np.ndindex(*geometry.kernel)):
        view = shifted(padded, offset, geometry)
        view += np.where(winner == number, dy, dy.dtype.type(0))
    return np.array(unpad(padded, geometry.before, sides))


def avg_forward_plain(x: Array, divisor: Array, geometry: Geometry) -> Array:
    """Return ``y``: the sum over the offsets, divided."""
    padded = pad(x, geometry.before, geometry.after)
    y = np.zeros(x.shape[: -len(geometry.out)] + geometry.out, dtype=x.dtype)
    for offset in np.ndindex(*geometry.kernel):
        y += shifted(padded, offset, geometry)
    y /= divisor
    return y


def avg_dx_plain(dy: Array, divisor: Array, sides: Sides, geometry: Geometry) -> Array:
    """Return ``dx``: each window's cotangent, divided, at each of its elements."""
    padded = zeros_around(dy.shape[: -len(sides)], sides, dy.dtype, geometry)
    each = dy / divisor
    for offset in np.ndindex(*geometry.kernel):
        view = shifted(padded, offset, geometry)
        view += each
    return np.array(unpad(padded, geometry.before, sides))


def window_sizes(geometry: Geometry, sides: Sides, count_include_pad: bool) -> Array:
    """Return how many elements each window has: an array of shape `out`, for windows without dilation.

    None is empty: each begins before the end of the input, and at least half of it behind the begin.
    """
    sizes: Array = np.ones((), dtype=np.int64)
    for axis, side in enumerate(sides):
        start = np.arange(geometry.out[axis]) * geometry.stride[axis] - geometry.before[axis]
        end = start + geometry.kernel[axis]
        if count_include_pad:
            length = np.minimum(end, side + geometry.before[axis]) - start
        else:
            length = np.minimum(end, side) - np.maximum(start, 0)
        sizes = sizes[..., None] * length
    return sizes


def _indices(winner: Array, sides: Sides, geometry: Geometry) -> Array:
    """Return each winner's place in the flat image without its padding."""
    indices: Array = np.zeros((), dtype=np.int64)
    offsets = np.unravel_index(np.maximum(winner, 0), geometry.kernel)
    for axis, side in enumerate(sides):
        start = np.arange(geometry.out[axis]) * geometry.stride[axis] - geometry.before[axis]
        start = start.reshape(-1, *(1,) * (len(sides) - 1 - axis))
        indices = indices * side + start + offsets[axis] * geometry.dilation[axis]
    return np.where(winner < 0, -1, indices).astype(np.int64)
