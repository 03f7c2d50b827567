"""Where a backward pass leaves its gradients: in what it returns, and in what the object keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import names
from .passes import is_layer
from .places import GRADIENT_KEYS, Attribute, Place, attributes, places

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .._types import Array
    from ..references.protocol import Kind
    from .protocol import Gradients

_HOLDERS = ("grads", "grad", "gradients", "_grads", "dparams", "gradient", "d")
_OF_INPUTS = (
    "dinputs", "dinput", "dinput_", "d_inputs", "grad_input", "input_gradient", "d_input", "grad_inputs",
)  # fmt: skip


def is_array(value: Any) -> bool:
    """Return whether a value is an array or a number of NumPy's."""
    return isinstance(value, np.ndarray | np.generic)


# ---- returned


def of_returned(
    returned: Any, thing: Any, kind: Kind, inputs: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
) -> Gradients:
    """Return by slots what a backward pass returned, or the input's gradient that it kept instead.

    `inputs` are what forward was handed, `shapes` those of the parameters.
    """
    params = list(shapes)
    moving = [s for s in inputs if s not in kind.fixed]
    if returned is None:
        found = next((getattr(thing, n) for n in _OF_INPUTS if getattr(thing, n, None) is not None), None)
        return {moving[0]: found} if moving and found is not None else {}
    if isinstance(returned, dict):
        return _by_key(returned, moving, params)
    if not isinstance(returned, tuple):
        if isinstance(returned, list) and len(returned) == len(moving) + len(params) and len(returned) > 1:
            returned = tuple(returned)
        else:
            slots = moving or params
            return {slots[0]: returned} if slots else {}
    if len(returned) == 2 and {"h", "c"} <= set(moving) and isinstance(returned[1], list | tuple):
        returned = (returned[0], *returned[1])  # dx, (dh, dc)
    if len(returned) == 2 and len(moving) == 1 and isinstance(returned[1], dict):
        return {moving[0]: returned[0]} | _by_key(returned[1], [], params)
    if len(returned) == 2 and len(moving) == 1 and isinstance(returned[1], list | tuple):
        returned = (returned[0], *returned[1])  # dx, [dW, db]
    if kind.loss and len(returned) == len(inputs):  # one for each argument of forward
        moving = list(inputs)
    still = [i for i, s in enumerate(inputs) if s in kind.fixed]
    if len(returned) == len(inputs) and still and all(returned[i] is None for i in still):
        return {s: g for s, g in zip(inputs, returned, strict=True) if g is not None}
    grads = dict(zip(moving, returned, strict=False))
    if len(returned) > len(moving) and kind.tried:
        grads.update(_by_shape(returned[len(moving) :], shapes))
    elif len(returned) > len(moving):
        grads.update(zip(params, returned[len(moving) :], strict=False))
    return {k: g for k, g in grads.items() if g is not None}


def _by_key(returned: Mapping[Any, Any], moving: list[str], params: list[str]) -> Gradients:
    """Return the gradients of a dict by the slots that its keys name."""
    grads: Gradients = {}
    for key, value in returned.items():
        short = names.plain(str(key))
        for slot in (*params, *moving):
            if slot not in grads and (
                short in names.gradient_names(slot, slot) or names.slot_named(short, (slot,))
            ):
                grads[slot] = value
                break
    return grads


def _by_shape(returned: Iterable[Any], shapes: Mapping[str, tuple[int, ...]]) -> Gradients:
    """Return the gradients whose shape is that of one parameter alone, in whatever order they come."""
    found = {}
    for slot, shape in shapes.items():
        alike = [g for g in returned if np.shape(g) == shape]
        if len(alike) == 1 and list(shapes.values()).count(shape) == 1:
            found[slot] = alike[0]
    return found


def of_vectors(grads: Gradients, vectors: Mapping[str, Any]) -> list[str]:
    """Make gradients of vectors that are rows (1, D) vectors too; return of which they are."""
    rows = [
        s for s, v in vectors.items() if v.ndim == 1 and s in grads and np.shape(grads[s]) == (1, *v.shape)
    ]
    grads.update({s: np.asarray(grads[s])[0] for s in rows})
    return rows


# ---- kept


