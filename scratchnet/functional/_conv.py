"""Convolution (cross-correlation, as the field calls it) over any number of spatial dimensions.

`_conv_nd` does the work; `conv1d`, `conv2d` and `conv3d` are a signature and one line. Its mathematics is
the three plain bodies below, which unroll every window into a column: a convolution is one matrix product.
The faster bodies in ``_conv_fast.py`` each name the plain one they must equal.
"""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_float_arrays, check_integer, refuse
from .._types import Array, Cotangents, Pullback
from . import _conv_fast
from ._shapes import sum_to_channels
from ._windows import SHAPES, Geometry, IntOrSides, Sides, check_spatial, col2im, im2col, pad, sides_of, unpad


def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides | str = 0,
    dilation: IntOrSides = 1,
    groups: int = 1,
) -> tuple[Array, Pullback]:
    """Convolve signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
        A batch of signals, or one.
    weight : ndarray, shape (C_out, C / groups, kL)
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window to the next.
    padding : int, tuple of int, 'valid' or 'same', default 0
        Zeros added at both ends of each spatial dimension. 'valid' is none; 'same' as many as make `y` as
        large as `x` (one more behind than before, where their number is odd), and needs a stride of 1.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.

    Returns
    -------
    y : ndarray, shape (N, C_out, L_out) or (C_out, L_out)
        Each side is ``(side + 2 padding - dilation (kernel - 1) - 1) // stride + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``. A `dx` that is not
        needed (in a network's first layer) saves a third of the whole work.

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or the kernel
        is larger than the padded input.

    Notes
    -----
    The formulas are `conv2d`'s with one spatial dimension.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapters 2 and 4.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.A.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.array([[[1.0, 2.0, 4.0]]]), np.array([[[1.0, -1.0]]])
    >>> y, pullback = conv1d(x, weight)
    >>> y.tolist()
    [[[-1.0, -2.0]]]
    >>> dx, dweight, dbias = pullback(np.ones_like(y))
    >>> dx.tolist(), dweight.tolist(), dbias
    ([[[1.0, 0.0, -1.0]]], [[[3.0, 6.0]]], None)
    """
    return _conv_nd(x, weight, bias, stride, padding, dilation, groups, n_dims=1)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides | str = 0,
    dilation: IntOrSides = 1,
    groups: int = 1,
) -> tuple[Array, Pullback]:
    """Convolve images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
        A batch of images, or one.
    weight : ndarray, shape (C_out, C / groups, kH, kW)
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window to the next.
    padding : int, tuple of int, 'valid' or 'same', default 0
        Zeros added at both ends of each spatial dimension. 'valid' is none; 'same' as many as make `y` as
        large as `x` (one more behind than before, where their number is odd), and needs a stride of 1.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.

    Returns
    -------
    y : ndarray, shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Each side is ``(side + 2 padding - dilation (kernel - 1) - 1) // stride + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``. A `dx` that is not
        needed (in a network's first layer) saves a third of the whole work.

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or the kernel
        is larger than the padded input.

    Notes
    -----
    Forward, with p, q running over the kernel and c over the group's channels (x is 0 in the padding)::

        y[n, o, i, j] = bias[o] + sum over c, p, q of
                        weight[o, c, p, q] x[n, c, i stride + p dilation - padding, j stride + ...]

    Backward::

        dx[n, c, i stride + p dilation - padding, ...] += weight[o, c, p, q] dy[n, o, i, j]
        dweight[o, c, p, q] = sum over n, i, j of dy[n, o, i, j] x[n, c, i stride + p dilation - padding, ...]
        dbias[o]            = sum over n, i, j of dy[n, o, i, j]

    Elements of `x` behind the last window get a `dx` of 0. An empty batch gives an empty `y`, and zeros for
    `dweight` and `dbias`.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapters 2 and 4.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.A.
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> y, pullback = conv2d(x, weight, bias=np.array([100.0]))
    >>> y[0, 0].tolist()
    [[108.0, 112.0], [120.0, 124.0]]
    >>> dx, dweight, dbias = pullback(np.ones_like(y))
    >>> dx[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    >>> dweight[0, 0].tolist(), dbias.tolist()
    ([[8.0, 12.0], [20.0, 24.0]], [4.0])
    >>> conv2d(x, weight, padding="same")[0].shape
    (1, 1, 3, 3)
    """
    return _conv_nd(x, weight, bias, stride, padding, dilation, groups, n_dims=2)


