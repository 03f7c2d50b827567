"""Entries of the losses of triplets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..case import Case
from .losses import bad_reduction, no_number, unreduced
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(name: str, anchor: Array, positive: Array, negative: Array, **options: object) -> Case:
    arrays = {"anchor": anchor, "positive": positive, "negative": negative}
    return Case(name, arrays, {"reduction": "mean", **options}, tuple(arrays))


def _draw(name: str, d: Draw, **options: object) -> Case:
    # Of vectors of one element both slopes are 1 or -1: they cancel to 0 plus rounding, no yardstick.
    shape = (*d.samples(high=4), d.side(2, 4))
    if len(shape) == 2 and not d.integer(0, 4):
        shape = (shape[0], d.side(high=2), shape[1])
    other = shape if d.setting.batched or d.integer(0, 5) else (1, *shape[1:])
    options = {**options, "margin": d.one_of(1.0, 0.5, 4), "swap": d.flag(), "reduction": d.reduction()}
    return _case(name, d.array(*shape), d.array(*other), d.array(*shape), **options)


def _draw_triplet(d: Draw) -> Case:
    norms = (2.0, 2, 1, 3.0, 1.5, float("inf"))
    return _draw("triplet_margin_loss", d, p=d.one_of(*norms), eps=d.one_of(1e-6, 0.0, 0.125))


def _draw_with_distance(d: Draw) -> Case:
    return _draw("triplet_margin_with_distance_loss", d)


def _good(name: str) -> Case:
    return _case(name, np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 3)))


def _invalid(name: str, *, deprecated: bool) -> tuple[Invalid, ...]:
    good = _good(name)
    return (
        *usual_refusals(good, ()),
        *bad_reduction(good, deprecated=deprecated),
        *no_number(good, "margin"),
        Invalid("no margin", good.with_options(margin=0.0), (": margin must be above 0", "margin=0.0")),
        Invalid("a negative margin", good.with_options(margin=-1.0), (": margin must be", "margin=-1.0")),
        Invalid(
            "other dimensions", good.replace(negative=np.ones(3)),
            (
                ": the three must have one number of dimensions",
                "anchor of shape (2, 3)", "positive of shape (2, 3)", "negative of shape (3,)",
            ),
        ),
        *(
            Invalid(
                f"an {each} of another length" if each == "anchor" else f"a {each} of another length",
                good.replace(**{each: np.ones((2, 4))}),
                (": the shapes of anchor, positive and negative must broadcast", f"{each} of shape (2, 4)"),
            )
            for each in good.arrays
        ),
    )  # fmt: skip


_SAMPLES = unreduced("anchor", "positive", "negative", rank=2)

TRIPLET_MARGIN_LOSS = Operation(
    "triplet_margin_loss",
    _draw_triplet,
    (
        *_invalid("triplet_margin_loss", deprecated=True),
        *no_number(_good("triplet_margin_loss"), "p", "eps"),
        *(
            Invalid(
                f"the largest of nothing in {len(shape)} dimensions",
                _case("triplet_margin_loss", *(np.ones(shape),) * 3, p=float("inf")),
                (": an infinite norm needs", "p=inf", f"anchor of shape {shape}"),
            )
            for shape in ((0,), (2, 0))
        ),
    ),
    ties=True,
    per_sample=_SAMPLES,
)

TRIPLET_MARGIN_WITH_DISTANCE_LOSS = Operation(
    "triplet_margin_with_distance_loss",
    _draw_with_distance,
    _invalid("triplet_margin_with_distance_loss", deprecated=False),
    ties=True,
    per_sample=_SAMPLES,
)
