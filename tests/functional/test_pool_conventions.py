"""Poolings and padding at ties, NaN, nothing and zero are as in PyTorch; steps are drawn as asked."""

import math

import numpy as np
import pytest

import scratchnet.functional as F

ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
FRACTIONAL = {2: F.fractional_max_pool2d, 3: F.fractional_max_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}


def special(rng, shape):
    """Small integers, so that windows hold ties; with NaN and infinities among them."""
    x = rng.integers(-2, 3, size=shape).astype(np.float64)
    for value in (np.nan, np.inf, -np.inf, np.nan, -np.inf):
        x.flat[rng.integers(x.size)] = value
    return x


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_adaptive_maxima_and_their_places_are_pytorchs_at_ties_nan_and_infinity(n, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    x = special(rng, (2, 2, *rng.integers(1, 8 if n < 3 else 5, size=n)))
    size = tuple(int(side) for side in rng.integers(1, 6 if n < 3 else 4, size=n))
    (y, indices), pullback = ADAPTIVE_MAX[n](x, size, return_indices=True)
    tensor = torch.from_numpy(x).requires_grad_()
    twin = getattr(torch.nn.functional, f"adaptive_max_pool{n}d")
    expected, places = twin(tensor, size, return_indices=True)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    np.testing.assert_array_equal(indices, places.numpy())
    dy = rng.integers(1, 9, size=y.shape).astype(np.float64)
    (dx,) = torch.autograd.grad(expected, tensor, torch.from_numpy(dy))
    np.testing.assert_array_equal(pullback(dy)[0], dx.numpy())


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_fractional_maxima_and_their_places_are_pytorchs_at_ties_nan_and_infinity(n, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    kernel, size = (tuple(int(k) for k in rng.integers(1, 4, size=n)) for _ in range(2))
    sides = [k + o + int(more) for k, o, more in zip(kernel, size, rng.integers(0, 3, size=n), strict=True)]
    x, samples = special(rng, (2, 2, *sides)), rng.integers(0, 32, size=(2, 2, n)) / 32 + 1 / 64
    options = {"return_indices": True}
    (y, indices), pullback = FRACTIONAL[n](x, kernel, size, _random_samples=samples, **options)
    tensor = torch.from_numpy(x).requires_grad_()
    twin = getattr(torch.nn.functional, f"fractional_max_pool{n}d")
    expected, places = twin(tensor, kernel, size, _random_samples=torch.from_numpy(samples), **options)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    np.testing.assert_array_equal(indices, places.numpy())
    (dx,) = torch.autograd.grad(expected.sum(), tensor)
    np.testing.assert_array_equal(pullback(np.ones_like(y))[0], dx.numpy())


@pytest.mark.parametrize("n", [2, 3])
def test_windows_at_drawn_steps_follow_the_generator_and_reach_both_ends(n):
    x = np.arange(2.0 * 9**n).reshape(1, 2, *(9,) * n)
    options = {"return_indices": True}
    (y, indices), _ = FRACTIONAL[n](x, 2, 5, generator=np.random.default_rng(0), **options)
    (again, _), _ = FRACTIONAL[n](x, 2, (5,) * n, generator=np.random.default_rng(0), **options)
    np.testing.assert_array_equal(y, again)
    for axis in range(n):
        places = np.unique(np.stack(np.unravel_index(indices, x.shape[2:]))[axis])
        # The largest element of a window of a growing x is its last: from the second to the ninth.
        assert places[0] == 1
        assert places[-1] == 8
    seeds = [FRACTIONAL[n](x, 2, 5, generator=np.random.default_rng(seed))[0] for seed in range(8)]
    assert any(not np.array_equal(y, other) for other in seeds)
    assert FRACTIONAL[n](x, 2, output_ratio=0.5)[0].shape == (1, 2, *(4,) * n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_at_drawn_steps_begin_where_pytorch_rounds_them_to(dtype):
    torch = pytest.importorskip("torch")
    x = np.arange(20_000, dtype=dtype).reshape(1, 1, 1, -1)
    samples = np.random.default_rng(0).random((1, 1, 2)).astype(dtype)
    options = {"return_indices": True}
    (_, indices), _ = F.fractional_max_pool2d(x, 1, (1, 6000), _random_samples=samples, **options)
    _, places = torch.nn.functional.fractional_max_pool2d(
        torch.from_numpy(x), 1, (1, 6000), _random_samples=torch.from_numpy(samples), **options
    )
    np.testing.assert_array_equal(indices, places.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_are_drawn_from_the_generator_and_rounded_to_the_dtype_of_x(dtype):
    x = np.arange(20_000, dtype=dtype).reshape(1, 1, 1, -1)
    drawn = F.fractional_max_pool2d(x, 1, (1, 6000), generator=np.random.default_rng(0))[0]
    samples = np.random.default_rng(0).random((1, 1, 2)).astype(dtype)
    given = F.fractional_max_pool2d(x, 1, (1, 6000), _random_samples=samples)[0]
    np.testing.assert_array_equal(drawn, given)


def test_a_sample_may_be_0_or_as_a_rounded_number_below_it_1():
    x = np.arange(8.0).reshape(1, 1, 8)
    for sample, begins in ((0.0, [0, 1, 3, 4, 6]), (1.0, [0, 2, 3, 5, 6])):  # of steps of 6 / 4
        samples = np.array([[[sample, 0.5]]])
        y, _ = F.fractional_max_pool2d(x, (1, 2), (1, 5), _random_samples=samples)
        assert y.tolist() == [[[begin + 1 for begin in begins]]]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_empty_batch_may_be_put_into_images_without_sides(n):
    x, indices = np.ones((0, 2, *(1,) * n)), np.ones((0, 2, *(1,) * n), np.int64)
    for options in ({"padding": 1}, {"output_size": (0,) * n, "padding": 1}, {"output_size": (1,) * n}):
        y, pullback = UNPOOL[n](x, indices, 2, **options)
        assert y.shape == (0, 2, *options.get("output_size", (0,) * n))
        assert pullback(y)[0].shape == x.shape
    with pytest.raises(ValueError, match=r"every place of indices must lie in \[0, -1\]"):
        UNPOOL[n](np.ones((2, *(1,) * n)), np.zeros((2, *(1,) * n), np.int64), 2, padding=1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_windows_give_nothing_and_no_gradient(n):
    x = np.ones((2, 3, *(4,) * n))
    functions = [ADAPTIVE_AVG[n], ADAPTIVE_MAX[n]]
    if n > 1:
        functions.append(lambda x, size: FRACTIONAL[n](x, 2, size))
    for function in functions:
        for dtype in (np.float32, np.float64):
            y, pullback = function(x.astype(dtype), 0)
            dx = pullback(y)[0]
            assert y.shape == (2, 3, *(0,) * n)
            np.testing.assert_array_equal(dx, np.zeros_like(x))
            assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize("n", [1, 2, 3])
def test_two_elements_for_one_place_leave_the_last_and_both_get_its_cotangent(n):
    x = np.array([3.0, 5.0]).reshape(1, *(1,) * (n - 1), 2)
    indices = np.zeros(x.shape, np.int64)
    y, pullback = UNPOOL[n](x, indices, 2)
    assert y.flat[0] == 5.0
    assert float(y.sum()) == 5.0
    assert pullback(np.full(y.shape, 7.0))[0].tolist() == np.full(x.shape, 7.0).tolist()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 0.5, 2.5, -1, -2, math.inf, -math.inf])
def test_norms_of_zeros_and_of_both_signs_have_pytorchs_values_and_derivatives(n, p):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(n)
    x = special(rng, (2, 3, *(6, 4, 4)[:n]))
    x[0, 0] = 0.0  # windows of nothing but zeros
    tensor = torch.from_numpy(x).requires_grad_()
    expected = getattr(torch.nn.functional, f"lp_pool{n}d")(tensor, p, 2)
    (dx,) = torch.autograd.grad(expected.sum(), tensor)
    y, pullback = LP[n](x, p, 2)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(pullback(np.ones_like(y))[0], dx.numpy(), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_of_a_norm_is_rounded_to_its_own_dtype_at_each_step(dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.random((1, 9)).astype(dtype), rng.standard_normal((1, 7)).astype(dtype)
    y, pullback = F.lp_pool1d(x, 1, 3, 1)
    expected, each = np.zeros_like(x), dy * dtype(3) / dtype(3)  # three times the mean of three
    for offset in range(3):
        expected[:, offset : offset + 7] += each
    np.testing.assert_array_equal(pullback(dy)[0], expected)
    assert y.dtype == dtype


@pytest.mark.parametrize("p", [np.inf, -np.inf])
def test_an_infinite_cotangent_of_an_extreme_at_zero_becomes_nan_without_a_warning(p):
    _, pullback = F.lp_pool1d(np.zeros((1, 2)), p, 2)
    np.testing.assert_array_equal(pullback(np.array([[np.inf]]))[0], [[np.nan, 0]])


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "constant"])
def test_what_is_taken_away_on_one_side_and_added_on_the_other_is_pytorchs(mode):
    torch = pytest.importorskip("torch")
    x = np.arange(1.0, 21.0).reshape(1, 4, 5)
    for before in range(-4, 5):
        for behind in range(-4, 5):
            left = 5 + min(before, 0) + min(behind, 0)
            if left < 1 or (mode == "circular" and max(before, behind) > left):
                continue
            tensor = torch.from_numpy(x).requires_grad_()
            expected = torch.nn.functional.pad(tensor, (before, behind), mode)
            y, pullback = F.pad(x, (before, behind), mode)
            np.testing.assert_array_equal(y, expected.detach().numpy())
            dy = np.random.default_rng(0).integers(-9, 9, size=y.shape).astype(np.float64)
            (dx,) = torch.autograd.grad(expected, tensor, torch.from_numpy(dy))
            np.testing.assert_array_equal(pullback(dy)[0], dx.numpy())


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0, 3, np.float32(0.5)])
def test_any_number_may_be_padded_with(value):
    y, _ = F.pad(np.ones((1, 1), np.float32), (1, 0), value=value)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.array([[value, 1]], np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.lp_pool2d(x, 2, 2),
        lambda x: F.fractional_max_pool2d(x, 2, 2, generator=np.random.default_rng(0)),
        lambda x: F.max_unpool2d(x, np.tile(np.arange(16).reshape(4, 4), (1, 2, 1, 1)), 2),
        lambda x: F.pad(x, (1, 2, 1, 0), "reflect"),
    ],
)
def test_half_and_extended_precision_keep_their_dtype(call, dtype):
    x = np.random.default_rng(0).integers(1, 9, size=(1, 2, 4, 4)).astype(np.float64)
    expected, expected_pullback = call(x)
    y, pullback = call(x.astype(dtype))
    dx = pullback(y)[0]
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y.astype(np.float64), expected, rtol=4e-3)
    np.testing.assert_allclose(dx.astype(np.float64), expected_pullback(expected)[0], rtol=1e-2)
