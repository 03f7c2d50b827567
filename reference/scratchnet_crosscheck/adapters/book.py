"""Classes with a forward and a backward method: the book's two volumes', and all like them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .objects import factory, factory_in_tensors
from .passes import methods
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A class of this name may be the one or the other: the forward pass says.
ALTERNATIVES = {
    "linear": ("linear", "affine_sigmoid", "affine_relu", "affine_tanh"),
    "rnn": ("rnn", "rnn_cell"),
    "lstm": ("lstm", "lstm_cell"),
    "max_pool2d": ("max_pool2d", "avg_pool2d"),
    "gru": ("gru", "gru_cell"),
    "scaled_dot_product_attention": ("scaled_dot_product_attention", "dot_attention"),
    "multi_head_attention": ("multi_head_attention", "packed multi_head_attention"),
    "self_attention": ("self_attention", "packed self_attention"),
    "cross_entropy": (
        "cross_entropy", "temporal cross_entropy", "categorical_cross_entropy", "binary_cross_entropy",
    ),
    "categorical_cross_entropy": ("categorical_cross_entropy", "cross_entropy", "binary_cross_entropy"),
    "nll_loss": ("nll_loss", "categorical_cross_entropy"),
}  # fmt: skip


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the classes whose names are known."""
    found = []
    for name, thing in names.items():
        kind = like.get(name) or called.operation(name)
        if kind and isinstance(thing, type) and methods(thing):
            kind = _of_inputs(thing) if kind == called.WITH_PROJECTIONS else kind
            found.append(
                Candidate(
                    name, ALTERNATIVES.get(kind, (kind,)), factory(thing), "class",
                    in_tensors=factory_in_tensors(thing),
                )
            )  # fmt: skip
    return found


def _of_inputs(cls: type) -> str:
    """Return which attention with projections a class is: of keys that it is handed, or of x to itself."""
    passes = methods(cls)
    handed = inspect.signature(getattr(cls, passes[0])).parameters if passes else ()
    keys = any(called.slot_named(name, ("key",)) for name in handed)
    return called.WITH_PROJECTIONS if keys else "self_attention"
