"""Losses at kinks, ties, zeros, infinities and of nothing are PyTorch's, number by number."""

import itertools

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet_crosscheck.catalogue import operations
from scratchnet_crosscheck.strategies import Setting, seeded_case

inf, nan = np.inf, np.nan
ERRORS = np.array([0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, inf, -inf, nan, 1e300, 1e-300])
ZEROS = np.zeros_like(ERRORS)
ONES = np.ones_like(ERRORS)
NO_LOGITS = np.array([0.0, 800.0, -800.0, inf, -inf, nan, 30.0, -30.0])
HALVES = np.array([0.0, 0.5, 1.0])
EDGES = np.array([0.0, 1.0, 0.5, 1e-60, 1e-10, 1.0 - 2.0**-40])
PAIRS = np.array([[1.0, 2.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1e200, 2.0], [1e-10, 2e-10], [inf, 0.0]])
OTHERS = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, -1.0], [1e200, 1.0], [1e-10, 1e-10], [1.0, 1.0]])
SCORES = np.array([[1.0, 0.0, 0.0, 2.0], [1.0, 1.0, nan, inf], [0.0, 0.0, 0.0, 0.0], [5.0, 1.0, -inf, 4.0]])
LISTS = np.array([[0, 2, -1, 1], [3, 3, 0, -1], [-1, 0, 1, 2], [1, 0, 3, 2]])


def call(name, *arrays, **options):
    return name, arrays, options


CALLS = [
    call("l1_loss", ERRORS, ZEROS),
    call("l1_loss", ERRORS, ERRORS),
    call("mse_loss", ERRORS, ZEROS),
    *(call("smooth_l1_loss", ERRORS, ZEROS, beta=beta) for beta in (1.0, 0.5, 0, inf, 1e300)),
    *(call("huber_loss", ERRORS, ZEROS, delta=delta) for delta in (1.0, 0.5, 2, inf)),
    *(
        call("poisson_nll_loss", NO_LOGITS, target * np.ones(8), log_input=log_input, full=full)
        for target in (0.0, 1.0, 1.5, 2.0, -1.0, inf, nan)
        for log_input in (True, False)
        for full in (True, False)
    ),
    *(
        call("gaussian_nll_loss", ERRORS, ZEROS, var * ONES, full=full, eps=eps)
        for var in (0.0, 1e-8, 1e-3, 1.0, inf, nan)
        for full in (True, False)
        for eps in (1e-6, 1e-3, 0.0)
    ),
    *(
        call("kl_div", NO_LOGITS, target * np.ones(8), log_target=log_target)
        for target in (0.0, 1.0, 0.25, -1.0, inf, -inf, nan, 800.0)
        for log_target in (True, False)
    ),
    *(call("binary_cross_entropy", EDGES, target * np.ones(6)) for target in (0.0, 1.0, 0.25)),
    *(
        call("binary_cross_entropy_with_logits", NO_LOGITS, target * np.ones(8))
        for target in (0.0, 1.0, 0.5, 2.0)
    ),
    *(
        call("margin_ranking_loss", ERRORS, ZEROS, sign * ONES, margin=margin)
        for sign in (1.0, -1.0, 0.0, 2.0)
        for margin in (0, 1.0, -0.5)
    ),
    *(
        call("hinge_embedding_loss", ERRORS, sign * ONES, margin=margin)
        for sign in (1.0, -1.0, 0.0, 0.5)
        for margin in (1.0, 2)
    ),
    *(call("soft_margin_loss", NO_LOGITS, sign * np.ones(8)) for sign in (1.0, -1.0, 0.0)),
    *(call("multilabel_soft_margin_loss", NO_LOGITS[:, None], t * np.ones((8, 1))) for t in (0.0, 1.0, 0.5)),
    *(
        call("multi_margin_loss", SCORES, np.full(4, label), p=p, margin=margin)
        for label in range(4)
        for p in (1, 2)
        for margin in (1.0, 0.5)
    ),
    call("multi_margin_loss", SCORES[0], np.array(1)),
    call("multi_margin_loss", SCORES[0], np.array([1])),
    call("multi_margin_loss", np.array(2.0), np.array(0)),
    call("multilabel_margin_loss", SCORES, LISTS),
    call("multilabel_margin_loss", SCORES[0], LISTS[3]),
    call("multilabel_margin_loss", np.array(2.0), np.array(0)),
    *(
        call("cosine_embedding_loss", PAIRS, OTHERS, np.full(7, sign), margin=margin)
        for sign in (1, -1, 0, 2)
        for margin in (0, 0.5, -1.0)
    ),
    *(
        call("triplet_margin_loss", PAIRS, other, OTHERS[::-1], margin=3.0, p=p, eps=eps, swap=swap)
        for other in (PAIRS, OTHERS, -PAIRS)
        for p in (2, 1, 3, 1.5, 0.5, 0, -1, inf, -inf)
        for eps in (0.0, 1e-6)
        for swap in (False, True)
    ),
    call(
        "triplet_margin_loss", np.array([0.0, 1.0]), np.array([0.0, -1.0]), np.array([1.0, 0.0]), eps=0.0,
        swap=True,
    ),
    call("triplet_margin_loss", np.array(0.0), np.array(1.0), np.array(0.5)),
    *(
        call("triplet_margin_loss", np.array([[1e200]]), np.array([[-1e200]]), np.array([[2e200]]), p=p)
        for p in (2, 3, 1, 0)
    ),
    call("triplet_margin_loss", np.ones((2, 0)), np.ones((2, 0)), np.ones((2, 0))),
]  # fmt: skip


