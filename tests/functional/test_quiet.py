"""A quiet pass warns of nothing, whoever runs it, and leaves everything as it was."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet.functional import _quiet

WAYS = [_quiet.by_errstate] + ([_quiet.in_context] if _quiet.quietly is _quiet.in_context else [])


@pytest.fixture(autouse=True)
def _new_contexts(monkeypatch):
    monkeypatch.setattr(_quiet, "_SPARE", [])


HUGE = np.full(3, 1e30, np.float32)


@pytest.mark.parametrize("quietly", WAYS)
def test_overflow_invalid_operations_and_divisions_by_zero_are_not_warned_of(quietly):
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(quietly(np.multiply, HUGE, HUGE), np.inf)
        np.testing.assert_array_equal(quietly(np.log, np.zeros(2)), -np.inf)
        assert np.isnan(quietly(np.subtract, np.array(np.inf), np.array(np.inf)))


@pytest.mark.parametrize("quietly", WAYS)
def test_what_was_set_holds_again_afterwards_also_after_an_error(quietly):
    def broken():
        raise KeyError("x")

    with np.errstate(all="raise"):
        before = np.geterr()
        with pytest.raises(KeyError):
            quietly(broken)
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            np.multiply(HUGE, HUGE)


@pytest.mark.parametrize("quietly", WAYS)
def test_a_quiet_pass_may_run_another(quietly):
    with np.errstate(all="raise"):
        assert quietly(lambda: quietly(lambda: quietly(np.multiply, HUGE, HUGE)[0])) == np.inf


def test_threads_are_quiet_at_the_same_time():
    together = threading.Barrier(4)

    def waiting(x):
        together.wait(10)
        return np.multiply(x, x)

    with ThreadPoolExecutor(4) as pool, np.errstate(all="raise"):
        for y in pool.map(lambda _: _quiet.quietly(waiting, HUGE), range(8)):
            np.testing.assert_array_equal(y, np.inf)


@pytest.mark.parametrize("n", [3, 3000, 3_000_000])
@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu", "softplus", "elu", "selu", "hardswish", "mish"])
def test_activations_of_what_is_infinite_or_not_a_number_do_not_warn(name, n):
    x = np.resize(np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 800.0, -800.0], np.float32), n)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, pullback = getattr(F, name)(x)
        (dx,) = pullback(x)
    assert y.dtype == dx.dtype == np.float32
