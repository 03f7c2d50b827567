"""Classes of many conventions: right ones are silent, wrong ones caught, the rest says why not."""

import types
from pathlib import Path

import pytest

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject, known_checks
from scratchnet_crosscheck.run import Profile

pytest.importorskip("torch", reason="classes are held against PyTorch here")
HERE = Path(__file__).parent
UNSHRUNK = Profile("unshrunk", 40, shrinking=0.0)  # how small a failing case is, is tested elsewhere
VALUES = {"forward_equals_the_reference", "backward_equals_the_reference", "a_call_between_changes_nothing"}


def candidates(source):
    module = types.ModuleType("classes_of_a_test")
    exec(source, vars(module))
    own = {k: v for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
    return {c.name: c for c in recognise(own, {})}


def read(name):
    return candidates((HERE / name).read_text(encoding="utf-8"))


RIGHT, WRONG = read("right_classes.py"), read("wrong_classes.py")


def checked(candidate, profile="quick", checks=VALUES):
    skip = [name for name in known_checks() if name not in checks]
    found = check_subject("a_file.py", fit(candidate), oracles=("torch",), profile=profile, seed=7, skip=skip)
    return list(found)


def failed(records):
    return {r["check"] for r in records if r["verdict"] == "failed"}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_class_is_silent(name):
    records = checked(RIGHT[name])
    assert failed(records) == set()
    assert sum(r["verdict"] == "passed" for r in records) >= 2


@pytest.mark.parametrize("name", WRONG)
def test_a_slip_in_backward_is_caught(name):
    backward = {"backward_equals_the_reference"}
    assert failed(checked(WRONG[name], UNSHRUNK, backward)) == backward


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("Tanh", "derivative_of_the_output"),
        ("Loss_MeanSquaredError", "backward_of_the_mean"),
        ("Loss_CategoricalCrossentropy", "backward_of_the_mean"),
        ("BinaryCrossEntropy", "epsilon_in_logarithm"),
        ("TimeEmbedding", "float32_alone"),
        ("GRU", "reset_before_product"),
        ("QuickGELU", "approximate_formula"),
        ("GELU", "approximate_formula"),
        ("DenseLayer", "one_sample"),
    ],
)
def test_a_convention_is_named(name, convention):
    assert convention in fit(RIGHT[name]).conventions


def test_a_backward_pass_that_belongs_to_training_is_said_not_to_be_asked_in_evaluation():
    assert "backward_in_evaluation" in fit(RIGHT["Dropout"]).left


def test_a_parameter_of_another_shape_is_not_checked_and_says_which():
    source = """
import numpy as np
class Convolution:
    def __init__(self, input_shape, kernel_size, depth):
        c, h, w = input_shape
        self.kernels = np.random.randn(depth, c, kernel_size, kernel_size)
        self.biases = np.random.randn(depth, h, w, 2)
    def forward(self, x):
        self.x = x
        k = self.kernels.shape[-1]
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (-2, -1))
        return np.einsum("chwij,ocij->ohw", windows, self.kernels) + self.biases.mean()
    def backward(self, d):
        return d
"""
    with pytest.raises(Cannot, match="biases has the shape"):
        fit(candidates(source)["Convolution"])


def test_an_object_that_wants_a_set_up_of_its_own_is_not_checked_and_says_why():
    source = """
class MaxPooling2D:
    def __init__(self, pool_shape=(2, 2), stride=1):
        self.pool_shape, self.stride = pool_shape, stride
    def told_of_its_input(self, shape):
        self.input_shape = shape
    def forward(self, x):
        return x.reshape(self.input_shape)
    def backward(self, d):
        return d
"""
    with pytest.raises(Cannot, match="input_shape"):
        fit(candidates(source)["MaxPooling2D"])


def test_a_softmax_that_mixes_the_batch_is_not_taken_for_one_sample_alone():
    source = """
import numpy as np
class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max())
        self.s = e / e.sum()
        return self.s.copy()
    def backward(self, d):
        return self.s * (d - (d * self.s).sum())
"""
    assert "forward_equals_the_reference" in failed(checked(candidates(source)["Softmax"]))


@pytest.mark.parametrize("name", ["SimpleMatMul", "SimpleDense", "SimpleLayerNorm", "SimpleSoftmax"])
def test_a_layer_that_is_right_for_one_rank_alone_is_asked_for_that_and_says_so(name):
    assert "alone" in fit(RIGHT[name]).left["other_ranks"]


def test_a_rate_times_the_batch_is_named_where_a_layer_steps_itself():
    assert "rate_times_batch" in fit(RIGHT["SimpleEmbedding"]).conventions
    assert "rate_times_batch" not in fit(WRONG["SimpleLinear"]).conventions


