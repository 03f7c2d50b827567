"""Channels made of pixels and pixels of channels; channels in another order."""

from __future__ import annotations

from .._check import check_cotangent, check_float_array, check_integer, refuse
from .._types import Array, Cotangents, Pullback


def pixel_shuffle(x: Array, upscale_factor: int) -> tuple[Array, Pullback]:
    """Make an image r times as high and wide of r^2 channels.

    Parameters
    ----------
    x : ndarray, shape (*, C r^2, H, W)
    upscale_factor : int
        The factor r, at least 1.

    Returns
    -------
    y : ndarray, shape (*, C, H r, W r)
        A copy, in the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats or `upscale_factor` not an integer.
    ValueError
        `x` has fewer than three axes, `upscale_factor` is less than 1 or its square does not divide the
        channels.

    Notes
    -----
    Forward: ``y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w]`` for i, j in 0 .. r - 1.

    Backward: the same elements on the way back, ``dx[c r^2 + i r + j, h, w] = dy[c, h r + i, w r + j]``:
    `pixel_unshuffle` of `dy`.

    References
    ----------
    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network" (CVPR 2016), equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    >>> y.tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    >>> pullback(y)[0].ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    check_float_array("pixel_shuffle", "x", x)
    r = check_integer("pixel_shuffle", "upscale_factor", upscale_factor, minimum=1)
    if x.ndim < 3:
        raise refuse("pixel_shuffle", "x must have at least three axes (*, C, H, W)", x=x)
    if x.shape[-3] % (r * r):
        requirement = "x must have a number of channels that upscale_factor squared divides"
        raise refuse("pixel_shuffle", requirement, upscale_factor=upscale_factor, x=x)
    y = _to_pixels(x, r)
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("pixel_shuffle", dy, shape, dtype)
        return (_to_channels(dy, r) if needs_input_grad[0] else None,)

    return y, pullback


def pixel_unshuffle(x: Array, downscale_factor: int) -> tuple[Array, Pullback]:
    """Make r^2 channels of an image r times as high and wide: what undoes `pixel_shuffle`.

    Parameters
    ----------
    x : ndarray, shape (*, C, H r, W r)
    downscale_factor : int
        The factor r, at least 1.

    Returns
    -------
    y : ndarray, shape (*, C r^2, H, W)
        A copy, in the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats or `downscale_factor` not an integer.
    ValueError
        `x` has fewer than three axes, `downscale_factor` is less than 1 or does not divide the height and
        width.

    Notes
    -----
    Forward: ``y[c r^2 + i r + j, h, w] = x[c, h r + i, w r + j]`` for i, j in 0 .. r - 1.

    Backward: the same elements on the way back: `pixel_shuffle` of `dy`.

    References
    ----------
    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network" (CVPR 2016), equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2)
    >>> y.shape, y.ravel().tolist()
    ((4, 1, 1), [0.0, 1.0, 2.0, 3.0])
    >>> pullback(y)[0].tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    check_float_array("pixel_unshuffle", "x", x)
    r = check_integer("pixel_unshuffle", "downscale_factor", downscale_factor, minimum=1)
    if x.ndim < 3:
        raise refuse("pixel_unshuffle", "x must have at least three axes (*, C, H, W)", x=x)
    if x.shape[-2] % r or x.shape[-1] % r:
        requirement = "x must have a height and a width that downscale_factor divides"
        raise refuse("pixel_unshuffle", requirement, downscale_factor=downscale_factor, x=x)
    y = _to_channels(x, r)
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("pixel_unshuffle", dy, shape, dtype)
        return (_to_pixels(dy, r) if needs_input_grad[0] else None,)

    return y, pullback


def channel_shuffle(x: Array, groups: int) -> tuple[Array, Pullback]:
    """Deal the channels of the groups out in turn, so that each new group has some of every old one.

    Parameters
    ----------
    x : ndarray, shape (N, C, *)
        With at least one axis behind the channels.
    groups : int
        Their number, at least 1.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
        A copy.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats or `groups` not an integer.
    ValueError
        `x` has fewer than three axes, `groups` is less than 1 or does not divide C.

    Notes
    -----
    Forward: with ``k = C / groups`` channels a group, ``y[n, j groups + g] = x[n, g k + j]``.

    Backward: ``dx[n, g k + j] = dy[n, j groups + g]``, which is a shuffle with k groups.

    References
    ----------
    Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices"
    (CVPR 2018), section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = channel_shuffle(np.arange(6.0).reshape(1, 6, 1), 2)
    >>> y.ravel().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    >>> pullback(y)[0].ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    check_float_array("channel_shuffle", "x", x)
    groups = check_integer("channel_shuffle", "groups", groups, minimum=1)
    if x.ndim < 3:
        raise refuse("channel_shuffle", "x must have at least three axes (N, C, *)", x=x)
    if x.shape[1] % groups:
        raise refuse("channel_shuffle", "groups must divide the channels of x", groups=groups, x=x)
    each = x.shape[1] // groups
    shape, dtype = x.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("channel_shuffle", dy, shape, dtype)
        return (_dealt(dy, each, groups) if needs_input_grad[0] else None,)

    return _dealt(x, groups, each), pullback


def _to_pixels(x: Array, r: int) -> Array:
    *lead, channels, h, w = x.shape
    parts = x.reshape(*lead, channels // (r * r), r, r, h, w)
    n = parts.ndim
    turned = parts.transpose(*range(n - 4), n - 2, n - 4, n - 1, n - 3)  # (*, C, H, r, W, r)
    found: Array = turned.copy().reshape(*lead, channels // (r * r), h * r, w * r)
    return found


def _to_channels(x: Array, r: int) -> Array:
    *lead, channels, h, w = x.shape
    parts = x.reshape(*lead, channels, h // r, r, w // r, r)
    n = parts.ndim
    turned = parts.transpose(*range(n - 4), n - 3, n - 1, n - 4, n - 2)  # (*, C, r, r, H, W)
    found: Array = turned.copy().reshape(*lead, channels * r * r, h // r, w // r)
    return found


def _dealt(x: Array, groups: int, each: int) -> Array:
    turned = x.reshape(x.shape[0], groups, each, *x.shape[2:]).swapaxes(1, 2)
    found: Array = turned.copy().reshape(x.shape)
    return found
