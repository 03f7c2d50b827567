"""Transposed convolution: the adjoint of convolution, over any number of spatial dimensions.

A convolution is linear in its input; the transposed one maps as its backward pass does. So there is no new
mathematics here: the value is what a convolution of this weight makes of a cotangent `x`, `dx` is that
convolution of `dy`, and `dweight` is its `dweight` with `x` and `dy` in each other's place. The bodies are
those of ``_conv.py`` and ``_conv_fast.py``.
"""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_float_arrays, check_integer, refuse
from .._types import Array, Cotangents, Pullback
from . import _conv_fast
from ._conv import PLAIN
from ._shapes import sum_to_channels
from ._windows import SHAPES, Geometry, IntOrSides, Sides, check_spatial, sides_of

_KERNELS = {1: "kL", 2: "kH, kW", 3: "kD, kH, kW"}


def conv_transpose1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides = 0,
    output_padding: IntOrSides = 0,
    groups: int = 1,
    dilation: IntOrSides = 1,
) -> tuple[Array, Pullback]:
    """Convolve signals or sequences transposed: what a convolution's backward pass makes of its cotangent.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
        A batch of signals or sequences, or one.
    weight : ndarray, shape (C, C_out / groups, kL)
        The first axis is that of the input's channels: the weight of the convolution that goes the other way.
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window of the output to the next: how many times `y` is larger.
    padding : int or tuple of int, default 0
        What is cut off at both ends of each spatial dimension of the output.
    output_padding : int or tuple of int, default 0
        So much larger is each side of the output, at its end. Several sides of a convolution's input give one
        of its output; this says which is meant. Smaller than the stride or the dilation.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.

    Returns
    -------
    y : ndarray, shape (N, C_out, L_out) or (C_out, L_out)
        Each side is ``(side - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or nothing
        of the output is left.

    Notes
    -----
    The formulas are `conv_transpose2d`'s with one spatial dimension. Forward it is the `dx` of a
    convolution of this weight, backward that convolution itself.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 4.
    Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks" (2010).

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0, 100.0]]])
    >>> y, pullback = conv_transpose1d(x, weight, stride=2)
    >>> y.tolist()
    [[[1.0, 10.0, 102.0, 20.0, 200.0]]]
    >>> dx, dweight, dbias = pullback(np.ones_like(y))
    >>> dx.tolist(), dweight.tolist(), dbias
    ([[[111.0, 111.0]]], [[[3.0, 3.0, 3.0]]], None)
    """
    return _conv_transpose_nd(x, weight, bias, stride, padding, output_padding, groups, dilation, n_dims=1)


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides = 0,
    output_padding: IntOrSides = 0,
    groups: int = 1,
    dilation: IntOrSides = 1,
) -> tuple[Array, Pullback]:
    """Convolve images transposed: what a convolution's backward pass makes of its cotangent.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
        A batch of images, or one.
    weight : ndarray, shape (C, C_out / groups, kH, kW)
        The first axis is that of the input's channels: the weight of the convolution that goes the other way.
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window of the output to the next: how many times `y` is larger.
    padding : int or tuple of int, default 0
        What is cut off at both ends of each spatial dimension of the output.
    output_padding : int or tuple of int, default 0
        So much larger is each side of the output, at its end. Several sides of a convolution's input give one
        of its output; this says which is meant. Smaller than the stride or the dilation.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.

    Returns
    -------
    y : ndarray, shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Each side is ``(side - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or nothing
        of the output is left.

    Notes
    -----
    Forward, with p, q running over the kernel and c over the group's channels; what falls outside of `y`
    is dropped::

        y[n, o, i stride + p dilation - padding, j stride + ...] += weight[c, o, p, q] x[n, c, i, j]
        y[n, o] += bias[o]

    Backward (`dy` is 0 outside)::

        dx[n, c, i, j]      = sum over o, p, q of weight[c, o, p, q]
                              dy[n, o, i stride + p dilation - padding, j stride + ...]
        dweight[c, o, p, q] = sum over n, i, j of x[n, c, i, j] dy[n, o, i stride + p dilation - padding, ...]
        dbias[o]            = sum over n, i, j of dy[n, o, i, j]

    An empty batch gives an empty `y`, and zeros for `dweight` and `dbias`.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 4.
    Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks" (2010).

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 1.0], [0.0, -1.0]]]])
    >>> y, pullback = conv_transpose2d(x, weight, bias=np.array([100.0]))
    >>> y[0, 0].tolist()
    [[101.0, 103.0, 102.0], [100.0, 99.0, 98.0]]
    >>> dx, dweight, dbias = pullback(np.ones_like(y))
    >>> dx.tolist(), dweight[0, 0].tolist(), dbias.tolist()
    ([[[[1.0, 1.0]]]], [[3.0, 3.0], [3.0, 3.0]], [6.0])
    >>> conv_transpose2d(x, weight, stride=2, output_padding=1)[0].shape
    (1, 1, 3, 5)
    """
    return _conv_transpose_nd(x, weight, bias, stride, padding, output_padding, groups, dilation, n_dims=2)


