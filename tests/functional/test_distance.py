"""Distances: every property, against every oracle; where they are zero, and where they overflow."""

import math

import numpy as np
import pytest

import scratchnet.functional as F

FAMILY = "distance"
DTYPES = (np.float32, np.float64)
ANY_P = (2.0, 1.0, 0.0, 0.5, 1.5, 2.5, 3.0, math.inf, -math.inf, -1.0)


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)


def test_the_distance_of_two_numbers_gives_arrays_without_axes():
    y, pullback = F.pairwise_distance(np.array(0.5), np.array(2.0))
    assert [type(a) for a in (y, *pullback(np.array(1.5)))] == [np.ndarray] * 3


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("p", ANY_P)
def test_two_numbers_are_vectors_of_one(p, keepdim):
    y, pullback = F.pairwise_distance(np.array(0.5), np.array(2.5), p, 0.0, keepdim)
    assert y.shape == ()
    np.testing.assert_allclose(y, 1.0 if p == 0 else 2.0, rtol=8e-16)
    slope = 0.0 if p == 0 else 3.0
    np.testing.assert_allclose(pullback(np.array(3.0)), [-slope, slope], rtol=8e-16)


def test_numbers_are_vectors_of_one_for_their_angle_too():
    y, pullback = F.cosine_similarity(np.array(-0.5), np.array(2.0), 0)
    assert [type(a) for a in (y, *pullback(np.array(1.5)))] == [np.ndarray] * 3
    assert [a.tolist() for a in (y, *pullback(np.array(1.5)))] == [-1.0, 0.0, 0.0]


@pytest.mark.parametrize("p", [p for p in ANY_P if p != 0])
@pytest.mark.parametrize("value", [1e300, -1e-300])
def test_the_distance_of_vectors_of_one_neither_overflows_nor_vanishes(p, value):
    for rows in (1, 2):
        y, _ = F.pairwise_distance(np.full((rows, 1), value), np.zeros((rows, 1)), p, 0.0)
        assert y.tolist() == [abs(value)] * rows
    assert F.pairwise_distance(np.array(value), np.array(0.0), p, 0.0)[0].tolist() == abs(value)


# Zeros among others and alone, ties, a distance of exactly 1, and what is not finite.
DIFFERENCES = [
    [3.0, -4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, -2.0, 2.0], [-0.5, 0.25, 0.125],
    [math.inf, 1.0, 0.0], [-math.inf, math.inf, -2.0], [math.nan, 1.0, 0.0],
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", ANY_P)
def test_every_norm_has_pytorchs_value_and_gradient_at_zeros_ties_and_infinities(p, dtype):
    torch = pytest.importorskip("torch")
    d = np.array(DIFFERENCES, dtype)
    dy = np.array([1.5, 2.0, -1.0, 3.0, -0.5, 2.0, 1.0, 1.0], dtype)
    y, pullback = F.pairwise_distance(d, np.zeros_like(d), p, 0.0)
    dx1, dx2 = pullback(dy)
    tensor = torch.from_numpy(d).requires_grad_()
    theirs = torch.nn.functional.pairwise_distance(tensor, torch.zeros_like(tensor), p, 0.0)
    (gradient,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(dy), materialize_grads=True)
    # Three powers, sums and quotients of three, each to a rounding or two, on either side.
    within = {"rtol": 32 * float(np.finfo(dtype).eps), "atol": 0}
    np.testing.assert_allclose(y, theirs.detach().numpy(), **within)
    np.testing.assert_allclose(dx1, gradient.numpy(), **within)
    np.testing.assert_array_equal(dx2, -dx1)


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 1.0, 2.0, 3.0])
def test_vectors_without_elements_are_at_distance_zero(p):
    y, pullback = F.pairwise_distance(np.ones((2, 0)), np.ones((2, 0)), p)
    assert y.tolist() == [0.0, 0.0]
    assert [dx.shape for dx in pullback(y)] == [(2, 0), (2, 0)]


@pytest.mark.parametrize("p", ANY_P)
@pytest.mark.parametrize("values", [[1e200, -1e200], [1e-200, 1e-200], [math.inf, -math.inf]], ids=str)
def test_no_distance_warns_of_what_overflows(values, p):
    # Differences that overflow, squares and powers that do, and quotients of what is too small.
    x, other = np.array(values), np.array([-1e308, 1e308]) if values[0] == 1e200 else np.array(values[::-1])
    for x2 in (other, x, np.zeros(2)):
        y, pullback = F.pairwise_distance(x, x2, p, 0.0)
        pullback(np.array(1e300))
        assert y.shape == ()


def test_a_zero_vector_is_at_a_right_angle_to_all_and_its_norm_has_no_slope():
    y, pullback = F.cosine_similarity(np.zeros((1, 2)), np.array([[3.0, 4.0]]), eps=0.5)
    dx1, dx2 = pullback(np.array([2.0]))
    assert y.tolist() == [0.0]
    np.testing.assert_allclose(dx1, [[2.0 * 0.6 / 0.5, 2.0 * 0.8 / 0.5]], rtol=4e-16)
    assert dx2.tolist() == [[0.0, 0.0]]


def test_a_vector_whose_norm_underflows_counts_as_zero():
    # u = x / eps is (1, 1) and its norm 0: no slope of the norm is taken off du.
    y, pullback = F.cosine_similarity(np.full((1, 2), 1e-200), np.array([[3.0, 4.0]]), eps=1e-200)
    np.testing.assert_allclose(y, [1.4], rtol=4e-16)
    np.testing.assert_allclose(pullback(np.array([1.0]))[0], [[0.6e200, 0.8e200]], rtol=4e-16)


@pytest.mark.parametrize("eps", [0.0, 1e-8])
@pytest.mark.parametrize(
    "values", [[0.0, 0.0], [1e200, -1e200], [1e-200, 1e-200], [math.inf, 1.0], [math.nan, 1.0]], ids=str
)
def test_no_angle_warns_of_what_overflows(values, eps):
    for other in (values, values[::-1], [1.0, 2.0]):
        y, pullback = F.cosine_similarity(np.array([values]), np.array([other]), eps=eps)
        for dy in (1.0, 1e308, math.inf):
            pullback(np.array([dy]))
        assert y.shape == (1,)


def test_what_is_infinite_has_no_angle_and_what_overflows_a_right_one():
    other = np.array([[1.0, 2.0]])
    assert np.isnan(F.cosine_similarity(np.array([[math.inf, 1.0]]), other)[0]).all()
    assert F.cosine_similarity(np.array([[1e200, 1.0]]), other)[0].tolist() == [0.0]
