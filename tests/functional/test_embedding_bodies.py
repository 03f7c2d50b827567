"""Sums over equal numbers: a place at a time equals one run after the other."""

import numpy as np
import pytest

from scratchnet.functional import _embedding as body


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("numbers", [[3], [0, 0, 0], [2, 0, 2, 1, 2, 0], [5, 4, 3, 2, 1, 0]], ids=str)
def test_sums_a_place_at_a_time_equal_the_runs(numbers, dtype):
    numbers = np.array(numbers)
    rows = np.random.default_rng(0).integers(-9, 9, size=(numbers.size, 3)).astype(dtype)
    rows[0, 0] = np.nan
    order = np.argsort(numbers, kind="stable")
    _, first, often = np.unique(numbers[order], return_index=True, return_counts=True)
    expected = body._sum_runs(rows, order, first)
    found = body._sum_short_runs(rows, order, first, often)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)  # whole numbers: exact in any order


@pytest.mark.parametrize("most", [1, body._SHORT_RUN, body._SHORT_RUN + 1])
@pytest.mark.parametrize("average", [False, True])
def test_rows_are_added_whichever_body_is_taken(most, average):
    columns = 64
    numbers = np.concatenate([np.full(most, 7), np.arange(body._WORTH_RUNS // columns)])
    rows = np.random.default_rng(0).integers(-9, 9, size=(numbers.size, columns)).astype(np.float64)
    expected = np.zeros((200, columns))
    np.add.at(expected, numbers, rows)
    if average:
        expected /= np.maximum(np.bincount(numbers, minlength=200), 1)[:, None]
    np.testing.assert_array_equal(body.add_rows(numbers, rows, 200, average=average), expected)


@pytest.mark.parametrize("columns", [1, 3, body._WORTH_RUNS])
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("sizes", [[2, 2, 2], [1], [3, 0, 2, 1], [0, 4], [0, 0]], ids=str)
def test_bags_are_summed_row_after_row_whether_or_not_they_are_of_one_size(sizes, dtype, columns):
    sizes = np.array(sizes)
    rows = np.random.default_rng(0).integers(-9, 9, size=(sizes.sum(), columns)).astype(dtype)
    rows[:1, 0] = np.nan
    expected = np.stack([part.sum(axis=0) for part in np.split(rows, np.cumsum(sizes)[:-1])])
    found = body._sum_bags(rows, sizes)
    assert found.dtype == dtype
    assert not np.shares_memory(found, rows)
    np.testing.assert_array_equal(found, expected)  # whole numbers: exact in any order
