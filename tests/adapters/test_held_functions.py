"""Functions that a class holds, that have a flag for their derivative, or that compute with tensors."""

import numpy as np
import pytest
from agreement import SETTING, agrees

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.adapters.runner import Reference, runner_of
from scratchnet_crosscheck.checking import check_subject, known_checks
from scratchnet_crosscheck.references.protocol import Sampler

STATIC = """
class Linear:
    @staticmethod
    def forward(x, w, b):
        return x @ w + b, (x, w)
    @staticmethod
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.{reduced}(axis=0)
class Pool:
    @staticmethod
    def forward(x, pool_param):
        k, s = pool_param['pool_height'], pool_param['stride']
        kw = pool_param['pool_width']
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, kw), (2, 3))[:, :, ::s, ::s]
        return windows.max((-2, -1)), (x, pool_param)
    @staticmethod
    def backward(dout, cache):
        x, pool_param = cache
        k, s, kw = pool_param['pool_height'], pool_param['stride'], pool_param['pool_width']
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(*dout.shape):
            at = x[n, c, i * s:i * s + k, j * s:j * s + kw]
            h, w = np.unravel_index(at.argmax(), at.shape)
            dx[n, c, i * s + h, j * s + w] += dout[n, c, i, j]
        return dx
"""


@pytest.mark.parametrize("name", ["Linear", "Pool"])
def test_static_passes_are_driven_as_a_pair(candidates, name):
    pytest.importorskip("torch")
    found = candidates(STATIC.format(reduced="sum"))
    assert list(found) == ["Linear", "Pool"]
    assert agrees(fit(found[name]))


def test_a_slip_in_a_static_pass_is_seen(candidates):
    pytest.importorskip("torch")
    assert not agrees(fit(candidates(STATIC.format(reduced="mean"))["Linear"]))


NAMESPACE = """
class Activations:
    @staticmethod
    def tanh(x):
        return np.tanh(x)
    @staticmethod
    def tanh_derivative(x):
        return 1 - np.tanh(x) ** 2
    @staticmethod
    def sigmoid(x, derivative=False):
        s = 1 / (1 + np.exp(-x))
        return s * (1 - s) if derivative else s
    @staticmethod
    def relu(x):
        return np.maximum(x, 0)
"""


def test_a_class_of_functions_is_looked_into(candidates):
    pytest.importorskip("torch")
    found = candidates(NAMESPACE)
    assert list(found) == ["Activations.tanh", "Activations.sigmoid"]
    assert all(agrees(fit(c)) for c in found.values())


def test_a_function_that_a_class_holds_can_be_named(candidates):
    pytest.importorskip("torch")
    source = NAMESPACE.replace("tanh", "squash").replace("np.squash", "np.tanh")
    assert "Activations.squash" not in candidates(source)
    assert agrees(fit(candidates(source, **{"Activations.squash": "tanh"})["Activations.squash"]))


FLAGS = """
def sigmoid(x, derivative=False):
    return x * (1 - x) if derivative else 1 / (1 + np.exp(-x))
def relu(x, deriv=0):
    return (x > 0) * 1.0 if deriv else np.maximum(0, x)
def elu(x, derivative, alpha=1.0):
    return np.where(x > 0, 1, {slope}) if derivative else np.where(x > 0, x, alpha * np.expm1(x))
def tanh(x, grad):
    return grad * (1 - np.tanh(x) ** 2)
"""


def test_a_flag_for_the_derivative_is_driven(candidates):
    pytest.importorskip("torch")
    found = candidates(FLAGS.format(slope="alpha * np.exp(x)"))
    subjects = {n: fit(found[n]) for n in ("sigmoid", "relu", "elu")}
    assert all(agrees(s) for s in subjects.values())
    assert "sigmoid is handed the output of sigmoid" in subjects["sigmoid"].driver.notes
    assert found["tanh"].convention == "function"  # an argument that must be given may be the cotangent


OF_THE_INPUT = """
def sigmoid(x, derivative=False):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s) if derivative else s
def softplus(x, derivative=False):
    return sigmoid(x) if derivative else np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
def tanh(x, derivative=False):
    return 1 - {of}**2 if derivative else np.tanh(x)
"""


@pytest.mark.parametrize(("of", "right"), [("x", False), ("np.tanh(x)", True)])
def test_the_derivatives_of_one_file_are_handed_the_same_all_of_them(candidates, of, right):
    pytest.importorskip("torch")
    found = {n: agrees(fit(c)) for n, c in candidates(OF_THE_INPUT.format(of=of)).items()}
    assert found == {"sigmoid": True, "softplus": True, "tanh": right}


