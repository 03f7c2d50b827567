"""Convolutions of each channel by itself (depthwise) and of each place by itself (pointwise)."""

import pytest
from agreement import agrees

from scratchnet_crosscheck.adapters.fitting import fit

DEPTHWISE = """
def _taps(a, w, rows, columns, stride, dilation):
    for i, j in np.ndindex(*w.shape[-2:]):
        down, right = i * dilation, j * dilation
        at = (Ellipsis, slice(down, down + (rows - 1) * stride + 1, stride),
              slice(right, right + (columns - 1) * stride + 1, stride))
        yield (Ellipsis, i, j), at
def dwconv_forward(x, w, b, stride=1, pad=0, dilation=1):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = ((n + 2 * pad - dilation * (k - 1) - 1) // stride + 1
                     for n, k in zip(x.shape[2:], w.shape[1:]))
    y = sum(padded[at] * w[tap][:, None, None] for tap, at in _taps(x, w, rows, columns, stride, dilation))
    return y + b[:, None, None]
def dwconv_backward(dout, x, w, stride=1, pad=0, dilation=1):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for tap, at in _taps(x, w, *dout.shape[2:], stride, dilation):
        dw[tap] = (padded[at] * dout).sum((0, 2, 3))
        dpadded[at] += dout * w[tap][:, None, None]
    height, width = x.shape[2:]
    return dpadded[:, :, pad:pad + height, pad:pad + width], dw, dout.{over}((0, 2, 3))
def depthwise_nhwc_fwd(x, w, stride=1, pad=0):
    y = dwconv_forward(x.transpose(0, 3, 1, 2), w.transpose(2, 0, 1), np.zeros(w.shape[2]), stride, pad)
    return y.transpose(0, 2, 3, 1)
def depthwise_nhwc_bwd(dy, x, w, stride=1, pad=0):
    dy, x, w = dy.transpose(0, 3, 1, 2), x.transpose(0, 3, 1, 2), w.transpose(2, 0, 1)
    dx, dw, _ = dwconv_backward(dy, x, w, stride, pad)
    return dx.transpose(0, 2, 3, 1), dw.transpose({back})
"""


@pytest.mark.parametrize(
    ("name", "weight"), [("dwconv_forward", "(C, kernel)"), ("depthwise_nhwc_fwd", "(kernel, C)")]
)
def test_a_depthwise_convolution_is_known_in_either_layout(loaded, name, weight):
    pytest.importorskip("torch")
    subject = fit(loaded(DEPTHWISE.format(over="sum", back="1, 2, 0"))[0][name])
    assert subject.form.layout("weight").name == weight
    assert subject.taken_for == "conv2d"
    assert agrees(subject)


@pytest.mark.parametrize("name", ["dwconv_forward", "depthwise_nhwc_fwd"])
def test_a_depthwise_convolution_with_a_slip_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(DEPTHWISE.format(over="mean", back="2, 1, 0"))[0][name]))


POINTWISE = """
def pwconv_forward(x, w, b):
    return np.einsum("oc,nchw->nohw", w, x) + b[:, None, None]
def pwconv_backward(dout, x, w):
    dx = np.einsum("oc,nohw->nchw", w, dout)
    return dx, np.einsum("nohw,nchw->oc", dout, x){share}, dout.sum((0, 2, 3))
class Conv1x1:
    def __init__(self, in_channels, out_channels):
        self.W = np.random.randn(in_channels, out_channels)
        self.b = np.zeros(out_channels)
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW = np.tensordot(self.x, dout, ([0, 1, 2], [0, 1, 2])){share}
        self.db = dout.sum((0, 1, 2))
        return dout @ self.W.T
"""


@pytest.mark.parametrize("name", ["pwconv_forward", "Conv1x1"])
def test_a_pointwise_convolution_is_one_with_a_matrix_for_its_weight(loaded, name):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(POINTWISE.format(share=""))[0][name]))


@pytest.mark.parametrize("name", ["pwconv_forward", "Conv1x1"])
def test_a_pointwise_convolution_with_a_slip_is_seen(loaded, name):
    pytest.importorskip("torch")
    assert not agrees(
        fit(loaded(POINTWISE.format(share=" / x.shape[2]" if name[0] == "p" else "/ 3"))[0][name])
    )


GAP = """
def gap_forward(x):
    return x.mean(axis=(2, 3))
def gap_backward(dout, x):
    height, width = x.shape[2:]
    return np.broadcast_to(dout[:, :, None, None] / {count}, x.shape).copy()
"""


def test_a_global_average_is_known_by_its_initials(loaded):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(GAP.format(count="(height * width)"))[0]["gap_forward"]))


def test_a_global_average_with_a_slip_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(GAP.format(count="height"))[0]["gap_forward"]))
