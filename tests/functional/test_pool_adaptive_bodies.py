"""Adaptive means and maxima: the product and the copied windows equal the bodies axis by axis."""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _adaptive_pool as body

CASES = [((6,), (4,)), ((5, 7), (1, 1)), ((5, 7), (3, 2)), ((2, 3), (5, 4)), ((3, 4, 5), (2, 1, 3))]


@pytest.mark.parametrize(("sides", "out"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("small", [0, 1 << 12], ids=["a product for each axis", "one product"])
def test_the_products_equal_the_sums_axis_by_axis_both_ways(sides, out, dtype, small, monkeypatch):
    monkeypatch.setattr(body, "_SMALL", small)
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


@pytest.mark.parametrize("small", [0, 1 << 12])
def test_cotangents_too_large_together_stay_with_the_elements_they_are_for(small, monkeypatch):
    monkeypatch.setattr(body, "_SMALL", small)
    dy = np.zeros((1, 1, 5, 5), np.float32)
    dy[0, 0, 0] = 3e38
    pullback = F.adaptive_avg_pool2d(np.ones((1, 1, 2, 2), np.float32), 5)[1]
    np.testing.assert_array_equal(pullback(dy)[0], [[[[np.inf, np.inf], [0, 0]]]])


@pytest.mark.parametrize("largest", [0, 1 << 17], ids=["axis by axis", "by a product"])
def test_what_is_too_large_together_overflows_without_a_warning(largest, monkeypatch):
    monkeypatch.setattr(body, "_LARGEST", largest)
    for rows, size, means in (
        ([3e38, 3e38, 1, 1], 2, [np.inf, 1]),
        ([np.inf, -np.inf, 1, 1], 2, [np.nan, 1]),
    ):
        y, _ = F.adaptive_avg_pool1d(np.array([rows], np.float32), size)
        np.testing.assert_array_equal(y, [means])
    # So many windows of one element. Whether opposites cancel depends on the order: that is left open.
    pullback = F.adaptive_avg_pool1d(np.ones((1, 1), np.float32), 200)[1]
    assert pullback(np.array([[3e38, 3e38] * 100], np.float32))[0].tolist() == [[np.inf]]
    assert pullback(np.array([[3e38, -3e38] * 100], np.float32))[0].shape == (1, 1)


@pytest.mark.parametrize(
    ("shape", "out", "dtype", "by_product"),
    [
        ((2, 3, 5, 7), (3, 2), "f4", True),
        ((2, 3, 5, 7), (3, 2), "f8", True),
        ((2, 3, 5, 7), (3, 2), "f2", False),
        ((2, 3, 5, 7), (3, 2), "g", False),
        ((2, 3, 5, 7), (3, 0), "f4", False),
        ((1, 1, 2, 400), (1, 399), "f4", False),
    ],
)
def test_means_of_common_shapes_are_made_by_products(shape, out, dtype, by_product, monkeypatch):
    made = []
    for name in ("_sums_by_product", "_sums_back_by_product"):
        own = getattr(body, name)
        monkeypatch.setattr(body, name, lambda *given, own=own: made.append(own(*given)) or made[-1])
    y, pullback = F.adaptive_avg_pool2d(np.ones(shape, dtype), out)
    dx = pullback(y)[0]
    assert len(made) == 2 * by_product
    assert all(found is not None for found in made)
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize(
    ("sides", "out", "once"),
    [((4, 4), (2, 2), True), ((10, 10), (7, 7), False), ((9, 9), (8, 8), False), ((100, 100), (1, 1), True)],
)
def test_products_of_all_axes_are_one_for_few_elements_or_one_window(sides, out, once):
    assert body._at_once(sides, out) is once


def test_what_is_kept_between_calls_cannot_be_written_to():
    for kept in (body._elements((4, 4), (2, 2)), body._membership((4, 4), (2, 2), "f")):
        assert not kept.flags.writeable


def test_maxima_of_common_shapes_are_found_in_copied_windows(monkeypatch):
    monkeypatch.setattr(body, "largest_plain", None)  # is not called
    for dtype in (np.float32, np.float64):
        (y, indices), _ = F.adaptive_max_pool2d(np.ones((2, 3, 5, 7), dtype), (3, 2), return_indices=True)
        assert (y.dtype, indices.dtype) == (dtype, np.int64)


MAX_CASES = [((6,), (4,)), ((5, 7), (1, 1)), ((5, 7), (3, 2)), ((2, 9), (2, 4)), ((3, 4, 5), (2, 1, 3))]


def hard(rng, shape, dtype):
    """Return an array of few values, so that there are ties, some of them infinite."""
    return rng.choice(np.array([-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf], dtype), size=shape)


@pytest.mark.parametrize(("sides", "out"), MAX_CASES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 1 << 18])
def test_copied_windows_find_the_same_element_as_axis_by_axis_ties_and_infinities_too(
    sides, out, dtype, block, monkeypatch
):
    monkeypatch.setattr(body, "_BLOCK", block)
    rng = np.random.default_rng(0)
    for x in (hard(rng, (3, 4, *sides), dtype), rng.normal(size=(4, 3, *sides)).astype(dtype).swapaxes(0, 1)):
        x.flags.writeable = False
        fast = body._largest_of_windows(x, sides, out)
        assert fast is not None
        for found, expected in zip(fast, body.largest_plain(x, sides, out), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("shape", "out", "value", "dtype"),
    [
        ((2, 4, 4), (2, 2), np.nan, "f4"),
        ((2, 4, 4), (2, 2), 0, "g"),
        ((2, 2, 2), (3, 3), 0, "f4"),
        ((0, 2, 4, 4), (2, 2), 0, "f4"),
        ((2, 4, 4), (2, 0), 0, "f4"),
    ],
)
def test_maxima_of_nan_other_dtypes_growing_sides_and_nothing_are_left_to_the_plain_body(
    shape, out, value, dtype
):
    x = np.zeros(shape, dtype)
    x[..., 1, 1] = value
    assert body._largest_of_windows(x, shape[-2:], out) is None
    y, pullback = F.adaptive_max_pool2d(x, out)
    assert y.dtype == x.dtype
    assert pullback(y)[0].shape == shape


def test_of_several_nan_in_a_window_the_last_gets_the_gradient():
    x = np.zeros((1, 4, 4), np.float32)
    x[0, 0, 1] = x[0, 1, 0] = np.nan
    (_, indices), pullback = F.adaptive_max_pool2d(x, 2, return_indices=True)
    assert indices.tolist() == [[[4, 2], [8, 10]]]
    assert pullback(np.ones((1, 2, 2), np.float32))[0].sum() == 4
