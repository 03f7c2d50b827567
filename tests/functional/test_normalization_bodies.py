"""Faster bodies equal the plain one; batch normalisation's digits, edges, memory and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import _normalization
from scratchnet.functional._normalization import _over_batch, _over_groups, normalize_plainly
from scratchnet.functional._normalization_fast import normalize_rows

DTYPES = (np.float32, np.float64)


def vectors(rng, c, dtype):
    """Running mean and variance, weight and bias in short decimals."""
    mean, weight, bias = ((rng.integers(-8, 9, size=c) / 4).astype(dtype) for _ in range(3))
    return mean, (rng.integers(1, 9, size=c) / 4).astype(dtype), weight, bias


@st.composite
def calls(draw):
    c, rest = draw(st.integers(1, 5)), tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    n = draw(st.integers(0, 6))
    if n * math.prod(rest) == 1:  # a single value a channel is refused
        n = 2
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = (
        rng.normal(size=(n, c, *rest)) * draw(st.sampled_from([0.125, 1, 16])) + draw(st.integers(-4, 4))
    ).astype(dtype)
    if draw(st.booleans()):
        x = np.asfortranarray(x)
    mean, var, weight, bias = vectors(rng, c, dtype)
    training = draw(st.booleans())
    if training and draw(st.booleans()):
        mean = var = None
    arrays = (
        x, mean, var, weight if draw(st.booleans()) else None, bias if draw(st.booleans()) else None
    )  # fmt: skip
    options = {
        "training": training,
        "momentum": draw(st.sampled_from([0.0, 0.1, 0.75, 1.0])),
        "eps": draw(st.sampled_from([1e-5, 0.25])),
    }
    return arrays, options, rng.integers(-8, 9, size=x.shape).astype(dtype) / dtype(8)


def twin(torch, arrays, options, dy):
    """Return PyTorch's value, its gradients in the order of the arrays, and the new running statistics."""
    tensors = [None if a is None else torch.from_numpy(np.array(a, order="C")) for a in arrays]
    for i in (0, 3, 4):
        if tensors[i] is not None:
            tensors[i].requires_grad_()
    y = torch.nn.functional.batch_norm(*tensors, **options)
    y.backward(torch.from_numpy(np.array(dy)))
    gradients = [None if t is None or t.grad is None else t.grad.numpy() for t in tensors]
    return y.detach().numpy(), gradients, [None if t is None else t.numpy() for t in tensors[1:3]]


def worst(ours, theirs):
    scale = max(float(np.abs(theirs).max(initial=0)), 1.0)
    return float(np.abs(ours - theirs).max(initial=0)) / (scale * float(np.finfo(theirs.dtype).eps))


