"""Distances and similarities of pairs of vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._operations import of_operation
from .protocol import Form, Parts, Sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from .protocol import Kind

#: How a cosine is kept from dividing by zero, where it is not PyTorch's way.
ROOTS = [
    Form(
        options={"cos_eps": ("beside", 1e-30)},
        conventions={"cosine_epsilon": "the norms are divided by as they are"},
    ),
    *(
        Form(options={"cos_eps": (where, eps)}, conventions={"cosine_epsilon": words.format(f"{eps:g}")})
        for where, words in (
            ("beside", "{} is added to the product of the norms"),
            ("inside", "{} is added to each norm"),
        )
        for eps in (1e-8, 1e-12, 1e-10, 1e-9, 1e-7, 1e-6)
    ),
]  # fmt: skip


def cosine(lib: Any, x1: Any, x2: Any, o: Mapping[str, Any]) -> Any:
    """Return the cosines of the vectors along the last axis."""
    where, eps = o["cos_eps"]
    one, two = lib.sqrt((x1 * x1).sum(-1)), lib.sqrt((x2 * x2).sum(-1))
    if where == "inside":
        return (x1 * x2).sum(-1) / ((one + eps) * (two + eps))
    return (x1 * x2).sum(-1) / (one * two + eps)


def norms(lib: Any, x1: Any, x2: Any, o: Mapping[str, Any]) -> Any:
    """Return the norms of the differences along the last axis."""
    if "root_eps" in o:
        return lib.sqrt(((x1 - x2) ** 2).sum(-1) + o["root_eps"])
    p = o.get("p", 2.0)
    return (abs(x1 - x2 + o.get("eps", 1e-6)) ** p).sum(-1) ** (1 / p)


def short(sketch: Sketch, array: Array) -> Array:
    """Return the vectors, none of them zero, the first one so short that what is added to its norm shows."""
    found = np.array(array)
    found[..., 0] = np.where(abs(found).max(-1) < 0.25, found.dtype.type(0.75), found[..., 0])
    if sketch.d.setting.values == "ordinary" and found.ndim > 1:
        found[0] *= found.dtype.type(1 / 1024)
    return sketch.d.laid_out(found)


def parted(sketch: Sketch, array: Array, place: int) -> Array:
    """Return vectors on a grid of their own: no element is that of vectors at another place."""
    return sketch.d.laid_out(np.asarray(array) + array.dtype.type(place / 16))


def _another(shape: tuple[int, ...], given: tuple[int, ...]) -> str:
    """Return what is not one number for each pair of vectors, of two arrays of this shape."""
    if len(given) != 2 or given[0] < 2:
        return ""
    if shape == (given[0], given[0]):
        return "a matrix of every vector with every other"
    return "one number for all" if shape == () else ""


def _draw_cosine(sketch: Sketch) -> Parts:
    sides: tuple[int, ...] = (max(sketch.batch(), 1), sketch.side(2, 5))
    options = sketch.option("eps", 1e-8, 1e-6)
    if "dim" not in sketch.takes:
        if sketch.may("a vector for x", 5):
            sides = sides[1:]
    elif sketch.may("a dimension other than the last", 4):
        sides = (*sides, sketch.side(2, 3))
        options["dim"] = 1
    else:
        options["dim"] = sketch.d.one_of(1, -1)
    x1, x2 = (long(sketch, sketch.moderate(name, *sides), options.get("dim", -1)) for name in ("x1", "x2"))
    return {"x1": x1, "x2": x2}, options


def long(sketch: Sketch, array: Array, dim: int) -> Array:
    """Return `short` vectors along a dimension."""
    return np.moveaxis(short(sketch, np.moveaxis(array, dim, -1)), -1, dim)


def _own(kind: Kind, formula: Callable[[Any, Any, Any, Mapping[str, Any]], Any], owns: str) -> Kind:
    """Return the kind, with another formula for the forms that have an option of this name."""

    def forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        return (formula(np, a["x1"], a["x2"], o),) if owns in o else kind.forward(a, o)

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        return (formula(t, a["x1"], a["x2"], o),) if owns in o else kind.torch(t, a, o)

    def golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
        return None if owns in o or kind.golden is None else kind.golden(a, o)

    return replace(kind, forward=forward, torch=twin, golden=golden)


COSINE_SIMILARITY = _own(
    of_operation(
        "cosine_similarity", _draw_cosine, {"dim": -1, "eps": 1e-8}, dict, slots=("x1", "x2"),
        per_sample=("x1", "x2"), another=_another,
        forms=lambda strict: [Form()] if strict else [Form(), *ROOTS],
    ),
    cosine, "cos_eps",
)  # fmt: skip


def _draw_pairs(sketch: Sketch) -> Parts:
    sides: tuple[int, ...] = (max(sketch.batch(), 1), sketch.side(2, 5))
    if sketch.may("a vector for x", 5):
        sides = sides[1:]
    options: dict[str, Any] = sketch.option("p", 2.0, 1.0, 3.0, 1.5) | sketch.option("eps", 1e-6, 1e-3, 0.125)
    options |= sketch.option("keepdim", False, True)
    x1, x2 = (parted(sketch, sketch.moderate(name, *sides), place) for place, name in enumerate(("x1", "x2")))
    return {"x1": x1, "x2": x2}, options


def _distance_forms(strict: bool) -> list[Form]:
    if strict:
        return [Form()]
    kept = Form(options={"keepdim": True}, conventions={"keepdim": "distances are a column"})
    exact = Form(options={"eps": 0.0}, conventions={"no_epsilon": "nothing is added to the differences"})
    inside = [
        Form(options={"root_eps": eps, "eps": 0.0},
             conventions={"epsilon_in_root": f"{eps:g} is added inside the root"})
        for eps in (1e-12, 1e-8, 1e-6, 1e-10)
    ]  # fmt: skip
    plain = [Form(), exact, *inside]
    return [*plain, *(form + kept for form in plain[:2])]


PAIRWISE_DISTANCE = _own(
    of_operation(
        "pairwise_distance", _draw_pairs, {"p": 2.0, "eps": 1e-6, "keepdim": False}, dict,
        slots=("x1", "x2"), per_sample=("x1", "x2"), another=_another, ties=True, forms=_distance_forms,
    ),
    norms, "root_eps",
)  # fmt: skip
