"""Costs of a network's weighted input: an activation and the loss of what it gives, their gradient in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._activation import _sigmoid, _softmax
from .protocol import BATCH_LAST, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HALF = Form(options={"half": True}, conventions={"half_the_loss": "it is half the sum"})
_SUM = Form(conventions={"sum_reduction": "losses are summed, not averaged"})
_MEAN = Form(
    options={"over": "batch"},
    conventions={"averaged_over_batch": "summed over the features, averaged over the batch alone"},
)
_COLUMNS = Form({"x": BATCH_LAST, "target": BATCH_LAST})


def _kind(
    name: str, losses: Callable[..., Any], target: Callable[[Sketch, int, int], Any], *, halves: bool = False
) -> Kind:
    """Return a kind; ``losses(lib, x, target)`` in NumPy or PyTorch, summed here."""

    def draw(sketch: Sketch) -> Parts:
        batch, side = max(sketch.batch(), 1), sketch.side(2, 5)
        wanted = target(sketch, batch, side).astype(sketch.d.setting.dtype)
        own = sketch.form.layout("target").back(wanted, None)
        return {"x": sketch.small("x", batch, side) * 4, "target": own}, {}

    def run(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        found = losses(lib, a["x"], a["target"]).sum()
        return (found * (0.5 if o.get("half") else 1.0) / (len(a["x"]) if "over" in o else 1.0),)

    forms = every([_COLUMNS, Form()], [_HALF, Form()] if halves else [Form()], [_SUM, _MEAN])
    return Kind(
        name, ("x", "target"), lambda a, o: run(np, a, o), run, draw, lambda _: forms, fixed=("target",),
        outputs=("loss",), loss=True,
    )  # fmt: skip


def _numbers(sketch: Sketch, batch: int, side: int) -> Any:
    """Return targets from 0 to 1."""
    return np.asarray(sketch.d.labels(batch, side, classes=5)) / 4


def _one_hot(sketch: Sketch, batch: int, side: int) -> Any:
    return np.eye(side)[sketch.d.labels(batch, classes=side)]


def _squares(lib: Any, x: Any, target: Any) -> Any:
    return ((_sigmoid(x) if lib is np else lib.sigmoid(x)) - target) ** 2


def _binary(lib: Any, x: Any, target: Any) -> Any:
    return lib.logaddexp(0 * x, x) - target * x


def _categorical(lib: Any, x: Any, target: Any) -> Any:
    return -target * (np.log(_softmax(x)) if lib is np else lib.log_softmax(x, -1))


SIGMOID_SQUARES = _kind("sigmoid mse_loss", _squares, _numbers, halves=True)
SIGMOID_BINARY = _kind("sigmoid binary_cross_entropy", _binary, _numbers)
SOFTMAX_CATEGORICAL = _kind("softmax categorical_cross_entropy", _categorical, _one_hot)