def test_a_wrong_derivative_behind_a_flag_is_seen(candidates):
    pytest.importorskip("torch")
    assert not agrees(fit(candidates(FLAGS.format(slope="np.exp(x)"))["elu"]))


TENSORS = """
import torch
def linear_forward(x, w, b):
    return x.view(x.shape[0], -1).mm(w) + b, (x, w)
def linear_backward(dout, cache):
    x, w = cache
    return dout.mm(w.t()).view(x.shape), x.view(x.shape[0], -1).t().mm(dout), dout.sum(dim=0)
class ReLU:
    @staticmethod
    def forward(x):
        return x * (x > 0), x
    @staticmethod
    def backward(dout, cache):
        dx = dout.clone()
        dx[cache <= 0] = 0
        return dx
"""


@pytest.mark.parametrize("name", ["linear_forward", "ReLU"])
def test_a_pair_that_computes_with_tensors_is_handed_tensors(candidates, name):
    pytest.importorskip("torch")
    subject = fit(candidates(TENSORS)[name])
    assert agrees(subject)
    assert "it is handed tensors" in subject.notes


MISDRIVEN = """
def batchnorm_forward(x, gamma, beta, cache):
    mean, var = cache["mean"], cache["var"]
    return (x - mean) / np.sqrt(var + 1e-5) * gamma + beta, (x, mean, var, gamma)
def batchnorm_backward(dout, cache):
    x, mean, var, gamma = cache
    return dout * gamma / np.sqrt(var + 1e-5), dout.sum(0), dout.sum(0)
def softmax_loss(scores, labels, table):
    return table.look(scores), labels
def rnn_forward(tokens, labels, a0, parameters, size=27):
    return tokens[parameters], (labels, a0)
def rnn_backward(tokens, labels, parameters, cache):
    return {}
def maxpool(x, kernel_size):
    kh, kw = kernel_size
    return x[:, :, ::kh, ::kw].reshape(-1, 7, 7)
"""


@pytest.mark.parametrize("name", ["batchnorm_forward", "rnn_forward", "softmax_loss", "maxpool"])
def test_what_raises_on_every_call_for_what_it_is_handed_is_not_called_wrong(candidates, name):
    with pytest.raises(Cannot):
        fit(candidates(MISDRIVEN)[name])


def test_a_side_that_is_taken_as_a_pair_is_handed_over_as_one(candidates):
    pytest.importorskip("torch")
    found = candidates("""
def avg_pool_forward(x, kernel_size, stride):
    (kh, kw), (sh, sw) = kernel_size, stride
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::sh, ::sw]
    return windows.mean((-2, -1)), (x.shape, kernel_size, stride)
def avg_pool_backward(dout, cache):
    shape, (kh, kw), (sh, sw) = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    for i, j in np.ndindex(dout.shape[2:]):
        dx[:, :, i * sh:i * sh + kh, j * sw:j * sw + kw] += dout[:, :, i, j, None, None] / (kh * kw)
    return dx
""")
    assert agrees(fit(found["avg_pool_forward"]))


def test_a_random_mask_of_torch_is_drawn_again_from_its_seed(candidates):
    pytest.importorskip("torch")
    subject = fit(
        candidates("""
import torch
class Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, p=0.5, training=True):
        ctx.mask = (torch.rand_like(x) > p) / (1 - p) if training else torch.ones_like(x)
        return x * ctx.mask
    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.mask, None, None
""")["Dropout"]
    )
    case = subject.case(Sampler(np.random.default_rng(3), SETTING), "nothing")
    runner = runner_of(subject)
    assert np.array_equal(runner.forward(case)[0], runner.forward(case)[0])


def test_a_framework_s_function_may_choose_its_formula_but_not_its_gradient(candidates):
    pytest.importorskip("torch")
    source = """
import torch
class MSE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, target):
        ctx.save_for_backward(x, target)
        return ((x - target) ** 2).sum()
    @staticmethod
    def backward(ctx, dy):
        x, target = ctx.saved_tensors
        dx = 2 * (x - target) * dy{slip}
        return dx, -dx
"""
    right, wrong = (fit(candidates(source.format(slip=slip))["MSE"]) for slip in ("", " / len(x)"))
    assert list(right.conventions) == list(wrong.conventions) == ["sum_reduction"]
    assert agrees(right)
    assert not agrees(wrong)


