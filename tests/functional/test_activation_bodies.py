"""Activations: fast bodies against plain ones, erf against its series, and conventions on every path."""

import decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import (
    _activation,
    _activation_bends_fast,
    _activation_fast,
    _activation_gated,
    _activation_piecewise,
    _activation_smooth,
)
from scratchnet.functional._erf import erf

DTYPES = (np.float32, np.float64)
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 88.5, -88.5, -104.5, 709.5, -746.5)


def erf_by_its_series(x):
    """Return erf(x) to some 40 digits: an alternating series, summed with digits enough for what cancels."""
    with decimal.localcontext() as context:
        context.prec = 70
        x = decimal.Decimal(float(x))
        term = total = x
        n = 0
        while abs(term) > decimal.Decimal(10) ** -55:
            n += 1
            term = -term * x * x / n
            total += term / (2 * n + 1)
        pi = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
        return total * 2 / pi.sqrt()


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_is_within_a_unit_and_a_fifth_of_its_series_over_the_whole_range(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([
        np.linspace(-6.5, 6.5, 261), rng.uniform(0.8, 1.2, 200), 10.0 ** rng.uniform(-12, 0, 100),
        [1.0, -1.0, np.nextafter(1.0, 0.0), np.nextafter(1.0, 2.0), 5.9, 6.0],
    ]).astype(dtype)  # fmt: skip
    y = erf(x)
    assert y.dtype == dtype
    for value, found in zip(x, y, strict=True):
        true = erf_by_its_series(value)
        unit = float(np.spacing(dtype(abs(float(true)))))
        assert abs(float(decimal.Decimal(float(found)) - true)) <= 1.2 * unit, value


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_at_the_ends(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -0.0], dtype)
    np.testing.assert_array_equal(erf(x), np.array([np.nan, 1, -1, 1, 0], dtype))
    assert np.signbit(erf(x)[-1])
    assert erf(np.empty((0, 3), dtype)).shape == (0, 3)
    assert erf(np.asarray(dtype(0.5))).shape == ()


SELU = (_activation_bends_fast.SELU_ALPHA, _activation_bends_fast.SELU_SCALE)


def leaking(body):
    return lambda x: body(x, np.asarray(0.125, x.dtype))


def clipping(body):
    return lambda x: body("hardtanh", x, np.asarray(-0.5, x.dtype), np.asarray(2, x.dtype))


BODIES = {
    "relu": (_activation_bends_fast.relu_by_blocks, _activation._relu_plain, DTYPES),
    "leaky_relu": (
        leaking(_activation_bends_fast.leaky_relu_by_blocks),
        leaking(_activation_piecewise._leaky_relu_plain), DTYPES,
    ),
    "hardtanh": (
        clipping(_activation_bends_fast.clipped_by_blocks), clipping(_activation_piecewise._clipped_plain),
        DTYPES,
    ),
    "hardswish": (
        _activation_bends_fast.hardswish_by_blocks, _activation_piecewise._hardswish_plain, DTYPES,
    ),
    "elu": (
        lambda x: _activation_bends_fast.elu_by_blocks("elu", x),
        lambda x: _activation_smooth._bent("elu", x, 1.0, 1.0, 1.0), DTYPES,
    ),
    "selu": (
        _activation_bends_fast.selu_by_blocks,
        lambda x: _activation_smooth._bent("selu", x, *SELU, 1.0), DTYPES,
    ),
    "sigmoid": (_activation_fast.sigmoid_by_blocks, _activation._sigmoid_plain, DTYPES),
    "silu": (_activation_fast.silu_by_blocks, _activation_gated._silu_plain, DTYPES),
    "softplus": (
        _activation_fast.softplus_by_blocks, lambda x: _activation_smooth._softplus_plain(x, 1.0, 40.0),
        DTYPES,
    ),
    "gelu": (_activation_fast.gelu_by_blocks, _activation_gated._gelu_plain, (np.float32,)),
}  # fmt: skip


