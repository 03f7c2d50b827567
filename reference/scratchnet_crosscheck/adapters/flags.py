"""Activations that give their derivative when they are told to: ``sigmoid(x, derivative=True)``."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .functions import DerivativeDriver, places_right
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FLAGS = frozenset(
    ("derivative", "deriv", "der", "derive", "derivate", "prime", "grad", "gradient", "diff", "backward",
     "backprop", "isderivative", "isderiv", "getderivative", "getderiv", "returnderivative", "isgrad",
     "returngrad", "backwards", "derivation", "differentiate")
)  # fmt: skip


def flag_of(function: Any) -> str:
    """Return the argument that asks for the derivative, "" where there is none.

    Examples
    --------
    >>> def relu(x, deriv=False): ...
    >>> flag_of(relu)
    'deriv'
    """
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        short = called.plain(parameter.name)
        off = isinstance(parameter.default, bool | int) and not parameter.default
        # An argument that must be given may be the cotangent, unless its name says otherwise.
        if short in _FLAGS and (off or (parameter.default is parameter.empty and "deriv" in short)):
            return parameter.name
    return ""


def _with(function: Callable[..., Any], flag: str, value: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named, **{flag: value})

    before: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == flag:
            break
        before.append(parameter)
    after = [
        p.replace(kind=p.KEYWORD_ONLY) if p.kind is p.POSITIONAL_OR_KEYWORD else p
        for p in inspect.signature(function).parameters.values()
        if p.name != flag and p not in before
    ]
    call.__signature__ = inspect.Signature([*before, *after])  # type: ignore[attr-defined]  # read by inspect
    return call


def _of_the_input(passes: list[tuple[Callable[..., Any], Callable[..., Any]]]) -> bool:
    """Return whether the derivatives of one file are meant to be handed the input, all of them.

    So they are where several are right there alone. One that is right at the output alone is then a slip:
    whoever calls them hands all of them the same.
    """
    found = [_right_where(*both) for both in passes]
    of_input, of_output = found.count(["input"]), found.count(["output"])
    return of_input >= 2 and of_input > of_output


def _right_where(function: Callable[..., Any], derivative: Callable[..., Any]) -> list[str]:
    return places_right(function, lambda x, y, dy, at: dy * derivative(y if at == "output" else x))


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the functions whose names are known and that have such an argument."""
    known: dict[str, tuple[str, Callable[..., Any], Callable[..., Any]]] = {}
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        kind = like.get(name) or called.operation(name)
        flag = flag_of(thing) if kind else ""
        if kind and flag:
            known[name] = kind, _with(thing, flag, False), _with(thing, flag, True)
    at_input = functools.cache(lambda: _of_the_input([(f, d) for _, f, d in known.values()]))

    def candidate(name: str, kind: str, value: Callable[..., Any], slope: Callable[..., Any]) -> Candidate:
        return Candidate(
            name, (kind,), lambda k: DerivativeDriver(value, slope, k, at_input=at_input()),
            "function with a flag for its derivative",
        )  # fmt: skip

    return [candidate(name, *found) for name, found in known.items()]
