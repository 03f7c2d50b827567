"""Resampling: the product with a matrix equals the plain sums, and what the catalogue does not ask."""

import math

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _interpolate as body

MODES = ("nearest", "nearest-exact", "linear", "bicubic", "area")


def all_taps():
    for mode in MODES:
        for n, m in ((1, 1), (1, 4), (4, 1), (5, 3), (3, 8), (6, 6), (7, 13)):
            for aligned in (False, True):
                for antialias in (False, True):
                    name = "bilinear" if mode == "linear" else mode
                    if antialias and mode not in ("linear", "bicubic"):
                        continue
                    yield pytest.param(
                        body._taps(name, n, m, None, aligned, antialias, 2),
                        id=f"{mode} {n} {m} {aligned} {antialias}",
                    )


@pytest.mark.parametrize("taps", list(all_taps()))
@pytest.mark.parametrize("axis", [2, 3])
def test_a_product_equals_the_plain_sums_both_ways(taps, axis):
    rng = np.random.default_rng(0)
    sides = [taps.side, 5] if axis == 2 else [5, taps.side]
    x = rng.normal(size=(2, 3, *sides))
    y = body._resampled_plainly(x, taps, axis)
    np.testing.assert_allclose(body._resampled(x, taps, axis), y, rtol=1e-13, atol=1e-13)
    dy = rng.normal(size=y.shape)
    dx = body._spread_plainly(dy, taps, axis)
    np.testing.assert_allclose(body._spread(dy, taps, axis), dx, rtol=1e-13, atol=1e-13)
    # One is the other's transpose.
    assert math.isclose(float((y * dy).sum()), float((x * dx).sum()), rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("taps", list(all_taps()))
def test_the_weights_of_an_output_sum_to_one(taps):
    np.testing.assert_allclose(taps.weight.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_what_is_not_finite_reaches_its_neighbours_alone(special):
    x = np.ones((1, 1, 2, 8))
    x[0, 0, 0, 3] = special
    y, pullback = F.interpolate(x, size=(2, 16), mode="bilinear")
    assert np.isfinite(y[..., :4]).all()
    assert np.isfinite(y[..., 9:]).all()
    assert not np.isfinite(y[0, 0, 0, 5:9]).any()
    dy = np.ones_like(y)
    dy[0, 0, 1, 0] = special
    dx = pullback(dy)[0]
    assert not np.isfinite(dx[0, 0, 1, 0])
    assert np.isfinite(dx[..., 2:]).all()


def test_area_is_the_adaptive_average():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 5))
    y = F.interpolate(x, size=(3, 4), mode="area")[0]
    theirs = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(x), (3, 4)).numpy()
    np.testing.assert_allclose(y, theirs, rtol=1e-13, atol=1e-14)


def test_images_that_keep_a_side_keep_its_elements_whatever_the_scale():
    torch = pytest.importorskip("torch")
    x = np.arange(36.0).reshape(1, 2, 3, 6)
    for scale in ((1.0, 1.15), (2.0, 1.15), (1.2, 1.15)):
        theirs = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=scale).numpy()
        np.testing.assert_array_equal(F.interpolate(x, scale_factor=scale)[0], theirs)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_places_of_the_nearest_are_those_of_float32_as_in_pytorch(mode):
    torch = pytest.importorskip("torch")
    for n in range(1, 30):
        for m in range(1, 60):
            x = np.arange(n, dtype=np.float32).reshape(1, 1, n)
            tensor = torch.from_numpy(x).requires_grad_()
            theirs = torch.nn.functional.interpolate(tensor, size=m, mode=mode)
            theirs.sum().backward()
            y, pullback = F.interpolate(x, size=m, mode=mode)
            np.testing.assert_array_equal(pullback(np.ones_like(y))[0], tensor.grad.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("sides", "repeats"), [((3,), (2,)), ((3, 4), (1, 3)), ((2, 3, 4), (2, 1, 4))], ids=str
)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_elements_repeated_equally_often_equal_the_plain_sums(mode, sides, repeats, dtype):
    x = np.random.default_rng(0).integers(-9, 9, size=(2, 3, *sides)).astype(dtype)
    x[0, 0].flat[0] = np.nan
    taps = [
        body._taps(mode, n, n * times, None, False, False, len(sides))
        for n, times in zip(sides, repeats, strict=True)
    ]
    assert body._repeats(taps) == repeats
    y = x
    for axis, each in enumerate(taps, 2):
        y = body._resampled_plainly(y, each, axis)
    np.testing.assert_array_equal(body._repeated(x, repeats), y)
    dx = y
    for axis in range(x.ndim - 1, 1, -1):
        dx = body._spread_plainly(dx, taps[axis - 2], axis)
    np.testing.assert_array_equal(body._sum_of_repeats(y, repeats), dx)
    assert not np.shares_memory(body._repeated(x, (1,) * len(sides)), x)
    assert not np.shares_memory(body._sum_of_repeats(x, (1,) * len(sides)), x)


@pytest.mark.parametrize(("n", "m"), [(3, 8), (5, 2), (4, 6), (3, 2)])
def test_elements_repeated_unequally_are_no_repeats(n, m):
    assert body._repeats([body._taps("nearest", n, m, None, False, False, 1)]) is None


@pytest.mark.parametrize(("n", "m"), [(64, 128), (128, 64), (70, 90), (33, 40)])
def test_a_product_by_bands_equals_the_whole_product(n, m):
    rng = np.random.default_rng(0)
    matrix = body._matrix(body._taps("bilinear", n, m, None, False, False, 2), np.dtype(np.float64))
    for each in (matrix, matrix.T):
        x = rng.normal(size=(3, each.shape[1], 5))
        np.testing.assert_allclose(body._banded_product(each, x), each @ x, rtol=1e-13, atol=1e-13)
