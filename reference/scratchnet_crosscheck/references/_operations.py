"""Kinds that are an operation of the catalogue: the golden model and PyTorch's function say what is right."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..case import Case
from ..oracles.golden import Golden
from ..oracles.pytorch import PyTorch
from .protocol import Form, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .protocol import Parts, Sketch


@cache
def pytorch() -> PyTorch:
    return PyTorch()


def of_operation(
    name: str,
    draw: Callable[[Sketch], Parts],
    defaults: Mapping[str, Any],
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    *,
    slots: tuple[str, ...] = ("x",),
    fixed: tuple[str, ...] = (),
    forms: Callable[[bool], list[Form]] = lambda _: [Form()],
    **more: Any,
) -> Kind:
    """Return the kind of layers that compute an operation of the catalogue.

    Parameters
    ----------
    name : str
        The operation, after whatever tells kinds of one operation apart: "reflect 2d pad" is of `pad`.
    draw : callable
        ``draw(Sketch) -> (arrays, options)``, with a layer's options.
    defaults : mapping
        The layer's options and what PyTorch's layer takes where they are not given.
    call : callable
        ``call(options)``: the operation's own options, from a layer's; those that are not given have
        PyTorch's values.
    slots, fixed : tuple of str
        Arrays by the operation's names, and those without a derivative.
    forms : callable
        As of `Kind`.
    **more : object
        Other fields of `Kind`.
    """
    operation = name.rpartition(" ")[2]

    def case(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Case:
        moving = tuple(s for s in slots if s not in fixed and arrays.get(s) is not None)
        given = {**defaults, **{k: v for k, v in options.items() if k in defaults}}
        return Case(operation, {s: arrays.get(s) for s in slots}, dict(call(given)), moving)

    def twin(_: Any, tensors: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[Any, ...]:
        return pytorch().call(case(tensors, options), {s: tensors.get(s) for s in slots})

    return Kind(
        name, slots, lambda a, o: Golden().forward(case(a, o)), twin, draw, forms, fixed=fixed,
        golden=case, defaults=defaults, **more,
    )  # fmt: skip
