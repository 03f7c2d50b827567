"""What a constructor's arguments are is told by their names and by what it makes of them."""

import sys

import pytest
from agreement import agrees

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


@pytest.mark.parametrize("first", ["dvalues", "y_pred", "probs"])
def test_a_loss_with_its_softmax_is_handed_its_own_output(candidates, first):
    (candidate,) = candidates(WITH_ITS_SOFTMAX.replace("dvalues", first)).values()
    records = check_subject(
        "layers.py", fit(candidate, lambda: None), oracles=["golden"], profile="quick", seed=1
    )
    verdicts = {record["check"]: record["verdict"] for record in records}
    assert "failed" not in verdicts.values()
    assert verdicts["backward_equals_the_reference"] == "passed"


SHARES = """
import numpy as np

class Dropout:
    def __init__(self, SHARE=0.8):
        self.share = SHARE
    def forward(self, inputs):
        self.mask = (np.random.rand(*inputs.shape) COMPARED self.share) / KEPT
        return (inputs * self.mask).astype(inputs.dtype)
    def backward(self, grad):
        return (grad * self.mask).astype(grad.dtype)
"""


@pytest.mark.parametrize("name", ["keep_rate", "keep_probability", "retain_prob", "p_keep"])
def test_a_share_that_is_kept_is_known_by_its_name(candidates, name):
    source = SHARES.replace("SHARE", name).replace("COMPARED", "<").replace("KEPT", "self.share")
    subject = fit(candidates(source)["Dropout"], lambda: None)
    assert "p_is_keep_probability" in subject.conventions
    records = list(check_subject("layers.py", subject, oracles=["golden"], profile="quick", seed=1))
    assert not [r["check"] for r in records if r["verdict"] == "failed"]


@pytest.mark.parametrize("name", ["drop_rate", "dropout_probability", "drop_frac"])
def test_a_share_that_is_dropped_is_known_by_its_name(candidates, name):
    source = SHARES.replace("SHARE", name).replace("COMPARED", ">=").replace("KEPT", "(1 - self.share)")
    subject = fit(candidates(source)["Dropout"], lambda: None)
    assert "p_is_keep_probability" not in subject.conventions
    records = list(check_subject("layers.py", subject, oracles=["golden"], profile="quick", seed=1))
    assert not [r["check"] for r in records if r["verdict"] == "failed"]


FLAGGED = """
import numpy as np

class Dropout:
    def __init__(self, rate=0.5):
        self.rate = rate
    def forward(self, x, training=False):
        self.mask = np.random.rand(*x.shape) >= self.rate
        return (x * self.mask / (1 - self.rate) if training else x).astype(x.dtype)
    def backward(self, dy, training=False):
        return (dy * self.mask / (1 - self.rate) if training else dy).astype(dy.dtype)
"""

CACHED = """
import numpy as np

class Sigmoid:
    @staticmethod
    def forward(x):
        y = 1 / (1 + np.exp(-x))
        return y, (y,)
    @staticmethod
    def backward(dy, cache):
        (y,) = cache
        return DERIVATIVE
"""

KEPT_BY_CALL = """
import numpy as np

class Function:
    def __call__(self, x):
        y = self.forward(x)
        self.kept = y
        return y

class Tanh(Function):
    def forward(self, x):
        return np.tanh(x)
    def backward(self, dy):
        return dy * (1 - self.kept ** 2)
"""


def failures(subject):
    records = list(check_subject("layers.py", subject, oracles=["golden"], profile="quick", seed=1))
    assert any(r["verdict"] == "passed" for r in records)
    return {r["check"] for r in records if r["verdict"] == "failed"}


def test_a_backward_pass_is_told_whether_it_is_training_where_it_asks(candidates):
    assert not failures(fit(candidates(FLAGGED)["Dropout"], lambda: None))


def test_a_class_that_returns_a_cache_is_handed_it_back(candidates):
    right = candidates(CACHED.replace("DERIVATIVE", "dy * y * (1 - y)"))["Sigmoid"]
    wrong = candidates(CACHED.replace("DERIVATIVE", "dy * (1 - y)"))["Sigmoid"]
    assert not failures(fit(right, lambda: None)) - {"extreme_values_equal_the_reference"}
    assert "backward_equals_numerical_differentiation" in failures(fit(wrong, lambda: None))


def test_an_object_whose_call_keeps_what_backward_needs_is_called(candidates):
    wrong = KEPT_BY_CALL.replace("1 - self.kept ** 2", "1 - self.kept")
    assert not failures(fit(candidates(KEPT_BY_CALL)["Tanh"], lambda: None))
    assert "backward_equals_the_reference" in failures(fit(candidates(wrong)["Tanh"], lambda: None))


