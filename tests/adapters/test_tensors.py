"""What PyTorch is handed has the memory of the arrays, and none of the strides that it misreads."""

import numpy as np
import pytest

from scratchnet_crosscheck.adapters.tensors import in_tensors, shareable


def test_a_side_of_one_has_its_usual_stride_in_the_same_memory():
    x = np.zeros((2, 8, 5, 1), np.float32).transpose(0, 3, 1, 2)
    assert x.flags.c_contiguous
    assert x.strides != (160, 160, 20, 4)
    shared = shareable(x)
    assert shared.strides == (160, 160, 20, 4)
    assert np.shares_memory(shared, x)


@pytest.mark.parametrize("n", [1, 2])
def test_another_layout_is_handed_on_as_it_is(n):
    x = np.zeros((n, 8, 5, 3), np.float32).transpose(0, 3, 1, 2)
    assert shareable(x) is x


def test_a_convolution_of_one_channel_in_tensors_is_right_whatever_the_strides():
    torch = pytest.importorskip("torch")

    def conv(x, w):
        return torch.nn.functional.conv2d(x, w, stride=(1, 3))

    numbers = np.random.default_rng(0)
    x = numbers.standard_normal((2, 8, 5, 1)).astype(np.float32).transpose(0, 3, 1, 2)
    w = numbers.standard_normal((2, 1, 2, 4)).astype(np.float32)
    y = in_tensors(conv, random=False)(x, w)
    right = in_tensors(conv, random=False)(x.astype(np.float64), w.astype(np.float64))
    np.testing.assert_allclose(y, right, rtol=0, atol=1e-5)