def test_a_state_that_is_none_in_evaluation_is_one_that_stays(candidates):
    pytest.importorskip("torch")
    found = candidates("""
def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    mean, var = (x.mean(0), x.var(0)) if training else (running_mean, running_var)
    inv = 1 / np.sqrt(var + eps)
    xhat, n, new = (x - mean) * inv, len(x), None
    if training:
        new = ((1 - momentum) * running_mean + momentum * mean,
               (1 - momentum) * running_var + momentum * var * n / (n - 1))
    def pullback(dy):
        g = dy * weight
        dx = inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)) if training else g * inv
        return dx, None, None, (dy * xhat).sum(0), dy.sum(0)
    return xhat * weight + bias, pullback, new
def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = tuple(range(-len(normalized_shape), 0))
    inv = 1 / np.sqrt(x.var(axes, keepdims=True) + eps)
    xhat = (x - x.mean(axes, keepdims=True)) * inv
    def pullback(dy):
        lead, g = tuple(range(x.ndim - 1)), dy * weight
        dx = inv * (g - g.mean(axes, keepdims=True) - xhat * (g * xhat).mean(axes, keepdims=True))
        return dx, (dy * xhat).sum(lead), dy.sum(lead)
    return xhat * weight + bias, pullback
""")
    runner = runner_of(fit(found["batch_norm"]))
    for seed in range(6):
        case = runner.subject.case(Sampler(np.random.default_rng(seed), SETTING), "nothing")
        runner.forward(case)
    assert agrees(fit(found["layer_norm"]))


SAME = """
def conv_forward(x, w, b, padding="same"):
    kh, kw = w.shape[2:]
    t, l = ((kh - 1) // 2, (kw - 1) // 2) if padding == "same" else (0, 0)
    around = ((t, kh - 1 - t), (l, kw - 1 - l)) if padding == "same" else ((0, 0), (0, 0))
    xp = np.pad(x, ((0, 0), (0, 0), *around))
    windows = np.lib.stride_tricks.sliding_window_view(xp, (kh, kw), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w) + b[:, None, None], (x.shape, xp, windows, w, t, l)
def conv_backward(dout, cache):
    shape, xp, windows, w, t, l = cache
    kh, kw = w.shape[2:]
    dxp = np.zeros_like(xp)
    for i, j in np.ndindex(dout.shape[2:]):
        dxp[:, :, i:i + kh, j:j + kw] += np.einsum("no,ocij->ncij", dout[:, :, i, j], w)
    t, l = {cut}
    dx = dxp[:, :, t:t + shape[2], l:l + shape[3]]
    return dx, np.einsum("nohw,nchwij->ocij", dout, windows), dout.sum((0, 2, 3))
"""


@pytest.mark.parametrize(
    ("cut", "right"), [("t, l", True), ("(kh // 2, kw // 2) if xp.shape != shape else (0, 0)", False)]
)
def test_kernels_of_even_size_are_asked_for_where_the_padding_is_same(candidates, cut, right):
    pytest.importorskip("torch")
    from scratchnet_crosscheck.checking import check_subject
    from scratchnet_crosscheck.references._conv import EVEN_SAME

    subject = fit(candidates(SAME.format(cut=cut))["conv_forward"])
    assert EVEN_SAME not in subject.form.without
    runner, judge = runner_of(subject), Reference("torch", subject)
    agreed = []
    for seed in range(12):
        case = subject.case(Sampler(np.random.default_rng(seed), SETTING), EVEN_SAME)
        dy = tuple(np.random.default_rng(seed).normal(size=y.shape) for y in runner.forward(case))
        agreed += [np.allclose(g, w) if g.shape == w.shape else False
                   for g, w in zip(runner.vjp(case, dy), judge.vjp(case, dy), strict=True)]  # fmt: skip
    assert all(agreed) == right
    if not right:
        records = check_subject("held_functions.py", subject, oracles=("torch",), profile="quick", seed=1)
        said = [r for r in records if r["check"] == "backward_equals_the_reference" and "64" in r["dtype"]]
        assert [d["key"] for r in said for d in r["diagnosis"]] == ["wrong_for_even_kernel"]