TWO_BIASES = """
import numpy as np

class GRU:
    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        self.p = {{
            "Wx": 0.1 * np.random.randn(input_size, 3 * hidden_size),
            "Wh": 0.1 * np.random.randn(hidden_size, 3 * hidden_size),
            "b": np.zeros(3 * hidden_size),
            "{bias}": np.zeros(3 * hidden_size),
        }}

    def forward(self, x):
        self.x, self.h, self.steps = x, [np.zeros((len(x), self.H), x.dtype)], []
        for t in range(x.shape[1]):
            ax = x[:, t] @ self.p["Wx"] + self.p["b"]
            ah = self.h[-1] @ self.p["Wh"] + self.p["{bias}"]
            r, z = (1 / (1 + np.exp(-(ax + ah)[:, k * self.H : (k + 1) * self.H])) for k in (0, 1))
            n = np.tanh(ax[:, 2 * self.H :] + r * ah[:, 2 * self.H :])
            self.steps.append((r, z, n, ah[:, 2 * self.H :]))
            self.h.append((1 - z) * n + z * self.h[-1])
        return np.stack(self.h[1:], 1)

    def backward(self, dout):
        self.grads = {{k: np.zeros_like(v) for k, v in self.p.items()}}
        dx, dh = np.zeros_like(self.x), 0
        for t in reversed(range(len(self.steps))):
            r, z, n, an = self.steps[t]
            dh = dh + dout[:, t]
            dn, dz = dh * (1 - z) * (1 - n * n), dh * (self.h[t] - n) * z * (1 - z)
            dr = dn * an * r * (1 - r)
            dax, dah = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
            self.grads["Wx"] += self.x[:, t].T @ dax
            self.grads["Wh"] += self.h[t].T @ dah
            self.grads["b"] += dax.sum(0)
            self.grads["{bias}"] += {of}.sum(0)
            dx[:, t] = dax @ self.p["Wx"].T
            dh = dah @ self.p["Wh"].T + dh * z
        return dx
"""


@pytest.mark.parametrize(("of", "right"), [("dah", True), ("dax", False)])
def test_a_second_bias_is_known_whatever_the_first_is_called(candidates, of, right):
    pytest.importorskip("torch")
    found = candidates(TWO_BIASES.format(bias="bh", of=of))["GRU"]
    assert agrees(fit(found)) is right


def test_a_parameter_that_the_kind_has_not_is_said_not_to_be_checked(candidates):
    found = fit(candidates(TWO_BIASES.format(bias="extra", of="dax"))["GRU"])
    assert "gru has no parameter like its extra" in found.left["gradient_of_extra"]


def test_an_argument_that_is_not_known_is_said_to_be_left_at_its_default(candidates):
    source = """
class Sigmoid:
    def __init__(self, clip=None, name="sigmoid"):
        self.clip = clip
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-(x if self.clip is None else x.clip(-self.clip, self.clip))))
        return self.out
    def backward(self, dout):
        return dout * self.out * (1 - self.out)
"""
    notes = fit(candidates("import numpy as np\n" + source)["Sigmoid"]).driver.notes
    assert "left at its default: clip" in notes


OF_WIDTH = """
import numpy as np
class Conv1D:
    def __init__(self, in_ch, out_ch, width, stride=1):
        self.stride = stride
        self.W, self.b = np.random.randn(out_ch, in_ch, width), np.zeros(out_ch)
    def _taps(self, x):
        return np.lib.stride_tricks.sliding_window_view(x, self.W.shape[2], axis=2)[:, :, :: self.stride]
    def forward(self, x):
        self.x = x
        return np.einsum("nctk,fck->nft", self._taps(x), self.W) + self.b[:, None]
    def backward(self, dy):
        self.db, self.dW = dy.sum((0, 2)), np.einsum("nft,nctk->fck", dy, self._taps(self.x))
        dx = np.zeros_like(self.x)
        for t in range(dy.shape[2]):
            at = t * self.stride
            dx[:, :, at : at + self.W.shape[2]] += np.einsum("nf,fck->nck", dy[:, :, t], self.W{turn})
        return dx
"""


@pytest.mark.parametrize(("turn", "right"), [("", True), ("[:, :, ::-1]", False)])
def test_the_width_of_a_1d_convolution_is_its_kernel_s(candidates, turn, right):
    pytest.importorskip("torch")
    subject = fit(candidates(OF_WIDTH.format(turn=turn))["Conv1D"])
    assert "stride" in subject.driver.takes
    assert agrees(subject) is right


OF_STEPS = """
import numpy as np
class {name}:
    def __init__(self, n_in, n_out):
        self.params = {{"w": np.random.randn(n_in, n_out), "b": np.zeros(n_out)}}
        self.grads = {{}}
    def forward(self, x):
        self.x = x
        return x @ self.params["w"] + self.params["b"]
    def backward(self, dy):
        self.grads["w"] = np.tensordot(self.x, dy, axes=([0, 1], [0, 1]))
        self.grads["b"] = dy.sum(axis=(0, 1))
        return dy @ self.params["w"].T
"""


@pytest.mark.parametrize("name", ["TimeDistributedDense", "TimeDistributedLinear"])
def test_a_linear_layer_at_every_step_is_known_by_keras_name(candidates, name):
    pytest.importorskip("torch")
    subject = fit(candidates(OF_STEPS.format(name=name))[name])
    assert subject.kind.name == "linear"
    assert agrees(subject)
