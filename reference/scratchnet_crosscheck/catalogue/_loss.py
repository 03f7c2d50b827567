"""Entries of the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..case import Case
from .losses import bad_reduction, no_number, unreduced
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _jax_reduced(jax: Any, losses: Any, reduction: str) -> Any:
    return {"none": lambda v: v, "sum": jax.numpy.sum, "mean": jax.numpy.mean}[reduction](losses)


# ---- nll_loss and cross_entropy with class indices


def _classes(name: str, x: Array, target: Array, weight: Array | None = None, **options: object) -> Case:
    arrays = {"x": x, "target": target, "weight": weight}
    # With probabilities for a target, they and the weights have a derivative too.
    soft = tuple(n for n in ("target", "weight") if arrays[n] is not None) if target.dtype.kind == "f" else ()
    defaults: dict[str, object] = {"ignore_index": -100, "reduction": "mean"}
    return Case(name, arrays, {**defaults, **options}, ("x", *soft))


def _class_shape(d: Draw) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Return the number of classes, the shape of x, (C,) or (N, C, d1...), and the shape of the target."""
    classes = d.side(1, 6)
    batch = d.samples(high=5)
    spatial = d.sides(d.one_of(0, 0, 1, 2), high=3) if batch else ()
    return classes, (*batch, classes, *spatial), (*batch, *spatial)


def _draw_indexed(name: str, d: Draw, **more: object) -> Case:
    classes, shape, target_shape = _class_shape(d)
    ignore = d.one_of(-100, 0, classes - 1, -1)
    target = d.labels(*target_shape, classes=classes, ignore=ignore if d.flag() else None)
    weight = d.array(classes, positive=True, plain=True) if d.flag() else None
    x = d.array(*shape)
    return _classes(name, x, d.laid_out(target), weight, ignore_index=ignore, reduction=d.reduction(), **more)


def _draw_nll(d: Draw) -> Case:
    return _draw_indexed("nll_loss", d)


def _draw_cross_entropy(d: Draw) -> Case:
    smoothing = d.one_of(0.0, 0.0, 0.1, 0.5, 1.0)
    if d.integer(0, 2) < 2:
        return _draw_indexed("cross_entropy", d, label_smoothing=smoothing)
    classes, shape, _ = _class_shape(d)
    weight = d.array(classes, positive=True, plain=True) if d.flag() else None
    return _classes(
        "cross_entropy", d.array(*shape), d.array(*shape, positive=True, plain=True), weight,
        reduction=d.reduction(), label_smoothing=smoothing,
    )  # fmt: skip


def _jax_picked(
    jax: Any, log_p: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smooth: float
) -> Any:
    """Return the loss of class indices, from log-probabilities whose classes are on axis 0 or 1."""
    jnp = jax.numpy
    axis = min(1, log_p.ndim - 1)
    classes = log_p.shape[axis]
    used = target != ignore_index
    picked = jax.nn.one_hot(jnp.where(used, target, 0), classes, axis=axis, dtype=log_p.dtype)
    shape = [1] * log_p.ndim
    shape[axis] = classes
    weights = jnp.ones(shape, log_p.dtype) if weight is None else weight.reshape(shape)
    share = jnp.sum(picked * weights, axis=axis) * used
    plain = jnp.sum(-log_p * picked * weights, axis=axis) * used
    total = jnp.sum(share)
    reduced = {"none": lambda v: v, "sum": jnp.sum, "mean": lambda v: jnp.sum(v) / total}[reduction]
    loss = reduced(plain)
    if smooth:
        even = jnp.sum(-log_p * weights, axis=axis) * used / classes
        loss = (1.0 - smooth) * loss + smooth * reduced(even)
    return loss


