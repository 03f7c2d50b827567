"""Power-average pooling: the p-norm of each window, over any number of spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .._check import check_cotangent, check_float_array, check_number, refuse
from .._types import Array, Cotangents, Pullback
from ._pool import (
    _geometry,
    avg_dx_plain,
    avg_forward_plain,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    window_sizes,
)
from ._windows import IntOrSides

_MAX: dict[int, Callable[..., tuple[Array, Pullback]]] = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}


def lp_pool1d(
    x: Array,
    norm_type: float,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    ceil_mode: bool = False,
) -> tuple[Array, Pullback]:
    """Take the p-norm of each window of signals or sequences.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    norm_type : float
        The p of the norm, any number but 0; infinity takes the largest magnitude, minus infinity the
        smallest.
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x`.

    Returns
    -------
    y : ndarray, shape (N, C, L_out) or (C, L_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not a number.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `lp_pool2d`'s with one spatial dimension.

    References
    ----------
    Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit
    Classification" (ICPR 2012), section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = lp_pool1d(np.array([[3.0, 4.0, 0.0, 0.0]]), 2, 2)
    >>> y.tolist(), pullback(np.array([[5.0, 1.0]]))[0].round(9).tolist()
    ([[5.0, 0.0]], [[3.0, 4.0, 0.0, 0.0]])
    """
    return _lp_pool_nd(x, norm_type, kernel_size, stride, ceil_mode, n_dims=1)


def lp_pool2d(
    x: Array,
    norm_type: float,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    ceil_mode: bool = False,
) -> tuple[Array, Pullback]:
    """Take the p-norm of each window of images.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W) or (C, H, W)
    norm_type : float
        The p of the norm, any number but 0; infinity takes the largest magnitude, minus infinity the
        smallest.
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x`.

    Returns
    -------
    y : ndarray, shape (N, C, H_out, W_out) or (C, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not a number.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    Forward: ``y[n, c, i, j] = (k m)^(1 / p)``, with m the mean of ``x^p`` over the window and k the number of
    elements that a whole window has. A window that sticks out counts, by this, as if it were whole.

    Backward: ``dx = x^(p - 1) (k m)^(1 / p - 1) (k / size) dy``, summed over the windows that hold the
    element.

    As in PyTorch, powers are those of `x` itself and not of its magnitude: an odd p lets elements of both
    signs cancel, the root of a negative sum is NaN, and so is a negative number to a power that is no
    integer. Where the sum is 0 the cotangent that comes in is taken for 0, so that the norm has the
    derivative 0 at 0 (NaN where ``x^(p - 1)`` is infinite there, for p below 1); where the sum is NaN it is
    multiplied by 0. An empty batch gives an empty `y`.

    References
    ----------
    Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit
    Classification" (ICPR 2012), section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = lp_pool2d(np.array([[[1.0, 2.0], [2.0, 4.0]]]), 2.0, 2)
    >>> y.tolist(), pullback(np.array([[[5.0]]]))[0].round(9).tolist()
    ([[[5.0]]], [[[1.0, 2.0], [2.0, 4.0]]])
    """
    return _lp_pool_nd(x, norm_type, kernel_size, stride, ceil_mode, n_dims=2)


def lp_pool3d(
    x: Array,
    norm_type: float,
    kernel_size: IntOrSides,
    stride: IntOrSides | None = None,
    ceil_mode: bool = False,
) -> tuple[Array, Pullback]:
    """Take the p-norm of each window of volumes or films.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W)
    norm_type : float
        The p of the norm, any number but 0; infinity takes the largest magnitude, minus infinity the
        smallest.
    kernel_size : int or tuple of int
        Sides of a window.
    stride : int or tuple of int, optional
        Step from one window to the next; by default `kernel_size`, so that windows do not overlap.
    ceil_mode : bool, default False
        Whether a last window that sticks out at the end is kept. It is, if it begins inside `x`.

    Returns
    -------
    y : ndarray, shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, or an option is not a number.
    ValueError
        `x` has other dimensions or an empty one behind the batch, an option is out of range, or no window
        fits.

    Notes
    -----
    The formulas and conventions are `lp_pool2d`'s with three spatial dimensions.

    References
    ----------
    Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit
    Classification" (ICPR 2012), section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = lp_pool3d(np.full((1, 2, 2, 4), 2.0), 1, 2)
    >>> y.tolist()
    [[[[16.0, 16.0]]]]
    """
    return _lp_pool_nd(x, norm_type, kernel_size, stride, ceil_mode, n_dims=3)


def _lp_pool_nd(
    x: Array,
    norm_type: float,
    kernel_size: IntOrSides,
    stride: IntOrSides | None,
    ceil_mode: bool,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Take p-norms over windows of the last `n_dims` dimensions."""
    function = f"lp_pool{n_dims}d"
    check_float_array(function, "x", x)
    p = check_number(function, "norm_type", norm_type)
    if p == 0:
        raise refuse(function, "norm_type must not be 0", norm_type=norm_type)
    geometry = _geometry(function, x, kernel_size, stride, 0, 1, ceil_mode, n_dims)
    if math.isinf(p):
        return _extreme(function, x, p, geometry.kernel, geometry.stride, ceil_mode, n_dims)
    shape, dtype, sides = x.shape[:-n_dims] + geometry.out, x.dtype, x.shape[-n_dims:]
    divisor = window_sizes(geometry, sides, count_include_pad=True).astype(dtype)
    k = float(math.prod(geometry.kernel))
    with np.errstate(all="ignore"):  # NaN and infinity are what PyTorch gives, silently
        total = avg_forward_plain(np.power(x, p), divisor, geometry) * k
        y = np.power(total, 1.0 / p)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        with np.errstate(all="ignore"):
            dtotal = dy * (np.power(total, 1.0 / p - 1.0) / p) * k
            # As through PyTorch's sign(m) relu(|m|): nothing passes a sum of 0, and times 0 what passes NaN.
            dtotal = np.where(total == 0, dtype.type(0), dtotal * (np.abs(total) > 0))
            return (avg_dx_plain(dtotal, divisor, sides, geometry) * (np.power(x, p - 1.0) * p),)

    return y, pullback


def _extreme(
    function: str,
    x: Array,
    p: float,
    kernel_size: IntOrSides,
    stride: IntOrSides,
    ceil_mode: bool,
    n_dims: int,
) -> tuple[Array, Pullback]:
    """Take the largest magnitude of each window or, for minus infinity, the smallest."""
    sign = x.dtype.type(math.copysign(1.0, p))
    largest, back = _MAX[n_dims](sign * np.abs(x), kernel_size, stride, ceil_mode=ceil_mode)
    y = sign * largest

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, y.shape, y.dtype)
        if not needs_input_grad[0]:
            return (None,)
        (dx,) = back(dy)
        assert dx is not None
        with np.errstate(invalid="ignore"):
            return (dx * np.subtract(x > 0, x < 0, dtype=x.dtype),)  # NaN has the sign 0, as in PyTorch

    return y, pullback