def equal(name, x, dy):
    """Compare value and gradient: a dozen roundings, of numbers up to x and dy."""
    fast, plain, _ = BODIES[name]
    (y, pullback), (plain_y, plain_pullback) = fast(x), plain(x)
    (dx,), (plain_dx,) = pullback(dy), plain_pullback(dy)
    eps = 16 * float(np.finfo(x.dtype).eps)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(x), 1)
        # What is lost of the slope grows with x only until exp(-x) is nothing.
        steep = np.minimum(size, 40) * np.abs(dy)
        for got, wanted, scale in ((y, plain_y, size), (dx, plain_dx, steep)):
            assert got.dtype == x.dtype
            assert got.shape == x.shape
            same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
            assert (same | (np.abs(got - wanted) <= eps * scale)).all()


@settings(deadline=None)
@given(
    st.sampled_from(list(BODIES)), st.sampled_from(DTYPES), st.sampled_from([0.01, 1.0, 6.0, 300.0]),
    st.sampled_from([(), (0,), (1,), (7,), (3, 5), (2, 0, 3), (257,), (30, 20), (2100,), (7, 900)]),
    st.integers(0, 2**32), st.booleans(),
)  # fmt: skip
def test_a_fast_body_equals_the_plain_one(name, dtype, scale, shape, seed, odd):
    if dtype not in BODIES[name][2]:
        dtype = BODIES[name][2][0]
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.normal(size=shape) * scale, dtype)
    if odd and x.size:
        x.flat[rng.integers(x.size)] = rng.choice(ODD)
    equal(name, np.array(x, order="F"), np.asarray(rng.normal(size=shape), dtype))


@pytest.mark.parametrize("name", BODIES)
def test_a_fast_body_equals_the_plain_one_over_several_blocks(name):
    rng = np.random.default_rng(1)
    for shape in ((700, 1000), (262, 1001)):  # the latter leaves few for the last block
        x = (4 * rng.normal(size=shape)).astype(np.float32)
        x[::97, 3] = np.inf
        x[5, ::101] = np.nan
        equal(name, x, np.broadcast_to(np.float32(-0.5), x.shape))


@pytest.mark.parametrize("name", [name for name in BODIES if name != "softplus"])
def test_a_fast_body_keeps_the_order_of_the_bytes(name):
    swapped = np.dtype(np.float32).newbyteorder()
    x = np.random.default_rng(2).normal(size=(40, 30)).astype(swapped)
    for size in (x, x[0]):
        y, pullback = BODIES[name][0](size)
        native, native_pullback = BODIES[name][0](size.astype(np.float32))
        (dx,), (native_dx,) = pullback(size), native_pullback(size.astype(np.float32))
        assert y.dtype == dx.dtype == swapped
        np.testing.assert_array_equal(y, native)
        np.testing.assert_array_equal(dx, native_dx)


def test_the_fast_bodies_are_the_ones_that_are_called(monkeypatch):
    called = []
    homes = {
        "silu": _activation_gated, "softplus": _activation_smooth, "gelu": _activation_gated,
        "selu": _activation_smooth, "hardswish": _activation_piecewise, "leaky_relu": _activation_piecewise,
        "relu": _activation, "sigmoid": _activation,
    }  # fmt: skip
    for name, module in homes.items():
        monkeypatch.setattr(module, f"{name}_by_blocks", lambda *_, name=name: called.append(name))
        getattr(F, name)(np.ones(600 if name == "relu" else 3, np.float32))
    monkeypatch.setattr(_activation_smooth, "elu_by_blocks", lambda name, *_: called.append(name))
    monkeypatch.setattr(_activation_piecewise, "clipped_by_blocks", lambda name, *_: called.append(name))
    others = ("elu", "celu", "hardtanh", "relu6")
    for name in others:
        getattr(F, name)(np.ones(3, np.float32))
    assert called == [*homes, *others]


