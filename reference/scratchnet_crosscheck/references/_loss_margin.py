"""Losses that ask for a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._distance import ROOTS, cosine, norms, parted, short
from ._reductions import chosen, clear, of_loss, of_samples, reduction, reductions, shape, signs
from .protocol import Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array

#: Targets are signs: they stay where they are when the rest is off by a rounding error.
_SIGNS = (1.0, -1.0)


def _margins(*values: float) -> list[Form]:
    """Return PyTorch's margin and others that are written into a layer's formula."""
    words = "the margin is {:g}"
    return [Form(), *(Form(options={"margin": m}, conventions={"margin": words.format(m)}) for m in values)]


def _forms(strict: bool, margins: list[Form], *, elements: bool = True) -> list[Form]:
    if strict:
        return reductions()[:1]
    return every(margins, [*reductions(), *(of_samples() if elements else [])])


# ---- losses of numbers with a sign


def _draw_hinge(sketch: Sketch) -> Parts:
    sides = shape(sketch)
    options = sketch.option("margin", 1.0, 0.5, 2.0)
    margin = chosen(sketch, options, "margin", 1.0)
    x = clear(sketch, sketch.array("x", *sides), lambda x: abs(x - margin) < 1 / 64)
    return {"x": x, "target": signs(sketch, *sides)}, options | reduction(sketch)


HINGE_EMBEDDING_LOSS = of_loss(
    "hinge_embedding_loss", _draw_hinge, {"margin": 1.0}, ties=True, kinks=_SIGNS,
    forms=lambda strict: _forms(strict, _margins(0.5, 2.0, 0.2)),
)  # fmt: skip


def _draw_soft(sketch: Sketch) -> Parts:
    sides = shape(sketch)
    return {"x": sketch.moderate("x", *sides), "target": signs(sketch, *sides)}, reduction(sketch)


SOFT_MARGIN_LOSS = of_loss("soft_margin_loss", _draw_soft, {}, forms=lambda strict: _forms(strict, [Form()]))


def _draw_ranking(sketch: Sketch) -> Parts:
    sides = (max(sketch.batch(), 1),)  # one score a sample is what PyTorch documents
    options = sketch.option("margin", 0.0, 0.5, 1.0)
    margin = chosen(sketch, options, "margin", 0.0)
    second, target = sketch.array("input2", *sides), signs(sketch, *sides)
    first = clear(
        sketch, sketch.array("input1", *sides), lambda x: abs(margin - target * (x - second)) < 1 / 64
    )
    return {"input1": first, "input2": second, "target": target}, options | reduction(sketch)


MARGIN_RANKING_LOSS = of_loss(
    "margin_ranking_loss", _draw_ranking, {"margin": 0.0}, slots=("input1", "input2", "target"), ties=True,
    kinks=_SIGNS, forms=lambda strict: _forms(strict, _margins(1.0, 0.5, 0.1, 0.2)),
)  # fmt: skip


# ---- several labels a sample


def _draw_lists(sketch: Sketch) -> Parts:
    sides: tuple[int, ...] = (max(sketch.batch(), 1), sketch.side(2, 5))
    if sketch.may("a vector for x", 5):
        sides = sides[1:]
    # Every class's scores on a grid of its own: no two are a margin of 1 apart.
    x = sketch.moderate("x", *sides) + (np.arange(sides[-1]) / 64).astype(sketch.d.setting.dtype)
    target = np.full(sides, -1)
    for row in target.reshape(-1, sides[-1]):
        classes = list(range(sides[-1]))
        # What is behind the first -1 counts for nothing, whatever it is.
        for at in range(sketch.d.integer(0, sides[-1])):
            row[at] = classes.pop(sketch.d.integer(0, len(classes) - 1))
    return {"x": sketch.d.laid_out(x), "target": target}, reduction(sketch)


MULTILABEL_MARGIN_LOSS = of_loss(
    "multilabel_margin_loss", _draw_lists, {}, ties=True, kinks=_SIGNS,
    forms=lambda strict: _forms(strict, [Form()], elements=False),
)  # fmt: skip


def _draw_labels(sketch: Sketch) -> Parts:
    batch, classes = max(sketch.batch(), 1), sketch.side(2, 5)
    target = sketch.d.labels(batch, classes, classes=2).astype(sketch.d.setting.dtype)
    arrays: dict[str, Any] = {"x": sketch.moderate("x", batch, classes), "target": target}
    if "class_weight" not in sketch.form.absent and sketch.may("weights (class_weight)", 1):
        arrays["class_weight"] = sketch.array("class_weight", classes, positive=True, plain=True)
    return arrays, reduction(sketch)


def _of_each_label(lib: Any, a: Mapping[str, Any], _: Mapping[str, Any]) -> Any:
    x, t = a["x"], a["target"]
    soft = np.logaddexp(0.0, -x) if lib is np else lib.nn.functional.softplus(-x, threshold=1000)
    losses = soft + (1 - t) * x
    return losses if a.get("class_weight") is None else losses * a["class_weight"]


def _label_forms(strict: bool) -> list[Form]:
    summed = Form(
        options={"classes": "sum", "over": "batch"},
        conventions={"sum_over_classes": "losses are summed over the classes, not averaged"},
    )
    return reductions()[:1] if strict else [*reductions(), reductions()[0] + summed]


MULTILABEL_SOFT_MARGIN_LOSS = of_loss(
    "multilabel_soft_margin_loss", _draw_labels, {}, slots=("x", "target", "class_weight"),
    params=("class_weight",), fixed=("target", "class_weight"), own=_of_each_label, owns=("classes",),
    forms=_label_forms,
)  # fmt: skip


# ---- pairs and triplets of vectors


def _draw_cosine(sketch: Sketch) -> Parts:
    batch, width = max(sketch.batch(), 1), sketch.side(2, 5)
    options = sketch.option("margin", 0.0, 0.5, -0.25)
    margin = chosen(sketch, options, "margin", 0.0)
    second, target = short(sketch, sketch.moderate("input2", batch, width)), signs(sketch, batch)

    def near(x: Array) -> Array:
        cos = cosine(np, x, second, {"cos_eps": ("beside", 1e-30)})
        rows = (abs(cos - margin) < 1e-2) & (target < 0)
        return np.asarray(np.repeat(rows[:, None], width, 1) & (np.arange(width) == 0))

    first = clear(sketch, short(sketch, sketch.moderate("input1", batch, width)), near, 0.35)
    return {"input1": first, "input2": second, "target": target}, options | reduction(sketch)


def _cosine_loss(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    cos = cosine(lib, a["input1"], a["input2"], o)
    over = cos - o["margin"]
    return lib.where(a["target"] > 0, 1 - cos, over * (over > 0))


COSINE_EMBEDDING_LOSS = of_loss(
    "cosine_embedding_loss", _draw_cosine, {"margin": 0.0}, slots=("input1", "input2", "target"), ties=True,
    kinks=_SIGNS, own=_cosine_loss, owns=("cos_eps",),
    forms=lambda strict: reductions()[:1] if strict else every(
        _margins(0.5, 0.1, 0.2), [Form(), *ROOTS], reductions()
    ),
)  # fmt: skip


def _draw_triplets(sketch: Sketch) -> Parts:
    batch, width = max(sketch.batch(), 1), sketch.side(2, 5)
    options: dict[str, Any] = sketch.option("margin", 1.0, 0.5, 4.0) | sketch.option("p", 2.0, 1.0, 3.0, 1.5)
    options |= sketch.option("eps", 1e-6, 1e-3) | sketch.option("swap", False, True)
    anchor, positive, negative = (
        parted(sketch, sketch.moderate(name, batch, width), place)
        for place, name in enumerate(("anchor", "positive", "negative"))
    )
    o = {"p": 2.0, "eps": 1e-6, "margin": 1.0, **sketch.form.options, **options}

    def near(x: Array) -> Array:
        power = 2 if o.get("squared") else 1
        of_pair = norms(np, anchor, x, o) ** power
        loss = norms(np, anchor, positive, o) ** power - of_pair + o["margin"]
        rows = abs(loss) < 1e-2
        if o.get("swap"):
            other = norms(np, positive, x, o) ** power
            rows |= (abs(of_pair - other) < 1e-2) | (abs(loss + of_pair - other) < 1e-2)
        return np.asarray(np.repeat(rows[:, None], width, 1) & (np.arange(width) == 0))

    negative = clear(sketch, negative, near, 0.34375)
    return {"anchor": anchor, "positive": positive, "negative": negative}, options | reduction(sketch)


def _triplet(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    anchor, positive, negative = a["anchor"], a["positive"], a["negative"]
    power = 2 if o.get("squared") else 1
    near, far = (norms(lib, anchor, other, o) ** power for other in (positive, negative))
    if o.get("swap"):
        far = lib.minimum(far, norms(lib, positive, negative, o) ** power)
    over = near - far + o["margin"]
    return over * (over > 0)


def _triplet_forms(strict: bool, exactly: Mapping[str, float]) -> list[Form]:
    if strict:
        return reductions()[:1]
    squared = Form(
        options={"squared": True, "eps": 0.0},
        conventions={"squared_distances": "distances are squared, with nothing added"},
    )
    exact = Form(options=exactly, conventions={"no_epsilon": "nothing is added to the differences"})
    roots = [
        Form(options={"root_eps": eps, "eps": 0.0},
             conventions={"epsilon_in_root": f"{eps:g} is added inside the root"})
        for eps in (1e-12, 1e-8, 1e-6, 1e-10, 1e-16)
    ]  # fmt: skip
    return every(_margins(0.2, 0.5, 2.0), [Form(), squared, exact, *roots], reductions())


def _triplets(name: str, options: Mapping[str, Any], exactly: Mapping[str, float]) -> Kind:
    return of_loss(
        name, _draw_triplets, options, slots=("anchor", "positive", "negative"), fixed=(), ties=True,
        own=_triplet, owns=("squared", "root_eps"),
        forms=lambda strict: _triplet_forms(strict, exactly),
    )  # fmt: skip


TRIPLET_MARGIN_LOSS = _triplets(
    "triplet_margin_loss", {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False}, {"eps": 0.0}
)
TRIPLET_MARGIN_WITH_DISTANCE_LOSS = _triplets(
    "triplet_margin_with_distance_loss", {"margin": 1.0, "swap": False}, {"root_eps": 1e-30}
)