@settings(deadline=None, max_examples=200)
@given(calls())
def test_batch_norm_equals_pytorch_in_value_gradients_and_statistics(call):
    torch = pytest.importorskip("torch")
    arrays, options, dy = call
    y, pullback, state = F.batch_norm(*arrays, **options)
    gradients = pullback(dy)
    their_y, their_gradients, their_state = twin(torch, arrays, options, dy)
    # The rounding of x is magnified by the division by the spread: a channel of two nearly equal values has
    # few digits, on either side. So the bound grows with the largest factor by which x is scaled.
    x = arrays[0].astype(np.float64)
    axes = (0, *range(2, x.ndim))
    var = x.var(axis=axes) if options["training"] and x.size else np.ones(x.shape[1])
    magnified = max(1.0, float((np.abs(x).max(initial=0) / np.sqrt(var + options["eps"])).max()))
    bound = 64 * magnified
    assert y.dtype == their_y.dtype
    assert worst(y, their_y) < bound
    for ours, theirs in zip(gradients, their_gradients, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.dtype == theirs.dtype
            assert worst(ours, theirs) < bound * magnified
    for ours, theirs in zip(state, their_state, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert worst(ours, theirs) < 64


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 8, 60, 200), (70_000, 3)])
def test_blocks_of_rows_equal_the_formula(shape, dtype):
    # More than a block (1 MB) each.
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    mean, var, weight, bias = vectors(rng, shape[1], dtype)
    y, pullback, _ = F.batch_norm(x, mean, var, weight, bias, training=True)
    dx, _, _, dweight, dbias = pullback(dy)
    axes = (0, *range(2, x.ndim))
    x, dy, weight, bias = (a.astype(np.longdouble) for a in (x, dy, weight, bias))
    m = x.size // x.shape[1]
    up = (slice(None), *(None,) * (x.ndim - 2))
    inverse = (1 / np.sqrt(x.var(axis=axes) + 1e-5))[up]
    z = (x - x.mean(axis=axes)[up]) * inverse
    sums = dy.sum(axis=axes), (dy * z).sum(axis=axes)
    expected = weight[up] * inverse * (dy - sums[0][up] / m - z * sums[1][up] / m)
    tolerance = 64 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y, weight[up] * z + bias[up], rtol=0, atol=tolerance)
    np.testing.assert_allclose(dx, expected, rtol=0, atol=tolerance)
    # Sums of m terms of about 1, whose rounding errors have random signs.
    np.testing.assert_allclose(dbias, sums[0], rtol=0, atol=tolerance * m**0.5)
    np.testing.assert_allclose(dweight, sums[1], rtol=0, atol=tolerance * m**0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("center", [1e4, 1e6])
def test_a_mean_far_above_the_spread_costs_no_more_digits_than_the_input_has_lost(center, dtype):
    # x = center +- 1, rounded: exact from here on, and so held against the same x in more digits.
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(2000, 2)) + center).astype(dtype), rng.normal(size=(2000, 2)).astype(dtype)
    zero, one = np.zeros(2, dtype), np.ones(2, dtype)
    y, pullback, (mean, var) = F.batch_norm(x, zero, one, one, zero, training=True, momentum=1.0, eps=1e-30)
    dx, _, _, dweight, _ = pullback(dy)
    # The center is taken off exactly: a mean of numbers about 1e6 would lose digits here, too.
    x, dy = x.astype(np.longdouble) - center, dy.astype(np.longdouble)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    slope = (dy * z).sum(axis=0)
    expected = (dy - dy.mean(axis=0) - z * slope / 2000) / x.std(axis=0)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y, z.astype(np.float64), rtol=0, atol=32 * eps)
    np.testing.assert_allclose(dx, expected.astype(np.float64), rtol=0, atol=32 * eps)
    np.testing.assert_allclose(mean, (center + x.mean(axis=0)).astype(np.float64), rtol=2 * eps)
    np.testing.assert_allclose(var, x.var(axis=0, ddof=1).astype(np.float64), rtol=32 * eps)
    # A sum of 2,000 terms of about 1.
    np.testing.assert_allclose(dweight, slope.astype(np.float64), rtol=0, atol=32 * eps * 2000**0.5)


def test_a_constant_channel_becomes_the_bias_and_its_variance_is_never_negative():
    x = np.full((7, 1), np.float32(0.1))
    y, pullback, (_, var) = F.batch_norm(
        x, np.zeros(1, np.float32), np.ones(1, np.float32), bias=np.array([2.0], np.float32), training=True,
        momentum=1.0,
    )  # fmt: skip
    np.testing.assert_array_equal(y, np.full((7, 1), 2.0))
    assert var[0] >= 0
    assert np.isfinite(pullback(np.arange(7, dtype=np.float32)[:, None])[0]).all()


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_special_value_makes_its_channel_nan_and_no_other_without_a_warning(special):
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    x[1, 0, 2] = special
    y, pullback, _ = F.batch_norm(x, None, None, training=True)
    dx = pullback(np.ones_like(x))[0]
    for array in (y, dx):
        assert np.isnan(array[:, 0]).all()
        assert np.isfinite(array[:, 1]).all()


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_gives_an_empty_value_zero_gradients_and_the_statistics_as_they_were(shape, training):
    mean, var = np.full(3, 5.0), np.full(3, 7.0)
    y, pullback, state = F.batch_norm(np.zeros(shape), mean, var, np.ones(3), np.ones(3), training=training)
    assert y.shape == shape
    dx, _, _, dweight, dbias = pullback(np.zeros(shape))
    assert dx.shape == shape
    np.testing.assert_array_equal([dweight, dbias], np.zeros((2, 3)))
    np.testing.assert_array_equal(state, [mean, var])


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_written_shared_or_different_the_second_time(training):
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(5, 3, 4)) for _ in range(2))
    given_arrays = (x, *vectors(rng, 3, np.float64))
    for array in (*given_arrays, dy):
        array.flags.writeable = False
    y, pullback, state = F.batch_norm(*given_arrays, training=training)
    dx, _, _, dweight, dbias = pullback(dy)
    results = (y, *state, dx, dweight, dbias)
    for i, result in enumerate(results):
        assert not any(np.shares_memory(result, other) for other in (*given_arrays, dy, *results[:i]))
    again = pullback(dy)
    for first, second in zip((dx, dweight, dbias), (again[0], *again[3:]), strict=True):
        np.testing.assert_array_equal(first, second)
        assert not np.shares_memory(first, second)

    wide = np.zeros((5, 3, 8))
    wide[..., ::2] = dy
    np.testing.assert_array_equal(pullback(wide[..., ::2])[0], dx)
    constant = np.broadcast_to(np.float64(0.5), x.shape)
    np.testing.assert_array_equal(pullback(constant)[0], pullback(np.full(x.shape, 0.5))[0])


