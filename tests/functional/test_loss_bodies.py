"""Losses equal PyTorch's on drawn configurations, and the fast bodies the plain ones.

How far apart two right results may be, is said in units of the dtype's eps: each loss is a sum of at most a
few hundred terms, of magnitudes that `scale` names, each rounded a handful of times on either side.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import _activation, _loss, _softmax_fast

DTYPES = (np.float32, np.float64)
REDUCTIONS = ("none", "mean", "sum")


def assert_close(ours, theirs, units=64, what=""):
    """Compare by the largest magnitude of the reference, which is what rounding is relative to."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, what
    assert ours.dtype == theirs.dtype, what
    finite = theirs[np.isfinite(theirs)]
    scale = max(float(np.abs(finite).max()), 1.0) if finite.size else 1.0
    atol = units * float(np.finfo(theirs.dtype).eps) * scale
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, equal_nan=True, err_msg=what)


@st.composite
def class_shapes(draw):
    """(C,), (N, C) or (N, C, d1, ...), also without samples, and the axis of the classes."""
    classes = draw(st.integers(1, 7))
    lead = draw(st.sampled_from([(), (0,), (1,), (3,), (17,)]))
    rest = tuple(draw(st.lists(st.integers(1, 3), max_size=2))) if lead else ()
    return (*lead, classes, *rest), len(lead)


@st.composite
def logits(draw, shape, dtype):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = (rng.normal(size=shape) * draw(st.sampled_from([0.01, 1.0, 30.0]))).astype(dtype)
    return np.asfortranarray(x) if draw(st.booleans()) else x


@st.composite
def index_calls(draw):
    shape, axis = draw(class_shapes())
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = np.asarray(rng.integers(0, shape[axis], size=shape[:axis] + shape[axis + 1 :]))
    target = target.astype(draw(st.sampled_from([np.int64, np.int32, np.uint8, np.uint64])))
    ignore = draw(st.sampled_from([-100, 0, shape[axis] - 1]))
    weight = (rng.integers(1, 9, size=shape[axis]) / 4).astype(dtype) if draw(st.booleans()) else None
    options = {"weight": weight, "ignore_index": ignore, "reduction": draw(st.sampled_from(REDUCTIONS))}
    return draw(logits(shape, dtype)), target, options


def cotangent(y, seed=0):
    return np.asarray(np.random.default_rng(seed).integers(-8, 9, size=np.shape(y)) / 8, dtype=y.dtype)


def torch_gradients(torch, function, arrays, dy, **options):
    """Return PyTorch's value and the gradients of `arrays` (None where not a float)."""
    tensors = [
        None if a is None else torch.from_numpy(np.array(a, order="C")).requires_grad_(a.dtype.kind == "f")
        for a in arrays
    ]
    y = function(*tensors, **options)
    y.backward(torch.from_numpy(np.array(dy(y.detach().numpy()))))
    return y.detach().numpy(), [
        t.grad.numpy() if t is not None and t.grad is not None else None for t in tensors
    ]


@settings(deadline=None)
@given(index_calls(), st.sampled_from([0.0, 0.0, 0.25, 1.0]))
def test_cross_entropy_of_indices_equals_pytorch(call, smoothing):
    torch = pytest.importorskip("torch")
    x, target, options = call
    y, pullback = F.cross_entropy(x, target, **options, label_smoothing=smoothing)
    dx, dtarget, dweight = pullback(cotangent(y))
    weight = None if options["weight"] is None else torch.from_numpy(options["weight"])
    theirs, (twin_dx, _) = torch_gradients(
        torch,
        lambda a, t: torch.nn.functional.cross_entropy(
            a, t.long(), **{**options, "weight": weight}, label_smoothing=smoothing
        ),
        (x, target.astype(np.int64)),
        cotangent,
    )
    assert_close(y, theirs)
    assert_close(dx, twin_dx)
    assert dtarget is None
    assert dweight is None


