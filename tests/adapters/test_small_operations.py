"""Operations that torch has as functions, and what is met fused: gates, sums, norms, logarithms of sums."""

import pytest
from agreement import failed

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot

GATES = """
import torch
def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)
def silu_mul_forward(gate, up):
    return gate * _sigmoid(gate) * up
def silu_mul_backward(dout, gate, up):
    s = _sigmoid(gate)
    return dout * up * s * (1 + {inner} * (1 - s)), dout * gate * s
def swiglu(x):
    up, gate = np.split(x, 2, axis=-1)
    s = _sigmoid(gate)
    slope = s * (1 + {inner} * (1 - s))
    return up * gate * s, lambda dy: (np.concatenate([dy * gate * s, dy * up * slope], -1),)
class SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate, up):
        ctx.save_for_backward(gate, up)
        return torch.nn.functional.silu(gate) * up
    @staticmethod
    def backward(ctx, dy):
        gate, up = ctx.saved_tensors
        s = torch.sigmoid(gate)
        return dy * up * s * (1 + {inner} * (1 - s)), dy * gate * s
"""


@pytest.mark.parametrize("name", ["silu_mul_forward", "swiglu", "SwiGLU"])
def test_a_gate_of_silu_is_known_of_two_arrays_and_of_halves(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(GATES.format(inner="gate"))[0][name]) == set()


@pytest.mark.parametrize("name", ["silu_mul_forward", "swiglu", "SwiGLU"])
def test_a_gate_of_silu_with_the_slope_of_another_function_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(GATES.format(inner="up"))[0][name])


def test_a_swiglu_with_weights_is_not_taken_for_its_gate(loaded):
    found, _ = loaded("""
def swiglu_forward(x, w1, w2):
    return x, None
def swiglu_backward(dout, cache):
    return dout
def swiglu(x, w):
    return x, lambda dy: (dy, dy)
""")
    assert not found


SUMS = """
def residual_forward(x1, x2):
    return x1 + x2
def residual_backward(dout):
    return {first}dout, dout
def add(x, y):
    def back(dy):
        return {first}dy, dy
    return x + y, back
"""


@pytest.mark.parametrize("name", ["residual_forward", "add"])
def test_a_sum_may_hand_on_its_cotangent_as_it_is(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(SUMS.format(first=""))[0][name]) == set()


@pytest.mark.parametrize("name", ["residual_forward", "add"])
def test_a_sum_that_halves_its_gradient_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(SUMS.format(first="0.5 * "))[0][name])


BIASED = """
K = 0.7978845608028654
def bias_gelu_fwd(x, bias):
    z = x + bias
    return 0.5 * z * (1 + np.tanh(K * z * (1 + 0.044715 * z * z)))
def bias_gelu_bwd(dy, x, bias):
    z = x + bias
    t = np.tanh(K * z * (1 + 0.044715 * z * z))
    dx = dy * (0.5 * z * (1 - t * t) * (K + 3 * K * 0.044715 * z * z) + 0.5 * (1 + t))
    return dx, dx{tokens}.sum(axis=0)
"""


def test_a_bias_before_a_gelu_is_of_every_token(loaded):
    pytest.importorskip("torch")
    candidate = loaded(BIASED.format(tokens=".reshape(-1, x.shape[-1])"))[0]["bias_gelu_fwd"]
    assert "approximate_formula" in fit(candidate).form.conventions
    assert failed(candidate) == set()


def test_a_bias_that_is_summed_over_the_samples_alone_is_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(BIASED.format(tokens=""))[0]["bias_gelu_fwd"])


NORMS = """
def normalize(x, p=2.0, dim=1, eps=1e-12):
    norm = (np.abs(x) ** p).sum(axis=dim, keepdims=True) ** (1 / p)
    large = np.maximum(norm, eps)
    y = x / large
    def vjp(g):
        slope = {slope}
        inner = np.where(norm >= eps, (g * y).sum(axis=dim, keepdims=True), 0)
        return ((g - slope * inner) / large,)
    return y, vjp
def l2norm_fwd(x, eps=1e-6):
    r = 1 / np.sqrt((x * x).sum(-1, keepdims=True) + eps)
    return x * r, r
def l2norm_bwd(dy, x, r):
    return r * dy - x * r ** {power} * (dy * x).sum(-1, keepdims=True)
"""
_SLOPE = "np.sign(x) * (np.abs(x) / np.where(norm > 0, norm, 1)) ** (p - 1)"


