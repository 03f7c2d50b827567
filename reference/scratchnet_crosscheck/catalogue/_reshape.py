"""Entries of what only moves elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(x: Array, start_dim: object = 0, end_dim: object = -1) -> Case:
    return Case("flatten", {"x": x}, {"start_dim": start_dim, "end_dim": end_dim}, ("x",))


def _draw_flatten(d: Draw) -> Case:
    rank = d.integer(0, 5)
    shape = (d.batch(), *d.sides(rank - 1, high=3)) if rank else ()
    start = d.integer(0, max(rank, 1) - 1)
    end = d.integer(start, max(rank, 1) - 1)
    first, last = (dim - max(rank, 1) if d.flag() else dim for dim in (start, end))
    return _case(d.array(*shape), first, last)


def _samples(case: Case) -> tuple[str, ...]:
    rank, start = case["x"].ndim, case.options["start_dim"]
    return ("x",) if isinstance(start, int) and rank and (start % rank or rank == 1) else ()


def _jax_flatten(jax: Any, x: Any, start_dim: int, end_dim: int) -> Any:
    rank = max(x.ndim, 1)
    shape = x.shape or (1,)
    first, last = start_dim % rank, end_dim % rank
    return jax.numpy.reshape(x, (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :]))


_GOOD = _case(np.ones((2, 3, 4)))

FLATTEN = Operation(
    "flatten",
    _draw_flatten,
    (
        *usual_refusals(_GOOD, (24,)),
        Invalid("a start_dim out of range", _case(np.ones((2, 3)), 2), ("dim", "2")),
        Invalid("an end_dim out of range", _case(np.ones((2, 3)), 0, -3), ("dim", "-3")),
        Invalid(
            "start_dim behind end_dim",
            _case(np.ones((2, 3, 4)), 2, 1),
            ("start_dim=2", "end_dim=1", "x of shape (2, 3, 4)"),
        ),
        Invalid("a start_dim that is no integer", _case(np.ones((2, 3)), 0.5), ("dim", "0.5"), TypeError),
    ),
    twin="torch.flatten",
    jax=_jax_flatten,
    per_sample=_samples,
)


# ---- unflatten


def _unflatten_case(x: Array, dim: object, sizes: object) -> Case:
    return Case("unflatten", {"x": x}, {"dim": dim, "sizes": sizes}, ("x",))


def _draw_unflatten(d: Draw) -> Case:
    before, behind = d.integer(0, 2), d.integer(0, 2)
    lead = (d.batch(), *d.sides(before - 1, high=3)) if before else ()
    sizes = d.sides(d.integer(1, 3), high=3)
    x = d.array(*lead, int(np.prod(sizes)), *d.sides(behind, high=3))
    free = d.integer(0, 2 * len(sizes))  # which one is left to be found, if any
    given = tuple(-1 if i == free else side for i, side in enumerate(sizes))
    return _unflatten_case(x, before - x.ndim if d.flag() else before, list(given) if d.flag() else given)


def _jax_unflatten(jax: Any, x: Any, dim: int, sizes: Any) -> Any:
    place = dim % x.ndim
    known = -int(np.prod(sizes)) if -1 in sizes else 1
    sides = tuple(x.shape[place] // known if side == -1 else side for side in sizes)
    return jax.numpy.reshape(x, (*x.shape[:place], *sides, *x.shape[place + 1 :]))


def _unflatten_samples(case: Case) -> tuple[str, ...]:
    dim = case.options["dim"]
    return ("x",) if isinstance(dim, int) and dim % case["x"].ndim else ()


_UNFLATTEN = _unflatten_case(np.ones((2, 6)), 1, (2, 3))

UNFLATTEN = Operation(
    "unflatten",
    _draw_unflatten,
    (
        *usual_refusals(_UNFLATTEN, (2, 2, 3)),
        Invalid("a dim out of range", _UNFLATTEN.with_options(dim=2), ("dim", "2")),
        Invalid("a dim that is no integer", _UNFLATTEN.with_options(dim=0.5), ("dim", "0.5"), TypeError),
        Invalid("sizes of another product", _UNFLATTEN.with_options(sizes=(2, 2)), ("sizes=(2, 2)", "6")),
        Invalid("two sizes left open", _UNFLATTEN.with_options(sizes=(-1, -1)), ("sizes=(-1, -1)",)),
        Invalid("no sizes", _UNFLATTEN.with_options(sizes=()), ("sizes=()",)),
        Invalid(
            "no sizes for a side of one",
            _unflatten_case(np.ones((2, 1)), 1, ()),
            ("sizes=()", "x of shape (2, 1)"),
        ),
        Invalid(
            "two sizes left open for a side of one",
            _unflatten_case(np.ones((2, 1)), 1, (-1, -1)),
            ("(-1, -1)",),
        ),
        Invalid("a number for sizes", _UNFLATTEN.with_options(sizes=6), ("sizes=6",), TypeError),
        Invalid("sizes of floats", _UNFLATTEN.with_options(sizes=(2.0, 3)), ("sizes=2.0",), TypeError),
        Invalid("a size below -1", _UNFLATTEN.with_options(sizes=(-2, -3)), ("sizes=-2",)),
        Invalid("a 0-d x", _unflatten_case(np.array(1.0), 0, (1,)), ("x must", "()")),
    ),
    twin="torch.unflatten",
    jax=_jax_unflatten,
    per_sample=_unflatten_samples,
)
