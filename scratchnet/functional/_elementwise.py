"""Functions that take each element by itself: their pullbacks, and a frame for bodies of few passes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_cotangent
from ._bits import keep
from ._buffers import BLOCK_BYTES, blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from .._types import Array, Cotangents, Pullback

FINITE = 1e30
"""Numbers whose squares add up to less are finite, and so are their products with a slope."""
_FEW = 8192
_UNCHANGED = nullcontext()


def passing(function: str, y: Array, open_: Array, slope: Any = None) -> tuple[Array, Pullback]:
    """Return `y` and the pullback ``dx = dy slope`` where `open_` (bools) is True, else 0.

    Nothing of a cotangent comes through elsewhere, not even NaN from an infinite one.
    """
    shape, dtype = y.shape, y.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = keep(dy, open_)
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


def by_blocks(
    function: str,
    x: Array,
    forward: Callable[..., tuple[Array, Any]],
    backward: Callable[..., Array],
    quiet: tuple[float | None, float | None] = (None, None),
    keeps: bool = False,
    of_few: Callable[[Array], tuple[Array, Any]] | None = None,
) -> tuple[Array, Pullback]:
    """Return the value and the pullback of a function whose passes are written for arrays of one dimension.

    Parameters
    ----------
    function : str
    x : ndarray, any shape, of float32 or float64
    forward : callable
        ``forward(x, y=None, kept=None) -> (y, kept)``, with new arrays where none are given to write to.
    backward : callable
        ``backward(dy, x, y, kept, dx=None) -> dx``, likewise.
    quiet : pair of floats
        Of the forward and the backward pass: if the squares of `x`, or of the cotangent, add up to less, no
        overflow or invalid operation is possible. Otherwise their warnings are silenced, which for few
        elements takes longer than to look. None where there is nothing to silence, 0 where there always is.
    keeps : bool
        Whether there is a `kept`, an array like x; otherwise it is None.
    of_few : callable, optional
        A forward pass in fewer steps, for few elements of which the first of `quiet` holds.

    Notes
    -----
    Arrays too large for the processor's cache are taken in blocks, so that all passes but the first find a
    block there. For the others nothing is prepared: every call counts.
    """
    shape, dtype = x.shape, x.dtype
    if x.nbytes > BLOCK_BYTES or not dtype.isnative:
        return _in_blocks(function, x, forward, backward, quiet, keeps)
    flat = x if x.ndim == 1 else x.reshape(-1)
    n, (quiet_x, quiet_dy) = flat.size, quiet
    # Where the squares of numbers of usual size, 2, add up to more, it is not worth a look. `np.vdot` does
    # not warn of overflow itself, as the other products do.
    calm = quiet_x is None or (4 * n < quiet_x and n <= _FEW and np.vdot(flat, flat) < quiet_x)
    if calm:
        y, kept = (of_few or forward)(flat)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            y, kept = forward(flat)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if dy.ndim != 1:
            dy = dy.reshape(-1)
        if quiet_dy is None or (calm and n <= _FEW and np.vdot(dy, dy) < quiet_dy):
            dx = backward(dy, flat, y, kept)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                dx = backward(dy, flat, y, kept)
        return (dx if flat is x else dx.reshape(shape),)

    return y if flat is x else y.reshape(shape), pullback


def _in_blocks(
    function: str,
    x: Array,
    forward: Callable[..., tuple[Array, Any]],
    backward: Callable[..., Array],
    quiet: tuple[float | None, float | None],
    keeps: bool,
) -> tuple[Array, Pullback]:
    shape, dtype = x.shape, x.dtype
    flat, y = x.reshape(-1), np.empty(shape, dtype)
    y_flat, kept = y.reshape(-1), np.empty(flat.shape, dtype) if keeps else None
    cuts = blocks(flat.size, x.nbytes)

    def silence(limit: float | None) -> AbstractContextManager[Any]:
        return _UNCHANGED if limit is None else np.errstate(over="ignore", invalid="ignore")

    with silence(quiet[0]):
        for cut in cuts:
            forward(flat[cut], y_flat[cut], None if kept is None else kept[cut])

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)
        with silence(quiet[1]):
            for cut in cuts:
                own = None if kept is None else kept[cut]
                backward(dy_flat[cut], flat[cut], y_flat[cut], own, dx_flat[cut])
        return (dx,)

    return y, pullback