def conv_transpose3d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrSides = 1,
    padding: IntOrSides = 0,
    output_padding: IntOrSides = 0,
    groups: int = 1,
    dilation: IntOrSides = 1,
) -> tuple[Array, Pullback]:
    """Convolve volumes or films transposed: what a convolution's backward pass makes of its cotangent.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
        A batch of volumes or films, or one.
    weight : ndarray, shape (C, C_out / groups, kD, kH, kW)
        The first axis is that of the input's channels: the weight of the convolution that goes the other way.
    bias : ndarray, shape (C_out,), optional
    stride : int or tuple of int, default 1
        Step from one window of the output to the next: how many times `y` is larger.
    padding : int or tuple of int, default 0
        What is cut off at both ends of each spatial dimension of the output.
    output_padding : int or tuple of int, default 0
        So much larger is each side of the output, at its end. Several sides of a convolution's input give one
        of its output; this says which is meant. Smaller than the stride or the dilation.
    groups : int, default 1
        The channels are cut into so many groups; each makes its share of the output channels alone.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.

    Returns
    -------
    y : ndarray, shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)
        Each side is ``(side - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``

    Raises
    ------
    TypeError
        An array is not one of floats, the dtypes differ, or an option is not an integer.
    ValueError
        The shapes do not fit, `groups` does not divide the channels, an option is out of range, or nothing
        of the output is left.

    Notes
    -----
    The formulas are `conv_transpose2d`'s with three spatial dimensions. Forward it is the `dx` of a
    convolution of this weight, backward that convolution itself.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapter 4.
    Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks" (2010).

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.ones((2, 4, 2, 3, 4)), np.ones((4, 3, 2, 2, 2))
    >>> y, pullback = conv_transpose3d(x, weight, stride=(1, 2, 2), padding=(1, 0, 0), groups=2)
    >>> y.shape, float(y[0, 0, 0, 0, 0])
    ((2, 6, 1, 6, 8), 4.0)
    >>> [d.shape for d in pullback(y)[:2]]
    [(2, 4, 2, 3, 4), (4, 3, 2, 2, 2)]
    """
    return _conv_transpose_nd(x, weight, bias, stride, padding, output_padding, groups, dilation, n_dims=3)


