"""Resampling: the product with a matrix equals the plain sums, and what the catalogue does not ask."""

import math

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _interpolate as body

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
SIDES = ((1, 1), (1, 4), (4, 1), (5, 3), (3, 8), (6, 6), (7, 13))
AXES = [
    pytest.param((mode, n, m, None, aligned, antialias, 2), id=f"{mode} {n} {m} {aligned} {antialias}")
    for mode in MODES
    for n, m in SIDES
    for aligned in (False, True)
    for antialias in ((False, True) if mode in ("bilinear", "bicubic") else (False,))
]


@pytest.fixture(autouse=True)
def _no_taps_of_another_test():
    body._kept_taps.cache_clear()


@pytest.mark.parametrize("args", AXES)
@pytest.mark.parametrize("axis", [2, 3])
def test_a_product_equals_the_plain_sums_both_ways(args, axis):
    taps = body._taps(*args)
    rng = np.random.default_rng(0)
    sides = [taps.side, 5] if axis == 2 else [5, taps.side]
    x = rng.normal(size=(2, 3, *sides))
    y = body._resampled_plainly(x, taps, axis)
    np.testing.assert_allclose(body._resampled(x, taps, axis), y, rtol=1e-13, atol=1e-13)
    dy = rng.normal(size=y.shape)
    dx = body._spread_plainly(dy, taps, axis)
    np.testing.assert_allclose(body._spread(dy, taps, axis), dx, rtol=1e-13, atol=1e-13)
    # One is the other's transpose.
    assert math.isclose(float((y * dy).sum()), float((x * dx).sum()), rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("args", AXES)
def test_the_weights_of_an_output_sum_to_one_and_are_no_more_than_the_longest_has(args):
    taps = body._taps(*args)
    own = np.arange(taps.weight.shape[1]) < taps.own[:, None]
    np.testing.assert_allclose(np.where(own, taps.weight, 0).sum(axis=1), 1.0, rtol=1e-14)
    assert own[:, -1].any()


@pytest.mark.parametrize(("mode", "reach"), [("bilinear", 1), ("bicubic", 2)])
@pytest.mark.parametrize(("n", "m"), [(6, 4), (9, 4), (5, 8), (3, 1), (16, 4), (1, 2)])
def test_an_antialiased_output_is_made_of_what_lies_within_the_kernels_reach(mode, reach, n, m):
    taps = body._taps(mode, n, m, None, False, True, 2)
    wide = max(n / m, 1)  # exact, and so are all places: m is a power of two
    for o in range(m):
        away = [(i + 0.5 - (o + 0.5) * n / m) / wide for i in range(n)]
        inside = [i for i in range(n) if -reach < away[i] <= reach]
        assert taps.number[o, : taps.own[o]].tolist() == inside


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("bilinear", {"align_corners": False}),
        ("bilinear", {"align_corners": True}),
        ("bilinear", {"antialias": True}),
        ("bilinear", {"antialias": True, "align_corners": True}),
        ("bicubic", {"align_corners": False}),
        ("bicubic", {"align_corners": True}),
        ("bicubic", {"antialias": True}),
        ("bicubic", {"antialias": True, "align_corners": True}),
        ("nearest-exact", {}),
        ("area", {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("scaled", [False, True])
def test_every_output_is_made_of_the_elements_with_the_weights_that_pytorch_has(mode, options, scaled):
    torch = pytest.importorskip("torch")
    for n in (1, 2, 3, 4, 5, 7, 10):
        for m in (1, 2, 3, 5, 7, 8, 16):
            if scaled and n == m and "antialias" in options:
                continue  # PyTorch copies an axis forward that it resamples backward
            x = np.eye(n).reshape(1, n, n, 1).repeat(2, axis=3)  # two columns, which stay
            to = {"scale_factor": ((m + 0.3) / n, 1.0)} if scaled else {"size": (m, 2)}
            tensor = torch.from_numpy(x).requires_grad_()
            theirs = torch.nn.functional.interpolate(tensor, mode=mode, **to, **options)
            y, pullback = F.interpolate(x, mode=mode, **to, **options)
            # Weights of at most 2, from places of at most 16 that are rounded a few times on either side.
            np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=0, atol=64 * 2.0**-52)
            if scaled and n == m and mode == "bicubic":
                continue  # PyTorch copies an image backward that it resamples forward
            dy = np.arange(1.0, y.size + 1).reshape(y.shape) / y.size
            (dx,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(dy))
            np.testing.assert_allclose(pullback(dy)[0], dx.numpy(), rtol=0, atol=64 * m * 2.0**-52)


@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_what_is_not_finite_reaches_its_neighbours_alone(special):
    x = np.ones((1, 1, 2, 8))
    x[0, 0, 0, 3] = special
    y, pullback = F.interpolate(x, size=(2, 16), mode="bilinear")
    assert np.isfinite(y[..., :4]).all()
    assert np.isfinite(y[..., 9:]).all()
    assert not np.isfinite(y[0, 0, 0, 5:9]).any()
    dy = np.ones_like(y)
    dy[0, 0, 1, 0] = special
    dx = pullback(dy)[0]
    assert not np.isfinite(dx[0, 0, 1, 0])
    assert np.isfinite(dx[..., 2:]).all()


def test_area_is_the_adaptive_average():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 5))
    y = F.interpolate(x, size=(3, 4), mode="area")[0]
    theirs = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(x), (3, 4)).numpy()
    np.testing.assert_allclose(y, theirs, rtol=1e-13, atol=1e-14)


