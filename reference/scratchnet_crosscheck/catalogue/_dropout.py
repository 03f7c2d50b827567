"""Entries of dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(x: Array, p: float = 0.5, training: bool = True, seed: int = 0) -> Case:
    return Case("dropout", {"x": x}, {"p": p, "training": training}, ("x",), seed=seed)


def _draw_dropout(d: Draw) -> Case:
    shape = d.one_of((d.batch(),), (), (d.batch(), d.side()), (d.batch(), d.side(), d.side()), (30,))
    return _case(d.array(*shape), d.one_of(0.5, 0.0, 0.25, 0.9, 1.0), d.one_of(True, True, False), d.seed())


def _twin(torch: Any, x: Any, p: float, training: bool, mask: Array) -> Any:
    """Return what PyTorch computes, with the mask that the subject drew: a product with 0 or 1 / (1 - p)."""
    if not training:
        return x.clone()
    kept = torch.from_numpy(np.array(mask)).to(x.dtype)
    return x * (kept if p == 1.0 else kept / (1.0 - p))


def _jax_twin(jax: Any, x: Any, p: float, training: bool, mask: Array) -> Any:
    if not training:
        return x
    kept = jax.numpy.asarray(mask).astype(x.dtype)
    return x * (kept if p == 1.0 else kept / (1.0 - p))


_GOOD = _case(np.ones((2, 3)))

DROPOUT = Operation(
    "dropout",
    _draw_dropout,
    (
        *usual_refusals(_GOOD, (2, 3)),
        *usual_refusals(_GOOD.with_options(training=False), (2, 3))[-3:],  # of cotangents
        Invalid("a p above 1", _GOOD.with_options(p=1.5), (": p must be in [0, 1]", "p=1.5")),
        Invalid("a negative p", _GOOD.with_options(p=-0.25), (": p must be in [0, 1]", "p=-0.25")),
        Invalid(
            "a p that is no number",
            _GOOD.with_options(p="half"),
            (": p must be a number", "p='half'"),
            TypeError,
        ),
        Invalid(
            "a seed for a generator",
            replace(_GOOD, seed=None).with_options(generator=3),
            (": generator must be", "type of generator='int'"),
            TypeError,
        ),
    ),
    twin=_twin,
    jax=_jax_twin,
    randomness="mask",
)
