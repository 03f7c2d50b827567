"""What no operation of the catalogue shows: explanations of layers and formulas written out here."""

from types import SimpleNamespace

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet_crosscheck.case import Case
from scratchnet_crosscheck.diagnoses import Evidence, explain
from scratchnet_crosscheck.oracles.golden import Golden

BACKWARD = "backward_equals_the_reference"


class Pair:
    """A runner or a reference: a formula and its vector-Jacobian product."""

    def __init__(self, value, gradients, name="by hand"):
        self.value, self.gradients, self.name = value, gradients, name

    def forward(self, case):
        return (np.asarray(self.value(**case.given)),)

    def vjp(self, case, cotangents):
        found = self.gradients(cotangents[0], **case.given)
        return tuple(None if s not in found else np.asarray(found[s]) for s in case.slots)


def said(subject, reference, draw, part, check=BACKWARD, failing=None):
    case = draw(0) if failing is None else failing
    dys = tuple(np.asarray(1.5 + np.arange(y.size).reshape(y.shape)) for y in reference.forward(case))
    return explain(Evidence(check, subject, reference, case, dys, part, None, None, draw))


def entropy(x, target):
    return -(target * np.log(x) + (1 - target) * np.log(1 - x)).mean()


def entropy_back(dy, x, target, eps=0.0):
    return {"x": dy * ((1 - target) / (1 - x + eps) - target / (x + eps)) / x.size}


def probabilities(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, 2))
    x, target = rng.uniform(0.05, 0.95, shape), rng.integers(0, 2, shape).astype(float)
    return Case("binary_cross_entropy", {"x": x, "target": target}, {}, ("x",), ("loss",))


ENTROPY = Pair(entropy, entropy_back)


def test_an_epsilon_in_the_logarithm_of_both_passes_is_a_convention():
    eps = 1e-3

    def log(x, target):
        return -(target * np.log(x + eps)).mean()

    def log_back(dy, x, target, eps=eps):
        return {"x": -dy * target / (x + eps) / x.size}

    exact = Pair(lambda x, target: -(target * np.log(x)).mean(), lambda dy, **a: log_back(dy, **a, eps=0.0))
    found = said(Pair(log, log_back), exact, probabilities, "dx")
    assert [key for key, _ in found] == ["convention:epsilon"]


def test_an_epsilon_in_the_backward_pass_alone_is_a_slip():
    def log_back(dy, x, target, eps=1e-3):
        return {"x": -dy * target / (x + eps) / x.size}

    value = lambda x, target: -(target * np.log(x)).mean()  # noqa: E731 - a formula
    exact = Pair(value, lambda dy, **a: log_back(dy, **a, eps=0.0))
    assert said(Pair(value, log_back), exact, probabilities, "dx")[0][0] == "additive_epsilon"


def test_probabilities_that_are_clipped_are_said_to_be_and_from_where_on():
    def clipped(dy, x, target):
        return entropy_back(dy, np.clip(x, 1e-4, 1 - 1e-4), target)

    case = Case(
        "binary_cross_entropy",
        {"x": np.array([[1e-6, 0.5], [0.25, 1e-7]]), "target": np.array([[1.0, 0.0], [1.0, 1.0]])},
        {},
        ("x",),
        ("loss",),
    )
    found = said(Pair(entropy, clipped), ENTROPY, probabilities, "dx", failing=case)
    assert found[0] == ("clipped", "values below 0.0001 are clipped")


def rows(dy, ids, weight, add=np.add):
    out = np.zeros_like(weight)
    if add is np.add:
        np.add.at(out, ids, dy)
    else:
        out[ids] = dy
    return {"weight": out}


def looked_up(seed):
    rng = np.random.default_rng(seed)
    arrays = {"ids": rng.integers(0, 5, rng.integers(1, 7)), "weight": rng.normal(size=(5, 3))}
    return Case("embedding", arrays, {}, ("weight",))


def test_a_repeated_index_is_told_from_the_others():
    look_up = lambda ids, weight: weight[ids]  # noqa: E731 - a formula
    wrong = Pair(look_up, lambda dy, **a: rows(dy, **a, add=None))
    failing = Case("embedding", {"ids": np.array([1, 1, 2]), "weight": np.ones((5, 3))}, {}, ("weight",))
    found = said(wrong, Pair(look_up, rows), looked_up, "dweight", failing=failing)
    assert [key for key, _ in found] == ["wrong_for_repeated_index"]


def test_digits_that_cancel_far_from_zero_are_said_to():
    def by_squares(x):
        var = (x * x).mean(-1, keepdims=True) - x.mean(-1, keepdims=True) ** 2
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(np.maximum(var, 0) + 1e-5)

    def right(x):
        return F.layer_norm(x, x.shape[-1:])[0]

    def back(dy, x):
        return {"x": F.layer_norm(x, x.shape[-1:])[1](dy)[0]}

    def draw(seed):
        rng = np.random.default_rng(seed)
        return Case("layer_norm", {"x": rng.normal(size=(3, 4))}, {"eps": 1e-5}, ("x",))

    far = draw(1).map(lambda _, x: x + 2.0**26)
    found = said(
        Pair(by_squares, back), Pair(right, back), draw, "y", "extreme_values_equal_the_reference", far
    )
    assert [key for key, _ in found] == ["cancellation"]


