"""A formula that is another: at the output, approximate, with an epsilon, clipped, or short of a term."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._activation import SELU_ALPHA, SELU_SCALE
from ._bench import Bench, Sample, bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from .protocol import Evidence

EPSILONS = tuple(float(f"1e-{n}") for n in range(2, 16))


def _x(s: Sample) -> Array:
    return s.case[s.case.slots[0]]


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


#: The derivative as a function of the output: what is wrong when it is given the input.
OF_THE_OUTPUT: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda v: v * (1 - v),
    "tanh": lambda v: 1 - v * v,
}


def derivative_at_output(evidence: Evidence) -> tuple[str, str] | None:
    """The derivative is taken at the output instead of the input, or its formula for outputs at the input."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    first = b.here.case.slots[0]
    output = b.here.case.outputs[0]
    if b.fits(
        lambda s: b.gradient(b.part, s.judged.replace(**{first: s.truth[output].astype(_x(s).dtype)}), s.dys)
    ):
        return "derivative_at_output", f"{b.part} is the derivative at the output, not at the input"
    formula = OF_THE_OUTPUT.get(b.here.case.operation)
    if formula is not None and b.fits(lambda s: s.dys[0] * formula(_x(s))):
        return "derivative_at_output", f"{b.part} is by the formula for the output, given the input"
    return None


def derivative_left_out(evidence: Evidence) -> tuple[str, str] | None:
    """The cotangent is handed on as it is."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    first = b.here.case.slots[0]
    if b.here.dys and b.here.dys[0].shape == b.here.case[first].shape and b.fits(lambda s: s.dys[0]):
        return "derivative_left_out", f"{b.part} is the cotangent itself: the derivative is left out"
    return None


def _gelu_tanh(x: Array, root: float, cube: float) -> tuple[Array, Array]:
    t = np.tanh(root * (x + cube * x**3))
    return 0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cube * x * x)


def approximate_formula(evidence: Evidence) -> tuple[str, str] | None:
    """GELU by tanh, or by a sigmoid."""
    b = bench(evidence)
    if b.here is None or "gelu" not in b.here.case.operation:
        return None
    if any(s.case.options.get("approximate", "none") == "tanh" for s, off in b.judged() if off):
        return None
    forward = not b.part.startswith("d")

    def by_tanh(s: Sample) -> Array:
        if s.case.options.get("approximate") == "tanh":
            return s.truth[b.part]
        y, slope = _gelu_tanh(_x(s), float(np.sqrt(2 / np.pi)), 0.044715)
        return y if forward else np.asarray(s.dys[0] * slope)

    def by_sigmoid(s: Sample) -> Array:
        g = _sigmoid(1.702 * _x(s))
        return np.asarray(_x(s) * g if forward else s.dys[0] * (g + 1.702 * _x(s) * g * (1 - g)))

    for name, formula in (("tanh", by_tanh), ("a sigmoid", by_sigmoid)):
        if b.fits(formula):
            return "approximate_formula", f"{b.part} is by an approximate formula: GELU by {name}"
    return None


def rounded_constant(evidence: Evidence) -> tuple[str, str] | None:
    """GELU or SELU with a constant that is good to a few digits only."""
    b = bench(evidence)
    if b.here is not None and b.here.case.operation == "selu":
        return _rounded_selu(b)
    if b.here is None or "gelu" not in b.here.case.operation:
        return None
    exact = float(np.sqrt(2 / np.pi))
    for digits in range(2, 8):
        root = round(exact, digits)

        def predict(s: Sample, root: float = root) -> Array:
            x = _x(s)
            if not b.part.startswith("d"):
                return _gelu_tanh(x, root, 0.044715)[0]
            t = np.tanh(exact * (x + 0.044715 * x**3))
            return np.asarray(
                s.dys[0] * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 0.134145 * x * x))
            )

        def throughout(s: Sample, root: float = root) -> Array:
            y, slope = _gelu_tanh(_x(s), root, 0.044715)
            return np.asarray(s.dys[0] * slope) if b.part.startswith("d") else y

        if b.fits(predict) or b.fits(throughout):
            return "rounded_constant", f"{b.part} has sqrt(2 / pi) rounded to {root}"
    return _rounded_cube(b)


def _rounded_cube(b: Bench) -> tuple[str, str] | None:
    """GELU by tanh with 0.044715, or 3 times it, to a few digits only."""
    root, forward = float(np.sqrt(2 / np.pi)), not b.part.startswith("d")
    for name, exact in (("0.044715", 0.044715), ("3 * 0.044715", 0.134145)):
        for value in dict.fromkeys(round(exact, digits) for digits in range(2, 6)):

            def predict(s: Sample, value: float = value, name: str = name) -> Array:
                x = _x(s)
                if name == "0.044715":
                    y, slope = _gelu_tanh(x, root, value)
                    return y if forward else np.asarray(s.dys[0] * slope)
                t = np.tanh(root * (x + 0.044715 * x**3))
                return np.asarray(
                    s.dys[0] * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + value * x * x))
                )

            if value != exact and b.fits(predict):
                return "rounded_constant", f"{b.part} has {name} rounded to {value}"
    return None


def _rounded_selu(b: Bench) -> tuple[str, str] | None:
    forward = not b.part.startswith("d")
    for digits in range(1, 9):
        of = {"scale": round(SELU_SCALE, digits), "alpha": round(SELU_ALPHA, digits)}
        for which in (("scale", "alpha"), ("scale",), ("alpha",)):
            scale, alpha = (
                of[n] if n in which else exact for n, exact in (("scale", SELU_SCALE), ("alpha", SELU_ALPHA))
            )

            def predict(s: Sample, scale: float = scale, alpha: float = alpha) -> Array:
                x = _x(s)
                e = np.exp(np.minimum(x, 0))
                y = scale * (
                    np.where(x > 0, x, alpha * (e - 1)) if forward else np.where(x > 0, 1.0, alpha * e)
                )
                return np.asarray(y if forward else s.dys[0] * y)

            if b.fits(predict):
                said = " and ".join(f"{name} rounded to {of[name]}" for name in which)
                return "rounded_constant", f"{b.part} has {said}"
    return None


def _of_probabilities(s: Sample) -> bool:
    """Return whether a logarithm is taken of what goes in, or of the probabilities made of it."""
    return any(w in s.case.operation for w in ("entropy", "nll", "log", "kl_div", "poisson"))


def clipped(evidence: Evidence) -> tuple[str, str] | None:
    """The result is the reference's on values that are clipped from below (and above)."""
    b = bench(evidence)
    if b.here is None or not _of_probabilities(b.here):
        return None
    first = b.here.case.slots[0]
    for eps in EPSILONS:
        for high in (1.0 - eps, np.inf):
            for cut in (False, True):

                def predict(s: Sample, eps: float = eps, high: float = high, cut: bool = cut) -> Array | None:
                    x = _x(s)
                    inside = np.clip(x, eps, high)
                    shown = s.judged.replace(**{first: inside})
                    found = b.gradient(b.part, shown, s.dys)
                    return np.where(inside == x, found, 0.0) if cut and found is not None else found

                # Ordinary values are not clipped: that one call shows it must do.
                if b.fits(predict, least=1):
                    return "clipped", f"values below {eps:g} are clipped"
    return None