@pytest.mark.parametrize("training", [True, False])
def test_what_is_not_asked_for_is_none_and_leaves_the_others_as_they_are(training):
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(5, 3, 4)) for _ in range(2))
    pullback = F.batch_norm(x, *vectors(rng, 3, np.float64), training=training)[1]
    everything = pullback(dy)
    for wanted in np.ndindex(2, 2, 2):
        needs = (bool(wanted[0]), False, False, bool(wanted[1]), bool(wanted[2]))
        for asked, slot, full in zip(needs, pullback(dy, needs), everything, strict=True):
            if asked:
                np.testing.assert_array_equal(slot, full)
            else:
                assert slot is None


_X = np.ones((2, 3))
_S = (np.zeros(3), np.ones(3))
REFUSED = {
    "a single value a channel": (
        lambda: F.batch_norm(np.ones((1, 3, 1)), *_S, training=True), ValueError, ["more than one"]
    ),
    "no channel axis": (lambda: F.batch_norm(np.ones(3), *_S), ValueError, ["(N, C)", "(3,)"]),
    "no statistics in evaluation mode": (
        lambda: F.batch_norm(_X, None, None), ValueError, ["running_mean", "evaluation mode"]
    ),
    "one of the two statistics": (
        lambda: F.batch_norm(_X, np.zeros(3), None, training=True), ValueError, ["running_var=None"]
    ),
    "statistics of other channels": (
        lambda: F.batch_norm(_X, np.zeros(4), np.ones(3)), ValueError, ["running_mean", "(4,)", "(2, 3)"]
    ),
    "a weight of other channels": (
        lambda: F.batch_norm(_X, *_S, weight=np.ones(2)), ValueError, ["weight", "(2,)"]
    ),
    "a bias in another dtype": (
        lambda: F.batch_norm(_X, *_S, bias=np.ones(3, np.float32)), TypeError, ["bias", "float32"]
    ),
    "eps of 0 in training mode": (
        lambda: F.batch_norm(_X, *_S, training=True, eps=0.0), ValueError, ["eps", "positive"]
    ),
    "a negative eps": (lambda: F.batch_norm(_X, *_S, eps=-1.0), ValueError, ["eps=-1.0"]),
    "no momentum": (lambda: F.batch_norm(_X, *_S, momentum=None), TypeError, ["momentum"]),
    "integers": (lambda: F.batch_norm(np.ones((2, 3), int), *_S), TypeError, ["x", "floating-point"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_argument_and_what_it_was(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        call()
    for word in ("batch_norm", *words):
        assert word in str(caught.value)


# ---- the faster bodies: float32 and float64, held against the plain one, which longdouble goes through

AFFINE = [(True, True), (True, False), (False, True), (False, False)]
SPECIAL = [
    "mean far above the spread",
    "some means above the spread",
    "zeros",
    "not finite",
    "squares overflow",
    "infinite cotangent",
]


def operands(shape, width, dtype, *, affine=(True, True), special=""):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=shape), rng.normal(size=shape).astype(dtype)
    if special == "mean far above the spread":
        x += 100
    elif special == "some means above the spread":
        x += rng.normal(size=(shape[0], *(1,) * (len(shape) - 1)))
    elif special == "zeros":
        x[:1] = 0
    elif special == "not finite":
        for value in (np.nan, np.inf, -np.inf):
            x[tuple(int(rng.integers(side)) for side in shape)] = value
    elif special == "squares overflow":  # those of the deviations do not
        x = (x + 1e4) * (float(np.finfo(dtype).max) ** 0.5 / 2e4)
    weight, bias = ((rng.integers(-8, 9, size=width) / 4).astype(dtype) for _ in range(2))
    return x.astype(dtype), dy, weight if affine[0] else None, bias if affine[1] else None


def check_body(body, shape, width, dtype, *, affine=(True, True), special=""):
    """Compare value, gradients, mean and variance of ``body(x, weight, bias)`` with the plain body's."""
    x, dy, weight, bias = operands(shape, width, dtype, affine=affine, special=special)
    if special == "infinite cotangent":
        check_infinite_cotangent(body, x, dy, weight, bias)
        return
    wanted = (True, *affine)
    wide = [None if a is None else a.astype(np.longdouble) for a in (x, dy, weight, bias)]
    y, backward, *moments = body(x, weight, bias)
    their_y, their_backward, *their_moments = body(wide[0], *wide[2:])
    ours, theirs = backward(dy, wanted), their_backward(wide[1], wanted)
    # The parameters' are sums of terms about 1 with rounding errors of any sign.
    many = (x.size // width) ** 0.5
    assert y.shape == their_y.shape == ours[0].shape == shape
    pairs = zip((y, *moments, *ours), (their_y, *their_moments, *theirs), strict=True)
    for (mine, plain), terms in zip(pairs, (1.0,) * (len(moments) + 2) + (many, many), strict=True):
        assert (mine is None) == (plain is None)
        if mine is not None:
            assert mine.dtype == dtype
            expected = plain.reshape(mine.shape).astype(dtype)
            size = max(float(np.abs(expected[np.isfinite(expected)]).max(initial=0)) / terms, 1e-30)
            close = 64 * float(np.finfo(dtype).eps) * size * terms
            np.testing.assert_allclose(mine, expected, rtol=0, atol=close)
    for first, second in zip(backward(dy, wanted), backward(dy, wanted), strict=True):
        np.testing.assert_array_equal(first, second)
    for asked in np.ndindex(2, 2, 2):
        needs = tuple(bool(a) and w for a, w in zip(asked, wanted, strict=True))
        for need, slot, full in zip(needs, backward(dy, needs), backward(dy, wanted), strict=True):
            np.testing.assert_array_equal(slot, full if need else None)


def check_infinite_cotangent(body, x, dy, weight, bias):
    """Compare the parameters' gradients; x's is made of differences of infinities, in any body."""
    rest = (0,) * (dy.ndim - 2)
    dy[(1, 1, *rest)], dy[(-1, 0, *rest)] = np.inf, -np.inf
    plain = [None if a is None else a.astype(np.longdouble) for a in (x, dy, weight, bias)]
    ours = body(x, weight, bias)[1](dy, (True, True, True))
    theirs = body(plain[0], *plain[2:])[1](plain[1], (True, True, True))
    assert np.isnan(ours[0]).any()
    for mine, expected in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(mine, expected.reshape(mine.shape).astype(x.dtype), rtol=1e-2, atol=1e-2)
        assert np.isinf(mine).any()


def rows_body(*, centre):
    def body(x, weight, bias):
        if x.dtype == np.longdouble:
            return normalize_plainly(x, (1,), weight, bias, 1e-5, centre=centre)[:2]
        return normalize_rows(x, weight, bias, 1e-5, centre)

    return body


# Few numbers a row and many; one block and several; more rows than are added up one after the other.
ROWS = [(3, 5), (64, 256), (1500, 70), (200_000, 3), (700, 1250), (5, 10_007), (2, 600_001)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("shape", ROWS, ids=str)
def test_normalize_rows_equals_the_plain_body(shape, centre, dtype):
    check_body(rows_body(centre=centre), shape, shape[1], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("affine", AFFINE[1:], ids=str)
def test_normalize_rows_equals_the_plain_body_without_parameters(affine, centre, dtype):
    check_body(rows_body(centre=centre), (6, 40), 40, dtype, affine=affine)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("shape", [(6, 40), (700, 1250)], ids=str)
def test_normalize_rows_equals_the_plain_body_on_special_numbers(shape, special, dtype):
    check_body(rows_body(centre=True), shape, shape[1], dtype, special=special)
    if special != "squares overflow":  # without a mean taken off, they do in any body
        check_body(rows_body(centre=False), shape, shape[1], dtype, special=special)


def groups_body(groups):
    return lambda x, weight, bias: _over_groups(x, groups, weight, bias, 1e-5)


GROUPS = [
    ((3, 6, 1), 2),
    ((5, 4, 3), 4),
    ((4, 6, 100), 3),
    ((3, 8, 700), 2),
    ((2, 3, 10_007), 1),
    ((40, 2, 9000), 2),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "groups"), GROUPS, ids=str)
def test_normalize_groups_equals_the_plain_body(shape, groups, dtype):
    check_body(groups_body(groups), shape, shape[1], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("affine", AFFINE[1:], ids=str)
def test_normalize_groups_equals_the_plain_body_without_parameters(affine, dtype):
    check_body(groups_body(2), (3, 4, 20), 4, dtype, affine=affine)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(("shape", "groups"), [((5, 6, 30), 2), ((40, 2, 9000), 2)], ids=str)
def test_normalize_groups_equals_the_plain_body_on_special_numbers(shape, groups, special, dtype):
    check_body(groups_body(groups), shape, shape[1], dtype, special=special)


def columns_body(x, weight, bias):
    return _over_batch(x, weight, bias, 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 3, 4), (6, 1, 1), (70_000, 3, 2), (9, 4, 100), (30, 8, 3000)], ids=str)
def test_normalize_columns_equals_the_plain_body(shape, dtype):
    check_body(columns_body, shape, shape[1], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("affine", AFFINE[1:], ids=str)
def test_normalize_columns_equals_the_plain_body_without_parameters(affine, dtype):
    check_body(columns_body, (5, 3, 4), 3, dtype, affine=affine)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("shape", [(5, 6, 30), (30, 8, 3000)], ids=str)
def test_normalize_columns_equals_the_plain_body_on_special_numbers(shape, special, dtype):
    check_body(columns_body, shape, shape[1], dtype, special=special)


@pytest.mark.parametrize("shape", [(0, 4, 3), (3, 4, 0), (0, 4, 0)], ids=str)
def test_of_nothing_all_are_empty_or_zeros(shape):
    x = np.zeros(shape)
    for (y, pullback, *_), width in (
        (F.group_norm(x, 2, np.ones(4), np.ones(4)), 4),
        (F.instance_norm(x, None, None, np.ones(4), np.ones(4)), 4),
        (F.layer_norm(x, shape[2:], np.ones(shape[2:]), np.ones(shape[2:])), shape[2]),
    ):
        assert y.shape == shape
        dx, *rest = pullback(np.zeros(shape))
        assert dx.shape == shape
        for gradient in rest[-2:]:
            np.testing.assert_array_equal(gradient, np.zeros(width))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["layer_norm", "group_norm", "instance_norm"])
def test_a_mean_far_above_the_spread_costs_the_rows_no_digits_either(name, dtype):
    # x = 1e4 +- 1, rounded: exact from here on, and so held against the same x in more digits.
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(4, 3, 500)) + 1e4).astype(dtype)
    call = {
        "layer_norm": lambda a: F.layer_norm(a, (500,), eps=1e-30)[0],
        "group_norm": lambda a: F.group_norm(a, 3, eps=1e-30)[0],
        "instance_norm": lambda a: F.instance_norm(a, eps=1e-30)[0],
    }[name]
    wide = x.astype(np.longdouble) - 1e4
    z = (wide - wide.mean(axis=2, keepdims=True)) / wide.std(axis=2, keepdims=True)
    np.testing.assert_allclose(call(x), z.astype(dtype), rtol=0, atol=32 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_other_precisions_go_through_the_plain_body_and_stay(dtype):
    x = np.arange(24).reshape(2, 3, 4).astype(dtype)
    dy = (np.arange(24).reshape(2, 3, 4) % 5 - 2).astype(dtype)
    # Deviations are differences of numbers up to 24, whose spread is about 1.
    close = 24 * 16 * max(float(np.finfo(dtype).eps), float(np.finfo(np.float64).eps))
    for call in (
        lambda x: F.layer_norm(x, (4,)),
        lambda x: F.rms_norm(x, (4,), eps=1e-5),
        lambda x: F.group_norm(x, 3),
        F.instance_norm,
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.local_response_norm(x, 2, alpha=1.0),
    ):
        (y, pullback, *_), (wanted, wanted_pullback, *_) = call(x), call(x.astype(np.float64))
        dx, wanted_dx = pullback(dy)[0], wanted_pullback(dy.astype(np.float64))[0]
        assert y.dtype == dx.dtype == dtype
        np.testing.assert_allclose(y.astype(np.float64), wanted, rtol=0, atol=close)
        np.testing.assert_allclose(dx.astype(np.float64), wanted_dx, rtol=0, atol=close)
    for norm in (F.instance_norm, lambda *a: F.batch_norm(*a, training=True)):
        state = norm(x, np.zeros(3, dtype), np.ones(3, dtype))[2]
        assert [(a.shape, a.dtype) for a in state] == [((3,), dtype)] * 2
    eps = 8 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(F.layer_norm(x, (4,), eps=0.0)[0].mean(axis=-1), 0, atol=max(eps, 1e-30))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda x: F.layer_norm(x, (4,), bias=np.full(4, 2.0)), 2.0),
        (lambda x: F.group_norm(x, 2, bias=np.full(4, 2.0)), 2.0),
        (lambda x: F.group_norm(x, 4, bias=np.full(4, 2.0)), 2.0),  # one value a group
        (lambda x: F.instance_norm(x.reshape(3, 2, 2), bias=np.full(2, 2.0)), 2.0),
        (lambda x: F.rms_norm(x - x, (4,)), 0.0),
    ],
    ids=["layer", "group", "one value a group", "instance", "rms"],
)
def test_a_constant_becomes_the_bias_and_its_gradient_is_finite(call, value):
    y, pullback, *_ = call(np.full((3, 4), 0.1))
    np.testing.assert_array_equal(y, np.full_like(y, value))
    assert np.isfinite(pullback(np.arange(y.size, dtype=np.float64).reshape(y.shape))[0]).all()


