"""Sliding blocks of images as columns, and columns added up to images: `unfold` and its adjoint, `fold`."""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_float_array, refuse
from .._types import Array, Cotangents, Pullback
from ._windows import Geometry, IntOrSides, Sides, check_spatial, col2im, im2col, pad, sides_of, unpad


def unfold(
    x: Array,
    kernel_size: IntOrSides,
    dilation: IntOrSides = 1,
    padding: IntOrSides = 0,
    stride: IntOrSides = 1,
) -> tuple[Array, Pullback]:
    """Write every window of an image as a column (im2col).

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
        A batch of images, or one.
    kernel_size : int or tuple of int
        The windows' sides, kH and kW.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    padding : int or tuple of int, default 0
        Zeros added at both ends of each spatial dimension.
    stride : int or tuple of int, default 1
        Step from one window to the next.

    Returns
    -------
    y : ndarray, shape (N, C kH kW, L) or (C kH kW, L)
        L is the number of windows: the product of
        ``(side + 2 padding - dilation (kernel - 1) - 1) // stride + 1`` over both sides.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        The shape or an option is out of range, or the window is larger than the padded image.

    Notes
    -----
    Forward, with window l at row i and column j of the windows, and x 0 in the padding::

        y[n, (c, p, q), l] = x[n, c, i stride + p dilation - padding, j stride + q dilation - padding]

    Backward, which is `fold`: an element gets the sum over all windows that it lies in::

        dx[n, c, i stride + p dilation - padding, ...] += dy[n, (c, p, q), l]

    An empty batch gives an empty `y`.

    References
    ----------
    Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing"
    (2006), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> y, pullback = unfold(x, 2)
    >>> y.tolist()
    [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]]
    >>> pullback(np.ones_like(y))[0].tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """
    check_float_array("unfold", "x", x)
    check_spatial("unfold", x, 2)
    if 0 in x.shape[-3:]:
        raise refuse("unfold", "only the batch of x may be empty", x=x)
    sides = x.shape[-2:]
    geometry = _geometry("unfold", sides, kernel_size, dilation, padding, stride)
    if min(geometry.out) < 1:
        raise refuse(
            "unfold",
            f"the kernel must not be larger than the padded image: there are {geometry.out} windows",
            x=x,
            kernel_size=kernel_size,
            dilation=dilation,
            padding=padding,
        )
    y = _to_columns(x, geometry)
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("unfold", dy, shape, dtype)
        return (_to_images(dy, sides, geometry) if needs_input_grad[0] else None,)

    return y, pullback


def fold(
    x: Array,
    output_size: IntOrSides,
    kernel_size: IntOrSides,
    dilation: IntOrSides = 1,
    padding: IntOrSides = 0,
    stride: IntOrSides = 1,
) -> tuple[Array, Pullback]:
    """Add columns up to images, each where `unfold` takes it from (col2im).

    Parameters
    ----------
    x : ndarray, shape (N, C kH kW, L) or (C kH kW, L)
        A batch of columns, or those of one image: one column for each of the L windows of the output.
    output_size : int or tuple of int
        The sides H and W of the images.
    kernel_size : int or tuple of int
        The windows' sides, kH and kW.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    padding : int or tuple of int, default 0
        What of the windows lies outside at both ends of each spatial dimension, and is dropped.
    stride : int or tuple of int, default 1
        Step from one window to the next.

    Returns
    -------
    y : ndarray, shape (N, C, H, W) or (C, H, W)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not an integer.
    ValueError
        An option is out of range, the rows of `x` are no multiple of kH kW, or its columns are not as many as
        the output has windows.

    Notes
    -----
    Forward: elements of overlapping windows are added up, so that `fold` after `unfold` multiplies each
    element by the number of windows it lies in. With window l at row i and column j of the windows::

        y[n, c, i stride + p dilation - padding, j stride + q dilation - padding] += x[n, (c, p, q), l]

    Backward, which is `unfold`::

        dx[n, (c, p, q), l] = dy[n, c, i stride + p dilation - padding, ...], 0 outside

    An element that no window reaches is 0. An empty batch gives an empty `y`.

    References
    ----------
    Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing"
    (2006), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0, 2.0], [10.0, 20.0]]])
    >>> y, pullback = fold(x, (1, 3), (1, 2))
    >>> y.tolist()
    [[[[1.0, 12.0, 20.0]]]]
    >>> pullback(y)[0].tolist()
    [[[1.0, 12.0], [12.0, 20.0]]]
    """
    check_float_array("fold", "x", x)
    if x.ndim not in (2, 3):
        raise refuse("fold", "x must be (N, C kH kW, L) or (C kH kW, L)", x=x)
    sides = sides_of("fold", "output_size", output_size, 2, minimum=1)
    geometry = _geometry("fold", sides, kernel_size, dilation, padding, stride)
    size = math.prod(geometry.kernel)
    if x.shape[-2] == 0 or x.shape[-2] % size:
        raise refuse(
            "fold",
            f"x must have a multiple of kH kW = {size} rows, and at least one",
            x=x,
            kernel_size=kernel_size,
        )
    length = math.prod(max(out, 0) for out in geometry.out)
    if length == 0:
        raise refuse(
            "fold",
            f"the kernel must not be larger than the padded output: there are {geometry.out} windows",
            output_size=output_size,
            kernel_size=kernel_size,
            dilation=dilation,
            padding=padding,
        )
    if x.shape[-1] != length:
        raise refuse(
            "fold",
            f"x must have one column for each window of the output, {geometry.out}: {length}",
            x=x,
            output_size=output_size,
            kernel_size=kernel_size,
        )
    y = _to_images(x, sides, geometry)
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("fold", dy, shape, dtype)
        return (_to_columns(dy, geometry) if needs_input_grad[0] else None,)

    return y, pullback


def _geometry(
    function: str,
    sides: Sides,
    kernel_size: IntOrSides,
    dilation: IntOrSides,
    padding: IntOrSides,
    stride: IntOrSides,
) -> Geometry:
    """Return where the windows lie in an image; there may be none."""
    kernel = sides_of(function, "kernel_size", kernel_size, 2, minimum=1)
    dilation = sides_of(function, "dilation", dilation, 2, minimum=1)
    padding = sides_of(function, "padding", padding, 2, minimum=0)
    stride = sides_of(function, "stride", stride, 2, minimum=1)
    out = tuple(
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, p, d, k, s in zip(sides, padding, dilation, kernel, stride, strict=True)
    )
    return Geometry(kernel, stride, dilation, padding, padding, out)


def _to_columns(x: Array, geometry: Geometry) -> Array:
    """Return ``(*, C, H, W)`` as ``(*, C K, L)``, with or without a batch axis."""
    batch = x.reshape(math.prod(x.shape[:-3]), *x.shape[-3:])
    columns = im2col(pad(batch, geometry.before, geometry.after), geometry)
    return columns.reshape(*x.shape[:-3], *columns.shape[1:])


def _to_images(x: Array, sides: Sides, geometry: Geometry) -> Array:
    """Return ``(*, C K, L)`` added up to ``(*, C, *sides)``, with or without a batch axis."""
    n, c = math.prod(x.shape[:-2]), x.shape[-2] // math.prod(geometry.kernel)
    padded = tuple(b + side + a for b, side, a in zip(geometry.before, sides, geometry.after, strict=True))
    images = unpad(col2im(x, (n, c, *padded), geometry), geometry.before, sides)
    return np.ascontiguousarray(images).reshape(*x.shape[:-2], c, *sides)
