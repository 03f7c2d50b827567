"""Transposed convolution is the adjoint of convolution, whichever bodies a call gets."""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _conv_fast

# Which bodies take it, shape of x, shape of the weight, options.
CALLS = {
    "POINTWISE": ((2, 5, 4, 6), (5, 3, 1, 1), {}),
    "POINTWISE, but for output_padding": ((2, 5, 4, 6), (5, 3, 1, 1), {"output_padding": 1, "dilation": 2}),
    "BLOCKS": ((3, 6, 5, 4), (6, 2, 4, 3), {"stride": (2, 3), "padding": 1, "groups": 2}),
    "BLOCKS, output_padding": ((3, 6, 5, 4), (6, 2, 3, 3), {"stride": 3, "output_padding": (2, 1)}),
    "ROWS": ((3, 9, 7, 6), (9, 8, 3, 2), {"padding": 1}),
    "ROWS, more padding than the kernel reaches": ((1, 9, 9, 8), (9, 8, 2, 2), {"padding": 3}),
    "ROWS, but for output_padding": ((2, 9, 5, 6), (9, 8, 3, 3), {"dilation": 2, "output_padding": (1, 0)}),
    "STRIDED": ((3, 9, 7, 6), (9, 8, 4, 4), {"stride": 2, "padding": 1}),
    "STRIDED, output_padding": ((2, 9, 5, 6), (9, 8, 3, 4), {"stride": (2, 3), "output_padding": (1, 2)}),
    "STRIDED, along one axis": ((2, 9, 5, 6), (9, 8, 3, 3), {"stride": (1, 2), "output_padding": (0, 1)}),
    "STRIDED, more padding than the kernel reaches": (
        (1, 9, 9, 8),
        (9, 8, 2, 3),
        {"stride": 2, "padding": 4},
    ),
    "DEPTHWISE": ((3, 6, 7, 6), (6, 1, 3, 2), {"padding": 1, "groups": 6}),
    "DEPTHWISE, wide": ((2, 3, 7, 25), (3, 1, 2, 3), {"dilation": (2, 1), "groups": 3}),
    "DEPTHWISE, more padding than the kernel reaches": (
        (2, 3, 9, 8),
        (3, 1, 2, 2),
        {"padding": 3, "groups": 3},
    ),
    "BLOCKS, several channels of each": ((2, 3, 5, 4), (3, 2, 2, 2), {"groups": 3}),
    "WINOGRAD": ((1, 64, 13, 14), (64, 64, 3, 3), {"padding": 1}),
    "WINOGRAD, stride 2": ((3, 16, 13, 14), (16, 17, 4, 4), {"stride": 2, "padding": 1, "output_padding": 1}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", CALLS)
def test_every_body_gives_what_the_plain_one_gives(call, dtype, monkeypatch):
    x_shape, weight_shape, options = CALLS[call]
    rng = np.random.default_rng(0)
    draw = lambda shape: (rng.integers(-8, 9, shape) / 8).astype(dtype)  # noqa: E731 (draws by shape)
    x, weight, bias = draw(x_shape), draw(weight_shape), draw(weight_shape[1] * options.get("groups", 1))
    chosen, choose = [], _conv_fast.choose
    monkeypatch.setattr(_conv_fast, "choose", lambda *given: chosen.append(choose(*given)) or chosen[-1])
    y, pullback = F.conv_transpose2d(x, weight, bias, **options)
    dy = draw(y.shape)
    got = (y, *pullback(dy))
    if "but for" in call:
        assert not chosen
    elif not (call.startswith("WINOGRAD") and dtype == np.float64):
        assert chosen == [getattr(_conv_fast, call.partition(",")[0])]
    monkeypatch.setattr(_conv_fast, "choose", lambda *_: None)
    y, pullback = F.conv_transpose2d(x, weight, bias, **options)
    # Eighths: the plain sums are exact in both dtypes, so all that differs is Winograd's transforms.
    bound = 1e-3 if call.startswith("WINOGRAD") and dtype == np.float32 else 0
    for mine, plain in zip(got, (y, *pullback(dy)), strict=True):
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, plain, rtol=0, atol=bound)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}])
def test_it_is_the_adjoint_of_convolution(options):
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((4, 6 // options.get("groups", 1), 3, 3))
    image = rng.standard_normal((2, 6, 9, 9))
    y, _ = F.conv2d(image, weight, **options)
    x = rng.standard_normal(y.shape)
    back, _ = F.conv_transpose2d(x, weight, **options)
    assert back.shape == image.shape
    np.testing.assert_allclose(np.vdot(y, x), np.vdot(image, back), rtol=1e-12)


def test_an_empty_batch_has_no_gradients_of_the_weight():
    y, pullback = F.conv_transpose2d(np.ones((0, 2, 3, 3)), np.ones((2, 3, 2, 2)), np.ones(3))
    dx, dweight, dbias = pullback(y)
    assert (y.shape, dx.shape) == ((0, 3, 4, 4), (0, 2, 3, 3))
    assert not dweight.any()
    assert not dbias.any()