def test_instance_statistics_of_an_empty_batch_stay_as_they_were():
    mean, var = np.full(3, 5.0), np.full(3, 7.0)
    y, pullback, state = F.instance_norm(np.zeros((0, 3, 2)), mean, var)
    assert y.shape == (0, 3, 2)
    np.testing.assert_array_equal(state, [mean, var])
    assert pullback(y)[0].shape == (0, 3, 2)


def test_the_fast_bodies_take_float32_and_float64_and_nothing_empty(monkeypatch):
    called = []
    for name in ("normalize_rows", "normalize_groups", "normalize_columns", "normalize_plainly"):
        body = getattr(_normalization, name)
        monkeypatch.setattr(
            _normalization,
            name,
            lambda *a, name=name, body=body, **k: (called.append(name), body(*a, **k))[1],
        )
    calls = (
        lambda x: F.layer_norm(x, (4,)), lambda x: F.rms_norm(x, (4,)), lambda x: F.group_norm(x, 3),
        F.instance_norm, lambda x: F.batch_norm(x, None, None, training=True),
    )  # fmt: skip
    for dtype in (*DTYPES, np.float16, np.longdouble):
        for call in calls:
            call(np.ones((2, 3, 4), dtype))
        fast = ["normalize_rows"] * 2 + ["normalize_groups"] * 2 + ["normalize_columns"]
        assert called == (fast if dtype in DTYPES else ["normalize_plainly"] * 5)
        called.clear()
    for call in calls:
        call(np.ones((0, 3, 4)))
    assert called == ["normalize_plainly"] * 4  # of an empty batch no statistics are taken