@pytest.mark.parametrize("made", CALLS, ids=lambda made: made[0])
def test_values_and_gradients_are_pytorchs(made):
    torch = pytest.importorskip("torch")
    name, arrays, options = made
    torch_options = {**options, "reduction": "none"}
    tensors = [torch.from_numpy(np.array(a)) for a in arrays]
    fixed = {"soft_margin_loss": (1,), "hinge_embedding_loss": (1,)}.get(name, ())
    for i, tensor in enumerate(tensors):
        if tensor.is_floating_point() and i not in fixed:
            tensor.requires_grad_()
    theirs = getattr(torch.nn.functional, name)(*tensors, **torch_options)
    y, pullback = getattr(F, name)(*arrays, reduction="none", **options)
    close = {"rtol": 1e-13, "atol": 0, "equal_nan": True}
    np.testing.assert_allclose(y, theirs.detach().numpy(), **close)
    grads = pullback(np.ones_like(y))
    if theirs.requires_grad:
        theirs.sum().backward()
    for mine, array, tensor in zip(grads, arrays, tensors, strict=False):
        if mine is not None:
            found = np.zeros_like(array) if tensor.grad is None else tensor.grad.numpy()
            # Slopes of the size of 1 that cancel are left with a few of their roundings.
            np.testing.assert_allclose(mine, found, rtol=1e-11, atol=1e-15, equal_nan=True)
        else:
            assert tensor.grad is None or fixed


MEANS = [
    call("l1_loss", *(np.ones((0, 3)),) * 2),
    call("smooth_l1_loss", *(np.ones((0, 3)),) * 2),
    call("huber_loss", *(np.ones((0, 3)),) * 2),
    call("poisson_nll_loss", *(np.ones((0, 3)),) * 2),
    call("gaussian_nll_loss", *(np.ones((0, 3)),) * 3),
    call("kl_div", *(np.ones((0, 3)),) * 2),
    call("kl_div", *(np.ones((0, 3)),) * 2, reduction="batchmean"),
    call("binary_cross_entropy", *(np.ones((0, 3)),) * 2),
    call("binary_cross_entropy_with_logits", *(np.ones((0, 3)),) * 2),
    call("margin_ranking_loss", *(np.ones((0, 3)),) * 3),
    call("hinge_embedding_loss", *(np.ones((0, 3)),) * 2),
    call("soft_margin_loss", *(np.ones((0, 3)),) * 2),
    call("multilabel_soft_margin_loss", *(np.ones((0, 3)),) * 2),
    call("multi_margin_loss", np.ones((0, 3)), np.ones(0, int)),
    call("multilabel_margin_loss", np.ones((0, 3)), np.ones((0, 3), int)),
    call("cosine_embedding_loss", *(np.ones((0, 3)),) * 2, np.ones(0, int)),
    call("triplet_margin_loss", *(np.ones((0, 3)),) * 3),
    call("triplet_margin_with_distance_loss", *(np.ones((0, 3)),) * 3),
]


