"""Fractional max pooling: windows that lie at pseudo-random steps between one and two apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_float_arrays,
    check_generator,
    check_number,
    refuse,
)
from .._types import Array, Cotangents, Pullback
from ._places import add_at, first_largest
from ._windows import IntOrSides, Sides, check_spatial, sides_of


def fractional_max_pool2d(
    x: Array,
    kernel_size: IntOrSides,
    output_size: IntOrSides | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Array | None = None,
    generator: np.random.Generator | None = None,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of windows of images that lie at pseudo-random steps.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    output_size : int or tuple of int, optional
        How many windows along each spatial dimension.
    output_ratio : float or tuple of float, optional
        How many windows as a part of the side, rounded down; used where `output_size` is not given.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.
    _random_samples : ndarray, shape (N, C, 2), optional
        Where the steps begin: for each channel numbers in [0, 1), of the columns' steps, then of the rows'.
    generator : numpy.random.Generator, optional
        Draws `_random_samples` where they are not given; by default a freshly seeded one.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, False)) -> (dx, None)``. With `return_indices` too it takes
        `dy` alone.

    Raises
    ------
    TypeError
        `x` or `_random_samples` is not an array of floats, or an option is not a number.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, neither size nor
        ratio is given, or so many windows do not fit.

    Notes
    -----
    Forward: with ``alpha = (L - k) / (O - 1)`` and the sample u, window i of O along a side of length L
    begins at ``floor(alpha (i + u)) - floor(alpha u)``, the last at ``L - k``; y is the maximum of each
    window.

    Backward: each element of `dy` is added to `dx` where its maximum was.

    Of equal elements the first wins, in the order of memory; NaN wins over all else, of several the last.
    Steps are computed in the dtype of `x`. An empty batch, or an `output_size` of 0, gives an empty `y`.

    References
    ----------
    Graham, "Fractional Max-Pooling" (2014), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(25.0).reshape(1, 5, 5)
    >>> options = {"return_indices": True, "_random_samples": np.full((1, 1, 2), 0.5)}
    >>> (y, indices), pullback = fractional_max_pool2d(x, 2, (2, 3), **options)
    >>> y.tolist(), indices.tolist()
    ([[[6.0, 8.0, 9.0], [21.0, 23.0, 24.0]]], [[[6, 8, 9], [21, 23, 24]]])
    >>> y, pullback = fractional_max_pool2d(x, 2, output_ratio=0.5, generator=np.random.default_rng(0))
    >>> y.shape, pullback(y)[0].shape
    ((1, 2, 2), (1, 5, 5))
    """
    return _fractional_max_pool_nd(
        x, kernel_size, output_size, output_ratio, return_indices, _random_samples, generator, n_dims=2
    )


