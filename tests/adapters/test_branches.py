"""What chooses between bodies by what it is handed is asked for each: labels, activations."""

import pytest
from agreement import failed

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.checking import check_subject

pytest.importorskip("torch", reason="these are held against PyTorch")

# What the book's loss does, which takes labels of both kinds.
LOSS = """
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
class SoftmaxWithLoss:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        picked = t.argmax(axis=1) if t.size == x.size else t
        return -np.log(self.y[np.arange(len(x)), picked] + 1e-7).mean()
    def backward(self, dout=1):
        {body}
"""
BOTH = """if self.t.size == self.y.size:
            return (self.y - self.t) / {hot}
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx / {indices}"""
ONE_HOT = "return (self.y - self.t) / len(self.t)"
INDICES = "dx = self.y.copy(); dx[np.arange(len(dx)), self.t] -= 1; return dx / len(dx)"


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (BOTH.format(hot="len(self.t)", indices="len(dx)"), set()),
        (ONE_HOT, {"class_indices"}), (INDICES, {"one_hot_labels"}),
    ],
)  # fmt: skip
def test_a_loss_is_right_for_both_kinds_of_labels_or_for_the_one_that_is_said(loaded, body, left):
    assert set(fit(loaded(LOSS.format(body=body))[0]["SoftmaxWithLoss"]).left) == left
    assert failed(loaded(LOSS.format(body=body))[0]["SoftmaxWithLoss"]) <= {
        "extreme_values_equal_the_reference"  # the probability that is added to
    }


@pytest.mark.parametrize(
    ("hot", "indices", "key"),
    [("1", "len(dx)", "wrong_for_one_hot_labels"), ("len(self.t)", "1", "wrong_for_class_indices")],
)
def test_a_loss_that_is_wrong_for_one_kind_of_labels_is_seen_and_said(loaded, hot, indices, key):
    candidate = loaded(LOSS.format(body=BOTH.format(hot=hot, indices=indices)))[0]["SoftmaxWithLoss"]
    records = [
        r for r in check_subject("a.py", fit(candidate), oracles=("torch",), profile="quick", seed=3)
        if r["check"] == "backward_equals_the_reference"
    ]  # fmt: skip
    assert {r["verdict"] for r in records} == {"failed"}
    assert {d["key"] for r in records for d in r["diagnosis"]} == {key}


STEPS = """
class TimeSoftmaxWithLoss:
    def forward(self, xs, ts):
        n, t, v = xs.shape
        hot = ts.ndim == 3
        ts = ts.argmax(axis=2) if hot else ts
        xs, ts = xs.reshape(n * t, v), ts.reshape(n * t)
        e = np.exp(xs - xs.max(axis=1, keepdims=True))
        ys = e / e.sum(axis=1, keepdims=True)
        self.cache = ts, ys, (n, t, v), {hot} if hot else 1
        return -np.log(ys[np.arange(n * t), ts]).sum() / (n * t)
    def backward(self, dout=1):
        ts, ys, shape, factor = self.cache
        dx = ys.copy()
        dx[np.arange(len(ts)), ts] -= 1
        return (factor * dout * dx / len(ts)).reshape(shape)
"""


@pytest.mark.parametrize(("hot", "wrong"), [("1", set()), ("2", {"backward_equals_the_reference"})])
def test_labels_over_time_may_be_one_hot_too(loaded, hot, wrong):
    found = failed(loaded(STEPS.format(hot=hot))[0]["TimeSoftmaxWithLoss"])
    assert found & {"backward_equals_the_reference", "forward_equals_the_reference"} == wrong


CHOSEN = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def linear_activation_forward(A_prev, W, b, activation):
    Z = W @ A_prev + b
    if activation == "sigmoid":
        A = sigmoid(Z)
    elif activation == "tanh":
        A = np.tanh(Z)
    elif activation == "relu":
        A = np.maximum(0, Z)
    return A, (A_prev, W, b, Z)
def linear_activation_backward(dA, cache, activation):
    A_prev, W, b, Z = cache
    if activation == "sigmoid":
        dZ = dA * sigmoid(Z) * (1 - sigmoid(Z))
    elif activation == "tanh":
        dZ = dA * (1 - np.tanh(Z) {power})
    elif activation == "relu":
        dZ = dA * (Z > 0)
    return W.T @ dZ, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)
"""


def test_a_layer_that_is_told_its_activation_is_asked_for_each_that_it_knows(loaded):
    candidate = loaded(CHOSEN.format(power="** 2"))[0]["linear_activation_forward"]
    assert "checked with relu and sigmoid and tanh for its activation" in fit(candidate).driver.notes
    assert failed(candidate) == set()
    wrong = loaded(CHOSEN.format(power=""))[0]["linear_activation_forward"]
    assert "backward_equals_the_reference" in failed(wrong)


BENT = """
class RNNCell:
    def __init__(self, input_size, hidden_size, nonlinearity="tanh"):
        self.weight_ih = np.random.randn(hidden_size, input_size)
        self.weight_hh = np.random.randn(hidden_size, hidden_size)
        self.bias_ih, self.bias_hh = np.zeros(hidden_size), np.zeros(hidden_size)
        self.nonlinearity = nonlinearity
    def forward(self, x, h):
        a = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        self.kept = x, h, np.maximum(a, 0) if self.nonlinearity == "relu" else np.tanh(a)
        return self.kept[2].copy()
    def backward(self, d):
        x, h, y = self.kept
        da = d * {slope} if self.nonlinearity == "relu" else d * (1 - y ** 2)
        self.dweight_ih, self.dweight_hh = da.T @ x, da.T @ h
        self.dbias_ih, self.dbias_hh = da.sum(0), da.sum(0)
        return da @ self.weight_ih, da @ self.weight_hh
"""


@pytest.mark.parametrize(("slope", "wrong"), [("(y > 0)", False), ("1.0", True)])
def test_a_recurrent_layer_that_names_relu_is_asked_for_it(loaded, slope, wrong):
    found = failed(loaded(BENT.format(slope=slope))[0]["RNNCell"])
    assert ("backward_equals_the_reference" in found) == wrong
    if not wrong:
        assert found == set()
