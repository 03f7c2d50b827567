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


def _case(x: Array, p: float = 0.5, training: bool = True, seed: int = 0, name: str = "dropout") -> Case:
    return Case(name, {"x": x}, {"p": p, "training": training}, ("x",), seed=seed)


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


def _refusals(good: Case) -> tuple[Invalid, ...]:
    shape = good["x"].shape
    return (
        *usual_refusals(good, shape),
        *usual_refusals(good.with_options(training=False), shape)[-3:],  # of cotangents
        Invalid("a p above 1", good.with_options(p=1.5), (": p must be in [0, 1]", "p=1.5")),
        Invalid("a negative p", good.with_options(p=-0.25), (": p must be in [0, 1]", "p=-0.25")),
        Invalid(
            "a p that is no number",
            good.with_options(p="half"),
            (": p must be a number", "p='half'"),
            TypeError,
        ),
        Invalid(
            "a seed for a generator",
            replace(good, seed=None).with_options(generator=3),
            (": generator must be", "type of generator='int'"),
            TypeError,
        ),
    )


DROPOUT = Operation("dropout", _draw_dropout, _refusals(_GOOD), twin=_twin, jax=_jax_twin, randomness="mask")


# ---- whole channels


def _channel_wise(name: str, ranks: tuple[int, ...], *wrong: int) -> Operation:
    def draw(d: Draw) -> Case:
        x = d.array(d.batch(), *d.sides(d.one_of(*ranks) - 1, high=4))
        return _case(x, d.one_of(0.5, 0.0, 0.25, 0.9, 1.0), d.one_of(True, True, False), d.seed(), name)

    good = _case(np.ones((2, 3, 4, 2, 2)[: ranks[0]]), name=name)
    ill = tuple(
        Invalid(f"{rank} axes", good.replace(x=np.ones((2,) * rank)), (": x must", str((2,) * rank)))
        for rank in wrong
    )
    return Operation(name, draw, (*_refusals(good), *ill), twin=_twin, jax=_jax_twin, randomness="mask")


DROPOUT1D = _channel_wise("dropout1d", (3, 2), 0, 1, 4)
DROPOUT2D = _channel_wise("dropout2d", (4, 3, 2, 5), 0, 1)
DROPOUT3D = _channel_wise("dropout3d", (5, 4, 3, 2, 1), 0)


# ---- to the limit of SELU

_LIMIT = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


def _alpha_twin(_: Any, x: Any, p: float, training: bool, mask: Any) -> Any:
    """Return what PyTorch computes, with the mask that the subject drew."""
    if not training or p == 0.0:
        return x * 1.0
    if p == 1.0:
        return x * 0.0
    scale = ((1.0 - p) * (1.0 + p * _LIMIT**2)) ** -0.5
    return x * (mask * scale) + ((1.0 - mask) * _LIMIT - p * _LIMIT) * scale


def _torch_alpha(torch: Any, x: Any, p: float, training: bool, mask: Array) -> Any:
    return _alpha_twin(torch, x, p, training, torch.from_numpy(np.array(mask)).to(x.dtype))


def _jax_alpha(jax: Any, x: Any, p: float, training: bool, mask: Array) -> Any:
    return _alpha_twin(jax, x, p, training, jax.numpy.asarray(mask).astype(x.dtype))


def _alpha(name: str, ranks: tuple[int, ...], *wrong: int) -> Operation:
    entry = _channel_wise(name, ranks, *wrong)
    return replace(entry, twin=_torch_alpha, jax=_jax_alpha)


ALPHA_DROPOUT = _alpha("alpha_dropout", (2, 1, 3))
FEATURE_ALPHA_DROPOUT = _alpha("feature_alpha_dropout", (3, 2, 4), 0, 1)