def steps(x, h, weight_ih, weight_hh, bias_ih):
    out = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ weight_ih.T + h @ weight_hh.T + bias_ih)
        out.append(h)
    return np.stack(out, 1)


def steps_back(
    dy,
    x,
    h,
    weight_ih,
    weight_hh,
    bias_ih,
    passes=1.0,
    last=1.0,
    bias_of=None,
    power=2,
    of_new=0,
    of_last=False,
):
    states = [h, *np.moveaxis(steps(x, h, weight_ih, weight_hh, bias_ih), 1, 0)]
    dx, dh = np.zeros_like(x), np.zeros_like(h)
    d_ih, d_hh, shares = np.zeros_like(weight_ih), np.zeros_like(weight_hh), []
    for t in reversed(range(x.shape[1])):
        up = dy[:, t] * (last if t == x.shape[1] - 1 else 1.0)
        da = (up + passes * dh) * (1 - states[t + 1] ** power)
        dx[:, t], dh = da @ weight_ih, da @ weight_hh
        d_ih, d_hh = d_ih + da.T @ x[:, t], d_hh + da.T @ states[-1 if of_last and t else t + of_new]
        shares.insert(0, da.sum(0))
    bias = np.sum(shares, 0) if bias_of is None else shares[bias_of]
    return {"x": dx, "h": dh, "weight_ih": d_ih, "weight_hh": d_hh, "bias_ih": bias}


def sequence(seed):
    rng = np.random.default_rng(seed)
    n, t, d, k = rng.integers(1, 4), rng.integers(2, 5), rng.integers(1, 4), rng.integers(2, 4)
    shapes = {"x": (n, t, d), "h": (n, k), "weight_ih": (k, d), "weight_hh": (k, k), "bias_ih": (k,)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return Case("rnn", arrays, {}, tuple(arrays))


@pytest.mark.parametrize(
    ("slip", "part", "key"),
    [
        ({"passes": 0.0}, "dx", "term_missing"),
        ({"passes": 0.0}, "dweight_hh", "term_missing"),
        ({"last": 2.0}, "dx", "wrong_in_last_step"),
        ({"bias_of": 0}, "dbias_ih", "not_summed"),
        ({"bias_of": -1}, "dbias_ih", "not_summed"),
        ({"of_new": 1}, "dweight_hh", "of_the_new_state"),
        ({"of_last": True}, "dweight_hh", "of_the_last_state"),
        ({"power": 1}, "dx", "term_missing"),
        ({"power": 1}, "dweight_hh", "term_missing"),
    ],
)
def test_the_slips_of_a_recurrent_layer_are_told_apart(slip, part, key):
    wrong = Pair(steps, lambda dy, **a: steps_back(dy, **a, **slip))
    found = said(wrong, Pair(steps, steps_back), sequence, part)
    assert [key for key, _ in found] == [key]


def test_what_raises_for_one_rank_alone_is_said_to():
    def draw(seed):
        rng = np.random.default_rng(seed)
        return Case("tanh", {"x": rng.normal(size=(2,) * (1 + seed % 3))}, {}, ("x",))

    def value(x):
        if x.ndim == 1:
            raise IndexError("tuple index out of range")
        return np.tanh(x)

    back = lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)}  # noqa: E731 - a formula
    case = Case("tanh", {"x": np.ones(2)}, {}, ("x",))
    evidence = Evidence(
        BACKWARD,
        Pair(value, back),
        Pair(lambda **a: np.tanh(a["x"]), back),
        case,
        (),
        "",
        None,
        None,
        draw,
        "raised IndexError: ...",
    )
    assert explain(evidence) == [("wrong_for_a_rank", "it raises for x of rank 1, not for 2 and 3")]


def test_the_calls_drawn_for_one_failure_serve_the_next_of_the_same_thing():
    drawn = []

    def draw(seed):
        drawn.append(seed)
        return sequence(seed)

    thing, exact = object(), Pair(steps, steps_back)
    wrong = Pair(steps, lambda dy, **a: {n: 2 * g for n, g in steps_back(dy, **a).items()})
    case = sequence(0)
    dys = (np.ones((*case["x"].shape[:2], len(case["bias_ih"]))),)
    for part in ("dx", "dh"):
        found = explain(Evidence(BACKWARD, wrong, exact, case, dys, part, None, None, draw, "", thing))
        assert found[0][0] == "factor:2"
    assert len(drawn) == len(set(drawn))


