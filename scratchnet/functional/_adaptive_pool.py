"""Pooling to a given output size: windows that follow from the number of them.

Windows are boxes, so that sums and maxima are taken along one axis after the other, whatever their number.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .._check import check_cotangent, check_float_array, check_integer, refuse, refuse_type
from .._types import Array, Cotangents, Pullback
from ._places import add_at, first_largest
from ._windows import Sides, check_spatial

OutputSize: TypeAlias = int | Sequence[int | None]
"""How many windows: one number for all spatial dimensions or one for each; None keeps the input's side."""


def adaptive_avg_pool1d(x: Array, output_size: int | Sequence[int]) -> tuple[Array, Pullback]:
    """Take the mean of each of so many windows of signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    output_size : int
        How many windows along each spatial dimension. It may be larger than that side.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty spatial one, or `output_size` is negative or has another length.

    Notes
    -----
    The formulas and conventions are `adaptive_avg_pool2d`'s with one spatial dimension.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = adaptive_avg_pool1d(np.array([[1.0, 2.0, 3.0]]), 2)
    >>> y.tolist(), pullback(np.array([[2.0, 4.0]]))[0].tolist()
    ([[1.5, 2.5]], [[1.0, 3.0, 2.0]])
    """
    return _adaptive_avg_pool_nd(x, output_size, n_dims=1)


def adaptive_avg_pool2d(x: Array, output_size: OutputSize) -> tuple[Array, Pullback]:
    """Take the mean of each of so many windows of images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    output_size : int or tuple of 2 int or None
        How many windows along each spatial dimension; None keeps the side of `x`. It may be larger than that
        side.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty spatial one, or `output_size` is negative or has another length.

    Notes
    -----
    Window i of O along a side of length L holds the elements ``floor(i L / O)`` to
    ``ceil((i + 1) L / O) - 1``: windows may overlap by one, and are equal where O divides L.

    Forward: ``y[n, c, i, j] = mean of x[n, c]`` over rows of window i and columns of window j.

    Backward: each ``dy[n, c, i, j]``, divided by the number of its window's elements, is added to `dx` at all
    of them.

    NaN and infinity stay within their windows. An empty batch, or an `output_size` of 0, gives an empty `y`.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = adaptive_avg_pool2d(np.array([[[4.0, 8.0], [0.0, 4.0]]]), (1, None))
    >>> y.tolist(), pullback(np.array([[[2.0, 4.0]]]))[0].tolist()
    ([[[2.0, 6.0]]], [[[1.0, 2.0], [1.0, 2.0]]])
    """
    return _adaptive_avg_pool_nd(x, output_size, n_dims=2)


def adaptive_avg_pool3d(x: Array, output_size: OutputSize) -> tuple[Array, Pullback]:
    """Take the mean of each of so many windows of volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    output_size : int or tuple of 3 int or None
        How many windows along each spatial dimension; None keeps the side of `x`. It may be larger than that
        side.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty spatial one, or `output_size` is negative or has another length.

    Notes
    -----
    The formulas and conventions are `adaptive_avg_pool2d`'s with three spatial dimensions.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = adaptive_avg_pool3d(np.arange(16.0).reshape(1, 2, 2, 4), (1, 1, 2))
    >>> y.tolist()
    [[[[6.5, 8.5]]]]
    """
    return _adaptive_avg_pool_nd(x, output_size, n_dims=3)


