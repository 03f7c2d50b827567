"""Backward passes in several functions, one for each gradient, and what is said of functions not checked."""

import inspect

import pytest
from agreement import agrees, failed

from scratchnet_crosscheck import discover
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.adapters.split import together

CONV = """
def _at(a, r, s, rows, columns, stride):
    return a[:, :, r:r + (rows - 1) * stride[0] + 1:stride[0], s:s + (columns - 1) * stride[1] + 1:stride[1]]
def _padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
def {forward}(x, w, pad=(0, 0), stride=(1, 1)):
    xp = _padded(x, pad)
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(xp.shape[2:], w.shape[2:], stride))
    return sum(np.einsum("ncpq,kc->nkpq", _at(xp, r, s, rows, columns, stride), w[:, :, r, s])
               for r, s in np.ndindex(*w.shape[2:]))
def {of_x}:
    dxp = _padded(np.zeros(x_shape, dy.dtype), pad)
    for r, s in np.ndindex(*w.shape[2:]):
        _at(dxp, r, s, *dy.shape[2:], stride)[...] += np.einsum("nkpq,kc->ncpq", dy, w[:, :, r, s])
    return dxp[:, :, pad[0]:pad[0] + x_shape[2], pad[1]:pad[1] + x_shape[3]]
def {of_w}:
    xp, dw = _padded(x, pad), np.zeros(w_shape, dy.dtype)
    for r, s in np.ndindex(*w_shape[2:]):
        dw[:, :, r, s] = np.einsum("nkpq,ncpq->kc", dy, _at(xp, r, s, *dy.shape[2:], stride)){slip}
    return dw
"""
_STEPS = "pad=(0, 0), stride=(1, 1)"
#: The forward pass, and its two backward functions, in the spellings of several libraries.
SPELLINGS = {
    "cuDNN": ("conv2d_fprop", "conv2d_dgrad(dy, w, x_shape, {})", "conv2d_wgrad(dy, x, w_shape, {})"),
    "words": (
        "conv2d_forward", "conv2d_backward_data(dy, w, x_shape, {})",
        "conv2d_backward_filter(dy, x, w_shape, {})",
    ),
    "torch.nn.grad": ("conv2d", "conv2d_input(x_shape, w, dy, {})", "conv2d_weight(x, w_shape, dy, {})"),
    "after": ("conv2d", "conv2d_grad_input(x_shape, w, dy, {})", "conv2d_weight_grad(x, w_shape, dy, {})"),
    "short": ("conv2d_fwd", "conv2d_bwd_dx(dy, w, x_shape, {})", "conv2d_bwd_dw(dy, x, w_shape, {})"),
    "dx": ("conv2d", "conv2d_dx(dy, w, x_shape, {})", "conv2d_dw(dy, x, w_shape, {})"),
}  # fmt: skip


def _source(spelling, slip=""):
    forward, of_x, of_w = (text.format(_STEPS) for text in SPELLINGS[spelling])
    return CONV.format(forward=forward, of_x=of_x, of_w=of_w, slip=slip), forward


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_forward_with_a_backward_function_for_each_gradient_is_checked(candidates, spelling):
    pytest.importorskip("torch")
    source, forward = _source(spelling)
    found = candidates(source)
    assert list(found) == [forward]
    assert len(found[forward].others) == 2
    assert failed(found[forward]) == set()


@pytest.mark.parametrize("spelling", ["cuDNN", "torch.nn.grad"])
def test_a_slip_in_one_of_them_is_seen(candidates, spelling):
    pytest.importorskip("torch")
    source, forward = _source(spelling, slip=" * (r + 1)")
    assert not agrees(fit(candidates(source)[forward]))


LINEAR = """
def linear_forward(x, W, b):
    return x @ W + b, (x, W)
def linear_backward_input(dout, cache):
    return dout @ cache[1].T
def linear_backward_weight(grad, cache):
    return cache[0].T @ grad
"""
BIAS = """
def linear_backward_bias(dout, cache):
    return dout.{bias}(0)
"""


@pytest.mark.parametrize(("bias", "right"), [("sum", True), ("max", False)])
def test_such_functions_are_handed_the_cache(candidates, bias, right):
    pytest.importorskip("torch")
    assert agrees(fit(candidates(LINEAR + BIAS.format(bias=bias))["linear_forward"])) == right