class Stridden:
    """A convolution that handles its stride in a way of its own."""

    name = "by hand"

    def __init__(self, how):
        self.how = how

    def _case(self, case):
        if self.how == "raises" and case.options["stride"] != 1:
            raise ValueError("shapes do not agree")
        return case.with_options(stride=1) if self.how == "ignores" else case

    def forward(self, case):
        return Golden().forward(self._case(case))

    def vjp(self, case, cotangents):
        return Golden().vjp(self._case(case), cotangents)


def stridden(seed):
    rng = np.random.default_rng(seed)
    arrays = {
        "x": rng.normal(size=(2, 1, *rng.integers(3, 9, 2))),
        "weight": rng.normal(size=(2, 1, 2, 2)),
        "bias": None,
    }
    options = {"stride": int(rng.integers(1, 4)), "padding": 0, "dilation": 1, "groups": 1}
    return Case("conv2d", arrays, options, ("x", "weight"), ("y",))


def test_a_stride_that_is_ignored_is_said_to_be_so():
    case = next(c for c in map(stridden, range(9)) if c.options["stride"] > 1)
    evidence = Evidence(
        "forward_equals_the_reference", Stridden("ignores"), Golden(), case, (), "y", None, None, stridden
    )
    assert explain(evidence)[0] == (
        "option_ignored",
        "y is what it would be with stride 1: it is ignored",
    )


def test_a_stride_that_raises_is_named():
    case = next(c for c in map(stridden, range(9)) if c.options["stride"] > 1)
    evidence = Evidence(BACKWARD, Stridden("raises"), Golden(), case, (), "", None, None, stridden,
                        "raised ValueError: shapes do not agree")  # fmt: skip
    assert explain(evidence) == [("raises_with_option", "it raises only where the stride is not 1")]