def test_a_layer_made_with_an_activation_that_is_none_is_not_judged_where_it_has_one_all_the_same():
    source = """
import numpy as np
class Dense:
    def __init__(self, n_in, n_out, activation):
        self.w, self.b, self.activation = np.random.randn(n_in, n_out), np.zeros(n_out), activation
    def forward(self, x):
        self.x, self.y = x, x @ self.w + self.b
        return self.y if self.activation == "linear" else self.y / (1 + np.abs(self.y))
    def backward(self, d):
        d = d if self.activation == "linear" else d / (1 + np.abs(self.y)) ** 2
        self.dw, self.db = self.x.T @ d, d.sum(0)
        return d @ self.w.T
"""
    with pytest.raises(Cannot, match="'activation' is not known"):
        fit(candidates(source)["Dense"])


def test_what_writes_nothing_into_its_cotangent_is_not_said_to_raise():
    source = (HERE / "wrong_classes.py").read_text(encoding="utf-8")
    subject = fit(candidates(source)["SimpleReLU"])
    assert subject.writes
    records = list(check_subject("a_file.py", subject, oracles=("golden",), profile="quick", seed=7))
    assert not [r for r in records if "raised" in r["message"]]
    assert "backward_equals_the_reference" in failed(records)


@pytest.mark.parametrize(
    ("name", "words"),
    [("MyConv2D", "where windows overlap"), ("MyAveragePooling", "one over the first side of the window")],
)
def test_a_slip_is_named_in_whatever_layout(name, words):
    said = [d["words"] for r in checked(WRONG[name]) for d in r["diagnosis"]]
    assert any(words in one or words.removeprefix("one over ") in one for one in said)


PARAMETER = """
import numpy as np
class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)
    def zero_grad(self):
        self.grad[...] = 0
class Linear:
    def __init__(self, in_features, out_features):
        self.weight = Parameter(np.random.randn(out_features, in_features))
        self.bias = Parameter(np.zeros(out_features))
    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T + self.bias.data
    def backward(self, d):
        self.weight.grad += d.T @ self.x
        self.bias.grad += d.sum(0)
        return d @ self.weight.data
"""


def everything(source, name):
    subject = fit(candidates(source)[name])
    return subject, list(check_subject("a_file.py", subject, oracles=("golden",), profile="quick", seed=7))


def test_gradients_that_add_up_until_zero_grad_is_called_are_no_slip_and_that_is_said():
    subject, records = everything(PARAMETER, "Linear")
    assert failed(records) == set()
    assert any("zero_grad() is called before each" in note for note in subject.driver.notes)


def test_a_zero_grad_that_makes_its_arrays_anew_makes_them_of_the_parameters_dtype():
    source = """
import numpy as np
class Linear:
    def __init__(self, in_features, out_features):
        self.W, self.b = np.random.randn(out_features, in_features), np.zeros(out_features)
        self.zero_grad()
    def zero_grad(self):
        self.dW, self.db = np.zeros(self.W.shape), np.zeros(len(self.b))
    def forward(self, x):
        self.x = x
        return x @ self.W.T + self.b
    def backward(self, d):
        self.dW += d.T @ self.x
        self.db += d.sum(0)
        return d @ self.W
"""
    assert failed(everything(source, "Linear")[1]) == set()
    slip = source.replace("return d @ self.W", "return d.astype(float) @ self.W")
    assert failed(everything(slip, "Linear")[1]) == {"dtype_is_preserved"}


@pytest.mark.parametrize(
    ("params", "grads", "first", "second"),
    [
        ("[np.random.randn(d, n), np.zeros(n)]", "[np.zeros((d, n)), np.zeros(n)]", "[0]", "[1]"),
        (
            "{'W': np.random.randn(d, n), 'b': np.zeros(n)}", "{'W': np.zeros((d, n)), 'b': np.zeros(n)}",
            "['W']", "['b']",
        ),
    ],
    ids=["lists", "dicts"],
)  # fmt: skip
def test_gradients_that_were_zeros_beside_other_parameters_are_of_the_dtype_of_those_put_in(
    params, grads, first, second
):
    source = f"""
import numpy as np
class Linear:
    def __init__(self, in_features, out_features):
        d, n = in_features, out_features
        self.params, self.grads = {params}, {grads}
    def forward(self, x):
        self.x = x
        return x @ self.params{first} + self.params{second}
    def backward(self, dy):
        self.grads{first}[...] = self.x.T @ dy
        self.grads{second}[...] = dy.sum(0)
        return dy @ self.params{first}.T
"""
    assert failed(everything(source, "Linear")[1]) == set()


def test_a_zero_grad_that_forgets_what_adds_up_does_not_hide_it():
    _, records = everything(PARAMETER.replace("self.grad[...] = 0", "pass"), "Linear")
    assert "repeated_calls_agree" in failed(records)


def test_gradients_that_add_up_with_nothing_to_reset_them_are_a_slip():
    source = PARAMETER.replace("    def zero_grad(self):\n        self.grad[...] = 0\n", "")
    assert "repeated_calls_agree" in failed(everything(source, "Linear")[1])