@pytest.mark.parametrize("name", ["normalize", "l2norm_fwd"])
def test_vectors_divided_by_their_norm(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(NORMS.format(slope=_SLOPE, power=3))[0][name]) == set()


@pytest.mark.parametrize("name", ["normalize", "l2norm_fwd"])
def test_vectors_divided_by_their_norm_with_a_slip_are_seen(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(NORMS.format(slope="y", power=2))[0][name])  # the slope of the norm of p = 2 alone


def test_an_epsilon_under_the_root_is_said(loaded):
    subject = fit(loaded(NORMS.format(slope=_SLOPE, power=3))[0]["l2norm_fwd"])
    assert "under the root" in subject.form.conventions["norm_epsilon"]


def test_another_operation_that_is_called_normalize_is_not_called_wrong(loaded):
    found, _ = loaded("""
def normalize_forward(x):
    std = x.std(0) + 1e-8
    return (x - x.mean(0)) / std, std
def normalize_backward(dout, std):
    return dout / std
""")
    with pytest.raises(Cannot, match="several operations"):
        fit(found["normalize_forward"])


def test_a_helper_of_such_a_name_that_has_no_gradient_is_no_layer(loaded):
    found, _ = loaded("""
def normalize(image):
    return image / 255.0
def add(a, b):
    return a + b
""")
    assert not found


LOG_SUM = """
def logsumexp(x, axis):
    most = x.max(axis=axis, keepdims=True){stable}
    e = np.exp(x - most)
    total = e.sum(axis=axis, keepdims=True)
    return (most + np.log(total)).squeeze(axis), lambda dy: (np.expand_dims(dy, axis) * e {by} total,)
"""


def test_a_logarithm_of_a_sum_of_exponentials(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(LOG_SUM.format(stable="", by="/"))[0]["logsumexp"]) == set()


@pytest.mark.parametrize(("stable", "by"), [("", "*"), (" * 0", "/")])
def test_a_logarithm_of_a_sum_that_is_wrong_or_overflows_is_seen(loaded, stable, by):
    pytest.importorskip("torch")
    assert failed(loaded(LOG_SUM.format(stable=stable, by=by))[0]["logsumexp"])


SAMPLED = """
def affine_grid(theta, size, align_corners=False):
    n, _, h, w = size
    def line(m):
        if not align_corners:
            return (2 * np.arange(m) + 1) / m - 1
        return np.linspace(-1, 1, m) if m > 1 else np.zeros(1)
    base = np.ones((h, w, 3), theta.dtype)
    base[..., 0], base[..., 1] = line(w), line(h)[:, None]
    def pullback(dgrid):
        return (np.einsum("nhwc,hwk->nck", dgrid, base{slip}),)
    return np.einsum("hwk,nck->nhwc", base, theta), pullback
"""


@pytest.mark.parametrize(("slip", "right"), [("", True), ("[..., [1, 0, 2]]", False)])
def test_a_grid_of_maps_of_two_dimensions_alone_is_checked(loaded, slip, right):
    pytest.importorskip("torch")
    assert (failed(loaded(SAMPLED.format(slip=slip))[0]["affine_grid"]) == set()) is right


OF_TWO_MODES = """
def _row(n, o, m, linear):
    row, at = np.zeros(n), max((o + 0.5) * n / m - 0.5, 0.0)
    if not linear:
        row[{nearest}] = 1
        return row
    i = min(int(at), n - 1)
    row[i] += 1 - (at - i)
    row[min(i + 1, n - 1)] += at - i
    return row
def interpolate(x, size, mode="bilinear"):
    {said}
    def matrix(n):
        return np.array([_row(n, o, size, mode == "bilinear") for o in range(size)], x.dtype)
    A, B = matrix(x.shape[2]), matrix(x.shape[3])
    return np.einsum("ah,nchw,bw->ncab", A, x, B), lambda dy: (np.einsum("ah,ncab,bw->nchw", A, dy, B),)
"""


@pytest.mark.parametrize(
    ("said", "nearest", "right"),
    [("", "n - 1", True), ("'nearest'", "o * n // m", True), ("'nearest'", "n - 1", False)],
    ids=["not known", "right", "wrong"],
)
def test_a_mode_is_asked_of_an_interpolation_of_another_where_its_file_names_it(loaded, said, nearest, right):
    pytest.importorskip("torch")
    source = OF_TWO_MODES.replace("{said}", said).replace("{nearest}", nearest)
    assert (failed(loaded(source)[0]["interpolate"]) == set()) is right
