"""Recurrent steps that are handed each gate's matrices: ``gru_step(x, h, Wz, Uz, bz, Wr, ...)``."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .binding import signature
from .protocol import Cannot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array

#: The gates in PyTorch's order, each with the letters that it goes by.
_GATES = {"gru_cell": ("r", "z", "nhcg"), "lstm_cell": ("i", "f", "gca", "o")}
#: How the matrix of the input, that of the state and the bias of a gate begin.
_BEGINNINGS = (("w", "u", "b"), ("wx", "wh", "b"), ("wi", "wh", "b"))
_SLOTS = ("weight_ih", "weight_hh", "bias_ih")


def _parts(arguments: list[str], gates: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    """Return the arguments that are of one gate, with the slot each is a part of and its place in it."""
    plain = {names.plain(name): name for name in arguments}
    for beginnings in _BEGINNINGS:
        for of_new in max(gates, key=len):
            letters = [g if len(g) == 1 else of_new for g in gates]
            wanted = {
                begin + letter: (slot, place)
                for begin, slot in zip(beginnings, _SLOTS, strict=True)
                for place, letter in enumerate(letters)
            }
            if all(name in plain for name in wanted):
                return {plain[name]: part for name, part in wanted.items()}
    return {}


def _axes(handed: Mapping[str, Array]) -> dict[str, int]:
    """Return along which axis the gates of each slot lie."""
    height, width = handed["weight_hh"].shape
    bias = handed["bias_ih"].shape
    weights = int(height < width)
    return {"weight_ih": weights, "weight_hh": weights, "bias_ih": int(len(bias) == 2 and bias[0] == 1)}


def joined(
    forward: Callable[..., Any], backward: Callable[..., Any], kind: str
) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """Return such a pair as one whose gates are in one matrix, None where it is none."""
    if kind not in _GATES:
        return None
    own = signature(forward)
    arguments = [p.name for p in own]
    parts = _parts(arguments, _GATES[kind])
    if not parts:
        return None
    rest = [p for p in own if p.name not in parts]
    count = len(_GATES[kind])
    #: Along which axis the gates of the last call lay: its gradients are put together so.
    axes: dict[str, int] = {}

    @functools.wraps(forward)
    def whole(*given: Any) -> Any:
        handed = dict(zip([*(p.name for p in rest), *_SLOTS], given, strict=True))
        axes.update(_axes(handed))
        pieces = {slot: np.split(handed[slot], count, axes[slot]) for slot in _SLOTS}
        of_parts = {name: pieces[slot][place] for name, (slot, place) in parts.items()}
        return forward(*(of_parts[name] if name in parts else handed[name] for name in arguments))

    @functools.wraps(backward)
    def back(*given: Any) -> Any:
        found = backward(*given)
        if isinstance(found, dict):
            of_key = {names.plain(str(key)): grad for key, grad in found.items()}
            found = [of_key.get(f"d{names.plain(name)}") for name in arguments]
        if not isinstance(found, tuple | list) or len(found) != len(arguments):
            raise Cannot("its gradients are not those of its arguments, one for each")
        by_name = dict(zip(arguments, found, strict=True))
        grads = [by_name[p.name] for p in rest]
        for slot in _SLOTS:
            pieces = [by_name[n] for n, (s, _) in sorted(parts.items(), key=lambda p: p[1][1]) if s == slot]
            missing = any(piece is None for piece in pieces)
            grads.append(None if missing else np.concatenate(pieces, axes[slot]))
        return tuple(grads)

    weights = [inspect.Parameter(slot, inspect.Parameter.POSITIONAL_OR_KEYWORD) for slot in _SLOTS]
    whole.__signature__ = inspect.Signature([*rest, *weights])  # type: ignore[attr-defined]  # read by inspect
    return whole, back
