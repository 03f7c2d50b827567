"""The pullback of a function that takes each element by itself: the cotangent times a slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_cotangent
from ._bits import keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Cotangents, Pullback


def passing(function: str, y: Array, mask: Array, slope: Any = None) -> tuple[Array, Pullback]:
    """Return `y` and the pullback ``dx = dy slope`` where `mask` (of `_bits.keep_mask`) is open, else 0.

    Nothing of a cotangent comes through where the mask is closed, not even NaN from an infinite one.
    """
    shape, dtype = y.shape, y.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = keep(dy, mask)
        if slope is not None:
            np.multiply(dx, slope, out=dx)
        return (dx,)

    return y, pullback


def sloping(function: str, y: Array, slopes: Callable[[], Any]) -> tuple[Array, Pullback]:
    """Return `y` and the pullback ``dx = dy slopes()``, where `slopes` returns a new array."""
    shape, dtype = y.shape, y.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite arguments and cotangents
            dx = np.asarray(slopes())
            np.multiply(dx, dy, out=dx)
        return (dx,)

    return y, pullback
