"""What the catalogue does not ask of the linear map: memory order, and zeros that meet not-a-number."""

import numpy as np
import pytest

import scratchnet.functional as F


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_weight_gradient_has_the_memory_order_of_the_weight(n, order):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(n, 3)), np.asarray(rng.normal(size=(4, 3)), order=order)
    dy = rng.normal(size=(n, 4))
    dweight = F.linear(x, weight)[1](dy)[1]
    assert dweight.flags[f"{order}_CONTIGUOUS"]
    np.testing.assert_allclose(dweight, dy.T @ x, rtol=1e-12, atol=1e-12)


def test_the_weight_gradient_of_a_strided_weight_is_in_the_usual_order():
    weight = np.random.default_rng(0).normal(size=(8, 6))[::2, ::2]
    x, dy = np.ones((2, 3)), np.arange(8.0).reshape(2, 4)
    dweight = F.linear(x, weight)[1](dy)[1]
    assert dweight.flags.c_contiguous
    np.testing.assert_array_equal(dweight, dy.T @ x)


def test_a_single_zero_times_not_a_number_is_not_a_number():
    nan = np.array([[np.nan], [1.0]])
    assert np.isnan(F.linear(np.array([[0.0]]), nan)[0]).tolist() == [[True, False]]
    assert np.isnan(F.linear(nan, np.array([[0.0]]))[0]).tolist() == [[True], [False]]
    infinite = np.array([[np.inf], [1.0]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(F.linear(infinite, np.array([[0.0]]))[0]).tolist() == [[True], [False]]