@pytest.mark.parametrize("made", MEANS, ids=lambda made: made[0])
def test_the_mean_of_nothing_is_nan_and_the_sum_0(made):
    name, arrays, options = made
    y, pullback = getattr(F, name)(*arrays, **options)
    assert np.isnan(y)
    assert pullback()[0].shape == (0, 3)
    assert getattr(F, name)(*arrays, reduction="sum")[0] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("var", [0.0, 0.3, 2.0])
def test_a_variance_that_is_a_number_is_that_of_all_and_has_no_derivative(var, dtype):
    x, target = np.array([[1.0, 2.0]], dtype), np.array([[0.0, 4.0]], dtype)
    y, pullback = F.gaussian_nll_loss(x, target, var)
    wanted, wanted_pullback = F.gaussian_nll_loss(x, target, np.full((1, 2), var, dtype))
    assert y == wanted
    assert y.dtype == dtype
    assert pullback()[2] is None
    np.testing.assert_array_equal(pullback()[0], wanted_pullback()[0])


def test_of_one_distribution_without_an_axis_of_samples_batchmean_is_the_sum():
    x, target = np.array(-1.0), np.array(0.25)
    y, pullback = F.kl_div(x, target, reduction="batchmean")
    wanted, wanted_pullback = F.kl_div(x, target, reduction="sum")
    assert y == wanted
    assert pullback() == wanted_pullback()


@pytest.mark.parametrize("shape", [(2, 1), (1, 3)])
def test_a_variance_shared_along_an_axis_is_that_of_all_along_it(shape):
    x, target = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]]), np.ones((2, 3))
    var = np.arange(1.0, 1 + max(shape)).reshape(shape)
    y, pullback = F.gaussian_nll_loss(x, target, var)
    wanted, wanted_pullback = F.gaussian_nll_loss(x, target, np.array(np.broadcast_to(var, (2, 3))))
    assert y == wanted
    dvar = wanted_pullback()[2].sum(axis=shape.index(1), keepdims=True)
    np.testing.assert_allclose(pullback()[2], dvar, rtol=0, atol=1e-15)  # up to three slopes, below 1


def test_a_variance_for_each_row_is_one_with_a_last_side_of_1():
    x, target, var = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]]), np.ones((2, 3)), np.array([0.5, 2.0])
    y, pullback = F.gaussian_nll_loss(x, target, var)
    wanted, wanted_pullback = F.gaussian_nll_loss(x, target, var[:, None])
    assert y == wanted
    for needs in itertools.product([True, False], repeat=3):
        *found, dvar = pullback(needs_input_grad=needs)
        *expected, column = wanted_pullback(needs_input_grad=needs)
        np.testing.assert_equal(found, expected)
        np.testing.assert_equal(dvar, None if column is None else column[:, 0])


@pytest.mark.parametrize(
    "name", ["l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "gaussian_nll_loss"]
)
def test_targets_of_integers_are_those_of_floats_without_a_derivative(name):
    x = np.array([0.5, 1.5], np.float32)
    more = (np.array([2.0, 0.25], np.float32),) if name == "gaussian_nll_loss" else ()
    y, pullback = getattr(F, name)(x, np.array([1, 3]), *more)
    wanted, wanted_pullback = getattr(F, name)(x, np.array([1, 3], np.float32), *more)
    assert y == wanted
    assert y.dtype == np.float32
    assert pullback()[1] is None
    np.testing.assert_array_equal(pullback()[0], wanted_pullback()[0])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("name", "power"), [("mse_loss", 2), ("l1_loss", 1)])
def test_weights_beside_a_larger_target_have_the_slopes_of_the_formula(name, power, reduction):
    torch = pytest.importorskip("torch")
    x, target = np.array([1.0, -2.0, 0.5]), np.array([[0.0, 1.0, 3.0], [2.0, -1.5, 0.25]])
    weight = np.array([0.5, 2.0, 1.0])
    y, pullback = getattr(F, name)(x, target, reduction=reduction, weight=weight)
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, target, weight)]
    total = (tensors[2] * (tensors[0] - tensors[1]).abs() ** power).sum()
    theirs = total / tensors[2].sum() if reduction == "mean" else total
    theirs.backward()
    np.testing.assert_allclose(y, theirs.item(), rtol=1e-14)
    for mine, tensor in zip(pullback(), tensors, strict=True):
        np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=1e-14, atol=1e-15)


