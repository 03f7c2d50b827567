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
