"""What a thing is taken for, and the conventions that are named of it."""

import contextlib
import types

import numpy as np
import pytest

from scratchnet_crosscheck.adapters import names, recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot


def things(source):
    module = types.ModuleType("layers_of_a_test")
    exec("import numpy as np\n" + source, vars(module))
    return {k: v for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}


def subject(source, name=None, **like):
    candidates = recognise(things(source), like)
    (found,) = [c for c in candidates if name in (None, c.name)]
    return fit(found)


AFFINE = """
class {name}:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return {forward}
    def backward(self, dout):
        self.dW = {dW}
        self.db = {db}
        return {dx}
"""


def affine(
    name="Affine", forward="x @ self.W + self.b", dW="self.x.T @ dout", db="dout.sum(0)", dx="dout @ self.W.T"
):
    return AFFINE.format(name=name, forward=forward, dW=dW, db=db, dx=dx)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Affine", "linear"),
        ("Layer_Dense", "linear"),
        ("MyReLU", "relu"),
        ("conv_naive", "conv2d"),
        ("Adam", None),
        ("GELUTanhFunction", "gelu"),
        ("VanillaRNN", "rnn"),
        ("sdpa", "scaled_dot_product_attention"),
        ("Conv2d_stride1", "conv2d"),
        ("conv2d_fft", "conv2d"),
        ("conv2d_winograd", "conv2d"),
    ],
)
def test_a_name_says_what_a_thing_is(name, kind):
    assert names.operation(name) == kind


def test_weights_in_out_are_told_from_weights_out_in():
    turned = subject(affine())
    plain = subject(affine("Linear", "x @ self.W.T + self.b", "dout.T @ self.x", dx="dout @ self.W"))
    assert turned.form.layout("weight").name == "(in, out)"
    assert plain.form.layout("weight").name != "(in, out)"


def test_samples_in_columns_are_told_from_samples_in_rows():
    found = subject(
        affine(
            "Linear",
            "self.W @ x + self.b",
            "dout @ self.x.T",
            "dout.sum(1, keepdims=True)",
            "self.W.T @ dout",
        )
    )
    assert found.form.layout("x").name == "batch last"
    assert found.form.layout("bias").name == "a column (D, 1)"


def test_a_bias_that_is_a_row_is_told_by_its_gradient():
    found = subject(affine("Dense", db="dout.sum(0, keepdims=True)"))
    assert found.form.layout("bias").name == "a row (1, D)"


def test_gradients_divided_by_the_batch_are_named_as_a_convention():
    found = subject(affine(dW="self.x.T @ dout / len(dout)", db="dout.mean(0)"))
    assert "param_grads_averaged" in found.conventions


def test_a_bias_alone_divided_by_the_batch_is_no_convention():
    assert "param_grads_averaged" not in subject(affine(db="dout.mean(0)")).conventions


def test_a_class_of_another_name_is_taken_for_what_is_said():
    assert recognise(things(affine("Thing")), {}) == []
    assert subject(affine("Thing"), Thing="linear").taken_for == "linear"


def test_a_parameter_that_backward_updates_gives_its_gradient():
    found = subject("""
class Dense:
    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias
    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias
    def backward(self, grad, learning_rate):
        dx = grad @ self.weights.T
        self.weights = self.weights - learning_rate * self.x.T @ grad
        self.bias = self.bias - learning_rate * grad.sum(0)
        return dx
""")
    assert not found.silent
    assert any("updates the parameters" in note for note in found.driver.notes)


def test_a_skeleton_that_returns_none_is_not_checked_and_says_why():
    with pytest.raises(Cannot, match="not written yet"):
        subject("""
def relu_forward(x):
    return None, x
def relu_backward(dout, cache):
    return None
""")


def test_a_function_without_a_backward_pass_says_how_to_get_it_checked():
    with pytest.raises(Cannot) as found:
        subject("def relu(x):\n    return np.maximum(x, 0)\n")
    assert "pullback" in found.value.remedy


def test_the_share_that_is_kept_is_told_from_the_share_that_is_dropped():
    source = """
def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    mask = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) {compare} p) / {kept}
        return x * mask, mask
    return x.copy(), mask
def dropout_backward(dout, cache):
    return dout.copy() if cache is None else dout * cache
"""
    keeps = subject(source.format(compare="<", kept="p"))
    drops = subject(source.format(compare=">=", kept="(1 - p)"))
    assert "p_is_keep_probability" in keeps.conventions
    assert "p_is_keep_probability" not in drops.conventions


def test_an_epsilon_inside_the_logarithm_is_found_out():
    found = subject("""
class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.y, self.t = e / e.sum(1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(len(x)), t] + 1e-7)) / len(x)
    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx / len(dx)
""")
    assert found.form.options["log_eps"] == 1e-7
    assert found.ignores_upstream


def test_the_global_generator_is_left_as_it_was():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    subject("""
class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.ratio = dropout_ratio
    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.ratio
            return x * self.mask
        return x * (1.0 - self.ratio)
    def backward(self, dout):
        return dout * self.mask
""")
    assert (np.random.get_state()[1] == before).all()


def test_a_slip_of_the_suite_is_no_form_that_does_not_fit(monkeypatch):
    from scratchnet_crosscheck.adapters import objects

    def broken(*_, **__):
        raise NameError("a slip of ours")

    broken.__code__ = broken.__code__.replace(co_filename=objects.__file__)
    monkeypatch.setattr(objects.ObjectDriver, "_set_mode", broken)
    with pytest.raises(NameError, match="a slip of ours"):
        subject(affine())


def test_a_slip_of_the_layer_is_no_slip_of_the_suite():
    assert subject(affine(dW="nothing_of_this_name")).taken_for == "linear"


def test_every_feature_that_may_be_left_out_is_one_of_some_kind_s_calls():
    from scratchnet_crosscheck.adapters import features
    from scratchnet_crosscheck.references import kinds

    takes = frozenset(option for kind in kinds().values() for option in kind.defaults)
    asked = set()
    for kind in kinds().values():
        for form in kind.forms(False)[:12]:
            for words in (
                takes,
                takes | {"the word 'same' for a padding"},
                takes | {"padding in words", "kernel_size", "no bias", "normalized_shape"},
            ):
                with contextlib.suppress(KeyError):  # options of other kinds are no matter of it
                    asked |= features.everything(kind, form, words)
    listed = {*features._REFUSABLE, *features._OF_SOME, *features._OPTIONAL}
    assert listed - asked == set()
