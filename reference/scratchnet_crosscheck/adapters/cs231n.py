"""Function pairs in CS231n's convention, with a cache and parameter dictionaries."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .apart import joined
from .binding import signature
from .functions import DerivativeDriver, PairDriver, is_cotangent
from .gates import KINDS, GatesDriver, has_dictionary
from .on_tensors import functions_of_arrays, set_on_arguments
from .protocol import Candidate
from .tensors import in_tensors, uses_torch

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Endings after the pair's own: one forward may have several backward passes.
_ENDINGS = (
    "", "_naive", "_alt", "_fast", "_im2col", "_strides", "_reshape", "_vectorized", "_loops", "_v2",
    "_quick", "_slow", "_simple", "_numpy", "_np", "_einsum", "_2", "2", "_new", "_opt",
)  # fmt: skip
#: How the derivative of an activation or a loss is called, beside its own name.
_DERIVATIVES = (
    "{}_prime", "{}_derivative", "{}_deriv", "{}_der", "{}_grad", "{}_gradient", "{}_d", "{}_dash", "{}_dx",
    "{}_delta", "d_{}", "d{}", "deriv_{}", "derivative_{}", "derivative_of_{}", "grad_{}", "gradient_{}",
    "der_{}", "{}Prime", "{}Derivative", "{}Deriv", "{}Grad", "{}Gradient", "{}_backward", "{}_bwd",
    "{}_backprop", "{}_back", "{}Backward", "backward_{}",
)  # fmt: skip


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the pairs: by the forward's name, and by the backward's where a forward has another one."""
    found: list[Candidate] = []
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        backwards, stem = _passes(name, names)
        if not backwards:
            continue
        kind = like.get(name) or like.get(stem) or _chosen(thing, stem)
        kind = kind or called.of_function(stem, inspect.signature(thing).parameters)
        if kind is None:
            continue
        for first, backward in enumerate(backwards):
            found.append(
                pair(
                    name if not first else backward, (kind,), thing, names[backward],
                    others=tuple(backwards[:1]) if not first else (),
                )
            )  # fmt: skip
    return found


def stem_of(name: str) -> str:
    """Return what a forward pass is called without the word for the pass."""
    split = _split(name)
    return name if split is None else split[1]


def backwards_of(name: str, names: Mapping[str, Any]) -> list[str]:
    """Return the functions that by their names are the backward pass of another, or its derivative."""
    return _passes(name, names)[0]


def _passes(name: str, names: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return the backward functions of one, and its name, without the pass's word where that told."""
    split = _split(name)
    if split is not None:
        before, stem, _ending, other, after = split
        backwards = _backwards(before, stem, other, after, names)
        if backwards:
            return backwards, stem
    if _is_backward(name):
        return [], name
    return _derivatives(name, names), name


def pair(
    name: str, kinds: tuple[str, ...], forward: Any, backward: Any, others: tuple[str, ...] = ()
) -> Candidate:
    """Return what two functions may be; where their file has torch, they may want its tensors."""
    tensors = None
    if uses_torch(forward):

        def tensors(kind: Any) -> Any:
            of = kind.random
            if gradient := set_on_arguments(backward):
                return PairDriver(*functions_of_arrays(forward, backward, gradient, random=of), kind)
            return driven(in_tensors(forward, random=of), in_tensors(backward, random=of), kind)

    return Candidate(
        name, kinds, lambda kind: driven(forward, backward, kind), "forward/backward pair", others=others,
        in_tensors=tensors,
    )  # fmt: skip


def _chosen(function: Any, stem: str) -> str | None:
    """Return what a function is that is told its activation by an argument: `linear_activation_forward`."""
    chooses = any(called.plain(p) in called.CHOOSES for p in inspect.signature(function).parameters)
    first = called.operation(called.plain(stem).removesuffix("activation")) if chooses else None
    return {"linear": "affine_relu", "conv2d": "conv_relu"}.get(first or "")


def driven(forward: Any, backward: Any, kind: Any) -> PairDriver | DerivativeDriver | GatesDriver:
    """Return what drives a pair: a backward pass, or a derivative that is handed what the function is."""
    if kind.name in KINDS and has_dictionary(forward):
        return GatesDriver(forward, backward, kind)
    of_gates = joined(forward, backward, kind.name)
    if of_gates is not None:
        return PairDriver(*of_gates, kind)
    theirs = [p for p in signature(backward) if p.default is p.empty]
    ours = [p for p in signature(forward) if p.default is p.empty]
    if len(theirs) == len(ours) and not any(is_cotangent(p.name) for p in theirs) and (
        (kind.loss and {p.name for p in theirs} == {p.name for p in ours}) or len(theirs) == 1
    ):  # fmt: skip
        return DerivativeDriver(forward, backward, kind)
    return PairDriver(forward, backward, kind)


#: Where the word for the pass stands first: `forward_relu`.
_FIRST = (("forward_", "backward_"), ("fwd_", "bwd_"), ("fprop_", "bprop_"))


def _split(name: str) -> tuple[bool, str, str, str, str] | None:
    """Return whether the pass's word stands first, the stem, that word, the backward's, and what follows."""
    for ending, other in called.PAIRS:
        for after in sorted(_ENDINGS, key=len, reverse=True):
            if name.endswith(ending + after) and len(name) > len(ending + after):
                return False, name[: len(name) - len(ending + after)], ending, other, after
    for before, other in _FIRST:
        if name.startswith(before):
            return True, name[len(before) :], before, other, ""
    return None


def _is_backward(name: str) -> bool:
    return any(
        name.endswith(other) or name.startswith(before) for _, other in called.PAIRS for _, before in _FIRST
    )


def _backwards(before: bool, stem: str, other: str, after: str, names: Mapping[str, Any]) -> list[str]:
    if before:
        return [w for w in (other + stem,) if inspect.isfunction(names.get(w))]
    wanted = [
        stem + other + after,
        *(stem + other + e for e in _ENDINGS),
        *(stem + e + other for e in _ENDINGS),
    ]
    return [
        w for w in dict.fromkeys(wanted) if inspect.isfunction(names.get(w)) and (w == wanted[0] or not after)
    ]


def _derivatives(name: str, names: Mapping[str, Any]) -> list[str]:
    wanted = [pattern.format(name) for pattern in _DERIVATIVES]
    return [w for w in wanted if w != name and inspect.isfunction(names.get(w))][:1]