@pytest.mark.parametrize("dtype", DTYPES)
def test_given_statistics_that_overflow_or_are_infinite_come_without_a_warning(dtype):
    # Warnings are errors here. In each channel one thing happens: the scale, the offset and the value
    # overflow, infinities are subtracted, a variance of 0 is divided by.
    most = np.finfo(dtype).max
    x = np.array([[2, 2, most, np.inf, 2]], dtype)
    mean = np.array([-1, -most, 0, np.inf, 0], dtype)
    var = np.array([2.0**-14, 0.25, 0.25, 1, 0], dtype)
    weight = np.array([most, 1, 1, 1, 0], dtype)
    for norm in (F.batch_norm, lambda *a, eps: F.instance_norm(*a, use_input_stats=False, eps=eps)):
        y, pullback, _ = norm(x, mean, var, weight, None, eps=0.0)
        np.testing.assert_array_equal(y, [[np.inf, np.inf, np.inf, np.nan, np.nan]])
        dx, _, _, dweight, _ = pullback(np.array([[1, most, 1, 1, 1]], dtype))
        np.testing.assert_array_equal(dx, [[np.inf, np.inf, 2, 1, np.nan]])
        np.testing.assert_array_equal(dweight, [384, np.inf, np.inf, np.nan, np.inf])
        infinite = pullback(np.full((1, 5), np.inf, dtype))[0]
        np.testing.assert_array_equal(infinite, [[np.inf, np.inf, np.inf, np.inf, np.nan]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_local_response_that_overflows_or_is_none_comes_without_a_warning(dtype):
    most = np.finfo(dtype).max
    x = np.array([most, np.inf, 0, 1, -2], dtype).reshape(5, 1, 1)
    y, pullback = F.local_response_norm(x, 1, alpha=1.0, beta=0.5, k=0.0)
    np.testing.assert_array_equal(y.ravel(), [0, np.nan, np.nan, 1, -1])
    for dy in (1, np.inf, np.nan, most):
        dx = pullback(np.full_like(x, dy))[0]
        assert np.isnan(dx[2]).all()
    F.local_response_norm(np.full_like(x, 1e-30), 1, alpha=1e-30, beta=4.0, k=1e-30)[1](x)


@pytest.mark.parametrize("dtype", [*DTYPES, np.float16, np.longdouble])
@pytest.mark.parametrize("n", [41, 53, 500, 1000, 1024, 4000])
def test_what_rounding_leaves_of_a_mean_is_taken_off_and_added_to_the_running_mean(n, dtype):
    # The sum of so many equal numbers is off by several units; what is left of each of them is exact.
    tenth, zero, one = dtype(0.1), np.zeros(1, dtype), np.ones(1, dtype)
    for y, _, (mean, _) in (
        F.batch_norm(np.full((n, 1), tenth), zero, one, training=True, momentum=1.0),
        F.instance_norm(np.full((2, 1, n), tenth), zero, one, momentum=1.0),
    ):
        assert mean[0] == tenth
        np.testing.assert_array_equal(y, np.zeros_like(y))


@pytest.mark.parametrize("dtype", [*DTYPES, np.longdouble])
def test_each_gradient_is_none_where_it_is_not_asked_for(dtype):
    x, (weight, bias) = np.arange(24).reshape(2, 3, 4).astype(dtype), np.ones((2, 3), dtype)
    row = np.arange(4).astype(dtype)
    for pullback, slots in (
        (F.batch_norm(x, None, None, weight, bias, training=True)[1], (0, 3, 4)),
        (F.instance_norm(x, None, None, weight, bias)[1], (0, 3, 4)),
        (F.group_norm(x, 3, weight, bias)[1], (0, 1, 2)),
        (F.layer_norm(x, (4,), row, row)[1], (0, 1, 2)),
        (F.rms_norm(x, (4,), row)[1], (0, 1)),
    ):
        for slot in slots:
            needs = tuple(i == slot for i in range(slots[-1] + 1))
            assert [gradient is not None for gradient in pullback(x, needs)] == list(needs)
