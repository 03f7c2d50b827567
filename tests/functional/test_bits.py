"""Keeping elements by a mask is exact, for few elements and for many, in every dtype."""

import numpy as np
import pytest

from scratchnet.functional._bits import either, keep


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (3,), (256,), (257,), (30, 40), (0, 4)])
def test_it_keeps_what_is_open_and_makes_zero_of_the_rest(shape, dtype):
    rng = np.random.default_rng(0)
    x = np.asarray(rng.normal(size=shape), dtype=dtype)
    if x.size > 2:
        x.flat[:3] = np.inf, np.nan, -np.inf
    open_ = np.asarray(rng.integers(0, 2, size=shape).astype(bool))
    kept = keep(x, open_)
    assert kept.dtype == dtype
    np.testing.assert_array_equal(kept, np.where(open_, x, dtype(0)))
    assert not np.shares_memory(kept, x)
    out = np.empty_like(x)
    np.testing.assert_array_equal(keep(x, open_, out), kept)
    np.testing.assert_array_equal(out, kept)
    if x.ndim == 2:
        np.testing.assert_array_equal(keep(np.asfortranarray(x), open_), kept)
        np.testing.assert_array_equal(keep(x[:, ::-1], open_[:, ::-1]), kept[:, ::-1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (3,), (256,), (257,), (30, 40), (0, 4)])
def test_it_takes_the_one_or_the_other_as_where_does(shape, dtype):
    rng = np.random.default_rng(0)
    first, second = (np.asarray(rng.normal(size=shape), dtype=dtype) for _ in range(2))
    if first.size > 2:
        first.flat[:3] = second.flat[-3:] = np.inf, np.nan, -0.0
    choice = np.asarray(rng.integers(0, 2, size=shape).astype(bool))
    one = np.asarray(dtype(-0.25))
    for a, b in ((first, second), (first, one), (one, second), (one, np.asarray(dtype(np.inf)))):
        before = a.copy(), b.copy()
        found = either(choice, a, b)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.where(choice, a, b))
        assert not np.shares_memory(found, a)
        assert not np.shares_memory(found, b)
        np.testing.assert_array_equal(a, before[0])
        np.testing.assert_array_equal(b, before[1])
