"""Activations that give their derivative when they are told to: ``sigmoid(x, derivative=True)``."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .functions import DerivativeDriver
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


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the functions whose names are known and that have such an argument."""
    found = []
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        kind = like.get(name) or called.operation(name)
        flag = flag_of(thing) if kind else ""
        if kind and flag:
            value, slope = _with(thing, flag, False), _with(thing, flag, True)
            found.append(
                Candidate(
                    name, (kind,), lambda k, f=value, d=slope: DerivativeDriver(f, d, k),  # type: ignore[misc]  # bound in the loop
                    "function with a flag for its derivative",
                )
            )  # fmt: skip
    return found
