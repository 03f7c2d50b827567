"""What no operation of the catalogue shows: explanations of layers and formulas written out here."""

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


def steps_back(dy, x, h, weight_ih, weight_hh, bias_ih, passes=1.0, last=1.0, bias_of=None):
    states = [h, *np.moveaxis(steps(x, h, weight_ih, weight_hh, bias_ih), 1, 0)]
    dx, dh = np.zeros_like(x), np.zeros_like(h)
    d_ih, d_hh, shares = np.zeros_like(weight_ih), np.zeros_like(weight_hh), []
    for t in reversed(range(x.shape[1])):
        up = dy[:, t] * (last if t == x.shape[1] - 1 else 1.0)
        da = (up + passes * dh) * (1 - states[t + 1] ** 2)
        dx[:, t], dh = da @ weight_ih, da @ weight_hh
        d_ih, d_hh = d_ih + da.T @ x[:, t], d_hh + da.T @ states[t]
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
