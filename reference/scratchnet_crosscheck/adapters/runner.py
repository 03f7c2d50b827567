"""A recognised thing as the suite's runner, and its reference in the thing's own layout."""

from __future__ import annotations

import contextlib
import random
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..catalogue.protocol import Operation
from ..failure import Failure, NotApplicable
from ..oracles import oracle
from ..oracles.golden import Golden
from ..oracles.pytorch import gradients, import_torch
from ..references.protocol import SHAPES, Form, Kind, Sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._types import Array, Cotangents, Needs, Outputs, Pull
    from ..oracles.protocol import Oracle
    from ..strategies import Draw
    from .protocol import Driver, Started

_GENERATOR = np.random.default_rng


def replayed(seed: int | None) -> contextlib.AbstractContextManager[None]:
    """Seed every generator that a layer may draw from, and give back the global ones as they were."""
    return contextlib.nullcontext() if seed is None else _seeded(seed)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    kept, plain = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    torch = sys.modules.get("torch")
    # On the processor alone: torch.manual_seed asks for those of all devices, and notes down who asked.
    tensors = None if torch is None else torch.default_generator.get_state()
    if torch is not None:
        torch.default_generator.manual_seed(seed)
    calls = iter(range(seed, seed + 10**6))

    def seeded(own: Any = None) -> np.random.Generator:
        return _GENERATOR(next(calls) if own is None else own)

    vars(seeded)["seed"] = seed
    np.random.default_rng = seeded  # type: ignore[assignment]  # a stand-in for as long as a layer runs
    try:
        yield
    finally:
        np.random.default_rng = _GENERATOR
        np.random.set_state(kept)
        random.setstate(plain)
        if torch is not None and tensors is not None:
            torch.default_generator.set_state(tensors)