@pytest.mark.parametrize("slope", [0.0, 1e-40, -0.5, 1.5, np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_leaky_relu_of_a_slope_that_the_fast_body_does_not_take_is_the_plain_ones(slope, dtype):
    x = np.array([*ODD, 0.5, -0.5], dtype)
    y, pullback = F.leaky_relu(x, slope)
    factors = np.where(x > 0, 1, slope).astype(dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(y, factors * x)
        np.testing.assert_array_equal(pullback(x)[0], factors * x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "hardtanh", "hardswish", "elu", "selu"])
def test_a_fast_body_has_the_plain_ones_slopes_at_kinks_beside_them_and_where_there_is_no_number(name, dtype):
    kinks = np.array([-3, -0.5, 0, 2, 3], dtype)
    x = np.concatenate([kinks, np.nextafter(kinks, -9, dtype=dtype), np.nextafter(kinks, 9, dtype=dtype)])
    x = np.concatenate([x, np.array([np.nan, np.inf, -np.inf, -0.0], dtype)])
    fast, plain, _ = BODIES[name]
    with np.errstate(all="ignore"):
        for size in (x, np.repeat(x, 100), np.repeat(x, 1000)):
            for dy in (1, np.inf, -np.inf, np.nan):
                cotangent = np.full_like(size, dy)
                np.testing.assert_array_equal(fast(size)[1](cotangent)[0], plain(size)[1](cotangent)[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 6.0), (0.5, 0.5), (-np.inf, np.inf)])
def test_hardtanh_of_many_is_hardtanh_of_few(low, high, dtype):
    x = np.array([*ODD, -1, 1, 0.5, 6, 0.25, 3e38, -3e38], dtype)
    dy = np.arange(1, x.size + 1).astype(dtype)
    y, pullback = F.hardtanh(x, low, high)
    many, pullback_of_many = F.hardtanh(np.tile(x, 1000), low, high)
    np.testing.assert_array_equal(many, np.tile(y, 1000))
    np.testing.assert_array_equal(pullback_of_many(np.tile(dy, 1000))[0], np.tile(pullback(dy)[0], 1000))


CALLS = {
    "celu": {}, "elu": {}, "gelu": {}, "hardshrink": {}, "hardsigmoid": {}, "hardswish": {}, "hardtanh": {},
    "leaky_relu": {}, "logsigmoid": {}, "mish": {}, "relu": {}, "relu6": {}, "rrelu": {"training": True},
    "selu": {}, "sigmoid": {}, "silu": {}, "softplus": {}, "softshrink": {}, "softsign": {}, "tanh": {},
    "tanhshrink": {}, "threshold": {"threshold": 0.5, "value": 2.0},
}  # fmt: skip
SLOPES = [  # function, x, derivative there: PyTorch 2.13's, measured
    ("celu", 0.0, 1.0), ("elu", 0.0, 1.0), ("selu", 0.0, 1.0507009873554805 * 1.6732632423543772),
    ("hardshrink", 0.5, 0.0), ("hardshrink", -0.5, 0.0), ("softshrink", 0.5, 0.0), ("softshrink", -0.5, 0.0),
    ("hardsigmoid", 3.0, 0.0), ("hardsigmoid", -3.0, 0.0), ("hardswish", 3.0, 1.0), ("hardswish", -3.0, 0.0),
    ("hardtanh", 1.0, 0.0), ("hardtanh", -1.0, 0.0), ("leaky_relu", 0.0, 0.01), ("relu", 0.0, 0.0),
    ("relu6", 0.0, 0.0), ("relu6", 6.0, 0.0), ("threshold", 0.5, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "x", "slope"), SLOPES)
def test_the_slope_at_a_kink_is_pytorchs(name, x, slope, dtype):
    for size in (1, 300):  # few and many: masks differ
        at = np.full(size, x, dtype)
        (dx,) = getattr(F, name)(at, **CALLS[name])[1](np.ones(size, dtype))
        np.testing.assert_array_equal(dx, np.full(size, slope, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("relu", "sigmoid", "tanh")])
def test_infinite_huge_and_not_a_number_come_without_a_warning(name, dtype):
    # Warnings are errors here.
    x = np.array([*ODD, 3e38, -3e38], dtype)
    for size in (x, np.repeat(x, 50), np.repeat(x, 700)):
        y, pullback = getattr(F, name)(size, **CALLS[name])
        for dy in (1.0, np.inf, np.nan, 1e30):
            assert pullback(np.full(size.shape, dy, dtype))[0].dtype == dtype
        assert y.dtype == dtype


@pytest.mark.parametrize(
    "name", ["hardshrink", "hardtanh", "relu6", "softshrink", "hardsigmoid", "threshold"]
)
def test_nothing_of_an_infinite_cotangent_comes_through_where_the_slope_is_none(name):
    x = np.array([0.0, 7.0, -7.0] if name != "softshrink" else [0.0, 0.25, -0.5])
    dx = getattr(F, name)(x, **CALLS[name])[1](np.full(3, np.inf))[0]
    assert not np.isnan(dx).any()


def test_softplus_above_a_threshold_is_x_itself_even_where_beta_x_overflows():
    x = np.array([3e38, 20.0, 0.3], np.float32)
    y, pullback = F.softplus(x, beta=2.0, threshold=0.5)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(pullback(np.ones_like(x))[0], 1)


@pytest.mark.parametrize("function", ["softmax", "log_softmax", "softmin"])
def test_a_softmax_without_a_dim_warns_and_takes_pytorchs(function):
    for rank, dim in enumerate([0, 0, 1, 0, 1, 1]):
        x = np.random.default_rng(rank).normal(size=(2, 3, 2, 3, 2)[:rank])
        said = f"{function}: dim should be given; without it, it is {dim} here"
        with pytest.warns(UserWarning, match=said) as caught:
            y = getattr(F, function)(x)[0]
        assert caught[0].filename == __file__, "the line that left it out is named"
        np.testing.assert_array_equal(y, getattr(F, function)(x, dim)[0])


def test_long_double_runs_through_every_activation():
    x = np.linspace(-4, 4, 9).astype(np.longdouble)
    for name, options in CALLS.items():
        y, pullback = getattr(F, name)(x, **options)
        (dx,) = pullback(np.ones_like(y))
        assert y.dtype == dx.dtype == np.longdouble, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("lower", "upper"), [(0.125, 0.375), (-0.5, 2.0)])