def test_overflow_is_told_from_underflow_by_the_magnitude_from_which_on_it_happens():
    def value(x, target):
        with np.errstate(all="ignore"):
            p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
            return -np.log(p[np.arange(len(x)), target]).mean()

    def draw(seed):
        rng = np.random.default_rng(seed)
        case = {"x": rng.normal(size=(2, 3)), "target": np.array([1, 2])}
        return Case("cross_entropy", case, {}, ("x",), ("y",))

    wrong, right = Pair(value, lambda *_, **__: {}), Golden()
    failing = draw(0).replace(x=np.array([[720.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    evidence = Evidence(
        "extreme_values_equal_the_reference", wrong, right, failing, (), "y", None, None, draw
    )
    (key, words), *_ = explain(evidence)
    assert key == "overflow"
    assert "from x = 7" in words


def test_an_answer_that_takes_the_cotangent_s_sign_alone_is_not_called_one_of_an_earlier_call():
    def numbers(seed):
        x = np.random.default_rng(seed).uniform(-2, 2, (2, 3))
        return Case("relu", {"x": x}, {}, ("x",), ("y",))

    right = Pair(lambda x: np.maximum(x, 0), lambda dy, x: {"x": dy * (x > 0)})
    wrong = Pair(lambda x: np.maximum(x, 0), lambda dy, x: {"x": np.where(dy > 0, 1.0, 0.0 * x)})
    found = said(wrong, right, numbers, "dx", check="a_call_between_changes_nothing")
    assert not [words for words in map(str, found) if "earlier" in words]


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
#: The output where x < 0, the derivative where x > 0.
SELU = lambda x: SCALE * np.where(x > 0, 1.0, ALPHA * np.expm1(np.minimum(x, 0)))  # noqa: E731 - a formula
SIGMOID = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731 - a formula


@pytest.mark.parametrize(
    ("operation", "slope", "key", "words"),
    [
        ("tanh", lambda x: 1 - np.tanh(x), "term_missing", "1 - tanh(x) where 1 - tanh(x)**2 should be"),
        ("sigmoid", lambda x: 1 - SIGMOID(x), "term_missing", "the factor y is missing"),
        ("sigmoid", SIGMOID, "term_missing", "the factor 1 - y is missing"),
        ("softplus", lambda x: SIGMOID(-x), "term_sign", "sigmoid(-x) where sigmoid(x) should be"),
        ("silu", SIGMOID, "term_missing", "its derivative's term is missing"),
        ("silu", lambda x: SIGMOID(x) * (2 - SIGMOID(x)), "term_missing", "the factor x of the second term"),
        ("silu", lambda x: SIGMOID(x) * (1 + x), "term_missing", "the factor 1 - s of the second term"),
        ("softsign", lambda x: 1 / (1 + np.abs(x)), "term_missing", "where its square should be"),
        ("elu", lambda x: np.where(x > 0, 1.0, np.exp(x) - 1), "term_missing", "alpha is not added"),
        ("selu", lambda x: SELU(x) + ALPHA * (x < 0), "another_derivative", "y + alpha"),
        ("selu", lambda x: np.where(x > 0, 1.0, SELU(x) + SCALE * ALPHA), "term_missing", "1 for x > 0"),
        ("selu", lambda x: np.where(x > 0, SCALE, SCALE * 1.67 * np.exp(x)), "rounded_constant", "to 1.67"),
    ],
)
def test_the_usual_slips_in_a_derivative_are_named(operation, slope, key, words):
    def draw(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=tuple(rng.integers(1, 5, 2))) * 2
        return Case(operation, {"x": x}, {}, ("x",))

    function = getattr(F, operation)
    right = Pair(lambda x: function(x)[0], lambda dy, x: {"x": function(x)[1](dy)[0]})
    wrong = Pair(right.value, lambda dy, x: {"x": dy * slope(x)})
    found = said(wrong, right, draw, "dx")
    assert [key for key, _ in found] == [key]
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (lambda g: (1 + g.t) / 2, "the term of tanh's derivative is missing"),
        (lambda g: (1 + g.t) / 2 + g.x * (1 - g.t**2) / 2 * g.u(1), "1 + 0.044715 * x**2 where"),
        (lambda g: (1 + g.t) / 2 + g.x * (1 - g.t**2) / 2 * g.u(0), "without the term of the cube"),
        (lambda g: (1 + g.t) / 2 + g.x * (1 - g.t) / 2 * g.u(3), "1 - tanh where 1 - tanh**2"),
        (lambda g: g.x * g.phi, "the term Phi(x) is missing"),
        (
            lambda g: (1 + g.t) / 2 + g.x * (1 - g.t**2) / 2 * g.u(0.134 / 0.044715),
            "3 * 0.044715 rounded to 0.134",
        ),
    ],
)
def test_the_usual_slips_in_the_derivative_of_gelu_are_named(slope, words):
    root, exact = np.sqrt(2 / np.pi), "Phi" in words

    def draw(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=tuple(rng.integers(2, 5, 2)))
        return Case("gelu", {"x": x}, {"approximate": "none" if exact else "tanh"}, ("x",))

    def back(dy, x):
        t = np.tanh(root * (x + 0.044715 * x**3))
        u = lambda n: root * (1 + n * 0.044715 * x * x)  # noqa: E731 - a formula
        phi = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
        return {"x": dy * slope(SimpleNamespace(x=x, t=t, u=u, phi=phi))}

    how = "none" if exact else "tanh"
    right = Pair(lambda x: F.gelu(x, approximate=how)[0],
                 lambda dy, x: {"x": F.gelu(x, approximate=how)[1](dy)[0]})  # fmt: skip
    found = said(Pair(right.value, back), right, draw, "dx")
    assert [key for key, _ in found] == ["rounded_constant" if "rounded" in words else "term_missing"]
    assert words in found[0][1]


def test_a_log_softmax_that_leaves_out_the_sum_of_the_cotangent_is_said_to():
    def draw(seed):
        x = np.random.default_rng(seed).normal(size=(2, 3))
        return Case("log_softmax", {"x": x}, {"dim": -1}, ("x",))

    value = lambda x: F.log_softmax(x, -1)[0]  # noqa: E731 - a formula
    right = Pair(value, lambda dy, x: {"x": F.log_softmax(x, -1)[1](dy)[0]})
    wrong = Pair(value, lambda dy, x: {"x": dy - np.exp(value(x))})
    ((key, words),) = said(wrong, right, draw, "dx")
    assert key == "term_missing"
    assert "the cotangent's sum" in words


def test_a_mask_of_the_cotangent_is_told_from_one_of_the_input():
    def draw(seed):
        return Case("relu", {"x": np.random.default_rng(seed).normal(size=(2, 3))}, {}, ("x",))

    right = Pair(lambda x: np.maximum(x, 0), lambda dy, x: {"x": dy * (x > 0)})
    wrong = Pair(right.value, lambda dy, **_: {"x": dy * (dy > 0)})
    case = draw(0)
    dys = (np.array([[1.5, -0.5, 2.0], [-1.0, 0.25, -3.0]]),)
    found = explain(Evidence(BACKWARD, wrong, right, case, dys, "dx", None, None, draw))
    assert found == [("mask_of_the_cotangent", "dx has the mask of the cotangent, not of x")]


@pytest.mark.parametrize(
    ("slope", "key"),
    [
        (lambda p, t: p - t, "formula_for_logits"),
        (lambda p, t: -t / p, "term_missing"),
        (lambda p, t: -t / p - (1 - t) / (1 - p), "term_sign"),
    ],
)
def test_the_slips_of_a_binary_cross_entropy_are_named(slope, key):
    wrong = Pair(entropy, lambda dy, x, target: {"x": dy * slope(x, target) / x.size})
    assert [key for key, _ in said(wrong, ENTROPY, probabilities, "dx")] == [key]


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (lambda x, target: -(target * x + (1 - target) * (1 - x)).mean(), "term_missing"),
        (lambda x, target: entropy(x, target) + 1, "off_by_a_constant"),
        (lambda x, target: -(target * np.log(x)).mean(), "term_missing"),
    ],
)
def test_the_slips_of_a_loss_s_value_are_named(value, key):
    wrong = Pair(value, entropy_back)
    found = said(wrong, ENTROPY, probabilities, "loss", "forward_equals_the_reference")
    assert [key for key, _ in found] == [key]