def adaptive_max_pool1d(
    x: Array, output_size: int | Sequence[int], return_indices: bool = False
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each of so many windows of signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    output_size : int
        How many windows along each spatial dimension. It may be larger than that side.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty one behind the batch, or `output_size` is negative or has another
        length.

    Notes
    -----
    The formulas and conventions are `adaptive_max_pool2d`'s with one spatial dimension.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = adaptive_max_pool1d(np.array([[1.0, 5.0, 3.0, 4.0, 2.0]]), 3)
    >>> y.tolist(), pullback(np.array([[1.0, 10.0, 100.0]]))[0].tolist()
    ([[5.0, 5.0, 4.0]], [[0.0, 11.0, 0.0, 100.0, 0.0]])
    """
    return _adaptive_max_pool_nd(x, output_size, return_indices, n_dims=1)


def adaptive_max_pool2d(
    x: Array, output_size: OutputSize, return_indices: bool = False
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each of so many windows of images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    output_size : int or tuple of 2 int or None
        How many windows along each spatial dimension; None keeps the side of `x`. It may be larger than that
        side.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty one behind the batch, or `output_size` is negative or has another
        length.

    Notes
    -----
    Window i of O along a side of length L holds the elements ``floor(i L / O)`` to
    ``ceil((i + 1) L / O) - 1``: windows may overlap by one, and are equal where O divides L.

    Forward: ``y[n, c, i, j] = max of x[n, c]`` over rows of window i and columns of window j.

    Backward: each ``dy[n, c, i, j]`` is added to `dx` where that maximum was.

    Of equal elements the first wins, in the order of memory; NaN wins over all else, of several the last. An
    empty batch, or an `output_size` of 0, gives an empty `y`.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> (y, indices), pullback = adaptive_max_pool2d(
    ...     np.array([[[4.0, 8.0], [9.0, 8.0]]]), (1, None), return_indices=True
    ... )
    >>> y.tolist(), indices.tolist()
    ([[[9.0, 8.0]]], [[[2, 1]]])
    >>> pullback(np.array([[[2.0, 4.0]]]))[0].tolist()
    [[[0.0, 4.0], [2.0, 0.0]]]
    """
    return _adaptive_max_pool_nd(x, output_size, return_indices, n_dims=2)


def adaptive_max_pool3d(
    x: Array, output_size: OutputSize, return_indices: bool = False
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of each of so many windows of volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    output_size : int or tuple of 3 int or None
        How many windows along each spatial dimension; None keeps the side of `x`. It may be larger than that
        side.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``. With `return_indices` too it takes `dy` alone.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or `output_size` is not made of integers.
    ValueError
        `x` has other dimensions or an empty one behind the batch, or `output_size` is negative or has another
        length.

    Notes
    -----
    The formulas and conventions are `adaptive_max_pool2d`'s with three spatial dimensions.

    References
    ----------
    He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014),
    section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = adaptive_max_pool3d(np.arange(16.0).reshape(1, 2, 2, 4), (1, 1, 2))
    >>> y.tolist()
    [[[[13.0, 15.0]]]]
    """
    return _adaptive_max_pool_nd(x, output_size, return_indices, n_dims=3)


def _adaptive_avg_pool_nd(x: Array, output_size: OutputSize, n_dims: int) -> tuple[Array, Pullback]:
    """Take means over so many windows of the last `n_dims` dimensions."""
    function = f"adaptive_avg_pool{n_dims}d"
    check_float_array(function, "x", x)
    out = _output_sides(function, x, output_size, n_dims)
    sides, dtype = x.shape[-n_dims:], x.dtype
    shape = x.shape[:-n_dims] + out
    windows = [_windows(side, o) for side, o in zip(sides, out, strict=True)]
    sizes: Array = np.ones((), dtype=np.int64)
    for start, end in windows:
        sizes = sizes[..., None] * (end - start)
    divisor = sizes.astype(dtype)
    fits = dtype.char in "fd" and all(0 < s * o <= _LARGEST for s, o in zip(sides, out, strict=True))
    y = _sums_by_product(x, sides, out) if fits else None
    if y is None:
        y = x
        for axis, (start, end) in enumerate(windows, -n_dims):
            y = _range_sums(y, start, end, axis)
    y = y / divisor

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = dy / divisor
        found = _sums_back_by_product(dx, sides, out) if fits else None
        if found is not None:
            return (found,)
        for axis, ((start, end), side) in enumerate(zip(windows, sides, strict=True), -n_dims):
            # The windows that hold an element lie side by side, as the elements of a window do.
            places = np.arange(side)
            first = np.searchsorted(end, places, side="right")
            behind = np.searchsorted(start, places, side="right")
            dx = _range_sums(dx, first, behind, axis)
        return (dx,)

    return y, pullback


def _adaptive_max_pool_nd(
    x: Array, output_size: OutputSize, return_indices: bool, n_dims: int
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take maxima over so many windows of the last `n_dims` dimensions."""
    function = f"adaptive_max_pool{n_dims}d"
    check_float_array(function, "x", x)
    out = _output_sides(function, x, output_size, n_dims)
    if 0 in x.shape[-n_dims - 1 :]:
        raise refuse(function, "only the batch of x may be empty", x=x)
    sides, dtype = x.shape[-n_dims:], x.dtype
    shape = x.shape[:-n_dims] + out
    found = _largest_of_windows(x, sides, out)
    y, kept = largest_plain(x, sides, out) if found is None else found

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        return (add_at(dy, kept, sides),) if needs_input_grad[0] else (None,)

    return ((y, kept.copy()) if return_indices else y), pullback


def largest_plain(x: Array, sides: Sides, out: Sides) -> tuple[Array, Array]:
    """Return each window's maximum and its place in the flat image, along one axis after the other."""
    y = x
    indices = np.broadcast_to(np.arange(math.prod(sides), dtype=np.int64).reshape(sides), x.shape)
    # The last axis first: of equal elements the first in memory is the first of its row in the first such
    # row.
    for axis in range(-1, -len(sides) - 1, -1):
        start, end = _windows(sides[axis], out[axis])
        longest = int((end - start).max(initial=1))
        # Shorter windows repeat their last element.
        places = np.minimum(start[:, None] + np.arange(longest), end[:, None] - 1)
        held = np.moveaxis(y, axis, -1)[..., places]
        winner = first_largest(held)[..., None]
        y = np.moveaxis(np.take_along_axis(held, winner, -1)[..., 0], -1, axis)
        held = np.moveaxis(indices, axis, -1)[..., places]
        indices = np.moveaxis(np.take_along_axis(held, winner, -1)[..., 0], -1, axis)
    return np.ascontiguousarray(y), np.ascontiguousarray(indices)


def _largest_of_windows(x: Array, sides: Sides, out: Sides) -> tuple[Array, Array] | None:
    """Return what `largest_plain` does: copy each window's elements to one run, and look there.

    None where a maximum is NaN, of which the last counts, and where it would not pay.
    """
    if x.dtype.char not in "fd" or x.size == 0 or not 0 < math.prod(out) <= math.prod(sides) <= _LARGEST:
        return None
    elements = _elements(sides, out)
    windows, length = elements.shape
    maps = x.reshape(-1, math.prod(sides))
    y = np.empty((len(maps), windows), x.dtype)
    kept = np.empty(y.shape, np.int64)
    step = max(1, _BLOCK // elements.size)
    runs = np.arange(min(step, len(maps)) * windows) * length
    for start in range(0, len(maps), step):
        held = maps[start : start + step].take(elements.reshape(-1), axis=1, mode="clip").reshape(-1, length)
        winner = held.argmax(axis=1)
        winner += runs[: len(winner)]
        held.take(winner, out=y[start : start + step].reshape(-1), mode="clip")
        winner %= elements.size
        elements.take(winner, out=kept[start : start + step].reshape(-1), mode="clip")
    if np.isnan(y).any():
        return None
    shape = x.shape[: -len(sides)] + out
    return y.reshape(shape), kept.reshape(shape)


@functools.lru_cache(maxsize=16)
def _elements(sides: Sides, out: Sides) -> Array:
    """Return the places of each window's elements in the flat image, ``(prod(out), longest)``, in order.

    Shorter windows repeat some: never before an equal place comes first.
    """
    places = np.zeros((1, 1), np.int64)
    for side, o in zip(sides, out, strict=True):
        start, end = _windows(side, o)
        along = np.minimum(start[:, None] + np.arange(int((end - start).max())), end[:, None] - 1)
        places = places[:, None, :, None] * side + along[None, :, None, :]
        places = places.reshape(places.shape[0] * o, -1)
    places.flags.writeable = False
    return places


def _output_sides(function: str, x: Array, output_size: OutputSize, n_dims: int) -> Sides:
    """Return how many windows each spatial dimension has."""
    check_spatial(function, x, n_dims)
    sides = x.shape[-n_dims:]
    if 0 in sides:
        raise refuse(function, "the sides of x must not be empty", x=x)
    each: tuple[int | None, ...]
    each = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * n_dims
    if len(each) != n_dims:
        raise refuse(
            function, f"output_size must be an integer or a tuple of {n_dims}", output_size=output_size
        )
    if output_size is None or (n_dims == 1 and each == (None,)):  # as in PyTorch
        raise refuse_type(function, "output_size must be an integer or a tuple", output_size=output_size)
    return tuple(
        side if o is None else check_integer(function, "output_size", o, minimum=0)
        for o, side in zip(each, sides, strict=True)
    )


def _windows(side: int, out: int) -> tuple[Array, Array]:
    """Return where each window of one side begins, and where it has ended.

    >>> [edge.tolist() for edge in _windows(5, 3)]
    [[0, 1, 3], [2, 4, 5]]
    """
    number = np.arange(out, dtype=np.int64)
    return number * side // out, -(-(number + 1) * side // out)


_BLOCK = 1 << 18  # elements of a block of copied windows
_LARGEST = 1 << 17  # elements of a matrix of windows by elements, and of a map whose windows are copied
_SMALL = 1 << 12  # elements of a matrix up to which one product is faster than one for each axis


@functools.lru_cache(maxsize=32)
def _membership(sides: Sides, out: Sides, char: str) -> Array:
    """Return ``(prod(sides), prod(out))``: 1 where an element belongs to a window, else 0."""
    matrix = np.ones((1, 1), char)
    for side, o in zip(sides, out, strict=True):
        start, end = _windows(side, o)
        place = np.arange(side)[:, None]
        matrix = np.kron(matrix, ((start <= place) & (place < end)).astype(char))
    matrix.flags.writeable = False
    return matrix


def _at_once(sides: Sides, out: Sides) -> bool:
    """Return whether the products of all axes are better made as one."""
    elements, windows = math.prod(sides), math.prod(out)
    return elements * windows <= (_LARGEST if windows == 1 else _SMALL)


def _sums_by_product(x: Array, sides: Sides, out: Sides) -> Array | None:
    """Return the windows' sums as `_range_sums` does axis by axis, up to rounding.

    None where a sum is not finite: 0 times an infinity is NaN in windows that do not hold it.
    """
    lead, char = x.shape[: -len(sides)], x.dtype.char
    with np.errstate(over="ignore", invalid="ignore"):
        if _at_once(sides, out):
            sums = x.reshape(-1, math.prod(sides)) @ _membership(sides, out, char)
        else:
            sums = x
            for i, (side, o) in enumerate(zip(sides[:-1], out[:-1], strict=True), 1):
                sums = _membership((side,), (o,), char).T @ sums.reshape(-1, side, math.prod(sides[i:]))
            sums = sums.reshape(-1, sides[-1]) @ _membership(sides[-1:], out[-1:], char)
    return sums.reshape(*lead, *out) if np.isfinite(sums).all() else None


def _sums_back_by_product(dy: Array, sides: Sides, out: Sides) -> Array | None:
    """Return, for each element, the sum over the windows that hold it; None as `_sums_by_product`."""
    lead, each, char = dy.shape[: -len(sides)], dy.reshape(-1, math.prod(out)), dy.dtype.char
    if not np.isfinite(each).all():
        return None
    if each.shape[1] == 1:  # one window: all elements alike
        return np.repeat(each, math.prod(sides), axis=1).reshape(*lead, *sides)
    with np.errstate(over="ignore", invalid="ignore"):
        if _at_once(sides, out):
            dx = each @ _membership(sides, out, char).T
        else:
            dx = each.reshape(-1, out[-1]) @ _membership(sides[-1:], out[-1:], char).T
            for i in range(len(sides) - 1, 0, -1):
                if not np.isfinite(dx).all():  # finite, but too large together: as above
                    return None
                side, o = sides[i - 1], out[i - 1]
                dx = _membership((side,), (o,), char) @ dx.reshape(-1, o, math.prod(sides[i:]))
    return np.asarray(dx.reshape(*lead, *sides))


def _range_sums(x: Array, start: Array, end: Array, axis: int) -> Array:
    """Return the sums of ``x[start:end]`` along one axis; no range is empty unless `x` has nothing there."""
    if start.size == 0 or x.shape[axis] == 0:
        return np.zeros((*x.shape[:axis], start.size, *x.shape[x.ndim + axis + 1 :]), dtype=x.dtype)
    # reduceat goes from each number to the next: every second of its sums is a range's, and the last end must
    # be a place of the array too.
    behind = np.zeros_like(np.take(x, [0], axis=axis))
    edges = np.stack([start, end], axis=1).reshape(-1)
    with np.errstate(invalid="ignore", over="ignore"):  # as the products: what overflows is seen in the sums
        sums = np.add.reduceat(np.concatenate([x, behind], axis=axis), edges, axis=axis)
    return np.take(sums, np.arange(0, edges.size, 2), axis=axis)