def test_gradients_are_summed_back_where_both_arguments_were_broadcast():
    x, target = np.array([[-1.0], [-2.0]]), np.array([[0.25, 0.5, 0.25]])
    y, pullback = F.kl_div(x, target, reduction="sum")
    wide_x, wide_target = (np.array(np.broadcast_to(a, (2, 3))) for a in (x, target))
    wanted, wanted_pullback = F.kl_div(wide_x, wide_target, reduction="sum")
    assert y == wanted
    (dx, dtarget), (wide_dx, wide_dtarget) = pullback(), wanted_pullback()
    np.testing.assert_allclose(dx, wide_dx.sum(axis=1, keepdims=True), rtol=1e-15)
    np.testing.assert_allclose(dtarget, wide_dtarget.sum(axis=0, keepdims=True), rtol=1e-15)
    own = F.kl_div(wide_x, target, reduction="sum")[1]()[0]
    np.testing.assert_array_equal(own, wide_dx)
    assert own.flags.writeable


def test_a_pullback_is_told_of_each_argument_whether_its_gradient_is_needed():
    _, pullback = F.kl_div(np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="shorter"):
        pullback(needs_input_grad=(True,))


LOSSES = [
    name
    for family in ("loss", "loss_likelihood", "loss_margin", "loss_regression", "loss_triplet")
    for name in operations(family)
]


@pytest.mark.parametrize("name", LOSSES)
def test_the_cotangent_of_a_reduced_loss_is_1_where_none_is_given(name):
    for seed in range(10):
        case = seeded_case(operations()[name].draw, Setting(np.dtype(np.float64)), seed)
        _, pullback = getattr(F, name)(**case.given, **{**case.options, "reduction": "sum"})
        np.testing.assert_equal(pullback(), pullback(np.asarray(1.0)))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, inf, -inf])
def test_every_norm_of_triplets_is_taken_along_the_last_axis_and_keeps_the_dtype(p, shape):
    triplet = (np.ones(shape, np.float32), np.zeros(shape, np.float32), np.ones(shape, np.float32))
    y, pullback = F.triplet_margin_loss(*triplet, p=p, reduction="none")
    assert y.dtype == np.float32
    assert y.shape == shape[:-1]
    for gradient in pullback(np.ones(shape[:-1], np.float32)):
        assert gradient.dtype == np.float32
        assert gradient.shape == shape


# ---- a distance of one's own


def squared(a, b):
    def pullback(dy):
        da = 2 * dy[..., None] * (a - b)
        return da, -da

    return ((a - b) ** 2).sum(axis=-1), pullback


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("shape", [(3,), (4, 3)])
def test_triplets_take_a_distance_of_ones_own(shape, swap):
    torch = pytest.importorskip("torch")
    triplet = list(np.random.default_rng(0).integers(-8, 9, size=(3, *shape)) / 8)
    y, pullback = F.triplet_margin_with_distance_loss(
        *triplet, distance_function=squared, margin=2.0, swap=swap
    )
    tensors = [torch.from_numpy(array).requires_grad_() for array in triplet]
    theirs = torch.nn.functional.triplet_margin_with_distance_loss(
        *tensors, distance_function=lambda a, b: ((a - b) ** 2).sum(-1), margin=2.0, swap=swap
    )
    theirs.backward()
    assert y > 0
    np.testing.assert_allclose(y, theirs.item(), rtol=1e-14)
    for mine, tensor in zip(pullback(), tensors, strict=True):
        np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "distance",
    [
        np.subtract,
        lambda a, b: (*squared(a, b), None),
        lambda a, b: list(squared(a, b)),
        lambda a, b: (squared(a, b)[0],) * 2,
        lambda a, b: (1.0, squared(a, b)[1]),
        lambda a, b: (squared(a, b)[0].astype(np.float32), squared(a, b)[1]),
    ],
    ids=["an array alone", "three things", "a list", "no pullback", "a number of Python", "another dtype"],
)
def test_a_distance_of_ones_own_that_returns_something_else_is_refused_by_name(distance):
    with pytest.raises(TypeError) as caught:
        F.triplet_margin_with_distance_loss(*np.eye(3)[:, None], distance_function=distance)
    assert "triplet_margin_with_distance_loss: distance_function must return" in str(caught.value)
    assert "got distance_function=<" in str(caught.value)