PACKED = """
def linear_forward(params, x):
    return x @ params["W"] + params["b"], (x, params)
def linear_backward(grad, cache):
    x, params = cache
    return grad @ params["W"].T, {{"W": x.T @ grad, "b": grad.{reduced}(0)}}
def dense_fwd(x, params):
    W, b = params
    return x @ W + b, (x, W)
def dense_bwd(dy, cache):
    x, W = cache
    return dy @ W.T, (x.T @ dy, dy.{reduced}(0))
def affine_forward(x, params):
    return x @ params["W"] + params["b"]
def affine_backward(dout, x, params):
    return {{"dx": dout @ params["W"].T, "dW": x.T @ dout, "db": dout.{reduced}(0)}}
"""


@pytest.mark.parametrize("name", ["linear_forward", "dense_fwd", "affine_forward"])
@pytest.mark.parametrize("reduced", ["sum", "mean"])
def test_parameters_in_one_argument_are_driven(candidates, name, reduced):
    pytest.importorskip("torch")
    assert agrees(fit(candidates(PACKED.format(reduced=reduced))[name])) == (reduced == "sum")


def test_a_gradient_guarded_by_another_argument_s_flag_is_seen(candidates):
    pytest.importorskip("torch")
    source = """
import torch
class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T + bias
    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        rows = dy.reshape(-1, dy.shape[-1])
        return (
            dy @ weight if ctx.needs_input_grad[0] else None,
            rows.T @ x.reshape(-1, x.shape[-1]) if ctx.needs_input_grad[1] else None,
            rows.sum(0) if ctx.needs_input_grad[FLAG] else None,
        )
"""
    for flag, verdict in (("2", "passed"), ("1", "failed")):
        subject = fit(candidates(source.replace("FLAG", flag))["LinearFunction"])
        skip = [name for name in known_checks() if name != "each_cotangent_alone_is_the_same"]
        (found,) = check_subject("a_file.py", subject, oracles=(), profile="quick", seed=1, skip=skip)
        assert found["verdict"] == verdict, found["message"]


def test_a_rearrangement_may_hand_on_a_view_of_its_argument(candidates):
    found = candidates("""
def pixel_shuffle(x, upscale_factor):
    n, c, h, w = x.shape
    r = upscale_factor
    y = x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // r**2, h * r, w * r)
    def pullback(dy):
        parts = dy.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 3, 5, 2, 4)
        return (parts.reshape(x.shape),)
    return y, pullback
""")
    records = check_subject("a_file.py", fit(found["pixel_shuffle"]), oracles=(), profile="quick", seed=1)
    assert {r["check"] for r in records if r["verdict"] == "failed"} == set()


def _custom_vjp(jax, body):
    @jax.custom_vjp
    def tanh(x):
        return body(x)

    tanh.defvjp(lambda x: (body(x), body(x)), lambda y, g: (g * (1 - y * y),))
    (found,) = recognise({"tanh": tanh}, {})
    return fit(found)


def test_a_custom_vjp_is_compiled_as_a_whole_unless_it_looks_at_its_numbers():
    pytest.importorskip("torch")
    jax = pytest.importorskip("jax")

    def looks(x):
        return jax.numpy.tanh(x) if x.size == 0 or float(x.ravel()[0]) > -1e300 else x

    for body, compiled in ((jax.numpy.tanh, True), (looks, False)):
        subject = _custom_vjp(jax, body)
        assert agrees(subject)
        assert bool(subject.driver.compiled_whole) is compiled


POOL = """
import numpy as np
def pool_forward(A_prev, hparameters, mode="max"):
    f, s = hparameters["f"], hparameters["stride"]
    windows = np.lib.stride_tricks.sliding_window_view(A_prev, (f, f), (1, 2))[:, ::s, ::s]
    return (windows.max((-2, -1)) if mode == "max" else windows.mean((-2, -1))), (A_prev, hparameters)
def pool_backward(dA, cache, mode="max"):
    x, hparameters = cache
    f, s = hparameters["f"], hparameters["stride"]
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dA.shape[1:3]):
        at = (slice(None), slice(i * s, i * s + f), slice(j * s, j * s + f))
        if mode == "max":
            flat = x[at].reshape(len(x), f * f, -1)
            first = np.arange(f * f)[:, None] == flat.argmax(1)[:, None]
            dx[at] += (first * dA[:, i, j][:, None]).reshape(x[at].shape)
        else:
            dx[at] SLIP np.broadcast_to(dA[:, i, j][:, None, None] / (f * f), x[at].shape)
    return dx
"""


