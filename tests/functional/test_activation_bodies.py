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
    _buffers,
    _elementwise,
)
from scratchnet.functional._buffers import BLOCK_BYTES, blocks, level
from scratchnet.functional._constants import constant
from scratchnet.functional._erf import erf

DTYPES = (np.float32, np.float64)
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 88.5, -88.5, -104.5, 709.5, -746.5)


@pytest.fixture(autouse=True)
def _blocks_of_less(monkeypatch):
    """Take arrays in blocks from two blocks on, for which a test then needs less memory."""
    monkeypatch.setattr(_elementwise, "WHOLE_BYTES", BLOCK_BYTES)


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
            near = np.isfinite(wanted) & (np.abs(got - wanted) <= eps * scale)
            assert (same | near).all()


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
        x[::89, 4] = 300.0
        x[5, ::101] = np.nan
        equal(name, x, np.broadcast_to(np.float32(-0.5), x.shape))


@pytest.mark.parametrize("name", BODIES)
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("relu", {}), ("tanh", {}), ("leaky_relu", {"negative_slope": 0.0}), ("rrelu", {}), ("prelu", {}),
        ("softmax", {"dim": 1}), ("log_softmax", {"dim": 0}), ("log_softmax", {"dim": 1}),
        ("softmin", {"dim": 1}),
    ],
)  # fmt: skip
def test_a_plain_body_keeps_the_order_of_the_bytes(name, options, dtype):
    swapped = np.dtype(dtype).newbyteorder()
    x = np.random.default_rng(2).normal(size=(40, 3)).astype(swapped)
    weights = (x[0],) if name == "prelu" else ()
    y, pullback = getattr(F, name)(x, *weights, **options)
    native, native_pullback = getattr(F, name)(
        x.astype(dtype), *(w.astype(dtype) for w in weights), **options
    )
    assert y.dtype == swapped
    np.testing.assert_array_equal(y, native)
    for gradient, expected in zip(pullback(x), native_pullback(x.astype(dtype)), strict=True):
        assert gradient.dtype == swapped
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=128 * float(np.finfo(dtype).eps))


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
    for dtype in (np.float16, np.longdouble):
        for name in (*homes, *others):
            getattr(F, name)(np.ones(600, dtype))
    F.gelu(np.ones(3))
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


EVERY = (np.float16, *DTYPES, np.longdouble)
ALONG = {f"{name} along {dim}": (name, {"dim": dim}) for name in ("softmax", "log_softmax") for dim in (0, 1)}
OTHERS = {  # calls that other bodies take
    "gelu by tanh": ("gelu", {"approximate": "tanh"}), "elu of 2": ("elu", {"alpha": 2.0}),
    "celu of 2": ("celu", {"alpha": 2.0}), "celu of -2": ("celu", {"alpha": -2.0}),
    "leaky_relu of 0": ("leaky_relu", {"negative_slope": 0.0}),
    "leaky_relu of 2": ("leaky_relu", {"negative_slope": 2.0}),
    "softplus of 2": ("softplus", {"beta": 2.0}), "rrelu in evaluation": ("rrelu", {}),
    "softmin": ("softmin", {"dim": 1}), "glu": ("glu", {"dim": 0}), **ALONG,
}  # fmt: skip
# Some warn of an infinite cotangent, which they multiply by 0.
UNQUIET = ("relu", "sigmoid", "tanh", "softmin", "glu", *ALONG)
BODIES_OF_ALL = {**{name: (name, options) for name, options in CALLS.items()}, **OTHERS}


@pytest.mark.parametrize("name", BODIES_OF_ALL)
def test_each_body_names_its_function_where_it_refuses_a_cotangent_and_gives_nothing_unasked(name):
    function, options = BODIES_OF_ALL[name]
    for dtype in EVERY:
        for shape in ((2, 2), (2, 700), (1400, 200))[: 3 if dtype in DTYPES else 1]:  # the last takes blocks
            y, pullback = getattr(F, function)(np.ones(shape, dtype), **options)
            with pytest.raises(ValueError, match=rf"^{function}'s pullback: dy must"):
                pullback(np.ones(3, dtype))
            with pytest.raises(TypeError, match=rf"^{function}'s pullback: dy must"):
                pullback(np.ones(y.shape, int))
            assert pullback(np.ones_like(y), (False,)) == (None,)
            assert pullback(np.ones_like(y))[0].dtype == dtype


@pytest.mark.parametrize("dtype", EVERY)
def test_a_sigmoid_far_out_is_0_or_1_without_a_warning(dtype):
    for size in (1, 100, 9000, 80_000):
        x = np.repeat(np.array([np.finfo(dtype).min, -np.inf, np.inf, 0], dtype), size)  # the last in blocks
        np.testing.assert_array_equal(F.sigmoid(x)[0], np.repeat([0, 0, 1, 0.5], size))


