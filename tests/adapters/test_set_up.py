"""Objects that want something done before their first call, and numbers that are written into a formula."""

import sys

import pytest
from agreement import agrees

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject
from scratchnet_crosscheck.discover import defined, load

pytest.importorskip("torch", reason="classes are held against PyTorch here")


@pytest.fixture
def candidates(tmp_path, monkeypatch):
    """Return the candidates of a file of this source."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path[:])
    monkeypatch.setattr("sys.argv", ["layers.py"])
    made = []

    def found(source):
        made.append(source)
        file = tmp_path / f"layers_{len(made)}.py"
        file.write_text(source, encoding="utf-8")
        return {c.name: c for c in recognise(defined(load(file)[0]), {})}

    return found


PASS = """
import numpy as np
class Dense:
    SET_UP
    def forward(self, x):
        MADE
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        before = self.W
        dW, db = self.x.T @ dout, dout.BIAS(axis=0, keepdims=True)
        KEPT
        return dout @ WEIGHT.T
"""
MAKES = "self.W, self.b = np.random.randn(n, self.units), np.zeros((1, self.units))"
SET_UPS = {
    "initialize(optimizer)": (
        "def __init__(self, units, input_shape=None):\n"
        "        self.units, self.input_shape = units, input_shape\n"
        "    def initialize(self, optimizer):\n        self.opt, n = optimizer, self.input_shape[0]\n        "
        + MAKES,
        "pass",
        "self.W, self.b = self.opt.update(self.W, dW), self.opt.update(self.b, db)",
    ),
    "set_input_shape(shape)": (
        "def __init__(self, units):\n        self.units = units\n"
        "    def set_input_shape(self, shape):\n        (n,) = shape\n        " + MAKES,
        "pass",
        "self.dW, self.db = dW, db",
    ),
    "made when the first batch comes": (
        "def __init__(self, units):\n        self.units, self.W = units, None",
        f"n = x.shape[1]\n        if self.W is None:\n            {MAKES}",
        "self.dW, self.db = dW, db",
    ),
    "optimizer in the constructor": (
        (
            "def __init__(self, n_in, units, optimizer):\n"
            f"        n, self.units, self.opt = n_in, units, optimizer\n        {MAKES}"
        ),
        "pass",
        "self.W, self.b = self.opt.update(self.W, dW), self.opt.update(self.b, db)",
    ),
    "optimizer handed to backward": None,
    "a shape": (
        (
            "def __init__(self, shape):\n"
            "        self.W, self.b = np.random.randn(*shape), np.zeros((1, shape[1]))"
        ),
        "pass",
        "self.dW, self.db = dW, db",
    ),
    "regularisation strengths": (
        (
            "def __init__(self, n_in, n_out, l1, l2):\n"
            f"        n, self.units, self.l1, self.l2 = n_in, n_out, l1, l2\n        {MAKES}"
        ),
        "pass",
        "self.dW, self.db = dW + self.l1 * np.sign(self.W) + 2 * self.l2 * self.W, db",
    ),
}


def dense(candidates, name, bias="sum", weight="before"):
    if SET_UPS[name] is None:
        made, kept = SET_UPS["optimizer in the constructor"][0].replace(", optimizer)", ")"), ""
        made = made.replace("n, self.units, self.opt = n_in, units, optimizer", "n, self.units = n_in, units")
        lazy, kept = "pass", "self.W, self.b = optimizer.update(self.W, dW), optimizer.update(self.b, db)"
        source = PASS.replace("(self, dout)", "(self, dout, optimizer)")
    else:
        (made, lazy, kept), source = SET_UPS[name], PASS
    for word, text in (("SET_UP", made), ("MADE", lazy), ("KEPT", kept), ("BIAS", bias), ("WEIGHT", weight)):
        source = source.replace(word, text)
    return candidates(source)["Dense"]


def verdicts(candidate):
    found = check_subject("a_file.py", fit(candidate), oracles=("torch",), profile="quick", seed=7)
    return {r["check"]: r["verdict"] for r in found}


@pytest.mark.parametrize("name", SET_UPS)
def test_a_layer_that_wants_a_set_up_is_checked_and_its_slip_is_found(candidates, name):
    right = verdicts(dense(candidates, name))
    assert "failed" not in right.values()
    assert right["backward_equals_the_reference"] == "passed"
    assert verdicts(dense(candidates, name, bias="mean"))["backward_equals_the_reference"] == "failed"


def test_a_step_of_an_optimizer_before_dx_is_seen(candidates):
    slip = dense(candidates, "optimizer in the constructor", weight="self.W")
    assert verdicts(slip)["backward_equals_the_reference"] == "failed"


WRITTEN_IN = """
import numpy as np
class LeakyReLU:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.15 * x)
    def backward(self, dy):
        return np.where(self.x > 0, dy, 0.15 * dy)
