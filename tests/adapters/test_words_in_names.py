"""Words in a name that say how something is computed or laid out, and not what it is."""

import pytest
from agreement import agrees, failed

from scratchnet_crosscheck.adapters import names
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.references import kinds
from scratchnet_crosscheck.references.protocol import BATCH_LAST, CHANNELS_LAST


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv_nhwc", "conv2d"),
        ("ConvNCHW", "conv2d"),
        ("winograd_conv", "conv2d"),
        ("tiled_matmul", "linear"),
        ("FusedLayerNorm", "layer_norm"),
        ("online_softmax", "softmax"),
        ("flash_attention", "scaled_dot_product_attention"),
        ("relu_kernel", "relu"),
        ("layernorm_cpu", "layer_norm"),
        ("softmax_columns", "softmax"),
        ("gelu_erf", "gelu"),
        ("bce_logits", "binary_cross_entropy_with_logits"),
        ("softmax_xent", "cross_entropy"),
    ],
)
def test_such_a_word_is_passed_over(name, kind):
    assert names.operation(name) == kind


@pytest.mark.parametrize(
    "name",
    ["FusedLinear", "fused_conv", "linear_kernel", "FlashLinear", "winograd_pool", "kernel", "ScaledAdd",
     "FusedLinearCrossEntropy", "dropout_columns"],
)  # fmt: skip
def test_a_word_that_may_say_what_else_it_does_is_not(name):
    assert names.operation(name) is None


@pytest.mark.parametrize(("word", "layout"), [("nhwc", CHANNELS_LAST), ("columns", BATCH_LAST)])
def test_there_is_a_form_for_a_layout_that_a_name_says(word, layout):
    for name in names._HOW[word]:
        assert any(form.layout("x") is layout for form in kinds()[name].forms(True)), name


CHANNELS = """
def _tap(a, i, j, rows, columns, stride):
    return a[:, i:i + (rows - 1) * stride[0] + 1:stride[0], j:j + (columns - 1) * stride[1] + 1:stride[1]]
def conv_nhwc_fwd(x, w, b, stride=(1, 1)):
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:3], w.shape[:2], stride))
    y = sum(_tap(x, i, j, rows, columns, stride) @ w[i, j] for i, j in np.ndindex(*w.shape[:2]))
    return y + b
def conv_nhwc_bwd(dy, x, w, stride=(1, 1)):
    rows, columns = dy.shape[1:3]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(*w.shape[:2]):
        dw[i, j] = np.tensordot(_tap(x, i, j, rows, columns, stride), dy, ([0, 1, 2], [0, 1, 2]))
        _tap(dx, i, j, rows, columns, stride)[...] += dy @ w[i, j].T
    return dx, dw, dy.{summed}((0, 1, 2))
def avgpool_nhwc_fwd(x, kernel, stride):
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:3], kernel, stride))
    y = sum(_tap(x, i, j, rows, columns, stride) for i, j in np.ndindex(*kernel))
    return y / (kernel[0] * kernel[1])
def avgpool_nhwc_bwd(dy, x_shape, kernel, stride):
    dx = np.zeros(x_shape, dy.dtype)
    for i, j in np.ndindex(*kernel):
        _tap(dx, i, j, *dy.shape[1:3], stride)[...] += dy / {count}
    return dx
"""


@pytest.mark.parametrize("name", ["conv_nhwc_fwd", "avgpool_nhwc_fwd"])
def test_channels_last_by_name_is_driven_with_a_pair_for_each_option(loaded, name):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(CHANNELS.format(summed="sum", count="(kernel[0] * kernel[1])"))[0][name]))


@pytest.mark.parametrize("name", ["conv_nhwc_fwd", "avgpool_nhwc_fwd"])
def test_channels_last_by_name_with_a_slip_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(CHANNELS.format(summed="mean", count="kernel[0]"))[0][name]))


WINOGRAD = """
B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], dtype=float)
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], dtype=float)
def _between(m, t):
    return m @ t @ m.T
def winograd_conv_forward(x, w, b, pad=1):
    n, c, h, k = x.shape
    rows, columns = h + 2 * pad - 2, k + 2 * pad - 2
    th, tw = -(-rows // 2), -(-columns // 2)
    full = np.zeros((n, c, 2 * th + 2, 2 * tw + 2))
    full[:, :, pad:pad + h, pad:pad + k] = x
    d = np.stack([np.stack([full[:, :, i:i + 2 * th:2, j:j + 2 * tw:2] for j in range(4)], -1)
                  for i in range(4)], -2)
    u, v = _between(G, w), _between(B, d)
    t = _between(A, np.einsum("kcij,nctuij->nktuij", u, v))
    y = t.transpose(0, 1, 2, 4, 3, 5).reshape(n, len(w), 2 * th, 2 * tw)[:, :, :rows, :columns]
    return y + b.reshape(1, -1, 1, 1), (x.shape, u, v, pad)
def winograd_conv_backward(dy, cache):
    (n, c, h, k), u, v, pad = cache
    th, tw = v.shape[2:4]
    full = np.zeros((n, len(u), 2 * th, 2 * tw))
    full[:, :, :dy.shape[2], :dy.shape[3]] = dy
    dm = _between(A.T, full.reshape(n, len(u), th, 2, tw, 2).transpose(0, 1, 2, 4, 3, 5))
    dw = _between(G.T, np.einsum("nktuij,nctuij->kcij", dm, v))
    dd = _between({back}, np.einsum("nktuij,kcij->nctuij", dm, u))
    dx = np.zeros((n, c, 2 * th + 2, 2 * tw + 2))
    for i, j in np.ndindex(4, 4):
        dx[:, :, i:i + 2 * th:2, j:j + 2 * tw:2] += dd[..., i, j]
    return dx[:, :, pad:pad + h, pad:pad + k], dw, dy.sum((0, 2, 3))
"""


