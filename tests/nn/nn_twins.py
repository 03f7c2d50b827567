"""What every layer has in common with its twin of torch.nn: one `Twin` a class, and the checks that follow.

A test file of a family lists its twins and lets the checks loose on them:

    from nn_twins import Twin, call, options

    def draw(d):
        features = d.side()
        return call(features, **options(d, eps=(1e-3, 0.1), bias=(False,))), d.array(d.batch(), features)

    TWINS = [Twin("LayerNorm", draw, operation="layer_norm", refusals=[...])]

    def test_layer_and_twin(twin, check):
        check(twin)

`conftest.py` makes one test of each twin and each check. `draw` takes a `strategies.Draw` and returns a
constructor call and what `forward` is given; it must be valid in training mode.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import numpy as np
import pytest

from scratchnet import nn
from scratchnet_crosscheck.case import Case, array_call
from scratchnet_crosscheck.catalogue import Operation, operations
from scratchnet_crosscheck.strategies import Setting, cotangent
from scratchnet_crosscheck.strategies import cases as drawn
from scratchnet_crosscheck.tolerance import Yardstick

DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
STEPS = 8
PHASES = (hypothesis.Phase.generate, hypothesis.Phase.shrink)


@dataclass(frozen=True)
class Call:
    """The arguments a layer is made with."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = [_shown(value) for value in self.args]
        return ", ".join(shown + [f"{name}={_shown(value)}" for name, value in self.kwargs.items()])


def call(*args: Any, **kwargs: Any) -> Call:
    """Return the arguments of a constructor."""
    return Call(args, kwargs)


def options(d: Any, **choices: tuple[Any, ...]) -> dict[str, Any]:
    """Return keyword arguments: each is left out half of the time, or else one of its choices."""
    return {name: d.one_of(*values) for name, values in choices.items() if d.flag()}


@dataclass(frozen=True)
class Refusal:
    """What both must refuse: a constructor call, or what the layer it makes is given.

    `words` are what our message must contain beside the layer's or the function's name. `only_ours` is the
    reason where PyTorch takes it.
    """

    why: str
    made: Call
    words: tuple[str, ...]
    inputs: tuple[Any, ...] = ()
    training: bool = True
    only_ours: str = ""


@dataclass(frozen=True)
class Twin:
    """A class of `scratchnet.nn` and how it is drawn.

    Parameters
    ----------
    name : str
        In `scratchnet.nn` and in torch.nn.
    draw : callable
        ``draw(Draw) -> (Call, input, input, ...)``. Integer inputs (targets, indices) get no gradient.
    operation : str
        The catalogue's entry it is a shell of, for its kinks and ties.
    refusals : list of Refusal
    loss : bool
        Only the predictions have a gradient, and `backward` begins at 1.
    predictions : tuple of int
        Which inputs of a loss are predictions: their gradients are what `backward` returns.
    random : bool
        It draws numbers in training mode, so that only evaluation mode is compared.
    examples : int
        How many calls each check draws.
    """

    name: str
    draw: Callable[[Any], tuple[Any, ...]]
    operation: str = ""
    refusals: tuple[Refusal, ...] | list[Refusal] = ()
    loss: bool = False
    predictions: tuple[int, ...] = (0,)
    random: bool = False
    examples: int = 60

    @property
    def entry(self) -> Operation:
        """Its operation's catalogue entry; without one, an operation that is smooth everywhere."""
        if self.operation:
            return operations()[self.operation]
        return Operation(self.name, lambda _: Case(self.name, {}), twin=None)

    def ours(self, made: Call, dtype: Any) -> Any:
        """Return our layer."""
        cls = getattr(nn, self.name)
        kwargs = dict(made.kwargs)
        parameters = inspect.signature(cls).parameters
        if "dtype" in parameters:
            kwargs["dtype"] = dtype
        return cls(*made.args, **kwargs)

    def theirs(self, made: Call, dtype: Any) -> Any:
        """Return the twin."""
        import torch

        args = [_tensor(value) for value in made.args]
        kwargs = {name: _tensor(value) for name, value in made.kwargs.items()}
        return getattr(torch.nn, self.name)(*args, **kwargs).to(getattr(torch, np.dtype(dtype).name))


# ---- the checks


def prints_as_its_twin(twin: Twin) -> None:
    """repr() is the twin's, for every drawn constructor call."""
    theirs = set(inspect.signature(_theirs(twin)).parameters)
    unknown = set(inspect.signature(getattr(nn, twin.name)).parameters) - theirs - {"dtype", "generator"}

    def one(made: Call, *_: Any) -> None:
        if unknown:  # an older PyTorch, which does not print them either
            return
        ours, expected = repr(twin.ours(made, np.float32)), repr(twin.theirs(made, np.float32))
        assert ours == expected

    _each(twin, one)


