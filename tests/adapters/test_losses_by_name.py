"""Losses and distances: a name that means something else is no failure, and no check leaves their domain."""

import numpy as np
import pytest
from agreement import failed as failed_checks

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject, known_checks


class OfNormals:
    """The divergence of a normal distribution from the standard one."""

    def forward(self, mu, logvar):
        self.mu, self.logvar = mu, logvar
        return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))

    def backward(self):
        return self.mu, -0.5 * (1 - np.exp(self.logvar))


class OfAllPairs:
    def forward(self, x, y):
        self.d = x[:, None] - y[None]
        self.norm = np.sqrt((self.d**2).sum(-1))
        return self.norm

    def backward(self, dout):
        each = (dout / self.norm)[..., None] * self.d
        return each.sum(1), -each.sum(0)


class AsALoss:
    def forward(self, y_true, y_pred):
        self.t = y_true / np.linalg.norm(y_true, axis=-1, keepdims=True)
        self.n = np.linalg.norm(y_pred, axis=-1, keepdims=True)
        self.p = y_pred / self.n
        return -np.mean((self.t * self.p).sum(-1))

    def backward(self):
        return -(self.t - self.p * (self.t * self.p).sum(-1, keepdims=True)) / self.n / len(self.t)


class OfLabels:
    def forward(self, embeddings, labels):
        self.shape = embeddings.shape
        return float(len(labels))

    def backward(self):
        return np.zeros(self.shape)


@pytest.mark.parametrize(
    ("name", "thing", "words"),
    [
        ("KLDivergence", OfNormals, "it is handed 'mu'"),
        ("PairwiseDistance", OfAllPairs, "a matrix of every vector with every other"),
        ("CosineSimilarity", AsALoss, "one number for all"),
        ("TripletLoss", OfLabels, "it has no negative"),
    ],
)
def test_another_operation_of_the_same_name_is_not_checked_and_says_why(name, thing, words):
    (candidate,) = recognise({name: type(name, (thing,), {})}, {})
    with pytest.raises(Cannot, match=words):
        fit(candidate)


class BCELoss:
    def forward(self, x, y):
        if x.min() < 0 or x.max() > 1:
            raise ValueError("BCELoss: every element of x must lie between 0 and 1")
        self.x, self.y = x, y
        return -np.mean(y * np.log(x) + (1 - y) * np.log(1 - x))

    def backward(self, dout):
        return dout * (self.x - self.y) / (self.x * (1 - self.x)) / self.x.size


@pytest.mark.parametrize("seed", range(4))
def test_numerical_differentiation_stays_where_probabilities_are(seed):
    (candidate,) = recognise({"BCELoss": BCELoss}, {})
    wanted = "backward_equals_numerical_differentiation"
    skip = [name for name in known_checks() if name != wanted]
    records = list(
        check_subject("a_file.py", fit(candidate), oracles=(), profile="quick", seed=seed, skip=skip)
    )
    assert [r["verdict"] for r in records if r["check"] == wanted] == ["passed"] * len(records)
    assert records


def test_where_arguments_are_tied_together_no_single_entry_is_said_to_be_wrong():
    """Log-probabilities add up to 1: differences along one alone are not what PyTorch's gradient means."""
    pytest.importorskip("torch", reason="which gradient it is meant to be is found out with PyTorch")
    from scratchnet import nn

    class CTCLoss(nn.CTCLoss):
        def backward(self, dout):
            return 2 * super().backward(dout)

    (candidate,) = recognise({"CTCLoss": CTCLoss}, {})
    wanted = "backward_equals_numerical_differentiation"
    skip = [name for name in known_checks() if name != wanted]
    records = list(check_subject("a_file.py", fit(candidate), oracles=(), profile="quick", seed=1, skip=skip))
    failed = [r for r in records if r["verdict"] == "failed"]
    assert failed
    assert all("along a random direction" in str(r) for r in failed)


