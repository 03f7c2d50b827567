"""Sampling at the places where its conventions show: borders, halves, whole places, and far outside."""

import itertools

import numpy as np
import pytest

import scratchnet.functional as F

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