@pytest.mark.parametrize(("slip", "verdict"), [("+=", "passed"), ("=", "failed")])
def test_a_pooling_told_which_it_is_is_asked_for_both(candidates, slip, verdict):
    pytest.importorskip("torch")
    subject = fit(candidates(POOL.replace("SLIP", slip))["pool_forward"])
    skip = [name for name in known_checks() if name != "backward_equals_the_reference"]
    found = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=1, skip=skip)
    assert {r["verdict"] for r in found if r["dtype"] == "float64"} == {verdict}


def test_running_statistics_that_are_put_into_a_table_of_tensors_are_read_back(candidates):
    pytest.importorskip("torch")
    found = candidates("""
import torch
class BatchNorm:
    @staticmethod
    def forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
        mean, var = bn_param['running_mean'], bn_param['running_var']
        if bn_param['mode'] == 'train':
            m, v = x.mean(0), ((x - x.mean(0)) ** 2).mean(0)
            bn_param['running_mean'] = momentum * mean + (1 - momentum) * m
            bn_param['running_var'] = momentum * var + (1 - momentum) * v
            mean, var = m, v
        xhat = (x - mean) / (var + eps).sqrt()
        return gamma * xhat + beta, (xhat, gamma, var + eps, bn_param['mode'])
    @staticmethod
    def backward(dout, cache):
        xhat, gamma, var, mode = cache
        g = dout * gamma
        terms = g.mean(0) + xhat * (g * xhat).mean(0) if mode == 'train' else 0
        return (g - terms) / var.sqrt(), (dout * xhat).sum(0), dout.sum(0)
""")
    subject = fit(found["BatchNorm"])
    skip = [name for name in known_checks() if name != "forward_equals_the_reference"]
    records = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=1, skip=skip)
    assert {r["verdict"] for r in records if r["dtype"]} <= {"passed", "convention"}


def test_maxima_that_come_with_their_places_are_driven(candidates):
    pytest.importorskip("torch")
    found = candidates("""
import torch
class MaxPool1d(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride=None):
        y, places = torch.nn.functional.max_pool1d(x, kernel_size, stride, return_indices=True)
        ctx.save_for_backward(places)
        ctx.mark_non_differentiable(places)
        ctx.shape = x.shape
        return y, places
    @staticmethod
    def backward(ctx, dy, _):
        (places,) = ctx.saved_tensors
        return dy.new_zeros(ctx.shape).scatter_add(-1, places, dy), None, None
""")
    assert agrees(fit(found["MaxPool1d"]))


def test_what_wants_a_context_is_not_called_wrong(candidates):
    source = """
class ReLU:
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x > 0)
        return x * (x > 0)
    @staticmethod
    def backward(ctx, dout):
        return dout * ctx.saved_values[0]
"""
    with pytest.raises(Cannot, match="wants a context"):
        fit(candidates(source)["ReLU"])


def test_what_raises_handed_tensors_as_well_is_not_called_wrong(candidates):
    pytest.importorskip("torch")
    source = """
import torch
class ReLU:
    def forward(self, inp):
        self.inp = inp
        return inp.relu().own()
    def backward(self, dout):
        return dout * (self.inp > 0)
"""
    with pytest.raises(Cannot, match="its file has torch"):
        fit(candidates(source)["ReLU"])


def test_a_loss_whose_pullback_moves_the_prediction_alone_is_right(candidates):
    pytest.importorskip("torch")
    found = candidates("""
def mse_loss(input, target):
    d = input - target
    return (d * d).mean(), lambda dy: dy * 2 * d / d.size
""")
    subject = fit(found["mse_loss"])
    records = list(check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=1))
    assert {r["check"] for r in records if r["verdict"] == "failed"} == set()
    assert "no gradient of target was found" in subject.notes


def test_what_forward_returns_beside_its_value_is_handed_to_backward_by_its_name(candidates):
    pytest.importorskip("torch")
    found = candidates("""
import numpy as np

def layernorm_fwd(x, w, b, eps=1e-5):
    mean = x.mean(-1)
    centred = x - mean[..., None]
    rstd = 1 / np.sqrt((centred**2).mean(-1) + eps)
    y = centred * rstd[..., None] * w + b
    return y, mean, rstd


def layernorm_bwd(dy, x, w, mean, rstd):
    xhat = (x - mean[..., None]) * rstd[..., None]
    g = dy * w
    first, second = g.mean(-1, keepdims=True), (g * xhat).mean(-1, keepdims=True)
    rows = tuple(range(x.ndim - 1))
    return rstd[..., None] * (g - first - xhat * second), (dy * xhat).sum(rows), dy.sum(rows)

""")
    assert agrees(fit(found["layernorm_fwd"]))


