"""Convolution: where windows lie, what is refused, what fits a faster body, and when it hands a call on."""

import math

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _conv, _conv_fast, _conv_pixels, _conv_winograd
from scratchnet.functional._windows import Geometry, first_inside, pad, zeros_around


def geometry_of(x, weight, stride=1, padding=0, dilation=1):
    return _conv._geometry("conv", x, weight, stride, padding, dilation, n_dims=x.ndim - 2)


def run(bodies, x, weight, bias, dy, geometry, groups=1):
    return (
        bodies.forward(x, weight, bias, geometry, groups),
        bodies.dx(dy, weight, x.shape, geometry, groups),
        bodies.dweight(dy, x, weight.shape, geometry, groups),
    )


@pytest.mark.parametrize(
    ("kernel", "stride", "options", "fits"),
    [
        ((3, 3), 1, {}, True),
        ((3, 2), 1, {}, False),
        ((4, 4), 1, {}, False),
        ((3, 3), 2, {}, True),
        ((3, 4), 2, {}, True),
        ((4, 3), 2, {}, True),
        ((4, 4), 2, {}, True),
        ((2, 3), 2, {}, False),
        ((3, 5), 2, {}, False),
        ((3, 3), (1, 2), {}, False),
        ((4, 4), 3, {}, False),
        ((3, 3), 1, {"dilation": 2}, False),
        ((3, 3), 2, {"dilation": (1, 2)}, False),
        ((3, 3), 1, {"groups": 2}, False),
        ((3, 3), 1, {"dtype": np.float64}, False),
    ],
)
def test_winograd_takes_kernels_of_3_at_stride_1_and_of_3_and_4_at_stride_2(kernel, stride, options, fits):
    x = np.zeros((1, 2, 12, 12), options.get("dtype", np.float32))
    geometry = geometry_of(x, np.zeros((2, 2, *kernel)), stride, 0, options.get("dilation", 1))
    assert _conv_winograd.fits(x, geometry, options.get("groups", 1)) is fits


@pytest.mark.parametrize("size", [1, 3, 10])
def test_a_block_takes_no_more_scratch_than_it_may_and_no_block_more_would_fit(size, monkeypatch):
    x, weight = np.zeros((20, 4, 6, 7)), np.zeros((4, 4, 3, 2))
    geometry = geometry_of(x, weight, padding=1)
    for module, make, arrays in (
        (_conv_fast, lambda: _conv_fast._Runs(x, geometry), ("shifts",)),
        (_conv_fast, lambda: _conv_fast._Columns(x, geometry, 1), ("columns",)),
        (_conv_pixels, lambda: _conv_pixels._Windows(x, geometry), ("columns",)),
    ):
        one = sum(
            getattr(make(), name)[: math.prod(geometry.out) if module is _conv_pixels else 1].nbytes
            for name in arrays
        )
        monkeypatch.setattr(module, "_SCRATCH_BYTES", size * one + one // 2)
        assert make().size == (size if module is _conv_fast else -(-20 // -(-20 // size)))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("which", ["x", "weight", "dy"])
def test_what_is_too_large_for_winograds_transforms_alone_is_found_in_blocks_without_a_warning(stride, which):
    shapes = {"x": (1, 2, 6, 6), "weight": (2, 2, 3, 3), "dy": (1, 2, 4 // stride, 4 // stride)}
    arrays = {name: np.full(shape, 1e-3, np.float32) for name, shape in shapes.items()}
    arrays[which][...] = np.float32(2e38)
    x, weight, dy = arrays.values()
    geometry = geometry_of(x, weight, stride)
    bias = np.full(2, 3e35, np.float32)
    got = run(_conv_fast.WINOGRAD, x, weight, bias, dy, geometry)
    for ours, plain in zip(got, run(_conv.PLAIN, x, weight, bias, dy, geometry), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 5, 40_000, 70_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_element_that_is_not_finite_is_found_wherever_it_is_without_a_warning(size, dtype):
    x = np.full(size, np.finfo(dtype).max, dtype)
    assert _conv_fast._is_finite(x)
    for place in (0, size // 2, -1):
        for special in (np.inf, -np.inf, np.nan):
            x[place], before = special, x[place]
            assert not _conv_fast._is_finite(x)
            x[place] = before


# ---- windows


def test_an_image_is_padded_on_each_side_alone_and_left_as_it_is_without_padding():
    x = np.ones((1, 2), np.float32)
    assert pad(x, (0,), (0,)) is x
    assert pad(x, (1,), (0,), 3.0).tolist() == [[3, 1, 1]]
    assert pad(x, (0,), (1,), 3.0).tolist() == [[1, 1, 3]]


def test_each_number_of_an_option_is_checked():
    with pytest.raises(ValueError, match=r"conv2d: stride must be at least 1; got stride=0"):
        F.conv2d(np.ones((1, 3, 3)), np.ones((1, 1, 1, 1)), stride=(1, 0))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (F.conv1d, r"conv1d: weight must be \(C_out, C / groups, kL\); got"),
        (F.conv2d, r"conv2d: weight must be \(C_out, C / groups, H, W\); got"),
        (F.conv3d, r"conv3d: weight must be \(C_out, C / groups, D, H, W\); got"),
    ],
)
def test_the_shape_that_a_weight_must_have_is_said(function, expected):
    n = int(function.__name__[-2])
    with pytest.raises(ValueError, match=expected):
        function(np.ones((1, *(3,) * n)), np.ones((1, 1, *(1,) * (n + 1))))


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_one_image_has_a_value_and_a_gradient_without_a_batch(function):
    x, weight = np.ones((2, 4, 5)), np.ones((2, 2, 3, 2))
    y, pullback = function(x, weight)
    assert y.ndim == 3
    assert [d.shape for d in pullback(y)[:2]] == [x.shape, weight.shape]


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_one_image_without_a_first_side_is_refused(function):
    with pytest.raises(ValueError, match=r"only the batch (and the channels )?of x may be empty; got x of"):
        function(np.ones((1, 0, 3)), np.ones((1, 1, 1, 1)), padding=0)


@pytest.mark.parametrize(
    ("sides", "geometry", "expected"),
    [
        ((3,), Geometry((2,), (1,), (1,), (1,), (1,), (4,)), [1, 0, 0, 0]),
        ((3,), Geometry((3,), (2,), (1,), (1,), (2,), (3,)), [1, 0, -1]),
        ((2,), Geometry((2,), (1,), (3,), (2,), (2,), (3,)), [1, -1, 0]),
        ((1,), Geometry((2,), (2,), (3,), (1,), (2,), (1,)), [-1]),
        ((2, 3), Geometry((2, 3), (1, 1), (1, 1), (1, 2), (0, 0), (2, 3)), [[5, 4, 3], [2, 1, 0]]),
        ((2, 1), Geometry((2, 2), (1, 2), (1, 3), (1, 1), (0, 2), (2, 1)), [[-1], [-1]]),
    ],
)
def test_the_first_offset_of_a_window_that_is_inside_is_found_or_minus_1(sides, geometry, expected):
    found = first_inside(sides, geometry)
    assert found.tolist() == expected
    assert found.dtype.kind == "i"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_around_are_of_the_padded_shape_and_of_the_dtype_asked_for(dtype):
    geometry = Geometry((2, 2), (1, 1), (1, 1), (1, 0), (2, 3), (5, 6))
    zeros = zeros_around((2, 3), (4, 5), np.dtype(dtype), geometry)
    assert (zeros.shape, zeros.dtype) == ((2, 3, 7, 8), dtype)
    assert not zeros.any()