class BatchNorm2d:
    def __init__(self, num_features):
        self.gamma, self.beta = np.ones((1, num_features, 1, 1)), np.zeros((1, num_features, 1, 1))
        self.running_mean = np.zeros((1, num_features, 1, 1))
        self.running_var = np.ones((1, num_features, 1, 1))
        self.training = True
    def forward(self, x):
        ax = (0, 2, 3)
        m, v, n = self.running_mean, self.running_var, x.size // x.shape[1]
        if self.training:
            m, v = x.mean(ax, keepdims=True), x.var(ax, keepdims=True)
            self.running_mean = 0.9 * self.running_mean + 0.1 * m
            self.running_var = 0.9 * self.running_var + 0.1 * v * n / (n - 1)
        self.inv = 1 / np.sqrt(v + 3e-8)
        self.xhat = (x - m) * self.inv
        return self.gamma * self.xhat + self.beta
    def backward(self, dy):
        ax = (0, 2, 3)
        self.dgamma, self.dbeta = (dy * self.xhat).sum(ax, keepdims=True), dy.sum(ax, keepdims=True)
        if not self.training:
            return dy * self.gamma * self.inv
        n = dy.size // dy.shape[1]
        return self.gamma * self.inv * (dy - self.dbeta / n - self.xhat * self.dgamma / n)
class LayerNorm:
    def forward(self, x):
        self.std = np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        self.xhat = (x - x.mean(-1, keepdims=True)) / self.std
        return self.xhat
    def backward(self, dy):
        second = self.xhat * (dy * self.xhat).mean(-1, keepdims=True)
        return (dy - dy.mean(-1, keepdims=True) - second) / self.std
class PReLU:
    def __init__(self, init=0.25):
        self.a = init
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)
    def backward(self, dy):
        self.da = np.sum(dy * np.minimum(self.x, 0))
        return np.where(self.x > 0, dy, self.a * dy)
