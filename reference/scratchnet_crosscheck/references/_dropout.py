"""Dropout, in the forms it is met: inverted or not, with the share dropped or the share kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .protocol import Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = "kept elements are not scaled up in training; evaluation multiplies by the share kept"
_KEEP = "p is the probability of keeping, not of dropping"


def _forms(strict: bool) -> list[Form]:
    if strict:
        return [Form()]
    keep = Form(options={"keep": True}, conventions={"p_is_keep_probability": _KEEP})
    plain = Form(options={"plain": True}, conventions={"dropout_not_inverted": _PLAIN})
    return every([Form(), keep], [Form(), plain])


def _draw(sketch: Sketch) -> Parts:
    shape: tuple[int, ...] = (sketch.batch(), sketch.side())
    if sketch.may("an x of rank 4", 5):
        shape = (*shape, sketch.side(1, 3), 2)
    options = {"p": 0.5, **sketch.option("p", 0.5, 0.25, 0.7), "training": True}
    return {"x": sketch.array("x", *shape)}, options | sketch.option("training", True, True, False)


def _factor(o: Mapping[str, Any]) -> float:
    p = float(o["p"])
    kept = 1.0 - p  # a layer whose p is the share kept is handed 1 - p
    if o["training"]:
        return 1.0 if o.get("plain") else 1.0 / kept
    return kept if o.get("plain") else 1.0


def _forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    mask = np.asarray(o["mask"], float) if o["training"] else 1.0
    return (a["x"] * mask * _factor(o),)


def _torch(torch: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x = a["x"]
    if o["training"]:
        x = x * torch.from_numpy(np.array(o["mask"])).to(x.dtype)
    return (x * _factor(o),)


DROPOUT = Kind("dropout", ("x",), _forward, _torch, _draw, _forms, random=True)
