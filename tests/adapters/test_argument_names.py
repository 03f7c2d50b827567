"""What arguments are called, and what they are handed."""

import pytest
from agreement import agrees, failed

from scratchnet_crosscheck.adapters.fitting import fit

ADAPTIVE = """
def adaptive_avgpool_fwd(x, out_hw):
    y = np.empty((*x.shape[:2], *out_hw))
    for i, j in np.ndindex(*out_hw):
        y[:, :, i, j] = x[_bin(x, out_hw, i, j)].mean((2, 3))
    return y
def adaptive_avgpool_bwd(dy, x, out_hw):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(*out_hw):
        part = dx[_bin(x, out_hw, i, j)]
        part += dy[:, :, i:i + 1, j:j + 1] / (part.shape[2] {by} part.shape[3])
    return dx
def _bin(x, out_hw, i, j):
    (h, w), (oh, ow) = x.shape[2:], out_hw
    return (slice(None), slice(None), slice(i * h // oh, -(-(i + 1) * h // oh)),
            slice(j * w // ow, -(-(j + 1) * w // ow)))
"""


def test_an_adaptive_pooling_is_told_its_output_by_either_side(loaded):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(ADAPTIVE.format(by="*"))[0]["adaptive_avgpool_fwd"]))


def test_an_adaptive_pooling_with_a_slip_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(ADAPTIVE.format(by="+"))[0]["adaptive_avgpool_fwd"]))


PRELU = """
class PReLU:
    def __init__(self, {channels}, init=0.25):
        self.a = np.full({channels}, init)
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)
    def backward(self, dy):
        self.da = ({dy} * np.minimum(self.x, 0)).sum(0)
        return np.where(self.x > 0, dy, self.a * dy)
"""


@pytest.mark.parametrize("channels", ["channels", "num_channels", "num_parameters"])
def test_a_prelu_is_made_with_its_channels(loaded, channels):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(PRELU.format(channels=channels, dy="dy"))[0]["PReLU"]))


def test_a_prelu_made_with_its_channels_that_forgets_the_cotangent_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(PRELU.format(channels="channels", dy="1"))[0]["PReLU"]))


def test_a_prelu_of_one_slope_that_is_not_summed_over_the_channels_is_seen(loaded):
    pytest.importorskip("torch")
    source = PRELU.format(channels="n_channels", dy="dy").replace("n_channels, init", "n_channels=1, init", 1)
    assert not agrees(fit(loaded(source)[0]["PReLU"]))


DROPOUT = """
def dropout(x, p, rng):
    if p == 0:
        return x.copy(), lambda dy: (dy.copy(),)
    m = (rng.random(x.shape) >= p).astype(x.dtype) / x.dtype.type(1 - p)
    return x * m, lambda dy: (dy{mask},)
def drop_out_fwd(x, p, rng):
    m = (rng.random(x.shape) >= p) / (1 - p)
    return x * m, m
def drop_out_bwd(dout, m):
    return dout{mask}
"""


@pytest.mark.parametrize("name", ["dropout", "drop_out_fwd"])
def test_a_function_that_draws_is_handed_a_generator(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(DROPOUT.format(mask=" * m"))[0][name]) == set()


@pytest.mark.parametrize("name", ["dropout", "drop_out_fwd"])
def test_a_function_that_is_handed_a_generator_and_forgets_its_mask_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(DROPOUT.format(mask=" * 1"))[0][name])


EMBEDDING = """
import torch
def embedding_forward(inp, wte):
    return wte[inp]
def embedding_backward(dout, inp, wte):
    dwte = np.zeros_like(wte)
    {adds}
    return dwte
class VocabEmbedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, ids, weight):
        ctx.save_for_backward(ids)
        ctx.rows = weight.shape[0]
        return weight[ids]
    @staticmethod
    def backward(ctx, g):
        ids, = ctx.saved_tensors
        gw = g.new_zeros(ctx.rows, g.shape[-1])
        {fills}
        return None, gw
"""


@pytest.mark.parametrize("name", ["embedding_forward", "VocabEmbedding"])
def test_ids_go_by_several_names(loaded, name):
    pytest.importorskip("torch")
    source = EMBEDDING.format(
        adds="np.add.at(dwte, inp, dout)",
        fills="gw.index_add_(0, ids.reshape(-1), g.reshape(-1, g.shape[-1]))",
    )
    assert agrees(fit(loaded(source)[0][name]))


@pytest.mark.parametrize("name", ["embedding_forward", "VocabEmbedding"])
def test_ids_that_come_twice_and_count_once_are_seen(loaded, name):
    pytest.importorskip("torch")
    source = EMBEDDING.format(adds="dwte[inp] += dout", fills="gw[ids] = g")
    assert not agrees(fit(loaded(source)[0][name]))


PADDING = """
class ZeroPadding2D:
    def __init__(self, padding=(1, 1, 1, 1)):
        self.padding = padding
    def forward(self, x):
        {sides} = self.padding
        return np.pad(x, ((0, 0), (0, 0), (t, b), (l, r)))
    def backward(self, dy):
        {sides} = self.padding
        h, w = dy.shape[2:]
        return dy[:, :, {first}:h - b, l:w - r].copy()
"""


@pytest.mark.parametrize("sides", ["l, r, t, b", "t, b, l, r"])
def test_a_padding_is_four_numbers_in_either_order(loaded, sides):
    pytest.importorskip("torch")
    subject = fit(loaded(PADDING.format(sides=sides, first="t"))[0]["ZeroPadding2D"])
    assert ("left, right" in subject.conventions["padding_of_four"][:30]) == sides.startswith("l")
    assert agrees(subject)


def test_a_padding_of_four_numbers_that_is_cut_off_at_the_wrong_side_is_seen(loaded):
    pytest.importorskip("torch")
    assert failed(loaded(PADDING.format(sides="l, r, t, b", first="b - b"))[0]["ZeroPadding2D"])
