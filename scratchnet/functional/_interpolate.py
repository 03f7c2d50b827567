"""Resampling: an image made larger or smaller, one axis after the other."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._check import check_cotangent, check_float_array, check_integer, check_number, check_option, refuse
from .._types import Array, Cotangents, Pullback

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area")
_ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")


class _Taps(NamedTuple):
    """What one axis is made of: output o is the sum over k < own[o] of weight[o, k] x[number[o, k]]."""

    number: Array
    """(out, K); it does not decrease from one output to the next. Behind own[o] it may be any."""
    weight: Array
    """(out, K) in float64."""
    own: Array
    """(out,)"""
    side: int
    """How many elements the input has."""
    times: int
    """How often each of them is repeated, one after the other; 0 where y is made of them in another way."""
    matrices: dict[str, Array]
    """The same as a matrix (out, in), by its dtype."""


_LARGEST_KEPT = 1 << 16  # elements of a matrix that is kept


def interpolate(
    x: Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> tuple[Array, Pullback]:
    """Resample the axes behind the channels to another size.

    Parameters
    ----------
    x : ndarray, shape (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    size : int or tuple of int, optional
        The new sides; one number stands for all.
    scale_factor : float or tuple of float, optional
        What the sides are multiplied by, rounded down; either this or `size`.
    mode : str, default "nearest"
        ``"nearest"``, ``"nearest-exact"`` and ``"area"`` for every rank, ``"linear"`` for (N, C, L),
        ``"bilinear"`` and ``"bicubic"`` for (N, C, H, W), ``"trilinear"`` for (N, C, D, H, W).
    align_corners : bool, optional
        Whether the centres of the first and last elements keep their places, rather than the outer edges;
        only for the linear modes and bicubic. None is False.
    recompute_scale_factor : bool, optional
        True takes the new sides' quotient with the old ones for the scale; otherwise it is `scale_factor`
        itself, where that is given.
    antialias : bool, default False
        Whether the kernel is widened where the image shrinks; only for bilinear and bicubic.

    Returns
    -------
    y : ndarray, shape (N, C, *new sides)
        In the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, a side is not an integer or a scale not a number.
    ValueError
        Both or neither of `size` and `scale_factor` are given; a number of sides, `mode` or an option does
        not go with the rank or the mode; a side is empty.

    Notes
    -----
    Forward, for each axis with n elements that become m: ``y[o] = sum over i of M[o, i] x[i]``. With
    ``r = n / m`` (``1 / scale_factor`` where that is given and not recomputed; ``(n - 1) / (m - 1)`` for
    aligned corners) and the place ``s = r (o + 1/2) - 1/2`` (``r o`` for aligned corners):

    - nearest: ``M[o, i] = 1`` for ``i = floor(r o)``, nearest-exact for ``i = floor(r (o + 1/2))``, at most
      n - 1; as in PyTorch the products are those of float32.
    - linear: the two neighbours of s with weights 1 - t and t, where t is its fraction; s is at least 0.
    - bicubic: the four neighbours, weighted by Keys' kernel with a = -0.75; those outside are the border.
    - area: the mean over i from ``floor(o n / m)`` up to, not including, ``ceil((o + 1) n / m)``.
    - antialias: the kernel (bicubic: a = -0.5), stretched by r where r > 1 and cut at the border, at the
      centre ``r (o + 1/2)``; its weights are divided by their sum. An axis that keeps its side is copied.

    Backward: ``dx[i] = sum over o of M[o, i] dy[o]``.

    Infinity and NaN reach the outputs that have them among their neighbours, also those with weight 0.

    References
    ----------
    Keys, "Cubic Convolution Interpolation for Digital Image Processing" (IEEE TASSP 29, 1981), equation 15.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = interpolate(np.array([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    >>> y.tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    >>> pullback(np.ones((1, 1, 4)))[0].tolist()
    [[[2.0, 2.0]]]
    >>> interpolate(np.array([[[1.0, 3.0]]]), size=3)[0].tolist()
    [[[1.0, 1.0, 3.0]]]
    """
    check_float_array("interpolate", "x", x)
    check_option("interpolate", "mode", mode, _MODES)
    n_dims = x.ndim - 2
    if not 1 <= n_dims <= 3:
        raise refuse("interpolate", "x must be (N, C, L), (N, C, H, W) or (N, C, D, H, W)", x=x)
    if mode not in ("nearest", "nearest-exact", "area", _LINEAR[n_dims]) and (mode, n_dims) != ("bicubic", 2):
        raise refuse("interpolate", "mode must go with the rank of x", mode=mode, x=x)
    if align_corners is not None and mode not in _ALIGNED:
        raise refuse(
            "interpolate", f"align_corners must be None for mode {mode!r}", align_corners=align_corners
        )
    if antialias and (mode not in _ALIGNED or n_dims != 2):
        raise refuse(
            "interpolate",
            "antialias must be False but for bilinear and bicubic",
            antialias=antialias,
            mode=mode,
        )
    sides, least = x.shape[2:], 0 if mode == "area" else 1
    if min(sides) < 1 or (least and x.shape[1] < 1):
        raise refuse("interpolate", "x must have channels and sides that are not empty", x=x)
    scales: tuple[float | None, ...] = (None,) * n_dims
    if (size is None) == (scale_factor is None):
        raise refuse(
            "interpolate",
            "either size or scale_factor must be given, and not both",
            **{name: v for name, v in (("size", size), ("scale_factor", scale_factor)) if v is not None},
        )
    if size is not None:
        if recompute_scale_factor:
            requirement = "recompute_scale_factor must not be True with size"
            raise refuse("interpolate", requirement, recompute_scale_factor=True, size=size)
        given = _each("size", size, x)
        new = tuple(check_integer("interpolate", "size", side, minimum=least) for side in given)
    else:
        factors = [
            check_number("interpolate", "scale_factor", f) for f in _each("scale_factor", scale_factor, x)
        ]
        exact = [factor * n for factor, n in zip(factors, sides, strict=True)]
        if not all(least <= side < math.inf for side in exact):
            requirement = "scale_factor must leave sides that are neither empty nor infinite"
            raise refuse("interpolate", requirement, scale_factor=scale_factor, x=x)
        new = tuple(math.floor(side) for side in exact)
        if not recompute_scale_factor:
            scales = tuple(factors)
    aligned = bool(align_corners)
    taps = [
        _kept_taps(mode, n, m, scale, aligned, bool(antialias), n_dims)
        for n, m, scale in zip(sides, new, scales, strict=True)
    ]
    repeats = tuple(each.times for each in taps)
    if all(repeats):
        y = _repeated(x, repeats)
    else:
        y = x
        for axis in range(x.ndim - 1, 1, -1):
            y = _resampled(y, taps[axis - 2], axis)
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dx = check_cotangent("interpolate", dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if all(repeats):
            return (_sum_of_repeats(dx, repeats),)
        for axis, each in enumerate(taps, 2):
            dx = _spread(dx, each, axis)
        return (dx,)

    return y, pullback


def _each(name: str, value: Any, x: Array) -> tuple[Any, ...]:
    """Return an option as one value for each axis behind the channels."""
    n_dims = x.ndim - 2
    if not isinstance(value, tuple | list):
        return (value,) * n_dims
    if len(value) != n_dims:
        raise refuse("interpolate", f"{name} must be one number or {n_dims} for x", **{name: value, "x": x})
    return tuple(value)


# ---- what each output is made of


def _taps(
    mode: str, n: int, m: int, scale: float | None, aligned: bool, antialias: bool, n_dims: int
) -> _Taps:
    if mode == "area":
        o = np.arange(m)
        return _run(o * n // m, -(-(o + 1) * n // m), n, np.ones_like)
    if mode.startswith("nearest"):
        return _nearest(n, m, scale, exact=mode == "nearest-exact", copied=n_dims == 2)
    if n == m and (antialias or mode != "bicubic"):
        index = np.arange(n)[:, None].repeat(1 if antialias else 2, axis=1)
        return _fixed(index, np.array([[1.0] if antialias else [1.0, 0.0]]), n)
    ratio = (n - 1) / (m - 1) if aligned and m > 1 else 0.0 if aligned else 1 / scale if scale else n / m
    o = np.arange(m)
    if antialias:
        return _antialiased(mode, n, o, ratio)
    place = o * ratio if aligned else (o + 0.5) * ratio - 0.5
    if mode == "bicubic":
        low = np.floor(place)
        index = low.astype(np.intp)[:, None] + np.arange(-1, 3)
        return _fixed(index, cubic_weights(place - low, -0.75), n)
    place = np.maximum(place, 0.0)
    low = np.floor(place)
    part = place - low
    return _fixed(low.astype(np.intp)[:, None] + np.arange(2), np.stack([1 - part, part], axis=1), n)


_kept_taps = functools.lru_cache(maxsize=32)(_taps)


def _fixed(index: Array, weight: Array, n: int) -> _Taps:
    """Return taps of the same number for every output; those outside are the border."""
    out, k = index.shape
    number = np.clip(index, 0, n - 1)
    return _Taps(number, np.broadcast_to(weight, index.shape), np.full(out, k), n, _times(number, n), {})


def _run(start: Array, end: Array, n: int, weigh: Callable[[Array], Array]) -> _Taps:
    """Return taps from `start` up to, not including, `end`, with weights that are divided by their sum."""
    own = end - start
    number = start[:, None] + np.arange(own.max(initial=1))
    weight = np.where(number < end[:, None], weigh(number), 0.0)
    weight /= np.add.reduce(weight, axis=1, keepdims=True)
    return _Taps(number, weight, own, n, _times(number, n), {})


def _times(number: Array, n: int) -> int:
    """Return how often each of n elements is repeated, in order; 0 where that is not all, or very often."""
    times = len(number) // n
    # An output that is made of one element alone is that element: weights sum to 1.
    repeated = times <= _MOST_REPEATS and np.array_equal(number, np.arange(n).repeat(times)[:, None])
    return times if repeated else 0


_MOST_REPEATS = 8


def _nearest(n: int, m: int, scale: float | None, *, exact: bool, copied: bool) -> _Taps:
    ratio = np.float32(1 / scale) if scale else np.float32(n) / np.float32(m)
    o = np.arange(m, dtype=np.float32)
    places = np.floor((o + np.float32(0.5) if exact else o) * ratio)
    if copied and n == m and not exact:  # as PyTorch does for images, whatever the scale
        places = o
    return _fixed(places.astype(np.intp)[:, None], np.ones((1, 1)), n)


def _antialiased(mode: str, n: int, o: Array, ratio: float) -> _Taps:
    reach = (2.0 if mode == "bicubic" else 1.0) * max(ratio, 1.0)
    centre = ratio * (o + 0.5)
    start = np.maximum((centre - reach + 0.5).astype(np.intp), 0)
    end = np.minimum((centre + reach + 0.5).astype(np.intp), n)

    def weigh(i: Array) -> Array:
        away = np.abs(i - centre[:, None] + 0.5) / max(ratio, 1.0)
        return _keys(away, -0.5) if mode == "bicubic" else 1 - away

    return _run(start, end, n, weigh)


def _keys(away: Array, a: float) -> Array:
    """Return Keys' cubic kernel at a distance from 0 to 2."""
    near = ((a + 2) * away - (a + 3)) * away * away + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return np.where(away <= 1, near, far)


def cubic_weights(part: Array, a: float) -> Array:
    """Return the weights of the four neighbours of a place, ``(...) -> (..., 4)``; `part` is its fraction."""
    away = np.stack([part + 1, part, 1 - part, 2 - part], axis=-1)
    return _keys(away, a)


# ---- an image each of whose elements is repeated equally often


def _repeated(x: Array, repeats: tuple[int, ...]) -> Array:
    """Return what `_resampled_plainly` does, axis by axis: first a column at a time, then whole rows."""
    times = repeats[-1]
    y = np.empty((*x.shape, times), x.dtype)
    for k in range(times):
        y[..., k] = x
    y = y.reshape(*x.shape[:-1], x.shape[-1] * times)
    for axis in range(x.ndim - 2, 1, -1):
        times = repeats[axis - 2]
        if times > 1:
            wide = np.empty((*y.shape[: axis + 1], times, *y.shape[axis + 1 :]), y.dtype)
            wide[...] = np.expand_dims(y, axis + 1)
            y = wide.reshape(*y.shape[:axis], y.shape[axis] * times, *y.shape[axis + 1 :])
    return y


def _sum_of_repeats(dy: Array, repeats: tuple[int, ...]) -> Array:
    """Return what `_spread_plainly` does, axis by axis: whole rows are added first, then columns."""
    with np.errstate(over="ignore", invalid="ignore"):
        for axis, times in enumerate(repeats, 2):
            parts = dy.reshape(*dy.shape[:axis], dy.shape[axis] // times, times, *dy.shape[axis + 1 :])
            first, *rest = np.moveaxis(parts, axis + 1, 0)
            dy = first + rest[0] if rest else first.copy()
            for each in rest[1:]:
                dy += each
    return dy


# ---- one axis at a time


def _resampled(x: Array, taps: _Taps, axis: int) -> Array:
    """Return x with one axis resampled, as a product with a matrix; it must equal `_resampled_plainly`."""
    if taps.weight.shape[1] == 1:
        return _resampled_plainly(x, taps, axis)
    y = _product(_matrix(taps, x.dtype), x, axis)
    # A matrix has zeros where an output does not depend on an input: of an infinity they make NaN.
    return y if _is_finite(y) else _resampled_plainly(x, taps, axis)


def _spread(dy: Array, taps: _Taps, axis: int) -> Array:
    """Return the cotangent of what `_resampled` was given; it must equal `_spread_plainly`."""
    if taps.weight.shape[1] == 1:
        return _spread_plainly(dy, taps, axis)
    dx = _product(_matrix(taps, dy.dtype).T, dy, axis)
    return dx if _is_finite(dx) else _spread_plainly(dy, taps, axis)


def _is_finite(x: Array) -> bool:
    """Return whether all of x is finite, by its sum; where that alone overflows, False as well."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.add.reduce(x, axis=None))


def _matrix(taps: _Taps, dtype: np.dtype[np.floating]) -> Array:
    """Return ``(out, in)``, which is kept with the taps."""
    matrix = taps.matrices.get(dtype.char)
    if matrix is None:
        matrix = np.zeros((taps.number.shape[0], taps.side))
        for k in range(taps.number.shape[1]):
            rows = np.flatnonzero(taps.own > k)
            matrix[rows, taps.number[rows, k]] += taps.weight[rows, k]
        matrix = matrix.astype(dtype)
        if matrix.size <= _LARGEST_KEPT:
            taps.matrices[dtype.char] = matrix
    return matrix


def _product(matrix: Array, x: Array, axis: int) -> Array:
    lead, behind = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    with np.errstate(over="ignore", invalid="ignore"):
        if behind == 1:
            y = x.reshape(lead, x.shape[axis]) @ matrix.T
        elif matrix.size >= _WORTH_BANDS and x.size >= _WORTH_BANDS:
            y = _banded_product(matrix, x.reshape(lead, x.shape[axis], behind))
        else:
            y = matrix @ x.reshape(lead, x.shape[axis], behind)
    return np.asarray(y.reshape(*x.shape[:axis], matrix.shape[0], *x.shape[axis + 1 :]))


_WORTH_BANDS = 4096
_BAND = 32  # outputs of a band


def _banded_product(matrix: Array, x: Array) -> Array:
    """Return ``matrix @ x``, without those columns of the matrix that a band of its rows has no use for."""
    y = np.empty((x.shape[0], matrix.shape[0], x.shape[2]), x.dtype)
    for start in range(0, matrix.shape[0], _BAND):
        rows = slice(start, start + _BAND)
        used = np.flatnonzero(np.logical_or.reduce(matrix[rows] != 0, axis=0))
        columns = slice(used[0], used[-1] + 1) if used.size else slice(0)
        np.matmul(matrix[rows, columns], x[:, columns], out=y[:, rows])
    return y


def _resampled_plainly(x: Array, taps: _Taps, axis: int) -> Array:
    out, most = taps.number.shape
    y = np.zeros((*x.shape[:axis], out, *x.shape[axis + 1 :]), x.dtype)
    wide = (-1, *(1,) * (x.ndim - axis - 1))
    for k in range(most):
        rows = np.flatnonzero(taps.own > k)
        weight = taps.weight[rows, k].astype(x.dtype).reshape(wide)
        with np.errstate(over="ignore", invalid="ignore"):
            y[(slice(None),) * axis + (rows,)] += weight * x.take(taps.number[rows, k], axis=axis)
    return y


def _spread_plainly(dy: Array, taps: _Taps, axis: int) -> Array:
    dx = np.zeros((*dy.shape[:axis], taps.side, *dy.shape[axis + 1 :]), dy.dtype)
    if not dy.size:
        return dx
    wide = (-1, *(1,) * (dy.ndim - axis - 1))
    for k in range(taps.number.shape[1]):
        rows = np.flatnonzero(taps.own > k)
        places = taps.number[rows, k]
        first = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
        weight = taps.weight[rows, k].astype(dy.dtype).reshape(wide)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.add.reduceat(dy.take(rows, axis=axis) * weight, first, axis=axis)
            dx[(slice(None),) * axis + (places[first],)] += sums
    return dx
