"""Sums, means and maxima of a table's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._operations import of_operation
from .protocol import Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Parts, Sketch


def _draw_bag(sketch: Sketch) -> Parts:
    rows, width = sketch.side(1, 6), sketch.side(1, 4)
    arrays: dict[str, Any] = {"weight": sketch.array("weight", rows, width)}
    options: dict[str, Any] = {}
    mode = str(sketch.form.options.get("mode", "mean"))
    if "mode" in sketch.takes:
        mode = "max" if sketch.may("mode 'max'", 2) else sketch.d.one_of("mean", "sum")
        options["mode"] = mode
    batch, behind = max(sketch.batch(), 1), False
    flat = bool(sketch.form.options.get("flat"))
    if flat or ("offsets" not in sketch.form.absent and sketch.may("offsets", 1)):
        fewest = 0 if sketch.may("an empty bag") else 1
        ends = np.cumsum([0, *(sketch.d.integer(fewest, 3) for _ in range(batch))])
        behind = bool(sketch.option("include_last_offset", False, True).get("include_last_offset", False))
        if "include_last_offset" in sketch.takes:
            options["include_last_offset"] = behind
        arrays["x"] = sketch.d.labels(int(ends[-1]), classes=rows)
        arrays["offsets"] = ends if behind else ends[:-1]
    else:
        arrays["x"] = sketch.d.labels(batch, sketch.side(1, 4), classes=rows)
    weighted = mode == "sum" and "per_sample_weights" not in sketch.form.absent
    if weighted and sketch.may("a weight for each entry", 1):
        arrays["per_sample_weights"] = sketch.array("per_sample_weights", *arrays["x"].shape)
    if sketch.d.setting.values != "calm":  # no differences show that the padding's row has no gradient
        options |= sketch.option("padding_idx", None, 0, rows - 1)
    return arrays, options


def _call(o: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**o, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}


def _of_mode(mode: str, words: str) -> Form:
    return Form(
        options={"mode": mode}, conventions={"other_mode": f"{words} (PyTorch's default is the mean)"}
    )


_SUM, _MAX = _of_mode("sum", "it sums each bag"), _of_mode("max", "it takes each bag's maxima")
_FLAT = Form(options={"flat": True})

EMBEDDING_BAG = of_operation(
    "embedding_bag", _draw_bag, {"mode": "mean", "include_last_offset": False, "padding_idx": None}, _call,
    slots=("x", "weight", "offsets", "per_sample_weights"), fixed=("x", "offsets"), params=("weight",),
    forms=lambda _: [mode + flat for flat in (Form(), _FLAT) for mode in (Form(), _SUM, _MAX)],
    sizes=lambda a: {"in": a["weight"].shape[0], "out": a["weight"].shape[1]}, ties=True,
)  # fmt: skip