def scores(seed):
    rng = np.random.default_rng(seed)
    n, k = rng.integers(2, 5), rng.integers(2, 5)
    arrays = {"x": rng.normal(size=(n, k)), "target": rng.integers(0, k, n)}
    return Case("cross_entropy", arrays, {"reduction": "mean"}, ("x",), ("loss",))


def picked(x, target):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    return p, np.arange(x.shape[1]) == target[:, None]


def of_classes(x, target):
    p, hot = picked(x, target)
    return -np.log(p[hot]).mean()


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (lambda p, hot: p + 0 * hot, "the 1 is not taken away at the right class"),
        (lambda p, hot: -1.0 * hot / p, "the derivative of the softmax is left out"),
        (lambda p, hot: (p - 1) * hot, "the probabilities of the others are missing"),
    ],
)
def test_the_slips_of_a_softmax_with_its_loss_are_named(slope, words):
    def pair(of):
        return Pair(of_classes, lambda dy, x, target: {"x": dy * of(*picked(x, target)) / len(x)})

    ((_, found), *more) = said(pair(slope), pair(lambda p, hot: p - hot), scores, "dx")
    assert words in found
    assert not more


def test_a_loss_without_its_logarithm_is_said_to_be():
    def value(x, target):
        p, hot = picked(x, target)
        return -p[hot].mean()

    back = lambda _, x, **__: {"x": 0 * x}  # noqa: E731 - only the value is looked at
    found = said(Pair(value, back), Pair(of_classes, back), scores, "loss", "forward_equals_the_reference")
    assert found == [("term_missing", "loss: the logarithm is left out")]


def normalized(seed):
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 5), rng.integers(3, 6)
    arrays = {"x": rng.normal(size=(n, d)), "weight": rng.normal(size=d), "bias": rng.normal(size=d)}
    return Case("layer_norm", arrays, {"eps": 1e-2}, tuple(arrays))


def layer_norm(x, weight, bias):
    return F.layer_norm(x, x.shape[-1:], weight=weight, bias=bias, eps=1e-2)[0]


def layer_norm_back(
    dy, x, weight, bias, outside=False, eps=1e-2, plain=False, sums=(), power=0.5, bare=(), rows=False
):
    c = x - x.mean(-1, keepdims=True)
    var = (c * c).mean(-1, keepdims=True)
    xhat, g = c / np.sqrt(var + 1e-2), dy if outside else dy * weight
    of_mean, of_variance = (dy if n in bare else g for n in (0, 1))
    first = of_mean.mean(-1, keepdims=True)
    second = (of_variance if plain else of_variance * xhat).mean(-1, keepdims=True)
    first, second = (t * x.shape[-1] if n in sums else t for n, t in enumerate((first, second)))
    by = x.shape[-1] / len(x) if rows else 1.0
    dx = (g - by * (first + xhat * second)) / (var + eps) ** power
    return {"x": dx * weight if outside else dx, "weight": (dy * xhat).sum(0), "bias": dy.sum(0)}


@pytest.mark.parametrize(
    ("slip", "key", "words"),
    [
        ({"outside": True}, "weight_outside_means", "it belongs inside them"),
        ({"eps": 0.0}, "additive_epsilon", "epsilon is left out on the way back"),
        ({"plain": True}, "term_missing", "has mean(dy * weight) where mean(dy * weight * xhat) should be"),
        ({"sums": (1,)}, "not_averaged", "the variance's term has a sum where a mean should be"),
        ({"sums": (0,)}, "not_averaged", "the mean's term has a sum where a mean should be"),
        ({"sums": (0, 1)}, "not_averaged", "have sums where means should be"),
        ({"rows": True}, "not_averaged", "divided by how many there are, not by how many elements each has"),
        ({"bare": (0,)}, "term_missing", "the mean's term has mean(dy) where mean(dy * weight) should be"),
        ({"bare": (1,)}, "term_missing", "has mean(dy * xhat) where mean(dy * weight * xhat) should be"),
        ({"bare": (0, 1)}, "term_missing", "have dy where dy * weight should be"),
        ({"power": 1.0}, "variance_for_deviation", "divides by the variance where the deviation should be"),
    ],
)
def test_the_slips_of_a_layer_norm_are_named(slip, key, words):
    wrong = Pair(layer_norm, lambda dy, **a: layer_norm_back(dy, **a, **slip))
    ((first, found), *_) = said(wrong, Pair(layer_norm, layer_norm_back), normalized, "dx")
    assert first == key
    assert words in found


def grouped(seed):
    rng = np.random.default_rng(seed)
    n, c, h, w = rng.integers(1, 4), 2 * rng.integers(1, 4), *rng.integers(1, 4, 2)
    arrays = {"x": rng.normal(size=(n, c, h, w)), "weight": rng.normal(size=c), "bias": rng.normal(size=c)}
    return Case("group_norm", arrays, {"num_groups": 2, "eps": 1e-2}, tuple(arrays))


