"""Operations of one's own, and things of other conventions, without pytest."""

import numpy as np
import pytest
from hypothesis import strategies as st

from scratchnet_crosscheck import check
from scratchnet_crosscheck.own import framework_of, known
from scratchnet_crosscheck.properties import properties

VECTORS = st.lists(st.integers(-8, 8), min_size=1, max_size=4).map(lambda v: (np.array(v) / 4,))
NUMERICAL = "backward_equals_numerical_differentiation"


def square(x):
    return x * x, lambda dy, needs_input_grad=(True,): (2 * x * dy if needs_input_grad[0] else None,)


def wrong_square(x):
    return x * x, lambda dy, needs_input_grad=(True,): (x * dy if needs_input_grad[0] else None,)


def scaled(x, y, power=1):
    """Two arrays and an option."""
    z = x * y**power

    def pullback(dz, needs_input_grad=(True, True)):
        dx, dy = dz * y**power, dz * x * power * y ** (power - 1)
        return tuple(g if need else None for g, need in zip((dx, dy), needs_input_grad, strict=True))

    return z, pullback


def _failed(results):
    return {r.check for r in results if r.verdict == "failed"}


def test_without_a_reference_numerical_differentiation_sees_a_wrong_gradient():
    assert _failed(check(square, inputs=VECTORS, profile="quick", seed=0)) == set()
    assert _failed(check(wrong_square, inputs=VECTORS, profile="quick", seed=0)) == {NUMERICAL}


def test_a_numpy_reference_sees_a_wrong_value():
    results = check(square, inputs=VECTORS, reference=lambda x: np.abs(x) ** 3, profile="quick", seed=0)
    assert _failed(results) == {"forward_equals_the_reference"}


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_frameworks_function_judges_both_passes(framework):
    pytest.importorskip(framework)
    pairs = st.tuples(VECTORS, st.integers(1, 2)).map(
        lambda v: {"x": v[0][0], "y": v[0][0] + 3, "power": v[1]}
    )

    def reference(a, b, power=1):
        return a * b**power

    # JAX compiles every operation anew for every shape: two checks are enough of them.
    kept = {"forward_equals_the_reference", "backward_equals_the_reference"}
    asked = {"framework": framework, "profile": "quick", "seed": 0, "skip": set(properties()) - kept}
    results = check(scaled, inputs=pairs, reference=reference, **asked)
    assert _failed(results) == set()
    judged = {(r.check, r.verdict) for r in results if r.oracle == framework}
    assert ("backward_equals_the_reference", "passed") in judged
    one_shape = st.tuples(st.integers(-8, 8)).map(lambda v: (np.array(v) / 4,))
    wrong = check(wrong_square, inputs=one_shape, reference=lambda x: x * x, **asked)
    assert _failed(wrong) == {"backward_equals_the_reference"}


def test_whose_function_a_reference_is_can_be_seen():
    assert framework_of(np.square) == "numpy"
    assert framework_of(lambda x: np.exp(x) + 1) == "numpy"
    assert framework_of(lambda x: x * x) is None
    torch = pytest.importorskip("torch")
    assert framework_of(torch.square) == "torch"
    assert framework_of(torch.nn.functional.relu) == "torch"
    assert framework_of(lambda x: torch.exp(x) + 1) == "torch"


def test_what_cannot_be_seen_is_asked_for():
    with pytest.raises(ValueError, match="say framework="):
        check(square, inputs=VECTORS, reference=lambda x: x * x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"like": "relu", "inputs": VECTORS}, "exclude each other"),
        ({"reference": np.square}, "needs inputs="),
        ({"like": "relu", "profile": "fast"}, "profile must be one of quick, default, thorough; got 'fast'"),
        ({"like": "rely"}, "no operation is called 'rely'"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check(square, **arguments)


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout) / len(self.x)
        self.db = np.sum(dout, axis=0) / len(self.x)
        return np.dot(dout, self.W.T)


def test_a_convention_of_a_class_is_said_once_and_fails_nothing():
    thing = known(Affine, "linear")
    assert [(verdict, words) for _, verdict, words in thing.remarks if "divided by N" in words]
    assert _failed(check(Affine, like="linear", oracles=["golden"], profile="quick", seed=0)) == set()


def test_options_that_a_function_does_not_take_are_not_asked_of_it():
    def max_pool2d(x, kernel_size, stride=None):
        from scratchnet.functional import max_pool2d as model

        return model(x, kernel_size, stride)

    quick = [name for name in properties() if name not in ("forward_equals_the_reference", NUMERICAL)]
    results = check(max_pool2d, oracles=["golden"], profile="quick", seed=0, skip=quick)
    assert _failed(results) == set()
    assert any(r.verdict == "passed" and r.oracle == "golden" for r in results)


def test_an_argument_that_a_function_does_not_have_is_not_given_to_it():
    def linear(x, weight):
        from scratchnet.functional import linear as model

        y, pullback = model(x, weight)
        return y, lambda dy, needs_input_grad=(True, True): pullback(dy, (*needs_input_grad, False))[:2]

    results = check(linear, oracles=["golden"], profile="quick", seed=0)
    assert _failed(results) == set()
    assert {r.verdict for r in results if r.oracle == "golden"} == {"passed"}
