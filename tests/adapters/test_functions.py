"""Functions: how pairs, losses and derivatives are driven, and what is said of files that resist."""

import types

import pytest
from agreement import agrees

from scratchnet_crosscheck import discover
from scratchnet_crosscheck.adapters import names, recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.functions import is_cotangent
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject
from scratchnet_crosscheck.references import kinds

ACTIVATIONS = """
def relu(z):
    return np.maximum(0, z)
def relu_prime(z):
    return z > 0
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def sigmoid_derivative(a):
    return a * (1 - a)
def tanh(z):
    return np.tanh(z), z
def tanh_backward(dA, cache):
    return dA * (1 - np.tanh(cache) ** 2)
def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
def softmax_backward(dout, s):
    return s * (dout - (dout * s).sum(-1, keepdims=True))
def softplus(x):
    return np.logaddexp(0, x)
def softplus_backward(x, grad_output):
    return grad_output / (1 + np.exp(-x))
def forward_silu(x):
    return x / (1 + np.exp(-x)), x
def backward_silu(dout, x):
    s = 1 / (1 + np.exp(-x))
    return dout * s * (1 + x * (1 - s))
"""


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax", "softplus", "forward_silu"])
def test_an_activation_is_driven_whatever_its_backward_pass_is_handed(loaded, name):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(ACTIVATIONS)[0][name]))


def test_a_derivative_that_is_handed_the_output_is_said_to_be_so(loaded):
    candidates, _ = loaded(ACTIVATIONS)
    assert any("handed the output" in note for note in fit(candidates["sigmoid"]).driver.notes)
    assert not fit(candidates["relu"]).driver.notes


def test_a_wrong_derivative_is_not_taken_for_one_of_the_output(loaded):
    pytest.importorskip("torch")
    source = ACTIVATIONS.replace("return a * (1 - a)", "return a * (2 - a)")
    assert not agrees(fit(loaded(source)[0]["sigmoid"]))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("dout", True), ("dA", True), ("grad_output", True), ("upstream", True), ("data", False),
     ("dropout_param", False), ("x", False)],
)  # fmt: skip
def test_the_gradient_from_above_is_told_by_its_name(name, is_one):
    assert is_cotangent(name) == is_one


SAMPLES_IN_COLUMNS = """
def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)
def linear_backward(dZ, cache):
    A, W, b = cache
    m = A.shape[1]
    return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1, keepdims=True) / m
def relu(Z):
    return np.maximum(0, Z), Z
def relu_backward(dA, Z):
    return dA * (Z > 0)
def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    if activation == "relu":
        A, activation_cache = relu(Z)
    return A, (linear_cache, activation_cache)
def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    if activation == "relu":
        dZ = relu_backward(dA, activation_cache)
    return linear_backward(dZ, linear_cache)
"""


@pytest.mark.parametrize(
    ("name", "kind"), [("linear_forward", "linear"), ("linear_activation_forward", "affine_relu")]
)
def test_samples_in_columns_with_gradients_divided_by_their_number(loaded, name, kind):
    pytest.importorskip("torch")
    subject = fit(loaded(SAMPLES_IN_COLUMNS)[0][name])
    assert subject.taken_for == kind
    assert subject.form.layout("x").name == "batch last"
    assert "param_grads_averaged" in subject.conventions
    assert agrees(subject)


HYPERPARAMETERS = """
def conv_forward(A_prev, W, b, hparameters):
    stride, pad = hparameters["stride"], hparameters["pad"]
    (m, height, width, _) = A_prev.shape
    (f, f, _, channels) = W.shape
    rows, columns = (height - f + 2 * pad) // stride + 1, (width - f + 2 * pad) // stride + 1
    padded = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    Z = np.zeros((m, rows, columns, channels), A_prev.dtype)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, i * stride : i * stride + f, j * stride : j * stride + f]
            Z[:, i, j] = np.tensordot(window, W, 3) + b[0, 0, 0]
    return Z, (A_prev, W, b, hparameters)
def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    f = W.shape[0]
    padded = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    for i in range(dZ.shape[1]):
        for j in range(dZ.shape[2]):
            at = (slice(None), slice(i * stride, i * stride + f), slice(j * stride, j * stride + f))
            dW += np.tensordot(padded[at], dZ[:, i, j], (0, 0))
            dpadded[at] += np.tensordot(dZ[:, i, j], W, (1, 3))
    height, width = A_prev.shape[1:3]
    dA = dpadded[:, pad : pad + height, pad : pad + width].copy()
    return dA, dW, dZ.sum(axis=(0, 1, 2)).reshape(b.shape)
"""


