"""Things under test that are handed over as Python objects: what they are, and what they are held against."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .case import Case
from .catalogue import operation_of
from .catalogue.protocol import Operation
from .failure import NotApplicable
from .oracles.golden import Golden
from .strategies import LAYOUTS, lay_out
from .thing import Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import SearchStrategy

    from ._types import Array, Cotangents, Needs, Outputs, Pull
    from .strategies import Draw

FRAMEWORKS = ("torch", "jax", "numpy")
#: Functions of these names may return the loss and its gradient at once, without a pullback.
_LOSSES = ("_loss", "cross_entropy")
#: How often a call is drawn anew because a function does not take all that it says.
_ATTEMPTS = 40


class ValueAndPullback(Golden):
    """A function of the value-and-pullback convention that need not take every option its twin takes.

    Parameters
    ----------
    function : callable
        Returns ``(value, pullback)`` or ``(value, pullback, state)``.
    name : str
        As written in its file.
    defaults : mapping
        The options' default values: those that the function does not take are left out where they have them.
    """

    def __init__(self, function: Callable[..., Any], name: str, defaults: Mapping[str, object]) -> None:
        super().__init__(function, name)
        self._takes = _names(function)
        self._defaults = defaults

    def linearize(self, case: Case) -> tuple[Outputs, Pull]:
        """Call the function; return its outputs and its pullback."""
        reached = self._within_reach(case)
        outputs, pull = super().linearize(reached)
        kept = tuple(slot in reached.slots for slot in case.slots)

        def heeded(cotangents: Outputs, needs: Needs | None = None) -> Cotangents:
            asked = None if needs is None else tuple(n for n, k in zip(needs, kept, strict=True) if k)
            try:
                found = pull(cotangents, asked)
            except TypeError as error:
                if needs is not None and "argument" in str(error):
                    raise NotApplicable("its pullback takes no needs_input_grad") from error
                raise
            if all(kept) or not isinstance(found, tuple) or len(found) != sum(kept):
                return found
            rest = iter(found)  # a slot that the function does not have is one that is not given
            return tuple(next(rest) if k else None for k in kept)

        return outputs, heeded

    def _within_reach(self, case: Case) -> Case:
        """Return the call without what the function does not take, where that makes no difference."""
        if self._takes is None:
            return case
        why = self.beyond(case)
        if why is not None:
            raise NotApplicable(why)
        first = case.slots[0]
        arrays = {n: a for n, a in case.arrays.items() if n == first or n in self._takes}
        return replace(
            case, arrays=arrays, options={n: v for n, v in case.options.items() if n in self._takes}
        )

    def beyond(self, case: Case) -> str | None:
        """Return why the function cannot be given this call, or None."""
        if self._takes is None:
            return None
        for name in case.slots[1:]:
            if name not in self._takes and case.arrays[name] is not None:
                return f"it takes no {name}"
        for name, value in case.options.items():
            if name not in self._takes and not self._is_default(name, value):
                return f"it takes no {name}"
        return None

    def _is_default(self, name: str, value: object) -> bool:
        if name not in self._defaults:
            return False
        default = self._defaults[name]
        return all(v == default for v in value) if isinstance(value, tuple) else bool(value == default)


class PlainReference:
    """A reference without a derivative: a NumPy function, called with the arrays in order.

    Parameters
    ----------
    function : callable
        ``function(*arrays, **options)``; returns an array or a tuple of them.
    """

    name = "numpy"

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def unable(self, _: Case) -> str | None:
        """Return None: it judges every call."""
        return None

    def forward(self, case: Case) -> Outputs:
        """Return the outputs."""
        copies = [None if a is None else np.array(a, copy=True) for a in case.arrays.values()]
        value = self._function(*copies, **case.options)
        return tuple(np.asarray(y) for y in (value if isinstance(value, tuple) else (value,)))

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:  # noqa: ARG002 - the protocol's
        """Refuse: the backward pass is held against numerical differentiation."""
        raise NotApplicable("a NumPy function has no derivative to compare with")


def known(op: Any, like: str | None) -> Thing:
    """Return a thing that is meant to be an operation of the catalogue.

    Parameters
    ----------
    op : callable or class
        A function of the value-and-pullback convention, or anything an adapter knows how to drive.
    like : str, optional
        The operation's name; by default the thing's own.

    Raises
    ------
    TypeError
        It cannot be driven; the message says why.
    ValueError
        No operation has this name.
    """
    if not callable(op):
        raise TypeError(f"crosscheck: op must be a function or a class; got {op!r}")
    name = name_of(op)
    adapted = _adapted(op, name, like)
    if adapted is not None:
        return adapted
    entry = operation_of(like or name)
    from scratchnet import functional

    model = getattr(functional, entry.name)
    if op is model:
        # It is the golden model: PyTorch and JAX may judge it, it may not judge itself.
        return Thing(name, file_of(op), entry, Golden(op, name), oracles=("torch", "jax"))
    parameters = inspect.signature(model).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    runner = ValueAndPullback(op, name, defaults)

    def draw(d: Draw) -> Case:
        for _ in range(_ATTEMPTS):
            case = entry.draw(d)
            if runner.beyond(case) is None:
                break
        return case

    return Thing(name, file_of(op), replace(entry, draw=draw, invalid=()), runner)


def _adapted(op: Any, name: str, like: str | None) -> Thing | None:
    """Return a thing that an adapter drives; None for a function that returns its value and its pullback."""
    from .adapted import of_subject
    from .adapters import recognise
    from .adapters.fitting import fit
    from .adapters.protocol import Cannot

    scope = {name: op}
    if inspect.isfunction(op):  # the other half of a pair stands beside it
        scope |= {n: f for n, f in op.__globals__.items() if inspect.isfunction(f) and n != name}
    found = [c for c in recognise(scope, {} if like is None else {name: like}) if c.name == name]
    if not found:
        if not inspect.isclass(op):
            return None
        raise TypeError(f"crosscheck: {name} is of no convention that is known; say what it is with like=")
    plain = found[0].convention == "function"
    if plain and not any(kind.endswith(_LOSSES) for kind in found[0].kinds):
        return None
    try:
        subject = fit(found[0])
    except Cannot as why:
        if plain:
            return None
        remedy = f"; {why.remedy}" if why.remedy else ""
        raise TypeError(f"crosscheck: {name} cannot be driven: {why.reason}{remedy}") from why
    if plain and not getattr(subject.driver, "fused", False):
        return None
    return of_subject(subject, file_of(op))


def own(
    op: Callable[..., Any],
    inputs: SearchStrategy[Any],
    reference: Callable[..., Any] | None = None,
    framework: str | None = None,
) -> Thing:
    """Return a thing that is in no catalogue: an operation of one's own.

    Parameters
    ----------
    op : callable
        A function of the value-and-pullback convention.
    inputs : strategy
        Draws its arguments: a tuple in the order of its signature, or a dict by name. Floating-point arrays
        are the ones with a derivative.
    reference : callable, optional
        A PyTorch, JAX or NumPy function of the same arrays, by position, and options, by name.
    framework : {"torch", "jax", "numpy"}, optional
        Whose function the reference is, where that cannot be seen.
    """
    name, names = name_of(op), _names(op)
    outputs: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    array_names: set[str] = set()

    def draw(d: Draw) -> Case:
        drawn = d.of(inputs)
        if isinstance(drawn, dict):
            given = dict(drawn)
        else:
            values = drawn if isinstance(drawn, tuple) else (drawn,)
            if names is None or len(values) > len(names):
                raise TypeError(f"crosscheck: inputs draws {len(values)} arguments, {name} takes {names}")
            given = dict(zip(names, values, strict=False))
        arrays = {n: _prepared(v, d) for n, v in given.items() if v is None or isinstance(v, np.ndarray)}
        array_names.update(arrays)
        moving = tuple(n for n, a in arrays.items() if a is not None and a.dtype.kind == "f")
        case = Case(name, arrays, {n: v for n, v in given.items() if n not in arrays}, moving)
        if not outputs:
            outputs.append(_results(op, case))
        return replace(case, outputs=outputs[0][0], extras=outputs[0][1])

    # Nothing is known of its kinks: derivatives are taken on either side, and equal values stay equal.
    entry = Operation(name, draw, twin=None, ties=True, extremes=(), by_strategy=True)
    runner = ValueAndPullback(op, name, {})
    if reference is None:
        return Thing(name, file_of(op), entry, runner, (), own=True)
    whose = framework or framework_of(reference)
    if whose not in FRAMEWORKS:
        raise ValueError(
            f"crosscheck: it cannot be seen whose function the reference {name_of(reference)} is; "
            f"say framework= one of {', '.join(FRAMEWORKS)}"
        )

    def by_position(_: Any, *first: Any, **rest: Any) -> Any:
        slots = [rest.pop(n) for n in list(rest) if n in array_names]
        return reference(*first, *slots, **rest)

    if whose == "torch":
        return Thing(name, file_of(op), replace(entry, twin=by_position), runner, ("torch",), own=True)
    if whose == "jax":
        return Thing(name, file_of(op), replace(entry, jax=by_position), runner, ("jax",), own=True)
    judges = {"numpy": partial(PlainReference, reference)}
    return Thing(name, file_of(op), entry, runner, ("numpy",), own=True, judges=judges)


def _prepared(value: Array | None, d: Draw) -> Array | None:
    """Return a drawn array in the wanted dtype and in a drawn memory layout; its numbers stay as they are."""
    if value is None:
        return None
    array = value.astype(d.setting.dtype) if value.dtype.kind == "f" else np.array(value)
    if not d.setting.layouts or array.ndim == 0 or array.size == 0:
        return array
    return lay_out(array, d.one_of("C order", "C order", *LAYOUTS))


def _results(op: Callable[..., Any], case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names for the outputs and for the state, by one call; one output where the call fails."""
    try:
        first, *others = case.copy().arrays.items()
        value, _, *rest = op(first[1], **dict(others), **case.options)
    except Exception:  # the checks will say so, on a case of their own
        return ("y",), ()
    count = len(value) if isinstance(value, tuple) else 1
    state = rest[0] if rest and isinstance(rest[0], tuple) else tuple(rest)
    kept = sum(part is not None for part in state)
    return (
        ("y",) if count == 1 else tuple(f"y{i}" for i in range(count)),
        tuple(f"state{i}" for i in range(kept)),
    )