class InstanceNorm2d:
    def __init__(self, num_features, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(num_features), np.zeros(num_features), eps
    def forward(self, x):
        self.std = np.sqrt(x.var((2, 3), keepdims=True) + self.eps)
        self.xhat = (x - x.mean((2, 3), keepdims=True)) / self.std
        return self.gamma[:, None, None] * self.xhat + self.beta[:, None, None]
    def backward(self, dy):
        self.dgamma, self.dbeta = (dy * self.xhat).sum((0, 2, 3)), dy.sum((0, 2, 3))
        d = dy * self.gamma[:, None, None]
        second = self.xhat * (d * self.xhat).mean((2, 3), keepdims=True)
        return (d - d.mean((2, 3), keepdims=True) - second) / self.std
class Embedding:
    def __init__(self, num_embeddings, embedding_dim):
        self.E = np.random.randn(num_embeddings, embedding_dim)
    def forward(self, idx):
        self.idx = idx
        return self.E[idx]
    def backward(self, d):
        self.dE = np.zeros_like(self.E)
        np.add.at(self.dE, self.idx, d)
class Huber:
    def __init__(self, delta=1.5):
        self.delta = delta
    def forward(self, pred, target):
        self.d = pred - target
        a = np.abs(self.d)
        return np.mean(np.where(a <= self.delta, 0.5 * a**2, self.delta * (a - 0.5 * self.delta)))
    def backward(self):
        return np.clip(self.d, -self.delta, self.delta) / self.d.size
class MSE:
    def loss(self, real, predicted):
        return np.mean((real - predicted) ** 2)
    def gradient(self, real, predicted):
        return 2 * (predicted - real) / real.size
class Sigmoid:
    def forward(self, z):
        return 0.5 * (1 + np.tanh(z / 2))
    def backward(self, z):
        s = self.forward(z)
        return s * (1 - s)
"""
CONVENTIONS = {"LeakyReLU": "other_slope", "BatchNorm2d": "other_epsilon", "LayerNorm": "other_epsilon"}
NAMES = [line.split()[1].rstrip(":") for line in WRITTEN_IN.splitlines() if line.startswith("class")]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_into_a_right_layer_is_no_slip(candidates, name):
    subject = fit(candidates(WRITTEN_IN)[name])
    found = {
        r["check"]: r["verdict"]
        for r in check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7)
    }
    assert "failed" not in found.values()
    assert found["backward_equals_the_reference"] == "passed"
    assert CONVENTIONS.get(name, "") in {"", *subject.conventions}


def test_an_epsilon_is_named_as_it_is(candidates):
    assert "3e-08" in fit(candidates(WRITTEN_IN)["BatchNorm2d"]).conventions["other_epsilon"]


def test_a_backward_pass_that_is_not_written_is_not_checked_and_says_so(candidates):
    source = """
class ReLU:
    def forward(self, x):
        return x * (x > 0)
    def backward(self, d):
        pass
"""
    with pytest.raises(Cannot, match="not written yet"):
        fit(candidates(source)["ReLU"])


def test_a_loss_that_returns_two_numbers_is_not_checked_and_says_so(candidates):
    source = """
import numpy as np
class MSELoss:
    def forward(self, x, y):
        self.d = x - y
        return np.mean(np.abs(self.d) < 0.5), np.mean(self.d ** 2)
    def backward(self):
        return 2 * self.d / self.d.size
"""
    with pytest.raises(Cannot, match="2 numbers"):
        fit(candidates(source)["MSELoss"])


def test_a_file_that_imports_its_neighbours_relatively_needs_no_init_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path[:])
    monkeypatch.setattr("sys.argv", ["layers.py"])
    folder = tmp_path / "hand_written" / "layers_of_it"
    folder.mkdir(parents=True)
    (tmp_path / "hand_written" / "numbers_of_it.py").write_text("HALF = 0.5\n", encoding="utf-8")
    (folder / "base.py").write_text(
        "from ..numbers_of_it import HALF\nclass Layer:\n    half = HALF\n", encoding="utf-8"
    )
    (folder / "relu.py").write_text(
        "from .base import Layer\nclass ReLU(Layer):\n    pass\n", encoding="utf-8"
    )
    module, notes = load(folder / "relu.py")
    assert notes == []
    assert module.ReLU.half == 0.5


INSIDE = """
import numpy as np

class Conv1d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.kernel_size = kernel_size
        self.W = np.random.randn(out_channels, in_channels, kernel_size)
        self.b = np.zeros(out_channels)
    def forward(self, A):
        self.A = A
        n = A.shape[2] - self.kernel_size + 1
        windows = [A[:, :, i : i + self.kernel_size] for i in range(n)]
        return np.stack([np.einsum("nck,ock->no", w, self.W) for w in windows], 2) + self.b[:, None]
    def backward(self, dLdZ):
        self.dLdb = dLdZ.sum((0, 2))
        self.dLdW, dLdA = np.zeros_like(self.W), np.zeros_like(self.A)
        for i in range(dLdZ.shape[2]):
            window = slice(i, i + self.kernel_size)
            self.dLdW += np.einsum("nck,no->ock", self.A[:, :, window], dLdZ[:, :, i])
            dLdA[:, :, window] += np.einsum("no,ock->nck", dLdZ[:, :, i], self.W)
        return dLdA

class Conv1d:
    def __init__(self, in_channels, out_channels, kernel_size, stride, padding=0):
        self.conv = Conv1d_stride1(in_channels, out_channels, kernel_size)
        self.stride, self.pad = stride, padding
    def forward(self, A):
        self.n = A.shape[2]
        return self.conv.forward(np.pad(A, ((0, 0), (0, 0), (self.pad, self.pad))))[:, :, :: self.stride]
    def backward(self, dLdZ):
        spread = np.zeros((*dLdZ.shape[:2], self.n + 2 * self.pad - self.conv.kernel_size + 1), dLdZ.dtype)
        spread[:, :, :: self.stride] = {upstream}
        return self.conv.backward(spread)[:, :, self.pad : self.pad + self.n]
"""


@pytest.mark.parametrize(("upstream", "right"), [("dLdZ", True), ("dLdZ / self.stride", False)])
def test_parameters_that_a_layer_inside_the_layer_keeps_are_found(candidates, upstream, right):
    subject = fit(candidates(INSIDE.format(upstream=upstream))["Conv1d"])
    assert {"found dLdW, taken as the gradient of W", "found dLdb, taken as the gradient of b"} <= {
        *subject.driver.notes
    }
    assert agrees(subject) is right