def test_channels_last_with_hyperparameters_and_a_square_kernel(loaded):
    pytest.importorskip("torch")
    subject = fit(loaded(HYPERPARAMETERS)[0]["conv_forward"])
    assert subject.form.layout("weight").name == "HWIO"
    assert subject.form.layout("bias").name == "(1, 1, 1, F)"
    assert "square kernel" in subject.driver.takes
    assert agrees(subject)


SCORES = """
from past.builtins import xrange
def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros_like(W)
    for i in xrange(len(X)):
        scores = X[i] @ W
        p = np.exp(scores - scores.max())
        p /= p.sum()
        loss -= np.log(p[y[i]])
        p[y[i]] -= 1
        dW += np.outer(X[i], p)
    return loss / len(X) + reg * np.sum(W * W), dW / len(X) + {penalty} * W
def svm_loss_vectorized(W, X, y, reg):
    scores = X @ W
    margins = np.maximum(0, scores - scores[np.arange(len(X)), y][:, None] + 1)
    margins[np.arange(len(X)), y] = 0
    counts = (margins > 0).astype(W.dtype)
    counts[np.arange(len(X)), y] = -counts.sum(axis=1)
    return margins.sum() / len(X) + 0.5 * reg * np.sum(W * W), X.T @ counts / len(X) + reg * W
"""


def test_losses_of_linear_scores_with_a_penalty(loaded):
    pytest.importorskip("torch")
    candidates, notes = loaded(SCORES.format(penalty="2 * reg"))
    assert not notes  # `past` is stood in for
    softmax, svm = fit(candidates["softmax_loss_naive"]), fit(candidates["svm_loss_vectorized"])
    assert (softmax.taken_for, svm.taken_for) == ("cross_entropy", "multi_margin_loss")
    assert "half_the_penalty" in svm.conventions
    assert "half_the_penalty" not in softmax.conventions
    assert agrees(softmax)
    assert agrees(svm)


def test_a_penalty_whose_gradient_lacks_its_two_is_wrong(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(SCORES.format(penalty="reg"))[0]["softmax_loss_naive"]))


CHAIN = """
def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)
def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)
def batchnorm_forward(x, gamma, beta, bn_param):
    assert bn_param["mode"] == "train"
    mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + bn_param.get("eps", 1e-5))
    hat = (x - mean) / std
    return gamma * hat + beta, (hat, gamma, std)
def batchnorm_backward(dout, cache):
    hat, gamma, std = cache
    d = dout * gamma
    dx = (d - d.mean(axis=0) - hat * (d * hat).mean(axis=0)) / std
    return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)
def affine_batchnorm_relu_forward(x, w, b, gamma, beta, bn_param):
    a, fc = affine_forward(x, w, b)
    n, bn = batchnorm_forward(a, gamma, beta, bn_param)
    return np.maximum(n, 0), (fc, bn, n)
def affine_batchnorm_relu_backward(dout, cache):
    fc, bn, n = cache
    da, dgamma, dbeta = batchnorm_backward(dout * (n > 0), bn)
    dx, dw, db = affine_backward(da, fc)
    return dx, dw, db, {order}
"""


def test_several_layers_in_one(loaded):
    pytest.importorskip("torch")
    right = fit(loaded(CHAIN.format(order="dgamma, dbeta"))[0]["affine_batchnorm_relu_forward"])
    assert right.taken_for == "affine_batchnorm_relu"
    assert agrees(right)


def test_several_layers_in_one_with_two_gradients_exchanged(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(CHAIN.format(order="dbeta, dgamma"))[0]["affine_batchnorm_relu_forward"]))


def test_gradients_in_a_dictionary_are_found_by_their_names(loaded):
    pytest.importorskip("torch")
    candidates, _ = loaded("""
def dense_fwd(inputs, W, b):
    return inputs @ W + b, {"inputs": inputs, "W": W}
def dense_bwd(cache, grad):
    return {"db": grad.sum(0), "dW": cache["inputs"].T @ grad, "dinputs": grad @ cache["W"].T}
""")
    assert agrees(fit(candidates["dense_fwd"]))