def framework_of(function: Any) -> str | None:
    """Return whose arrays a function computes with, by its module and the names that its code refers to.

    Examples
    --------
    >>> framework_of(np.tanh), framework_of(lambda x: np.exp(x) + 1)
    ('numpy', 'numpy')
    """
    for found in (getattr(function, "__module__", None), getattr(type(function), "__module__", None)):
        root = (found or "").partition(".")[0].removesuffix("lib")
        if root in FRAMEWORKS:
            return root
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    scope = {**getattr(function, "__globals__", {}), **_closed_over(function)}
    roots = set()
    for name in (*code.co_names, *code.co_freevars):
        value = scope.get(name)
        module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        roots.add((module or name).partition(".")[0])
    met = [name for name in FRAMEWORKS if name in roots]
    return met[0] if len(met) == 1 or met == ["jax", "numpy"] else None


def _closed_over(function: Any) -> dict[str, Any]:
    try:
        return dict(inspect.getclosurevars(function).nonlocals)
    except (TypeError, ValueError):
        return {}


def _names(function: Any) -> tuple[str, ...] | None:
    """Return the names of a function's parameters; None where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return None
    return tuple(p.name for p in parameters if p.kind is not inspect.Parameter.VAR_POSITIONAL)


def name_of(op: Any) -> str:
    """Return what a thing is called in its file."""
    return str(getattr(op, "__name__", None) or type(op).__name__)


def file_of(op: Any) -> str:
    """Return where a thing was written, relative to the working folder where it lies below it."""
    try:
        path = Path(inspect.getsourcefile(inspect.unwrap(op)) or "")
    except (TypeError, OSError):
        return ""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