def group_norm_back(dy, x, weight, bias, own=True):
    n, _, h, w = x.shape
    rows, g = x.reshape(n, 2, -1), (dy * weight[:, None, None]).reshape(n, 2, -1)
    centred = rows - rows.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-2)
    xhat, over = centred / deviation, rows.shape[-1] if own else h * w
    terms = g.sum(-1, keepdims=True) / over + xhat * (g * xhat).sum(-1, keepdims=True) / over
    return {"x": ((g - terms) / deviation).reshape(x.shape)}


def test_means_over_a_channel_where_a_group_has_several_are_named():
    def value(x, weight, bias):
        return F.group_norm(x, 2, weight, bias, 1e-2)[0]

    wrong = Pair(value, lambda dy, **a: group_norm_back(dy, **a, own=False))
    ((key, words), *_) = said(wrong, Pair(value, group_norm_back), grouped, "dx", failing=grouped(1))
    assert key == "not_averaged"
    assert "add up those of a whole group" in words


class PutBack:
    """A convolution that puts windows back in the wrong place."""

    name = "by hand"

    def __init__(self, how):
        self.how = how

    def forward(self, case):
        return Golden().forward(case)

    def vjp(self, case, cotangents):
        dx, dweight, *more = Golden().vjp(case, cotangents)
        x, weight, (dy,) = case["x"], case["weight"], cotangents
        stride, pad = case.options["stride"], case.options["padding"]
        step = 1 if self.how == "stride" else stride
        out = np.zeros((*x.shape[:2], *(n + 2 * pad for n in x.shape[2:])))
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                window = (..., slice(i * step, i * step + 2), slice(j * step, j * step + 2))
                out[window] += np.einsum("no,ocij->ncij", dy[:, :, i, j], weight)
        front = 0 if self.how == "padding" else pad
        dx = out[:, :, front : front + x.shape[2], front : front + x.shape[3]]
        return dx, dweight, *more


def padded(seed):
    case = stridden(seed)
    return case.with_options(padding=seed % 2)


@pytest.mark.parametrize(("how", "key"), [("stride", "option_ignored"), ("padding", "padding_not_cut_off")])
def test_windows_put_back_in_the_wrong_place_are_said_to_be(how, key):
    case = next(c for c in map(padded, range(99)) if c.options["stride"] > 1 and c.options["padding"])
    dys = tuple(np.asarray(1.5 + np.arange(y.size).reshape(y.shape)) for y in Golden().forward(case))
    found = explain(Evidence(BACKWARD, PutBack(how), Golden(), case, dys, "dx", None, None, padded))
    assert [key for key, _ in found] == [key]


class Interleaved:
    """A group norm whose groups are every G-th channel."""

    name = "by hand"

    def _turned(self, case):
        order = np.arange(6).reshape(-1, case.options["num_groups"]).T.reshape(-1)
        changed = {n: a[order] if a.ndim == 1 else a[:, order] for n, a in case.given.items()}
        return case.replace(**changed), order

    def forward(self, case):
        turned, order = self._turned(case)
        return tuple(y[:, np.argsort(order)] for y in Golden().forward(turned))

    def vjp(self, case, cotangents):
        turned, order = self._turned(case)
        back = np.argsort(order)
        grads = Golden().vjp(turned, tuple(dy[:, order] for dy in cotangents))
        return tuple(g[back] if g.ndim == 1 else g[:, back] for g in grads)


@pytest.mark.parametrize("part", ["y", "dx", "dweight"])
def test_groups_of_every_nth_channel_are_said_to_be(part):
    def draw(seed):
        rng = np.random.default_rng(seed)
        arrays = {"x": rng.normal(size=(2, 6, 3)), "weight": rng.normal(size=6), "bias": rng.normal(size=6)}
        return Case("group_norm", arrays, {"num_groups": (2, 3)[seed % 2], "eps": 1e-5}, tuple(arrays))

    check = BACKWARD if part.startswith("d") else "forward_equals_the_reference"
    assert [key for key, _ in said(Interleaved(), Golden(), draw, part, check)] == ["groups_interleaved"]


def test_a_weight_s_gradient_that_is_reshaped_where_it_should_be_transposed_is_said_to_be():
    class Reshaped(Stridden):
        def vjp(self, case, cotangents):
            dx, dw, *more = Golden().vjp(case, cotangents)
            return dx, np.array(dw.reshape(len(dw), -1).T.reshape(dw.shape)), *more

    case = stridden(1)
    dys = tuple(np.asarray(1.5 + np.arange(y.size).reshape(y.shape)) for y in Golden().forward(case))
    wrong = Reshaped("not at all")
    found = explain(Evidence(BACKWARD, wrong, Golden(), case, dys, "dweight", None, None, stridden))
    assert found == [("transposed", "dweight is transposed, then reshaped")]