_OF_PROBABILITIES = """
class CategoricalCrossentropy:
    EPS = {eps}

    def call(self, y_true, y_pred):
        return float(-np.sum(y_true * np.log(y_pred + self.EPS)) / len(y_pred))

    def deriv(self, y_true, y_pred):
        return -y_true / (y_pred + {back}) / len(y_pred)
"""
_OF_SCORES = """
class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(x)), t] + {eps}).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dout * dx / len(self.t)
"""
_OF_BITS = """
class BCELoss:
    def forward(self, x, t):
        self.x, self.t = x, t
        return -np.mean(t * np.log(x + {eps}) + (1 - t) * np.log(1 - x + {eps}))

    def backward(self, dout=1):
        x, t = self.x, self.t
        return dout * -(t / (x + {back}) - (1 - t) / (1 - x + {back})) / x.size
"""


def _verdicts(found):
    (candidate,) = found.values()
    records = check_subject("a_file.py", fit(candidate), oracles=("torch",), profile="default", seed=5)
    return {r["check"]: r["verdict"] for r in records}


@pytest.mark.parametrize("eps", ["1e-12", "3e-11", "1e-15", "2e-7", "1e-4"])
@pytest.mark.parametrize("source", [_OF_PROBABILITIES, _OF_SCORES, _OF_BITS])
def test_however_small_the_number_inside_the_logarithm_is_it_is_found_out(candidates, source, eps):
    verdicts = _verdicts(candidates(source.format(eps=eps, back=eps)))
    assert "failed" not in verdicts.values()
    assert verdicts["epsilon_in_logarithm"] == "convention"


@pytest.mark.parametrize("source", [_OF_PROBABILITIES, _OF_BITS])
def test_a_logarithm_without_a_small_number_is_said_to_have_none(candidates, source):
    verdicts = _verdicts(candidates(source.format(eps="0.0", back="0.0")))
    assert "failed" not in verdicts.values()
    assert "epsilon_in_logarithm" not in verdicts


def test_a_small_number_that_is_another_in_the_backward_pass_is_caught(candidates):
    pytest.importorskip("torch")
    assert "failed" in _verdicts(candidates(_OF_PROBABILITIES.format(eps="1e-7", back="1e-3"))).values()


_OF_TWO_DISTRIBUTIONS = """
class KLDivergence:
    def forward(self, y_true, y_pred):
        self.y, self.p = y_true, y_pred
        return np.sum(y_true * np.log((y_true + {of_target}) / (y_pred + {eps}))) / len(y_true)
    def backward(self):
        return -self.y / (self.p + {eps}) / len(self.y)
"""


@pytest.mark.parametrize("eps", ["1e-12", "1e-10", "1e-8", "1e-6"])
@pytest.mark.parametrize("both", [True, False])
def test_a_small_number_in_one_logarithm_is_told_from_one_in_both(candidates, eps, both):
    source = _OF_TWO_DISTRIBUTIONS.format(eps=eps, of_target=eps if both else "0.0")
    (candidate,) = candidates(source).values()
    assert ("logarithms" in fit(candidate).conventions["epsilon_in_logarithm"]) is both
    assert "failed" not in _verdicts({"KLDivergence": candidate}).values()


LOG_COSH = """
class LogCosh:
    def forward(self, y_pred, y_true):
        self.d = y_pred - y_true
        return np.log(np.cosh(self.d)).mean()
    def backward(self):
        return {slope} / self.d.size
"""


@pytest.mark.parametrize(("slope", "wrong"), [("np.tanh(self.d)", False), ("1 - np.tanh(self.d) ** 2", True)])
def test_the_logarithm_of_a_hyperbolic_cosine_is_known(loaded, slope, wrong):
    pytest.importorskip("torch")
    found = failed_checks(loaded(LOG_COSH.format(slope=slope))[0]["LogCosh"])
    assert ("backward_equals_the_reference" in found) == wrong
    assert wrong or not found
