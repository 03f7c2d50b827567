"""Each property is believed once a wrong operation has been seen to fail it, and the right one to pass.

The wrong operations are right but for one slip. The oracle is the golden model, so these run everywhere.
"""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet_crosscheck.catalogue import operation_of
from scratchnet_crosscheck.oracles.golden import Golden
from scratchnet_crosscheck.properties import properties
from scratchnet_crosscheck.run import REFUSALS, check_property, plans


def _with_pullback(function, change):
    """Return the function with `change(grads, dy, args)` made to what its pullback returns."""

    def wrong(*args, **options):
        y, right = function(*args, **options)

        def pullback(*call):
            return change(right(*call), call[0], args, options)

        return y, pullback

    return wrong


def _on_dx(change):
    """Return a change of the first cotangent, if it was asked for."""
    return lambda grads, dy, args, _: (None if grads[0] is None else change(grads[0], dy, args), *grads[1:])


def halves_the_forward(x):
    y, pullback = F.relu(x)
    return y / 2, pullback


def forgets_a_factor(x):
    return _with_pullback(F.tanh, _on_dx(lambda dx, *_: dx * 1.001))(x)


def averages_the_bias(x, weight, bias=None):
    def averaged(grads, dy, args, options):
        dbias = grads[2]
        return (*grads[:2], dbias if dbias is None or x.ndim < 2 else dbias / max(len(x), 1))

    return _with_pullback(F.linear, averaged)(x, weight, bias=bias)


def counts_an_empty_batch_as_one(x, target, **options):
    y, pullback = F.mse_loss(x, target, **options)
    return (y if x.size else np.zeros_like(y)), pullback


def overflows(x):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(-x)
        y = 1 / (1 + e)

    def pullback(dy, needs_input_grad=(True,)):
        with np.errstate(all="ignore"):
            return (np.asarray(dy * e * y * y) if needs_input_grad[0] else None,)

    return y, pullback


def writes_to_its_input(x):
    y, pullback = F.relu(x)
    if x.flags.writeable:
        x[...] = y
    return y, pullback


def writes_to_the_cotangent(x):
    y, right = F.relu(x)

    def pullback(dy, needs_input_grad=(True,)):
        grads = right(dy, needs_input_grad)
        if dy.flags.writeable:
            dy[x <= 0] = 0
        return grads

    return y, pullback


def returns_a_view(x, start_dim=0, end_dim=-1):
    _, pullback = F.flatten(x, start_dim, end_dim)
    return x.reshape(F.flatten(x, start_dim, end_dim)[0].shape), pullback


def uses_a_buffer_again(x):
    y, right = F.sigmoid(x)
    buffer = np.empty_like(y)

    def pullback(dy, needs_input_grad=(True,)):
        (dx,) = right(dy, (True,))
        kept = buffer[...] if buffer.flags.writeable else buffer
        kept *= 0
        kept += dx + 0 * (dy if dy.dtype == kept.dtype else 0)
        return (kept if needs_input_grad[0] else None,)

    return y, pullback


def remembers_what_was_written(x):
    y, right = F.sigmoid(x)
    kept = []

    def pullback(dy, needs_input_grad=(True,)):
        if not kept:
            kept.append(right(dy)[0])
        return (kept[0] if needs_input_grad[0] else None,)

    return y, pullback


class _Stale:
    """Keeps the input of its last call where its pullbacks find it."""

    x = None

    def __call__(self, x):
        y, _ = F.relu(x)
        self.x = x

        def pullback(dy, needs_input_grad=(True,)):
            last = self.x if self.x.shape == dy.shape else np.zeros_like(dy)
            return F.relu(last)[1](dy, needs_input_grad)

        return y, pullback


class _AddsUp:
    """Adds to the gradient of the call before."""

    total = None

    def __call__(self, x):
        y, right = F.tanh(x)

        def pullback(dy, needs_input_grad=(True,)):
            (dx,) = right(dy, (True,))
            fits = self.total is not None and self.total.shape == dx.shape and self.total.dtype == dx.dtype
            self.total = dx + self.total if fits else dx
            return (self.total.copy() if needs_input_grad[0] else None,)

        return y, pullback


class _Drifts:
    """Takes the scale of what it saw last."""

    scale = 1.0

    def __call__(self, x):
        y, pullback = F.tanh(x)
        y = np.asarray(y * x.dtype.type(self.scale))
        self.scale = 1.0 + 0.125 * x.ndim
        return y, pullback


def single_to_double(x):
    return _with_pullback(F.sigmoid, _on_dx(lambda dx, *_: dx.astype(np.float64)))(x)


def ignores_the_strides_of_x(x, dim):
    memory = (
        np.lib.stride_tricks.as_strided(x, x.shape, np.empty(x.shape, x.dtype).strides) if _owns(x) else x
    )
    return F.softmax(np.array(memory), dim)


def _owns(x):
    return (x.size and x.base is None) or (
        x.base is not None and x.base.size == x.size and min(x.strides) > 0
    )


def ignores_the_strides_of_dy(x):
    def by_memory(dx, dy, args):
        if dy.base is not None and dy.base.size >= dy.size and dy.ndim and dy.size:
            return F.tanh(x)[1](np.resize(dy.base, dy.shape).astype(dy.dtype))[0]
        return dx

    return _with_pullback(F.tanh, _on_dx(by_memory))(x)


def normalises_over_the_batch(x, dim):
    return F.softmax(x, 0)


