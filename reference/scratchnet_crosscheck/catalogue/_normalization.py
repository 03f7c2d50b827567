"""Entries of the normalisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..strategies import EXTREMES
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(
    x: Array,
    mean: Array | None,
    var: Array | None,
    weight: Array | None,
    bias: Array | None,
    **options: object,
) -> Case:
    arrays = {"x": x, "running_mean": mean, "running_var": var, "weight": weight, "bias": bias}
    defaults: dict[str, object] = {"training": False, "momentum": 0.1, "eps": 1e-5}
    differentiable = tuple(name for name in ("x", "weight", "bias") if arrays[name] is not None)
    state = () if mean is None else ("new_running_mean", "new_running_var")
    return Case("batch_norm", arrays, {**defaults, **options}, differentiable, extras=state)


def _draw_batch_norm(d: Draw) -> Case:
    training = not d.setting.batched and d.flag()
    batch, channels = d.batch(), d.side(1, 4)
    spatial = d.sides(d.one_of(0, 2, 1, 3), high=3)
    if training and batch * int(np.prod(spatial)) == 1:  # one value a channel has no variance: refused
        batch = 2
    tracked = not training or d.flag()
    affine, shifted = d.flag(), d.flag()
    return _case(
        d.array(batch, channels, *spatial),
        d.array(channels, plain=True) if tracked else None,
        d.array(channels, positive=True, plain=True) if tracked else None,
        d.array(channels, plain=True) if affine else None,
        d.array(channels, plain=True) if shifted else None,
        training=training,
        momentum=d.one_of(0.1, 0.5, 0.0, 1.0),
        eps=d.one_of(1e-5, 1e-3, 0.1),
    )


def _twin(
    torch: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool,
    momentum: float, eps: float,
) -> Any:  # fmt: skip
    """Return the twin's output, then its running statistics, which it updates in place in copies."""
    mean = None if running_mean is None else running_mean.clone()
    var = None if running_var is None else running_var.clone()
    y = torch.nn.functional.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
    return y if mean is None else (y, mean, var)


_ONES = np.ones(3)
_GOOD = _case(np.arange(12.0).reshape(4, 3), np.zeros(3), _ONES, _ONES, _ONES, training=True)

BATCH_NORM = Operation(
    "batch_norm",
    _draw_batch_norm,
    (
        *usual_refusals(_GOOD, (4, 3)),
        Invalid("one value a channel in training", _GOOD.replace(x=np.ones((1, 3))), ("x", "(1, 3)")),
        Invalid("an x without channels", _GOOD.replace(x=np.ones(3)), ("x", "(3,)")),
        Invalid("a weight of another length", _GOOD.replace(weight=np.ones(2)), ("weight", "(2,)")),
        Invalid(
            "a running_var of another length", _GOOD.replace(running_var=np.ones(4)), ("running_var", "(4,)")
        ),
        Invalid(
            "evaluation without running statistics",
            _case(np.ones((4, 3)), None, None, None, None, training=False),
            ("running_mean",),
        ),
        Invalid("a negative eps", _GOOD.with_options(eps=-1.0), ("eps", "-1")),
    ),
    twin=_twin,
    per_sample=lambda case: () if case.options["training"] else ("x",),
    stateful=True,
    # 1e30 squared overflows float32; that PyTorch sums the squares in float64 is no convention.
    extremes=tuple(value for value in EXTREMES if abs(value) != 1e30),
)
