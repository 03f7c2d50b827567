"""Padding: copies and sums made place by place equal those made of the whole array."""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _pad as body

PADS = ((1, 2), (0, 3, 2, 0), (2, 2, 1, 2), (1, 0, 0, 0, 2, 1), (0, 0))


def operands(pad, dtype=np.float64):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, size=(2, 3, 5, 4, 6)[: 2 + len(pad) // 2]).astype(dtype)
    pairs = dict(sorted((x.ndim - 1 - i, pad[2 * i : 2 * i + 2]) for i in range(len(pad) // 2)))
    return x, pairs


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("pad", PADS, ids=str)
def test_place_by_place_equals_axis_by_axis(pad, mode, dtype):
    x, pairs = operands(pad, dtype)
    sources = {axis: body._sources(mode, x.shape[axis], pair) for axis, pair in pairs.items()}
    y = body._copied(x, sources)
    copies = {axis: body._copies(mode, x.shape[axis], pair) for axis, pair in pairs.items()}
    found = body._copied_narrowly(x, pairs, copies)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, y)
    # Whole numbers: their sums are exact in any order.
    dy = np.random.default_rng(1).integers(-9, 9, size=y.shape).astype(dtype)
    dx = dy
    for axis, source in sources.items():
        dx = body._add_copies(dx, source, x.shape[axis], axis)
    kept = dy.copy()
    np.testing.assert_array_equal(body._added_narrowly(dy, pairs, copies, x.shape), dx)
    np.testing.assert_array_equal(dy, kept)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_views_and_what_is_not_finite_pass(mode):
    x = np.arange(48.0).reshape(2, 6, 4).transpose(0, 2, 1)[..., ::-1]
    x.flags.writeable = False
    y, pullback = F.pad(x, (2, 1), mode)
    np.testing.assert_array_equal(y[..., 2:-1], x)
    dy = np.broadcast_to(np.inf, y.shape)
    dx = pullback(dy)[0]
    assert np.isposinf(dx).all()
    assert not np.shares_memory(dx, pullback(dy)[0])


def test_copies_are_added_in_the_order_of_their_places_whatever_stands_between_them():
    rng = np.random.default_rng(0)
    source, dy = rng.integers(0, 5, size=2_000), rng.normal(size=(2, 2_000))
    order = sorted(range(2_000), key=lambda place: (source[place], place))
    np.testing.assert_array_equal(
        body._add_copies(dy, source, 5, 1), body._add_copies(dy[:, order], source[order], 5, 1)
    )


@pytest.mark.parametrize("pad", [(-4, 0), (0, -4), (-1, -3)], ids=str)
def test_circular_padding_may_take_everything_away(pad):
    y, pullback = F.pad(np.ones((2, 3, 4)), pad, "circular")
    assert y.shape == (2, 3, 0)
    np.testing.assert_array_equal(pullback(y)[0], np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("shape", "pad", "padded"),
    [((2, 0, 4), (1, 2), (2, 0, 7)), ((2, 0, 9), (9, 0), (2, 0, 18)), ((0, 3, 4), (0, 1, 2, 0), (0, 5, 5))],
)
def test_circular_padding_minds_no_empty_channels(shape, pad, padded):
    y, pullback = F.pad(np.ones(shape), pad, "circular")
    assert y.shape == padded
    assert pullback(y)[0].shape == shape
