"""Adaptive means: the product with the windows' matrix equals the sums axis by axis."""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _adaptive_pool as body

CASES = [((6,), (4,)), ((5, 7), (1, 1)), ((5, 7), (3, 2)), ((2, 3), (5, 4)), ((3, 4, 5), (2, 1, 3))]


@pytest.mark.parametrize(("sides", "out"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_product_equals_the_sums_axis_by_axis_both_ways(sides, out, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, *sides)).astype(dtype), rng.normal(size=(2, 3, *out)).astype(dtype)
    function = getattr(F, f"adaptive_avg_pool{len(sides)}d")
    y, pullback = function(x, out)
    dx = pullback(dy)[0]
    monkeypatch.setattr(body, "_LARGEST", 0)  # the plain body
    expected, plainly = function(x, out)
    bound = 64 * np.finfo(dtype).eps  # sums of at most 60 terms of about 1
    np.testing.assert_allclose(y, expected, rtol=0, atol=bound)
    np.testing.assert_allclose(dx, plainly(dy)[0], rtol=0, atol=bound)
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_in_the_windows_that_hold_it(special):
    x = np.ones((1, 2, 4, 4))
    x[0, 0, 0, 0] = special
    y, pullback = F.adaptive_avg_pool2d(x, 2)
    expected = np.ones((1, 2, 2, 2))
    expected[0, 0, 0, 0] = special
    np.testing.assert_array_equal(y, expected)
    dx = pullback(expected)[0]
    whole = np.full((1, 2, 4, 4), 0.25)
    whole[0, 0, :2, :2] = special
    np.testing.assert_array_equal(dx, whole)