def ignores_the_cotangent(x):
    return _with_pullback(F.tanh, _on_dx(lambda _, dy, *__: F.tanh(x)[1](np.ones_like(dy))[0]))(x)


def skips_too_much(x, weight, bias=None):
    y, right = F.linear(x, weight, bias)

    def pullback(dy, needs_input_grad=(True, True, True)):
        dx, dweight, dbias = right(dy, needs_input_grad)
        return dx, dweight if dweight is None or needs_input_grad[0] else dweight * 2, dbias

    return y, pullback


def gives_the_bias_a_row(x, weight, bias=None):
    def row(grads, dy, args, options):
        return (*grads[:2], None if grads[2] is None else grads[2][None])

    return _with_pullback(F.linear, row)(x, weight, bias=bias)


def keeps_what_it_should_drop(x, p=0.5, training=True, generator=None):
    return F.dropout(x, 1 - p, training, generator=generator)


def always_draws_the_same(x, p=0.5, training=True, generator=None):
    return F.dropout(x, p, training, generator=np.random.default_rng(0))


def always_draws_the_same_slopes(x, lower=1 / 8, upper=1 / 3, training=False, generator=None):
    return F.rrelu(x, lower, upper, training, np.random.default_rng(0))


def says_nothing(x):
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise TypeError("bad input")
    return F.relu(x)


WRONG = [
    ("forward_equals_the_reference", "relu", lambda: halves_the_forward),
    ("backward_equals_the_reference", "tanh", lambda: forgets_a_factor),
    ("backward_equals_numerical_differentiation", "linear", lambda: averages_the_bias),
    ("empty_and_smallest_shapes_equal_the_reference", "mse_loss", lambda: counts_an_empty_batch_as_one),
    ("extreme_values_equal_the_reference", "sigmoid", lambda: overflows),
    ("inputs_are_not_written_to", "relu", lambda: writes_to_its_input),
    ("cotangents_are_not_written_to", "relu", lambda: writes_to_the_cotangent),
    ("results_share_no_memory", "flatten", lambda: returns_a_view),
    ("results_share_no_memory", "sigmoid", lambda: uses_a_buffer_again),
    ("cotangents_returned_are_the_callers", "sigmoid", lambda: remembers_what_was_written),
    ("interleaved_calls_agree", "relu", _Stale),
    ("repeated_calls_agree", "tanh", _AddsUp),
    ("a_call_between_changes_nothing", "tanh", _Drifts),
    ("dtype_is_preserved", "sigmoid", lambda: single_to_double),
    ("memory_layout_of_inputs_makes_no_difference", "softmax", lambda: ignores_the_strides_of_x),
    ("memory_layout_of_cotangents_makes_no_difference", "tanh", lambda: ignores_the_strides_of_dy),
    ("concatenated_batches_give_concatenated_results", "softmax", lambda: normalises_over_the_batch),
    ("pullback_is_linear_in_the_cotangent", "tanh", lambda: ignores_the_cotangent),
    ("each_cotangent_alone_is_the_same", "linear", lambda: skips_too_much),
    ("cotangents_have_the_shapes_of_their_arguments", "linear", lambda: gives_the_bias_a_row),
    ("elements_are_dropped_as_often_as_asked", "dropout", lambda: keeps_what_it_should_drop),
    ("another_seed_draws_other_numbers", "dropout", lambda: always_draws_the_same),
    ("another_seed_draws_other_numbers", "rrelu", lambda: always_draws_the_same_slopes),
    (REFUSALS, "relu", lambda: says_nothing),
]


def _results(name, operation, subject):
    entry = operation_of(operation)
    return [
        check_property(entry, plan, subject, seed=7)
        for plan in plans(entry, ("golden",))
        if plan.name == name
    ]


@pytest.mark.parametrize(("name", "operation", "wrong"), WRONG, ids=[f"{n} ({o})" for n, o, _ in WRONG])
def test_a_wrong_operation_fails_the_property_that_is_about_its_slip(name, operation, wrong):
    results = _results(name, operation, Golden(wrong(), "wrong"))
    failed = [result for result in results if result.verdict == "failed"]
    assert failed, [str(result) for result in results]
    assert "raised" not in failed[0].message, failed[0].message  # found wrong, not merely broken
    assert failed[0].failure is not None
    assert failed[0].failure.case.operation == operation


@pytest.mark.parametrize(
    ("name", "operation"), sorted({(n, o) for n, o, _ in WRONG}), ids=lambda value: value
)
def test_the_right_operation_passes_the_same_property(name, operation):
    for result in _results(name, operation, Golden(getattr(F, operation), "right")):
        assert result.verdict in ("passed", "not_applicable"), str(result)


def test_every_property_has_been_seen_to_fail():
    assert {name for name, _, _ in WRONG} == {*properties(), REFUSALS}


def test_a_shrunk_case_is_small():
    results = _results("forward_equals_the_reference", "relu", Golden(halves_the_forward, "wrong"))
    (result,) = [result for result in results if result.dtype == "float64"]
    assert result.failure is not None
    assert result.failure.case.size == 1


def test_a_failure_is_replayed_by_its_seed():
    entry = operation_of("tanh")
    (plan,) = [p for p in plans(entry, ()) if p.name == "pullback_is_linear_in_the_cotangent"]
    first, second = (
        check_property(entry, plan, Golden(ignores_the_cotangent, "wrong"), seed=11) for _ in range(2)
    )
    assert str(first) == str(second)