def test_images_that_keep_a_side_keep_its_elements_whatever_the_scale():
    torch = pytest.importorskip("torch")
    x = np.arange(36.0).reshape(1, 2, 3, 6)
    for scale in ((1.0, 1.15), (2.0, 1.15), (1.2, 1.15)):
        theirs = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=scale).numpy()
        np.testing.assert_array_equal(F.interpolate(x, scale_factor=scale)[0], theirs)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_places_of_the_nearest_are_those_of_float32_as_in_pytorch(mode):
    torch = pytest.importorskip("torch")
    for n in range(1, 30):
        for m in range(1, 60):
            x = np.arange(n, dtype=np.float32).reshape(1, 1, n)
            tensor = torch.from_numpy(x).requires_grad_()
            theirs = torch.nn.functional.interpolate(tensor, size=m, mode=mode)
            theirs.sum().backward()
            y, pullback = F.interpolate(x, size=m, mode=mode)
            np.testing.assert_array_equal(pullback(np.ones_like(y))[0], tensor.grad.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("sides", "repeats"), [((3,), (2,)), ((3, 4), (1, 3)), ((2, 3, 4), (2, 1, 4))], ids=str
)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_elements_repeated_equally_often_equal_the_plain_sums(mode, sides, repeats, dtype):
    x = np.random.default_rng(0).integers(-9, 9, size=(2, 3, *sides)).astype(dtype)
    x[0, 0].flat[0] = np.nan
    taps = [
        body._taps(mode, n, n * times, None, False, False, len(sides))
        for n, times in zip(sides, repeats, strict=True)
    ]
    assert tuple(each.times for each in taps) == repeats
    y = x
    for axis, each in enumerate(taps, 2):
        y = body._resampled_plainly(y, each, axis)
    np.testing.assert_array_equal(body._repeated(x, repeats), y)
    dx = y
    for axis in range(x.ndim - 1, 1, -1):
        dx = body._spread_plainly(dx, taps[axis - 2], axis)
    np.testing.assert_array_equal(body._sum_of_repeats(y, repeats), dx)
    assert not np.shares_memory(body._repeated(x, (1,) * len(sides)), x)
    assert not np.shares_memory(body._sum_of_repeats(x, (1,) * len(sides)), x)


@pytest.mark.parametrize(("n", "m"), [(3, 8), (5, 2), (4, 6), (3, 2)])
def test_elements_repeated_unequally_are_no_repeats(n, m):
    assert body._taps("nearest", n, m, None, False, False, 1).times == 0


@pytest.mark.parametrize(
    ("mode", "n", "m", "times"),
    [
        ("nearest", 3, 24, 8),
        ("nearest", 3, 27, 0),
        ("area", 3, 6, 2),
        ("area", 3, 5, 0),
        ("area", 3, 0, 0),
        ("linear", 3, 3, 0),  # of two taps each: an infinity times 0 is NaN
        ("linear", 3, 6, 0),
        ("bicubic", 3, 3, 0),
    ],
)
def test_only_what_is_made_of_one_element_each_is_repeated_and_up_to_eight_times(mode, n, m, times):
    assert body._taps(mode, n, m, None, False, False, 2).times == times


@pytest.mark.parametrize(("n", "m"), [(64, 128), (128, 64), (70, 90), (33, 40)])
def test_a_product_by_bands_equals_the_whole_product(n, m):
    rng = np.random.default_rng(0)
    matrix = body._matrix(body._taps("bilinear", n, m, None, False, False, 2), np.dtype(np.float64))
    for each in (matrix, matrix.T):
        x = rng.normal(size=(3, each.shape[1], 5))
        np.testing.assert_allclose(body._banded_product(each, x), each @ x, rtol=1e-13, atol=1e-13)


