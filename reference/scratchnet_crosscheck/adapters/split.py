"""A forward pass with a function for each gradient: ``conv2d_fprop``, ``conv2d_dgrad``, ``conv2d_wgrad``."""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any

from ..references import kinds
from . import cs231n
from . import names as called
from .binding import signature
from .functions import PairDriver, is_cotangent
from .protocol import Candidate, Cannot
from .tensors import in_tensors, uses_torch
from .unfinished import called as run
from .unfinished import unwritten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..references.protocol import Kind

#: Words for the backward pass, before the gradient's own name or after it: `_backward_input`, `_input_grad`.
_BACKWARD = re.compile(
    r"^(?:backward|bwd|backprop|bprop|gradient|grad|vjp)(?:wrt)?|"
    r"(?:backward|bwd|backprop|bprop|gradient|grad|vjp)$"
)
#: What the gradient of the one input is called beside that input's own name: dgrad is that of the data.
_DATA = ("d", "data", "in", "input", "inputs", "x")


def _of(rest: str, kind: Kind, arguments: list[str]) -> str | None:
    """Return whose gradient a function gives, by what its name has beside the forward's.

    Examples
    --------
    >>> conv, own = kinds()["conv2d"], ["x", "w"]
    >>> [_of(rest, conv, own) for rest in ("dgrad", "bwd_dw", "bias_grad", "backward_input", "grad")]
    ['x', 'w', 'bias', 'x', None]
    """
    short = _BACKWARD.sub("", called.plain(rest))
    slots = tuple(s for s in kind.slots if s not in kind.fixed and s not in kind.state)
    moving = [s for s in kind.inputs if s in slots]
    for word in (short, short.removeprefix("d")):
        own = [a for a in arguments if word and called.plain(a) == word]
        if own:
            return own[0]
        if word in _DATA and len(moving) == 1:
            return moving[0]
        if word and (slot := called.slot_named(word, slots)):
            return slot
    return None


def gradients_of(name: str, names: Mapping[str, Any], kind: Kind | None = None) -> dict[str, str]:
    """Return the functions that give one gradient of a function each, by the argument or slot it is of.

    Without a kind they are looked for as those of a layer of an input, a weight and a bias.
    """
    kind = kind or kinds()["linear"]
    arguments = list(inspect.signature(names[name]).parameters)
    stems = sorted({name, cs231n.stem_of(name)}, key=len)
    found: dict[str, str] = {}
    for other, thing in names.items():
        if other == name or not inspect.isfunction(thing):
            continue
        parts = [other.removeprefix(f"{s}_") for s in stems] + [other.removesuffix(f"_{s}") for s in stems]
        rest = min(parts, key=len)
        of = _of(rest, kind, arguments) if rest != other else None
        if of is None or of in found:
            continue
        if any(is_cotangent(p) for p in inspect.signature(thing).parameters if p not in arguments):
            found[of] = other
    return found


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the forward functions whose names are known and that have such backward functions."""
    found = []
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        stem = cs231n.stem_of(name)
        kind = like.get(name) or like.get(stem)
        kind = kind or called.of_function(stem, inspect.signature(thing).parameters)
        if kind is None or kind not in kinds():
            continue
        gradients = gradients_of(name, names, kinds()[kind])
        whole = cs231n.backwards_of(name, names)
        if not gradients or (len(gradients) == 1 and whole):
            continue
        own = tuple(gradients.values())
        # Beside a backward pass of all gradients in one they are checked by themselves.
        beside = not set(whole) <= set(own)
        found.append(
            _candidate(
                own[0] if beside else name, kind, thing, {of: names[n] for of, n in gradients.items()},
                others=own[1:] if beside else own,
            )
        )  # fmt: skip
    return found


def _candidate(
    name: str, kind: str, forward: Any, gradients: Mapping[str, Callable[..., Any]], others: tuple[str, ...]
) -> Candidate:
    tensors = None
    if uses_torch(forward):

        def tensors(kind: Kind) -> PairDriver:
            back = {of: in_tensors(f, random=kind.random) for of, f in gradients.items()}
            return _driven(in_tensors(forward, random=kind.random), back, kind)

    return Candidate(
        name, (kind,), lambda kind: _driven(forward, gradients, kind),
        "forward with a backward function for each gradient", others=others, in_tensors=tensors,
    )  # fmt: skip


def _driven(forward: Any, gradients: Mapping[str, Callable[..., Any]], kind: Kind) -> PairDriver:
    driver = PairDriver(forward, together(gradients, signature(forward)), kind)
    first = next(s for s in kind.slots if s not in kind.fixed)
    if not {first, *driver.arguments_of(first)} & set(gradients):
        raise Cannot(
            f"of its backward functions ({', '.join(f.__name__ for f in gradients.values())}) none gives the "
            f"gradient of {first}",
            f"name one {cs231n.stem_of(forward.__name__)}_backward_{first}",
        )
    return driver


def together(
    gradients: Mapping[str, Callable[..., Any]], handed: list[inspect.Parameter]
) -> Callable[..., dict[str, Any]]:
    """Return a backward pass of all these gradients, by key, that hands each function its own arguments.

    What comes from above may have another name in each function: it is what the forward pass is not `handed`.
    """
    forward = {p.name for p in handed}
    merged: dict[str, inspect.Parameter] = {}
    ours: dict[str, dict[str, str]] = {}
    above: list[str] = []
    for of, function in gradients.items():
        ours[of], place = {}, 0
        for parameter in signature(function):
            name = parameter.name
            if is_cotangent(name) and name not in forward:
                above += [name] if place == len(above) else []
                name, place = above[place], place + 1
            ours[of][parameter.name] = name
            if name not in merged or parameter.default is parameter.empty:
                merged[name] = parameter.replace(name=name, kind=parameter.KEYWORD_ONLY)

    @functools.wraps(next(iter(gradients.values())))
    def back(**given: Any) -> dict[str, Any]:
        found = {}
        for of, function in gradients.items():
            found[of] = _run(function, {p: given[name] for p, name in ours[of].items() if name in given})
            if found[of] is None and unwritten(function):
                raise Cannot(f"{function.__name__} returns None: not written yet", "fill it in")
        return found

    back.__signature__ = inspect.Signature([*merged.values()])  # type: ignore[attr-defined]  # read by inspect
    return back


def _run(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Call one of the functions, by position as far as that goes: names may be positional only."""
    leading = []
    for parameter in signature(function):
        if parameter.name not in given or parameter.kind is parameter.KEYWORD_ONLY:
            break
        leading.append(given.pop(parameter.name))
    found = run(function, *leading, **given)
    return found[0] if isinstance(found, tuple | list) and len(found) == 1 else found