WITH_ITS_ACTIVATION = """
class Dense:
    def __init__(self, w, b):
        self.w, self.b = w, b
    def forward(self, a):
        self.a = a
        self.z = self.w @ a + self.b
        self.out = {value}
        return self.out
    def backward(self, delta):
        delta = delta * {slope}
        self.dw, self.db = delta @ self.a.T, delta.sum(axis=1, keepdims=True)
        return self.w.T @ delta
"""


@pytest.mark.parametrize(
    ("value", "slope", "kind", "right"),
    [
        ("1 / (1 + np.exp(-self.z))", "self.out * (1 - self.out)", "affine_sigmoid", True),
        ("np.tanh(self.z)", "(1 - self.out**2)", "affine_tanh", True),
        ("np.maximum(self.z, 0)", "(self.z > 0)", "affine_relu", True),
        ("1 / (1 + np.exp(-self.z))", "self.z * (1 - self.z)", "affine_sigmoid", False),
    ],
)
def test_a_dense_layer_with_its_activation_inside_is_held_against_both(candidates, value, slope, kind, right):
    pytest.importorskip("torch")
    subject = fit(candidates(WITH_ITS_ACTIVATION.format(value=value, slope=slope))["Dense"])
    assert subject.kind.name == kind
    assert agrees(subject) is right


SLOPES = """
def prelu(x, a):
    rising, wide = x > 0, a.reshape({wide})
    def pullback(dy):
        summed = np.where(rising, 0, x * dy).sum(axis={axes})
        return np.where(rising, dy, wide * dy), summed
    return np.where(rising, x, wide * x), pullback
"""
SUMMED_OVER = "tuple(i for i in range(x.ndim) if i != 1)"


@pytest.mark.parametrize(
    ("wide", "axes", "right"),
    [
        ("(-1, 1)", "1", True),  # samples in columns
        ("(-1, *(1,) * (x.ndim - 2))", SUMMED_OVER, True),
        ("(-1, *(1,) * (x.ndim - 2))", "(0, *range(3, x.ndim))", False),  # of images one axis is forgotten
    ],
)
def test_slopes_of_channels_are_asked_for_in_columns_and_of_images(candidates, wide, axes, right):
    pytest.importorskip("torch")
    subject = fit(candidates(SLOPES.format(wide=wide, axes=axes))["prelu"])
    quick = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7)
    assert ("failed" not in {r["verdict"] for r in quick}) is right


def test_what_computes_in_float32_and_hands_out_float64_is_checked_in_float32(candidates):
    pytest.importorskip("torch")
    source = """
class RMSNorm:
    def __init__(self, weight, eps=1e-6):
        self.weight, self.eps = weight, eps
    def forward(self, x):
        self.x, self.dtype = x.astype(np.float32), x.dtype
        self.rstd = 1 / np.sqrt((self.x**2).mean(-1, keepdims=True) + np.float32(self.eps))
        return (self.x * self.rstd * self.weight.astype(np.float32)).astype(x.dtype)
    def backward(self, dy):
        xhat, g = self.x * self.rstd, dy.astype(np.float32)
        self.dweight = (g * xhat).reshape(-1, xhat.shape[-1]).sum(0).astype(self.dtype)
        g = g * self.weight.astype(np.float32)
        return (self.rstd * (g - xhat * (g * xhat).mean(-1, keepdims=True))).astype(self.dtype)
"""
    subject = fit(candidates(source)["RMSNorm"])
    assert "float32_alone" in subject.conventions
    verdicts = {
        r["check"]: r["verdict"]
        for r in check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7)
    }
    assert "failed" not in verdicts.values()
    assert verdicts["backward_equals_the_reference"] == "passed"