def test_arguments_that_the_forward_was_given_are_handed_to_a_backward_pass_without_a_cache(loaded):
    pytest.importorskip("torch")
    candidates, _ = loaded("""
def affine_forward(x, W, b):
    return x @ W + b
def affine_backward(dout, x, W):
    return dout @ W.T, x.T @ dout, dout.sum(axis=0)
""")
    assert agrees(fit(candidates["affine_forward"]))


@pytest.mark.parametrize(
    "body",
    [
        "    pass",
        '    """To be done."""\n    return None',
        "    raise NotImplementedError",
        "    dx = None\n    # to be done\n    return dx",
        "    rows, columns = None\n    return dout.reshape(rows, columns)",
        "    grads = None\n    dx = grads['dx']\n    return dx",
    ],
)
def test_a_backward_pass_that_was_never_written_is_not_called_wrong(loaded, body):
    source = (
        f"def relu_forward(x):\n    return np.maximum(x, 0), x\ndef relu_backward(dout, cache):\n{body}\n"
    )
    with pytest.raises(Cannot, match="not written yet"):
        fit(loaded(source)[0]["relu_forward"])


def test_a_forward_pass_that_works_on_the_none_of_a_skeleton_is_not_called_wrong(loaded):
    with pytest.raises(Cannot, match="not written yet"):
        fit(
            loaded("""
def dropout_forward(x, dropout_param):
    mask, out = None, None
    if dropout_param["mode"] == "train":
        pass
    out = out.astype(x.dtype, copy=False)
    return out, (dropout_param, mask)
def dropout_backward(dout, cache):
    return dout
""")[0]["dropout_forward"]
        )


def test_a_none_that_is_a_mistake_is_not_excused_as_not_written(loaded):
    source = """
def tanh_forward(x):
    return np.tanh(x), None
def tanh_backward(dout, cache):
    return dout * (1 - cache.y ** 2)
"""
    fit(loaded(source)[0]["tanh_forward"])  # it is checked, and fails


@pytest.mark.parametrize(
    "imports",
    [
        "try:\n    from a_compiled_module import helper\nexcept ImportError:\n    pass",
        "from a_compiled_module import helper",
        "from a_compiled_module import *",
    ],
)
def test_what_cannot_be_imported_is_named_and_the_layer_is_not_called_wrong(loaded, imports):
    source = f"""
{imports}
def relu_forward(x):
    return helper(x), x
def relu_backward(dout, x):
    return dout * (x > 0)
"""
    with pytest.raises(Cannot, match=r"needs .*(helper|a_compiled_module)"):
        fit(loaded(source)[0]["relu_forward"])


def test_a_name_that_was_never_defined_is_a_mistake(loaded):
    source = """
def relu_forward(x):
    return hepler(x), x
def relu_backward(dout, x):
    return dout * (x > 0)
"""
    fit(loaded(source)[0]["relu_forward"])  # it is checked, and fails


def test_what_python_2_and_old_numpy_had_is_stood_in_for_and_said(loaded):
    pytest.importorskip("torch")
    candidates, notes = loaded("""
def relu_forward(x):
    out = x.astype(np.float if x.dtype == np.float64 else x.dtype)
    for i in xrange(len(out)):
        out[i] = np.maximum(out[i], 0)
    if out is None: print 'nothing came out of %s' % x
    return out, x
def relu_backward(dout, x):
    print 'backward', dout.shape,
    return dout * (x > 0)
print "training"
""")
    assert "its print statements are Python 2's: they are left out" in notes
    assert any("xrange" in note for note in notes)
    assert any("np.float " in note for note in notes)
    assert agrees(fit(candidates["relu_forward"]))


def test_a_class_of_a_python_2_file_is_driven(loaded):
    pytest.importorskip("torch")
    candidates, _ = loaded("""
class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
    def backward(self, dout):
        print 'backward', dout.shape
        return dout * self.mask
print "training"
""")
    assert agrees(fit(candidates["Relu"]))


