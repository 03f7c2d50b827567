"""Loss layers against their twins of torch.nn, and what the twins do not ask."""

from dataclasses import dataclass

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

import scratchnet.functional as F
from scratchnet import nn

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # of kl_div

WEIGHT = np.array([0.5, 1.0, 2.0])
ROWS = np.ones((2, 3))
SIGNS = np.array([[1, -1, 1], [-1, 1, 1]])
REDUCTIONS = ("sum", "none")


@dataclass(frozen=True)
class Loss(Twin):
    """The twin of a loss."""

    loss: bool = True


def loss(name, draw, operation, *refusals, inputs=(ROWS, ROWS), deprecated=True, **more):
    """Return a loss's twin with the refusals that all losses have."""
    common = [Refusal("an unknown reduction", call(reduction="average"), ("reduction", "'average'"), inputs)]
    if deprecated:
        common += [
            Refusal(
                "size_average", call(size_average=False), ("size_average", "reduction='sum'"),
                only_ours="deprecated",
            ),
            Refusal("reduce", call(reduce=False), ("reduce", "reduction='none'"), only_ours="deprecated"),
        ]  # fmt: skip
    return Loss(name, draw, operation, [*common, *refusals], **more)


def _shape(d):
    return d.one_of((d.batch(),), (), (d.batch(), d.side(), d.side()))


def _weight(d, *shape):
    return {"weight": d.array(*shape, positive=True, plain=True)} if d.flag() else {}


def _fractions(d, *shape):
    return np.asarray((d.labels(*shape, classes=7) + 1) / 8).astype(d.setting.dtype)


def _signs(d, *shape):
    return np.asarray(d.labels(*shape, classes=2) * 2 - 1)


def real(**choices):
    """Draw predictions and targets of one shape."""

    def draw(d):
        shape = _shape(d)
        return call(**options(d, reduction=REDUCTIONS, **choices)), d.array(*shape), d.array(*shape)

    return draw


def classes(d):
    n, spatial = d.side(1, 5), d.sides(d.one_of(0, 0, 1))
    batch = d.samples()
    spatial = spatial if batch else ()
    made = options(d, reduction=REDUCTIONS, ignore_index=(0, -1))
    target = d.labels(*batch, *spatial, classes=n, ignore=made.get("ignore_index", -100))
    return n, made, d.array(*batch, n, *spatial), target


def cross_entropy(d):
    n, made, x, target = classes(d)
    made = {**_weight(d, n), **made, **options(d, label_smoothing=(0.25, 1.0))}
    if "ignore_index" not in made and d.flag():
        target = d.array(*x.shape, positive=True, plain=True)
    return call(**made), x, target


def nll(d):
    n, made, x, target = classes(d)
    return call(**_weight(d, n), **made), x, target


def poisson(d):
    shape = _shape(d)
    made = options(d, log_input=(False,), full=(True,), eps=(0.125,), reduction=REDUCTIONS)
    return call(**made), d.array(*shape, positive=True), d.array(*shape, positive=True)


def gaussian(d):
    shape = _shape(d)
    of_var = d.one_of(shape, shape[:-1]) if shape else shape
    made = options(d, full=(True,), eps=(0.5,), reduction=REDUCTIONS)
    return call(**made), d.array(*shape), d.array(*shape), d.array(*of_var, positive=True)


def kl(d):
    shape = _shape(d)
    made = options(d, reduction=(*REDUCTIONS, "batchmean"), log_target=(True,))
    return call(**made), d.array(*shape), _fractions(d, *shape)


def bce(d):
    shape = _shape(d)
    made = {**_weight(d, *shape), **options(d, reduction=REDUCTIONS)}
    return call(**made), _fractions(d, *shape), _fractions(d, *shape)


def bce_with_logits(d):
    shape = _shape(d)
    made = {**_weight(d, *shape), **options(d, reduction=REDUCTIONS)}
    if d.flag():
        made["pos_weight"] = d.array(*shape[1:], positive=True, plain=True)
    return call(**made), d.array(*shape), _fractions(d, *shape)


def ranking(d):
    shape = _shape(d)
    made = options(d, margin=(0.5, 1), reduction=REDUCTIONS)
    return call(**made), d.array(*shape), d.array(*shape), _signs(d, *shape)


def signed(**choices):
    def draw(d):
        shape = _shape(d)
        return call(**options(d, reduction=REDUCTIONS, **choices)), d.array(*shape), _signs(d, *shape)

    return draw


def scores(d):
    return (*d.samples(), d.side())


def multilabel_soft(d):
    shape = scores(d)
    made = {**_weight(d, shape[-1]), **options(d, reduction=REDUCTIONS)}
    return call(**made), d.array(*shape), d.labels(*shape, classes=2)