OVER_LENGTHS = """
class BatchNorm1d:
    def __init__(self, num_features, eps=1e-5, affine=True):
        self.eps, self.affine = eps, affine
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
    def wide(self, v):
        return v.reshape((1, -1) + (1,) * (self.xhat.ndim - 2))
    def forward(self, x):
        self.axes = (0,) if x.ndim == 2 else (0, 2)
        mean, var = x.mean(self.axes, keepdims=True), x.var(self.axes, keepdims=True)
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mean) / self.std
        return self.xhat * self.wide(self.gamma) + self.wide(self.beta) if self.affine else self.xhat.copy()
    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(self.axes), dout.sum(self.axes)
        g = {scaled}
        m = {count}
        both = g.sum(self.axes, keepdims=True), (g * self.xhat).sum(self.axes, keepdims=True)
        return (g - both[0] / m - self.xhat * both[1] / m) / self.std
"""
SCALED, COUNT = "dout * self.wide(self.gamma) if self.affine else dout", "dout.size // dout.shape[1]"


@pytest.mark.parametrize(
    ("scaled", "count", "right"),
    [
        (SCALED, COUNT, True),
        (SCALED, "len(dout)", False),
        ("dout * self.wide(self.gamma) if not self.affine else 2 * dout - dout", COUNT, False),
    ],
)
def test_a_batch_norm_of_lines_is_asked_for_these_and_without_its_weight(candidates, scaled, count, right):
    pytest.importorskip("torch")
    subject = fit(candidates(OVER_LENGTHS.format(scaled=scaled, count=count))["BatchNorm1d"])
    assert {"an x of rank 4", "an x of rank 3"} - subject.form.without == {"an x of rank 3"}
    records = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7)
    assert ("failed" not in {r["verdict"] for r in records}) is right


OF_TENSORS = """
import torch
class Softmax:
    def __init__(self, dim=-1):
        self.dim = dim
    @torch.no_grad()
    def forward(self, x):
        e = (x - x.amax(self.dim, keepdim=True)).exp()
        self.y = e / e.sum(self.dim, keepdim=True)
        return self.y.clone()
    def backward(self, dy):
        yd = self.y * dy
        return yd{slip} - self.y * yd.sum(self.dim, keepdim=True)
class Linear:
    def __init__(self, in_features, out_features):
        self.weight = torch.randn(out_features, in_features)
        self.bias = torch.zeros(out_features)
    def forward(self, x):
        self.cache = [x]
        return x @ self.weight.t() + self.bias
    def backward(self, dy):
        (x,) = self.cache
        self.grads = {{"weight": dy.flatten(0, -2).t() @ x.flatten(0, -2){slip}}}
        self.grads["bias"] = dy.flatten(0, -2).sum(0)
        return dy @ self.weight
class BatchNorm1d:
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(num_features), torch.zeros(num_features)
        self.running_mean, self.running_var = torch.zeros(num_features), torch.ones(num_features)
    def forward(self, x):
        if self.training:
            mean, var = x.mean(0), x.var(0, unbiased=False)
            m = self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_var = (1 - m) * self.running_var + m * x.var(0)
        else:
            mean, var = self.running_mean, self.running_var
        self.std = (var + self.eps).sqrt()
        self.xhat = (x - mean) / self.std
        return self.gamma * self.xhat + self.beta
    def backward(self, dy):
        self.dgamma, self.dbeta = (dy * self.xhat).sum(0), dy.sum(0)
        g = dy * self.gamma
        if not self.training:
            return g / self.std
        return (g - g.mean(0) - self.xhat * (g * self.xhat).mean(0){slip}) / self.std
"""


@pytest.mark.parametrize(("slip", "right"), [("", True), (" * 2", False)])
@pytest.mark.parametrize("name", ["Softmax", "Linear", "BatchNorm1d"])
def test_a_class_that_computes_with_tensors_is_handed_tensors(candidates, name, slip, right):
    pytest.importorskip("torch")
    subject = fit(candidates(OF_TENSORS.format(slip=slip))[name])
    assert "it is handed tensors" in subject.notes
    records = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7)
    assert ("failed" not in {r["verdict"] for r in records}) is right


BIAS = """
import torch
class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias
    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        return dy @ weight, dy.t() @ x, {dbias}
"""


@pytest.mark.parametrize(("dbias", "verdict"), [("dy.sum(0)", "passed"), ("None", "failed")])
def test_none_in_the_place_of_a_parameters_gradient_is_wrong(loaded, dbias, verdict):
    pytest.importorskip("torch")
    subject = fit(loaded(BIAS.format(dbias=dbias))[0]["LinearFunction"])
    skip = [name for name in known_checks() if name != "backward_equals_the_reference"]
    records = check_subject("a.py", subject, oracles=("torch",), profile="quick", seed=3, skip=skip)
    assert {r["verdict"] for r in records} == {verdict}