def test_a_distance_of_ones_own_must_have_the_gradients_of_two_arrays():
    def three(a, b):
        value, pullback = squared(a, b)
        return value, lambda dy: (*pullback(dy), None)

    _, pullback = F.triplet_margin_with_distance_loss(*np.eye(3)[:, None], distance_function=three)
    with pytest.raises(ValueError, match="longer"):
        pullback()


# ---- ctc_loss


def by_enumeration(log_probs, labels, blank):
    """Return minus the log of the summed probabilities of all paths that collapse to the labels."""
    n_times, n_classes = log_probs.shape
    total = 0.0
    for path in itertools.product(range(n_classes), repeat=n_times):
        collapsed = [c for c, _ in itertools.groupby(path) if c != blank]
        if collapsed == list(labels):
            total += np.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
    with np.errstate(divide="ignore"):
        return -np.log(total)


@pytest.mark.parametrize("labels", [[], [1], [1, 2], [1, 1], [2, 1, 2]])
@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_is_the_sum_over_all_alignments(labels, blank):
    labels = [label if blank == 0 else label - 1 for label in labels]
    rng = np.random.default_rng(len(labels))
    log_probs = F.log_softmax(rng.normal(size=(4, 4)), 1)[0]
    y, _ = F.ctc_loss(log_probs, np.array(labels, int), 4, len(labels), blank, reduction="sum")
    np.testing.assert_allclose(y, by_enumeration(log_probs, labels, blank), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc_takes_labels_one_after_the_other_and_lengths_of_any_kind(reduction):
    torch = pytest.importorskip("torch")
    log_probs = F.log_softmax(np.random.default_rng(1).normal(size=(6, 3, 4)), 2)[0]
    padded = np.array([[1, 2, 2], [3, 99, -5], [7, 7, 7]])
    times, counts = [6, 5, 6], [3, 1, 0]
    y, pullback = F.ctc_loss(log_probs, padded, times, counts, reduction=reduction)
    one, one_pullback = F.ctc_loss(
        log_probs, np.array([1, 2, 2, 3], np.int32), np.array(times), tuple(counts), reduction=reduction
    )
    tensor = torch.from_numpy(log_probs).requires_grad_()
    theirs = torch.nn.functional.ctc_loss(
        tensor, torch.tensor([1, 2, 2, 3]), times, counts, reduction=reduction
    )
    dy = np.ones_like(y)
    theirs.backward(torch.from_numpy(np.asarray(dy)))
    np.testing.assert_array_equal(y, one)
    np.testing.assert_array_equal(pullback(dy)[0], one_pullback(dy)[0])
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(pullback(dy)[0], tensor.grad.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("value", [-inf, nan])
def test_ctc_of_what_is_impossible_is_pytorchs(zero, value):
    torch = pytest.importorskip("torch")
    log_probs = F.log_softmax(np.random.default_rng(1).normal(size=(5, 4, 3)), 2)[0]
    log_probs[2, 1, 1] = value
    log_probs[3, 3, 2] = value
    times, counts = [1, 5, 0, 5], [2, 2, 1, 0]
    targets = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])
    y, pullback = F.ctc_loss(log_probs, targets, times, counts, reduction="none", zero_infinity=zero)
    tensor = torch.from_numpy(log_probs).requires_grad_()
    theirs = torch.nn.functional.ctc_loss(
        tensor, torch.from_numpy(targets), times, counts, reduction="none", zero_infinity=zero
    )
    theirs.sum().backward()
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(pullback(np.ones(4))[0], tensor.grad.numpy(), rtol=0, atol=1e-14)


def test_behind_log_softmax_ctc_has_the_derivative_of_its_value():
    rng = np.random.default_rng(5)
    logits, step = rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 2, 3))
    targets = np.array([[1, 2], [1, 1]])

    def value(x):
        z, z_pullback = F.log_softmax(x, 2)
        y, pullback = F.ctc_loss(z, targets, [5, 4], [2, 2])
        return y, z_pullback(pullback()[0])[0]

    h = 1e-6
    slope = (value(logits + h * step)[0] - value(logits - h * step)[0]) / (2 * h)
    np.testing.assert_allclose((value(logits)[1] * step).sum(), slope, rtol=1e-7)