def multi(d):
    shape = (d.batch(low=1), d.side()) if d.setting.sizes == "ordinary" else (1, 2)
    made = {**options(d, p=(2,), margin=(0.5, 2.0), reduction=REDUCTIONS), **_weight(d, shape[-1])}
    return call(**made), d.array(*shape), d.labels(shape[0], classes=shape[1])


def multilabel(d):
    shape = scores(d)
    made = options(d, reduction=REDUCTIONS)
    return call(**made), d.array(*shape), d.labels(*shape, classes=shape[-1], ignore=-1)


def cosine(d):
    shape = (*d.samples(), d.side(2))
    made = options(d, margin=(0.5,), reduction=REDUCTIONS)
    return call(**made), d.array(*shape), d.array(*shape), _signs(d, *shape[:-1])


def triplet(**choices):
    def draw(d):
        shape = (*d.samples(), d.side(2))
        made = options(d, margin=(0.5, 4.0), swap=(True,), reduction=REDUCTIONS, **choices)
        return call(**made), d.array(*shape), d.array(*shape), d.array(*shape)

    return draw


def ctc(d):
    n, n_classes, longest = d.integer(1, 3), d.side(2, 4), d.integer(1, 3)
    times = 2 * longest + d.integer(1, 2)
    logits = np.clip(d.array(times, n, n_classes).astype(np.float64), -4, 4)
    log_probs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    made = options(d, blank=(n_classes - 1,), reduction=REDUCTIONS, zero_infinity=(True,))
    targets = d.labels(n, longest, classes=n_classes - 1)
    targets += targets >= made.get("blank", 0)
    counts = d.labels(n, classes=longest + 1)
    return call(**made), log_probs.astype(d.setting.dtype), targets, times - d.labels(n, classes=2), counts


UNIFORM = np.log(np.full((4, 2, 3), 1 / 3))
LABELS = np.array([[1, 2], [2, 1]])
OTHER_SHAPE = Refusal("a target of another shape", call(), ("target", "(2, 1)"), (ROWS, np.ones((2, 1))))
NO_BROADCAST = Refusal("no broadcasting", call(), ("target", "(2, 4)"), (ROWS, np.ones((2, 4))))
BAD_LABEL = Refusal("a class too many", call(), ("target[1]=3", "[0, 2]"), (ROWS, np.array([0, 3])))