def fractional_max_pool3d(
    x: Array,
    kernel_size: IntOrSides,
    output_size: IntOrSides | None = None,
    output_ratio: float | Sequence[float] | None = None,
    return_indices: bool = False,
    _random_samples: Array | None = None,
    generator: np.random.Generator | None = None,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take the largest element of windows of volumes or films that lie at pseudo-random steps.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    kernel_size : int or tuple of int
        Sides of a window.
    output_size : int or tuple of int, optional
        How many windows along each spatial dimension.
    output_ratio : float or tuple of float, optional
        How many windows as a part of the side, rounded down; used where `output_size` is not given.
    return_indices : bool, default False
        Whether to return as well where the largest elements were.
    _random_samples : ndarray, shape (N, C, 3), optional
        Where the steps begin: for each channel numbers in [0, 1), in the order of the dimensions.
    generator : numpy.random.Generator, optional
        Draws `_random_samples` where they are not given; by default a freshly seeded one.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
        With `return_indices` the pair ``(y, indices)``: int64, of the shape of `y`, each the place in the
        image of its channel, counted as if the image were flat.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, False)) -> (dx, None)``. With `return_indices` too it takes
        `dy` alone.

    Raises
    ------
    TypeError
        `x` or `_random_samples` is not an array of floats, or an option is not a number.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, neither size nor
        ratio is given, or so many windows do not fit.

    Notes
    -----
    The formulas and conventions are `fractional_max_pool2d`'s with three spatial dimensions, but for two that
    are PyTorch's: the samples are in the order of the dimensions, and a side must be larger than
    ``output_size + kernel_size - 1``.

    References
    ----------
    Graham, "Fractional Max-Pooling" (2014), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(64.0).reshape(1, 4, 4, 4)
    >>> y, pullback = fractional_max_pool3d(x, 2, 1, generator=np.random.default_rng(0))
    >>> y.tolist(), float(pullback(y)[0].sum())
    ([[[[63.0]]]], 63.0)
    """
    return _fractional_max_pool_nd(
        x, kernel_size, output_size, output_ratio, return_indices, _random_samples, generator, n_dims=3
    )


def _fractional_max_pool_nd(
    x: Array,
    kernel_size: IntOrSides,
    output_size: IntOrSides | None,
    output_ratio: float | Sequence[float] | None,
    return_indices: bool,
    samples: Array | None,
    generator: np.random.Generator | None,
    n_dims: int,
) -> tuple[Array | tuple[Array, Array], Pullback]:
    """Take maxima over windows of the last `n_dims` dimensions that lie at pseudo-random steps."""
    function = f"fractional_max_pool{n_dims}d"
    check_float_array(function, "x", x)
    check_float_arrays(function, "x", x, _random_samples=samples)
    check_spatial(function, x, n_dims)
    if 0 in x.shape[-n_dims - 1 :]:
        raise refuse(function, "only the batch of x may be empty", x=x)
    kernel = sides_of(function, "kernel_size", kernel_size, n_dims, minimum=1)
    sides, dtype, shape_x = x.shape[-n_dims:], x.dtype, x.shape
    out = _output_sides(function, sides, output_size, output_ratio, n_dims)
    room = 1 if n_dims == 2 else 0
    if any(o + k - 1 >= side + room for o, k, side in zip(out, kernel, sides, strict=True)):
        limit = "at most the side of x" if n_dims == 2 else "less than the side of x"
        raise refuse(
            function,
            f"output_size + kernel_size - 1 must be {limit}",
            output_size=out,
            kernel_size=kernel,
            x=x,
        )
    images = x.reshape(-1, *x.shape[-n_dims - 1 :])
    samples = _check_samples(function, images, samples, generator, n_dims)
    flat = images.reshape(*images.shape[:2], math.prod(sides))
    places: Array = np.zeros(
        (*images.shape[:2], 1, 1), dtype=np.int64
    )  # (N, C, windows, elements of a window)
    for axis in range(n_dims):
        # PyTorch takes the samples of two dimensions from behind, those of three from the front.
        u = samples[: len(images), :, n_dims - 1 - axis if n_dims == 2 else axis]
        begin = _begins(u, sides[axis], out[axis], kernel[axis])
        held = begin[..., None] + np.arange(kernel[axis])
        places = places[:, :, :, None, :, None] * sides[axis] + held[:, :, None, :, None, :]
        places = places.reshape(
            *places.shape[:2], places.shape[2] * places.shape[3], places.shape[4] * places.shape[5]
        )
    windows = np.take_along_axis(flat[:, :, None], places, axis=-1)
    winner = first_largest(windows)[..., None]
    shape = (*shape_x[:-n_dims], *out)
    y = np.take_along_axis(windows, winner, axis=-1).reshape(shape)
    kept = np.take_along_axis(places, winner, axis=-1).reshape(shape)

    def pullback(dy: Array, needs_input_grad: tuple[bool, ...] = (True, False)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        return (add_at(dy, kept, sides) if needs_input_grad[0] else None, None)

    return ((y, kept.copy()) if return_indices else y), pullback


def _output_sides(
    function: str,
    sides: Sides,
    output_size: IntOrSides | None,
    output_ratio: float | Sequence[float] | None,
    n_dims: int,
) -> Sides:
    """Return how many windows each spatial dimension has."""
    if output_size is not None:
        return sides_of(function, "output_size", output_size, n_dims, minimum=0)
    if output_ratio is None:
        raise refuse(
            function, "output_size or output_ratio must be given", output_size=None, output_ratio=None
        )
    ratios = tuple(output_ratio) if isinstance(output_ratio, Sequence) else (output_ratio,) * n_dims
    if len(ratios) != n_dims:
        raise refuse(
            function, f"output_ratio must be a number or a tuple of {n_dims}", output_ratio=output_ratio
        )
    return tuple(
        int(side * check_number(function, "output_ratio", ratio, minimum=0.0))
        for side, ratio in zip(sides, ratios, strict=True)
    )


def _check_samples(
    function: str,
    images: Array,
    samples: Array | None,
    generator: np.random.Generator | None,
    n_dims: int,
) -> Array:
    """Return a number in [0, 1) for each image, channel and spatial dimension; drawn where not given."""
    n, c = images.shape[:2]
    if samples is None:
        return check_generator(function, generator).random((n, c, n_dims)).astype(images.dtype)
    if samples.ndim != 3 or samples.shape[0] < n or samples.shape[1:] != (c, n_dims):
        raise refuse(
            function, f"_random_samples must have the shape {(n, c, n_dims)}", _random_samples=samples
        )
    if not ((samples >= 0) & (samples <= 1)).all():  # 1 as float32 rounds a number just below
        raise refuse(function, "_random_samples must lie in [0, 1]", _random_samples=samples)
    return samples


def _begins(u: Array, side: int, out: int, kernel: int) -> Array:
    """Return where each window begins: ``(N, C) -> (N, C, out)``.

    >>> _begins(np.array([[0.5]]), 5, 3, 2).tolist()
    [[[0, 2, 3]]]
    """
    if out == 0:
        return np.zeros((*u.shape, 0), dtype=np.int64)
    alpha = u.dtype.type(side - kernel) / u.dtype.type(max(out - 1, 1))
    numbers = np.arange(out).astype(u.dtype)
    begin = ((numbers + u[..., None]) * alpha).astype(np.int64) - (u * alpha).astype(np.int64)[..., None]
    begin[..., -1] = side - kernel
    return np.asarray(begin)
