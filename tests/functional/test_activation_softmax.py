"""Softmax: which body it takes, that the plain one is stable where only it serves, and lines of nothing."""

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _activation


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_along_rows_it_takes_the_fast_body_and_along_another_axis_it_does_not(name, monkeypatch):
    monkeypatch.setattr(_activation, f"{name}_of_rows", lambda *_: "fast")
    function = getattr(F, name)
    x = np.ones((2, 3))
    assert function(x, 1) == function(x, -1) == function(x[0], 0) == "fast"
    for other in (function(x, 0), function(x[:0], 1), function(x.astype(np.float16), 1)):
        assert other != "fast"


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
@pytest.mark.parametrize("shape", [(2,), (1, 2)])
def test_large_logits_do_not_overflow_in_half_and_extended_precision(dtype, shape):
    x = np.array([20_000, 20_000], dtype).reshape(shape)
    assert F.softmax(x, -1)[0].ravel().tolist() == [0.5, 0.5]
    np.testing.assert_allclose(F.log_softmax(x, -1)[0].astype(np.float64), np.log(0.5), rtol=1e-3)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3), (2, 0, 3)])
def test_lines_of_no_elements_give_nothing_and_no_warning(name, shape):
    x = np.zeros(shape, np.float32)
    for dim in range(len(shape)):
        y, pullback = getattr(F, name)(x, dim)
        dx = pullback(np.ones_like(y))[0]
        assert y.shape == dx.shape == shape
        assert y.dtype == dx.dtype == np.float32
        assert not np.shares_memory(y, dx)