def takes_the_twins_arguments(twin: Twin) -> None:
    """The constructor has the twin's arguments, order and defaults; dtype= where the twin has it."""
    ours = dict(inspect.signature(getattr(nn, twin.name)).parameters)
    theirs = dict(inspect.signature(_theirs(twin)).parameters)
    inherited = "__init__" not in vars(_theirs(twin))
    if set(theirs) == {"args", "kwargs"} and inherited:  # of torch.nn.Module, which takes nothing
        theirs = {}
    has_dtype = "dtype" in theirs
    left_out = {"device", "dtype"} if has_dtype else set()  # arguments of every module with parameters
    positional = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    order = [name for name, p in theirs.items() if name not in left_out and p.kind in positional]
    mine = [name for name, p in ours.items() if p.kind in positional]
    assert mine == order
    assert ("dtype" in ours) == has_dtype, "a class that has parameters takes dtype=, any other does not"
    for name, parameter in theirs.items():
        if name not in left_out:
            assert name in ours
            assert ours[name].default == parameter.default or ours[name].default is parameter.default, name


def has_the_twins_state(twin: Twin) -> None:
    """state_dict has the twin's keys, order, shapes and dtypes, its constants, and goes both ways."""
    import torch

    def one(made: Call, inputs: tuple[Any, ...], dtype: Any, seed: int) -> None:
        ours, theirs = twin.ours(made, dtype), twin.theirs(made, dtype)
        state, expected = ours.state_dict(), _numpy_state(theirs)
        another = _numpy_state(twin.theirs(made, dtype))
        assert list(state) == list(expected)
        assert list(ours.params) == [name for name, _ in theirs.named_parameters()]
        for key, value in expected.items():
            assert state[key].shape == value.shape, key
            assert state[key].dtype == value.dtype, key
            if np.array_equal(value, another[key]):  # not random
                np.testing.assert_array_equal(state[key], value, err_msg=key)
        ours.load_state_dict(expected)
        for key, value in expected.items():
            np.testing.assert_array_equal(ours.state_dict()[key], value, err_msg=key)
        other = _random_state(ours, seed)
        theirs.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in other.items()})

    _each(twin, one)


def computes_as_its_twin(twin: Twin) -> None:
    """Values, gradients and new buffers are the twin's from the same state: two training steps, then one more
    in evaluation mode."""

    def one(made: Call, inputs: tuple[Any, ...], dtype: Any, seed: int) -> None:
        ours, reference = twin.ours(made, dtype), _Reference(twin, made)
        ours.load_state_dict(_random_state(ours, seed))
        rng = np.random.default_rng(seed)
        for training, scale in ((True, 1.0), (True, 0.5), (False, 1.0)):
            if training and twin.random:
                continue
            # Half as large, so that another batch has other statistics.
            given = tuple(np.asarray(x * x.dtype.type(scale)) if _is_float(x) else x for x in inputs)
            case = reference.case(ours, given)
            ours.train(training)
            outputs = _tuple(ours(*given))
            assert all(isinstance(value, np.ndarray) for value in ours.buffers.values())
            buffers = tuple(value.copy() for value in ours.buffers.values())
            kinds = ("ones",) if twin.loss and outputs[0].ndim == 0 else ("signed", "broadcast", "huge")
            kind = str(rng.choice(kinds))
            floats = [y for y in outputs if _is_float(y)]
            cotangents = tuple(np.asarray(cotangent(kind, y, rng)) for y in floats)
            omitted = twin.loss and floats[0].ndim == 0
            grads = _tuple(ours.backward() if omitted else ours.backward(*cotangents))
            answered = reference.wanted if twin.loss else reference.given
            found = {**dict(zip(answered, grads, strict=False)), **ours.grads}
            slots = tuple(found.get(name) for name in case.arrays)
            reference.training = training
            words = f"nn.{twin.name}({made}) in {'training' if training else 'evaluation'} mode, "
            words += ", ".join(f"{name}={_shown(array)}" for name, array in case.arrays.items())
            _within(
                reference.forward, case, (), twin, (*outputs, *buffers),
                [*(f"output {i}" for i in range(len(outputs))), *ours.buffers], words,
            )  # fmt: skip
            names = [f"gradient of {name}" for name in case.arrays]
            _within(reference.backward, case, cotangents, twin, slots, names, words)
            if not twin.loss:
                skipped = _tuple(ours.backward(*cotangents, needs_input_grad=False))
                assert all(gradient is None for gradient in skipped)

    _each(twin, one)