@settings(deadline=None)
@given(index_calls())
def test_nll_loss_equals_pytorch(call):
    torch = pytest.importorskip("torch")
    x, target, options = call
    y, pullback = F.nll_loss(x, target, **options)
    dx, *nothing = pullback(cotangent(y))
    weight = None if options["weight"] is None else torch.from_numpy(options["weight"])
    theirs, (twin_dx, _) = torch_gradients(
        torch,
        lambda a, t: torch.nn.functional.nll_loss(a, t, **{**options, "weight": weight}),
        (x, target.astype(np.int64)),
        cotangent,
    )
    assert_close(y, theirs)
    assert_close(dx, twin_dx)
    assert nothing == [None, None]


@settings(deadline=None)
@given(st.data())
def test_cross_entropy_of_probabilities_equals_pytorch_in_all_gradients(data):
    torch = pytest.importorskip("torch")
    shape, axis = data.draw(class_shapes())
    dtype = data.draw(st.sampled_from(DTYPES))
    x = data.draw(logits(shape, dtype))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    target = (rng.integers(0, 9, size=shape) / 8).astype(dtype)
    weight = (rng.integers(1, 9, size=shape[axis]) / 4).astype(dtype) if data.draw(st.booleans()) else None
    options = {
        "reduction": data.draw(st.sampled_from(REDUCTIONS)),
        "label_smoothing": data.draw(st.sampled_from([0.0, 0.25, 1.0])),
    }
    y, pullback = F.cross_entropy(x, target, weight, **options)
    ours = pullback(cotangent(y))
    theirs, gradients = torch_gradients(
        torch,
        lambda a, t, w: torch.nn.functional.cross_entropy(a, t, w, **options),
        (x, target, weight),
        cotangent,
    )
    assert_close(y, theirs, 256)  # of up to 17 x 7 x 9 terms
    for name, our, their in zip(("dx", "dtarget", "dweight"), ours, gradients, strict=True):
        if their is None:
            assert our is None
        else:
            assert_close(our, their, 256, name)


@settings(deadline=None)
@given(st.data())
def test_mse_loss_equals_pytorch_in_all_gradients(data):
    torch = pytest.importorskip("torch")
    shape = tuple(data.draw(st.lists(st.integers(0, 4), max_size=3)))
    dtype = data.draw(st.sampled_from(DTYPES))
    reduction = data.draw(st.sampled_from(REDUCTIONS))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x, target = (np.asarray(rng.integers(-16, 17, size=shape) / 8, dtype=dtype) for _ in range(2))
    y, pullback = F.mse_loss(x, target, reduction=reduction)
    ours = pullback(cotangent(y))
    theirs, gradients = torch_gradients(
        torch,
        lambda a, t: torch.nn.functional.mse_loss(a, t, reduction=reduction),
        (x, target),
        cotangent,
    )
    assert_close(y, theirs)
    assert_close(ours[0], gradients[0])
    assert_close(ours[1], gradients[1])
    assert ours[2] is None

    # The weighted loss by its formula, differentiated by PyTorch.
    weight = np.asarray(rng.integers(1, 9, size=shape) / 4, dtype=dtype)
    y, pullback = F.mse_loss(x, target, reduction=reduction, weight=weight)
    ours = pullback(cotangent(y))

    def weighted(a, t, w):
        losses = w * (a - t) ** 2
        return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / w.sum()}[reduction]

    theirs, gradients = torch_gradients(torch, weighted, (x, target, weight), cotangent)
    assert_close(y, theirs)
    for name, our, their in zip(("dx", "dtarget", "dweight"), ours, gradients, strict=True):
        assert_close(our, their, what=name)


# The fast bodies.


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 80),
    st.sampled_from(DTYPES),
    st.sampled_from(REDUCTIONS),
    st.integers(0, 2**32),
    st.sampled_from([1.0, 30.0, 1e4]),
)
def test_fused_cross_entropy_equals_log_softmax_and_then_nll_loss(n, classes, dtype, reduction, seed, scale):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, classes)) * scale).astype(dtype)
    target = rng.integers(0, classes, size=n)
    y, pullback = _softmax_fast.cross_entropy_of_rows(x, target, reduction)
    plain, plain_pullback = _loss._cross_entropy_of_indices(x, target, None, -100, reduction, 0.0)
    assert_close(y, plain)
    dy = cotangent(plain)
    assert_close(pullback(dy)[0], plain_pullback(dy)[0])
    assert pullback(dy, (False, True, True)) == (None, None, None)


