"""The usual slips in an element's derivative: a term or a factor short, a square left out, a wrong mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._activation import SELU_ALPHA, SELU_SCALE
from ._bench import Sample, bench, close

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from .protocol import Evidence

    #: A derivative of an element, from the input, the output and the options.
    Slope = Callable[[Array, Array, Mapping[str, Any]], Array]

_ROOT, _CUBE = float(np.sqrt(2.0 / np.pi)), 0.044715
#: Of these the derivative depends on where the input lies.
_MASKED = ("relu", "leaky_relu", "relu6", "hardtanh", "elu", "celu", "selu", "prelu")


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _cdf(x: Array) -> Array:
    from ..references._activation import _erf

    return np.asarray(0.5 * (1.0 + _erf(x / np.sqrt(2.0))))


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-x * x / 2.0) / np.sqrt(2.0 * np.pi))


def _by_tanh(cube: float, root: float = 1.0) -> Slope:
    """Return GELU's derivative by tanh, with another number of cubes and a factor of the inner derivative."""

    def slope(x: Array, _: Array, __: Mapping[str, Any]) -> Array:
        t = np.tanh(_ROOT * (x + _CUBE * x**3))
        return np.asarray(0.5 * (1 + t) + 0.5 * x * (1 - t * t) * _ROOT * root * (1 + cube * _CUBE * x * x))

    return slope


def _half(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(_ROOT * (x + _CUBE * x**3))))


def _alpha(o: Mapping[str, Any]) -> float:
    return float(o.get("alpha", 1.0))


def _mish(x: Array) -> Array:
    return np.asarray(np.tanh(np.logaddexp(0.0, x)))


