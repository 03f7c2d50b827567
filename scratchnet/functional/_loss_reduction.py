"""What all losses share: reductions, the arguments that PyTorch no longer wants, how targets are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_cotangent, check_float_array, refuse, refuse_type
from ._shapes import unbroadcast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._types import Array, Cotangents, Pullback, Scalar

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(function: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Require one of the reductions."""
    if reduction not in allowed:
        *first, last = map(repr, allowed)
        raise refuse(function, f"reduction must be {', '.join(first)} or {last}", reduction=reduction)


def check_deprecated(function: str, size_average: object, reduce: object) -> None:
    """Refuse the two arguments that stand at PyTorch's places for its older callers only."""
    if size_average is None and reduce is None:
        return
    meant = "none" if reduce is False else "sum" if size_average is False else "mean"
    if isinstance(size_average, str):  # the reduction itself, at the place of the older argument
        meant = size_average
    named = {"size_average": size_average, "reduce": reduce}
    given = {name: value for name, value in named.items() if value is not None}
    raise refuse(
        function, f"{' and '.join(given)} must be None, as deprecated: use reduction={meant!r}", **given
    )


def reduce_losses(losses: Array, reduction: str, divisor: Scalar) -> Array | Scalar:
    """Return the losses, their sum, or their sum divided; 0 / 0 is NaN, silently."""
    if reduction == "none":
        return losses
    with np.errstate(all="ignore"):
        y: Scalar = np.add.reduce(losses, axis=None)
        return y / divisor if reduction == "mean" else y


def reduce_pullback(
    function: str,
    dy: Array | float,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    reduction: str,
    divisor: Scalar,
) -> Array:
    """Return the cotangent of each loss: an array of their shape, or one number where all have the same."""
    dlosses = check_cotangent(function, dy, shape if reduction == "none" else (), dtype)
    if reduction == "mean":
        with np.errstate(all="ignore"):
            dlosses = np.asarray(dlosses / divisor)
    return dlosses


def read_target(
    function: str, x: Array, target: Array, name: str = "target", first: str = "x"
) -> tuple[Array, bool]:
    """Return the target in the dtype of `x`, and whether it has a derivative: integers have none."""
    if isinstance(target, np.ndarray) and target.dtype.kind in "iu":
        return target.astype(x.dtype), False
    check_float_array(function, name, target)
    if target.dtype != x.dtype:
        raise refuse_type(
            function, f"{name} must have the dtype of {first}, or integers", **{name: target, first: x}
        )
    return target, True


def common_shape(function: str, **arrays: Array) -> tuple[int, ...]:
    """Return the shape that the arrays are broadcast to."""
    try:
        shape: tuple[int, ...] = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        raise refuse(function, f"the shapes of {' and '.join(arrays)} must broadcast", **arrays) from None
    return shape


def check_fits(function: str, name: str, array: Array, x: Array) -> None:
    """Require an array that broadcasts to the shape of `x`."""
    lead = x.ndim - array.ndim
    if lead < 0 or any(side not in (1, x.shape[lead + i]) for i, side in enumerate(array.shape)):
        raise refuse(function, f"{name} must broadcast to the shape of x", **{name: array, "x": x})


def spread_back(gradient: Array, shape: tuple[int, ...], operand: tuple[int, ...]) -> Array:
    """Return the cotangent of an operand from one that broadcasts to `shape`; a new array."""
    gradient = np.asarray(gradient)
    if gradient.shape != shape:
        gradient = np.broadcast_to(gradient, shape)
        if shape == operand:
            return np.array(gradient)
    return unbroadcast(gradient, operand)


def reduced(
    function: str,
    losses: Array,
    reduction: str,
    operands: Sequence[Array | None],
    gradients: Sequence[Callable[[Array], Any] | None],
    divisor: Scalar | None = None,
    shape: tuple[int, ...] | None = None,
) -> tuple[Array | Scalar, Pullback]:
    """Return the reduced losses and their pullback.

    For each operand: a function from the cotangent of the losses (an array of their shape, or one number) to
    the operand's, before it is summed back from `shape` (by default that of the losses) to the operand's;
    None where it has no derivative. Each must return a new array.
    """
    of_losses, dtype = losses.shape, losses.dtype
    broadcast = of_losses if shape is None else shape
    if divisor is None:
        divisor = dtype.type(losses.size)
    y = reduce_losses(losses, reduction, divisor)
    everything = (True,) * len(operands)

    def pullback(dy: Array | float = 1.0, needs_input_grad: tuple[bool, ...] = everything) -> Cotangents:
        dlosses = reduce_pullback(function, dy, of_losses, dtype, reduction, divisor)
        slots: list[Array | None] = []
        with np.errstate(all="ignore"):  # infinite and huge arguments and cotangents
            for operand, gradient, needed in zip(operands, gradients, needs_input_grad, strict=True):
                if operand is None or gradient is None or not needed:
                    slots.append(None)
                else:
                    slots.append(spread_back(gradient(dlosses), broadcast, operand.shape))
        return tuple(slots)

    return y, pullback