def test_the_plain_case_of_cross_entropy_takes_the_fused_body(monkeypatch):
    monkeypatch.setattr(_loss, "cross_entropy_of_rows", lambda *_: "fused")
    x, target = np.zeros((2, 3)), np.array([0, 2])
    assert F.cross_entropy(x, target) == "fused"
    assert F.cross_entropy(x, target, ignore_index=3) == "fused"
    for other in (
        F.cross_entropy(x, target, np.ones(3)),
        F.cross_entropy(x, target, label_smoothing=0.5),
        F.cross_entropy(x, target, ignore_index=0),
        F.cross_entropy(x, target, ignore_index=2),
        F.cross_entropy(x, np.array([0, -100])),
        F.cross_entropy(x, np.full((2, 3), 0.5)),
        F.cross_entropy(x[0], np.array(1)),
        F.cross_entropy(x[:0], target[:0]),
    ):
        assert other != "fused"


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 5), max_size=2),
    st.integers(1, 80),
    st.sampled_from(DTYPES),
    st.integers(0, 2**32),
    st.sampled_from(["softmax", "log_softmax"]),
)
def test_softmax_along_rows_equals_the_plain_body(lead, classes, dtype, seed, name):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(*lead, classes)) * 10).astype(dtype)
    y, pullback = getattr(_softmax_fast, f"{name}_of_rows")(x)
    plain, plain_pullback = getattr(_activation, f"_{name}_plain")(x, len(lead))
    dy = cotangent(y, 1)
    assert_close(y, plain)
    assert_close(pullback(dy)[0], plain_pullback(dy)[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "row",
    [
        [59.0, 58.0, -40.0],
        [61.0, 0.0, -3e4],
        [3e38, 3e38, -3e38],
        [-200.0, -201.0, -202.0],
        [-1e30, -1e30, -1e30],
        [-5.0, -6.0, -np.inf],
        [-np.inf, -np.inf, -np.inf],
        [np.inf, 0.0, 1.0],
        [np.nan, 0.0, 1.0],
    ],
)
def test_softmax_of_a_row_is_the_same_alone_and_beside_rows_of_another_size(row, dtype):
    others = np.array([[0.0, 1.0, 2.0], [-400.0, -401.0, -402.0], [55.0, 1.0, 0.0]], dtype)
    row = np.array([row], dtype)
    alone = _activation._softmax_plain(row, 1)[0]
    assert_close(_softmax_fast.softmax_of_rows(row)[0], alone)
    for i in range(3):
        both = np.concatenate([row, others[i : i + 1]])
        assert_close(_softmax_fast.softmax_of_rows(both)[0], _activation._softmax_plain(both, 1)[0])


@settings(deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 80),
    st.sampled_from(DTYPES),
    st.integers(0, 2**32),
    st.sampled_from([1.0, 10.0, 40.0, 300.0]),
    st.sampled_from([0.0, -30.0, -500.0, 70.0]),
)
def test_losses_of_many_rows_equal_those_of_few(n, classes, dtype, seed, scale, offset):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, classes)) * scale + offset).astype(dtype)
    spots = np.arange(n) * classes + rng.integers(0, classes, size=n)
    few, many = np.empty_like(x), np.empty_like(x)
    with np.errstate(over="ignore", divide="ignore"):  # as their caller has it
        losses, sums = _softmax_fast._losses_of_few(x, spots, few)
        other_losses, other_sums = _softmax_fast._losses_of_many(x, spots, many)
    # The differences from the maximum, of which one side takes the exponential, are rounded: so their size
    # counts.
    units = 64 * max(1.0, min(scale + abs(offset), 88.0))
    assert_close(other_losses, losses, units)
    assert_close(many / other_sums[:, None], few / sums[:, None], units)
    assert (other_losses >= 0).all()


def test_of_many_samples_one_that_is_right_beyond_doubt_has_no_loss_and_one_far_off_its_distance():
    x = np.zeros((100, 50), np.float32)
    x[:, 3] = 40
    x[7, 4] = -300
    y = F.cross_entropy(x, np.array([3] * 7 + [4] + [3] * 92), reduction="none")[0]
    assert y[7] == 340
    assert (np.delete(y, 7) == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(700, 1000), (9, 70_000), (40_000, 10)])