#: By operation: key, words, and the derivative that the slip makes.
SLIPS: dict[str, tuple[tuple[str, str, Slope], ...]] = {
    "tanh": (
        ("term_missing", "1 - tanh(x) where 1 - tanh(x)**2 should be", lambda _, y, __: 1 - y),
        ("term_sign", "1 + tanh(x)**2 where 1 - tanh(x)**2 should be", lambda _, y, __: 1 + y * y),
        ("term_missing", "tanh(x)**2 where 1 - tanh(x)**2 should be", lambda _, y, __: y * y),
    ),
    "sigmoid": (
        ("term_missing", "1 - y alone, y the output: the factor y is missing", lambda _, y, __: 1 - y),
        ("term_missing", "the output alone: the factor 1 - y is missing", lambda _, y, __: y),
        ("term_sign", "y * (1 + y) where y * (1 - y) should be", lambda _, y, __: y * (1 + y)),
        ("term_missing", "1 - y**2, which is the derivative of tanh", lambda _, y, __: 1 - y * y),
        ("derivative_at_output", "x * (1 - y) where y * (1 - y) should be", lambda x, y, _: x * (1 - y)),
        ("derivative_at_output", "y * (1 - x) where y * (1 - y) should be", lambda x, y, _: y * (1 - x)),
    ),
    "softplus": (
        ("term_sign", "sigmoid(-x) where sigmoid(x) should be", lambda x, *_: _sigmoid(-x)),
        (
            "another_derivative",
            "the derivative of the sigmoid, where the sigmoid itself should be",
            lambda x, *_: _sigmoid(x) * _sigmoid(-x),
        ),
    ),
    "log_sigmoid": (
        ("term_sign", "sigmoid(x) where sigmoid(-x) should be", lambda x, *_: _sigmoid(x)),
    ),
    "silu": (
        ("term_missing", "sigmoid(x) alone: its derivative's term is missing", lambda x, *_: _sigmoid(x)),
        (
            "term_missing",
            "s + s * (1 - s), s the sigmoid: the factor x of the second term is missing",
            lambda x, *_: _sigmoid(x) * (1 + _sigmoid(-x)),
        ),
        (
            "term_missing",
            "the term of the sigmoid's derivative alone: the sigmoid itself is missing",
            lambda x, y, _: y * _sigmoid(-x),
        ),
        (
            "term_missing",
            "s + x * s, s the sigmoid: the factor 1 - s of the second term is missing",
            lambda x, y, _: _sigmoid(x) + y,
        ),
        (
            "another_derivative",
            "the derivative of the sigmoid, not of x times the sigmoid",
            lambda x, *_: _sigmoid(x) * _sigmoid(-x),
        ),
        ("term_sign", "the second term with the other sign", lambda x, y, _: _sigmoid(x) - y * _sigmoid(-x)),
    ),
    "gelu": (
        ("term_missing", "Phi(x) alone: the term x * phi(x) is missing", lambda x, *_: _cdf(x)),
        (
            "term_missing",
            "Phi(x) + phi(x): the factor x of the second term is missing",
            lambda x, *_: _cdf(x) + _density(x),
        ),
        ("term_missing", "x * phi(x) alone: the term Phi(x) is missing", lambda x, *_: x * _density(x)),
        (
            "rounded_constant",
            "x * phi(x) without the density's factor 1 / sqrt(2 * pi)",
            lambda x, *_: _cdf(x) + x * np.exp(-x * x / 2),
        ),
        ("term_missing", "(1 + tanh) / 2 alone: the term of tanh's derivative is missing",
         lambda x, *_: _half(x)),
        ("term_missing", "1 + 0.044715 * x**2 where 1 + 3 * 0.044715 * x**2 should be", _by_tanh(1.0)),
        ("term_missing", "an inner derivative without the term of the cube", _by_tanh(0.0)),
        ("term_missing", "an inner derivative without the factor sqrt(2 / pi)", _by_tanh(3.0, 1 / _ROOT)),
        ("term_missing", "an inner derivative left out", lambda x, *_: _half(x) + 2 * x * _half(x) * (
            1 - _half(x))),
        (
            "term_missing",
            "1 - tanh where 1 - tanh**2 should be",
            lambda x, *_: _half(x) + x * (1 - _half(x)) * _ROOT * (1 + 3 * _CUBE * x * x),
        ),
    ),
    "elu": (
        ("term_missing", "the output alone for x < 0: alpha is not added", lambda x, y, _: np.where(
            x > 0, 1.0, y)),
        (
            "only_at_initial_value",
            "alpha * (exp(x) - 1) + 1 for x < 0, not alpha * exp(x): right only where alpha is 1",
            lambda x, y, _: np.where(x > 0, 1.0, y + 1.0),
        ),
        (
            "only_at_initial_value",
            "exp(x) for x < 0: the factor alpha is missing, which is 1 by default",
            lambda x, *_: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0))),
        ),
        ("term_missing", "alpha alone for x < 0: the factor exp(x) is missing", lambda x, _, o: np.where(
            x > 0, 1.0, _alpha(o))),
    ),
    "selu": (
        (
            "another_derivative",
            "y + alpha for x < 0 where y + scale * alpha should be",
            lambda x, y, _: np.where(x > 0, SELU_SCALE, y + SELU_ALPHA),
        ),
        ("term_missing", "the output alone for x < 0: scale * alpha is not added", lambda x, y, _: np.where(
            x > 0, SELU_SCALE, y)),
        (
            "term_missing",
            "alpha * exp(x) for x < 0: the factor scale is missing",
            lambda x, *_: np.where(x > 0, SELU_SCALE, SELU_ALPHA * np.exp(np.minimum(x, 0.0))),
        ),
        (
            "term_missing",
            "scale * exp(x) for x < 0: the factor alpha is missing",
            lambda x, *_: np.where(x > 0, SELU_SCALE, SELU_SCALE * np.exp(np.minimum(x, 0.0))),
        ),
        (
            "term_missing",
            "1 for x > 0: the factor scale is missing",
            lambda x, y, _: np.where(x > 0, 1.0, y + SELU_SCALE * SELU_ALPHA),
        ),
    ),
    "mish": (
        ("term_missing", "tanh(softplus(x)) alone: the other term is missing", lambda x, *_: _mish(x)),
        (
            "term_missing",
            "its second term without the factor sigmoid(x)",
            lambda x, *_: _mish(x) + x * (1 - _mish(x) ** 2),
        ),
        (
            "term_missing",
            "1 - tanh where 1 - tanh**2 should be",
            lambda x, *_: _mish(x) + x * (1 - _mish(x)) * _sigmoid(x),
        ),
    ),
    "softsign": (
        ("term_missing", "1 / (1 + |x|) where its square should be", lambda x, *_: 1 / (1 + np.abs(x))),
        ("term_sign", "1 / (1 + x)**2, without the absolute value", lambda x, *_: 1 / (1 + x) ** 2),
    ),
    "leaky_relu": (
        ("term_sign", "the slope for x < 0 with the other sign", lambda x, _, o: np.where(
            x > 0, 1.0, -float(o.get("negative_slope", 0.01)))),
        ("option_ignored", "0 for x < 0: the slope is left out", lambda x, *_: np.where(x > 0, 1.0, 0.0)),
    ),
}  # fmt: skip


