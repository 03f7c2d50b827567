"""Sums over rows and channels keep their digits, however many there are."""

import math

import numpy as np
import pytest

from scratchnet.functional._shapes import ones, sum_rows, sum_to_channels


@pytest.mark.parametrize("n", [0, 1, 7, 1024, 1025, 1100, 100_003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_of_rows_is_right_to_a_few_dozen_roundings(n, dtype):
    x = (np.random.default_rng(0).normal(size=(n, 3)) + 1).astype(dtype)
    expected = [math.fsum(column) for column in x.astype(np.float64).T]
    sums = sum_rows(x)
    assert sums.dtype == dtype
    np.testing.assert_allclose(sums, expected, rtol=64 * float(np.finfo(dtype).eps))
    np.testing.assert_array_equal(sum_rows(np.asfortranarray(x)).shape, sums.shape)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 3, 5, 2), (0, 3, 2), (4, 0, 2)])
def test_a_sum_to_channels_is_over_all_axes_but_the_second(shape):
    x = np.random.default_rng(0).integers(-4, 5, size=shape).astype(np.float64)
    np.testing.assert_array_equal(sum_to_channels(x), x.sum(axis=(0, *range(2, x.ndim))))


def test_the_shared_vector_of_ones_cannot_be_written_to():
    assert not ones(5, np.dtype(np.float64)).flags.writeable
    assert ones(100_000, np.dtype(np.float32)).sum() == 100_000