def test_blocks_of_rows_give_what_the_plain_bodies_give(shape, dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(dtype)
    dy = rng.normal(size=shape).astype(dtype)
    target = rng.integers(0, shape[1], size=shape[0])
    calls = [
        (_softmax_fast.softmax_of_rows(x), _activation._softmax_plain(x, 1), dy),
        (_softmax_fast.log_softmax_of_rows(x), _activation._log_softmax_plain(x, 1), dy),
        (
            _softmax_fast.cross_entropy_of_rows(x, target, "none"),
            _loss._cross_entropy_of_indices(x, target, None, -100, "none", 0.0),
            dy[:, 0],
        ),
    ]
    for (y, pullback), (plain, plain_pullback), cotangents in calls:
        # 70,000 terms a sum: their rounding errors, of random sign, add up to some hundred.
        assert_close(y, plain, 512)
        assert_close(pullback(cotangents)[0], plain_pullback(cotangents)[0], 512)


def test_the_ufunc_buffer_is_as_it_was_after_rows_of_a_thousand():
    before = np.getbufsize()
    y, pullback = F.softmax(np.zeros((4, 1000)), 1)
    pullback(y)
    F.cross_entropy(np.zeros((4, 1000)), np.zeros(4, int))[1]()
    assert np.getbufsize() == before


# Values at the edges.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e4, 1e38])
def test_extreme_logits_give_exact_losses_without_a_warning(size, dtype):
    x = np.array([[size, -size, 0.0], [-size, size, -size], [size, size, size]], dtype)
    y, pullback = F.cross_entropy(x, np.array([0, 0, 1]), reduction="none")
    np.testing.assert_array_equal(y, np.array([0.0, np.float64(dtype(size)) * 2, np.log(dtype(3))], dtype))
    dx = pullback(np.ones(3, dtype))[0]
    np.testing.assert_array_equal(dx[:2], [[0, 0, 0], [-1, 1, 0]])
    assert_close(dx[2], np.array([1, -2, 1], dtype) / dtype(3))
    with_options, plain_pullback = F.cross_entropy(
        x, np.array([0, 0, 1]), np.ones(3, dtype), reduction="none"
    )
    np.testing.assert_array_equal(with_options, y)
    assert_close(plain_pullback(np.ones(3, dtype))[0], dx)


def test_logits_too_far_apart_to_subtract_are_infinitely_wrong_without_a_warning():
    x = np.array([[3e38, -3e38]], np.float32)
    for weight in (None, np.ones(2, np.float32)):
        y, pullback = F.cross_entropy(x, np.array([1]), weight)
        assert y == np.inf
        assert pullback()[0].tolist() == [[1.0, -1.0]]


def test_probabilities_as_target_overflow_to_infinity_without_a_warning():
    x = np.array([[3e38, -3e38], [0.0, -1e38], [0.0, -np.inf]], np.float32)
    target = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]], np.float32)
    weight = np.array([100.0, 100.0], np.float32)
    y, pullback = F.cross_entropy(x, target, weight, reduction="none")
    assert np.isinf(y[:2]).all()
    assert np.isnan(y[2])  # 0 times infinity, as in PyTorch
    huge = np.array([3e38, np.inf, 1.0], np.float32)
    dx, dtarget, dweight = pullback(huge)
    assert not np.isfinite(dx[1]).all()
    assert not np.isfinite(dtarget[1]).all()
    assert not np.isfinite(dweight).all()
    with_labels, pullback = F.cross_entropy(
        x, np.array([1, 1, 0]), weight, reduction="none", label_smoothing=0.5
    )
    assert not np.isfinite(with_labels[:2]).any()
    assert not np.isfinite(pullback(huge)[0][:2]).all()


