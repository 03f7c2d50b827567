"""CTC: the scan of scaled probabilities against the one in log space, and where it must give way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import _ctc, _ctc_scaled


def drawn(seed, n_times, n, n_classes, longest, scale, blank=0):
    """Return log-probabilities, labels (some of them repeated) and lengths that fit."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_times, n, n_classes)) * scale
    log_probs = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    labels = rng.integers(0, n_classes - 1, size=(n, longest))
    labels += labels >= blank
    counts = rng.integers(0, longest + 1, size=n)
    times = rng.integers(min(2 * longest + 1, n_times), n_times + 1, size=n)
    return log_probs, labels, times, counts


def both_scans(log_probs, labels, times, counts, blank=0):
    labels = np.where(np.arange(labels.shape[1]) < counts[:, None], labels, blank)  # as they are read
    beyond = np.arange(len(log_probs))[:, None] >= times
    with np.errstate(all="ignore"):
        fast = _ctc_scaled.scan_scaled(log_probs, labels, counts, beyond, blank)
        losses, slopes = _ctc._scan_logarithms(log_probs, labels, times, counts, blank)
        return fast and (fast[0], fast[1]()), (losses, slopes())


def equal(fast, plain, times, dtype):
    # Each scan rounds a few times a time; logarithms round by the size of the loss.
    eps = float(np.finfo(dtype).eps)
    n_times = len(fast[1])
    np.testing.assert_allclose(fast[0], plain[0], rtol=8 * n_times * eps, atol=8 * n_times * eps)
    size = 1 + np.abs(plain[0]).max()
    for i, time in enumerate(times):
        np.testing.assert_allclose(
            fast[1][:time, i], plain[1][:time, i], rtol=0, atol=8 * n_times * eps * size
        )
    assert fast[0].dtype == fast[1].dtype == dtype


@settings(deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([np.float32, np.float64]), st.integers(1, 4),
    st.sampled_from([(1, 0), (1, 1), (5, 2), (9, 4), (40, 7)]), st.sampled_from([0.1, 1.0, 5.0]),
    st.integers(0, 3),
)  # fmt: skip
def test_the_scaled_scan_equals_the_one_in_log_space(seed, dtype, n, sizes, scale, blank):
    log_probs, labels, times, counts = drawn(seed, sizes[0], n, 4, sizes[1], scale, blank)
    fast, plain = both_scans(log_probs.astype(dtype), labels, times, counts, blank)
    if fast is None:  # only where four times, or all, are next to impossible
        assert not plain[0].max() < 25
    else:
        equal(fast, plain, times, dtype)


def test_the_scaled_scan_equals_the_one_in_log_space_over_many_times():
    drawing = drawn(3, 200, 6, 12, 30, 1.0)
    fast, plain = both_scans(*drawing)
    equal(fast, plain, drawing[2], np.float64)


def test_a_scaled_scan_goes_on_where_states_that_do_not_matter_underflow():
    log_probs = np.log(np.full((160, 1, 3), 1e-12))
    log_probs[:80, 0, 1] = log_probs[80:, 0, 2] = 0.0  # 80 times the one label, then the other
    fast, plain = both_scans(log_probs, np.array([[1, 2]]), np.array([160]), np.array([2]))
    equal(fast, plain, [160], np.float64)


@pytest.mark.parametrize(
    "case", ["impossible", "unlikely", "nan", "minus infinity", "no input", "longdouble"]
)
def test_the_scaled_scan_gives_way_where_it_could_lose_digits(case):
    log_probs, labels, times, counts = drawn(1, 60, 2, 4, 5, 1.0)
    times[:], counts[:] = 60, 5
    if case == "impossible":
        times[1] = 3
    elif case == "unlikely":
        log_probs[:, 1] = [0, -60, -60, -60]
        log_probs[:, 1, 0] = -80
        log_probs[:40, 1, 3], labels[1] = 0, [1, 2, 1, 2, 1]
    elif case == "nan":
        log_probs[5, 1, 0] = np.nan
    elif case == "minus infinity":
        log_probs[5, 1] = -np.inf
    elif case == "no input":
        times[1], counts[1] = 0, 0
    else:
        log_probs = log_probs.astype(np.longdouble)
    fast, plain = both_scans(log_probs, labels, times, counts)
    assert fast is None
    y = F.ctc_loss(log_probs, labels, times, counts, reduction="none")[0]
    np.testing.assert_array_equal(y, plain[0])