def conv3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides | str = 0,
    dilation: IntOrSides = 1,
    groups: int = 1,
) -> tuple[Array, Pullback]:
    """Convolve volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
        A batch of volumes, or one.
    weight : ndarray, shape (C_out, C / groups, kD, kH, kW)
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window to the next.
    padding : int, tuple of int, 'valid' or 'same', default 0
        Zeros added at both ends of each spatial dimension. 'valid' is none; 'same' as many as make `y` as
        large as `x` (one more behind than before, where their number is odd), and needs a stride of 1.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.

    Returns
    -------
    y : ndarray, shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)
        Each side is ``(side + 2 padding - dilation (kernel - 1) - 1) // stride + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``. A `dx` that is not
        needed (in a network's first layer) saves a third of the whole work.

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or the kernel
        is larger than the padded input.

    Notes
    -----
    The formulas are `conv2d`'s with three spatial dimensions.


    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapters 2 and 4.
    LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.A.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.ones((2, 4, 5, 6, 7)), np.ones((6, 2, 3, 3, 3))
    >>> y, pullback = conv3d(x, weight, stride=(1, 1, 2), padding=(1, 0, 0), groups=2)
    >>> y.shape, float(y[0, 0, 2, 0, 0])
    ((2, 6, 5, 4, 3), 54.0)
    >>> [d.shape for d in pullback(y)[:2]]
    [(2, 4, 5, 6, 7), (6, 2, 3, 3, 3)]
    """
    return _conv_nd(x, weight, bias, stride, padding, dilation, groups, n_dims=3)