def test_weighted_losses_overflow_to_infinity_without_a_warning():
    x, weight = np.array([[-3e38, 1.0], [-np.inf, 1.0]], np.float32), np.array([100.0, 0.0], np.float32)
    y, pullback = F.nll_loss(x, np.array([0, 0]), weight, reduction="none")
    assert np.isinf(y).all()
    assert np.isinf(pullback(np.array([3e38, np.inf], np.float32))[0][:, 0]).all()
    _, pullback = F.nll_loss(x, np.array([1, 1]), weight, reduction="none")
    assert np.isnan(pullback(np.full(2, np.inf, np.float32))[0][:, 1]).all()
    assert np.isnan(F.cross_entropy(x, np.array([0, 0]), np.array([0.0, 1.0], np.float32))[0])
    x, target = np.array([3e38, np.inf, np.inf], np.float32), np.array([-3e38, 0.0, np.inf], np.float32)
    weight = np.array([100.0, 0.0, 1.0], np.float32)
    y, pullback = F.mse_loss(x, target, reduction="none", weight=weight)
    assert np.isinf(y[0])
    assert np.isnan(y[1:]).all()
    for gradient in pullback(np.array([3e38, 1.0, 1.0], np.float32)):
        assert not np.isfinite(gradient).any()


def test_of_no_classes_the_mean_is_nan_and_the_sum_zero():
    nothing = np.zeros((2, 0))
    assert np.isnan(F.cross_entropy(nothing, nothing)[0])
    y, pullback = F.cross_entropy(nothing, nothing, reduction="sum", label_smoothing=0.5)
    assert y == 0
    assert pullback()[0].shape == (2, 0)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_special_logits_propagate_as_in_pytorch(special):
    torch = pytest.importorskip("torch")
    x = np.array([[special, 0.0, 1.0], [0.0, 1.0, 2.0]])
    target = np.array([1, 2])
    y, pullback = F.cross_entropy(x, target, reduction="none")
    theirs, (twin_dx, _) = torch_gradients(
        torch, torch.nn.functional.cross_entropy, (x, target), np.ones_like, reduction="none"
    )
    assert_close(y, theirs)
    assert_close(pullback(np.ones(2))[0], twin_dx)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_mean_of_nothing_is_nan_and_its_gradient_zero(dtype):
    nothing = np.zeros((0, 3), dtype)
    labels = np.zeros(0, int)
    for y, pullback in (
        F.cross_entropy(nothing, labels),
        F.cross_entropy(nothing, nothing),
        F.nll_loss(nothing, labels),
        F.mse_loss(nothing, nothing),
    ):
        assert np.isnan(y)
        assert y.dtype == dtype
        assert pullback()[0].shape == (0, 3)
    ignored = np.full(2, -100)
    for y, pullback in (
        F.cross_entropy(np.ones((2, 3), dtype), ignored),
        F.cross_entropy(np.ones((2, 3), dtype), ignored, label_smoothing=0.5),
        F.nll_loss(np.ones((2, 3), dtype), ignored, np.ones(3, dtype)),
    ):
        assert np.isnan(y)
        assert y.dtype == dtype
        np.testing.assert_array_equal(pullback()[0], np.zeros((2, 3)))
    assert F.cross_entropy(nothing, labels, reduction="sum")[0] == 0
    assert F.cross_entropy(nothing, labels, reduction="none")[0].shape == (0,)


def test_an_ignored_target_hides_an_infinite_log_probability_but_a_weight_of_zero_does_not():
    x = np.array([[-np.inf, -1.0], [-2.0, -1.0]])
    ignored, pullback = F.nll_loss(x, np.array([0, 1]), ignore_index=0)
    assert ignored == 1.0
    assert pullback()[0].tolist() == [[0.0, 0.0], [0.0, -1.0]]
    assert np.isnan(F.nll_loss(x, np.array([0, 1]), np.array([0.0, 1.0]))[0])


def test_half_and_extended_precision_run_through_the_plain_body():
    for dtype in (np.float16, np.longdouble):
        y, pullback = F.cross_entropy(np.zeros((2, 4), dtype), np.array([0, 1]))
        assert y.dtype == dtype
        assert abs(float(y) - np.log(4)) < 2 * float(np.finfo(np.float16).eps)
        assert pullback()[0].dtype == dtype


