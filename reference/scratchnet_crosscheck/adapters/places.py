"""Where an object keeps its arrays: attributes, entries of dicts and lists, objects that are there for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .passes import is_layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .._types import Array
    from ..references.protocol import Kind

VALUE_KEYS = ("val", "value", "data", "W", "w", "param", "weight")
GRADIENT_KEYS = ("grad", "gradient", "d", "dW", "dw", "g")


class Place:
    """Where an object keeps an array: an attribute, or an entry of a dict or list that is one."""

    def __init__(self, owner: Any, key: Any, name: str) -> None:
        self.owner, self.key, self.name = owner, key, name

    def get(self) -> Any:
        """Return what is there."""
        return getattr(self.owner, self.key) if isinstance(self.key, Attribute) else self.owner[self.key]

    def put(self, value: Any) -> None:
        """Put an array there."""
        if isinstance(self.key, Attribute):
            setattr(self.owner, self.key, value)
        else:
            self.owner[self.key] = value


class Attribute(str):
    """The key of a place that is an object's attribute."""

    __slots__ = ()


def places(thing: Any) -> Iterator[Place]:
    """Yield every place of an object where an array may be kept."""
    for name, value in list(vars(thing).items()):
        if isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, dict):
                    for deep in inner:
                        yield Place(inner, deep, f"{key}.{deep}")
                elif (own := _held(inner)) is not None:
                    yield Place(inner, Attribute(own), f"{str(key).replace('.', '_')}.{own}")
                else:
                    yield Place(
                        value,
                        key,
                        # A dot of its own, "out_proj.weight", is none of ours.
                        str(key).replace(".", "_")
                        if str(key) not in (*VALUE_KEYS[:3], *GRADIENT_KEYS[:2])
                        else name,
                    )
        elif isinstance(value, list):
            for index in range(len(value)):
                yield Place(value, index, f"{name}[{index}]")
        elif (key := _held(value)) is not None:
            yield Place(value, Attribute(key), f"{name}.{key}")
        else:
            yield Place(thing, Attribute(name), name)


def _held(value: Any) -> str | None:
    """Return where an object keeps the array that it is there for, `self.W.data`, or None."""
    if isinstance(value, type | np.ndarray | np.generic):
        return None
    own = attributes(value)
    return next(
        (k for k in VALUE_KEYS[:3] if k in own and isinstance(getattr(value, k, None), np.ndarray)), None
    )


def attributes(value: Any) -> set[str]:
    """Return the names of an object's attributes, in a dict of its own or in slots."""
    slots = getattr(type(value), "__slots__", ())
    return {*getattr(value, "__dict__", ()), *((slots,) if isinstance(slots, str) else slots)}


def of_parameters(
    thing: Any, slots: list[str], kind: Kind, handed: Sequence[Array]
) -> dict[str, list[Place]]:
    """Return where the parameters are kept; where not by the object itself, by a layer inside it.

    What the forward pass was `handed` last, and keeps, is no parameter.
    """
    found = _among(places(thing), slots, kind, handed)
    if kind.plain or not {"weight", "weight_ih"} & set(slots) - set(found):
        return found
    layers = [value for value in vars(thing).values() if is_layer(value)]
    inner = _among([p for layer in layers for p in places(layer)], slots, kind, handed)
    return inner if len(inner) > len(found) else found


def _among(
    kept: Iterable[Place], slots: list[str], kind: Kind, handed: Sequence[Array]
) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    named: list[tuple[str, Place]] = []
    for place in kept:
        if not isinstance(place.get(), np.ndarray) and not (
            kind.name == "prelu" and isinstance(place.get(), float)
        ):
            continue
        if any(place.get() is array for array in handed):
            continue  # `self.b = b`
        name = place.name.split(".")[0] if "." in place.name else place.name
        if "." in place.name and place.name.split(".")[1] in GRADIENT_KEYS:
            continue
        named.append((name, place))
    for slot in slots:
        exact = [p for n, p in named if names.plain(n) == names.plain(slot)]
        taken = {id(p[0].get()) for p in found.values()}
        called = [(n, p) for n, p in named if names.slot_named(n, (slot,)) and id(p.get()) not in taken]
        # A name that is another slot's as well comes last: `bh` beside `b`.
        others = tuple(s for s in slots if s != slot and s not in found)
        alike = [p for _, p in sorted(called, key=lambda one: names.slot_named(one[0], others) or "")]
        lists = [p for n, p in named if n.startswith("params[")]
        chosen = exact or alike or ([lists[slots.index(slot)]] if slots.index(slot) < len(lists) else [])
        if chosen:
            one = chosen[0].get()
            found[slot] = [p for _, p in named if p.get() is one]
    if "weight" in slots and "weight" not in found and not kind.plain:
        # By whatever name: the one matrix that is not all zeros.
        filled = [p for _, p in named if np.ndim(p.get()) > 1 and p.get().dtype.kind == "f" and p.get().any()]
        if len({id(p.get()) for p in filled}) == 1:
            found["weight"] = filled
    return found