def test_a_gradient_that_no_function_gives_is_said_to_be_missing(candidates):
    subject = fit(candidates(LINEAR)["linear_forward"])
    assert "no gradient of bias was found" in subject.notes


def test_without_the_gradient_of_the_input_it_is_not_checked(candidates):
    only = LINEAR.replace("linear_backward_input", "_dx")
    with pytest.raises(Cannot, match="none gives the gradient of x"):
        fit(candidates(only)["linear_forward"])


def test_beside_one_backward_function_of_all_they_are_checked_by_themselves(candidates):
    pytest.importorskip("torch")
    whole = """
def linear_backward(dout, cache):
    return dout @ cache[1].T, cache[0].T @ dout, dout.sum(0)
"""
    found = candidates(LINEAR + BIAS.format(bias="max") + whole)
    assert agrees(fit(found["linear_forward"]))
    assert not agrees(fit(found["linear_backward_input"]))


def test_what_comes_from_above_of_two_outputs_goes_by_its_place_in_each_function():
    def of_x(dh, dc, w):
        return dh + 2 * dc + w

    def of_w(grad_h, grad_c, x):
        return grad_h - grad_c + x

    handed = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("x", "w")]
    back = together({"x": of_x, "w": of_w}, handed)
    assert list(inspect.signature(back).parameters) == ["dh", "dc", "w", "x"]
    assert back(dh=1, dc=10, w=100, x=1000) == {"x": 121, "w": 991}


def _listed(candidates, source):
    found = candidates(source)
    import layers_of_a_test

    taken = {name for c in found.values() for name in (c.name, *c.others)}
    return {name: reason for name, reason, _ in discover.unknown(discover.defined(layers_of_a_test), taken)}


@pytest.mark.parametrize(
    "name",
    ["stencil_fprop", "stencil_bprop", "stencil_dgrad", "stencil_wgrad", "stencil_vjp", "fwd_stencil",
     "stencil_bwd_dx"],
)  # fmt: skip
def test_a_function_whose_name_says_that_it_is_a_pass_is_listed(candidates, name):
    assert list(_listed(candidates, f"def {name}(x):\n    return x\n")) == [name]


@pytest.mark.parametrize(
    "back",
    ["d_bent(x)", "bent_prime(x)", "bent_grad(dy, x)", "bent_dx(dy, x)", "bent_input(dy, x)",
     "bent_grad_input(dy, x)"],
)  # fmt: skip
def test_a_function_is_listed_where_another_is_its_derivative_by_its_name(candidates, back):
    name = back.partition("(")[0]
    found = _listed(candidates, f"def bent(x):\n    return x * x\ndef {back}:\n    return 2 * x\n")
    assert set(found) == {"bent", name}
    assert name in found["bent"]


def test_a_second_backward_function_that_is_not_asked_is_listed(candidates):
    source = """
def relu(x):
    return x * (x > 0)
def relu_prime(x):
    return x > 0
def relu_backward(dy, x):
    return dy * (x > 0)
"""
    assert list(_listed(candidates, source)) == ["relu_backward"]


def test_what_checks_gradients_or_has_none_is_not_listed(candidates):
    source = """
def gradient_check(f, x):
    return x
def numerical_gradient(f, x):
    return x
def clip_gradients(x):
    return x
def dispatch(x):
    return x
def degrade(x):
    return x
def accuracy(x, y):
    return x
"""
    assert _listed(candidates, source) == {}


def test_a_class_whose_one_pass_is_backward_is_a_tensor_or_a_context(candidates):
    assert _listed(candidates, "class Value:\n    def backward(self):\n        return None\n") == {}


@pytest.mark.parametrize("methods", [("fprop", "dgrad", "wgrad"), ("forward", "backward_x", "backward_w")])
def test_a_class_with_passes_by_other_names_is_listed(candidates, methods):
    body = "\n".join(f"    def {m}(self, x):\n        return x" for m in methods)
    reason = _listed(candidates, f"class Stencil:\n{body}\n")["Stencil"]
    assert all(m in reason for m in methods)
