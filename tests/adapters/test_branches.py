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


SAME = """
def pads(n, k, s, pad):
    if pad != "same":
        return pad, pad
    total = max((-(-n // s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2
def conv_forward(x, w, b, conv_param):
    s, pad = conv_param["stride"], conv_param.get("pad", 0)
    kh, kw = w.shape[2:]
    around = pads(x.shape[2], kh, s, pad), pads(x.shape[3], kw, s, pad)
    xp = np.pad(x, ((0, 0), (0, 0), *around))
    view = np.lib.stride_tricks.sliding_window_view(xp, (kh, kw), (2, 3))[:, :, ::s, ::s]
    return np.einsum("ncijab,fcab->nfij", view, w) + b[:, None, None], (x, w, s, around, xp, view)
def conv_backward(dout, cache):
    x, w, s, around, xp, view = cache
    dxp = np.zeros_like(xp)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            part = np.tensordot(dout[:, :, i, j], w, 1)
            dxp[:, :, i * s:i * s + w.shape[2], j * s:j * s + w.shape[3]] += part
    (top, _), (left, _) = {crop}
    dx = dxp[:, :, top:top + x.shape[2], left:left + x.shape[3]]
    return dx, np.einsum("ncijab,nfij->fcab", view, dout), dout.sum((0, 2, 3))
"""


@pytest.mark.parametrize(("crop", "wrong"), [("around", False), ("(around[0][::-1], around[1][::-1])", True)])
def test_a_padding_may_be_a_number_or_the_word_same(loaded, crop, wrong):
    found = failed(loaded(SAME.format(crop=crop))[0]["conv_forward"])
    assert ("backward_equals_the_reference" in found) == wrong
    assert wrong or not found


WEIGHTED = """
def cross_entropy(x, target, weight=None, reduction="mean"):
    log_p = x - x.max(1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(1, keepdims=True))
    hot = target if target.dtype.kind == "f" else np.eye(x.shape[1], dtype=x.dtype)[target]
    q = hot if weight is None else hot * weight
    losses = -(q * log_p).sum(1)
    count = len(x) if target.dtype.kind == "f" else q.sum()
    value = losses if reduction == "none" else losses.sum() / (count if reduction == "mean" else 1)
    def pullback(dy):
        d = np.exp(log_p) * q.sum(1, keepdims=True) - q
        return d * (dy[:, None] if reduction == "none" else dy / (count if reduction == "mean" else 1))
    return value, pullback
"""


def test_one_hot_labels_with_weights_have_another_mean_and_are_not_asked(loaded):
    assert failed(loaded(WEIGHTED)[0]["cross_entropy"]) == set()


FLATTENS = """
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.shape = x.shape
        self.x = x if x.ndim == 2 else x.reshape(len(x), -1)
        return self.x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return (dout @ self.W.T).reshape(self.shape)
"""


def test_an_empty_batch_that_one_branch_alone_does_is_not_asked(loaded):
    candidate = loaded(FLATTENS)[0]["Affine"]
    assert "not asked of it: an empty batch" in fit(candidate).notes
    assert failed(candidate) == set()


KERAS = """
class Layer:
    built = False
    def __call__(self, x, *args, **kw):
        if not self.built:
            self.build(x.shape)
            self.built = True
        return self.call(x, *args, **kw)
class Dense(Layer):
    def __init__(self, units):
        self.units = units
    def build(self, shape):
        self.kernel = np.random.randn(shape[-1], self.units)
        self.bias = np.zeros(self.units)
    def call(self, x):
        self.x = x
        return x @ self.kernel + self.bias
    def backward(self, dy):
        self.grads = {{"kernel": self.x.T @ dy, "bias": dy.{reduced}(0)}}
        return dy @ self.kernel.T
"""


@pytest.mark.parametrize(("reduced", "wrong"), [("sum", False), ("max", True)])
def test_a_layer_that_is_built_by_being_called_is_called(loaded, reduced, wrong):
    found = failed(loaded(KERAS.format(reduced=reduced))[0]["Dense"])
    assert ("backward_equals_the_reference" in found) == wrong


STATES = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
class LSTM:
    def __init__(self, input_dim, units):
        self.kernel = np.random.randn(input_dim, 4 * units)
        self.recurrent_kernel = np.random.randn(units, 4 * units)
        self.bias = np.zeros(4 * units)
    def forward(self, x, initial_state=None):
        zeros = np.zeros((len(x), len(self.recurrent_kernel)), x.dtype)
        h, c = (zeros, zeros) if initial_state is None else initial_state
        self.x, self.c0, self.kept = x, c if {keeps} else zeros, []
        for t in range(x.shape[1]):
            z = x[:, t] @ self.kernel + h @ self.recurrent_kernel + self.bias
            i, f, g, o = np.split(z, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            before, c = (h, c), f * c + i * g
            h = o * np.tanh(c)
            self.kept.append((i, f, g, o, *before, c))
        return np.stack([kept[3] * np.tanh(kept[6]) for kept in self.kept], 1)
    def backward(self, dy):
        dx, dh, dc = np.zeros_like(self.x), 0, 0
        grads = [np.zeros_like(w) for w in (self.kernel, self.recurrent_kernel, self.bias)]
        for t in reversed(range(len(self.kept))):
            i, f, g, o, h, before, c = self.kept[t]
            before = self.c0 if t == 0 else before
            dh, bent = dy[:, t] + dh, np.tanh(c)
            dc = dc + dh * o * (1 - bent ** 2)
            dz = np.concatenate([dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g ** 2),
                                 dh * bent * o * (1 - o)], 1)
            for grad, part in zip(grads, (self.x[:, t].T @ dz, h.T @ dz, dz.sum(0))):
                grad += part
            dx[:, t], dh, dc = dz @ self.kernel.T, dz @ self.recurrent_kernel.T, dc * f
        self.d_kernel, self.d_recurrent_kernel, self.d_bias = grads
        return dx
"""


@pytest.mark.parametrize(("keeps", "wrong"), [("True", False), ("False", True)])
def test_an_initial_state_is_handed_where_it_may_be(loaded, keeps, wrong):
    found = failed(loaded(STATES.format(keeps=keeps))[0]["LSTM"])
    assert ("backward_equals_the_reference" in found) == wrong
    assert wrong or not found