@dataclass
class Subject:
    """A thing with all that was found out about it.

    Parameters
    ----------
    name : str
        As written in the file.
    kind : Kind
        What it is taken for.
    driver : Driver
        Drives it.
    form : Form
        How it wants its arrays and which conventions it follows.
    silent : frozenset of str
        Slots that no gradient is found of.
    extras : bool
        Whether its new state can be seen.
    ignores_upstream : bool
        A loss whose backward pass takes no cotangent.
    averaged : bool
        Parameter gradients are divided by the batch inside the layer.
    multiplied : bool
        The layer steps itself, and its rate is times the batch.
    of_mean : str
        A loss for each "samples" or "elements", whose backward pass is that of their mean.
    writes : bool
        It overwrites what it is given.
    shielded : bool
        It is given copies for now: that it overwrites is said by the checks of that, and only there.
    trains_only : bool
        Its backward pass belongs to training alone.
    adds_up : bool
        The gradients of its parameters add up over calls, as it says itself.
    dtypes : tuple of str
        The dtypes it is asked in, where not all: one that computes in float32 whatever it is given.
    left : dict
        What is not asked of it, by a key, in words.
    notes : list of str
        What was guessed, in words.
    """

    name: str
    kind: Kind
    driver: Driver
    form: Form
    silent: frozenset[str] = frozenset()
    extras: bool = False
    ignores_upstream: bool = False
    averaged: bool = False
    multiplied: bool = False
    strict: bool = False
    of_mean: str = ""
    writes: bool = False
    shielded: bool = False
    trains_only: bool = False
    adds_up: bool = False
    dtypes: tuple[str, ...] = ()
    left: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conventions: dict[str, str] = field(default_factory=dict)
    beat: Callable[[], None] = lambda: None

    @property
    def taken_for(self) -> str:
        """PyTorch's name of the operation."""
        return self.kind.name.rpartition(" ")[2]

    def case(self, draw: Draw, forced: str = "") -> Case:
        """Draw a call."""
        arrays, options = self.kind.draw(Sketch(draw, self.form, self.driver.takes, forced))
        return self.as_case(arrays, options, draw.seed() if self.kind.random else None)

    def as_case(
        self, arrays: Mapping[str, Array | None], options: Mapping[str, Any], seed: int | None
    ) -> Case:
        """Return a call of these arrays."""
        ordered = {slot: arrays.get(slot) for slot in self.kind.slots if slot not in self.form.absent}
        moving = tuple(
            slot for slot, a in ordered.items()
            if a is not None and slot not in self.kind.fixed and slot not in self.silent
        )  # fmt: skip
        extras = self.kind.extras if self.extras and ordered.get("running_mean") is not None else ()
        return Case(self.taken_for, ordered, dict(options), moving, self.kind.outputs, extras, seed)

    def entry(self) -> Operation:
        """Return the catalogue entry that belongs to this thing alone."""
        kind = self.kind
        apart = kind.per_sample if not kind.state and not (kind.loss or kind.random) else ()
        batch_first = all(self.form.layout(n).name != "batch last" for n in (*kind.inputs, *kind.outputs))
        batched = apart and batch_first and self.form.options.get("samples") != 0
        features: dict[str, Any] = {}
        if batched:
            features["per_sample"] = lambda case: apart if case[apart[0]].ndim > 1 else ()
        if kind.tangent is not None:
            features["tangent"] = kind.tangent
        return Operation(
            self.taken_for, self.case, (), kinks=kind.kinks, ties=kind.ties or (kind.loss and kind.ties),
            randomness=("slopes" if kind.slopes else "mask") if kind.random else None, extremes=kind.extremes,
            compiles=self.driver.compiles, **features,
        )  # fmt: skip

    def start(self, case: Case) -> Started:
        """Run the thing's forward pass on the case's own arrays."""
        self.beat()
        arrays = {k: self._own(a) for k, a in case.arrays.items() if a is not None}
        try:
            with replayed(case.seed), np.errstate(all="ignore"):
                return self.driver.start(arrays, case.options, self.form)
        except SystemExit as left:
            raise Failure(f"it calls sys.exit({left.code!r}) in its forward pass", case) from None
        finally:
            self.beat()

    def outputs(self, started: Started, case: Case) -> Outputs:
        """Return what came out, numbers as arrays."""
        found = tuple(_array(y, case) for y in started.outputs)
        if len(found) != len(case.outputs):
            raise Failure(f"{len(found)} outputs, not {len(case.outputs)}", case)
        missing = [name for name in case.extras if name not in started.extras]
        if missing:
            raise Failure(f"it returns no {missing[0]}", case)
        return found + tuple(started.extras[name] for name in case.extras)

    def _own(self, array: Any) -> Any:
        """Return an array that may be written to, where the thing does that."""
        if self.shielded or (self.writes and not array.flags.writeable):
            return np.array(array, order="K", copy=True)
        return array

    def pull(self, started: Started, case: Case, cotangents: Outputs, needs: Needs | None) -> Cotangents:
        """Run the backward pass; one gradient a slot."""
        if self.trains_only and not case.options.get("training", True):
            raise NotApplicable("its backward pass belongs to training alone")
        given = tuple(self._own(dy) for dy in cotangents)
        if self.ignores_upstream:
            given = tuple(np.ones_like(dy, order="C", subok=False) for dy in cotangents)
        self.beat()
        try:
            with replayed(case.seed if case.seed is None else case.seed + 1), np.errstate(all="ignore"):
                found = started.back(
                    given, None if needs is None else dict(zip(case.slots, needs, strict=True))
                )
        except SystemExit as left:
            raise Failure(
                f"it calls sys.exit({left.code!r}) in its backward pass", case, cotangents
            ) from None
        finally:
            self.beat()
        grads: list[Any] = []
        grad: Any
        for slot in case.slots:
            grad = found.get(slot) if slot in case.differentiable else None
            if slot not in case.differentiable and self.strict:
                grad = found.get(slot)
                if self.kind.loss and case.arrays[slot] is not None and case[slot].dtype.kind == "f":
                    grad = None  # a target that is a number may have one, as some of PyTorch's do
            if isinstance(grad, np.ndarray | np.generic) and grad.dtype.kind == "f":
                if self.ignores_upstream:
                    grad = (grad * self._spread(cotangents[0], grad)).astype(grad.dtype)
                if self.averaged and slot in self.kind.params:
                    grad = (grad * self.samples(case)).astype(grad.dtype)
                if self.multiplied and slot in self.kind.params:
                    grad = (grad / self.samples(case)).astype(grad.dtype)
            elif isinstance(grad, float | int) and slot in case.differentiable and case[slot].ndim == 0:
                grad = np.asarray(grad, dtype=case[slot].dtype)
            if isinstance(grad, np.generic) and slot in self.kind.params and case[slot].ndim == 0:
                grad = np.asarray(grad)  # of a parameter that is a number
            grads.append(grad)
        return tuple(grads)

    def _spread(self, dy: Array, grad: Any) -> Any:
        """Return what a gradient that no cotangent went into is multiplied by, one for each loss."""
        if dy.size == 1 and dy.shape != grad.shape:
            return dy.reshape(-1)[0]
        times = {"": 1, "samples": len(dy) if dy.ndim else 1, "elements": dy.size,
                 "features": dy.size // max(len(dy), 1) if dy.ndim else 1}[self.of_mean]  # fmt: skip
        if dy.shape == grad.shape or self.form.layout("x").name == "batch last":
            return dy * times
        return dy.reshape(dy.shape + (1,) * (grad.ndim - dy.ndim)) * times

    def samples(self, case: Case) -> int:
        """Return how many samples a call has."""
        first = self.kind.slots[0]
        x = self.form.layout(first).to(case[first])
        return int(x.shape[0]) if x.ndim > (x.dtype.kind == "f") else 1


def _array(y: Any, case: Case) -> Any:
    if isinstance(y, float | int) and not isinstance(y, bool):  # a loss: np.float64 is a float too
        return np.asarray(y, dtype=case.dtype)
    if isinstance(y, np.generic):
        return np.asarray(y)
    if y is None:
        raise Failure("the forward pass returns None", case)
    if not isinstance(y, np.ndarray):
        raise Failure(f"the forward pass returns a {type(y).__name__}, not an array", case)
    return y


class Stateful:
    """The runner of an object that keeps what its backward pass needs: one backward pass a forward pass."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @property
    def name(self) -> str:
        """The thing's name in its file."""
        return self.subject.name

    def forward(self, case: Case) -> Outputs:
        """Return the outputs."""
        return self.subject.outputs(self.subject.start(case), case)

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Run both passes."""
        started = self.subject.start(case)
        return self.subject.pull(started, case, cotangents, None)


class Linearized(Stateful):
    """The runner of a thing whose backward pass is handed what belongs to its forward pass."""

    @property
    def skips(self) -> bool:
        """Whether it heeds needs_input_grad."""
        return self.subject.driver.skips

    def linearize(self, case: Case) -> tuple[Outputs, Pull]:
        """Run the forward pass; return the outputs and its backward pass."""
        started = self.subject.start(case)
        outputs = self.subject.outputs(started, case)

        def pull(cotangents: Outputs, needs: Needs | None = None) -> Cotangents:
            return self.subject.pull(started, case, cotangents, needs)

        return outputs, pull


def runner_of(subject: Subject) -> Stateful:
    """Return the runner that fits."""
    return Linearized(subject) if subject.driver.linearizes else Stateful(subject)


# ---- the reference


class Reference:
    """An oracle's answers in the thing's own layout.

    Parameters
    ----------
    name : str
        Which oracle: "torch" and "golden" know every kind, others what the catalogue has.
    subject : Subject
        Whose layout.
    """

    def __init__(self, name: str, subject: Subject) -> None:
        self.name = name
        self._subject = subject
        self._torch: Any = import_torch() if name == "torch" else None
        self._other: Oracle = Golden() if name in ("torch", "golden") else oracle(name)

    def unable(self, case: Case) -> str | None:
        """Return why it cannot judge this call, or None; PyTorch and the golden model judge every one."""
        if self.name in ("torch", "golden"):
            return None
        call = self._call(*canonical(self._subject, case))
        return "the catalogue has no such operation" if call is None else self._other.unable(call)

    def forward(self, case: Case) -> Outputs:
        """Return the outputs."""
        arrays, options = canonical(self._subject, case)
        if self.name not in ("torch", "golden"):
            options.pop("log_eps", None)
            call = self._call(arrays, options)
            return () if call is None else self._own(self._other.forward(call), case)
        if self._torch is None:
            found = self._subject.kind.forward(_in_double(arrays), options)
            return self._own(tuple(np.asarray(y, dtype=case.dtype) for y in found), case)
        with self._torch.no_grad():
            found = self._subject.kind.torch(self._torch, self._tensors(arrays), options)
        return self._own(tuple(y.detach().numpy() for y in found), case)

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Return the vector-Jacobian product."""
        subject = self._subject
        arrays, options = canonical(subject, case)
        if not options.pop("log_eps_back", False):  # a declared epsilon may be the forward formula's alone
            options.pop("log_eps", None)
        dys = tuple(
            np.asarray(subject.form.layout(n).to(dy)) for n, dy in zip(case.outputs, cotangents, strict=True)
        )
        try:
            grads = (
                self._by_torch(case, arrays, options, dys)
                if self._torch is not None
                else self._by_golden(arrays, options, dys)
            )
        except (ValueError, TypeError, RuntimeError):
            self._shapes_are_right(case, cotangents)
            raise
        return tuple(
            None if grads.get(slot) is None or slot not in case.differentiable
            else np.array(subject.form.layout(slot).back(grads[slot], case[slot].shape), copy=True)
            for slot in case.slots
        )  # fmt: skip

    def _shapes_are_right(self, case: Case, cotangents: Outputs) -> None:
        """Say so where a cotangent, and so the thing's output, has another shape than it should."""
        for name, dy, y in zip(case.outputs, cotangents, self.forward(case), strict=False):
            if dy.shape != y.shape:
                raise Failure(f"{name} has shape {dy.shape}, not {y.shape}", case, (), name, wanted=y)

    def _by_golden(self, arrays: Any, options: Any, dys: Outputs) -> dict[str, Any]:
        call = self._call(arrays, options)
        if call is None:
            raise NotApplicable("scratchnet has no such function: numerical differentiation alone judges it")
        return dict(zip(call.slots, self._other.vjp(call, dys), strict=True))

    def _call(self, arrays: Any, options: Any) -> Case | None:
        """Return the catalogue's call of the same function, or None where it has none."""
        golden = self._subject.kind.golden
        call: Case | None = None if golden is None or "mask" in options else golden(arrays, options)
        return call

    def _by_torch(self, case: Case, arrays: Any, options: Any, dys: Outputs) -> dict[str, Any]:
        torch = self._torch
        tensors = self._tensors(arrays)
        wanted = list(case.differentiable)
        for name in wanted:
            tensors[name].requires_grad_()
        with torch.enable_grad():
            outputs = self._subject.kind.torch(torch, tensors, options)[: len(dys)]
            # A fresh C-ordered copy: PyTorch takes no negative strides, and must not share our memory.
            tangents = [torch.from_numpy(np.array(dy, order="C", copy=True)) for dy in dys]
            grads = gradients(torch, outputs, tangents, [tensors[n] for n in wanted])
        return {
            n: np.zeros_like(arrays[n]) if g is None else g.detach().numpy()
            for n, g in zip(wanted, grads, strict=True)
        }

    def _tensors(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        return {
            k: None if a is None else self._torch.from_numpy(np.array(a, order="C", copy=True))
            for k, a in arrays.items()
        }

    def _own(self, outputs: Outputs, case: Case) -> Outputs:
        form = self._subject.form
        own = [form.layout(n).back(y, None) for n, y in zip(case.outputs, outputs, strict=False)]
        state = outputs[len(case.outputs) :][: len(case.extras)]
        own += [
            form.layout(n.removeprefix("new_")).back(y, None) for n, y in zip(case.extras, state, strict=True)
        ]
        return tuple(np.array(y, copy=True) for y in own)


def canonical(subject: Subject, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a call's arrays and options as the reference has them."""
    form = subject.form
    arrays = {k: None if a is None else np.asarray(form.layout(k).to(a)) for k, a in case.arrays.items()}
    options = {**form.options, **case.options}
    for numbers in ("mask", "slopes"):  # drawn by a layer, and so as it has its input
        if numbers in options:
            options[numbers] = np.asarray(form.layout(case.slots[0]).to(options[numbers]))
    for own in SHAPES:
        options.pop(own, None)
    return arrays, options


def _in_double(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: a.astype(np.float64) if a is not None and a.dtype.kind == "f" else a for k, a in arrays.items()
    }