@pytest.mark.parametrize("dtype", EVERY)
@pytest.mark.parametrize("name", [name for name in BODIES_OF_ALL if name not in UNQUIET])
def test_infinite_huge_and_not_a_number_come_without_a_warning(name, dtype):
    # Warnings are errors here.
    function, options = BODIES_OF_ALL[name]
    with np.errstate(over="ignore"):
        x = np.array([*ODD, 3e38, -3e38, np.finfo(dtype).max, np.finfo(dtype).min]).astype(dtype)
    for size in (
        x,
        np.repeat(x, 50),
        np.repeat(x, 700),
        *([np.repeat(x, 20_000)] if dtype in DTYPES else []),
    ):
        y, pullback = getattr(F, function)(size, **options)
        for dy in (1.0, np.inf, np.nan, np.finfo(dtype).max):
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


@pytest.mark.parametrize(("name", "alpha"), [("elu", np.inf), ("celu", 1e-40), ("celu", -1e-40)])
def test_above_0_a_curve_is_the_line_even_where_alpha_or_its_inverse_is_infinite(name, alpha):
    x = np.array([1, 2, 100, 3e38], np.float32)
    for size in (x, np.repeat(x, 100)):  # few and many: masks differ
        y, pullback = getattr(F, name)(size, alpha)
        np.testing.assert_array_equal(y, size)
        np.testing.assert_array_equal(pullback(np.ones_like(size))[0], 1)


@pytest.mark.parametrize("alpha", [49.0, 3.0, -98.0])  # 49 (1 / 49) is not 1
def test_the_slope_of_celu_is_an_exponential_without_a_factor(alpha):
    x = np.array([-0.5, -2.0, -30.0])
    dx = F.celu(x, alpha)[1](np.ones(3))[0]
    np.testing.assert_allclose(dx, np.exp(x / alpha), rtol=1e-14)


def test_a_number_is_repeated_for_many_elements_by_a_line_that_is_kept_and_cannot_be_written_to(monkeypatch):
    monkeypatch.setattr(_buffers, "_LINES", {})
    number = constant(-0.25)
    for dtype in DTYPES:
        assert level(number, np.empty(512, dtype)) is number[np.dtype(dtype).char]
        for n in (513, 600, 1 << 14, 20_000, 700):
            line = level(number, np.empty(n, dtype))
            assert line.dtype == dtype
            assert not line.flags.writeable
            np.testing.assert_array_equal(line, np.full(n, -0.25))
            assert np.shares_memory(line, level(number, np.empty(n, dtype)))