#: Bounds of a probability that no ordinary score reaches.
_SMALLER = (
    1e-16, 1e-18, 1e-20, 1e-25, 1e-30, 1e-32, 1e-35, 1e-37, 1e-38, 1e-50, 1e-100, 1e-200, 1e-300, 1e-307,
    1e-308, *(float(v) for t in (np.float32, np.float64) for v in (np.finfo(t).eps, np.finfo(t).tiny)),
)  # fmt: skip


def clipped_probabilities(evidence: Evidence) -> tuple[str, str] | None:
    """A loss of logits clips its probabilities before the logarithm, in the value alone: a convention."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "cross_entropy" or b.part not in b.here.case.outputs:
        return None
    for eps in (*EPSILONS, *_SMALLER):
        for high in (1.0 - eps, 1.0, np.inf):

            def predict(s: Sample, eps: float = eps, high: float = high) -> Array | None:
                x, target = s.judged["x"], s.judged["target"]
                if x.ndim != 2 or target.dtype.kind not in "iu" or target.size == 0 or target.min() < 0:
                    return None
                p = np.exp(x - x.max(1, keepdims=True))
                p = np.clip(p / p.sum(1, keepdims=True), eps, high)
                losses = -np.log(p[np.arange(len(p)), target])
                how = str(s.judged.options.get("reduction", "mean"))
                return np.asarray({"mean": losses.mean(), "sum": losses.sum(), "none": losses}[how])

            # One loss in all its digits is proof enough of one of so few bounds.
            if b.fits(predict, least=1, numbers=1):
                words = f"probabilities below {eps:g} are clipped in the logarithm, in the value alone"
                return "convention:clipped_logarithm", words
    return None


def additive_epsilon(evidence: Evidence) -> tuple[str, str] | None:
    """An epsilon is added to what the logarithm is taken of."""
    b = bench(evidence)
    if b.here is None or not _of_probabilities(b.here):
        return None
    first = b.here.case.slots[0]
    logits = b.here.case.operation == "cross_entropy"
    for eps in EPSILONS:

        def added(s: Sample, eps: float = eps) -> Array | None:
            return b.gradient(b.part, s.judged.replace(**{first: _x(s) + eps}), s.dys)

        def in_the_logarithm(s: Sample, eps: float = eps) -> Array | None:
            x = _x(s)
            axis = min(1, x.ndim - 1)
            p = np.exp(x - x.max(axis=axis, keepdims=True))
            p = p / p.sum(axis=axis, keepdims=True)
            right = s.truth[b.part]  # = c * (p * sum(t) - t), with one class t at most
            t = p * _total(s, right, p, axis) - right
            g = -t / (p + eps)
            return np.asarray(p * (g - (g * p).sum(axis=axis, keepdims=True)))

        if b.fits(in_the_logarithm if logits else added):
            consistent = (
                not logits
                and b.here.case.outputs[0] in b.here.got
                and b.fits(added_forward(evidence, eps), b.here.case.outputs[0])
            )
            return (
                ("convention:epsilon", f"an epsilon of {eps:g} is part of the formula, value and gradient")
                if consistent
                else ("additive_epsilon", f"{b.part} has an epsilon of {eps:g} added inside the logarithm")
            )
    return None


def _total(s: Sample, right: Array, p: Array, axis: int) -> Array:
    """Return the weight of each sample's class: right = p * w at every other class."""
    target = s.case["target"]
    if target.dtype.kind == "f":
        raise TypeError("class probabilities")
    other = np.argmax(np.arange(p.shape[axis]) != np.asarray(target)[..., None], axis=-1)
    at = np.expand_dims(other, axis)
    return np.asarray(np.take_along_axis(right, at, axis) / np.take_along_axis(p, at, axis))


