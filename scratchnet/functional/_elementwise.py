"""Functions that take each element by itself: their pullbacks, and a frame for bodies of few passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_cotangent
from ._bits import keep
from ._buffers import BLOCK_BYTES, blocks
from ._quiet import quietly

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Cotangents, Pullback

WHOLE_BYTES = 4 << 20
"""Up to here the calls for more blocks take longer than they save."""


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
    quiet: bool = True,
    keeps: bool = False,
    makes: bool = False,
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
    quiet : bool
        Whether overflow and invalid operations are possible, and right.
    keeps : bool
        Whether there is a `kept`, an array like x; otherwise it is None.
    makes : bool
        Whether its passes make further arrays: of a block these cost nothing, of many elements they do.

    Notes
    -----
    Arrays too large for the processor's cache are taken in blocks, so that all passes but the first find a
    block there. For the others nothing is prepared: every call counts.
    """
    shape, dtype = x.shape, x.dtype
    if x.nbytes > (BLOCK_BYTES if makes else WHOLE_BYTES) or not dtype.isnative:
        return _in_blocks(function, x, forward, backward, keeps)
    flat = x if x.ndim == 1 else x.reshape(-1)
    y, kept = quietly(forward, flat) if quiet else forward(flat)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if dy.ndim != 1:
            dy = dy.reshape(-1)
        dx = quietly(backward, dy, flat, y, kept) if quiet else backward(dy, flat, y, kept)
        return (dx if flat is x else dx.reshape(shape),)

    return y if flat is x else y.reshape(shape), pullback


def _in_blocks(
    function: str,
    x: Array,
    forward: Callable[..., tuple[Array, Any]],
    backward: Callable[..., Array],
    keeps: bool,
) -> tuple[Array, Pullback]:
    shape, dtype = x.shape, x.dtype
    flat, y = x.reshape(-1), np.empty(shape, dtype)
    y_flat, kept = y.reshape(-1), np.empty(flat.shape, dtype) if keeps else None
    cuts = blocks(flat.size, x.nbytes)

    def own(cut: slice) -> Array | None:
        return None if kept is None else kept[cut]

    def forward_by_cuts() -> None:
        for cut in cuts:
            forward(flat[cut], y_flat[cut], own(cut))

    quietly(forward_by_cuts)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(function, dy, shape, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.empty(shape, dtype)
        dx_flat, dy_flat = dx.reshape(-1), dy.reshape(-1)

        def backward_by_cuts() -> None:
            for cut in cuts:
                backward(dy_flat[cut], flat[cut], y_flat[cut], own(cut), dx_flat[cut])

        quietly(backward_by_cuts)
        return (dx,)

    return y, pullback
