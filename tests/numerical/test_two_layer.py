"""The fast numerical gradient of a two-layer network: the plain one's numbers, hundreds of times sooner."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchnet.numerical import _mlp, two_layer_numerical_gradient

PARAMS = ("W1", "b1", "W2", "b2")
EPS = np.finfo(float).eps


def network(seed, N, D, H, K, scale=1.0):
    """Draw inputs and parameters in sixteenths, zeros and dead units among them."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: np.round(16 * rng.normal(size=shape)) / 16 * scale  # noqa: E731 (three uses)
    x = np.abs(draw(N, D)) * (rng.random((N, D)) < 0.7)
    W1, b1 = draw(D, H), draw(H) * (rng.random(H) < 0.5)
    if H > 1:
        W1[:, 0], b1[0] = -np.abs(W1[:, 0]), -1.0  # never alive
        W1[:, 1], b1[1] = 0.0, 0.0  # at the kink for every sample
    return x, rng.integers(0, K, N), W1, b1, draw(H, K), draw(K)


def rounding_bound(x, W1, b1, W2, b2, h):
    """Bound what two orders of computing the same two losses can differ by.

    A loss sums products whose magnitudes add up to at most M, so its rounding is a few eps (1 + M); a central
    difference divides two such losses by 2h. There is no truncation in it: both sides take the same h.
    """
    hidden = np.abs(x) @ np.abs(W1) + np.abs(b1)
    M = (hidden @ np.abs(W2) + np.abs(b2)).max(initial=0.0)
    return 8 * EPS * (1 + M) / h


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    N=st.integers(1, 5),
    D=st.integers(1, 20),
    H=st.integers(1, 8),
    K=st.integers(1, 5),
    scale=st.sampled_from([1 / 16, 1.0, 8.0]),
    activation=st.sampled_from(["relu", "sigmoid"]),
    block=st.sampled_from([1, 7, 12_800]),
    h=st.sampled_from([1e-4, 1e-2]),
)
@example(seed=0, N=2, D=3, H=0, K=2, scale=1.0, activation="relu", block=7, h=1e-4)
@example(seed=0, N=2, D=0, H=3, K=2, scale=1.0, activation="sigmoid", block=7, h=1e-4)
def test_it_equals_the_plain_body(seed, N, D, H, K, scale, activation, block, h):
    x, t, W1, b1, W2, b2 = network(seed, N, D, H, K, scale)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_mlp, "_BLOCK", block)
        fast = two_layer_numerical_gradient(x, t, W1, b1, W2, b2, h, activation)
    plain = _mlp._plain_two_layer_numerical_gradient(x, t, W1, b1, W2, b2, h, activation)
    for name, got, want in zip(PARAMS, fast, plain, strict=True):
        assert got.shape == want.shape
        assert got.dtype == np.float64
        worst = np.abs(got - want).max(initial=0.0)
        assert worst <= rounding_bound(x, W1, b1, W2, b2, h), name


def test_at_everyday_sizes_the_difference_is_under_1e_10():
    rng = np.random.default_rng(0)
    x, t = rng.random((4, 30)), rng.integers(0, 5, 4)
    W1, b1, W2, b2 = 0.1 * rng.normal(size=(30, 8)), np.zeros(8), 0.1 * rng.normal(size=(8, 5)), np.zeros(5)
    fast = two_layer_numerical_gradient(x, t, W1, b1, W2, b2)
    plain = _mlp._plain_two_layer_numerical_gradient(x, t, W1, b1, W2, b2)
    assert max(np.abs(got - want).max() for got, want in zip(fast, plain, strict=True)) < 1e-10


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_it_is_the_gradient_by_backpropagation_to_the_truncation_of_the_step(activation):
    x, t, W1, b1, W2, b2 = network(1, 5, 12, 6, 4, 0.25)
    b1 += 0.3  # no unit within a step of the kink
    a = x @ W1 + b1
    z = np.maximum(a, 0) if activation == "relu" else 1 / (1 + np.exp(-a))
    e = np.exp(z @ W2 + b2)
    do = e / e.sum(1, keepdims=True)
    do[np.arange(5), t] -= 1
    do /= 5
    da = do @ W2.T * ((a > 0) if activation == "relu" else z * (1 - z))
    expected = (x.T @ da, da.sum(0), z.T @ do, do.sum(0))
    got = two_layer_numerical_gradient(x, t, W1, b1, W2, b2, activation=activation)
    for name, g, want in zip(PARAMS, got, expected, strict=True):
        np.testing.assert_allclose(g, want, atol=1e-8, err_msg=name)


def test_a_step_that_moves_a_logit_out_of_exps_range_still_gives_the_plain_numbers():
    x, t = np.array([[1e9, 0.0]]), np.array([1])
    W1, b1 = np.array([[1e-9, 1.0], [0.5, -1.0]]), np.array([0.0, 1.0])
    W2, b2 = np.array([[1.0, -2.0, 0.5], [1e-3, 0.0, 2.0]]), np.zeros(3)
    fast = two_layer_numerical_gradient(x, t, W1, b1, W2, b2)
    plain = _mlp._plain_two_layer_numerical_gradient(x, t, W1, b1, W2, b2)
    for got, want in zip(fast, plain, strict=True):
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=rounding_bound(x, W1, b1, W2, b2, 1e-4))


def test_labels_and_one_hot_rows_say_the_same():
    x, t, *params = network(2, 4, 5, 3, 3)
    by_label = two_layer_numerical_gradient(x, t, *params)
    for dtype in (int, float, bool, np.float32):
        by_row = two_layer_numerical_gradient(x, np.eye(3)[t].astype(dtype), *params)
        assert all((a == b).all() for a, b in zip(by_label, by_row, strict=True))


