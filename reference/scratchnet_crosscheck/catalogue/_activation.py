"""Entries of the activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from ..strategies import Draw


def _case(name: str, x: Array, **options: object) -> Case:
    return Case(name, {"x": x}, options, differentiable=("x",))


def _draw_elementwise(name: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        shape = d.one_of(
            (d.batch(),), (), (d.batch(), d.side()), (d.batch(), d.side(), d.side()), (40,), (5, 3, 2, 4)
        )
        return _case(name, d.array(*shape))

    return draw


def _draw_along_dim(name: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        rank = d.one_of(1, 2, 2, 3, 4, 0) if not d.setting.batched else d.one_of(2, 3, 4)
        shape = (d.batch(), *d.sides(rank - 1, high=6)) if rank else ()
        dims = max(rank, 1)  # a number has one dimension, as PyTorch counts
        dim = d.integer(1 if d.setting.batched else 0, dims - 1)
        return _case(name, d.array(*shape), dim=dim - dims if d.flag() else dim)

    return draw


def _elementwise_samples(case: Case) -> tuple[str, ...]:
    return ("x",) if case["x"].ndim else ()


def _other_dims_samples(case: Case) -> tuple[str, ...]:
    rank, dim = case["x"].ndim, case.options["dim"]
    return ("x",) if isinstance(dim, int) and rank > 1 and dim % rank != 0 else ()


def _jax_cannot(case: Case) -> str | None:
    return (
        "JAX has no axis of a number, and no maximum of nothing"
        if not case["x"].ndim or not case["x"].size
        else None
    )


def _elementwise(name: str, jax: str, **features: Any) -> Operation:
    return Operation(
        name,
        _draw_elementwise(name),
        usual_refusals(_case(name, np.ones((2, 3))), (2, 3)),
        twin=f"torch.{name}",
        jax=jax,
        per_sample=_elementwise_samples,
        **features,
    )


def _along_dim(name: str) -> Operation:
    good = _case(name, np.ones((2, 3)), dim=1)
    invalid = (
        *usual_refusals(good, (2, 3)),
        Invalid("a dim out of range", good.with_options(dim=2), ("dim", "2")),
        Invalid("a negative dim out of range", good.with_options(dim=-3), ("dim", "-3")),
        Invalid("a dim that is no integer", good.with_options(dim=1.5), ("dim", "1.5"), TypeError),
        *usual_refusals(_case(name, np.ones((2, 3)), dim=0), (2, 3)),  # another body than along the rows
    )
    return Operation(
        name, _draw_along_dim(name), invalid, jax=f"jax.nn.{name}", jax_cannot=_jax_cannot,
        per_sample=_other_dims_samples,
    )  # fmt: skip


RELU = _elementwise("relu", "jax.nn.relu", kinks=(0.0,))
SIGMOID = _elementwise("sigmoid", "jax.nn.sigmoid")
TANH = _elementwise("tanh", "jax.numpy.tanh")
SOFTMAX = _along_dim("softmax")
LOG_SOFTMAX = _along_dim("log_softmax")
