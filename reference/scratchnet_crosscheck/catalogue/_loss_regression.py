"""Entries of the losses of the error of a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .losses import any_shape, bad_reduction, floats, no_number, spread, unreduced
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(name: str, x: Array, target: Array, weight: Array | None = None, **options: object) -> Case:
    arrays: dict[str, Array | None] = {"x": x, "target": target}
    if name != "smooth_l1_loss":
        arrays["weight"] = weight
    given = floats("x", "target", "weight", case=arrays)
    return Case(name, arrays, {"reduction": "mean", **options}, given)


def _draw(name: str, d: Draw, **options: object) -> Case:
    shape = any_shape(d)
    target = d.array(*spread(d, shape))
    if d.setting.values == "ordinary" and not d.integer(0, 5):
        target = d.labels(*shape, classes=4)
    weight = None
    reduction = d.reduction()
    if name != "smooth_l1_loss" and target.shape == shape and d.flag():
        weight = d.array(*shape, positive=True, plain=True)
        if weight.size == 1 and reduction == "mean":
            # The weight of a single element cancels: its gradient is 0 plus rounding, no yardstick.
            reduction = "sum"
    return _case(name, d.array(*shape), target, weight, reduction=reduction, **options)


def _draw_mse(d: Draw) -> Case:
    return _draw("mse_loss", d)


def _draw_l1(d: Draw) -> Case:
    return _draw("l1_loss", d)


def _draw_smooth_l1(d: Draw) -> Case:
    return _draw("smooth_l1_loss", d, beta=d.one_of(1.0, 0.5, 2, 0.0))


def _draw_huber(d: Draw) -> Case:
    return _draw("huber_loss", d, delta=d.one_of(1.0, 0.5, 2))


def _weighted(name: str) -> Any:
    """Return PyTorch's, on one dtype; with weights, which it did not take before 2.6, the formula."""

    def twin(torch: Any, x: Any, target: Any, weight: Any, reduction: str, **options: Any) -> Any:
        function = getattr(torch.nn.functional, name)
        target = target.to(x.dtype)
        if weight is None:
            return function(x, target, reduction=reduction, **options)
        losses = weight * function(x, target, reduction="none", **options)
        if reduction == "mean":
            return losses.mean() if name == "huber_loss" else losses.sum() / weight.sum()
        return losses.sum() if reduction == "sum" else losses

    return twin


def _jax_mse(jax: Any, x: Any, target: Any, weight: Any, reduction: str) -> Any:
    losses = (x - target) * (x - target)
    return _jax_weighted(jax, losses, weight, reduction)


def _jax_l1(jax: Any, x: Any, target: Any, weight: Any, reduction: str) -> Any:
    return _jax_weighted(jax, jax.numpy.abs(x - target), weight, reduction)


def _jax_weighted(jax: Any, losses: Any, weight: Any, reduction: str) -> Any:
    losses = losses if weight is None else losses * weight
    if reduction == "none":
        return losses
    count = losses.size if weight is None else jax.numpy.sum(weight)
    return jax.numpy.sum(losses) / (count if reduction == "mean" else 1)


def _jax_cannot(case: Case) -> str | None:
    if case["x"].size == 0 and case.options["reduction"] == "mean":
        return "the mean of nothing"
    return None


def _jax_cannot_l1(case: Case) -> str | None:
    if (case["x"] == case["target"]).any() or not np.isfinite(case["x"] - case["target"]).all():
        return "another convention where there is no error, or none that is a number"
    return _jax_cannot(case)


def _invalid(name: str, **options: object) -> tuple[Invalid, ...]:
    good = _case(name, np.ones((2, 3)), np.zeros((2, 3)), None, **options)
    bad = (
        *usual_refusals(good, ()),
        *bad_reduction(good, deprecated=name != "huber_loss"),
        Invalid(
            "a target that does not broadcast",
            good.replace(target=np.zeros((2, 4))),
            (": the shapes of x and target must broadcast", "(2, 4)", "(2, 3)"),
        ),
        Invalid(
            "a target of booleans", good.replace(target=np.zeros((2, 3), bool)), (": target must", "bool"),
            TypeError,
        ),
    )  # fmt: skip
    if name == "smooth_l1_loss":
        return bad
    return (
        *bad,
        Invalid(
            "a weight of another dtype",
            good.replace(weight=np.ones((2, 3), np.float32)),
            (": weight must have the dtype of x", "float32", "float64"),
            TypeError,
        ),
        Invalid(
            "a weight of another shape",
            good.replace(weight=np.ones(3)),
            (": weight must have the shape of x", "(3,)", "(2, 3)"),
        ),
    )


def _bad_width(name: str, option: str, *values: float) -> tuple[Invalid, ...]:
    good = _case(name, np.ones(3), np.zeros(3))
    return (
        *no_number(good, option),
        *(
            Invalid(
                f"{option} {value}",
                good.with_options(**{option: value}),
                (f": {option} must be", f"{option}={value!r}"),
            )
            for value in values
        ),
    )


_SAMPLES = unreduced("x", "target", "weight", rank=1)

MSE_LOSS = Operation(
    "mse_loss", _draw_mse, _invalid("mse_loss"), twin=_weighted("mse_loss"), jax=_jax_mse,
    per_sample=_SAMPLES, jax_cannot=_jax_cannot,
)  # fmt: skip

L1_LOSS = Operation(
    "l1_loss", _draw_l1, _invalid("l1_loss"), twin=_weighted("l1_loss"), jax=_jax_l1, ties=True,
    per_sample=_SAMPLES, jax_cannot=_jax_cannot_l1,
)  # fmt: skip

SMOOTH_L1_LOSS = Operation(
    "smooth_l1_loss",
    _draw_smooth_l1,
    (
        *_invalid("smooth_l1_loss"),
        *_bad_width("smooth_l1_loss", "beta", -1.0, float("nan")),
    ),
    ties=True,
    per_sample=unreduced("x", "target", rank=1),
)

HUBER_LOSS = Operation(
    "huber_loss",
    _draw_huber,
    (
        *_invalid("huber_loss"),
        *_bad_width("huber_loss", "delta", 0.0, -1.0, float("nan")),
    ),
    twin=_weighted("huber_loss"),
    ties=True,
    per_sample=_SAMPLES,
)
