"""Recurrent steps whose gates are apart: ``gru_step(x, h, Wz, Uz, bz, Wr, ...)``, or ``self.Wrx``.

They are driven as steps whose gates are in one matrix.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .binding import signature
from .gradients import is_array, kept_of, recast
from .passes import methods
from .places import places
from .protocol import Cannot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._types import Array
    from ..references.protocol import Kind
    from .places import Place

#: The gates in PyTorch's order, each with the letters that it goes by.
_GATES = {"gru": ("r", "z", "nhcg"), "lstm": ("i", "f", "gca", "o")}
#: How the matrices of the input and of the state are called, of the gate whose letter is put in.
_MATRICES = (("w{}", "u{}"), ("wx{}", "wh{}"), ("wi{}", "wh{}"), ("w{}x", "w{}h"))
#: How its bias is called, or one beside each matrix, where it has any.
_BIASES = (("b{}x", "b{}h"), ("bi{}", "bh{}"), ("b{}",), ())
_OF_A_BIAS = re.compile(r"b\w{0,3}|bias\w*")
#: Where such a class says which parameters are taken together.
GATHERED = "gates_taken_together"
_SLOTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _gates_of(kind: str) -> tuple[str, ...]:
    return _GATES.get(kind.removesuffix("_cell"), ())


def _parts(called: Iterable[str], gates: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    """Return which of these names are of one gate, with the slot each is a part of and its place in it.

    Examples
    --------
    >>> _parts(["Wz", "Uz", "bz", "Wr", "Ur", "br", "Wh", "Uh", "bh"], ("r", "z", "nh"))["Uz"]
    ('weight_hh', 1)
    """
    plain = {names.plain(name): name for name in called}
    for matrices in _MATRICES:
        for biases in _BIASES:
            if not biases and any(map(_OF_A_BIAS.fullmatch, plain)):
                continue
            for of_new in max(gates, key=len, default=""):
                letters = [g if len(g) == 1 else of_new for g in gates]
                wanted = {
                    name.format(letter): (slot, place)
                    for name, slot in zip((*matrices, *biases), _SLOTS, strict=False)
                    for place, letter in enumerate(letters)
                }
                if all(name in plain for name in wanted):
                    return {plain[name]: part for name, part in wanted.items()}
    return {}


def _by_slot(parts: Mapping[str, tuple[str, int]]) -> dict[str, list[str]]:
    """Return the names of each slot's parts, in the order of the gates."""
    found: dict[str, list[str]] = {}
    for name, (slot, _) in sorted(parts.items(), key=lambda part: part[1][1]):
        found.setdefault(slot, []).append(name)
    return {slot: found[slot] for slot in _SLOTS if slot in found}


def _axes(handed: Mapping[str, Array]) -> dict[str, int]:
    """Return along which axis the gates of each slot lie."""
    height, width = handed["weight_hh"].shape
    found = dict.fromkeys(("weight_ih", "weight_hh"), int(height < width))
    for slot in ("bias_ih", "bias_hh"):
        if slot in handed:
            bias = handed[slot].shape
            found[slot] = int(len(bias) == 2 and bias[0] == 1)
    return found


def joined(
    forward: Callable[..., Any], backward: Callable[..., Any], kind: str
) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """Return such a pair as one whose gates are in one matrix, None where it is none."""
    own = signature(forward)
    arguments = [p.name for p in own]
    gates = _gates_of(kind)
    parts = _parts(arguments, gates)
    if not parts:
        return None
    rest = [p for p in own if p.name not in parts]
    count, slots = len(gates), _by_slot(parts)
    #: Along which axis the gates of the last call lay: its gradients are put together so.
    axes: dict[str, int] = {}

    @functools.wraps(forward)
    def whole(*given: Any) -> Any:
        handed = dict(zip([*(p.name for p in rest), *slots], given, strict=True))
        axes.update(_axes(handed))
        pieces = {slot: np.split(handed[slot], count, axes[slot]) for slot in slots}
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
        for slot, own_names in slots.items():
            pieces = [by_name[name] for name in own_names]
            missing = any(piece is None for piece in pieces)
            grads.append(None if missing else np.concatenate(pieces, axes[slot]))
        return tuple(grads)

    weights = [inspect.Parameter(slot, inspect.Parameter.POSITIONAL_OR_KEYWORD) for slot in slots]
    whole.__signature__ = inspect.Signature([*rest, *weights])  # type: ignore[attr-defined]  # read by inspect
    return whole, back


