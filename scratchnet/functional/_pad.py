"""Padding over any number of dimensions, with one body for all modes.

A mode says which element of `x` each place along an axis is a copy of. Padding is taking those, axis by axis,
and its pullback is adding the cotangents of all copies of an element up.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_integer,
    check_option,
    refuse,
    refuse_type,
)
from .._types import Array, Cotangents, Pullback

_OF_ITS_OWN = ("reflect", "replicate", "circular")


def pad(
    x: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> tuple[Array, Pullback]:
    """Make `x` larger at both ends of its last dimensions, or smaller.

    Parameters
    ----------
    x : ndarray, any shape; (N, C, ...) or (C, ...) unless `mode` is "constant"
    pad : sequence of int
        How many elements to add before and behind: of the last dimension, then of the one before it, and so
        on. A negative number takes so many away.
    mode : {"constant", "reflect", "replicate", "circular"}, default "constant"
        What is added: `value`; the mirror image without the edge; the edge again and again; or the elements
        from the other end.
    value : float, optional
        For "constant"; by default 0.

    Returns
    -------
    y : ndarray
        Each padded side L becomes ``before + L + behind``.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `pad` not a sequence of integers, or `value` not a number.
    ValueError
        `pad` has an odd length or one that does not go with the dimensions of `x`, takes away more than there
        is, or adds more than the mode has: "reflect" less than the side, "circular" no more than it. `mode`
        is another, or `value` is given and not 0 with a mode that takes none.

    Notes
    -----
    Forward: ``y[..., i] = x[..., s(i - before)]`` along each padded axis, where s is the identity inside `x`,
    and outside ``-i`` and ``2 (L - 1) - i`` ("reflect"), the nearest edge ("replicate"), ``i mod L``
    ("circular"), or nothing, and `y` is `value` ("constant").

    Backward: ``dx[..., j]`` is the sum of ``dy[..., i]`` over all i with ``s(i - before) = j``; 0 where there
    is none.

    "constant" and "circular" take away before they add; the other modes copy from all of `x`. All but
    "constant" pad the last 1 to 3 dimensions, all that are not batch and channels. The batch may be empty.

    References
    ----------
    Liu et al., "Partial Convolution based Padding" (2018), section 2 compares the modes.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> pad(x, (1, 2))[0].tolist()
    [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    >>> y, pullback = pad(x, (2, 1), "reflect")
    >>> y.tolist(), pullback(np.ones((1, 6)))[0].tolist()
    ([[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]], [[1.0, 3.0, 2.0]])
    """
    check_float_array("pad", "x", x)
    pairs = _pairs(x, pad)
    check_option("pad", "mode", mode, ("constant", *_OF_ITS_OWN))
    if value is not None and (isinstance(value, bool) or not isinstance(value, numbers.Real | np.number)):
        raise refuse_type("pad", "value must be a number", value=value)
    if mode != "constant":
        return _by_copies(x, pairs, mode, value, pad)
    return _by_value(x, pairs, 0.0 if value is None else float(value), pad)


def _pairs(x: Array, pad: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return, for each axis from the first that is padded, what comes before and behind."""
    if isinstance(pad, str) or not isinstance(pad, Sequence):
        raise refuse_type("pad", "pad must be a tuple of integers", pad=pad)
    each = [check_integer("pad", "pad", number) for number in pad]
    if len(each) % 2:
        raise refuse("pad", "pad must have an even length", pad=pad)
    if len(each) > 2 * x.ndim:
        raise refuse("pad", "pad must have at most two numbers for each dimension of x", pad=pad, x=x)
    pairs = zip(each[::2], each[1::2], strict=True)
    return dict(sorted((x.ndim - 1 - i, pair) for i, pair in enumerate(pairs)))


def _by_value(
    x: Array, pairs: dict[int, tuple[int, int]], value: float, pad: Sequence[int]
) -> tuple[Array, Pullback]:
    """Pad with a constant."""
    shape, inside, kept = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for axis, (before, behind) in pairs.items():
        side = x.shape[axis]
        start, end = max(-before, 0), side - max(-behind, 0)
        if start > end:
            raise refuse("pad", "pad must not take away more than there is", pad=pad, x=x)
        kept[axis] = slice(start, end)
        inside[axis] = slice(max(before, 0), max(before, 0) + end - start)
        shape[axis] = side + before + behind
    y = np.full(shape, value, dtype=x.dtype)
    y[tuple(inside)] = x[tuple(kept)]
    shape_x, shape_y, dtype = x.shape, y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("pad", dy, shape_y, dtype)
        if not needs_input_grad[0]:
            return (None,)
        dx = np.zeros(shape_x, dtype=dtype)
        dx[tuple(kept)] = dy[tuple(inside)]
        return (dx,)

    return y, pullback


def _by_copies(
    x: Array, pairs: dict[int, tuple[int, int]], mode: str, value: float | None, pad: Sequence[int]
) -> tuple[Array, Pullback]:
    """Pad with copies of the elements of `x`."""
    if value is not None and value != 0:
        raise refuse("pad", "value must be left out unless mode is 'constant'", value=value, mode=mode)
    n_dims = len(pairs)
    if n_dims not in (1, 2, 3) or x.ndim not in (n_dims + 1, n_dims + 2):
        raise refuse(
            "pad",
            f"pad must be of the last 1 to 3 dimensions, all but channels and batch, for mode={mode!r}",
            pad=pad,
            x=x,
        )
    # As in PyTorch: circular padding is mere copying, and minds no empty channels.
    must_hold = x.shape[-n_dims:] if mode == "circular" else x.shape[-n_dims - 1 :]
    if 0 in must_hold:
        raise refuse("pad", "x must not be empty but for its batch", x=x)
    for axis, pair in pairs.items():
        _check_pair(mode, x.shape[axis], pair, pad, x)
    narrow = all(0 <= number <= _NARROW for pair in pairs.values() for number in pair)
    sources: dict[int, Array] = {}
    copies: dict[int, list[tuple[int, int]]] = {}
    if narrow:
        copies = {axis: _copies(mode, x.shape[axis], pair) for axis, pair in pairs.items()}
        y = _copied_narrowly(x, pairs, copies)
    else:
        sources = {axis: _sources(mode, x.shape[axis], pair) for axis, pair in pairs.items()}
        y = _copied(x, sources)
    shape_x, shape_y, dtype = x.shape, y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("pad", dy, shape_y, dtype)
        if not needs_input_grad[0]:
            return (None,)
        if narrow:
            return (_added_narrowly(dy, pairs, copies, shape_x),)
        dx = dy
        for axis, source in sources.items():
            dx = _add_copies(dx, source, shape_x[axis], axis)
        return (dx,)

    return y, pullback


_NARROW = 8  # places at an end of an axis, up to which they are copied or added one by one


def _copied(x: Array, sources: dict[int, Array]) -> Array:
    """Return `x` padded, one axis after the other."""
    for axis, source in sources.items():
        x = np.take(x, source, axis=axis)
    return x


def _copied_narrowly(
    x: Array, pairs: dict[int, tuple[int, int]], copies: dict[int, list[tuple[int, int]]]
) -> Array:
    """Return what `_copied` does where nothing is taken away: `x` as a whole, then place by place."""
    inside = [slice(None)] * x.ndim
    shape = list(x.shape)
    for axis, (before, behind) in pairs.items():
        inside[axis] = slice(before, before + x.shape[axis])
        shape[axis] += before + behind
    y = np.empty(shape, x.dtype)
    y[tuple(inside)] = x
    for axis, places in copies.items():
        # What comes before this axis is padded by now, so that corners are copies of copies.
        inside[axis] = slice(None)
        along = y[tuple(inside)].swapaxes(0, axis)
        for place, source in places:
            along[place] = along[source]
    return y


def _added_narrowly(
    dy: Array,
    pairs: dict[int, tuple[int, int]],
    copies: dict[int, list[tuple[int, int]]],
    shape: tuple[int, ...],
) -> Array:
    """Return the cotangent of what `_copied_narrowly` was given; it must equal `_add_copies` axis by axis."""
    for axis, (before, _) in pairs.items():
        along = dy.swapaxes(0, axis)
        dx = along[before : before + shape[axis]].swapaxes(0, axis).copy()
        sums = dx.swapaxes(0, axis)
        for place, source in copies[axis]:
            total = sums[source - before]
            np.add(total, along[place], out=total)
        dy = dx
    return dy


def _copies(mode: str, side: int, pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the places of a padded axis that are padding, and of which of its places each is a copy."""
    before, behind = pair
    outside = [*range(before), *range(before + side, before + side + behind)]
    return [(place, before + _source(mode, place, side, pair)) for place in outside]


def _sources(mode: str, side: int, pair: tuple[int, int]) -> Array:
    """Return which element of a side each place of the padded one is a copy of."""
    return np.asarray(_source(mode, np.arange(side + sum(pair)), side, pair))


def _source(mode: str, place: Any, side: int, pair: tuple[int, int]) -> Any:
    """Return which element of a side a place of the padded one, or each of an array of them, is a copy of."""
    before, behind = pair
    if mode == "circular":
        start, end = max(-before, 0), side - max(-behind, 0)
        return start + (place - max(before, 0)) % max(end - start, 1)
    place = place - before
    if mode == "replicate":
        last = side - 1
        return (abs(place) - abs(place - last) + last) // 2  # kept within 0 and the last
    return side - 1 - abs(side - 1 - abs(place))


def _check_pair(mode: str, side: int, pair: tuple[int, int], pad: Sequence[int], x: Array) -> None:
    """Require what comes before and behind one axis to fit the mode."""
    before, behind = pair
    out = side + before + behind
    if mode == "reflect" and max(before, behind) >= side:
        raise refuse("pad", "pad must be less than the side of x for mode='reflect'", pad=pad, x=x)
    if mode != "circular":
        if out < 1:
            raise refuse("pad", "pad must leave at least one element", pad=pad, x=x)
        return
    if max(before, behind) > side:
        raise refuse("pad", "pad must be at most the side of x for mode='circular'", pad=pad, x=x)
    start, end = max(-before, 0), side - max(-behind, 0)
    if start > end or (start == end and out > 0):
        raise refuse("pad", "pad must not take away all that it copies", pad=pad, x=x)


def _add_copies(dy: Array, source: Array, side: int, axis: int) -> Array:
    """Return, for each of the `side` elements of one axis, the sum over its copies."""
    dx = np.zeros((*dy.shape[:axis], side, *dy.shape[axis + 1 :]), dtype=dy.dtype)
    order = np.argsort(source, kind="stable")
    copied, first = np.unique(source[order], return_index=True)
    sums = np.add.reduceat(np.take(dy, order, axis=axis), first, axis=axis)
    dx[(slice(None),) * axis + (copied,)] = sums
    return dx
