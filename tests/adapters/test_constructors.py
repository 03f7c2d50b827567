"""What a constructor's arguments are is told by their names and by what it makes of them."""

import sys

import pytest

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject
from scratchnet_crosscheck.discover import defined, load

SIZES_BY_USE = """
import numpy as np

class Linear:
    def __init__(self, a, b, scale=0.1):
        self.w = scale * np.random.normal(0, 1, (a, b))
        self.bias = np.zeros((1, b))
    def forward(self, inp):
        self.inp = inp
        return inp.dot(self.w) + self.bias
    def backward(self, grad):
        self.grad_w = self.inp.T.dot(grad)
        self.grad_bias = grad.sum(0, keepdims=True)
        return grad.dot(self.w.T)

class Embedding:
    def __init__(self, vocab, dim):
        self.weight = np.random.randn(vocab, dim)
    def forward(self, idx):
        self.idx = idx
        return self.weight[idx]
    def backward(self, dout):
        self.dweight = np.zeros_like(self.weight)
        np.add.at(self.dweight, self.idx, dout)
"""

CONFIGURED = """
class BatchNormalization:
    def __init__(self, config):
        self.g = config.gamma
    def forward(self, x):
        return x * self.g
    def backward(self, d):
        return d * self.g
"""


@pytest.fixture
def candidates(tmp_path, monkeypatch):
    """Return the candidates of a file of this source."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path[:])
    monkeypatch.setattr("sys.argv", ["layers.py"])

    def found(source):
        (tmp_path / "layers.py").write_text(source, encoding="utf-8")
        module, _ = load(tmp_path / "layers.py")
        return {c.name: c for c in recognise(defined(module), {})}

    return found


@pytest.mark.parametrize("name", ["Linear", "Embedding"])
def test_sizes_are_told_by_the_arrays_that_are_made_with_them(candidates, name):
    subject = fit(candidates(SIZES_BY_USE)[name], lambda: None)
    verdicts = {
        record["check"]: record["verdict"]
        for record in check_subject("layers.py", subject, oracles=["golden"], profile="quick", seed=1)
    }
    assert "failed" not in verdicts.values()
    assert verdicts["backward_equals_numerical_differentiation"] == "passed"


def test_an_argument_that_says_nothing_and_does_not_fit_is_said_and_not_called_a_mistake(candidates):
    with pytest.raises(Cannot, match="'config' is not known"):
        fit(candidates(CONFIGURED)["BatchNormalization"], lambda: None)


WITH_ITS_SOFTMAX = """
import numpy as np

class Activation_Softmax_Loss_CategoricalCrossentropy:
    def forward(self, inputs, y_true):
        e = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = e / np.sum(e, axis=1, keepdims=True)
        return np.mean(-np.log(np.clip(self.output, 1e-7, 1 - 1e-7)[range(len(y_true)), y_true]))
    def backward(self, dvalues, y_true):
        n = len(dvalues)
        self.dinputs = dvalues.copy()
        self.dinputs[range(n), y_true] -= 1
        self.dinputs = self.dinputs / n
"""


def test_a_loss_with_its_softmax_is_handed_its_own_output(candidates):
    (candidate,) = candidates(WITH_ITS_SOFTMAX).values()
    records = check_subject(
        "layers.py", fit(candidate, lambda: None), oracles=["golden"], profile="quick", seed=1
    )
    verdicts = {record["check"]: record["verdict"] for record in records}
    assert "failed" not in verdicts.values()
    assert verdicts["backward_equals_the_reference"] == "passed"