def test_windows_that_a_pooling_refuses_in_words_are_not_asked_of_it(loaded):
    pytest.importorskip("torch", reason="tells how ties are split")
    source = """
def max_pool_forward_reshape(x, pool_param):
    N, C, H, W = x.shape
    k, w, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    {refusal}
    parts = x.reshape(N, C, H // k, k, W // w, w)
    out = parts.max(axis=(3, 5))
    return out, (x, parts, out)
def max_pool_backward_reshape(dout, cache):
    x, parts, out = cache
    mask = parts == out[:, :, :, None, :, None]
    share = mask / mask.sum(axis=(3, 5), keepdims=True)
    return (share * dout[:, :, :, None, :, None]).reshape(x.shape).astype(x.dtype)
"""
    words = "assert k == w == s and H % k == 0 and W % k == 0, 'windows side by side alone'"
    careful = fit(loaded(source.format(refusal=words))[0]["max_pool_forward_reshape"])
    assert "a stride other than the window's" in careful.form.without
    assert "ties_split_evenly" in careful.conventions
    careless = fit(loaded(source.format(refusal=""))[0]["max_pool_forward_reshape"])
    assert "a stride other than the window's" not in careless.form.without


def test_a_running_statistic_with_a_side_of_one_more_is_no_matter(loaded):
    source = """
def batchnorm_forward(x, gamma, beta, bn_param):
    mode, momentum = bn_param["mode"], bn_param.get("momentum", 0.9)
    eps = bn_param.get("eps", 1e-5)
    running_mean, running_var = bn_param["running_mean"], bn_param["running_var"]
    if mode == "train":
        mean, var = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
    hat = (x - mean) / np.sqrt(var + eps)
    return gamma * hat + beta, None
def batchnorm_backward(dout, cache):
    return dout, dout.sum(0), dout.sum(0)
"""
    subject = fit(loaded(source)[0]["batchnorm_forward"])
    assert subject.extras
    assert "momentum_is_share_kept" in subject.conventions


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("softmax_loss_naive", "cross_entropy"),
        ("svm_loss_vectorized", "multi_margin_loss"),
        ("max_pool_reshape", "max_pool2d"),
        ("conv_bn_relu_pool", "conv_batchnorm_relu_pool"),
        ("spatial_groupnorm_quick", "group_norm"),
    ],
)
def test_names_of_functions(name, kind):
    assert names.operation(name) == kind
    assert kind in kinds()


GATES = """
def sigmoid_(x):
    return 1 / (1 + np.exp(-x))
def rnn_cell_forward(xt, a_prev, parameters):
    a = np.tanh(parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"])
    return a, parameters["Wya"] @ a + parameters["by"], (a, a_prev, xt, parameters)
def rnn_cell_backward(da_next, cache):
    a, a_prev, xt, p = cache
    d = (1 - a ** 2) * da_next
    return {{"dxt": p["Wax"].T @ d, "dWax": d @ xt.T, "da_prev": p["Waa"].T @ d, "dWaa": d @ a_prev.T,
            "dba": d.sum(axis=1, keepdims=True)}}
def rnn_forward(x, a0, parameters):
    a, steps, caches = a0, [], []
    for t in range(x.shape[2]):
        a, _, cache = rnn_cell_forward(x[:, :, t], a, parameters)
        steps.append(a)
        caches.append(cache)
    return np.stack(steps, axis=2), None, (caches, x)
def rnn_backward(da, caches):
    caches, x = caches
    dx, above = np.zeros_like(x), 0
    total = {{}}
    for t in reversed(range(x.shape[2])):
        grads = rnn_cell_backward(da[:, :, t] + above, caches[t])
        dx[:, :, t], above = grads["dxt"], grads["da_prev"]
        for key in ("dWax", "dWaa", "dba"):
            total[key] = total.get(key, 0) + grads[key]
    return {{"dx": dx, "da0": above, **total}}
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    both = np.concatenate([a_prev, xt])
    f, i, o = (sigmoid_(parameters["W" + g] @ both + parameters["b" + g]) for g in "fio")
    new = np.tanh(parameters["Wc"] @ both + parameters["bc"])
    c = f * c_prev + i * new
    a = o * np.tanh(c)
    return a, c, parameters["Wy"] @ a + parameters["by"], (both, f, i, o, new, c, c_prev, parameters)
def lstm_cell_backward(da_next, dc_next, cache):
    both, f, i, o, new, c, c_prev, p = cache
    dc = dc_next + da_next * o * {slope}
    d = {{"f": dc * c_prev * f * (1 - f), "i": dc * new * i * (1 - i), "c": dc * i * (1 - new ** 2),
         "o": da_next * np.tanh(c) * o * (1 - o)}}
    dboth = sum(p["W" + g].T @ d[g] for g in "fico")
    n = len(c)
    found = {{"dxt": dboth[n:], "da_prev": dboth[:n], "dc_prev": dc * f}}
    for g in "fico":
        found["dW" + g], found["db" + g] = d[g] @ both.T, d[g].sum(axis=1, keepdims=True)
    return found
"""


