"""Entries of the distances between vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..strategies import EXTREMES
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(name: str, x1: Array, x2: Array, **options: object) -> Case:
    return Case(name, {"x1": x1, "x2": x2}, options, ("x1", "x2"))


def _thinned(d: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape that broadcasts to this one."""
    if d.setting.batched or not d.integer(0, 2):
        return shape
    thinner = tuple(1 if d.integer(0, 3) == 0 else side for side in shape)
    return thinner[d.integer(0, len(shape)) if d.flag() else 0 :]


def _draw_cosine(d: Draw) -> Case:
    shape = (d.batch(), *d.sides(d.one_of(1, 2) if d.setting.batched else d.integer(0, 3), high=4))
    if d.setting.values == "calm":  # of a derivative that is one: no zero vectors
        x1, x2 = (d.array(*_thinned(d, shape), positive=True) for _ in range(2))
    else:
        x1, x2 = d.array(*shape), d.array(*_thinned(d, shape))
        if d.flag():
            x1, x2 = x2, x1
    dim = d.integer(0, len(shape) - 1)
    if d.setting.batched:
        dim = max(dim, 1)
    rank = max(x1.ndim, x2.ndim)
    dim = min(dim, max(rank - 1, 0))
    eps = 1e-8 if d.setting.values == "calm" else d.one_of(1e-8, 1e-2, 0.5)
    return _case("cosine_similarity", x1, x2, dim=dim - max(rank, 1) if d.flag() else dim, eps=eps)


def _samples(case: Case) -> tuple[str, ...]:
    x1, x2, dim = case["x1"], case["x2"], case.options.get("dim", -1)
    apart = x1.shape == x2.shape and x1.ndim > 1 and isinstance(dim, int) and dim % x1.ndim
    return ("x1", "x2") if apart else ()


def _of_one_number(case: Case) -> str | None:
    """Say where a vector is one number repeated: its length has no influence, and its gradient cancels."""
    x1, x2, dim = case["x1"], case["x2"], case.options["dim"]
    if not isinstance(dim, int):
        return None
    back = dim if dim < 0 else dim - max(x1.ndim, x2.ndim, 1)
    single = any(x.ndim < -back or x.shape[back] == 1 for x in (x1, x2))
    return "of one number repeated the gradient is what rounding leaves of it" if single else None


_COSINE = _case("cosine_similarity", np.ones((2, 3)), np.ones((2, 3)), dim=1, eps=1e-8)

COSINE_SIMILARITY = Operation(
    "cosine_similarity",
    _draw_cosine,
    (
        *usual_refusals(_COSINE, (2,)),
        Invalid(
            "shapes that do not broadcast", _COSINE.replace(x2=np.ones((2, 4))), ("x1", "(2, 3)", "(2, 4)")
        ),
        Invalid("a dim out of range", _COSINE.with_options(dim=2), ("dim", "2")),
        Invalid("a dim that is no integer", _COSINE.with_options(dim=0.5), ("dim", "0.5"), TypeError),
        Invalid("a negative eps", _COSINE.with_options(eps=-1.0), ("eps must", "-1.0")),
        Invalid("an eps that is no number", _COSINE.with_options(eps="1"), ("eps must", "'1'"), TypeError),
    ),
    per_sample=_samples,
    torch_cannot=_of_one_number,
    # Squares of 1e30 overflow float32: that PyTorch sums them another way is no convention.
    extremes=tuple(value for value in EXTREMES if math.isfinite(value) and abs(value) not in (1e30, 1e-30)),
)


def _draw_pairwise(d: Draw) -> Case:
    shape = (d.batch(), d.side(high=4), d.side(high=5))[d.one_of(1, 0, 2) if not d.setting.batched else 1 :]
    if d.setting.batched:
        shape = (d.batch(), d.side(high=5))
    p = d.one_of(2.0, 1.0, 3.0, 2.5, 1.5, math.inf, 2, 0.5, 0.0, -math.inf, -1.0)
    if d.setting.values == "calm":
        # All differences apart from 0 and from one another, so that every norm has a derivative.
        x1 = d.array(*shape, positive=True)
        size = math.prod(shape)
        apart = -(np.arange(size, dtype=x1.dtype) * 8 + 8).reshape(shape)
        return _case("pairwise_distance", x1, x1 * 0 + apart, p=d.one_of(2.0, 1.0, 3.0, 2.5, 1.5, 0.5),
                     eps=d.one_of(1e-6, 0.0, 0.5), keepdim=d.flag())  # fmt: skip
    x1, x2 = d.array(*shape), d.array(*_thinned(d, shape))
    if d.flag():
        x1, x2 = x2, x1
    if d.integer(0, 4) == 0:  # at distance 0
        x2 = x1.copy()
    return _case("pairwise_distance", x1, x2, p=p, eps=d.one_of(1e-6, 0.0, 0.5), keepdim=d.flag())


_PAIRWISE = _case("pairwise_distance", np.ones((2, 3)), np.ones((2, 3)), p=2.0, eps=1e-6, keepdim=False)


def _samples_of_pairs(case: Case) -> tuple[str, ...]:
    return ("x1", "x2") if case["x1"].shape == case["x2"].shape and case["x1"].ndim > 1 else ()


def _torch_pairwise(torch: Any, x1: Any, x2: Any, p: float, eps: float, keepdim: bool) -> Any:
    return torch.nn.functional.pairwise_distance(x1, x2, p, eps, keepdim)


PAIRWISE_DISTANCE = Operation(
    "pairwise_distance",
    _draw_pairwise,
    (
        *usual_refusals(_PAIRWISE, (2,)),
        Invalid(
            "shapes that do not broadcast", _PAIRWISE.replace(x2=np.ones((2, 4))), ("x1", "(2, 3)", "(2, 4)")
        ),
        Invalid("a p that is no number", _PAIRWISE.with_options(p="2"), ("p must", "'2'"), TypeError),
        Invalid("an eps that is no number", _PAIRWISE.with_options(eps="1"), ("eps must", "'1'"), TypeError),
        Invalid(
            "the largest of no differences",
            _case("pairwise_distance", np.ones((2, 0)), np.ones((2, 0)), p=math.inf, eps=0.0, keepdim=False),
            ("x1 must", "(2, 0)", "p=inf"),
        ),
        Invalid(
            "the smallest of no differences, without a batch",
            _case("pairwise_distance", np.ones(0), np.ones(0), p=-math.inf, eps=0.0, keepdim=False),
            ("x1 must", "(0,)", "p=-inf"),
        ),
    ),
    twin=_torch_pairwise,
    per_sample=_samples_of_pairs,
    ties=True,
    extremes=tuple(value for value in EXTREMES if math.isfinite(value) and abs(value) not in (1e30, 1e-30)),
)
