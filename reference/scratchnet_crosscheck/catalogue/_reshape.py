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