def test_the_slopes_of_rrelu_are_uniform_between_their_bounds(lower, upper, dtype):
    n = 40_000
    y, pullback = F.rrelu(np.full(n, -1, dtype), lower, upper, True, np.random.default_rng(5))
    slopes = -y.astype(np.float64)
    assert lower <= slopes.min() < slopes.max() <= upper
    # Each of eight parts has its share within five standard deviations, and neighbours are independent.
    shares = np.histogram(slopes, 8, (lower, upper))[0] / n
    assert np.abs(shares - 1 / 8).max() < 5 * np.sqrt(1 / 8 * 7 / 8 / n)
    centred = (slopes - (lower + upper) / 2) / (upper - lower) * np.sqrt(12)
    assert abs(float((centred[1:] * centred[:-1]).mean())) < 5 / np.sqrt(n)
    np.testing.assert_array_equal(pullback(np.ones(n, dtype))[0], -y)


def test_the_slope_of_gelu_by_tanh_keeps_its_digits_where_it_is_next_to_one():
    x = np.linspace(-6, 6, 20_001, dtype=np.float32)
    slope, exact = (F.gelu(a, approximate="tanh")[1](np.ones_like(a))[0] for a in (x, x.astype(np.float64)))
    # Two terms, of 1.13 at most together, each of which is the result of some roundings.
    assert np.abs(slope - exact).max() < 8 * 2.0**-24 * 1.13