def test_blocks_have_each_row_once_and_no_more_than_fits():
    assert blocks(10, BLOCK_BYTES) == [slice(0, 10)]
    assert blocks(4, 2 * BLOCK_BYTES) == [slice(0, 2), slice(2, 4)]
    assert blocks(3, 7 * BLOCK_BYTES) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert blocks(5, 2 * BLOCK_BYTES) == [slice(0, 2), slice(2, 4), slice(4, 6)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_of_one_long_line_is_that_of_a_matrix_of_one_row(dtype):
    x, dy = np.random.default_rng(0).normal(size=(2, 5000)).astype(dtype)
    for function in (F.softmax, F.log_softmax):
        (y, pullback), (row, pullback_of_row) = function(x, 0), function(x[None], 1)
        np.testing.assert_array_equal(y, row[0])
        np.testing.assert_array_equal(pullback(dy)[0], pullback_of_row(dy[None])[0][0])


@pytest.mark.parametrize("beta", [1.0, 2.0, -1.0])
@pytest.mark.parametrize("threshold", [1.0, 0.0, -0.5])
def test_softplus_at_its_threshold_is_the_curve_and_above_it_the_line(beta, threshold):
    at = np.array([threshold]) / beta
    y, pullback = F.softplus(at, beta, threshold)
    np.testing.assert_allclose(y, np.log1p(np.exp(threshold)) / beta, rtol=1e-15)
    np.testing.assert_allclose(pullback(np.ones(1))[0], 1 / (1 + np.exp(-threshold)), rtol=1e-15)
    above = at + 0.125 / beta
    y, pullback = F.softplus(above, beta, threshold)
    assert (y, pullback(np.ones(1))[0]) == (above, 1)


@pytest.mark.parametrize("dtype", EVERY)
@pytest.mark.parametrize("n", [1, 2000])  # few, and more than are taken at once
def test_logits_that_are_infinite_or_too_far_apart_to_subtract_come_without_a_warning(n, dtype):
    # Warnings are errors here.
    most = np.finfo(dtype).max
    rows = np.repeat(np.array([[most, -most, 0], [np.inf, 0, 1], [-np.inf, 0, -np.inf]], dtype), n, axis=0)
    nan = np.full(3, np.nan)
    for x, dim, back in ((rows, 1, rows.shape), (np.ascontiguousarray(rows.T), 0, rows.T.shape)):
        shares, logs = F.softmax(x, dim)[0], F.log_softmax(x, dim)[0]
        assert shares.shape == logs.shape == back
        shares, logs = (a if dim else a.T for a in (shares, logs))
        np.testing.assert_array_equal(shares[::n], [[1, 0, 0], nan, [0, 1, 0]])
        np.testing.assert_array_equal(logs[::n], [[0, -np.inf, -most], nan, [-np.inf, 0, -np.inf]])


@pytest.mark.parametrize("function", ["softmax", "log_softmax", "softmin"])
def test_a_softmax_without_a_dim_takes_pytorchs_and_warns(function):
    for rank, dim in enumerate([0, 0, 1, 0, 1, 1]):
        x = np.random.default_rng(rank).normal(size=(2, 3, 2, 3, 2)[:rank])
        said = f"{function}: dim should be given; without it, it is {dim} here"
        with pytest.warns(UserWarning, match=said):
            y = getattr(F, function)(x)[0]
        np.testing.assert_array_equal(y, getattr(F, function)(x, dim)[0])


@pytest.mark.parametrize("function", ["softmax", "log_softmax", "softmin"])
def test_a_softmax_without_a_dim_warns_at_the_line_that_left_it_out(function):
    with pytest.warns(UserWarning, match="dim should be given") as caught:
        getattr(F, function)(np.ones(2))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
@pytest.mark.parametrize("name", BODIES_OF_ALL)
def test_half_and_extended_precision_run_through_every_activation_to_the_values_of_float64(name, dtype):
    function, options = BODIES_OF_ALL[name]
    x = np.linspace(-4, 4, 18).round(2).reshape(2, 9).astype(dtype)
    dy = np.linspace(-1, 2, 18).reshape(2, 9).astype(dtype)
    calls = []
    for kind in (dtype, np.float64):
        drawn = {"generator": np.random.default_rng(0)} if function == "rrelu" else {}
        y, pullback = getattr(F, function)(x.astype(kind), **options, **drawn)
        calls.append((y, pullback(dy[: len(y)].astype(kind))[0]))
        assert all(array.dtype == kind for array in calls[-1])
    # Some ten roundings, of numbers up to 4; in half precision some functions add up what nearly cancels.
    close = 64 * max(float(np.finfo(dtype).eps), float(np.finfo(np.float64).eps))
    for found, expected in zip(*calls, strict=True):
        np.testing.assert_allclose(found.astype(np.float64), expected, rtol=0, atol=close)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gates_and_learned_slopes_of_infinite_and_huge_numbers_come_without_a_warning(dtype):
    # Warnings are errors here.
    most = np.finfo(dtype).max
    numbers = np.array([0, 1, -1, most, -most, np.inf, -np.inf, np.nan], dtype)
    value, gate = (a.reshape(-1) for a in np.meshgrid(numbers, numbers))
    y, pullback = F.glu(np.concatenate([value, gate]), 0)
    assert y.tolist()[:3] == [0, 0.5, -0.5]
    for weight in (np.array([2], dtype), np.array([0], dtype), np.array([np.inf], dtype)):
        z, pullback_of_prelu = F.prelu(value, weight)
        np.testing.assert_array_equal(z[value > 0], value[value > 0])
        for number in numbers:
            dy = np.full_like(value, number)
            assert pullback(dy)[0].dtype == dtype
            dx, dweight = pullback_of_prelu(dy)
            np.testing.assert_array_equal(dx[value > 0], dy[value > 0])
            assert dweight.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, *DTYPES, np.longdouble])
def test_softshrink_refuses_a_width_that_is_infinite_in_its_dtype(dtype):
    wide = float(np.finfo(dtype).max) * 2 if dtype in (np.float16, np.float32) else np.inf
    with pytest.raises(ValueError, match=r"softshrink: lambd must be in \[0, "):
        F.softshrink(np.ones(3, dtype), wide)
    np.testing.assert_array_equal(F.softshrink(np.ones(3, dtype), min(wide / 2, 1e308))[0], np.zeros(3))


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


def test_the_slopes_of_rrelu_are_numbers_of_the_dtype():
    x = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    y, _ = F.rrelu(x, 0.125, 0.375, True, np.random.default_rng(5))
    drawn = np.random.default_rng(5).uniform(0.125, 0.375, x.shape).astype(np.float32)
    np.testing.assert_array_equal(y, np.where(x > 0, x, drawn * x))
