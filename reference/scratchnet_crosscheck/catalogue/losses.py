"""What the entries of losses share: bad reductions, and where samples are treated apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..strategies import Draw


def unreduced(*names: str, rank: int = 2) -> Callable[[Case], tuple[str, ...]]:
    """Return what says which of these arguments carry the batch: with reduction 'none' all that are given."""

    def per_sample(case: Case) -> tuple[str, ...]:
        given = [name for name in names if name in case.given]
        apart = case.options["reduction"] == "none" and case[names[0]].ndim >= rank
        sides = {case[name].shape[:1] for name in given}
        return tuple(given) if apart and len(sides) == 1 else ()

    return per_sample


def bad_reduction(good: Case, *, deprecated: bool = True) -> tuple[Invalid, ...]:
    """Return the bad calls of a reduction, and of the arguments that it has replaced in PyTorch."""
    bad = Invalid(
        "an unknown reduction",
        good.with_options(reduction="average"),
        (": reduction must be 'none', 'mean'", "reduction='average'"),
    )
    if not deprecated:
        return (bad,)
    return (
        bad,
        Invalid(
            "the deprecated size_average",
            good.with_options(size_average=False),
            (": size_average must be None", "reduction='sum'", "size_average=False"),
        ),
        Invalid(
            "the deprecated size_average for the mean",
            good.with_options(size_average=True),
            (": size_average must be None", "reduction='mean'", "size_average=True"),
        ),
        Invalid(
            "the deprecated reduce",
            good.with_options(reduce=False),
            (": reduce must be None", "reduction='none'", "reduce=False"),
        ),
    )


def no_number(good: Case, *options: str) -> tuple[Invalid, ...]:
    """Return the bad calls in which one of these options, which are numbers, is text."""
    return tuple(
        Invalid(
            f"{option} given as text",
            good.with_options(**{option: "1"}),
            (f": {option} must be a number", f"{option}='1'"),
            TypeError,
        )
        for option in options
    )


def small(d: Draw, array: Array) -> Array:
    """Return the array without what has an exponential beyond all numbers, unless that is asked for."""
    return array if d.setting.values == "extreme" else np.asarray(np.minimum(array, array.dtype.type(16)))


def any_shape(d: Draw) -> tuple[int, ...]:
    """Return the shape of predictions that are taken one by one."""
    return d.one_of((d.batch(),), (), (d.batch(), d.side()), (d.batch(), d.side(high=3), d.side(high=3)))


def spread(d: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return this shape, now and then with a side of 1 or without its first, to be broadcast to it."""
    if d.setting.batched or not shape or 0 in shape or d.setting.values == "extreme" or d.integer(0, 5):
        return shape
    axis = d.integer(0, len(shape) - 1)
    return d.one_of((*shape[:axis], 1, *shape[axis + 1 :]), shape[1:])


def signs(d: Draw, *shape: int, others: bool = False) -> Array:
    """Return targets of 1 and -1 (and now and then others), as integers or floats."""
    drawn = np.asarray(d.labels(*shape, classes=2) * 2 - 1)
    if others and not d.integer(0, 4):
        drawn = np.asarray(d.labels(*shape, classes=3) - 1)
    return d.laid_out(drawn.astype(d.setting.dtype) if d.flag() else drawn)


def fractions(d: Draw, *shape: int, edges: bool = True) -> Array:
    """Return eighths from 0 to 1, without these two unless `edges`."""
    low = 0 if edges and d.setting.values != "calm" else 1
    eighths = np.asarray((d.labels(*shape, classes=9 - 2 * low) + low) / 8)
    return d.laid_out(eighths.astype(d.setting.dtype))


def floats(*names: str, case: Mapping[str, Array | None]) -> tuple[str, ...]:
    """Return those of these arguments that are given and floats: they have a derivative."""
    return tuple(name for name in names if (array := case.get(name)) is not None and array.dtype.kind == "f")


def in_one_dtype(name: str) -> Any:
    """Return PyTorch's function with targets of integers turned to the dtype of the predictions.

    PyTorch takes the logarithm of integers in float32, and has no derivative beside them for some losses.
    """

    def twin(torch: Any, x: Any, target: Any, **others: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, target.to(x.dtype), **others)

    return twin
