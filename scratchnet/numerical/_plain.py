"""The book's numerical gradient: one central difference an entry, in the array itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_float_array, refuse, refuse_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_NAME = "numerical_gradient"


def numerical_gradient(f: Callable[[Any], Any], x: NDArray[Any], h: float = 1e-4) -> NDArray[Any]:
    r"""Gradient of a number with respect to an array that is moved in place, entry by entry.

    `f` is called with `x` itself, so it may just as well ignore its argument and read the same array from
    elsewhere: ``numerical_gradient(lambda _: net.loss(x, t), net.params["W1"])``. For functions of their
    arguments :func:`gradient` is sharper and tells its error.

    Parameters
    ----------
    f : callable
        Called as ``f(x)``, twice an entry; returns one number (or an array that holds one).
    x : ndarray of any shape and memory layout, float16, float32, float64 or longdouble, writable
        Moved while `f` runs. When this function returns or raises, every bit is as it was.
    h : float, default 1e-4
        The step.

    Returns
    -------
    ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not a floating-point array (in an integer array a step of 1e-4 vanishes), or `f` returns
        something that is not a real number.
    ValueError
        `x` is read-only, `h` is not positive, `f` returns several numbers, or the step is lost in the
        rounding of a float16 or float32 entry.

    Notes
    -----
    .. math:: \frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}

    The difference is taken in float64 (longdouble for longdouble). In float16 and float32 the entry cannot
    move by exactly h: there the divisor is the distance it did move.

    References
    ----------
    Saitoh, *Deep Learning from Scratch*, section 4.4.

    Examples
    --------
    >>> x = np.array([3.0, 4.0])
    >>> numerical_gradient(lambda v: (v**2).sum(), x).round(6).tolist()
    [6.0, 8.0]
    """
    _check(x, h)
    # Python's own float64: it says nothing about infinity minus infinity or a signalling NaN.
    work: Any = float if x.dtype.itemsize <= np.dtype(np.float64).itemsize else np.longdouble
    exact_divisor = x.dtype.itemsize < np.dtype(np.float64).itemsize
    gradient = np.zeros_like(x, subok=False)
    original = x.copy(order="K")
    try:
        for index in np.ndindex(x.shape):
            value = work(original[index])
            x[index] = value + h
            upper, f_upper = x[index], _number(f(x), work)
            x[index] = value - h
            lower, f_lower = x[index], _number(f(x), work)
            width = work(upper) - work(lower) if exact_divisor else 2 * h
            if width == 0:
                entry = f"x[{', '.join(map(str, index))}]"
                raise refuse(
                    _NAME, f"h must move every entry of x, in {x.dtype} too", **{"h": h, entry: float(value)}
                )
            gradient[index] = (f_upper - f_lower) / width
            # An array copied onto the same dtype is copied as bytes: payloads of NaN survive.
            place = (*index, Ellipsis)
            x[place] = original[place]
    finally:
        x[...] = original
    return gradient


def _check(x: NDArray[Any], h: float) -> None:
    if isinstance(x, np.ndarray) and x.dtype.kind in "biu":
        raise refuse_type(_NAME, f"x must be floating-point, in integers a step of h={h} vanishes", x=x)
    check_float_array(_NAME, "x", x)
    if not x.flags.writeable:
        raise refuse(_NAME, "x must be writable, it is moved in place (this one is read-only)", x=x)
    if not 0 < h < np.inf:
        raise refuse(_NAME, "h must be positive and finite", h=h)


def _number(value: Any, work: Callable[[Any], Any]) -> Any:
    if isinstance(value, float):
        return work(value)  # np.float64, which is a float, becomes one
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise refuse_type(_NAME, "f must return a real number", output=value)
    if array.size != 1:
        raise refuse(_NAME, "f must return one number", output=array)
    return work(array.reshape(())[()])