def _jax_nll(jax: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    return _jax_picked(jax, x, target, weight, ignore_index, reduction, 0.0)


def _jax_cross_entropy(
    jax: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    axis = min(1, x.ndim - 1)
    log_p = jax.nn.log_softmax(x, axis=axis)
    if not jax.numpy.issubdtype(target.dtype, jax.numpy.floating):
        return _jax_picked(jax, log_p, target, weight, ignore_index, reduction, label_smoothing)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    soft = target * (1.0 - label_smoothing) + label_smoothing / x.shape[axis]
    weights = 1.0 if weight is None else weight.reshape(shape)
    losses = -jax.numpy.sum(log_p * soft * weights, axis=axis)
    if reduction == "mean":
        return jax.numpy.sum(losses) / (losses.size or jax.numpy.nan)
    return _jax_reduced(jax, losses, reduction)


def _jax_cannot(case: Case) -> str | None:
    """Name what JAX says NaN of where PyTorch does not, since 0 * inf skips nothing."""
    if not all(np.isfinite(a).all() for a in case.given.values()):
        return "infinite log-probabilities"
    if case.options["reduction"] == "mean" and not (case["target"] != case.options["ignore_index"]).any():
        return "the mean of nothing, whose gradient is 0 in PyTorch"
    return None


_LABELS = np.array([0, 2])
_GOOD_NLL = _classes("nll_loss", np.ones((2, 3)), _LABELS, np.ones(3))
_GOOD_CE = _classes("cross_entropy", np.ones((2, 3)), _LABELS, np.ones(3), label_smoothing=0.0)
_SOFT_CE = _classes("cross_entropy", np.ones((2, 3)), np.full((2, 3), 0.25), label_smoothing=0.0)


def _bad_classes(good: Case) -> tuple[Invalid, ...]:
    return (
        *usual_refusals(good, ()),
        *bad_reduction(good),
        Invalid(
            "a label beyond the classes", good.replace(target=np.array([0, 3])), ("target[1]=3", "[0, 2]")
        ),
        Invalid("a negative label", good.replace(target=np.array([-1, 0])), ("target[0]=-1", "[0, 2]")),
        Invalid(
            "a target of another batch",
            good.replace(target=np.array([0, 1, 2])),
            (": target must hold", "(2,)", "target of shape (3,)", "x of shape (2, 3)"),
        ),
        Invalid(
            "a one-hot target of integers",
            good.replace(target=np.eye(2, 3, dtype=int)),
            (": one-hot labels must", "(2,)", "argmax(1)", "target of shape (2, 3)", "x of shape (2, 3)"),
        ),
        Invalid(
            "a target given as a list",
            good.replace(target=cast("Any", [0, 2])),
            (": target must be", "list"),
            TypeError,
        ),
        Invalid(
            "a weight of another length",
            good.replace(weight=np.ones(2)),
            (": weight must hold", "weight of shape (2,)", "x of shape (2, 3)"),
        ),
        Invalid(
            "an x without classes",
            good.replace(x=np.array(1.0)),
            (": x must have an axis of classes", "x of shape ()"),
        ),
        Invalid(
            "an ignore_index that is no integer",
            good.with_options(ignore_index=1.5),
            (": ignore_index must be an integer", "ignore_index=1.5"),
            TypeError,
        ),
    )


NLL_LOSS = Operation(
    "nll_loss",
    _draw_nll,
    _bad_classes(_GOOD_NLL),
    jax=_jax_nll,
    jax_cannot=_jax_cannot,
    per_sample=unreduced("x", "target"),
)

CROSS_ENTROPY = Operation(
    "cross_entropy",
    _draw_cross_entropy,
    (
        *_bad_classes(_GOOD_CE),
        *no_number(_GOOD_CE, "label_smoothing"),
        Invalid(
            "a label_smoothing above 1",
            _GOOD_CE.with_options(label_smoothing=1.5),
            (": label_smoothing must", "label_smoothing=1.5"),
        ),
        Invalid(
            "a negative label_smoothing",
            _GOOD_CE.with_options(label_smoothing=-0.5),
            (": label_smoothing must", "label_smoothing=-0.5"),
        ),
        *usual_refusals(_SOFT_CE, ())[-3:],  # of cotangents
        *bad_reduction(_SOFT_CE),
        *bad_reduction(_GOOD_CE.replace(weight=None)),  # another body
        Invalid(
            "probabilities of another shape",
            _SOFT_CE.replace(target=np.ones((2, 4))),
            (": target must be probabilities", "target of shape (2, 4)", "x of shape (2, 3)"),
        ),
        Invalid(
            "probabilities of another dtype",
            _SOFT_CE.replace(target=np.full((2, 3), 0.25, np.float32)),
            (": probabilities as target must have the dtype of x", "float32", "x of shape (2, 3)"),
            TypeError,
        ),
        Invalid(
            "a class to be ignored among probabilities",
            _SOFT_CE.with_options(ignore_index=0),
            (": ignore_index is for class indices", "ignore_index=0"),
        ),
    ),
    jax=_jax_cross_entropy,
    jax_cannot=_jax_cannot,
    per_sample=unreduced("x", "target"),
)
