"""Sampling at the places where its conventions show: borders, halves, whole places, and far outside."""

import itertools

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _grid, _grid_fast

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def at(places, sides, aligned):
    """Return the grid (1, 1, P, n) of the product of places, the last axis first."""
    lines = []
    for side in reversed(sides):
        extent = (side - 1 if aligned else side) or 1
        lines.append([2 * s / extent - 1 if aligned else (2 * s + 1) / side - 1 for s in places(side)])
    points = np.array(list(itertools.product(*lines)))
    return points.reshape(1, *(1,) * (len(sides) - 1), len(points), len(sides))


def edges(side):
    """Return an image's centres, edges and halves, what is beside them and what is far outside."""
    return [-7.25, -1.0, -0.5, -0.25, 0.0, 0.5, 1.0, 1.5, side - 1.0, side - 0.75, side - 0.5, side + 2.25]


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    ("mode", "sides"), [(m, (4, 8)) for m in MODES] + [(m, (2, 4, 1)) for m in MODES[:2]]
)
def test_values_and_gradients_are_pytorchs_at_borders_halves_and_whole_places(mode, sides, padding, aligned):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 9, size=(1, 2, *sides)) / 4
    grid = at(edges, sides, aligned)
    # Where a place is no binary fraction, which side of a jump it lies on is rounding.
    exact = np.isin(np.mod(((grid + 1) * 64), 1), 0).all(axis=-1) | (not aligned)
    y, pullback = F.grid_sample(x, grid, mode, padding, aligned)
    dy = rng.integers(-8, 9, size=y.shape) / 4 * exact[:, None]
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, grid)]
    theirs = torch.nn.functional.grid_sample(*tensors, mode, padding, aligned)
    theirs.backward(torch.from_numpy(dy))
    keep = np.broadcast_to(exact[:, None], y.shape)
    np.testing.assert_allclose(y[keep], theirs.detach().numpy()[keep], rtol=1e-13, atol=1e-13)
    for mine, tensor in zip(pullback(dy), tensors, strict=True):
        np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mode", MODES)
