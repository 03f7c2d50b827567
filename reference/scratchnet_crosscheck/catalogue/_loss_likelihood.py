"""Entries of the losses that are likelihoods, and of the Kullback-Leibler divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..case import Case
from .losses import (
    any_shape,
    bad_reduction,
    floats,
    fractions,
    in_one_dtype,
    no_number,
    small,
    spread,
    unreduced,
)
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array
    from ..strategies import Draw


def _case(name: str, arrays: Mapping[str, Array | None], *differentiable: str, **options: object) -> Case:
    return Case(name, arrays, {"reduction": "mean", **options}, floats(*differentiable, case=arrays))


def _no_broadcast(
    good: Case, other: str = "target", words: str = ": the shapes of x and target must broadcast"
) -> Invalid:
    return Invalid(
        f"a {other} that does not broadcast",
        good.replace(**{other: np.ones((2, 4))}),
        (words, "(2, 4)", "(2, 3)"),
    )


# ---- poisson_nll_loss


def _draw_poisson(d: Draw) -> Case:
    shape = any_shape(d)
    log_input, full = d.one_of(True, False), d.flag()
    target: Array = d.labels(*spread(d, shape), classes=5)
    if d.flag():
        target = d.array(*shape, positive=True)
    x = small(d, d.array(*shape, positive=not log_input))
    options = {"log_input": log_input, "full": full, "eps": d.one_of(1e-8, 0.125), "reduction": d.reduction()}
    return _case("poisson_nll_loss", {"x": x, "target": d.laid_out(target)}, "x", "target", **options)


_POISSON = _case("poisson_nll_loss", {"x": np.ones((2, 3)), "target": np.ones((2, 3))}, "x", "target")

POISSON_NLL_LOSS = Operation(
    "poisson_nll_loss",
    _draw_poisson,
    (
        *usual_refusals(_POISSON, ()),
        *bad_reduction(_POISSON),
        _no_broadcast(_POISSON),
        *no_number(_POISSON, "eps"),
    ),
    twin=in_one_dtype("poisson_nll_loss"),
    ties=True,  # at a target of 1 the loss jumps
    per_sample=unreduced("x", "target", rank=1),
)


# ---- gaussian_nll_loss


def _draw_gaussian(d: Draw) -> Case:
    shape = any_shape(d)
    of_var = shape
    kind = d.integer(0, 3)
    if shape and kind == 1 and not d.setting.batched:
        of_var = shape[:-1]
    elif len(shape) > 1 and kind == 2:
        of_var = (*shape[:-1], 1)
    var = d.array(*of_var, positive=True)
    if d.setting.values != "calm" and var.size and not d.integer(0, 3):
        var = var.copy()
        var.flat[0] = 0
    arrays = {"x": d.array(*shape), "target": d.array(*shape), "var": var}
    options = {"full": d.flag(), "eps": d.one_of(1e-6, 1e-3), "reduction": d.reduction()}
    return _case("gaussian_nll_loss", arrays, "x", "target", "var", **options)


_GAUSSIAN = _case(
    "gaussian_nll_loss",
    {"x": np.ones((2, 3)), "target": np.ones((2, 3)), "var": np.ones((2, 3))},
    "x", "target", "var",
)  # fmt: skip

GAUSSIAN_NLL_LOSS = Operation(
    "gaussian_nll_loss",
    _draw_gaussian,
    (
        *usual_refusals(_GAUSSIAN, ()),
        *bad_reduction(_GAUSSIAN, deprecated=False),
        *no_number(_GAUSSIAN, "eps"),
        _no_broadcast(_GAUSSIAN, words=": the shapes of x and target and var must broadcast"),
        _no_broadcast(_GAUSSIAN, "var", ": var must have the shape of x"),
        Invalid(
            "a negative variance", _GAUSSIAN.replace(var=np.full((2, 3), -0.5)),
            (": no variance may be negative", "-0.5"),
        ),
        Invalid(
            "a negative number for all variances", _GAUSSIAN.replace(var=cast("Any", -0.5)),
            (": var must be at least 0", "var=-0.5"),
        ),
        Invalid(
            "one variance for all", _GAUSSIAN.replace(var=np.ones((1, 1))), (": var must", "(1, 1)"),
        ),
    ),
    per_sample=unreduced("x", "target", "var", rank=1),
)  # fmt: skip


# ---- kl_div


def _draw_kl(d: Draw) -> Case:
    shape = any_shape(d)
    log_target = d.flag()
    target = small(d, d.array(*shape)) if log_target else fractions(d, *spread(d, shape))
    reduction = d.reduction()
    if reduction == "mean" and d.flag():
        reduction = "batchmean"
    arrays = {"x": d.array(*shape), "target": target}
    return _case("kl_div", arrays, "x", "target", reduction=reduction, log_target=log_target)


_KL = _case("kl_div", {"x": -np.ones((2, 3)), "target": np.ones((2, 3))}, "x", "target")

KL_DIV = Operation(
    "kl_div",
    _draw_kl,
    (
        *usual_refusals(_KL, ()),
        *bad_reduction(_KL),
        _no_broadcast(_KL),
        Invalid(
            "a target of integers",
            _KL.replace(target=np.ones((2, 3), int)),
            (": target must", "int64"),
            TypeError,
        ),
    ),
    per_sample=unreduced("x", "target", rank=1),
)


# ---- binary_cross_entropy


def _apart(case: Case) -> tuple[str, ...]:
    """Say which arguments carry the batch: none where a weight is shared or has it too."""
    if case.arrays["weight"] is not None:
        return ()
    return unreduced("x", "target", rank=2)(case)


def _draw_bce(d: Draw) -> Case:
    shape = any_shape(d)
    weight = d.array(*spread(d, shape), positive=True, plain=True) if d.flag() else None
    # At 0 and 1 the target's derivative is infinite, and no longer linear in the cotangent.
    x = fractions(d, *shape, edges=d.setting.values == "extreme")
    arrays = {"x": x, "target": fractions(d, *shape), "weight": weight}
    return _case("binary_cross_entropy", arrays, "x", "target", reduction=d.reduction())


_BCE = _case(
    "binary_cross_entropy",
    {"x": np.full((2, 3), 0.5), "target": np.ones((2, 3)), "weight": np.ones((2, 3))},
    "x", "target",
)  # fmt: skip
_OUTSIDE = np.array([[0.5, 0.5, 0.5], [0.5, 1.5, 0.5]])


def _bad_binary(good: Case) -> tuple[Invalid, ...]:
    return (
        *usual_refusals(good, ()),
        *bad_reduction(good),
        Invalid(
            "a target that would have to be broadcast",
            good.replace(target=np.ones((2, 1))),
            (": target must have the shape of x", "(2, 1)", "(2, 3)"),
        ),
        Invalid(
            "a weight with more dimensions",
            good.replace(weight=np.ones((1, 2, 3))),
            (": weight must broadcast", "(1, 2, 3)", "(2, 3)"),
        ),
        Invalid(
            "a weight of another side", good.replace(weight=np.ones(2)), (": weight must broadcast", "(2,)")
        ),
    )


BINARY_CROSS_ENTROPY = Operation(
    "binary_cross_entropy",
    _draw_bce,
    (
        *_bad_binary(_BCE),
        Invalid(
            "one probability above 1",
            _BCE.replace(x=np.array(1.5), target=np.array(1.0), weight=None),
            (": every element of x", "x=1.5"),
        ),
        Invalid("a probability above 1", _BCE.replace(x=_OUTSIDE), (": every element of x", "x[1, 1]=1.5")),
        Invalid(
            "a target above 1",
            _BCE.replace(target=_OUTSIDE),
            (": every element of target", "target[1, 1]=1.5"),
        ),
        Invalid(
            "a probability that is NaN",
            _BCE.replace(x=np.full((2, 3), np.nan)),
            ("every element of x", "nan"),
        ),
    ),
    kinks=(0.0, 1.0),
    extremes=(0.0,),
    per_sample=_apart,
)


# ---- binary_cross_entropy_with_logits


def _draw_logits(d: Draw) -> Case:
    shape = any_shape(d)
    weight = d.array(*spread(d, shape), positive=True, plain=True) if d.flag() else None
    pos_weight = d.array(*shape[1:], positive=True, plain=True) if d.flag() else None
    target = fractions(d, *shape)
    arrays = {"x": d.array(*shape), "target": target, "weight": weight, "pos_weight": pos_weight}
    return _case("binary_cross_entropy_with_logits", arrays, "x", "target", reduction=d.reduction())


_LOGITS = _case(
    "binary_cross_entropy_with_logits",
    {"x": np.ones((2, 3)), "target": np.ones((2, 3)), "weight": np.ones((2, 3)), "pos_weight": np.ones(3)},
    "x", "target",
)  # fmt: skip


BINARY_CROSS_ENTROPY_WITH_LOGITS = Operation(
    "binary_cross_entropy_with_logits",
    _draw_logits,
    (
        *_bad_binary(_LOGITS),
        Invalid(
            "a pos_weight of another side",
            _LOGITS.replace(pos_weight=np.ones(2)),
            (": pos_weight must broadcast", "(2,)", "(2, 3)"),
        ),
    ),
    per_sample=_apart,
)
