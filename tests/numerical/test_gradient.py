"""gradient, vjp, jacobian: every entry of every argument."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.numerical import gradient, jacobian, signed_direction, vjp

METHODS = ["richardson", "central", "complex"]


@pytest.mark.parametrize("method", METHODS)
def test_gradient_has_one_slot_for_each_argument_and_none_where_there_is_nothing_to_move(method):
    x, W, stride = np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(2, 3), 2

    def f(x, W, stride, bias):
        assert bias is None
        return (W @ x).sum() * stride

    value, error = gradient(f, x, W, stride, None, method=method)
    assert value[2:] == error[2:] == (None, None)
    np.testing.assert_allclose(value[0], 2 * W.sum(0), rtol=1e-8)
    np.testing.assert_allclose(value[1], 2 * np.stack([x, x]), rtol=1e-8)
    assert [e.shape for e in error[:2]] == [x.shape, W.shape]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS[::2]))
def test_vjp_is_the_cotangent_times_the_jacobian(seed, method):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=3)

    def f(x, y):
        return np.exp(0.3 * x) @ y, (np.sin(x) * y, x.shape)

    dy = (rng.normal(size=2), (rng.normal(size=(2, 3)), (None, None)))
    value, error = vjp(f, (x, y), dy, method=method)
    J, _ = jacobian(f, x, y, method=method)
    (Jux, Juy), ((Jvx, Jvy), nothing) = J
    assert nothing == (None, None)
    expected = (
        np.tensordot(dy[0], Jux, 1) + np.tensordot(dy[1][0], Jvx, 2),
        np.tensordot(dy[0], Juy, 1) + np.tensordot(dy[1][0], Jvy, 2),
    )
    for got, bound, want in zip(value, error, expected, strict=True):
        assert (np.abs(got - want) <= 2 * bound + 1e-13).all()
    exact = dy[0][:, None] * 0.3 * np.exp(0.3 * x) * y + dy[1][0] * np.cos(x) * y
    assert (np.abs(value[0] - exact) <= error[0] + 1e-15).all()


def test_a_cotangent_of_none_is_zero_and_of_zero_hides_an_infinite_output():
    x = np.array([1.0, 2.0])
    value, _ = vjp(lambda v: (v * 2, v * 3), x, (None, np.ones(2)))
    np.testing.assert_allclose(value[0], [3, 3], rtol=1e-9)
    (dx,), (error,) = vjp(lambda v: np.array([v.sum(), np.inf]), x, np.array([1.0, 0.0]))
    np.testing.assert_allclose(dx, 1, rtol=1e-9)
    assert error.max() < 1e-9


def test_differences_are_taken_before_the_sum_so_that_a_large_constant_output_costs_no_digits():
    x = np.array([0.5])
    (dx,), (error,) = vjp(lambda v: (np.exp(v), np.full(3, 1e12)), x, (np.ones(1), None))
    assert error[0] < 1e-10
    assert abs(dx[0] - np.exp(0.5)) <= error[0]


def test_jacobian_shapes_are_output_by_argument():
    def f(x, w):
        return np.multiply.outer(x, w), w.sum()

    value, error = jacobian(f, np.ones((2, 1)), np.ones(3))
    assert [j.shape for j in value[0]] == [(2, 1, 3, 2, 1), (2, 1, 3, 3)]
    assert [j.shape for j in value[1]] == [(2, 1), (3,)]
    assert [e.shape for e in error[1]] == [(2, 1), (3,)]


def test_single_numbers_and_empty_arrays_are_arguments_like_any_other():
    value, error = gradient(lambda a, b, c: a * b**2 + c.sum(), 2.0, np.array(3.0), np.zeros((0, 4)))
    assert [v.shape for v in value] == [(), (), (0, 4)]
    np.testing.assert_allclose(value[:2], [9, 12], rtol=1e-9)
    assert error[2].shape == (0, 4)
    (J,), _ = jacobian(lambda v: v[:0], np.ones(3))
    assert J.shape == (0, 3)


@pytest.mark.parametrize(
    "x",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(24.0).reshape(4, 6)[::2, ::2],
        np.arange(6.0).reshape(2, 3)[::-1],
        np.broadcast_to(np.arange(3.0), (2, 3)),
    ],
    ids=["Fortran", "strided", "reversed", "stride 0 and read-only"],
)
@pytest.mark.parametrize("method", METHODS)
def test_every_layout_is_taken_and_no_argument_is_written_to(x, method):
    before = x.copy()
    (dx,), _ = gradient(lambda v: (v**2).sum(), x, method=method)
    np.testing.assert_allclose(dx, 2 * x, rtol=1e-8, atol=1e-9)
    assert (x == before).all()


def test_gradient_at_a_kink_says_so_in_its_error():
    (dx,), (error,) = gradient(lambda v: np.abs(v).sum(), np.array([0.0, 1.0]))
    assert error[0] > 0.9
    assert error[1] < 1e-9
    assert abs(dx[1] - 1) < 1e-9


def test_a_wrong_sign_or_a_factor_of_1_000001_lies_outside_the_error():
    x = np.linspace(-1, 1, 5)
    (dx,), (error,) = gradient(lambda v: np.exp(v).sum(), x)
    assert (np.abs(dx - np.exp(x)) <= error).all()
    for wrong in (-np.exp(x), 1.000001 * np.exp(x)):
        assert (np.abs(dx - wrong) > error).all()


def test_signed_directions_move_every_floating_entry_by_one_and_nothing_else():
    args = (np.zeros((20, 20)), 3, np.arange(4), 1.0, None, "mean", np.float32(2))
    u = signed_direction(args, np.random.default_rng(0))
    assert [k for k, v in enumerate(u) if v is None] == [1, 2, 4, 5]
    assert set(np.unique(u[0])) == {-1.0, 1.0}
    assert abs(u[0].mean()) < 0.2
    assert u[3].shape == u[6].shape == ()


X = np.ones(2)
REFUSED = {
    "gradient of an array": (
        lambda: gradient(np.sin, X),
        ValueError,
        ["gradient: f must return one number", "vjp", "(2,)"],
    ),
    "gradient of two numbers": (
        lambda: gradient(lambda v: (v.sum(), v.sum()), X),
        ValueError,
        ["one number"],
    ),
    "a cotangent of another shape": (
        lambda: vjp(np.sin, X, np.ones(3)),
        ValueError,
        ["vjp: cotangent", "(2,)", "(3,)"],
    ),
    "an integer cotangent": (lambda: vjp(np.sin, X, np.ones(2, int)), ValueError, ["floating", "int64"]),
    "too many cotangents": (
        lambda: vjp(np.sin, X, (X, X)),
        ValueError,
        ["each of the 1 outputs", "arrays=2"],
    ),
    "a cotangent for an index": (
        lambda: vjp(lambda v: (v, v.argmax()), X, (X, X)),
        ValueError,
        ["not floating must be None"],
    ),
    "an unknown method": (
        lambda: jacobian(np.sin, X, method="newton"),
        ValueError,
        ["jacobian: method", "'newton'"],
    ),
    "a scale of NaN": (lambda: gradient(np.sum, X, scale=np.nan), ValueError, ["gradient: scale", "nan"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_call_is_refused_with_the_reason(case):
    call, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