def _conv_transpose_nd(
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: IntOrSides,
    padding: IntOrSides,
    output_padding: IntOrSides,
    groups: int,
    dilation: IntOrSides,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Convolve over the last `n_dims` dimensions, transposed."""
    function = f"conv_transpose{n_dims}d"
    check_float_arrays(function, "x", x, weight=weight, bias=bias)
    check_spatial(function, x, n_dims)
    groups = check_integer(function, "groups", groups, minimum=1)
    _check_shapes(function, x, weight, bias, groups, n_dims)
    geometry, sides = _geometry(function, x, weight, stride, padding, output_padding, dilation, n_dims)

    # Contiguous, so that no bit of the result depends on how an array lies in memory.
    batch = np.ascontiguousarray(x if x.ndim == n_dims + 2 else x[None])
    y_shape = (batch.shape[0], weight.shape[1] * groups, *sides)
    bodies = PLAIN
    # At stride 1 the faster bodies take it that the windows reach to the end, which output_padding prevents.
    if math.prod(geometry.stride) > 1 or sides == _reached(geometry):
        bodies = _conv_fast.choose(batch, weight, geometry, groups) or PLAIN
    y = bodies.dx(batch, weight, y_shape, geometry, groups)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * n_dims)
    shape, dtype = y_shape[len(y_shape) - x.ndim :], x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)) -> Cotangents:
        dy = np.ascontiguousarray(check_cotangent(function, dy, shape, dtype)).reshape(y_shape)
        dx = dweight = dbias = None
        if needs_input_grad[0]:
            dx = bodies.forward(dy, weight, None, geometry, groups).reshape(x.shape)
        if needs_input_grad[1]:
            dweight = bodies.dweight(batch, dy, weight.shape, geometry, groups)
        if bias is not None and needs_input_grad[2]:
            dbias = sum_to_channels(dy)
        return dx, dweight, dbias

    return y.reshape(shape), pullback


def _check_shapes(
    function: str, x: Array, weight: Array, bias: Array | None, groups: int, n_dims: int
) -> None:
    """Require weight and bias to fit the channels of `x`."""
    c, sides = x.shape[-n_dims - 1], x.shape[-n_dims:]
    if weight.ndim != n_dims + 2:
        raise refuse(function, f"weight must be (C, C_out / groups, {_KERNELS[n_dims]})", weight=weight)
    if c % groups:
        raise refuse(function, "groups must divide the input channels", groups=groups, x=x)
    if weight.shape[0] != c:
        raise refuse(
            function, f"weight must have C = {c} input channels (x is {SHAPES[n_dims]})", weight=weight, x=x
        )
    if 0 in weight.shape:
        raise refuse(
            function,
            "weight must have an input channel, an output channel and kernel sides of at least 1",
            weight=weight,
        )
    if 0 in sides:
        raise refuse(function, "only the batch of x may be empty", x=x)
    if bias is not None and bias.shape != (weight.shape[1] * groups,):
        raise refuse(
            function,
            f"bias must have one element for each of the {weight.shape[1] * groups} output channels",
            bias=bias,
            weight=weight,
        )


def _geometry(
    function: str,
    x: Array,
    weight: Array,
    stride: IntOrSides,
    padding: IntOrSides,
    output_padding: IntOrSides,
    dilation: IntOrSides,
    n_dims: int,
) -> tuple[Geometry, Sides]:
    """Return where the windows lie in the output, and its sides."""
    kernel, windows = weight.shape[2:], x.shape[-n_dims:]
    stride = sides_of(function, "stride", stride, n_dims, minimum=1)
    padding = sides_of(function, "padding", padding, n_dims, minimum=0)
    extra = sides_of(function, "output_padding", output_padding, n_dims, minimum=0)
    dilation = sides_of(function, "dilation", dilation, n_dims, minimum=1)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise refuse(
            function,
            "output_padding must be smaller than the stride or the dilation",
            output_padding=output_padding,
            stride=stride,
            dilation=dilation,
        )
    geometry = Geometry(kernel, stride, dilation, padding, padding, windows)
    sides = tuple(side + e for side, e in zip(_reached(geometry), extra, strict=True))
    if min(sides) < 1:
        raise refuse(
            function,
            f"something must be left of the output, which has the sides {sides}",
            x=x,
            weight=weight,
            padding=padding,
        )
    return geometry, sides


def _reached(geometry: Geometry) -> Sides:
    """Return the sides of the output without output_padding."""
    return tuple(
        (out - 1) * s + d * (k - 1) + 1 - 2 * p
        for out, s, d, k, p in zip(
            geometry.out, geometry.stride, geometry.dilation, geometry.kernel, geometry.before, strict=True
        )
    )