def test_a_gradient_of_the_turned_shape_is_said_to_be_transposed():
    def draw(seed):
        rng = np.random.default_rng(seed)
        n, d, k = rng.integers(2, 5), rng.integers(1, 4), rng.integers(1, 4)
        return Case("linear", {"x": rng.normal(size=(n, d)), "weight": rng.normal(size=(k, d))}, {},
                    ("x", "weight"))  # fmt: skip

    value = lambda x, weight: x @ weight.T  # noqa: E731 - a formula
    right = Pair(value, lambda dy, x, weight: {"x": dy @ weight, "weight": dy.T @ x})
    wrong = Pair(value, lambda dy, x, weight: {"x": dy @ weight, "weight": x.T @ dy})
    case = next(c for c in map(draw, range(99)) if c["weight"].shape == (1, 3))
    ((key, words),) = said(wrong, right, draw, "dweight", failing=case)
    assert key == "transposed"
    assert words == "dweight is transposed: it has shape (3, 1), not (1, 3)"


@pytest.mark.parametrize(("axis", "words"), [(0, "over axis 0"), (None, "over the whole array")])
def test_a_softmax_over_the_wrong_axis_is_said_to_be(axis, words):
    def draw(seed):
        rng = np.random.default_rng(seed)
        return Case("softmax", {"x": rng.normal(size=tuple(rng.integers(2, 5, 2)))}, {"dim": -1}, ("x",))

    def over(axis):
        return lambda x: np.exp(x) / np.exp(x).sum(axis, keepdims=True)

    back = lambda dy, **_: {"x": dy}  # noqa: E731 - only the value is looked at
    found = said(Pair(over(axis), back), Pair(over(-1), back), draw, "y", "forward_equals_the_reference")
    assert found[0][0] == "batch_mixed"
    assert words in found[0][1]


class LastPlace:
    """A convolution whose bias has the gradient of the last sample's last place alone."""

    name = "by hand"

    def forward(self, case):
        return Golden().forward(case)

    def vjp(self, case, cotangents):
        dx, dweight, _ = Golden().vjp(case, cotangents)
        return dx, dweight, cotangents[0][-1, :, -1, -1].copy()


def test_a_bias_that_is_overwritten_in_a_loop_is_said_to_be_that_of_the_last_place():
    def draw(seed):
        rng = np.random.default_rng(seed)
        arrays = {"x": rng.normal(size=(3, 2, 4, 5)), "weight": rng.normal(size=(2, 2, 2, 2)),
                  "bias": rng.normal(size=2)}  # fmt: skip
        options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        return Case("conv2d", arrays, options, tuple(arrays))

    found = said(LastPlace(), Golden(), draw, "dbias")
    assert found == [("not_summed", "dbias is that of the last place along axes 0, 2, 3 alone, not summed")]


def test_a_relu_after_an_affine_that_passes_the_gradient_at_zero_is_said_to():
    def draw(seed):
        rng = np.random.default_rng(seed)
        arrays = {"x": rng.normal(size=(3, 2)), "weight": rng.normal(size=(2, 2)), "bias": rng.normal(size=2)}
        return Case("affine_relu", arrays, {}, tuple(arrays))

    def value(x, weight, bias):
        return np.maximum(x @ weight.T + bias, 0)

    def back(dy, x, weight, bias, at_zero=0.0):
        a = x @ weight.T + bias
        g = dy * np.where(a == 0, at_zero, a > 0)
        return {"x": g @ weight, "weight": g.T @ x, "bias": g.sum(0)}

    wrong = Pair(value, lambda dy, **a: back(dy, **a, at_zero=1.0))
    failing = draw(0).map(lambda _, a: np.zeros_like(a))
    found = said(wrong, Pair(value, back), draw, "dbias", failing=failing)
    assert found == [("wrong_at_zero", "dbias is wrong only where what goes into its relu is 0")]


def attended(seed):
    rng = np.random.default_rng(seed)
    n, t, d = rng.integers(1, 4), rng.integers(2, 5), rng.integers(1, 4)
    return Case("dot_attention", {"x": rng.normal(size=(n, t, d)), "h": rng.normal(size=(n, d))}, {}, ("x",))


def shares(x, h):
    e = np.exp((x * h[:, None]).sum(-1))
    return e / e.sum(-1, keepdims=True)


def attended_back(dy, x, h, of_weights=1.0, of_sum=1.0):
    a = shares(x, h)
    da = (x * dy[:, None]).sum(-1)
    ds = a * (da - (a * da).sum(-1, keepdims=True))
    return {"x": of_sum * a[..., None] * dy[:, None] + of_weights * ds[..., None] * h[:, None]}


@pytest.mark.parametrize(("left_out", "words"), [("of_weights", "the weights"), ("of_sum", "the sum")])
def test_the_path_that_an_attention_leaves_out_is_named(left_out, words):
    value = lambda x, h: (shares(x, h)[..., None] * x).sum(1)  # noqa: E731 - a formula
    wrong = Pair(value, lambda dy, **a: attended_back(dy, **a, **{left_out: 0.0}))
    found = said(wrong, Pair(value, attended_back), attended, "dx")
    assert found == [("term_missing", f"dx: what comes through {words} is left out")]