# Memory.


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.25}, {"weight": np.array([1.0, 2.0, 3.0])}])
def test_nothing_is_written_shared_or_different_the_second_time(options, reduction):
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(6, 3)), rng.integers(0, 3, size=6)
    for array in (x, target):
        array.flags.writeable = False
    y, pullback = F.cross_entropy(x, target, **options, reduction=reduction)
    dense = np.asarray(rng.normal(size=np.shape(y)))
    dx = pullback(dense)[0]
    assert not np.shares_memory(dx, x)
    assert not np.shares_memory(dx, y)
    again = pullback(dense)[0]
    assert not np.shares_memory(dx, again)
    np.testing.assert_array_equal(dx, again)
    if reduction == "none":
        strided = np.zeros(12)
        strided[::2] = dense
        strided.flags.writeable = False
        np.testing.assert_array_equal(pullback(strided[::2])[0], dx)
        same = np.broadcast_to(np.float64(0.5), 6)
        np.testing.assert_array_equal(pullback(same)[0], pullback(np.full(6, 0.5))[0])
    backwards = F.cross_entropy(x[::-1], target[::-1], **options, reduction=reduction)[1]
    np.testing.assert_allclose(backwards(dense[::-1] if dense.ndim else dense)[0][::-1], dx, rtol=1e-15)


def test_a_cotangent_is_one_where_none_is_given_and_may_be_a_number():
    labels, soft = np.array([0, 1, 1]), np.full((3, 3), 0.25)
    for y, pullback in (
        F.cross_entropy(np.eye(3), labels),
        F.cross_entropy(np.eye(3), labels, label_smoothing=0.5),
        F.cross_entropy(np.eye(3), soft),
        F.nll_loss(np.eye(3), labels),
        F.mse_loss(np.eye(3), soft),
        F.smooth_l1_loss(np.eye(3), soft),
    ):
        np.testing.assert_array_equal(pullback()[0], pullback(np.asarray(1.0))[0])
        np.testing.assert_array_equal(pullback(y.dtype.type(2))[0], 2 * pullback()[0])


# What is refused.

REFUSED = {
    "a label too large": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.array([0, 3])), ValueError, ["[0, 2]", "target[1]=3"]
    ),
    "a negative label": (
        lambda: F.nll_loss(np.zeros((2, 3)), np.array([-1, 0])), ValueError, ["[0, 2]", "target[0]=-1"]
    ),
    "a label too large in K dimensions": (
        lambda: F.cross_entropy(np.zeros((1, 3, 2)), np.array([[0, 7]])), ValueError, ["target[0, 1]=7"]
    ),
    "an 8-bit label that would be right as an unsigned one": (
        lambda: F.cross_entropy(np.zeros((1, 300)), np.array([-1], np.int8)), ValueError, ["target[0]=-1"]
    ),
    "a 64-bit label that would be negative as a signed one": (
        lambda: F.cross_entropy(np.zeros((1, 3)), np.array([2**64 - 1], np.uint64)), ValueError, ["target[0]"]
    ),
    "one-hot integers": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.eye(3, dtype=int)[:2]), ValueError,
        ["one-hot", "argmax(1)", "astype"],
    ),
    "labels for another batch": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros(3, int)), ValueError, ["target", "(2,)", "(3,)"]
    ),
    "a list of labels": (lambda: F.cross_entropy(np.zeros((2, 3)), [0, 1]), TypeError, ["target", "list"]),
    "float labels": (lambda: F.nll_loss(np.zeros((2, 3)), np.zeros(2)), TypeError, ["target", "integer"]),
    "probabilities in another dtype": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros((2, 3), np.float32)), TypeError, ["target"]
    ),
    "a class left out of probabilities": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros((2, 3)), ignore_index=0), ValueError,
        ["ignore_index=0"],
    ),
    "an unknown reduction": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros(2, int), reduction="avg"), ValueError, ["'avg'"]
    ),
    "a target that does not broadcast": (
        lambda: F.mse_loss(np.zeros((2, 3)), np.zeros(2)), ValueError, ["target", "(2,)", "(2, 3)"]
    ),
    "a reduction at the place of size_average": (
        lambda: F.mse_loss(np.zeros(3), np.zeros(3), "sum", np.ones(3)), ValueError,
        ["size_average and reduce", "use reduction='sum'"],
    ),
    "a weight that would be broadcast": (
        lambda: F.mse_loss(np.zeros(3), np.zeros(3), weight=np.ones(1)), ValueError, ["weight", "(1,)"]
    ),
    "a cotangent of another shape": (
        lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros(2, int))[1](np.ones(2)), ValueError,
        ["cross_entropy's pullback", "()", "(2,)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_function_the_place_and_the_range(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