def test_winograds_algorithm_is_asked_for_kernels_of_three_by_three(loaded):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(WINOGRAD.format(back="B.T"))[0]["winograd_conv_forward"]))


def test_a_transform_that_is_not_turned_on_the_way_back_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(WINOGRAD.format(back="B"))[0]["winograd_conv_forward"]))


SUMMED_COLUMNS = """
def softmax_xent_forward(y, targets):
    y = y - y.max(0, keepdims=True)
    p = np.exp(y) / np.exp(y).sum(0, keepdims=True)
    return -np.log(p[targets, np.arange(len(targets))]).sum(), (p, targets)
def softmax_xent_backward(dloss, cache):
    p, targets = cache
    dy = p.copy()
    dy[targets, np.arange(len(targets))] -= 1
    return dy * dloss {by}
"""


def test_a_summed_loss_of_columns_with_labels(loaded):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(SUMMED_COLUMNS.format(by=""))[0]["softmax_xent_forward"]))


def test_a_summed_loss_of_columns_whose_gradient_is_averaged_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(SUMMED_COLUMNS.format(by="/ len(targets)"))[0]["softmax_xent_forward"]))


BY_COLUMNS = """
def {name}(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    e /= e.sum(axis=0, keepdims=True)
    return e, lambda dy: (e * (dy - {mean}(e * dy).sum(axis=0, keepdims=True)),)
"""


def test_a_softmax_of_columns_is_asked_for_matrices_alone(loaded):
    pytest.importorskip("torch")
    source = BY_COLUMNS.format(name="softmax_columns", mean="")
    assert failed(loaded(source)[0]["softmax_columns"]) == set()


@pytest.mark.parametrize(("name", "mean"), [("softmax_columns", "0.5 * "), ("softmax", "")])
def test_a_softmax_of_columns_that_is_wrong_or_not_said_to_be_one_is_seen(loaded, name, mean):
    pytest.importorskip("torch")
    assert failed(loaded(BY_COLUMNS.format(name=name, mean=mean))[0][name])


PRELU = """
def prelu(x, a):
    s = a[:, None]
    def back(dy):
        return np.where(x > 0, dy, s * dy), np.where(x > 0, 0, x * dy).{over}(axis=1)
    return np.where(x > 0, x, s * x), back
"""


def test_slopes_of_the_features_of_columns(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(PRELU.format(over="sum"))[0]["prelu"]) == set()


def test_slopes_of_the_features_of_columns_with_an_averaged_gradient_are_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(PRELU.format(over="mean"))[0]["prelu"])


TILES = """
def mha_fwd(q, k, v, causal=False, scale=None):
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    s = np.einsum("...id,...jd->...ij", q, k) * scale
    if causal:
        s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return np.einsum("...ij,...jd->...id", p, v), p
def mha_bwd(do, q, k, v, p, scale=None):
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    dp = np.einsum("...id,...jd->...ij", do, v)
    ds = p * (dp - {late}(dp * p).sum(-1, keepdims=True)) * scale
    return (np.einsum("...ij,...jd->...id", ds, k), np.einsum("...ij,...id->...jd", ds, q),
            np.einsum("...ij,...id->...jd", p, do))
def flash_attention_fwd(q, k, v, causal=False, scale=None):
    out, p = mha_fwd(q, k, v, causal, scale)
    return out, p
def flash_attention_bwd(dout, q, k, v, p, causal=False, scale=None):
    p = p.copy()
    if causal:
        for i in range(0, p.shape[-2], 8):
            for j in range(0, p.shape[-1], 4):
                if {skipped} < j:
                    p[..., i:i + 8, j:j + 4] = 0
    return mha_bwd(dout, q, k, v, p, scale)
"""


@pytest.mark.parametrize("name", ["mha_fwd", "flash_attention_fwd"])
def test_attention_over_heads_that_is_handed_no_weights_is_scaled_dot_product_attention(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(TILES.format(late="", skipped="i + 7"))[0][name]) == set()