TWINS = [
    loss("CrossEntropyLoss", cross_entropy, "cross_entropy", BAD_LABEL, inputs=(ROWS, np.array([0, 1]))),
    loss("NLLLoss", nll, "nll_loss", BAD_LABEL, inputs=(ROWS, np.array([0, 1]))),
    loss("MSELoss", real(), "mse_loss", NO_BROADCAST),
    loss("L1Loss", real(), "l1_loss", NO_BROADCAST),
    loss("SmoothL1Loss", real(beta=(0.5, 0.0)), "smooth_l1_loss", NO_BROADCAST,
         Refusal("a negative beta", call(beta=-1.0), ("beta", "-1.0"), (ROWS, ROWS))),
    loss("HuberLoss", real(delta=(0.5, 2.0)), "huber_loss", NO_BROADCAST,
         Refusal("delta 0", call(delta=0.0), ("delta", "0.0"), (ROWS, ROWS)), deprecated=False),
    loss("PoissonNLLLoss", poisson, "poisson_nll_loss", NO_BROADCAST),
    loss("GaussianNLLLoss", gaussian, "gaussian_nll_loss",
         Refusal("a negative variance", call(), ("variance", "-1.0"), (ROWS, ROWS, -ROWS)),
         Refusal("other variances", call(), ("var", "(2,)"), (np.ones((3, 3)), np.ones((3, 3)), np.ones(2))),
         inputs=(ROWS, ROWS, ROWS), deprecated=False, predictions=(0, 2)),
    loss("KLDivLoss", kl, "kl_div", NO_BROADCAST),
    loss("BCELoss", bce, "binary_cross_entropy", OTHER_SHAPE,
         Refusal("no probability", call(), ("x[0, 0]=2.0", "[0, 1]"), (2 * ROWS, ROWS))),
    loss("BCEWithLogitsLoss", bce_with_logits, "binary_cross_entropy_with_logits", OTHER_SHAPE),
    loss("MarginRankingLoss", ranking, "margin_ranking_loss",
         Refusal("other dimensions", call(), ("input2", "(3,)"), (ROWS, np.ones(3), SIGNS)),
         inputs=(ROWS, ROWS, SIGNS), predictions=(0, 1)),
    loss("HingeEmbeddingLoss", signed(margin=(0.5, 2.0)), "hinge_embedding_loss", NO_BROADCAST,
         inputs=(ROWS, SIGNS)),
    loss("SoftMarginLoss", signed(), "soft_margin_loss", NO_BROADCAST, inputs=(ROWS, SIGNS)),
    loss("MultiLabelSoftMarginLoss", multilabel_soft, "multilabel_soft_margin_loss", NO_BROADCAST),
    loss("MultiMarginLoss", multi, "multi_margin_loss", BAD_LABEL,
         Refusal("p 3", call(3), ("p", "3")),
         Refusal("a matrix of weights", call(weight=ROWS), ("weight", "(2, 3)")),
         inputs=(ROWS, np.array([0, 1]))),
    loss("MultiLabelMarginLoss", multilabel, "multilabel_margin_loss",
         Refusal("a class too many", call(), ("target[0, 0]=3", "[0, 2]"), (ROWS, np.full((2, 3), 3))),
         inputs=(ROWS, LABELS[:, [0, 1, 1]])),
    loss("CosineEmbeddingLoss", cosine, "cosine_embedding_loss",
         Refusal("one target for two", call(), ("target", "()"), (ROWS, ROWS, np.array(1))),
         inputs=(ROWS, ROWS, np.array([1, -1])), predictions=(0, 1)),
    loss("TripletMarginLoss", triplet(p=(1.0, 3.0), eps=(0.125,)), "triplet_margin_loss",
         Refusal("no margin", call(margin=0.0), ("margin", "0.0")),
         inputs=(ROWS, ROWS, ROWS), predictions=(0, 1, 2)),
    loss("TripletMarginWithDistanceLoss", triplet(), "triplet_margin_with_distance_loss",
         Refusal("no margin", call(margin=0.0), ("margin", "0.0")),
         inputs=(ROWS, ROWS, ROWS), deprecated=False, predictions=(0, 1, 2)),
    loss("CTCLoss", ctc, "ctc_loss",
         Refusal("a blank too many", call(3), ("blank", "3"), (UNIFORM, LABELS, [4, 4], [2, 2])),
         Refusal("too long", call(), ("input_lengths", "5"), (UNIFORM, LABELS, [5, 4], [2, 2])),
         Refusal("a label too many", call(), ("label=3",), (UNIFORM, LABELS + 1, [4, 4], [2, 2]),
                 only_ours="PyTorch reads what lies beyond"),
         inputs=(UNIFORM, LABELS, [4, 4], [2, 2]), deprecated=False),
]  # fmt: skip


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"])
def test_the_weight_is_a_buffer_of_its_own_that_goes_both_ways(name):
    torch = pytest.importorskip("torch")
    weight = WEIGHT.copy()
    ours = getattr(nn, name)(weight)
    twin = getattr(torch.nn, name)(torch.ones(3, dtype=torch.float64))
    assert list(ours.state_dict()) == list(twin.state_dict()) == ["weight"]
    assert ours.params == {}
    twin.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    np.testing.assert_array_equal(twin.weight.numpy(), WEIGHT)
    ours.load_state_dict({"weight": np.full(3, 7.0)})
    np.testing.assert_array_equal(ours.buffers["weight"], np.full(3, 7.0))
    np.testing.assert_array_equal(weight, WEIGHT)  # what was given to the constructor is not written to


def test_a_weight_that_is_not_an_array_is_refused():
    with pytest.raises(TypeError, match="NLLLoss: weight must be a NumPy array"):
        nn.NLLLoss([1.0, 2.0])


def test_huber_loss_refuses_a_delta_that_is_not_a_number_when_it_is_made():
    for wrong in (1j, "1", None):
        with pytest.raises(TypeError, match="HuberLoss: delta must be a number"):
            nn.HuberLoss(delta=wrong)


def test_without_input_gradient_backward_returns_none():
    criterion = nn.CrossEntropyLoss()
    criterion(np.zeros((2, 3)), np.array([0, 1]))
    assert criterion.backward(needs_input_grad=False) is None


def test_a_distance_may_be_a_function_with_its_pullback_or_a_layer():
    def difference(a, b):
        def pullback(dy, needs_input_grad=(True, True)):
            return dy[:, None] * np.ones_like(a), -dy[:, None] * np.ones_like(b)

        return (a - b).sum(axis=1), pullback

    class Difference(nn.Layer):
        _inputs = 2

        def forward(self, a, b):
            return self._keep(difference(a, b))

    rng = np.random.default_rng(0)
    triplet = [rng.normal(size=(4, 3)) for _ in range(3)]
    for swap in (False, True):
        one = nn.TripletMarginWithDistanceLoss(distance_function=difference, swap=swap)
        other = nn.TripletMarginWithDistanceLoss(distance_function=Difference(), swap=swap)
        assert one(*triplet) == other(*triplet)
        for mine, theirs in zip(one.backward(), other.backward(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert repr(other) == "TripletMarginWithDistanceLoss(\n  (distance_function): Difference()\n)"
    with pytest.raises(ValueError, match="without parameters"):
        nn.TripletMarginWithDistanceLoss(distance_function=nn.Linear(2, 2))
    with pytest.raises(TypeError, match="its pullback"):
        F.triplet_margin_with_distance_loss(*triplet, distance_function=np.subtract)