def test_float32_parameters_are_differenced_in_float64():
    x, t, *params = network(3, 2, 6, 4, 3)  # sixteenths: the same numbers in float32
    single = two_layer_numerical_gradient(x.astype(np.float32), t, *(p.astype(np.float32) for p in params))
    double = two_layer_numerical_gradient(x, t, *params)
    assert all((a == b).all() and a.dtype == np.float64 for a, b in zip(single, double, strict=True))


def test_arguments_are_not_written_to_and_results_share_no_memory():
    args = network(4, 3, 5, 4, 3)
    for a in args:
        a.flags.writeable = False
    before = [a.copy() for a in args]
    got = two_layer_numerical_gradient(*args)
    assert all((a == b).all() for a, b in zip(args, before, strict=True))
    assert not any(np.shares_memory(p, q) for i, p in enumerate(got) for q in (*args, *got[:i]))


def test_layout_does_not_matter():
    x, t, W1, b1, W2, b2 = network(5, 3, 6, 4, 3)
    got = two_layer_numerical_gradient(
        np.asfortranarray(x), t[::-1].copy()[::-1], W1[::-1].copy()[::-1], b1, np.asfortranarray(W2), b2
    )
    for a, b in zip(got, two_layer_numerical_gradient(x, t, W1, b1, W2, b2), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_underflow_of_exp_does_not_raise_where_the_caller_wants_every_warning():
    x, t, W1, b1, W2, b2 = network(6, 2, 3, 2, 3)
    b2 = np.array([0.0, -2000.0, -800.0])
    with np.errstate(all="raise"):
        got = two_layer_numerical_gradient(x, t, W1, b1, W2, b2)
    assert np.isfinite(got.W1).all()


def book_loss_and_parameters(rng, N):
    """Set up 784-50-10 with the loss as the book has it, in our own words."""
    x, t = rng.random((N, 784)), rng.integers(0, 10, N)
    W1, b1, W2, b2 = (
        0.01 * rng.normal(size=(784, 50)),
        np.zeros(50),
        0.01 * rng.normal(size=(50, 10)),
        np.zeros(10),
    )

    def loss(_):
        hidden = np.maximum(0, np.dot(x, W1) + b1)
        score = np.dot(hidden, W2) + b2
        score = score - np.max(score, axis=-1, keepdims=True)
        y = np.exp(score) / np.sum(np.exp(score), axis=-1, keepdims=True)
        return -np.sum(np.log(y[np.arange(N), t] + 1e-7)) / N

    return loss, (x, t, W1, b1, W2, b2)


def book_numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    walk = np.nditer(x, flags=["multi_index"], op_flags=[["readwrite"]])
    while not walk.finished:
        at = walk.multi_index
        kept = x[at]
        x[at] = kept + h
        above = f(x)
        x[at] = kept - h
        below = f(x)
        grad[at] = (above - below) / (2 * h)
        x[at] = kept
        walk.iternext()
    return grad


def test_all_39760_entries_of_784_50_10_are_the_books_loops():
    loss, args = book_loss_and_parameters(np.random.default_rng(0), 3)
    got = two_layer_numerical_gradient(*args)
    for name, g, parameter in zip(PARAMS, got, args[2:], strict=True):
        # The book's 1e-7 in the logarithm, at probabilities near 0.1, is worth 1e-6 of the gradient.
        expected = book_numerical_gradient(loss, parameter)
        np.testing.assert_allclose(g, expected, rtol=2e-6, atol=1e-10, err_msg=name)


ARGS = dict(zip(("x", "t", *PARAMS), network(7, 3, 4, 2, 3), strict=True))
REFUSED = {
    "a list": ({"x": [[1.0] * 4]}, TypeError, ["x must be a NumPy array", "list"]),
    "integer weights": ({"W1": np.ones((4, 2), int)}, TypeError, ["W1 must have a floating-point", "int64"]),
    "one sample without its axis": ({"x": np.ones(4)}, ValueError, ["x must have 2 dimensions", "(4,)"]),
    "a column for b1": ({"b1": np.ones((2, 1))}, ValueError, ["b1 must have 1 dimension;", "(2, 1)"]),
    "weights transposed": ({"W1": np.ones((2, 4))}, ValueError, ["shapes must fit", "W1 of shape (2, 4)"]),
    "an empty batch": (
        {"x": np.ones((0, 4)), "t": np.ones(0, int)},
        ValueError,
        ["at least one sample", "(0, 4)"],
    ),
    "a label out of range": ({"t": np.array([0, 3, 1])}, ValueError, ["[0, 2]", "t[1]=3"]),
    "float labels": ({"t": np.ones(3)}, TypeError, ["t must have an integer dtype", "float64"]),
    "labels as a list": ({"t": [0, 1, 2]}, TypeError, ["t must be a NumPy array", "list"]),
    "too few labels": ({"t": np.zeros(2, int)}, ValueError, ["(3,) or (3, 3)", "(2,)"]),
    "rows that are not one-hot": ({"t": np.full((3, 3), 1 / 3)}, ValueError, ["one-hot"]),
    "a step of 0": ({"h": 0.0}, ValueError, ["h must be positive", "h=0.0"]),
    "an unknown activation": ({"activation": "gelu"}, ValueError, ["'relu'", "'sigmoid'", "'gelu'"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_call_is_refused_with_the_reason(case):
    changed, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        two_layer_numerical_gradient(**{**ARGS, **changed})
    for word in ["two_layer_numerical_gradient", *words]:
        assert word in str(caught.value)
