"""The slips of losses of margins: the hinge is forgotten, a share is left out, a distance not divided by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..references._distance import norms
from ._bench import Sample, bench

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence

#: No loss drawn is so large: by such a margin, every hinge is open.
_OPEN = 1e9


def margins_not_summed(evidence: Evidence) -> tuple[str, str] | None:
    """A loss of margins gives the right class the share of one other class, not what all of them take."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}" or "margin" not in b.here.case.operation:
        return None

    def predict(s: Sample) -> Array:
        truth = s.part(s.truth, b.part)
        rows, target = np.arange(len(truth)), np.asarray(s.case["target"])
        right = np.array(truth, copy=True)
        right[rows, target] = (
            -s.dys[0].flat[0] / len(truth) / (1 if s.options.get("classes") == "sum" else truth.shape[1])
        )
        return right if s.form is None else np.asarray(s.form.layout("x").back(right, None))

    if b.fits(predict):
        return "not_summed", f"{b.part}: the right class has the share of one other class, not of all summed"
    return None


def labels_not_summed(evidence: Evidence) -> tuple[str, str] | None:
    """Of several labels each has the share of one other class, not what all within the margin take."""
    b = bench(evidence)
    if b.here is None or b.part != "dx" or b.here.case.operation != "multilabel_margin_loss":
        return None

    def predict(s: Sample) -> Array:
        right = np.asarray(s.part(s.truth, b.part), np.float64)
        dy = np.asarray(s.dys[0], np.float64)
        by_sample = dy[:, None] if dy.ndim else dy
        pair = by_sample / right.shape[-1]  # what one class within the margin of one label comes to
        if s.options.get("reduction", "mean") == "mean" and right.ndim > 1:
            pair = pair / len(right)
        return s.own("x", np.where(right * by_sample < 0, -pair, right))

    if b.fits(predict):
        return "not_summed", f"{b.part}: each label has the share of one other class, not of all summed"
    return None


def hinge_forgotten(evidence: Evidence) -> tuple[str, str] | None:
    """What is beyond the margin has a gradient too."""
    b = bench(evidence)
    operation = "" if b.here is None else b.here.case.operation
    if not b.part.startswith("d") or not any(w in operation for w in ("margin", "hinge", "triplet")):
        return None
    for margin in (_OPEN, -_OPEN):

        def opened(s: Sample, margin: float = margin) -> Array | None:
            if "margin" not in s.options:
                return None
            return b.gradient(b.part, s.judged.with_options(margin=margin), s.dys)

        if b.fits(opened):
            return "gradient_too_much", f"{b.part} is not 0 beyond the margin: the hinge is forgotten"
    return None


def distance_not_divided_by(evidence: Evidence) -> tuple[str, str] | None:
    """A distance of a triplet has the derivative of its square, or of half its square."""
    b = bench(evidence)
    if b.here is None or "triplet" not in b.here.case.operation or b.part[1:] not in b.here.case.slots:
        return None
    for times, words in (
        (1.0, "a distance's derivative is not divided by the distance"),
        (2.0, "a distance has the derivative of its square"),
    ):

        def predict(s: Sample, times: float = times) -> Array | None:
            if s.options.get("swap") or s.options.get("squared") or s.options.get("p", 2.0) != 2.0:
                return None
            shares = {}
            for name in ("positive", "negative"):
                distance = norms(np, s.case["anchor"], s.case[name], s.options)
                shares[f"d{name}"] = s.truth[f"d{name}"] * times * distance[..., None]
            shares["danchor"] = -shares["dpositive"] - shares["dnegative"]
            return np.asarray(shares[b.part])

        if b.fits(predict):
            return "derivative_left_out", f"{b.part}: {words}"
    return None