def trains_as_its_twin(twin: Twin) -> None:
    """Gradient descent from the same start has the twin's losses for eight steps."""

    def one(made: Call, inputs: tuple[Any, ...], dtype: Any, seed: int) -> None:
        ours, reference = twin.ours(made, dtype), _Reference(twin, made)
        if twin.loss or twin.random or not ours.params or dtype == np.float32:
            return
        ours.load_state_dict(_random_state(ours, seed))
        case = reference.case(ours, inputs)
        losses = []
        for _ in range(STEPS):
            y = _tuple(ours(*inputs))[0]
            losses.append(float((y * y).sum()) / 2 / max(y.size, 1))
            ours.backward(y / max(y.size, 1))
            for name, parameter in ours.params.items():
                np.subtract(parameter, 0.05 * ours.grads[name], out=parameter)
        words = f"nn.{twin.name}({made}), " + ", ".join(f"{k}={_shown(v)}" for k, v in case.arrays.items())
        _within(reference.losses, case, (), twin, (np.array(losses),), ["the losses"], words)

    _each(twin, one)


def keeps_a_layers_promises(twin: Twin) -> None:
    """What is given is not written to, `grads` are overwritten, and backward without forward is refused."""

    def one(made: Call, inputs: tuple[Any, ...], dtype: Any, seed: int) -> None:
        ours = twin.ours(made, dtype)
        with pytest.raises(RuntimeError, match=f"{twin.name}.backward: forward must be called first"):
            ours.backward(np.zeros(1, dtype))
        given = tuple(np.array(x, order="K", copy=True) if isinstance(x, np.ndarray) else x for x in inputs)
        for x in given:
            if isinstance(x, np.ndarray):
                x.flags.writeable = False
        for training in (False, True):
            ours.train(training)
            outputs = [y for y in _tuple(ours(*given)) if _is_float(y)]
            assert all(y.dtype == dtype for y in outputs)
            dys = tuple(np.ones_like(y) for y in outputs)
            first = _tuple(ours.backward(*dys))
            grads = {name: gradient.copy() for name, gradient in ours.grads.items()}
            assert list(grads) == [name for name in ours.params if name in grads]
            assert all(gradient.dtype == dtype for gradient in grads.values())
            second = _tuple(ours.backward(*dys))
            for a, b in zip(first, second, strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    np.testing.assert_array_equal(a, b)
            for name, gradient in grads.items():
                np.testing.assert_array_equal(ours.grads[name], gradient, err_msg=name)

    _each(twin, one)


def refuses_what_its_twin_refuses(twin: Twin) -> None:
    """Each bad call of the table is refused by both, by ours in words that name the argument and value."""
    for refusal in twin.refusals:
        failures: list[Exception | None] = []
        for side in (twin.ours, twin.theirs):
            mine = side == twin.ours
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error" if mine else "ignore")  # PyTorch's warning is no refusal
                    layer = side(refusal.made, np.float64)
                    layer.train(refusal.training)
                    if refusal.inputs:
                        layer(*(refusal.inputs if mine else (_tensor(x) for x in refusal.inputs)))
            except Exception as error:  # whatever PyTorch raises
                failures.append(error)
            else:
                failures.append(None)
        ours, theirs = failures
        assert isinstance(ours, ValueError | TypeError), f"{refusal.why}: not refused ({ours!r})"
        text = str(ours)
        names = (f"{twin.name}:", f"{twin.operation or twin.name}:")
        assert text.startswith(names), f"{refusal.why}: {text!r} begins with none of {names}"
        for word in refusal.words:
            assert word in text, f"{refusal.why}: {text!r} does not say {word!r}"
        assert (theirs is None) == bool(refusal.only_ours), f"{refusal.why}: PyTorch: {theirs!r}"


CHECKS = (
    takes_the_twins_arguments,
    prints_as_its_twin,
    has_the_twins_state,
    computes_as_its_twin,
    trains_as_its_twin,
    keeps_a_layers_promises,
    refuses_what_its_twin_refuses,
)


# ---- the machinery


class _Reference:
    """The twin as a function of a case's arrays: the inputs, then the parameters, then the buffers."""

    def __init__(self, twin: Twin, made: Call) -> None:
        self.twin, self.made, self.training = twin, made, True

    def case(self, ours: Any, inputs: tuple[Any, ...]) -> Case:
        """Return the call as a value: all arrays that the results depend on."""
        names = [p.name for p in inspect.signature(ours.forward).parameters.values()]
        given = {names[i] if i < len(names) else f"{names[-1]}{i}": x for i, x in enumerate(inputs)}
        floats = [name for name, x in given.items() if _is_float(x)]
        wanted = [list(given)[i] for i in self.twin.predictions] if self.twin.loss else floats
        arrays = {**given, **{k: v.copy() for k, v in (*ours.params.items(), *ours.buffers.items())}}
        self.given, self.wanted = tuple(given), tuple(wanted)
        return Case(self.twin.name, arrays, {}, (*wanted, *ours.params))

    def _layer(self, case: Case) -> tuple[Any, dict[str, Any]]:
        layer = self.twin.theirs(self.made, case.dtype)
        layer.load_state_dict({n: _tensor(a) for n, a in case.given.items() if n not in self.given})
        layer.train(self.training)
        return layer, {name: _tensor(case.arrays[name]) for name in self.given}

    def forward(self, case: Case, _: Any = ()) -> tuple[Any, ...]:
        """Return the outputs and the new buffers."""
        layer, given = self._layer(case)
        outputs = _tuple(layer(*given.values()))
        buffers = [value for _, value in layer.named_buffers()]
        return tuple(y.detach().numpy().copy() for y in (*outputs, *buffers))

    def backward(self, case: Case, cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return one gradient a slot."""
        import torch

        layer, given = self._layer(case)
        for name in self.wanted:
            given[name].requires_grad_()
        outputs = [y for y in _tuple(layer(*given.values())) if y.is_floating_point()]
        torch.autograd.backward(outputs, [_tensor(dy) for dy in cotangents])
        found = {name: given[name].grad for name in self.wanted}
        found.update({name: parameter.grad for name, parameter in layer.named_parameters()})
        return tuple(
            None if name not in case.differentiable
            else np.zeros_like(case[name]) if found[name] is None
            else found[name].numpy().copy()
            for name in case.arrays
        )  # fmt: skip

    def losses(self, case: Case, _: Any = ()) -> tuple[Any, ...]:
        """Return the losses of a few steps of gradient descent."""
        import torch

        layer, given = self._layer(case)
        losses = []
        for _step in range(STEPS):
            layer.zero_grad()
            y = _tuple(layer(*given.values()))[0]
            loss = (y * y).sum() / 2 / max(y.numel(), 1)
            losses.append(loss.detach().numpy().copy())
            loss.backward()
            with torch.no_grad():
                for parameter in layer.parameters():
                    if parameter.grad is not None:
                        parameter.sub_(0.05 * parameter.grad)
        return (np.array(losses),)


def _each(twin: Twin, one: Callable[..., None]) -> None:
    """Run `one` on drawn calls of the twin, in float64 and float32."""

    def case(d: Any) -> Case:  # a Case carries what is drawn through the catalogue's own machinery
        made, *inputs = twin.draw(d)
        return Case(twin.name, {}, {"made": made, "inputs": tuple(inputs), "seed": d.seed()})

    def strategy(dtype: Any) -> Any:
        return drawn(case, Setting(dtype))

    @hypothesis.settings(
        max_examples=twin.examples, deadline=None, database=None, report_multiple_bugs=False, phases=PHASES,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(hypothesis.strategies.sampled_from(DTYPES).flatmap(
        lambda dtype: hypothesis.strategies.tuples(hypothesis.strategies.just(dtype), strategy(dtype))
    ))  # fmt: skip
    def every(dtype_and_case: Any) -> None:
        dtype, found = dtype_and_case
        one(found.options["made"], found.options["inputs"], dtype, found.options["seed"])

    with np.errstate(all="ignore"):
        every()


def _within(
    evaluate: Any, case: Case, cotangents: tuple[Any, ...], twin: Twin, got: tuple[Any, ...],
    names: list[str], words: str,
) -> None:  # fmt: skip
    """Raise where `got` is further from the twin than rounding explains: scratchnet_crosscheck.tolerance."""
    for name, array in zip(names, got, strict=True):
        right = array is None or not _is_float(array) or array.dtype == case.dtype
        assert right, f"{name} is not {case.dtype}: {words}"
    yardstick = Yardstick(evaluate, case, cotangents, twin.entry)
    found = yardstick.compare(got)
    if found is not None:
        mine, true = got[found.part], yardstick.truth[found.part]
        raise AssertionError(
            f"{names[found.part]} {found.why} at {found.index} (by {found.error}, allowed {found.allowed}):\n"
            f"{mine}\nshould be\n{true}\n{words}, cotangents: {', '.join(map(_shown, cotangents))}"
        )


def _random_state(ours: Any, seed: int) -> dict[str, Any]:
    """Return the layer's state with random parameters: multiples of 1/8 within 2 of 0, exact in any dtype."""
    rng = np.random.default_rng(seed)
    state: dict[str, Any] = ours.state_dict()
    for name in ours.params:
        state[name][...] = rng.integers(-16, 17, size=state[name].shape) / 8
    return state


def _theirs(twin: Twin) -> Any:
    import torch

    return getattr(torch.nn, twin.name)


def _numpy_state(layer: Any) -> dict[str, Any]:
    return {key: value.numpy().copy() for key, value in layer.state_dict().items()}


def _tensor(value: Any) -> Any:
    import torch

    return torch.from_numpy(np.array(value, order="C", copy=True)) if isinstance(value, np.ndarray) else value


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _shown(value: Any) -> str:
    return array_call(value) if isinstance(value, np.ndarray) else repr(value)