def looked_at(seed):
    rng = np.random.default_rng(seed)
    batch, queries, keys, width, values = rng.integers(1, 5, 5)
    shapes = {"query": (batch, queries, width), "key": (batch, keys, width), "value": (batch, keys, values)}
    given = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return Case("scaled_dot_product_attention", given, {}, tuple(given))


def looked_at_back(dy, query, key, value, depth="key"):
    scale = query.shape[-1] ** -0.5
    p = np.exp(query @ key.swapaxes(1, 2) * scale)
    p = p / p.sum(-1, keepdims=True)
    dp = dy @ value.swapaxes(1, 2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * {"key": key, "value": value}[depth].shape[-1] ** -0.5
    return {"query": ds @ key, "key": ds.swapaxes(1, 2) @ query, "value": p.swapaxes(1, 2) @ dy}


@pytest.mark.parametrize("part", ["dquery", "dkey"])
def test_scores_that_are_scaled_by_the_depth_of_the_values_going_back_are_told(part):
    def value(query, key, value):
        p = np.exp(query @ key.swapaxes(1, 2) / query.shape[-1] ** 0.5)
        return p / p.sum(-1, keepdims=True) @ value

    wrong = Pair(value, lambda dy, **a: looked_at_back(dy, **a, depth="value"))
    failing = next(
        c for c in map(looked_at, range(99)) if c["key"].shape[1:] == (3, 2) != c["value"].shape[1:]
    )
    found = said(wrong, Pair(value, looked_at_back), looked_at, part, failing=failing)
    words = f"{part} is divided by the square root of the value's depth, not of the key's"
    assert found == [("divided_by_the_value", words)]


def scaled(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 2, *rng.integers(2, 4, 2)))
    size = tuple(int(side * rng.integers(1, 4)) for side in x.shape[2:])
    return Case("interpolate", {"x": x}, {"size": size, "mode": "bilinear"}, ("x",))


def test_a_scale_of_the_other_axis_is_told_by_where_it_is_right():
    class OfTheOtherAxis(Golden):
        def vjp(self, case, cotangents):
            (h, w), (m, n) = case["x"].shape[2:], case.options["size"]
            off = 1.0 if m * w == n * h else np.cos(np.arange(case["x"].size)).reshape(case["x"].shape)
            return (super().vjp(case, cotangents)[0] * off,)

    case = next(
        c for c in map(scaled, range(9)) if len(set(np.divide(c.options["size"], c["x"].shape[2:]))) > 1
    )
    evidence = Evidence(BACKWARD, OfTheOtherAxis(), Golden(), case, (), "dx", None, None, scaled)
    assert explain(evidence) == [
        ("wrong_where_sides_differ", "dx is wrong only where the axes are scaled differently")
    ]


def test_float64_that_comes_out_is_no_explanation_of_wrong_numbers():
    def draw(seed):
        x = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
        return Case("tanh", {"x": x}, {}, ("x",))

    value = lambda **a: np.tanh(a["x"])  # noqa: E731 - a formula
    back = lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)}  # noqa: E731 - a formula
    wrong = Pair(value, lambda dy, x: {"x": 2 * back(dy, x)["x"].astype(np.float64)})
    assert [key for key, _ in said(wrong, Pair(value, back), draw, "dx")] == ["factor:2"]


def test_what_explains_wrong_numbers_is_no_explanation_of_float64_that_comes_out():
    def draw(seed):
        return Case("tanh", {"x": np.random.default_rng(seed).normal(size=(2, 3))}, {}, ("x",))

    value = lambda **a: np.tanh(a["x"])  # noqa: E731 - a formula
    back = lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)}  # noqa: E731 - a formula
    wrong = Pair(value, lambda dy, x: {"x": 2 * back(dy, x)["x"].astype(np.float64)})
    thing, found = object(), []
    for check in (BACKWARD, "dtype_is_preserved"):
        case = draw(0)
        evidence = Evidence(
            check, wrong, Pair(value, back), case, (case["x"],), "dx", None, None, draw, "", thing
        )
        found += [key for key, _ in explain(evidence)]
    assert found == ["factor:2", "float64_out"]


def test_a_gradient_that_is_nothing_but_rounding_is_not_blamed_on_the_layout():
    def draw(seed):
        rng = np.random.default_rng(seed)
        given = {"x": rng.normal(size=(6, 7)), "shift": rng.normal(size=(6, 7))}
        return Case("centre", given, {}, ("x", "shift"), ("y",))

    def back(times):
        def found(dy, x, shift):  # numbers that add up to zero, in the order in which memory has them
            return {"x": times * dy, "shift": np.full_like(x, np.ravel(x - x.mean(), "K").sum())}

        return found

    def value(x, shift):
        return x + 0 * shift

    assert said(Pair(value, back(2.0)), Pair(value, back(1.0)), draw, "dx")[0][0] == "factor:2"