def test_the_grid_of_the_identity_gives_the_image_back(mode, padding):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    theta = np.repeat(np.eye(2, 3)[None], 2, axis=0)
    for aligned in (False, True):
        grid = F.affine_grid(theta, x.shape, aligned)[0]
        y = F.grid_sample(x, grid, mode, padding, aligned)[0]
        np.testing.assert_allclose(y, x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mode", MODES)
def test_places_that_are_no_numbers_or_far_away_do_no_harm(mode, padding):
    x = np.ones((1, 1, 3, 4), np.float32)
    grid = np.array([[np.nan, 0], [np.inf, 0], [-np.inf, 0], [1e30, -1e30], [3e38, 0]], np.float32)
    y, pullback = F.grid_sample(x, grid.reshape(1, 1, 5, 2), mode, padding)
    dx, dgrid = pullback(np.ones_like(y))
    assert y.shape == (1, 1, 1, 5)
    assert dx.shape == x.shape
    assert dgrid.shape == (1, 1, 5, 2)


def test_an_infinite_place_outside_of_which_are_zeros_gives_nan_and_a_far_one_zero_as_in_pytorch():
    grid = np.array([[np.inf, 0], [0, np.nan], [1e30, 0], [-1e8, 0.25]]).reshape(1, 1, 4, 2)
    y, _ = F.grid_sample(np.ones((1, 1, 3, 4)), grid)
    np.testing.assert_array_equal(y.ravel(), [np.nan, np.nan, 0, 0])
    torch = pytest.importorskip("torch")
    x = torch.ones(1, 1, 3, 4, dtype=torch.float64)
    theirs = torch.nn.functional.grid_sample(x, torch.from_numpy(grid), align_corners=False)
    np.testing.assert_array_equal(y, theirs.numpy())


def test_an_element_outside_counts_for_nothing_even_if_it_is_not_finite():
    x = np.ones((1, 1, 2, 2))
    x[0, 0, 0, 0] = np.inf
    y, pullback = F.grid_sample(x, np.array([1.0, 1.0]).reshape(1, 1, 1, 2))
    assert y.item() == 0.25  # the corner: a quarter of its element, the rest outside
    assert np.isfinite(pullback(np.ones_like(y))[0]).all()


@pytest.mark.parametrize("dtype", ["e", "f", "d", "g"])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("mode", MODES)
def test_weights_and_slopes_have_the_dtype_of_the_grid(mode, padding, dtype):
    g = np.linspace(-3, 3, 13).reshape(1, 13).astype(dtype)
    for aligned in (False, True):
        taps = _grid._axis_taps(g, 5, mode, padding, aligned)
        assert [a.dtype.char for a in (taps.inside, taps.weight, taps.slope)] == ["?", dtype, dtype]
        assert taps.number.dtype == np.intp


@pytest.mark.parametrize("body", ["fast", "plain"])
@pytest.mark.parametrize("mode", MODES)
def test_images_and_cotangents_whose_products_overflow_give_no_warning(mode, body, monkeypatch):
    if body == "plain":
        monkeypatch.setattr(_grid_fast, "sample", lambda *_: None)
    x = np.full((1, 2, 3, 3), 3e38, np.float32)
    grid = np.array([[0.1, 0.2]] * 4, np.float32).reshape(1, 1, 4, 2)
    y, pullback = F.grid_sample(x, grid, mode)
    dx, dgrid = pullback(np.full_like(y, 3e38))
    assert np.isinf(dx).any()
    assert np.isfinite(dgrid).all() == (mode == "nearest")


@pytest.mark.parametrize("body", ["fast", "plain"])
def test_the_nearest_element_has_no_derivative_by_its_place_even_if_it_is_infinite(body, monkeypatch):
    if body == "plain":
        monkeypatch.setattr(_grid_fast, "sample", lambda *_: None)
    y, pullback = F.grid_sample(np.full((1, 1, 2, 2), np.inf), np.zeros((1, 1, 1, 2)), "nearest")
    assert y.item() == np.inf
    np.testing.assert_array_equal(pullback(np.ones_like(y))[1], np.zeros((1, 1, 1, 2)))


@pytest.mark.parametrize("mode", MODES)
def test_outside_of_an_image_of_one_element_the_plain_body_finds_zeros(mode):
    x, grid = np.ones((2, 1, 1, 1), np.longdouble), np.full((2, 1, 1, 2), 9, np.longdouble)
    y, pullback = F.grid_sample(x, grid, mode)
    dx, dgrid = pullback(np.ones_like(y))
    assert not y.any()
    assert not dx.any()
    assert not dgrid.any()


def test_the_derivative_by_the_image_lies_in_order_from_the_plain_body_too():
    x, grid = np.ones((2, 3, 4, 5), np.longdouble), np.zeros((2, 1, 6, 2), np.longdouble)
    y, pullback = F.grid_sample(x, grid)
    assert pullback(y)[0].flags.c_contiguous


def test_what_the_fast_body_gives_is_what_is_returned(monkeypatch):
    x, grid = np.ones((1, 1, 2, 2)), np.zeros((1, 1, 1, 2))
    given = np.full((1, 1, 1), 7.0), lambda dy: dy + np.arange(4.0), lambda dy: dy[0] + np.arange(2.0)
    monkeypatch.setattr(_grid_fast, "sample", lambda *_: given)
    y, pullback = F.grid_sample(x, grid)
    dx, dgrid = pullback(np.ones((1, 1, 1, 1)))
    assert y.ravel().tolist() == [7]
    assert dx.ravel().tolist() == [1, 2, 3, 4]
    assert dgrid.ravel().tolist() == [1, 2]


CASES = [(mode, (3, 2, 5, 4)) for mode in MODES] + [(mode, (3, 2, 2, 4, 3)) for mode in MODES[:2]]


@pytest.mark.parametrize("block", [1, 100, 400, 1 << 15])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("mode", "shape"), CASES, ids=str)
def test_all_neighbours_at_once_equal_one_after_the_other(mode, shape, padding, block, monkeypatch):
    monkeypatch.setattr(_grid_fast, "_BLOCK", block)
    for dtype in (np.float32, np.float64):
        rng = np.random.default_rng(0)
        x = np.moveaxis(rng.normal(size=(*shape[1:], shape[0])), -1, 0).astype(dtype)
        grid = rng.uniform(-1.5, 1.5, size=(shape[0], *(6,) * (x.ndim - 2), x.ndim - 2)).astype(dtype)
        for a in (x, grid):
            a.flags.writeable = False
        both = []
        for fast in (True, False):
            with monkeypatch.context() as patch:
                if not fast:
                    patch.setattr(_grid_fast, "sample", lambda *_: None)
                y, pullback = F.grid_sample(x, grid, mode, padding)
            dy = np.random.default_rng(1).normal(size=y.shape[::-1]).astype(dtype).T
            both.append((y, *pullback(dy)))
            (dx, none), (nothing, dgrid) = pullback(dy, (True, False)), pullback(dy, (False, True))
            assert none is nothing is None
            assert np.array_equal(dx, both[-1][1])
            assert np.array_equal(dgrid, both[-1][2])
        for mine, expected in zip(*both, strict=True):
            assert mine.dtype == expected.dtype == dtype
            bound = 512 * np.finfo(dtype).eps * max(1, np.abs(expected).max())  # up to some 400 terms
            np.testing.assert_allclose(mine, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("mode", MODES)
def test_other_dtypes_and_nothing_at_all_are_left_to_the_plain_body(mode):
    none = ("g", 1, 2, 3), ("f4", 0, 2, 3), ("f4", 1, 0, 3), ("f4", 1, 2, 0)
    for dtype, n, c, places in (*none, ("f4", 1, 1, 1), ("f8", 1, 1, 1)):
        x, grid = np.ones((n, c, 3, 3), dtype), np.zeros((n, 1, places, 2), dtype)
        axes = [
            _grid._axis_taps(grid[..., axis].reshape(n, places), 3, mode, "zeros", False) for axis in (1, 0)
        ]
        assert (_grid_fast.sample(x, axes) is None) == ((dtype, n, c, places) in none)
        y, pullback = F.grid_sample(x, grid, mode)
        assert y.dtype == x.dtype
        assert [a.shape for a in pullback(y)] == [x.shape, grid.shape]