@pytest.mark.parametrize("name", ["rnn_cell_forward", "rnn_forward", "lstm_cell_forward"])
def test_recurrent_functions_whose_weights_are_in_a_dictionary(loaded, name):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(GATES.format(slope="(1 - np.tanh(c) ** 2)"))[0][name]))


def test_a_gate_without_the_slope_of_its_tanh_is_wrong(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(GATES.format(slope="(1 - c ** 2)"))[0]["lstm_cell_forward"]))


def test_a_switch_without_a_default_is_left_off_and_the_weight_may_stand_first(loaded):
    pytest.importorskip("torch")
    candidates, _ = loaded("""
def leaky_relu(x, negative_slope, inplace):
    assert not inplace
    return np.where(x > 0, x, negative_slope * x), lambda dy: np.where(x > 0, dy, negative_slope * dy)
def embedding(weight, idx):
    def pullback(dy):
        dweight = np.zeros_like(weight)
        np.add.at(dweight, idx, dy)
        return (dweight, None)
    return weight[idx], pullback
def softmax(axis, x):
    e = np.exp(x - x.max(axis, keepdims=True))
    y = e / e.sum(axis, keepdims=True)
    return y, lambda dy: y * (dy - (dy * y).sum(axis, keepdims=True))
""")
    for name in ("leaky_relu", "embedding", "softmax"):
        assert agrees(fit(candidates[name])), name


def test_the_halves_of_a_custom_vjp_are_not_taken_for_a_pair():
    jax = pytest.importorskip("jax")

    def f(x):
        return jax.numpy.tanh(x)

    def forward(x):
        return f(x), x

    def backward(x, g):
        return (g * (1 - jax.numpy.tanh(x) ** 2),)

    own = jax.custom_vjp(f)
    own.defvjp(forward, backward)
    found = recognise({"tanh": jax.jit(own), "tanh_fwd": forward, "tanh_bwd": backward}, {})
    assert [(c.name, c.convention) for c in found] == [("tanh", "jax.custom_vjp")]


def test_a_notebook_is_said_to_be_one(tmp_path):
    notebook = tmp_path / "layers.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}}', encoding="utf-8")
    with pytest.raises(discover.Unreadable, match="notebook"):
        discover.load(notebook)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"\xff\xfe not text"])