def test_a_layer_that_does_one_sample_as_a_row_is_asked_for_that_and_says_so():
    assert "one_sample" in fit(RIGHT["FCLayer"]).conventions
    source = (HERE / "right_classes.py").read_text(encoding="utf-8")
    wrong = source.replace("self.bias -= learning_rate * output_error", "self.bias += output_error")
    assert "backward_equals_the_reference" in failed(checked(candidates(wrong)["FCLayer"]))


def test_a_sign_or_a_factor_beside_the_mean_of_its_losses_is_named_for_itself():
    source = """
class MSE:
    def forward(self, y_pred, y_true):
        return ((y_true - y_pred) ** 2).mean(-1)
    def backward(self, y_pred, y_true):
        return -2 * (y_pred - y_true) / y_pred.size
"""
    for change, key in ((source, "sign"), (source.replace("-2 *", "1 *"), "factor:1/2")):
        subject = fit(candidates(change)["MSE"])
        assert "backward_of_the_mean" in subject.conventions
        said = {d["key"] for r in checked(candidates(change)["MSE"]) for d in r["diagnosis"]}
        assert said == {key}


def test_what_its_arguments_are_not_is_said_in_whole_words():
    source = """
class LSTM:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        return x
    def backward(self, d):
        return d
"""
    with pytest.raises(Cannot) as raised:
        fit(candidates(source)["LSTM"])
    assert not raised.value.reason.rstrip().endswith(("no", ":"))


DERIVATIVE = """
import numpy as np
class ReLU:
    def __call__(self, x):
        return np.where(x >= 0, x, 0)
    def derivative(self, x):
        return np.where(x >= 0, 1, 0)
class LeakyReLU:
    def __init__(self, alpha=0.2):
        self.alpha = alpha
    def __call__(self, x):
        return np.where(x >= 0, x, self.alpha * x)
    def derivative(self, x):
        return np.where(x >= 0, 1, self.alpha)
class ELU:
    def __init__(self, alpha=0.1):
        self.alpha = alpha
    def __call__(self, x):
        return np.where(x >= 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
    def derivative(self, x):
        return np.where(x >= 0, 1, self.alpha * np.exp(np.minimum(x, 0)))
class SELU:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    def __call__(self, x):
        return self.scale * np.where(x >= 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
    def derivative(self, x):
        return self.scale * np.where(x >= 0, 1, self.alpha * np.exp(np.minimum(x, 0)))
"""


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "ELU", "SELU"])
def test_the_derivative_of_an_element_chooses_its_own_at_a_kink_and_the_product_is_not_its_own(name):
    subject, records = everything(DERIVATIVE, name)
    assert failed(records) == set()
    assert "derivative_at_kink" in subject.conventions
    _, records = everything(DERIVATIVE.replace("np.where(x >= 0, 1,", "np.where(x >= 0, 2,"), name)
    assert "backward_equals_the_reference" in failed(records)


def test_a_derivative_at_a_kink_that_lies_on_no_side_is_a_slip():
    source = DERIVATIVE.replace("np.where(x >= 0, 1, 0)", "np.where(x == 0, 5, x > 0)")
    assert "backward_equals_the_reference" in failed(everything(source, "ReLU")[1])


def test_a_gradient_set_to_zeros_at_first_under_another_name_is_not_taken_for_the_one_that_is_kept():
    source = """
import numpy as np
class Linear:
    def __init__(self, in_features, out_features):
        self.W, self.b = np.ones((out_features, in_features)), np.zeros((out_features, 1))
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T
    def backward(self, dLdZ):
        self.dLdW, self.dLdb = dLdZ.T @ self.A, dLdZ.sum(0)[:, None]
        return dLdZ @ self.W
"""
    assert failed(checked(candidates(source)["Linear"])) == set()
    never = source.replace("self.dLdW, self.dLdb =", "dW, db =")
    assert "backward_equals_the_reference" in failed(checked(candidates(never)["Linear"]))


def test_a_hinge_loss_of_two_classes_is_not_checked_and_says_why():
    source = """
import numpy as np
class Hinge:
    def forward(self, y_pred, y_true):
        self.p, self.t = y_pred, y_true
        return np.mean(np.maximum(0, 1 - y_true * y_pred))
    def backward(self):
        return np.where(self.t * self.p < 1, -self.t, 0) / self.p.size
"""
    with pytest.raises(Cannot, match="two classes"):
        fit(candidates(source)["Hinge"])


def test_a_backward_pass_that_uses_the_call_before_is_caught():
    source = """
import numpy as np
class Sigmoid:
    def __init__(self):
        self.y = None
    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        self.used = self.y if self.y is not None and self.y.shape == y.shape else y
        self.y = y
        return y.copy()
    def backward(self, dout):
        return dout * self.used * (1 - self.used)
"""
    assert failed(checked(candidates(source)["Sigmoid"])) == {"a_call_between_changes_nothing"}
