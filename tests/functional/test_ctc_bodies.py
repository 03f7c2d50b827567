"""CTC: the scan in log space against all paths, the scaled one against it, and where that must give way."""

import itertools

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


def collapsed(path, blank):
    """Return the labels that a path stands for."""
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def by_all_paths(log_probs, labels, blank):
    """Return the loss of one sequence, and the probability of each class at each time given its labels."""
    n_times, n_classes = log_probs.shape
    paths = [
        path
        for path in itertools.product(range(n_classes), repeat=n_times)
        if collapsed(path, blank) == tuple(labels)
    ]
    given_labels = np.zeros(log_probs.shape, np.longdouble)
    each = np.array([sum((log_probs[t, c] for t, c in enumerate(path)), np.longdouble(0)) for path in paths])
    together = np.logaddexp.reduce(each, initial=-np.inf)
    for path, one in zip(paths, each, strict=True):
        for t, c in enumerate(path):
            given_labels[t, c] += np.exp(one - together)
    return -together, given_labels


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("kind", ["usual", "minus infinity", "of unlike sizes"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # an infinite loss less itself
def test_the_scan_in_log_space_sums_all_paths_that_stand_for_the_labels(kind, blank, dtype):
    rows = [(), (0,), (0, 1), (0, 0), (1, 1, 0), (1, 0, 1)]  # of the classes that are not blank
    times = np.array([4, 1, 4, 3, 4, 4, 0, 0, 2])
    rows += [(), (0,), (1, 1)]  # certain without any input, impossible without, and in too little
    counts = np.array([len(row) for row in rows])
    rng = np.random.default_rng(blank)
    log_probs = drawn(blank, 4, len(rows), 3, 1, 2.0)[0]
    if kind == "minus infinity":
        log_probs[rng.random(log_probs.shape) < 0.15] = -np.inf
    elif kind == "of unlike sizes":
        log_probs -= 400 * (np.arange(len(rows)) % 2)[:, None]
    log_probs = log_probs.astype(dtype)
    labels = np.full((len(rows), 3), blank)
    for i, row in enumerate(rows):
        labels[i, : len(row)] = np.array([c for c in range(3) if c != blank])[list(row)]
    with np.errstate(all="ignore"):
        losses, slopes = _ctc._scan_logarithms(log_probs, labels, times, counts, blank)
        slopes = slopes()
    assert losses.dtype == slopes.dtype == dtype
    for i, (time, count) in enumerate(zip(times, counts, strict=True)):
        some = log_probs[:time, i].astype(np.longdouble)
        loss, given_labels = by_all_paths(some, labels[i, :count], blank)
        # Each time rounds a few times, sums of logarithms by their size.
        bound = 32 * np.finfo(dtype).eps * (1 + (abs(loss) if np.isfinite(loss) else 0))
        np.testing.assert_allclose(losses[i], loss, rtol=0, atol=bound)
        if np.isfinite(loss):
            np.testing.assert_allclose(slopes[:time, i], np.exp(some) - given_labels, rtol=0, atol=bound)


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"reduction": "none", "zero_infinity": True}])
def test_the_scan_in_log_space_gives_pytorchs_losses_and_derivatives(options, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(_ctc, "scan_scaled", lambda *_: None)
    log_probs, labels, times, counts = drawn(5, 12, 6, 4, 5, 1.0, blank=2)
    times[0], counts[:2] = 3, (4 if "zero_infinity" in options else 1, 0)  # the first may be impossible
    y, pullback = F.ctc_loss(log_probs, labels, times, counts, 2, **options)
    tensor = torch.from_numpy(log_probs.copy()).requires_grad_()
    theirs = torch.nn.functional.ctc_loss(
        tensor, *(torch.from_numpy(a) for a in (labels, times, counts)), 2, **options
    )
    dy = np.arange(1.0, 7.0) if y.ndim else 1.0
    (theirs * torch.as_tensor(dy)).sum().backward()
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(pullback(dy)[0], tensor.grad.numpy(), rtol=0, atol=1e-12)


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


@pytest.mark.parametrize("unlikely", [(0, 1), (0, 2), (1, 2)])
def test_the_scaled_scan_goes_on_where_two_of_three_parts_are_unlikely_but_neither_alone_too_much(unlikely):
    every = _ctc_scaled._EVERY
    log_probs = np.full((3, every, 1, 3), np.log(1 / 3))
    log_probs[list(unlikely)] = -14.0  # exp(-336) for the 24 times of a part, exp(-672) for both
    log_probs = log_probs.reshape(3 * every, 1, 3)
    fast, plain = both_scans(log_probs, np.array([[1, 2]]), np.array([3 * every]), np.array([2]))
    equal(fast, plain, [3 * every], np.float64)


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_the_scaled_scan_divides_after_the_last_time_too(parts):
    drawing = drawn(2, parts * _ctc_scaled._EVERY, 3, 4, 6, 1.0)
    fast, plain = both_scans(*drawing)
    equal(fast, plain, drawing[2], np.float64)


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


@pytest.mark.parametrize("largest", [0.5, 1.0, 1.5])
def test_log_probabilities_above_zero_are_taken_as_they_are(largest):
    log_probs, labels, times, counts = drawn(1, 30, 3, 5, 4, 1.0)
    log_probs -= log_probs.max() - largest
    assert log_probs.max() == largest
    fast, plain = both_scans(log_probs, labels, times, counts)
    equal(fast, plain, times, np.float64)


@pytest.mark.parametrize("largest", [-0.1, 1.3])
def test_the_scaled_scan_of_float32_is_that_of_float64_rounded(largest):
    log_probs, labels, times, counts = drawn(1, 60, 8, 5, 4, 1.0)
    log_probs = (log_probs + largest - log_probs.max()).astype(np.float32)
    single = F.ctc_loss(log_probs, labels, times, counts, reduction="none")
    double = F.ctc_loss(log_probs.astype(np.float64), labels, times, counts, reduction="none")
    np.testing.assert_array_equal(single[0], double[0].astype(np.float32))
    ones = np.ones(8)
    np.testing.assert_array_equal(
        single[1](ones.astype(np.float32))[0], double[1](ones)[0].astype(np.float32)
    )


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


@pytest.mark.parametrize("scan", ["scaled", "in log space"])
def test_a_log_probability_of_minus_infinity_has_no_derivative_whatever_else_there_is(scan, monkeypatch):
    if scan == "in log space":
        monkeypatch.setattr(_ctc, "scan_scaled", lambda *_: None)
    log_probs, labels, times, counts = drawn(1, 30, 3, 5, 4, 1.0)
    labels[:] = [1, 2, 3, 1]
    times[:] = 30
    log_probs[7, 1, 4] = log_probs[0, 2, 4] = -np.inf
    y, pullback = F.ctc_loss(log_probs, labels, times, counts)
    assert np.isfinite(y)
    assert np.argwhere(np.isnan(pullback()[0])).tolist() == [[0, 2, 4], [7, 1, 4]]
    log_probs[3, 0, 4] = np.nan
    _, pullback = F.ctc_loss(log_probs, labels, times, counts)
    assert np.isnan(pullback()[0][[0, 7], [2, 1], [4, 4]]).all()


def test_an_infinite_loss_has_no_derivative_even_where_a_sum_in_another_order_does_not_overflow():
    largest = np.finfo(np.float64).max
    small = 0.3 * (largest - np.nextafter(largest, 0))
    log_probs = -np.array([small, small, largest]).repeat(2).reshape(3, 1, 2)
    y, pullback = F.ctc_loss(log_probs, np.zeros((1, 0), int), [3], [0])
    assert y == np.inf
    assert np.isnan(pullback()[0]).all()


def test_a_cotangent_that_is_not_given_is_one():
    y, pullback = F.ctc_loss(*drawn(1, 30, 3, 5, 4, 1.0))
    np.testing.assert_array_equal(pullback()[0], pullback(y.dtype.type(1))[0])


@pytest.mark.parametrize("blank", [0, 3])
def test_what_a_row_of_targets_is_filled_up_with_counts_for_nothing(blank):
    log_probs, labels, times, counts = drawn(1, 30, 4, 5, 4, 1.0, blank)
    counts[:] = 0, 1, 2, 3
    expected = F.ctc_loss(log_probs, labels, times, counts, blank, "none")
    for filling in (-1, 5, blank, "the last label"):
        for i, count in enumerate(counts):
            labels[i, count:] = labels[i, count - 1] if filling == "the last label" else filling
        y, pullback = F.ctc_loss(log_probs, labels, times, counts, blank, "none")
        np.testing.assert_array_equal(y, expected[0])
        np.testing.assert_array_equal(pullback(np.ones(4))[0], expected[1](np.ones(4))[0])


@pytest.mark.parametrize(
    "form", [list, tuple, lambda a: list(a.astype(np.int16)), lambda a: a.astype(np.uint8)]
)
def test_lengths_may_be_any_sequence_of_integers(form):
    log_probs, labels, times, counts = drawn(1, 30, 3, 5, 4, 1.0)
    expected = F.ctc_loss(log_probs, labels, times, counts)[0]
    assert F.ctc_loss(log_probs, labels, form(times), form(counts))[0] == expected


@pytest.mark.parametrize(
    "form", [int, np.int64, np.array, lambda n: [n], lambda n: (n,), lambda n: np.array([n])]
)
def test_the_lengths_of_a_sequence_alone_may_be_numbers(form):
    log_probs, labels, _, _ = drawn(1, 30, 1, 5, 4, 1.0)
    expected = F.ctc_loss(log_probs, labels, np.array([27]), np.array([3]))[0]
    assert F.ctc_loss(log_probs[:, 0], labels, form(27), form(3))[0] == expected


def test_a_pullback_is_not_changed_by_later_calls_that_take_the_memory_kept():
    first, second = drawn(1, 90, 6, 5, 20, 1.0), drawn(2, 90, 6, 5, 20, 1.0)
    _, pullback = F.ctc_loss(*first)
    before = pullback()[0]
    alive = [F.ctc_loss(*second) for _ in range(3)]
    alive[1][1]()
    del alive
    F.ctc_loss(*second)[1]()
    np.testing.assert_array_equal(pullback()[0], before)


@pytest.mark.parametrize("sizes", [(300, 4, 2), (90, 6, 20)])  # by a matrix and by sums of slices
def test_what_the_memory_kept_held_before_counts_for_nothing(sizes, monkeypatch):
    n_times, n, longest = sizes
    drawing = drawn(1, n_times, n, 5, longest, 1.0)
    monkeypatch.setattr(_ctc_scaled, "_KEPT", [])
    expected, expected_pullback = F.ctc_loss(*drawing)
    expected_slopes = expected_pullback()[0]
    kept = np.full(1 << 20, np.nan)
    _ctc_scaled._KEPT[:] = [kept]
    del kept
    y, pullback = F.ctc_loss(*drawing)
    assert _ctc_scaled._KEPT[0].size == 1 << 20
    assert y == expected
    np.testing.assert_array_equal(pullback()[0], expected_slopes)


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(_ctc_scaled, "_KEPT", [])
    return _ctc_scaled._KEPT


def test_memory_is_lent_again_when_nothing_refers_to_it_any_more(kept):
    half = _ctc_scaled._BLOCK // 2
    lent = _ctc_scaled._borrow((half, 1), (2, half))
    assert [(a.shape, a.dtype) for a in lent] == [((half, 1), np.float64), ((2, half), np.float64)]
    assert not np.shares_memory(*lent)
    (memory,) = kept
    number = id(memory)
    assert all(a.base is memory for a in lent)
    del memory, lent
    for shape in ((3 * half,), (2 * half,)):  # of the same size, and smaller
        (again,) = _ctc_scaled._borrow(shape)
        assert again.shape == shape
        assert [id(a) for a in kept] == [id(again.base)] == [number]
        del again


def test_memory_that_something_refers_to_is_not_lent_again(kept):
    half = _ctc_scaled._BLOCK // 2
    lent = _ctc_scaled._borrow((half,), (half,))
    del lent[0]  # one is enough
    other = _ctc_scaled._borrow((half,), (half,))
    assert not np.shares_memory(lent[0], other[0])
    assert not np.shares_memory(lent[0], other[1])
    assert other[0].base is kept[0]
    assert len(kept) == 1


def test_memory_that_is_too_small_is_replaced(kept):
    size = _ctc_scaled._BLOCK
    _ctc_scaled._borrow((size,))
    assert [a.size for a in kept] == [size]
    _ctc_scaled._borrow((size + 1,))
    assert [a.size for a in kept] == [size + 1]


def test_little_memory_and_much_of_it_are_not_kept(kept, monkeypatch):
    monkeypatch.setattr(_ctc_scaled, "_MOST_KEPT", _ctc_scaled._BLOCK + 10)
    _ctc_scaled._borrow((_ctc_scaled._BLOCK - 1,))
    _ctc_scaled._borrow((_ctc_scaled._BLOCK + 11,))
    assert not kept
    _ctc_scaled._borrow((_ctc_scaled._BLOCK + 10,))
    assert len(kept) == 1


def test_the_matrix_that_is_kept_cannot_be_written_to():
    assert not _ctc_scaled._leading(3).flags.writeable


def test_the_scaled_scan_is_the_one_that_is_called(monkeypatch):
    called = []
    monkeypatch.setattr(_ctc, "scan_scaled", lambda *_: called.append(True))
    F.ctc_loss(*drawn(1, 30, 3, 5, 4, 1.0))
    assert called
