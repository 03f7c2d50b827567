"""Losses that are an operation of the catalogue, reduced as a layer reduces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..oracles.golden import Golden
from ._operations import pytorch
from .protocol import ONE_BY_ONE, SCALAR, Form, Kind, Parts, Sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array

#: Options of a form that are no options of the operation: how else the losses are reduced, and its formula.
_OVER = "over"
#: The operations' names for what a layer keeps: here it is no parameter to be learnt.
_OPERATIONS_OWN = {"class_weight": "weight"}
UNREDUCED = "losses not reduced"


def reductions() -> list[Form]:
    """Return the mean, the sum, the mean as a matrix of one element, and one loss an element."""
    return [
        Form({"loss": SCALAR}),
        Form({"loss": SCALAR}, {"reduction": "sum"}, {"sum_reduction": "losses are summed, not averaged"}),
        Form({"loss": ONE_BY_ONE}),
        Form({"loss": SCALAR}, {"reduction": "none"}, {"one_loss_an_element": "one loss an element"}),
    ]


def of_samples() -> list[Form]:
    """Return the ways in which losses of elements are made into losses of samples."""
    batch = Form(
        {"loss": SCALAR}, {_OVER: "batch"},
        {"averaged_over_batch": "summed over the features, averaged over the batch alone"},
    )  # fmt: skip
    each = [
        Form({"loss": SCALAR}, {_OVER: how}, {"one_loss_a_sample": f"one loss a sample, its {how}"})
        for how in ("mean", "sum")
    ]
    return [batch, *each]


def reduction(sketch: Sketch, *others: str) -> dict[str, Any]:
    """Return a reduction, where the layer is handed one."""
    if "reduction" not in sketch.takes:
        return {}
    if sketch.may(UNREDUCED):
        return {"reduction": "none"}
    return sketch.option("reduction", "mean", "sum", *others)


def shape(sketch: Sketch) -> tuple[int, ...]:
    """Return the shape of predictions that are taken one by one."""
    found: tuple[int, ...] = (max(sketch.batch(), 1), sketch.side())
    if _OVER in sketch.form.options:
        return found
    if sketch.may("a vector for x", 5):
        return found[:1]
    return (*found, sketch.side(1, 3)) if sketch.may("an x of rank 3", 5) else found


def signs(sketch: Sketch, *sides: int) -> Array:
    """Return targets of 1 and -1."""
    drawn = np.asarray(sketch.d.labels(*sides, classes=2) * 2 - 1)
    return sketch.d.laid_out(drawn.astype(sketch.d.setting.dtype))


def chosen(sketch: Sketch, options: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return an option's value in this call: drawn, or the form's, or the layer's own."""
    return options.get(name, sketch.form.options.get(name, default))


def clear(sketch: Sketch, array: Array, near: Callable[[Array], Array], step: float = 0.0625) -> Array:
    """Return the array without elements (or rows) that are `near` a kink: they are moved away.

    On which side of a kink its derivative is taken is anybody's choice.
    """
    found = np.asarray(array)
    for _ in range(6):
        with np.errstate(all="ignore"):
            close = near(found)
        if not close.any():
            break
        moved = found.copy()
        moved[close] += moved.dtype.type(step)
        found = moved
    return array if found is array else sketch.d.laid_out(found)


def _reduced(losses: Any, o: Mapping[str, Any]) -> Any:
    how = o.get(_OVER)
    if how in ("mean", "sum"):
        return losses.mean(-1) if how == "mean" else losses.sum(-1)
    if how == "batch":
        return losses.sum() / losses.shape[0]
    given = o["reduction"]
    if given == "none":
        return losses
    return losses.sum() if given == "sum" else losses.mean()


def of_loss(
    name: str,
    draw: Callable[[Sketch], Parts],
    defaults: Mapping[str, Any],
    *,
    slots: tuple[str, ...] = ("x", "target"),
    fixed: tuple[str, ...] = ("target",),
    own: Callable[[Any, Mapping[str, Any], Mapping[str, Any]], Any] | None = None,
    owns: tuple[str, ...] = (),
    forms: Callable[[bool], list[Form]] = lambda strict: reductions()[:1] if strict else reductions(),
    **more: Any,
) -> Kind:
    """Return the kind of losses that are an operation of the catalogue.

    Parameters
    ----------
    name : str
        The operation.
    draw : callable
        ``draw(Sketch) -> (arrays, options)``.
    defaults : mapping
        The layer's options (without the reduction) and PyTorch's values.
    slots, fixed : tuple of str
        As of `Kind`.
    own : callable
        ``own(lib, arrays, options)``: the losses, not reduced, of a form that has one of the options `owns`,
        in NumPy or in PyTorch.
    owns : tuple of str
        Options of forms whose formula is not the operation's.
    forms : callable
        As of `Kind`.
    **more : object
        Other fields of `Kind`.
    """
    every = {**defaults, "reduction": "mean"}
    names = {slot: _OPERATIONS_OWN.get(slot, slot) for slot in slots}

    def case(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Case:
        given = {**every, **{k: v for k, v in options.items() if k in every}}
        moving = tuple(names[s] for s in slots if s not in fixed and arrays.get(s) is not None)
        return Case(name, {names[s]: arrays.get(s) for s in slots}, given, moving)

    def plain(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        if lib is np:
            return Golden().forward(case(a, o))
        return pytorch().call(case(a, o), {names[s]: a.get(s) for s in slots})

    def run(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        if own is not None and any(o.get(k) for k in owns):
            return (_reduced(own(lib, a, {**every, **o}), {**every, **o}),)
        if _OVER in o:
            return (_reduced(plain(lib, a, {**o, "reduction": "none"})[0], o),)
        return plain(lib, a, o)

    def golden(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Case | None:
        return None if any(options.get(k) for k in (_OVER, *owns)) else case(arrays, options)

    return Kind(
        name, slots, lambda a, o: run(np, a, o), run, draw, forms, fixed=fixed, outputs=("loss",),
        golden=golden, loss=True, defaults=every, **more,
    )  # fmt: skip