def test_attention_over_heads_with_a_slip_is_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(TILES.format(late="0.5 * ", skipped="i + 7"))[0]["mha_fwd"])


def test_a_tile_on_the_diagonal_that_is_skipped_is_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(TILES.format(late="", skipped="i"))[0]["flash_attention_fwd"])


def test_attention_over_heads_of_its_own_is_not_taken_for_another(loaded):
    found, _ = loaded("""
def mha_forward(q, k, v, Wq, Wk, Wv, Wo, num_heads):
    return q, None
def mha_backward(dout, cache):
    return dout
class MHA:
    def forward(self, q, k, v):
        return q
    def backward(self, dout):
        return dout
""")
    assert set(found) == {"MHA"}
    with pytest.raises(Cannot, match="it has no k_proj_weight, q_proj_weight, v_proj_weight; tried"):
        fit(found["MHA"])


BLOCKS = """
import torch
class ChunkedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        y = x @ weight.t()
        return y if bias is None else y + bias
    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        rows, g = x.reshape(-1, x.shape[-1]), gy.reshape(-1, gy.shape[-1])
        gw = torch.zeros_like(weight)
        for s in range(0, len(rows), 128):
            gw {adds} g[s:s + 128].t() @ rows[s:s + 128]
        return gy @ weight, gw, g.sum(0) if ctx.has_bias else None
"""


def test_a_linear_map_in_blocks_is_asked_for_more_rows_than_a_block(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(BLOCKS.format(adds="+="))[0]["ChunkedLinear"]) == set()


def test_a_block_that_replaces_the_one_before_is_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(BLOCKS.format(adds="="))[0]["ChunkedLinear"])


OF_ONE_STEP = """
class MaxPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel
    def forward(self, A):
        self.A, k = A, self.kernel
        self.windows = np.lib.stride_tricks.sliding_window_view(A, (k, k), (2, 3))
        return self.windows.max((4, 5))
    def backward(self, dLdZ):
        dLdA, k = np.zeros_like(self.A), self.kernel
        for n, c, i, j in np.ndindex(*dLdZ.shape):
            at = np.unravel_index(self.windows[n, c, i, j].argmax(), (k, k))
            dLdA[n, c, i + at[0], j + at[1]] {adds} dLdZ[n, c, i, j]
        return dLdA
class MaxPool2x2:
    def forward(self, x):
        n, c, h, w = x.shape
        self.x = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4)
        self.shape = x.shape
        return self.x.max((4, 5))
    def backward(self, dy):
        flat = self.x.reshape(*self.x.shape[:4], 4)
        spread = (np.arange(4) == flat.argmax(-1)[..., None]) * dy[..., None]
        n, c, h, w = self.shape
        dx = np.zeros(self.shape, dy.dtype)
        dx[:, :, : h // 2 * 2, : w // 2 * 2] = (
            spread.reshape(self.x.shape).swapaxes(3, 4).reshape(n, c, h // 2 * 2, w // 2 * 2))
        return dx
"""


@pytest.mark.parametrize(
    ("name", "adds", "right"),
    [("MaxPool2d_stride1", "+=", True), ("MaxPool2d_stride1", "=", False), ("MaxPool2x2", "+=", True)],
)
def test_a_pooling_whose_name_says_its_stride_or_its_window_is_held_against_that(loaded, name, adds, right):
    pytest.importorskip("torch")
    assert (failed(loaded(OF_ONE_STEP.format(adds=adds))[0][name]) == set()) is right


COMPOSITE = """
def {name}_fwd(x, w, b):
    return {forward}
def {name}_bwd(dy, x, w, y):
    dz = {mask}
    rows = dz.reshape(-1, w.shape[0])
    return dz @ w, rows.T @ x.reshape(-1, w.shape[1]), rows.sum(0)
"""
MASKED = "np.where(y > 0, dy, 0)"


@pytest.mark.parametrize("name", ["linear_bias_relu", "relu_affine"])
@pytest.mark.parametrize(("mask", "right"), [(MASKED, True), ("np.where(dy > 0, dy, 0)", False)])
def test_a_linear_layer_with_its_activation_may_name_the_bias_or_the_activation_first(
    candidates, name, mask, right
):
    pytest.importorskip("torch")
    source = COMPOSITE.format(name=name, forward="np.maximum(x @ w.T + b, 0)", mask=mask)
    assert agrees(fit(candidates(source)[f"{name}_fwd"])) == right


def test_an_activation_before_the_linear_layer_is_not_taken_for_one_after_it(candidates):
    source = COMPOSITE.format(name="relu_affine", forward="np.maximum(x, 0) @ w.T + b", mask="dy")
    with pytest.raises(Cannot, match="several operations"):
        fit(candidates(source)["relu_affine_fwd"])