def test_a_file_without_code_does_not_crash(tmp_path, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nothing.py"
    path.write_bytes(content)
    try:
        module, _ = discover.load(path)
    except discover.Unreadable:
        return
    assert isinstance(module, types.ModuleType)
    assert not discover.defined(module)


def test_what_returns_a_pullback_or_a_gradient_is_listed_where_its_name_says_nothing(loaded):
    source = """
def wrong_relu(x):
    mask = x > 0
    def pullback(dy, needs_input_grad=(True,)):
        return (dy * mask,)
    return x * mask, pullback

def bent(x):
    return x * x, lambda dy: (2 * x * dy,)

def objective(x, y):
    diff = x - y
    dx = 2 * diff
    return (diff * diff).sum(), dx

def helper(x):
    def inner(v):
        return v, helper
    return inner(x)[0]
"""
    candidates, _ = loaded(source)
    import layers_of_a_test

    found = discover.unknown(discover.defined(layers_of_a_test), set(candidates))
    reasons = {name: reason for name, reason, _ in found}
    assert set(reasons) == {"wrong_relu", "bent", "objective"}
    assert "a value and a pullback" in reasons["wrong_relu"]
    assert "a value and a gradient" in reasons["objective"]
    assert all(f"--like {name}=" in how for name, _, how in found)


def test_a_pair_that_wants_an_object_for_its_activation_is_not_judged_by_a_name(loaded):
    found, _ = loaded("""
def linear_activation_forward(A_prev, W, b, activation):
    assert b.shape == (W.shape[0], 1)
    z = W @ A_prev + b
    a, kept = activation.forward(z)
    return a, (A_prev, W, b, kept, activation)
def linear_activation_backward(dA, cache):
    A_prev, W, b, kept, activation = cache
    dz = activation.backward(dA, kept)
    return W.T @ dz, dz @ A_prev.T, dz.sum(1, keepdims=True)
""")
    with pytest.raises(Cannot, match="'activation' is not known"):
        fit(found["linear_activation_forward"])


def test_a_loss_over_time_that_is_a_value_alone_is_said_to_have_no_backward_pass(loaded):
    found, _ = loaded("""
def cross_entropy_loss(probabilities, target):
    n, t, v = probabilities.shape
    return -np.log(probabilities[np.arange(n)[:, None], np.arange(t), target]).mean()
""")
    with pytest.raises(Cannot, match="no backward pass is found"):
        fit(found["cross_entropy_loss"])


def test_a_loss_over_time_with_its_gradient_is_held_against_the_same_over_time(loaded):
    pytest.importorskip("torch")
    found, _ = loaded("""
def cross_entropy_loss(scores, target):
    n, t, v = scores.shape
    e = np.exp(scores - scores.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    at = np.arange(n)[:, None], np.arange(t), target
    loss = -np.log(p[at]).mean()
    p[at] -= 1
    return loss, p / (n * t)
""")
    subject = fit(found["cross_entropy_loss"])
    assert subject.kind.name == "temporal cross_entropy"
    assert agrees(subject)


def test_a_pullback_is_asked_for_no_rank_that_it_does_not_do(loaded):
    things, _ = loaded("""
def linear(x, w, b):
    def pullback(dy):
        return dy @ w, dy.T @ x, dy.sum(0)
    return x @ w.T + b, pullback
""")
    assert {"an x of rank 3", "a vector for x"} <= fit(things["linear"]).form.without


def test_a_weight_that_stands_before_the_ids_is_found_out(loaded):
    pytest.importorskip("torch")
    things, _ = loaded("""
def embedding_fwd(C, Xb):
    return C[Xb], (C.shape, Xb)
def embedding_bwd(demb, cache):
    shape, Xb = cache
    dC = np.zeros(shape)
    np.add.at(dC, Xb, demb)
    return dC
""")
    assert agrees(fit(things["embedding_fwd"]))


def test_a_loss_of_probabilities_that_is_off_by_a_constant_is_not_taken_for_one_of_logits(loaded):
    pytest.importorskip("torch")
    things, _ = loaded("""
class CrossEntropy:
    def loss(self, y_pred, y_true):
        return -np.sum(y_true * np.log(y_pred)) / y_pred.shape[0] + 1.0
    def grad(self, y_pred, y_true):
        return -y_true / y_pred / y_pred.shape[0]
""")
    assert fit(things["CrossEntropy"]).kind.name == "categorical_cross_entropy"


def test_nothing_is_said_of_the_momentum_of_what_keeps_no_statistics(loaded):
    things, _ = loaded("""
def batchnorm_forward(x, gamma, beta):
    std = np.sqrt(x.var(0) + 1e-5)
    xhat = (x - x.mean(0)) / std
    return gamma * xhat + beta, (xhat, gamma, std)
def batchnorm_backward(d, cache):
    xhat, gamma, std = cache
    g = d * gamma
    return (g - g.mean(0) - xhat * (g * xhat).mean(0)) / std, (d * xhat).sum(0), d.sum(0)
""")
    assert not {"momentum_is_share_kept", "running_var_biased"} & set(
        fit(things["batchnorm_forward"]).conventions
    )


@pytest.mark.parametrize(("value", "verdict"), [("y.astype(np.float64)", "convention"), ("y", "failed")])
def test_float64_that_comes_out_forward_and_backward_is_a_convention_and_backward_alone_a_slip(
    loaded, value, verdict
):
    pytest.importorskip("torch")
    source = f"""
def sigmoid(x):
    y = 1 / (1 + np.exp(-x))
    return {value}, lambda dy: ((dy * y * (1 - y)).astype(np.float64),)
"""
    records = check_subject(
        "a_file.py", fit(loaded(source)[0]["sigmoid"]), oracles=("torch",), profile="quick", seed=7
    )
    found = {r["verdict"] for r in records if r["check"] in ("dtype_is_preserved", "computes_in_float64")}
    assert found - {"passed"} == {verdict}