@pytest.mark.parametrize(("n_times", "least"), [(200, -5.0), (20, -9.0)])
def test_the_scaled_scan_goes_on_where_the_labels_are_unlikely_at_every_time(n_times, least):
    log_probs = np.full((n_times, 1, 4), least)
    log_probs[:, 0, 3] = 0.0  # certain, and no label
    fast, plain = both_scans(log_probs, np.array([[1, 2]]), np.array([n_times]), np.array([2]))
    equal(fast, plain, [n_times], np.float64)


@pytest.mark.parametrize(("least", "gives_way"), [(-10.0, False), (-40.0, True)])
def test_the_scaled_scan_gives_way_where_every_sum_vanishes_between_two_divisions(least, gives_way):
    log_probs = np.full((60, 1, 4), least)
    log_probs[:, 0, 3] = 0.0
    fast, plain = both_scans(log_probs, np.array([[1, 2]]), np.array([60]), np.array([2]))
    assert (fast is None) == gives_way
    if fast is not None:
        equal(fast, plain, [60], np.float64)


@pytest.mark.parametrize("n_times", [23, 60])  # without a division and with some
@pytest.mark.parametrize(("least", "gives_way"), [(-30.0, False), (-60.0, True)])
def test_the_scaled_scan_gives_way_where_the_beginning_speaks_against_every_state_that_the_end_needs(
    n_times, least, gives_way
):
    n_labels = n_times - 5
    log_probs = np.full((n_times, 1, 3), np.log(1 / 3))
    log_probs[:20] = [0.0, least, least]  # blank, while 15 labels or more have to be emitted
    labels = np.array([[1, 2] * n_times])[:, :n_labels]
    fast, plain = both_scans(log_probs, labels, np.array([n_times]), np.array([n_labels]))
    assert (fast is None) == gives_way
    if fast is not None:
        equal(fast, plain, [n_times], np.float64)


@pytest.mark.parametrize("sizes", [(12, 4), (60, 30)])  # by a matrix and by sums of slices
@pytest.mark.parametrize("above", [0.0, 7.5])
def test_labels_that_come_again_are_kept_apart_by_blanks_in_the_scaled_scan(sizes, above):
    log_probs, _, times, counts = drawn(4, sizes[0], 5, 4, sizes[1], 1.0)
    labels = np.array([[1] * 30, [1, 1, 2] * 10, [2, 1, 1] * 10, [1, 2] * 15, [3] * 30])[:, : sizes[1]]
    counts[:] = sizes[1] // 2, sizes[1] // 2, sizes[1] // 2, sizes[1], 1
    times[:] = sizes[0] - np.arange(5)
    fast, plain = both_scans(log_probs + above, labels, times, counts)
    equal(fast, plain, times, np.float64)


def test_log_probabilities_far_above_zero_are_left_to_logarithms():
    log_probs, labels, times, counts = drawn(1, 30, 3, 5, 4, 1.0)
    assert both_scans(log_probs + 500, labels, times, counts)[0] is not None
    assert both_scans(log_probs + 700, labels, times, counts)[0] is None


def test_nan_of_a_class_that_is_no_label_stays_with_its_own_derivative():
    log_probs, labels, times, counts = drawn(1, 30, 2, 5, 4, 1.0)
    labels[:] = [1, 2, 3, 1]
    times[:] = 30
    log_probs[7, 1, 4] = np.nan
    y, pullback = F.ctc_loss(log_probs, labels, times, counts)
    assert np.isfinite(y)
    assert np.argwhere(np.isnan(pullback()[0])).tolist() == [[7, 1, 4]]


def test_a_pullback_is_not_changed_by_later_calls_that_take_the_memory_kept():
    first, second = drawn(1, 30, 3, 5, 4, 1.0), drawn(2, 30, 3, 5, 4, 1.0)
    _, pullback = F.ctc_loss(*first)
    before = pullback()[0]
    alive = [F.ctc_loss(*second) for _ in range(3)]
    alive[1][1]()
    del alive
    F.ctc_loss(*second)[1]()
    np.testing.assert_array_equal(pullback()[0], before)


def test_the_scaled_scan_is_the_one_that_is_called(monkeypatch):
    called = []
    monkeypatch.setattr(_ctc, "scan_scaled", lambda *_: called.append(True))
    F.ctc_loss(*drawn(1, 30, 3, 5, 4, 1.0))
    assert called