def added_forward(evidence: Evidence, eps: float) -> Callable[[Sample], Array | None]:
    """Return the value with `eps` added to the input."""

    def predict(s: Sample) -> Array | None:
        first = s.case.slots[0]
        if evidence.reference is None:
            return None
        return np.asarray(evidence.reference.forward(s.judged.replace(**{first: _x(s) + eps}))[0])

    return predict


def softmax_term_missing(evidence: Evidence) -> tuple[str, str] | None:
    """Only the diagonal of softmax's derivative, or log-softmax without its sum."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    output = b.here.case.outputs[0]
    diagonal = "only the diagonal of the derivative: the sum over the classes is missing"
    short: dict[str, tuple[tuple[Callable[[Sample], Array], str], ...]] = {
        "softmax": (
            (lambda s: s.dys[0] * s.truth[output] * (1 - s.truth[output]), diagonal),
            (lambda s: s.dys[0] * s.truth[output], diagonal),
        ),
        "log_softmax": (
            (lambda s: s.dys[0], diagonal),
            (
                lambda s: s.dys[0] - np.exp(s.truth[output]),
                "exp(y) taken away once: the factor of the cotangent's sum over the classes is missing",
            ),
        ),
    }
    for formula, words in short.get(b.here.case.operation, ()):
        if b.fits(formula):
            return "term_missing", f"{b.part} has {words}"
    return None


def one_path_alone(evidence: Evidence) -> tuple[str, str] | None:
    """An attention's states come in twice, in the weights and in the sum: one of the two is left out."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "dot_attention" or b.part != "dx":
        return None

    def in_the_sum(s: Sample) -> Array:
        scores = (s.x * s.as_torch("h", s.case["h"])[:, None, :]).sum(-1)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = shares / shares.sum(axis=1, keepdims=True)
        return s.own("x", shares[:, :, None] * s.dy[:, None, :])

    for predict, words in (
        (in_the_sum, "what comes through the weights is left out"),
        (lambda s: s.truth[b.part] - in_the_sum(s), "what comes through the sum is left out"),
    ):
        if b.fits(predict):
            return "term_missing", f"{b.part}: {words}"
    return None


def norm_held_constant(evidence: Evidence) -> tuple[str, str] | None:
    """What it is divided by is taken for a constant: its own derivative is left out."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    if "local_response" in b.here.case.operation:
        first, output = b.here.case.slots[0], b.here.case.outputs[0]
        if b.part == f"d{first}" and b.fits(lambda s: s.dys[0] * s.truth[output] / s.case[first]):
            return "term_missing", f"{b.part}: the sum of squares is taken for a constant"
    if b.here.case.operation not in ("cosine_similarity", "cosine_embedding_loss"):
        return None

    def predict(s: Sample) -> Array | None:
        of, other = s.case[b.part[1:]], s.case[next(n for n in s.case.slots if f"d{n}" != b.part)]
        dim: Any = s.options.get("dim", -1 if "loss" in s.case.operation or of.ndim < 2 else 1)
        straight, got = other / np.sqrt((other * other).sum(dim, keepdims=True)), s.got[b.part]
        said = (got * straight).sum(dim, keepdims=True) * straight
        # What the norm's derivative takes off is the share along the vector itself.
        along = (said * of).sum(dim, keepdims=True) * of / (of * of).sum(dim, keepdims=True)
        scale = float(np.abs(said).max(initial=0.0))
        near = np.abs(said - along - s.truth[b.part]) <= 1e-8 * scale
        return np.asarray(said) if near.all() else None

    if b.fits(predict):
        return "term_missing", f"{b.part}: the norm of {b.part[1:]} is taken for a constant"
    return None


def normalized_elsewhere(evidence: Evidence) -> tuple[str, str] | None:
    """A softmax whose sum goes over the samples, or over everything."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "softmax" or b.part not in b.here.case.outputs:
        return None
    for axis, words in ((0, "axis 0"), (None, "the whole array")):

        def predict(s: Sample, axis: int | None = axis) -> Array:
            e = np.exp(_x(s) - _x(s).max())
            return np.asarray(e / e.sum(axis=axis, keepdims=True))

        if b.fits(predict):
            return "batch_mixed", f"{b.part} is normalised over {words}, not over the classes of each sample"
    return None