def test_a_band_of_elements_that_no_output_is_made_of_has_the_gradient_0():
    # Of 200 elements the two outputs of "nearest" are made of numbers 0 and 100: the bands between are idle.
    matrix = body._matrix(body._taps("nearest", 200, 2, None, False, False, 1), np.dtype(np.float64))
    dx = body._banded_product(matrix.T, np.array([[[3.0], [5.0]]]))
    assert [(int(i), float(dx[0, i, 0])) for i in np.flatnonzero(dx)] == [(0, 3.0), (100, 5.0)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_products_go_by_bands_and_equal_the_plain_sums(dtype):
    # Bands of inputs that no output is made of among them: 640 become 8.
    rng = np.random.default_rng(0)
    eps = float(np.finfo(dtype).eps)
    for n, m in ((64, 128), (640, 8), (8, 640)):
        taps = body._taps("bilinear", n, m, None, False, False, 2)
        x, dy = (rng.normal(size=(2, 3, side, 9)).astype(dtype) for side in (n, m))
        y, dx = body._resampled(x, taps, 2), body._spread(dy, taps, 2)
        assert y.dtype == dx.dtype == dtype
        # Sums of two, and of as many as an element is found in: of normal numbers, none above 6.
        np.testing.assert_allclose(y, body._resampled_plainly(x, taps, 2), rtol=0, atol=6 * 4 * eps)
        most = 2 * max(1, m // n) + 2
        np.testing.assert_allclose(dx, body._spread_plainly(dy, taps, 2), rtol=0, atol=6 * most * most * eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_plain_sums_round_the_weights_to_the_dtype_first(dtype):
    taps = body._taps("bicubic", 5, 7, None, False, False, 2)
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(1, 1, 5, 1)).astype(dtype), rng.normal(size=(1, 1, 7, 1)).astype(dtype)
    weight = taps.weight.astype(dtype)
    y = np.zeros(7, dtype)
    for k in range(4):
        y += weight[:, k] * x[0, 0, taps.number[:, k], 0]
    np.testing.assert_array_equal(body._resampled_plainly(x, taps, 2)[0, 0, :, 0], y)
    dx = np.zeros(5, dtype)
    for k in range(4):
        parts = weight[:, k] * dy[0, 0, :, 0]
        dx += [parts[taps.number[:, k] == i].sum(dtype=dtype) for i in range(5)]
    np.testing.assert_array_equal(body._spread_plainly(dy, taps, 2)[0, 0, :, 0], dx)


def test_a_matrix_is_kept_for_each_dtype_unless_it_is_large(monkeypatch):
    taps = body._taps("bilinear", 4, 6, None, False, False, 2)
    float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
    monkeypatch.setattr(body, "_LARGEST_KEPT", 24)
    kept = body._matrix(taps, float32)
    assert body._matrix(taps, float32) is kept
    assert body._matrix(taps, float64).dtype == float64
    assert body._matrix(taps, float32).dtype == float32
    monkeypatch.setattr(body, "_LARGEST_KEPT", 23)
    taps = body._taps("bilinear", 4, 6, None, False, False, 2)
    assert body._matrix(taps, float32) is not body._matrix(taps, float32)
    np.testing.assert_array_equal(body._matrix(taps, float32), kept)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 0, 4), (0, 3, 4)])
@pytest.mark.parametrize("options", [{"size": 0}, {"size": 3}, {"scale_factor": 0.1}], ids=str)
def test_an_area_may_be_of_no_channels_and_become_nothing(shape, options):
    x = np.ones(shape)
    y, pullback = F.interpolate(x, mode="area", **options)
    assert y.shape == (*shape[:2], options.get("size", 0))
    np.testing.assert_array_equal(y, np.ones(y.shape))
    (dx,) = pullback(y)
    assert dx.shape == shape
    assert dx.sum() == y.size


BIG = [[1.7e308, -1.7e308, 1.7e308, 1.7e308], [np.inf, -np.inf, 1.0, np.inf], [1.7e308] * 4]


@pytest.mark.parametrize("row", BIG, ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {"mode": "nearest", "size": (2, 8)},
        {"mode": "nearest", "size": (1, 5)},
        {"mode": "area", "size": (1, 3)},
        {"mode": "bilinear", "size": (3, 7), "align_corners": True},
        {"mode": "bicubic", "size": (3, 7)},
        {"mode": "bicubic", "size": (2, 7)},
        {"mode": "bicubic", "size": (1, 3), "antialias": True},
    ],
    ids=str,
)
def test_no_resampling_warns_of_what_overflows(row, options):
    x = np.array([row, row]).reshape(1, 1, 2, 4)
    for image in (x, x.swapaxes(2, 3)):
        turned = options if image is x else {**options, "size": options["size"][::-1]}
        y, pullback = F.interpolate(image, **turned)
        pullback(np.resize(row, y.shape))
        pullback(np.repeat(image, 4, axis=3)[:, :, :1, :1] + np.zeros_like(y))
        assert np.isfinite(y).all() or not np.isfinite(row).all() or "bi" in options["mode"]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)])
def test_cubic_weights_are_keys_kernel_along_a_new_last_axis(shape):
    part = np.random.default_rng(0).random(shape)
    weights = body.cubic_weights(part, -0.75)
    assert weights.shape == (*shape, 4)
    for index in np.ndindex(*shape):
        t, a = float(part[index]), -0.75
        expected = []
        for away in (1 + t, t, 1 - t, 2 - t):
            if away <= 1:
                expected.append((a + 2) * away**3 - (a + 3) * away**2 + 1)
            else:
                expected.append(a * away**3 - 5 * a * away**2 + 8 * a * away - 4 * a)
        # Terms of at most 12 that are rounded a few times on either side.
        np.testing.assert_allclose(weights[index], expected, rtol=0, atol=12 * 8 * 2.0**-52)