def slip_in_the_derivative(evidence: Evidence) -> tuple[str, str] | None:
    """An element's derivative is that of a slip which is often made."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    first, output = b.here.case.slots[0], b.here.case.outputs[0]
    for key, words, slope in SLIPS.get(b.here.case.operation, ()):
        if b.fits(lambda s, f=slope: s.dys[0] * f(s.case[first], s.truth[output], s.options)):  # type: ignore[misc]  # bound in the loop
            return key, f"{b.part} has {words}"
    return None


def rest_of_the_cotangent(evidence: Evidence) -> tuple[str, str] | None:
    """The derivative is 1 minus what it should be."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    if b.fits(lambda s: s.dys[0] - s.truth[b.part]):
        return "another_derivative", f"{b.part} has 1 minus the derivative, which is what should be there"
    return None


def mask_of_the_cotangent(evidence: Evidence) -> tuple[str, str] | None:
    """Which branch an element is on is asked of the cotangent, not of the input."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation not in _MASKED or b.part != f"d{b.here.case.slots[0]}":
        return None
    first = b.here.case.slots[0]
    if b.fits(lambda s: b.gradient(b.part, s.judged.replace(**{first: np.array(s.dys[0])}), s.dys)):
        return "mask_of_the_cotangent", f"{b.part} has the mask of the cotangent, not of {first}"
    return None


def mask_of_the_first_sample(evidence: Evidence) -> tuple[str, str] | None:
    """Every sample has the first one's factors: a mask is cut to one sample."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    if b.here.dys[0].shape != b.here.case[b.here.case.slots[0]].shape or b.here.x.ndim < 2:
        return None

    def predict(s: Sample) -> Array:
        return s.own(b.part[1:], s.dy * (s.part(s.truth, b.part) / s.dy)[:1])

    if b.fits(predict):
        return "mask_of_the_first_sample", f"{b.part} has the first sample's mask in all samples"
    return None


def other_sign(evidence: Evidence) -> tuple[str, str] | None:
    """The derivative is that at an argument with the other sign, or the cotangent's sign is lost."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None

    def of_the_size(s: Sample) -> Array | None:
        found = b.gradient(b.part, s.judged, tuple(np.abs(dy) for dy in s.dys))
        return None if found is not None and close(found, s.truth[b.part]) else found

    if b.fits(of_the_size):
        return "wrong_sign", f"{b.part} is made with the cotangent's absolute value: its sign is lost"
    for slot in (n for n, a in b.here.case.given.items() if a.dtype.kind == "f"):

        def turned(s: Sample, slot: str = slot) -> Array | None:
            found = b.gradient(b.part, s.judged.replace(**{slot: -s.case[slot]}), s.dys)
            # A gradient that is but multiplied by it has a name of its own.
            return None if found is None or close(found, -s.truth[b.part]) else found

        if b.fits(turned):
            return "term_sign", f"{b.part} is what it would be with -{slot}: a sign is the other"
    return None
