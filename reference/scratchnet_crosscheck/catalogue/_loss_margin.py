"""Entries of the losses that ask for a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..case import Case
from .losses import any_shape, bad_reduction, floats, fractions, no_number, signs, spread, unreduced
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array
    from ..strategies import Draw


def _case(name: str, arrays: Mapping[str, Array | None], *differentiable: str, **options: object) -> Case:
    return Case(name, arrays, {"reduction": "mean", **options}, floats(*differentiable, case=arrays))


_SIGNS = np.array([[1, -1, 1], [-1, -1, 1]])
_LABELS = np.array([0, 2])
_NO_BROADCAST = np.ones((2, 4), int)


# ---- margin_ranking_loss


def _draw_ranking(d: Draw) -> Case:
    shape = any_shape(d)
    arrays = {"input1": d.array(*shape), "input2": d.array(*shape), "target": signs(d, *shape)}
    if d.setting.batched is False and len(shape) > 1 and not d.integer(0, 5):
        arrays["input2"] = d.array(*shape[:-1], 1)
    margin = d.one_of(0, 0.5, 1.0, -0.25)
    return _case(
        "margin_ranking_loss", arrays, "input1", "input2", "target", margin=margin, reduction=d.reduction()
    )


_RANKING = _case(
    "margin_ranking_loss",
    {"input1": np.ones((2, 3)), "input2": np.zeros((2, 3)), "target": _SIGNS.astype(float)},
    "input1", "input2", "target",
)  # fmt: skip

MARGIN_RANKING_LOSS = Operation(
    "margin_ranking_loss",
    _draw_ranking,
    (
        *usual_refusals(_RANKING, ()),
        *bad_reduction(_RANKING),
        *no_number(_RANKING, "margin"),
        Invalid(
            "scores of other dimensions", _RANKING.replace(input2=np.ones(3)),
            (
                ": the arguments must have one number of dimensions",
                "input1 of shape (2, 3)", "input2 of shape (3,)", "target of shape (2, 3)",
            ),
        ),
        Invalid(
            "a first score that does not broadcast", _RANKING.replace(input1=np.ones((2, 4))),
            (": the shapes of input1 and input2 and target must broadcast", "(2, 4)"),
        ),
        Invalid(
            "a second score that does not broadcast", _RANKING.replace(input2=np.ones((2, 4))),
            (": the shapes of input1 and input2 and target must broadcast", "(2, 4)"),
        ),
        Invalid(
            "a target that does not broadcast", _RANKING.replace(target=_NO_BROADCAST),
            (": the shapes of input1 and input2 and target must broadcast", "(2, 4)"),
        ),
    ),
    ties=True,
    per_sample=unreduced("input1", "input2", "target", rank=1),
)  # fmt: skip


# ---- hinge_embedding_loss


def _draw_hinge(d: Draw) -> Case:
    shape = any_shape(d)
    arrays = {"x": d.array(*shape), "target": signs(d, *spread(d, shape), others=True)}
    return _case("hinge_embedding_loss", arrays, "x", margin=d.one_of(1.0, 0.5, 2), reduction=d.reduction())


def _bad_signs(good: Case, shapes: str = "the shapes of x and target must broadcast") -> tuple[Invalid, ...]:
    return (
        *usual_refusals(good, ()),
        *bad_reduction(good),
        Invalid(
            "a target that does not broadcast",
            good.replace(target=_NO_BROADCAST),
            (f": {shapes}", "target of shape (2, 4)", "x of shape (2, 3)"),
        ),
        Invalid(
            "a target of booleans",
            good.replace(target=np.ones((2, 3), bool)),
            (": target must", "bool"),
            TypeError,
        ),
    )


_HINGE = _case("hinge_embedding_loss", {"x": np.ones((2, 3)), "target": _SIGNS}, "x")

HINGE_EMBEDDING_LOSS = Operation(
    "hinge_embedding_loss",
    _draw_hinge,
    (*_bad_signs(_HINGE), *no_number(_HINGE, "margin")),
    ties=True,
    per_sample=unreduced("x", "target", rank=1),
)


# ---- soft_margin_loss


def _draw_soft(d: Draw) -> Case:
    shape = any_shape(d)
    arrays = {"x": d.array(*shape), "target": signs(d, *spread(d, shape))}
    return _case("soft_margin_loss", arrays, "x", reduction=d.reduction())


SOFT_MARGIN_LOSS = Operation(
    "soft_margin_loss",
    _draw_soft,
    _bad_signs(_case("soft_margin_loss", {"x": np.ones((2, 3)), "target": _SIGNS}, "x")),
    per_sample=unreduced("x", "target", rank=1),
)


# ---- multilabel_soft_margin_loss


def _scores_shape(d: Draw) -> tuple[int, ...]:
    return (*d.samples(high=5), d.side())


def _draw_multilabel_soft(d: Draw) -> Case:
    shape = d.one_of(_scores_shape(d), (d.batch(), d.side(), d.side()))
    target = fractions(d, *shape) if d.flag() else d.laid_out(d.labels(*shape, classes=2))
    weight = d.array(shape[-1], positive=True, plain=True) if d.flag() else None
    arrays = {"x": d.array(*shape), "target": target, "weight": weight}
    return _case("multilabel_soft_margin_loss", arrays, "x", "target", "weight", reduction=d.reduction())


_MULTILABEL_SOFT = _case(
    "multilabel_soft_margin_loss",
    {"x": np.ones((2, 3)), "target": np.ones((2, 3)), "weight": np.ones(3)},
    "x", "target", "weight",
)  # fmt: skip

MULTILABEL_SOFT_MARGIN_LOSS = Operation(
    "multilabel_soft_margin_loss",
    _draw_multilabel_soft,
    (
        *_bad_signs(_MULTILABEL_SOFT, "target must broadcast to the shape of x"),
        Invalid("no classes", _MULTILABEL_SOFT.replace(x=np.array(1.0)), (": x must have", "()")),
        Invalid(
            "a weight of another length",
            _MULTILABEL_SOFT.replace(weight=np.ones(2)),
            (": weight must", "(2,)"),
        ),
    ),
    per_sample=unreduced("x", "target", rank=2),
)


# ---- multi_margin_loss


def _draw_multi(d: Draw) -> Case:
    shape = _scores_shape(d)
    target = d.labels(*(shape[:-1] if len(shape) == 2 else d.one_of((), (1,))), classes=shape[-1])
    weight = d.array(shape[-1], positive=True, plain=True) if d.flag() else None
    options = {"p": d.one_of(1, 2), "margin": d.one_of(1.0, 0.5, 2), "reduction": d.reduction()}
    return _case(
        "multi_margin_loss",
        {"x": d.array(*shape), "target": d.laid_out(target), "weight": weight},
        "x",
        **options,
    )


def _empty_mean(case: Case) -> str | None:
    if case["x"].size == 0 and case.options["reduction"] == "mean":
        return "returns what was in memory for the mean of nothing"
    return None


_MULTI = _case("multi_margin_loss", {"x": np.ones((2, 3)), "target": _LABELS, "weight": np.ones(3)}, "x")

MULTI_MARGIN_LOSS = Operation(
    "multi_margin_loss",
    _draw_multi,
    (
        *usual_refusals(_MULTI, ()),
        *bad_reduction(_MULTI),
        *no_number(_MULTI, "margin"),
        Invalid("a p of 3", _MULTI.with_options(p=3), (": p must be 1 or 2", "p=3")),
        Invalid(
            "a label beyond the classes", _MULTI.replace(target=np.array([0, 3])), ("target[1]=3", "[0, 2]")
        ),
        Invalid("a negative label", _MULTI.replace(target=np.array([-1, 0])), ("target[0]=-1", "[0, 2]")),
        Invalid(
            "another batch", _MULTI.replace(target=np.array([0, 1, 2])), (": target must", "(3,)", "(2, 3)")
        ),
        Invalid(
            "a weight of another length",
            _MULTI.replace(weight=np.ones(2)),
            (": weight must hold", "weight of shape (2,)", "x of shape (2, 3)"),
        ),
        Invalid(
            "scores of pixels", _MULTI.replace(x=np.ones((2, 3, 2))), (": x must be scores", "(2, 3, 2)")
        ),
        Invalid(
            "no classes", _MULTI.replace(x=np.ones((2, 0)), weight=None), (": x must be scores", "(2, 0)")
        ),
        Invalid(
            "no classes of one sample",
            _MULTI.replace(x=np.ones(0), target=np.array(0), weight=None),
            (": x must be scores", "x of shape (0,)"),
        ),
        Invalid(
            "labels of floats", _MULTI.replace(target=np.ones(2)), (": target must", "float64"), TypeError
        ),
    ),
    ties=True,
    per_sample=unreduced("x", "target", rank=2),
    torch_cannot=_empty_mean,
)


# ---- multilabel_margin_loss


def _draw_multilabel(d: Draw) -> Case:
    shape = _scores_shape(d)
    target = d.laid_out(d.labels(*shape, classes=shape[-1], ignore=-1))
    return _case(
        "multilabel_margin_loss", {"x": d.array(*shape), "target": target}, "x", reduction=d.reduction()
    )


_LISTS = np.array([[0, 2, -1], [1, -1, 2]])
_MULTILABEL = _case("multilabel_margin_loss", {"x": np.ones((2, 3)), "target": _LISTS}, "x")

MULTILABEL_MARGIN_LOSS = Operation(
    "multilabel_margin_loss",
    _draw_multilabel,
    (
        *usual_refusals(_MULTILABEL, ()),
        *bad_reduction(_MULTILABEL),
        Invalid(
            "a label beyond the classes", _MULTILABEL.replace(target=_LISTS + 1), ("target[0, 1]=3", "[0, 2]")
        ),
        Invalid("a label of -2", _MULTILABEL.replace(target=_LISTS - 1), ("target[0, 2]=-2", "[0, 2]")),
        Invalid(
            "another shape", _MULTILABEL.replace(target=_LISTS[:, :2]), (": target must", "(2, 2)", "(2, 3)")
        ),
        Invalid(
            "scores of pixels", _MULTILABEL.replace(x=np.ones((2, 3, 2))), (": x must be scores", "(2, 3, 2)")
        ),
        Invalid(
            "labels of floats",
            _MULTILABEL.replace(target=np.ones((2, 3))),
            (": target must", "float64"),
            TypeError,
        ),
    ),
    ties=True,
    per_sample=unreduced("x", "target", rank=2),
    torch_cannot=_empty_mean,
)


# ---- cosine_embedding_loss


def _draw_cosine(d: Draw) -> Case:
    # Of two vectors of one element the cosine is 1 or -1: its derivative is 0 plus rounding, no yardstick.
    shape = (*d.samples(high=5), d.side(2))
    other = shape if d.setting.batched or len(shape) == 1 or d.integer(0, 5) else (1, shape[1])
    # One target for all vectors, or one for each.
    of_target = shape[:-1] if d.setting.batched or len(shape) == 1 or d.integer(0, 5) else (1,)
    arrays = {
        "input1": d.array(*shape), "input2": d.array(*other), "target": signs(d, *of_target, others=True),
    }  # fmt: skip
    margin = d.one_of(0, 0.5, -0.25)
    return _case("cosine_embedding_loss", arrays, "input1", "input2", margin=margin, reduction=d.reduction())


_COSINE = _case(
    "cosine_embedding_loss",
    {"input1": np.ones((2, 3)), "input2": np.ones((2, 3)), "target": np.array([1, -1])},
    "input1", "input2",
)  # fmt: skip

COSINE_EMBEDDING_LOSS = Operation(
    "cosine_embedding_loss",
    _draw_cosine,
    (
        *usual_refusals(_COSINE, ()),
        *bad_reduction(_COSINE),
        *no_number(_COSINE, "margin"),
        Invalid(
            "a target of another dtype",
            _COSINE.replace(target=np.ones(2, np.float32)),
            (": target must have the dtype of input1", "input1 of shape (2, 3)", "float32"),
            TypeError,
        ),
        Invalid("other vectors", _COSINE.replace(input2=np.ones((2, 4))), ("must broadcast", "(2, 4)")),
        Invalid(
            "one target for two",
            _COSINE.replace(target=np.array(1)),
            (
                ": the vectors must be",
                "input1 of shape (2, 3)",
                "input2 of shape (2, 3)",
                "target of shape ()",
            ),
        ),
        Invalid(
            "targets for three",
            _COSINE.replace(target=np.ones(3, int)),
            (": target must hold", "target of shape (3,)", "input1 of shape (2, 3)"),
        ),
        Invalid(
            "matrices of vectors",
            _COSINE.replace(input1=np.ones((2, 3, 4)), input2=np.ones((2, 3, 4)), target=_SIGNS),
            (": the vectors must be", "input1 of shape (2, 3, 4)"),
        ),
        Invalid("a matrix of targets", _COSINE.replace(target=_SIGNS), (": the vectors must be", "(2, 3)")),
    ),
    ties=True,
    per_sample=unreduced("input1", "input2", "target", rank=2),
)