def kept_of(thing: Any, slot: str, where: list[Place], position: int, kind: Kind) -> tuple[Any, str]:
    """Return the gradient that an object keeps of a parameter, or None, and what to say of where it is.

    `where` the parameter is kept says what it is called, `position` at which place of a list its gradient is.
    """
    own = [p.name.split(".")[0] for p in where] or [slot]

    def said(name: str) -> str:
        return f"found {name}, taken as the gradient of {own[0]}"

    wanted = frozenset[str]().union(*(names.gradient_names(slot, name) for name in own))
    exact: set[str] = set()
    for name in own:
        plain = names.plain(name)
        exact |= {f"d{plain}", f"grad{plain}", f"{plain}grad", f"dld{plain}", f"dl{plain}"}
    inside = {id(p.owner): p.owner for p in where if p.owner is not thing and is_layer(p.owner)}
    kept = [*places(thing), *(p for layer in inside.values() for p in places(layer))]
    for names_wanted in (exact, wanted):
        found = [
            place
            for place in kept
            if not any(place.owner is w.owner and place.key == w.key for w in where)
            and names.plain(place.name.split(".")[0]) in names_wanted
            and is_array(place.get())
        ]
        if found:
            # A name that was set to zeros at first and is never written to is not where it is kept.
            chosen = next((p for p in found if np.any(p.get())), found[0])
            return chosen.get(), said(chosen.name)
    for holder in _HOLDERS:
        held = getattr(thing, holder, None)
        if isinstance(held, dict):
            called = {names.plain(n) for n in (*own, slot)}
            for key, value in held.items():
                if names.plain(str(key)) in called and is_array(value):
                    return value, said(f"{holder}[{key!r}]")
            for key, value in held.items():
                if names.slot_named(str(key), (slot,)) and is_array(value):
                    return value, said(f"{holder}[{key!r}]")
        # Of a parameter that stands in a list, the gradient stands at the same place.
        listed = [int(p.key) for p in where if isinstance(p.owner, list)]
        at = listed[0] if listed else position
        if (
            isinstance(held, list | tuple)
            and (listed or not kind.tried)
            and at < len(held)
            and is_array(held[at])
        ):
            return held[at], said(f"{holder}[{at}]")
    for place in where:
        first = place.name.split(".")[0]
        for key in GRADIENT_KEYS:
            if "." in place.name and isinstance(place.key, Attribute):
                if is_array(value := getattr(place.owner, key, None)):
                    return value, said(f"{first}.{key}")
            elif isinstance(place.owner, dict) and is_array(value := place.owner.get(key)):
                return value, said(f"{first}[{key!r}]")
    return None, ""


def recast(thing: Any, slot: str, where: list[Place], value: Array) -> None:
    """Make what is to hold a parameter's gradient of the parameter's dtype: it was of the one before."""
    own = [p.name.split(".")[0] for p in where] or [slot]
    wanted = frozenset[str]().union(*(names.gradient_names(slot, name) for name in own))
    kept = [(p, names.plain(p.name.split(".")[0]) in wanted) for p in places(thing)]
    for place in where:
        if place.owner is not thing and isinstance(place.key, Attribute):
            kept += [(Place(place.owner, Attribute(k), k), True) for k in GRADIENT_KEYS
                     if k in attributes(place.owner)]  # fmt: skip
    for holder in _HOLDERS:
        listed = getattr(thing, holder, None)
        if isinstance(listed, dict | list):
            keys = listed if isinstance(listed, dict) else range(len(listed))
            kept += [(Place(listed, key, holder), True) for key in keys]
    for place, is_gradient in kept:
        held = place.get()
        alike = isinstance(held, np.ndarray) and held.shape == value.shape and held.dtype != value.dtype
        if is_gradient and alike and held.dtype.kind == "f" and not held.any():
            place.put(np.zeros_like(held, dtype=value.dtype))


def strangers(
    thing: Any, where: Mapping[str, list[Place]], arrays: Mapping[str, Array], kind: Kind
) -> set[str]:
    """Return the names of parameters that the kind has not, of which an object keeps a gradient."""
    known = [*(p.get() for found in where.values() for p in found), *arrays.values()]
    own = (*kind.inputs, *kind.outputs, *kind.state)
    kept = [p for p in places(thing) if isinstance(p.get(), np.ndarray) and p.get().dtype.kind == "f"]
    holders = [h for h in (getattr(thing, n, None) for n in _HOLDERS) if isinstance(h, dict | list)]
    shapes = {(names.plain(p.name), p.get().shape) for p in kept if p.owner is thing}
    found = set()
    for place in kept:
        name, value = place.name.split(".")[0], place.get()
        if (
            any(np.may_share_memory(value, np.asarray(array)) for array in known)
            or names.slot_named(name, own)
            or any(place.owner is h for h in holders)
        ):
            continue
        plain = names.plain(name)
        beside = getattr(place.owner, "grad", None) if place.owner is not thing else None
        inside = [h.get(place.key) for h in holders if isinstance(h, dict)]
        if any(np.shape(g) == value.shape for g in (beside, *inside) if isinstance(g, np.ndarray)) or any(
            (word, value.shape) in shapes for word in (f"d{plain}", f"grad{plain}", f"{plain}grad")
        ):
            found.add(name)
    return found
