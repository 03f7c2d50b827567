"""Losses of linear scores: ``f(W, X, y, reg)``, the gradient of the weights alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._activation import _log_softmax
from .protocol import BATCH_LAST, SAME, TURNED, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HALF = {"half_the_penalty": "the penalty is half of reg times the squared weights"}
_SUM = {"sum_reduction": "losses are summed, not averaged"}


def _forms(_: bool) -> list[Form]:
    arrays = [Form({"weight": TURNED}), Form({"weight": SAME, "x": BATCH_LAST}), Form({"weight": SAME}),
              Form({"weight": TURNED, "x": BATCH_LAST})]  # fmt: skip
    penalties = [Form(), Form(options={"half": True}, conventions=_HALF)]
    sums = [Form(), Form(options={"reduction": "sum"}, conventions=_SUM)]
    return every(arrays, sums, penalties)


def _draw(sketch: Sketch) -> Parts:
    batch, classes, width = max(sketch.batch(), 1), sketch.side(2, 5), sketch.side(1, 5)
    # Small: a logarithm of a softmax is infinite for scores far apart, which is said of the loss itself.
    arrays = {
        "weight": sketch.small("weight", classes, width),
        "x": sketch.small("x", batch, width) * 4,
        "target": sketch.d.labels(batch, classes=classes),
    }
    options = sketch.option("reg", 0.5, 0.125, 1.5)
    if options and sketch.may("no penalty", 4):
        options["reg"] = 0.0
    return arrays, options


def _penalty(weight: Any, o: Mapping[str, Any]) -> Any:
    return float(o.get("reg") or 0.0) * (0.5 if o.get("half") else 1.0) * (weight * weight).sum()


def _kind(name: str, losses: Callable[..., Any], torch: Callable[..., Any], *, ties: bool) -> Kind:
    def forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        found = losses(a["x"] @ a["weight"].T, a["target"])
        return (found.sum() / (1 if o.get("reduction") == "sum" else len(a["x"])) + _penalty(a["weight"], o),)

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        found = torch(t, a["x"] @ a["weight"].T, a["target"])
        return (found / (1 if o.get("reduction") == "sum" else len(a["x"])) + _penalty(a["weight"], o),)

    return Kind(
        name, ("weight", "x", "target"), forward, twin, _draw, _forms, fixed=("x", "target"),
        outputs=("loss",), loss=True, ties=ties, defaults={"reg": 0.0},
    )  # fmt: skip


def _softmax_losses(scores: Any, target: Any) -> Any:
    return -_log_softmax(scores)[np.arange(len(scores)), target]


def _margins(scores: Any, target: Any) -> Any:
    rows = np.arange(len(scores))
    margins = np.maximum(0, scores - scores[rows, target][:, None] + 1)
    margins[rows, target] = 0
    return margins.sum(axis=1)


def _margins_torch(t: Any, scores: Any, target: Any) -> Any:
    rows = t.arange(len(scores))
    keep = t.ones_like(scores)
    keep[rows, target] = 0
    return (t.relu(scores - scores[rows, target][:, None] + 1) * keep).sum()


LINEAR_CROSS_ENTROPY = _kind(
    "linear cross_entropy", _softmax_losses,
    lambda t, scores, target: t.nn.functional.cross_entropy(scores, target, reduction="sum"), ties=False,
)  # fmt: skip
LINEAR_MARGIN = _kind("linear multi_margin_loss", _margins, _margins_torch, ties=True)