# ---- kept by an object


def joined_class(cls: type, kind: Kind) -> type:
    """Return a class whose objects keep the gates of a step in one matrix, the class itself where it does."""
    passes = methods(cls)
    slots = _by_slot(_parts(_mentioned(cls), _gates_of(kind.name)))
    if passes is None or not slots:
        return cls
    #: Along which axis the gates of a matrix lie: a square one does not show it, others before it did.
    axis = [0]

    def along(slot: str) -> int:
        return axis[0] if slot.startswith("weight") else 0

    def own(thing: Any) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for place in places(thing):
            if is_array(place.get()):
                found.setdefault(names.plain(place.name.split(".")[0]), place)
        return found

    def join(thing: Any) -> None:
        kept = own(thing)
        if not all(names.plain(name) in kept for parts in slots.values() for name in parts):
            return
        pieces = {s: [kept[names.plain(name)].get() for name in parts] for s, parts in slots.items()}
        rows, columns = pieces["weight_ih"][0].shape
        if rows != columns:
            axis[0] = int(columns == len(pieces["weight_hh"][0]))
        for slot, parts in pieces.items():
            setattr(thing, slot, np.concatenate(parts, along(slot)))

    def make(self: Any, *arguments: Any, **named: Any) -> None:
        cls.__init__(self, *arguments, **named)  # type: ignore[misc]  # of a class
        join(self)

    @functools.wraps(getattr(cls, passes[0]))
    def forward(self: Any, *arguments: Any, **named: Any) -> Any:
        kept = own(self)
        for slot, parts in slots.items():
            for name, piece in zip(
                parts, np.split(getattr(self, slot), len(parts), along(slot)), strict=True
            ):
                kept[names.plain(name)].put(piece)
        return getattr(cls, passes[0])(self, *arguments, **named)

    @functools.wraps(getattr(cls, passes[1]))
    def backward(self: Any, *arguments: Any, **named: Any) -> Any:
        kept = own(self)
        handed = {name: kept[names.plain(name)] for parts in slots.values() for name in parts}
        before = {name: place.get() for name, place in handed.items()}
        for name, place in handed.items():
            recast(self, name, [place], before[name])
        returned = getattr(cls, passes[1])(self, *arguments, **named)
        if any(place.get() is not before[name] for name, place in handed.items()):
            join(self)  # it updates its parameters itself
        for slot, parts in slots.items():
            # A list of gradients does not say which is whose.
            grads = [kept_of(self, name, [handed[name]], sys.maxsize, kind)[0] for name in parts]
            whole = None if any(g is None for g in grads) else np.concatenate(grads, along(slot))
            setattr(self, f"d{slot}", whole)
        return returned

    together = "; ".join(f"{slot} is {', '.join(parts)}" for slot, parts in slots.items())
    made = functools.wraps(cls.__init__)(make)  # type: ignore[misc]  # of a class
    return type(
        cls.__name__, (cls,),
        {"__init__": made, "__module__": cls.__module__, passes[0]: forward, passes[1]: backward,
         GATHERED: f"its gates are apart: {together}"},
    )  # fmt: skip


def _mentioned(cls: type) -> set[str]:
    """Return the attributes and the words that a class's methods have."""
    codes = [m.__code__ for c in cls.__mro__[:-1] for m in vars(c).values() if inspect.isfunction(m)]
    return {name for code in codes for name in (*code.co_names, *code.co_consts) if isinstance(name, str)}