def _conv_nd(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: IntOrSides,
    padding: IntOrSides | str,
    dilation: IntOrSides,
    groups: int,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Convolve over the last `n_dims` dimensions."""
    function = f"conv{n_dims}d"
    check_float_arrays(function, "x", x, weight=weight, bias=bias)
    check_spatial(function, x, n_dims)
    groups = check_integer(function, "groups", groups, minimum=1)
    _check_shapes(function, x, weight, bias, groups, n_dims)
    geometry = _geometry(function, x, weight, stride, padding, dilation, n_dims)

    batch = x if x.ndim == n_dims + 2 else x[None]
    bodies = _conv_fast.choose(batch, weight, geometry, groups) or PLAIN
    y = bodies.forward(batch, weight, bias, geometry, groups)
    shape, dtype = y.shape[y.ndim - x.ndim :], x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)) -> Cotangents:
        # Contiguous, so that no bit of the result depends on how a cotangent lies in memory.
        dy = np.ascontiguousarray(check_cotangent(function, dy, shape, dtype)).reshape(y_shape)
        dx = dweight = dbias = None
        if needs_input_grad[0]:
            dx = bodies.dx(dy, weight, batch.shape, geometry, groups).reshape(x.shape)
        if needs_input_grad[1]:
            dweight = bodies.dweight(dy, batch, weight.shape, geometry, groups)
        if bias is not None and needs_input_grad[2]:
            dbias = sum_to_channels(dy)
        return dx, dweight, dbias

    y_shape = y.shape
    return y.reshape(shape), pullback


def _check_shapes(
    function: str, x: Array, weight: Array, bias: Array | None, groups: int, n_dims: int
) -> None:
    """Require weight and bias to fit the channels of `x`."""
    c, sides = x.shape[-n_dims - 1], x.shape[-n_dims:]
    if weight.ndim != n_dims + 2:
        kernel = SHAPES[n_dims].split(" or")[0].replace("(N, C, ", "").replace("L", "kL")
        raise refuse(function, f"weight must be (C_out, C / groups, {kernel}", weight=weight)
    if c % groups:
        raise refuse(function, "groups must divide the input channels", groups=groups, x=x)
    if weight.shape[0] % groups:
        raise refuse(function, "groups must divide the output channels", groups=groups, weight=weight)
    if weight.shape[1] != c // groups:
        raise refuse(
            function,
            f"weight must have C / groups = {c // groups} input channels (x is {SHAPES[n_dims]})",
            weight=weight,
            x=x,
        )
    if weight.shape[0] == 0 or 0 in weight.shape[2:]:
        raise refuse(
            function, "weight must have an output channel and kernel sides of at least 1", weight=weight
        )
    if 0 in sides:
        raise refuse(function, "only the batch and the channels of x may be empty", x=x)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise refuse(function, "bias must have one element for each output channel", bias=bias, weight=weight)


def _geometry(
    function: str,
    x: Array,
    weight: Array,
    stride: IntOrSides,
    padding: IntOrSides | str,
    dilation: IntOrSides,
    n_dims: int,
) -> Geometry:
    """Return where the windows lie."""
    kernel, sides = weight.shape[2:], x.shape[-n_dims:]
    stride = sides_of(function, "stride", stride, n_dims, minimum=1)
    dilation = sides_of(function, "dilation", dilation, n_dims, minimum=1)
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    if isinstance(padding, str):
        if padding == "same":
            if stride != (1,) * n_dims:
                raise refuse(function, "padding='same' needs a stride of 1", stride=stride)
            before: Sides = tuple((r - 1) // 2 for r in reach)
            after = tuple(r // 2 for r in reach)
        elif padding == "valid":
            before = after = (0,) * n_dims
        else:
            raise refuse(function, "padding must be a number, numbers, 'same' or 'valid'", padding=padding)
    else:
        before = after = sides_of(function, "padding", padding, n_dims, minimum=0)
    out = tuple(
        (side + b + a - r) // s + 1
        for side, b, a, r, s in zip(sides, before, after, reach, stride, strict=True)
    )
    if min(out) < 1:
        raise refuse(
            function,
            f"the kernel, dilated to {reach}, must not be larger than the input, padded to "
            f"{tuple(side + b + a for side, b, a in zip(sides, before, after, strict=True))}",
            x=x,
            weight=weight,
        )
    return Geometry(kernel, stride, dilation, before, after, out)


def forward_plain(x: Array, weight: Array, bias: Array | None, geometry: Geometry, groups: int) -> Array:
    """Return ``y``: each group's matrix of weights times its columns.

    ``(G, O/G, C/G K) @ (N, G, C/G K, L) -> (N, G, O/G, L)``
    """
    n, o = x.shape[0], weight.shape[0]
    product: Array = _weight_matrix(weight, groups) @ _columns(x, geometry, groups)
    y = product.reshape(n, o, *geometry.out)
    if bias is not None:
        y += bias.reshape(o, *(1,) * len(geometry.out))
    return y


def dx_plain(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, groups: int) -> Array:
    """Return ``dx``: the columns' cotangents, added up where the columns came from.

    ``(G, C/G K, O/G) @ (N, G, O/G, L) -> (N, G, C/G K, L)``
    """
    sides = x_shape[2:]
    padded_shape = x_shape[:2] + tuple(
        b + side + a for b, side, a in zip(geometry.before, sides, geometry.after, strict=True)
    )
    dcolumns = _weight_matrix(weight, groups).swapaxes(1, 2) @ _grouped(dy, groups)
    return np.array(unpad(col2im(dcolumns, padded_shape, geometry), geometry.before, sides))


def dweight_plain(
    dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, groups: int
) -> Array:
    """Return ``dweight``: each output channel's cotangents times the columns, summed over the batch.

    ``(N, G, O/G, L) @ (N, G, L, C/G K) -> (N, G, O/G, C/G K)``
    """
    each = _grouped(dy, groups) @ _columns(x, geometry, groups).swapaxes(2, 3)
    return np.asarray(np.add.reduce(each, axis=0)).reshape(weight_shape)


def _weight_matrix(weight: Array, groups: int) -> Array:
    """Return ``(O, C/G, *kernel)`` as ``(G, O/G, C/G K)``."""
    o = weight.shape[0]
    return weight.reshape(groups, o // groups, math.prod(weight.shape[1:]))


def _columns(x: Array, geometry: Geometry, groups: int) -> Array:
    """Return the windows of ``(N, C, *sides)`` as columns ``(N, G, C/G K, L)``."""
    columns = im2col(pad(x, geometry.before, geometry.after), geometry)
    n, rows, length = columns.shape
    return columns.reshape(n, groups, rows // groups, length)


def _grouped(dy: Array, groups: int) -> Array:
    """Return ``(N, O, *out)`` as ``(N, G, O/G, L)``."""
    n, o = dy.shape[:2]
    return dy.reshape(n, groups, o // groups, math.prod(dy.shape[2:]))


PLAIN = _conv_fast.Bodies(forward_plain, dx_plain, dweight_plain)
