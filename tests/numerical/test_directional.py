"""Derivatives along directions: right, and honest about their error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.numerical import (
    complex_step,
    directional_derivative,
    gradient,
    one_sided_derivatives,
    signed_direction,
)

ONE = np.array(1.0)
L = np.longdouble


def smooth_functions(rng, n):
    """Yield (kind, f, x, derivative in longdouble): all vary over a length of about 1 near x."""
    for k in range(n):
        kind = ("polynomial", "exp", "sin", "rational", "log", "tanh")[k % 6]
        a, b, x = rng.normal(), rng.normal(), np.array(rng.uniform(-3, 3))
        match kind:
            case "polynomial":
                c = rng.normal(size=rng.integers(2, 9))
                yield kind, lambda v, c=c: np.polyval(c, v), x, np.polyval(np.polyder(c.astype(L)), L(x))
            case "exp":
                yield kind, lambda v, a=a, b=b: b * np.exp(a * v), x, L(a) * b * np.exp(L(a) * x)
            case "sin":
                yield kind, lambda v, a=a, b=b: np.sin(a * v + b), x, L(a) * np.cos(L(a) * x + L(b))
            case "rational":
                c, y = rng.uniform(0.2, 2), L(x)
                q = y * y + L(c)
                yield kind, lambda v, a=a, c=c: (v - a) / (v * v + c), x, (q - (y - L(a)) * 2 * y) / q**2
            case "log":
                x = np.array(rng.uniform(0.2, 20))
                yield kind, np.log, x, 1 / L(x)
            case "tanh":
                yield kind, lambda v, a=a: np.tanh(a * v), x, L(a) * (1 - np.tanh(L(a) * x) ** 2)


def ratios(estimates_of, seed, n=1200):
    result = []
    for kind, f, x, truth in smooth_functions(np.random.default_rng(seed), n):
        for value, error in estimates_of(f, x):
            assert np.isfinite(error), kind
            result.append(float(abs(L(value) - truth) / max(error, np.finfo(float).tiny)))
    return np.array(result)


@pytest.mark.parametrize("seed", range(3))
def test_richardsons_error_estimate_covers_999_of_1000_true_errors_and_the_rest_within_a_factor_of_2(seed):
    ratio = ratios(lambda f, x: [directional_derivative(f, x, ONE)], seed)
    assert (ratio <= 1).mean() >= 0.999
    assert ratio.max() <= 2


@pytest.mark.parametrize("seed", range(3))
def test_one_sided_error_estimates_cover_999_of_1000_true_errors_and_the_rest_within_a_factor_of_2(seed):
    ratio = ratios(lambda f, x: one_sided_derivatives(f, x, ONE), seed)
    assert (ratio <= 1).mean() >= 0.999
    assert ratio.max() <= 2


def test_the_estimates_are_sharp_enough_to_be_of_use():
    bounds, errors = [], []
    for _, f, x, truth in smooth_functions(np.random.default_rng(5), 600):
        value, error = directional_derivative(f, x, ONE)
        bounds.append(float(error / max(abs(truth), 1e-3)))
        errors.append(float(abs(value - truth) / max(abs(truth), 1e-3)))
    assert np.median(bounds) < 1e-10
    assert np.quantile(bounds, 0.99) < 1e-6
    assert np.median(errors) < 1e-12


def test_a_derivative_that_is_wrong_by_one_part_in_a_thousand_million_lies_outside_most_estimates():
    outside = [
        abs(float(truth) * (1 + 1e-9) - value) > error
        for _, f, x, truth in smooth_functions(np.random.default_rng(6), 600)
        for value, error in [directional_derivative(f, x, ONE)]
    ]
    assert np.mean(outside) > 0.8


@settings(deadline=None, max_examples=200)
@given(st.floats(-3, 3), st.floats(-2, 2), st.integers(0, 4))
def test_the_complex_step_is_exact_to_1e_14_on_analytic_functions(x, a, kind):
    f, df = [
        (np.sin, np.cos),
        (lambda v: np.exp(a * v), lambda v: a * np.exp(a * v)),
        (lambda v: v**5, lambda v: 5 * v**4),
        (lambda v: 1 / (v * v + 1), lambda v: -2 * v / (v * v + 1) ** 2),
        (np.arctan, lambda v: 1 / (v * v + 1)),
    ][kind]
    value, error = complex_step(f, x, 1.0)
    truth = df(L(x))
    assert abs(value - truth) <= 1e-14 * abs(truth) + 1e-220  # times the step of 1e-77 it underflows
    assert error >= 0


def test_the_complex_step_needs_no_step_size_even_where_differences_lose_all_digits():
    x = np.array([1e-30, 1.0, 1e30])
    np.testing.assert_allclose(complex_step(lambda v: v**3, x, np.ones(3)).value, 3 * x**2, rtol=1e-14)


NOT_COMPLEX = {
    "drops the imaginary part": (np.abs, TypeError, "imaginary part"),
    "takes the real part": (lambda v: v.real * 2, TypeError, "imaginary part"),
    "writes into a float buffer": (
        lambda v: np.add(v, 1, out=np.empty(2), casting="unsafe"),
        TypeError,
        "must take complex numbers",
    ),
    "refuses complex numbers": (lambda v: np.floor(v) + v, TypeError, "must take complex numbers"),
    "is for Python floats": (
        lambda v: np.array([math.sin(e) for e in v]),
        TypeError,
        "must take complex numbers",
    ),
    "is not analytic": (lambda v: np.conj(v) * v, ValueError, "analytic"),
}


@pytest.mark.parametrize("case", NOT_COMPLEX)
@pytest.mark.parametrize("how", ["complex_step", "directional", "gradient"])
def test_the_complex_step_refuses_a_function_that(case, how):
    f, error, words = NOT_COMPLEX[case]
    x, u = np.array([0.7, -1.2]), np.array([1.0, -1.0])
    call = {
        "complex_step": lambda: complex_step(f, x, u),
        "directional": lambda: directional_derivative(f, x, u, method="complex"),
        "gradient": lambda: gradient(lambda v: f(v).sum(), x, method="complex"),
    }[how]
    with pytest.raises(error, match=words):
        call()


def test_a_kink_has_two_one_sided_derivatives():
    x = np.array([0.0, 0.0, 0.0, 2.0])
    right, left = one_sided_derivatives(
        lambda v: (np.abs(v[0]), np.maximum(v[1], 0), np.maximum(v[2], 3 * v[2]), np.abs(v[3])), x, np.ones(4)
    )
    np.testing.assert_allclose(right.value, [1, 1, 3, 1], atol=1e-9)
    np.testing.assert_allclose(left.value, [-1, 0, 1, 1], atol=1e-9)
    assert max(right.error) < 1e-8
    assert max(left.error) < 1e-8


def test_a_tied_maximum_has_the_largest_slope_to_the_right_and_the_smallest_to_the_left():
    x, u = np.array([1.0, 3.0, 3.0]), np.array([0.0, 1.0, -2.0])
    right, left = one_sided_derivatives(np.max, x, u)
    np.testing.assert_allclose([right.value, left.value], [1, -2], atol=1e-9)


@pytest.mark.parametrize(
    ("f", "jump"), [(np.abs, 2.0), (lambda v: np.maximum(v, 0), 1.0), (lambda v: np.maximum(v, 0.1 * v), 0.9)]
)
def test_a_central_difference_at_a_kink_says_that_it_is_off_by_half_the_jump(f, jump):
    _, error = directional_derivative(f, np.zeros(1), np.ones(1))
    np.testing.assert_allclose(error, jump / 2, rtol=1e-6)


@pytest.mark.parametrize("distance", [1e-9, 1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 2e-3])
def test_a_kink_near_the_point_shows_as_a_large_error_or_does_no_harm(distance):
    value, error = directional_derivative(np.abs, np.array([distance]), np.ones(1))
    assert error[0] > 0.1 or abs(value[0] - 1) <= error[0] + 1e-9


def test_a_root_at_zero_has_no_finite_slope_and_no_small_error():
    right, left = one_sided_derivatives(np.sqrt, ONE * 0, ONE)
    assert right.error > 0.1 * right.value
    assert left.error == np.inf


def test_steps_across_the_edge_of_the_domain_warn_nobody_and_count_as_unknown():
    value, error = directional_derivative(np.log, np.array([1e-4, 1.0]), np.ones(2))
    assert error[0] == np.inf
    assert abs(value[1] - 1) <= error[1] < 1e-8


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_the_direction_form_is_the_full_gradient_times_the_direction(seed, n, m):
    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=n), rng.normal(size=(m, n))

    def f(x, W):
        return np.tanh(W @ x).sum()

    (dx, dW), (ex, eW) = gradient(f, x, W)
    u = signed_direction((x, W), rng)
    value, error = directional_derivative(f, (x, W), u)
    assert abs(value - (dx @ u[0] + (dW * u[1]).sum())) <= error + ex.sum() + eW.sum() + 1e-15


@pytest.mark.parametrize("method", ["richardson", "central", "complex"])
def test_the_length_of_the_direction_scales_the_derivative_and_not_the_accuracy(method):
    x, u = np.array([0.3, 0.8]), np.array([1.0, -2.0])
    for factor in (1e-200, 1e-8, 1.0, 3e7, 1e200):
        value, _ = directional_derivative(np.sin, x, factor * u, method=method)
        np.testing.assert_allclose(value, factor * u * np.cos(x), rtol=1e-9)


def test_one_central_difference_is_two_calls_with_an_unknown_error_and_richardson_is_six():
    calls = []
    f = lambda v: calls.append(1) or np.exp(v)  # noqa: E731 (it is a counter and a function)
    value, error = directional_derivative(f, ONE, ONE, method="central")
    assert (len(calls), float(error)) == (1 + 2, np.inf)
    assert abs(float(value) - math.e) < 1e-9
    calls.clear()
    directional_derivative(f, ONE, ONE)
    assert len(calls) == 1 + 6


def test_a_function_that_varies_over_a_short_length_needs_that_scale():
    f = lambda v: np.sin(1e4 * v)  # noqa: E731 (a formula)
    truth = 1e4 * math.cos(1e4 * 0.3)
    coarse = directional_derivative(f, ONE * 0.3, ONE)
    fine = directional_derivative(f, ONE * 0.3, ONE, scale=1e-4)
    assert coarse.error > 1e-4 * abs(truth)
    # x is known to eps only: 0.3 eps, times a second derivative of 1e8.
    assert abs(fine.value - truth) < 1e-8 * abs(truth)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(np.float16, 0.3), (np.float32, 1e-3), (np.float64, 1e-9), (np.longdouble, 1e-11)]
)
def test_the_step_follows_the_dtype_in_which_the_function_is_evaluated(dtype, bound):
    x = np.array([0.5, 1.5], dtype=dtype)
    value, error = directional_derivative(np.exp, x, np.array([1.0, -1.0]))
    assert value.dtype == (np.longdouble if dtype == np.longdouble else np.float64)
    truth = np.exp(x.astype(L)) * np.array([1, -1])
    assert (np.abs(value - truth) <= error).all()
    assert (error < bound * np.abs(truth)).all()


def test_evaluation_in_float64_or_longdouble_when_asked_for():
    x, seen = np.array([0.5], dtype=np.float32), set()

    def f(v):
        seen.add(v.dtype)
        return np.exp(v)

    errors = [float(directional_derivative(f, x, np.ones(1), dtype=d).error[0]) for d in (None, np.float64)]
    assert seen == {np.dtype(np.float32), np.dtype(np.float64)}
    assert errors[1] < 1e-5 * errors[0]
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        value, error = directional_derivative(f, x, np.ones(1), dtype=np.longdouble)
        assert value.dtype == np.longdouble
        assert abs(value[0] - np.exp(L(0.5))) <= error[0] < 1e-11


def test_a_function_that_computes_in_float32_inside_is_given_float32s_step():
    x = np.array([0.5, 1.5])
    value, error = directional_derivative(lambda v: np.exp(v.astype(np.float32)), x, np.ones(2))
    assert (np.abs(value - np.exp(x)) <= error).all()
    assert (error < 1e-3).all()


def test_the_callers_arrays_are_untouched_even_by_a_function_that_writes_to_what_it_gets():
    x, W = np.arange(3.0), np.asfortranarray(np.ones((2, 3)))
    x.flags.writeable = False

    def f(x, W):
        W *= 2
        x += 1
        return W @ x

    value, _ = directional_derivative(f, (x, W), (np.ones(3), None))
    np.testing.assert_allclose(value, [6, 6], rtol=1e-9)
    one_sided_derivatives(f, (x, W), (np.ones(3), np.ones((2, 3))))
    complex_step(f, (x, W), (np.ones(3), None))
    assert x.tolist() == [0, 1, 2]
    assert (W == 1).all()


def test_a_function_that_returns_the_same_buffer_each_time_is_differentiated_rightly():
    buffer = np.empty(2)
    value, _ = directional_derivative(lambda v: np.square(v, out=buffer), np.array([1.0, 2.0]), np.ones(2))
    np.testing.assert_allclose(value, [2, 4], rtol=1e-9)


def test_a_generator_among_the_arguments_is_replayed_and_not_used_up():
    generator = np.random.default_rng(3)
    mask = np.random.default_rng(3).random(50) < 0.5
    x = np.linspace(-1, 1, 50)
    value, error = directional_derivative(
        lambda x, g: x * (g.random(50) < 0.5), (x, generator), (np.ones(50), None)
    )
    np.testing.assert_allclose(value, mask, atol=1e-9)
    assert error.max() < 1e-9
    assert generator.random() == np.random.default_rng(3).random()


def test_outputs_keep_their_structure_and_what_is_not_floating_has_no_derivative():
    def f(x):
        return x.sum(), (x.argmax(), [x * 2, None])

    value, error = directional_derivative(f, np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    total, (none, (double, nothing)) = value
    assert (none, nothing) == (None, None)
    np.testing.assert_allclose(total, 2, rtol=1e-9)
    np.testing.assert_allclose(double, [2, 2], rtol=1e-9)
    assert error[1][0] is None
    assert error[1][1][0].shape == (2,)


def test_a_zero_direction_and_an_empty_argument_have_the_derivative_zero():
    for x, u in ((np.ones(2), np.zeros(2)), (np.zeros((0, 2)), np.zeros((0, 2)))):
        for method in ("richardson", "central", "complex"):
            value, error = directional_derivative(lambda v: v.sum(), x, u, method=method)
            assert (float(value), float(error)) == (0, 0)
        right, left = one_sided_derivatives(lambda v: v.sum(), x, u)
        assert (float(right.value), float(left.error)) == (0, 0)


@pytest.mark.parametrize("x", [0.0, 1.0, 0.1, 1e10, -1.9999999999999998, 1e-300])
def test_a_straight_line_has_its_slope_to_the_last_digits(x):
    # Steps are powers of two and the divisor is the way really gone: nothing is lost but f's rounding.
    value, _ = directional_derivative(lambda v: 3 * v, x, 1.0)
    assert abs(float(value) - 3) < 1e-12


X = np.ones(2)
REFUSED = {
    "integers only": (
        lambda: directional_derivative(np.sum, np.arange(2), X),
        TypeError,
        ["at least one argument", "int64"],
    ),
    "a list": (
        lambda: directional_derivative(np.sum, ([1.0, 2.0],), (X,)),
        TypeError,
        ["args[0]", "not a list"],
    ),
    "a complex argument": (
        lambda: directional_derivative(np.sum, X + 1j, X),
        TypeError,
        ["must be real", "args[0]"],
    ),
    "a complex result": (
        lambda: directional_derivative(lambda v: v * 1j, X, X),
        TypeError,
        ["f must return real", "complex128"],
    ),
    "an integer result": (
        lambda: directional_derivative(np.argmax, X, X),
        TypeError,
        ["f must return floating"],
    ),
    "a direction of another shape": (
        lambda: directional_derivative(np.sum, X, np.ones(3)),
        ValueError,
        ["shape (2,)", "(3,)"],
    ),
    "a direction with NaN": (
        lambda: directional_derivative(np.sum, X, X * np.nan),
        ValueError,
        ["direction must be a finite"],
    ),
    "an integer direction": (
        lambda: directional_derivative(np.sum, X, np.ones(2, int)),
        ValueError,
        ["floating", "int64"],
    ),
    "one direction for two arguments": (
        lambda: directional_derivative(np.dot, (X, X), X),
        ValueError,
        ["2 arguments", "slots=1"],
    ),
    "a direction for an integer": (
        lambda: directional_derivative(lambda a, b: a * b, (X, 3), (X, 1.0)),
        TypeError,
        ["not floating", "argument=3"],
    ),
    "an unknown method": (
        lambda: directional_derivative(np.sum, X, X, method="euler"),
        ValueError,
        ["richardson", "'euler'"],
    ),
    "a scale of 0": (
        lambda: directional_derivative(np.sum, X, X, scale=0),
        ValueError,
        ["scale must be positive", "scale=0"],
    ),
    "an integer dtype": (
        lambda: directional_derivative(np.sum, X, X, dtype=int),
        TypeError,
        ["dtype must be a floating"],
    ),
    "changing shapes": (
        lambda: directional_derivative(lambda v: v[v > 0.999], X, X),
        ValueError,
        ["same shapes", "(2,)"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_call_is_refused_with_the_reason(case):
    call, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        call()
    for word in ["directional_derivative", *words]:
        assert word in str(caught.value)
