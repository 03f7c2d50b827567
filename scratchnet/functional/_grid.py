"""Sampling an image at any places, and the places of an affine map.

`forward_plain`, `dx_plain` and `dgrid_plain` say what `grid_sample` is; ``_grid_fast.py`` must equal them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_float_arrays,
    check_integer,
    check_option,
    refuse,
    refuse_type,
)
from .._types import Array, Cotangents, Pullback
from . import _grid_fast
from ._embedding import add_rows
from ._grid_fast import Taps
from ._interpolate import cubic_weights


def grid_sample(
    x: Array,
    grid: Array,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> tuple[Array, Pullback]:
    """Sample images at the places of a grid.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (N, C, D, H, W)
    grid : ndarray, shape (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3)
        For each output the place in `x`, the last axis of `x` first: (w, h) or (w, h, d). -1 and 1 are the
        borders of the image.
    mode : {"bilinear", "nearest", "bicubic"}, default "bilinear"
        How the neighbours of a place are put together; ``"bicubic"`` only for (N, C, H, W).
    padding_mode : {"zeros", "border", "reflection"}, default "zeros"
        What is outside: zeros, the nearest element of the border, or the image mirrored at its border.
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the outer elements, rather than their outer edges. None is False.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out)
        In the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (dx, dgrid)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit, `x` has an empty side, or a mode is not one of those.

    Notes
    -----
    Forward: a coordinate g of an axis with n elements is the place ``s = ((g + 1) n - 1) / 2``, or
    ``(g + 1) (n - 1) / 2`` for aligned corners. Border padding moves s into [0, n - 1], reflection mirrors it
    there (bicubic moves its neighbours instead). Then ``y = sum over neighbours i of the product of
    their weights k(s - i), an axis each, times x[i]``: of the nearest element (halves to the even one), of
    two with linear weights, or of four with Keys' kernel, a = -0.75.

    Backward: ``dx[i] = sum of dy times those weights``, and ``dg = dy ds/dg times the sum of
    k'(s - i) x[i]``, summed over the channels; k' is 0 for the nearest.

    At a whole s, bilinear's derivative is the one to the right. ``ds/dg`` is 0 where border or reflection
    have moved s to an end of [0, n - 1], the ends included.

    References
    ----------
    Jaderberg et al., "Spatial Transformer Networks" (NeurIPS 2015), equations 3 to 7.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> y, pullback = grid_sample(x, np.zeros((1, 1, 1, 2)))
    >>> y.tolist()
    [[[[2.5]]]]
    >>> dx, dgrid = pullback(np.ones((1, 1, 1, 1)))
    >>> dx.tolist(), dgrid.tolist()
    ([[[[0.25, 0.25], [0.25, 0.25]]]], [[[[1.0, 2.0]]]])
    """
    check_float_arrays("grid_sample", "x", x, grid=grid)
    check_option("grid_sample", "mode", mode, ("bilinear", "nearest", "bicubic"))
    check_option("grid_sample", "padding_mode", padding_mode, ("zeros", "border", "reflection"))
    n_dims = x.ndim - 2
    if n_dims not in (2, 3):
        raise refuse("grid_sample", "x must be (N, C, H, W) or (N, C, D, H, W)", x=x)
    if grid.ndim != x.ndim or grid.shape[-1] != n_dims or grid.shape[0] != x.shape[0]:
        wanted = "(N, H_out, W_out, 2)" if n_dims == 2 else "(N, D_out, H_out, W_out, 3)"
        raise refuse("grid_sample", f"grid must be {wanted}, with the batch of x", grid=grid, x=x)
    if mode == "bicubic" and n_dims != 2:
        raise refuse("grid_sample", "mode must not be 'bicubic' for x (N, C, D, H, W)", mode=mode, x=x)
    if min(x.shape[2:]) < 1:
        raise refuse("grid_sample", "x must have sides that are not empty", x=x)

    n, c, *sides = x.shape
    places = math.prod(grid.shape[1:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        axes = [
            _axis_taps(
                grid[..., n_dims - 1 - axis].reshape(n, places), side, mode, padding_mode, bool(align_corners)
            )
            for axis, side in enumerate(sides)
        ]
        fast = _grid_fast.sample(x, axes)
        y = forward_plain(x, axes) if fast is None else fast[0]
    shape, dtype = (n, c, *grid.shape[1:-1]), x.dtype

    x_shape, grid_shape = x.shape, grid.shape

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        dy = check_cotangent("grid_sample", dy, shape, dtype).reshape(n, c, places)
        dx = dgrid = None
        with np.errstate(over="ignore", invalid="ignore"):
            if needs_input_grad[0]:
                dx = dx_plain(dy, sides, axes) if fast is None else fast[1](dy)
                dx = dx.reshape(x_shape)
            if needs_input_grad[1] and mode == "nearest":
                dgrid = np.zeros(grid_shape, dtype)
            elif needs_input_grad[1]:
                dgrid = dgrid_plain(dy, x, axes) if fast is None else fast[2](dy)
                dgrid = dgrid.reshape(grid_shape)
        return dx, dgrid

    return y.reshape(shape), pullback


def forward_plain(x: Array, axes: Sequence[Taps]) -> Array:
    """Return ``y (N, C, P)``: the sum over the neighbours, one after the other."""
    y = np.zeros((*x.shape[:2], axes[0].number.shape[2]), x.dtype)
    for taps in itertools.product(*map(_single, axes)):
        y += _values(x, taps) * _multiplied([tap.weight for tap in taps])[:, None]
    return y


def dx_plain(dy: Array, sides: Sequence[int], axes: Sequence[Taps]) -> Array:
    """Return ``dx (N, C, H W)``: each neighbour gets its weight times the cotangent, if it is inside."""
    n, c, size = *dy.shape[:2], math.prod(sides)
    dx = np.zeros((n * size, c), dy.dtype)
    for taps in itertools.product(*map(_single, axes)):
        index, inside = _flat_index(taps, sides)
        weight = _multiplied([tap.weight for tap in taps])
        rows = (dy * weight[:, None]).transpose(0, 2, 1)[inside]
        dx += add_rows((index + np.arange(n)[:, None] * size)[inside], rows, n * size)
    return np.array(dx.reshape(n, size, c).transpose(0, 2, 1), order="C")


def dgrid_plain(dy: Array, x: Array, axes: Sequence[Taps]) -> Array:
    """Return ``dgrid (N, P, n)``, the last axis first."""
    slopes = [np.zeros(axis.number.shape[1:], dy.dtype) for axis in axes]
    for taps in itertools.product(*map(_single, axes)):
        along = np.add.reduce(dy * _values(x, taps), axis=1)
        for axis in range(len(axes)):
            factors = [tap.slope if a == axis else tap.weight for a, tap in enumerate(taps)]
            slopes[axis] += along * _multiplied(factors)
    return np.stack(slopes[::-1], axis=-1)


def affine_grid(
    theta: Array, size: Sequence[int], align_corners: bool | None = None
) -> tuple[Array, Pullback]:
    """Return the grid that makes `grid_sample` apply an affine map.

    Parameters
    ----------
    theta : ndarray, shape (N, 2, 3) or (N, 3, 4)
        A matrix and a shift for each sample, of the coordinates (w, h) or (w, h, d).
    size : tuple of int
        The shape that sampling is to give: (N, C, H, W) or (N, C, D, H, W).
    align_corners : bool, optional
        As in `grid_sample`. None is False.

    Returns
    -------
    grid : ndarray, shape (N, H, W, 2) or (N, D, H, W, 3)
        In the dtype of `theta`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dtheta,)``.

    Raises
    ------
    TypeError
        `theta` is not an array of floats or `size` not a sequence of integers.
    ValueError
        A side is not positive, or `theta` does not fit `size`.

    Notes
    -----
    Forward: ``grid[n, p] = theta[n] (p, 1)``, where p are the centres of the elements: along an axis with m
    of them ``(2 i + 1) / m - 1``, or ``2 i / (m - 1) - 1`` for aligned corners (0 for one element).

    Backward: ``dtheta[n] = sum over p of dy[n, p] (p, 1)^T``.

    References
    ----------
    Jaderberg et al., "Spatial Transformer Networks" (NeurIPS 2015), equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> grid, pullback = affine_grid(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 2, 2))
    >>> grid.tolist()
    [[[[-0.5, -0.5], [0.5, -0.5]], [[-0.5, 0.5], [0.5, 0.5]]]]
    >>> pullback(np.ones((1, 2, 2, 2)))[0].tolist()
    [[[0.0, 0.0, 4.0], [0.0, 0.0, 4.0]]]
    """
    check_float_array("affine_grid", "theta", theta)
    if not isinstance(size, tuple | list):
        raise refuse_type("affine_grid", "size must be a tuple of integers", size=size)
    if len(size) not in (4, 5):
        raise refuse("affine_grid", "size must be (N, C, H, W) or (N, C, D, H, W)", size=size)
    sides = [check_integer("affine_grid", "each of size", side, minimum=1) for side in size]
    n_dims = len(sides) - 2
    if theta.shape != (sides[0], n_dims, n_dims + 1):
        wanted = (sides[0], n_dims, n_dims + 1)
        raise refuse("affine_grid", f"theta must be {wanted} for this size", theta=theta, size=size)
    base = _base(sides[2:], bool(align_corners), theta.dtype)
    shape, dtype = (sides[0], *sides[2:], n_dims), theta.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("affine_grid", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        return (dy.reshape(sides[0], base.shape[0], n_dims).transpose(0, 2, 1) @ base,)

    return (base @ theta.transpose(0, 2, 1)).reshape(shape), pullback


def _base(sides: Sequence[int], aligned: bool, dtype: np.dtype[np.floating]) -> Array:
    """Return the centres of all elements, ``(P, n_dims + 1)``: the last axis first, and a one."""
    lines = []
    for m in sides:
        i = np.arange(m)
        lines.append(2 * i / max(m - 1, 1) - (m > 1) if aligned else (2 * i + 1) / m - 1)
    mesh = np.meshgrid(*lines, indexing="ij")
    columns = [line.ravel() for line in reversed(mesh)]
    return np.stack([*columns, np.ones_like(columns[0])], axis=1).astype(dtype)


# ---- the neighbours along one axis


def _axis_taps(g: Array, side: int, mode: str, padding_mode: str, aligned: bool) -> Taps:
    """Return the neighbours of every place along one axis."""
    half = g.dtype.type((side - 1) / 2 if aligned else side / 2)
    place = (g + 1) * half if aligned else ((g + 1) * side - 1) / 2
    if mode == "bicubic":
        low = np.floor(place)
        part = place - low
        weights = np.moveaxis(cubic_weights(part, -0.75), -1, 0)
        slopes = np.moveaxis(_cubic_slopes(part, -0.75), -1, 0)
        at, _ = _padded(low + _FOUR, side, padding_mode, aligned)
        return Taps(*_whole(at, side), weights, slopes * half)
    place, way = _padded(place, side, padding_mode, aligned)
    if mode == "nearest":
        place = np.rint(place)[None]
        return Taps(*_whole(place, side), np.ones_like(place), np.zeros_like(place))
    both = np.empty((2, *place.shape), g.dtype)
    weights, slopes = np.empty_like(both), np.empty_like(both)
    np.floor(place, out=both[0])
    np.subtract(place, both[0], out=weights[1])
    np.subtract(1, weights[1], out=weights[0])
    np.add(both[0], 1, out=both[1])
    np.multiply(way, half, out=slopes[1])
    np.negative(slopes[1], out=slopes[0])
    return Taps(*_whole(both, side), weights, slopes)


_FOUR = np.arange(-1, 3, dtype=np.int8).reshape(4, 1, 1)  # of a dtype that makes no float wider


def _whole(place: Array, side: int) -> tuple[Array, Array]:
    """Return whole places as integers, and which of them are inside; the others are 0."""
    inside = (place >= 0) & (place <= side - 1)
    return np.where(inside, place, 0).astype(np.intp), inside


def _padded(place: Array, side: int, padding_mode: str, aligned: bool) -> tuple[Array, Array]:
    """Return where a place is moved to, and the derivative of that."""
    one = np.ones((), place.dtype)
    if padding_mode == "zeros":
        return place, one
    if padding_mode == "reflection":
        low = 0.0 if aligned else -0.5
        span = side - 1 if aligned else side
        if span == 0:
            return np.zeros_like(place), np.zeros_like(place)
        away = np.abs(place - place.dtype.type(low))
        way = np.where(place < low, -one, one)
        turns = np.floor(away / span)
        extra = np.fmod(away, place.dtype.type(span))
        back = np.fmod(turns, 2) == 1
        place = np.where(back, span - extra + low, extra + low)
        one = np.where(back, -way, way)
    inside = (place > 0) & (place < side - 1)
    return np.clip(place, 0, side - 1), np.where(inside, one, 0)


def _cubic_slopes(part: Array, a: float) -> Array:
    """Return the derivatives of `cubic_weights`, ``(...) -> (..., 4)``."""
    far, near = part + 1, part
    near2, far2 = 1 - part, 2 - part
    return np.stack(
        [
            (3 * a * far - 10 * a) * far + 8 * a,
            (3 * (a + 2) * near - 2 * (a + 3)) * near,
            -(3 * (a + 2) * near2 - 2 * (a + 3)) * near2,
            -((3 * a * far2 - 10 * a) * far2 + 8 * a),
        ],
        axis=-1,
    )


def _single(taps: Taps) -> list[Taps]:
    """Return the neighbours one by one, as arrays of ``(N, P)``."""
    return [Taps(*parts) for parts in zip(*taps, strict=True)]


def _flat_index(taps: Sequence[Taps], sides: Sequence[int]) -> tuple[Array, Array]:
    """Return the neighbours' numbers in the flattened image, and which of them are inside."""
    index, inside = taps[0].number, taps[0].inside
    for tap, side in zip(taps[1:], sides[1:], strict=True):
        index, inside = index * side + tap.number, inside & tap.inside
    return index, inside


def _values(x: Array, taps: Sequence[Taps]) -> Array:
    """Return the images at those places, ``(N, C, P)``; 0 outside."""
    index, inside = _flat_index(taps, x.shape[2:])
    flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    found = np.take_along_axis(flat, index[:, None, :], axis=2)
    return found if inside.all() else np.where(inside[:, None, :], found, x.dtype.type(0))


def _multiplied(factors: Sequence[Array]) -> Array:
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product
