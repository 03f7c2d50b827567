"""Sums over equal numbers: a place at a time equals one run after the other."""

import numpy as np
import pytest

import scratchnet.functional as F
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


def test_rows_are_added_in_the_order_they_come_whatever_stands_between_them():
    rng = np.random.default_rng(0)
    numbers, rows = rng.integers(0, 5, size=2_000), rng.normal(size=(2_000, 2))
    order = sorted(range(2_000), key=lambda i: (numbers[i], i))
    np.testing.assert_array_equal(
        body.add_rows(numbers, rows, 5), body.add_rows(numbers[order], rows[order], 5)
    )


def test_rows_are_added_and_not_averaged_unless_it_is_said():
    found = body.add_rows(np.array([1, 1]), np.array([[1.0], [2.0]]), 2)
    np.testing.assert_array_equal(found, [[0], [3]])


def test_of_rows_with_the_same_maximum_the_first_gets_the_gradient():
    table = np.array([[2.0, 1.0], [2.0, 3.0], [1.0, 3.0]])
    y, pullback = F.embedding_bag(np.array([[1, 0, 2], [2, 0, 1]]), table, mode="max")
    np.testing.assert_array_equal(y, [[2, 3], [2, 3]])
    _, dweight, _, _ = pullback(np.array([[1.0, 10.0], [100.0, 1000.0]]))
    np.testing.assert_array_equal(dweight, [[100, 0], [1, 10], [0, 1000]])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("sizes", [[2, 2], [2, 3]], ids=str)
def test_infinite_and_huge_numbers_are_added_without_a_warning(sizes, mode, weighted):
    huge = np.finfo(np.float64).max
    table = np.array([[huge, np.inf], [huge, -np.inf], [1.0, 1.0]])
    x, offsets = np.array([0, 1, 0, 1, 2])[: sum(sizes)], np.array([0, sizes[0]])
    weights = np.full(x.size, 2.0) if weighted and mode == "sum" else None
    y, pullback = F.embedding_bag(x, table, offsets, mode=mode, per_sample_weights=weights)
    whole = {"sum": [np.inf, np.nan], "mean": [np.inf, np.nan], "max": [huge, np.inf]}[mode]
    np.testing.assert_array_equal(y, [whole, whole])
    dy = np.array([[huge, np.inf], [huge, -np.inf]])
    dweight = pullback(dy)[1]
    assert not np.isfinite(dweight[0, 1])
    dweight = F.embedding(np.array([0, 0]), table)[1](dy)[1]
    np.testing.assert_array_equal(dweight, [[np.inf, np.nan], [0, 0], [0, 0]])


@pytest.mark.parametrize("max_norm", [5.0, 0.7, -1.0, -1e308])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 0.0, -1.0, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_any_norm_are_scaled_as_in_pytorch_to_the_last_digit_and_without_a_warning(
    dtype, norm_type, max_norm
):
    torch = pytest.importorskip("torch")
    huge = np.finfo(dtype).max
    table = np.array([[huge, huge], [np.inf, 1], [0, 2], [np.nan, 1], [0, 0], [-5, 0], [3, 4]], dtype)
    table = table[: -1 if norm_type == -1 else None]  # a norm that would be rounded
    expected = torch.tensor(table)
    torch.embedding_renorm_(expected, torch.arange(len(table)), max_norm, norm_type)
    _, _, found = F.embedding(np.arange(len(table)), table, max_norm=max_norm, norm_type=norm_type)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected.numpy())


def test_rows_without_columns_have_no_norm():
    y, _, new = F.embedding(np.array([0, 1]), np.zeros((3, 0)), max_norm=1.0, norm_type=np.inf)
    assert (y.shape, new.shape) == ((2, 0), (3, 0))


@pytest.mark.parametrize("count", [2_049, 70_000])  # float16 has no such number; the latter is infinite in it
def test_half_precision_is_divided_by_counts_it_cannot_hold(count):
    table = np.array([[0.0], [1.0]], np.float16)
    x = np.zeros(count, np.intp)
    x[0] = 1
    y, _ = F.embedding_bag(x[None], table)
    np.testing.assert_array_equal(y, np.array([[1 / count]], np.float16), strict=True)
    dy = np.zeros((count, 1), np.float16)
    dy[0] = 1
    _, dweight = F.embedding(np.zeros(count, np.intp), table, scale_grad_by_freq=True)[1](dy)
    np.testing.assert_array_equal(dweight, np.array([[1 / count], [0]], np.float16), strict=True)
