"""Classes of a cost ``fn(a, y)`` and of ``delta(z, a, y)``, its gradient by the weighted input."""

import pytest
from agreement import failed

from scratchnet_crosscheck import discover
from scratchnet_crosscheck.adapters.fitting import fit

COSTS = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))
class QuadraticCost:
    @staticmethod
    def fn(a, y):
        return 0.5 * np.sum((a - y) ** 2)
    @staticmethod
    def delta(z, a, y):
        return (a - y) * sigmoid_prime({at})
class CrossEntropyCost:
    def fn(self, a, y):
        return np.sum(np.nan_to_num(-y * np.log(a) - (1 - y) * np.log(1 - a)))
    def delta(self, z, a, y):
        return a - {times}y
class LogLikelihoodCost:
    @staticmethod
    def fn(a, y):
        return -np.sum(y * np.log(a))
    @staticmethod
    def delta(z, a, y):
        return a - {times}y
"""
NAMES = {
    "QuadraticCost": "sigmoid mse_loss",
    "CrossEntropyCost": "sigmoid binary_cross_entropy",
    "LogLikelihoodCost": "softmax categorical_cross_entropy",
}


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_a_cost_is_held_against_that_of_its_activation(loaded, name, kind):
    pytest.importorskip("torch")
    candidate = loaded(COSTS.format(at="z", times=""))[0][name]
    assert fit(candidate).kind.name == kind
    assert failed(candidate) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_delta_with_a_slip_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(COSTS.format(at="a", times="0.5 * "))[0][name])


def test_a_cost_of_a_name_that_is_not_known_is_listed(loaded):
    candidates, _ = loaded(COSTS.format(at="z", times="").replace("QuadraticCost", "OddCost"))
    import layers_of_a_test

    taken = {name for c in candidates.values() for name in (c.name, *c.others)}
    found = discover.unknown(discover.defined(layers_of_a_test), taken)
    assert [(name, "fn and delta" in reason) for name, reason, _ in found] == [("OddCost", True)]
