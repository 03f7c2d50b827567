"""Sums over rows and channels keep their digits, however many there are."""

import math

import numpy as np
import pytest

from scratchnet.functional import _shapes
from scratchnet.functional._shapes import ones, sum_rows, sum_to_channels, unbroadcast


@pytest.mark.parametrize("n", [0, 1, 7, 1024, 1025, 1100, 100_003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_of_rows_is_right_to_a_few_dozen_roundings(n, dtype):
    x = (np.random.default_rng(0).normal(size=(n, 3)) + 1).astype(dtype)
    expected = [math.fsum(column) for column in x.astype(np.float64).T]
    sums = sum_rows(x)
    assert sums.dtype == dtype
    np.testing.assert_allclose(sums, expected, rtol=64 * float(np.finfo(dtype).eps))
    np.testing.assert_array_equal(sum_rows(np.asfortranarray(x)).shape, sums.shape)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 3, 2), (4, 3, 5, 2), (0, 3, 2), (4, 0, 2)])
def test_a_sum_to_channels_is_over_all_axes_but_the_second(shape):
    x = np.random.default_rng(0).integers(-4, 5, size=shape).astype(np.float64)
    np.testing.assert_array_equal(sum_to_channels(x), x.sum(axis=(0, *range(2, x.ndim))))


def test_a_sum_of_very_many_equal_rows_does_not_drift():
    x = np.full((100_003, 3), 0.1, np.float32)
    np.testing.assert_allclose(sum_rows(x), 100_003 * np.float64(np.float32(0.1)), rtol=64 * 2.0**-23)


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 2, 3)])
def test_a_sum_of_rows_is_over_the_first_axis_alone(shape):
    x = np.random.default_rng(0).integers(-4, 5, size=shape).astype(np.float64)
    np.testing.assert_array_equal(sum_rows(x), x.sum(axis=0))


@pytest.mark.parametrize(
    ("whole", "shape"),
    [
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((2, 3), (1, 3)),
        ((2, 3), (2, 1)),
        ((2, 3), ()),
        ((4, 2, 3), (2, 1)),
        ((4, 2, 3), (4, 1, 3)),
        ((2, 1), (2, 1)),
        ((3, 2, 1), (1, 1)),
        ((2, 2), (2, 1)),
        ((0, 3), (1, 3)),
    ],
)
def test_what_was_broadcast_is_summed_back(whole, shape):
    dy = np.random.default_rng(0).integers(-4, 5, size=whole).astype(np.float64)
    summed = unbroadcast(dy, shape)
    assert summed.shape == shape
    # By definition: the sum over all that the operand's element was copied to.
    expected = np.zeros(shape)
    copied = np.broadcast_to(np.arange(expected.size).reshape(shape), whole)
    np.add.at(expected.reshape(-1), copied.ravel(), dy.ravel())
    np.testing.assert_array_equal(summed, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ones_are_one_vector_that_is_kept_and_cannot_be_written_to(dtype, monkeypatch):
    monkeypatch.setattr(_shapes, "_ONES", {})
    few, more = ones(5, np.dtype(dtype)), ones(7, np.dtype(dtype))
    assert np.shares_memory(few, more)
    assert not few.flags.writeable
    for n, vector in ((5, few), (7, more), (100_000, ones(100_000, np.dtype(dtype)))):
        assert vector.dtype == dtype
        np.testing.assert_array_equal(vector, np.ones(n))
