"""The usual slips in losses: a logarithm or a term left out, the formula for logits, a constant added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from .protocol import Evidence

    Losses = Callable[[Array, Array], Array]

_BINARY = "binary_cross_entropy"
#: What one element of the binary cross entropy comes to, and its derivative, by a slip.
BINARY: tuple[tuple[str, str, Losses], ...] = (
    ("term_missing", "the logarithm is left out", lambda p, t: -(t * p + (1 - t) * (1 - p))),
    ("term_missing", "the term of 1 - target is missing", lambda p, t: -t * np.log(p)),
    ("term_missing", "the term of the target is missing", lambda p, t: -(1 - t) * np.log(1 - p)),
    (
        "term_sign",
        "the term of 1 - target has the other sign",
        lambda p, t: -(t * np.log(p) - (1 - t) * np.log(1 - p)),
    ),
)
BINARY_SLOPES: tuple[tuple[str, str, Losses], ...] = (
    (
        "formula_for_logits",
        "p - target, which is the derivative by the logits: the division by p * (1 - p) is missing",
        lambda p, t: p - t,
    ),
    ("term_missing", "the term of 1 - target is missing", lambda p, t: -t / p),
    ("term_missing", "the term of the target is missing", lambda p, t: (1 - t) / (1 - p)),
    ("term_sign", "the term of 1 - target has the other sign", lambda p, t: -t / p - (1 - t) / (1 - p)),
    ("term_sign", "the term of the target has the other sign", lambda p, t: t / p + (1 - t) / (1 - p)),
    ("term_missing", "(p - target) / p: the factor 1 - p below is missing", lambda p, t: (p - t) / p),
)


def _shares(s: Sample, part: str, slopes: Array) -> Array:
    """Return what an element's own derivative is multiplied by: what reduction and cotangent make of it."""
    exact = np.asarray(s.truth[part], np.float64)
    with np.errstate(all="ignore"):
        found = exact / slopes
    known = np.isfinite(found) & (slopes != 0)
    # Where an element's derivative is 0, the share of another one: they are alike but for one loss a sample.
    return np.asarray(np.where(known, found, np.median(found[known]) if known.any() else 0.0))


def binary(evidence: Evidence) -> tuple[str, str] | None:
    """A binary cross entropy is short of a term, of its logarithms, or has the derivative by the logits."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != _BINARY:
        return None
    if b.part in b.here.case.outputs:
        for key, words, losses in BINARY:

            def value(s: Sample, losses: Losses = losses) -> Array:
                p, t = (np.asarray(s.case[n], np.float64) for n in ("x", "target"))
                right = -(t * np.log(p) + (1 - t) * np.log(1 - p))
                scale = float(np.sum(s.truth[b.part])) / float(right.sum())
                said = losses(p, t)
                return np.asarray((said if s.got[b.part].ndim == said.ndim else said.sum()) * scale)

            if b.fits(value, numbers=3):
                return key, f"{b.part}: {words}"
        return None
    if b.part != "dx":
        return None
    for key, words, slopes in BINARY_SLOPES:
        for over, more in ((False, ""), (True, ", and it is divided by the batch size once more")):

            def back(s: Sample, slopes: Losses = slopes, over: bool = over) -> Array:
                p, t = (np.asarray(s.case[n], np.float64) for n in ("x", "target"))
                shares = _shares(s, b.part, (p - t) / (p * (1 - p)))
                return np.asarray(slopes(p, t) * shares / (len(p) if over else 1))

            if b.fits(back):
                return key, f"{b.part}: {words}{more}"
    return None


#: Slips in the derivative of log(var) + d**2 / var by var, up to a factor; d is x - target.
_BY_VARIANCE: tuple[tuple[str, str, Losses], ...] = (
    ("term_missing", "1 / var - d**2 / var: the square of var is missing", lambda d, v: 1 / v - d * d / v),
    ("term_missing", "the square of the difference is missing", lambda d, v: 1 / v - d / (v * v)),
    ("term_missing", "the logarithm's term 1 / var is missing", lambda d, v: -d * d / (v * v)),
    ("term_missing", "1 / var alone: the term of the squared difference is missing", lambda _, v: 1 / v),
    (
        "term_sign",
        "the term of the squared difference has the other sign",
        lambda d, v: 1 / v + d * d / (v * v),
    ),
    (
        "factor:2",
        "the term of the squared difference is off by a factor of 2",
        lambda d, v: 1 / v - 2 * d * d / (v * v),
    ),
    (
        "factor:1/2",
        "the term of the squared difference is off by a factor of 1/2",
        lambda d, v: 1 / v - d * d / (2 * v * v),
    ),
)


def gaussian(evidence: Evidence) -> tuple[str, str] | None:
    """The derivative of a Gaussian likelihood by its variance is short of a term or of a power."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "gaussian_nll_loss" or b.part != "dvar":
        return None
    for key, words, slope in _BY_VARIANCE:

        def predict(s: Sample, slope: Losses = slope) -> Array | None:
            d, var = (np.asarray(a, np.float64) for a in (s.case["x"] - s.case["target"], s.case["var"]))
            if var.shape != d.shape:
                return None
            var = np.maximum(var, float(s.options.get("eps", 1e-6)))
            return np.asarray(slope(d, var) * _shares(s, b.part, 1 / var - d * d / (var * var)))

        if b.fits(predict):
            return key, f"{b.part}: {words}"
    return None


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _picked(s: Sample) -> tuple[Array, Array, Array]:
    """Return probabilities (N, classes), whether each is the target's, and those of the targets."""
    x = np.asarray(s.x, np.float64)
    if x.ndim != 2:
        raise ValueError("not one loss a sample")
    target = s.as_torch("target", s.case["target"])
    if target.dtype.kind not in "iu":
        target = target.argmax(axis=1)
    p = _softmax(x) if s.case.operation == "cross_entropy" and not _of_probabilities(s) else x
    hot = np.arange(p.shape[1]) == np.asarray(target)[:, None]
    return p, hot, p[hot]


def _of_probabilities(s: Sample) -> bool:
    return "categorical" in s.case.operation


def classes(evidence: Evidence) -> tuple[str, str] | None:
    """A cross entropy of classes without its logarithm, or short of the 1 at the right class."""
    b = bench(evidence)
    operation = "" if b.here is None else b.here.case.operation
    if b.here is None or operation not in ("cross_entropy", "categorical_cross_entropy"):
        return None
    if b.part in b.here.case.outputs:

        def no_logarithm(s: Sample) -> Array:
            _, _, picked = _picked(s)
            exact = -np.log(picked)
            each = s.truth[b.part].shape == picked.shape
            scale = 1.0 if each else float(s.truth[b.part].sum() / exact.sum())
            return np.asarray(-picked if each else (-picked * scale).sum()).reshape(s.truth[b.part].shape)

        if b.fits(no_logarithm, numbers=3):
            return "term_missing", f"{b.part}: the logarithm is left out"
        return None
    if b.part != "dx":
        return None
    for key, words, of in (
        ("term_missing", "the 1 is not taken away at the right class", lambda p, _: p),
        ("term_missing", "only the right class has a gradient: the probabilities of the others are missing",
         lambda p, hot: (p - 1) * hot),
        ("derivative_left_out", "-target / p alone: the derivative of the softmax is left out",
         lambda p, hot: -1.0 * hot / p),
        ("term_sign", "the 1 is added at the right class, not taken away", lambda p, hot: p + hot),
    ):  # fmt: skip

        def back(s: Sample, of: Losses = of) -> Array:
            if _of_probabilities(s):
                raise ValueError("of probabilities")
            p, hot, _ = _picked(s)
            return s.own("x", of(p, hot) * _rows(s, b.part, p, hot))

        if b.fits(back):
            return key, f"{b.part}: {words}"

    def logits(s: Sample) -> Array:
        if not _of_probabilities(s):
            raise ValueError("of logits")
        p, hot, picked = _picked(s)
        right = np.asarray(s.as_torch("x", s.truth[b.part]), np.float64)
        share = (-right[hot] * picked)[:, None]
        return s.own("x", (p - hot) * share)

    if b.fits(logits):
        return (
            "formula_for_logits",
            f"{b.part}: p - target, which is the derivative by the logits of a softmax, not by p",
        )
    return None


def _rows(s: Sample, part: str, p: Array, hot: Array) -> Array:
    """Return what each sample's p - target is multiplied by."""
    right = np.asarray(s.as_torch("x", s.truth[part]), np.float64)
    return np.asarray(right[hot] / (p - 1)[hot])[:, None]


def off_by_a_constant(evidence: Evidence) -> tuple[str, str] | None:
    """The value is off by the same number in every call."""
    b = bench(evidence)
    if b.here is None or b.part not in b.here.case.outputs or not _is_loss(b):
        return None
    gaps = [
        np.asarray(s.got[b.part] - s.truth[b.part], np.float64).reshape(-1)
        for s, _ in b.judged()
        if s.got[b.part].shape == s.truth[b.part].shape and np.isfinite(s.got[b.part]).all()
    ]
    if len(gaps) < 4 or not all(off for _, off in b.judged()):
        return None
    found = np.concatenate(gaps)
    constant, spread = float(found[0]), float(np.ptp(found))
    values = {round(float(np.sum(s.truth[b.part])), 6) for s, _ in b.judged()}
    if spread <= 1e-8 * abs(constant) and len(values) >= 4:
        return "off_by_a_constant", f"{b.part} is off by {constant:.6g} in every call: a constant is added"
    return None


def _is_loss(b: Bench) -> bool:
    return b.here is not None and "loss" in b.here.case.outputs


def huber(evidence: Evidence) -> tuple[str, str] | None:
    """A Huber loss's gradient beyond delta has no sign, or is that of the square everywhere."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "smooth_l1_loss" or b.part != "dx":
        return None

    def no_sign(s: Sample) -> Array:
        d = np.asarray(s.case["x"] - s.case["target"], np.float64)
        right = np.asarray(s.truth[b.part], np.float64)
        far = np.abs(d) > float(s.options.get("beta", s.options.get("delta", 1.0)))
        sense = np.sign(np.median(right[d != 0] * np.sign(d[d != 0]))) if (d != 0).any() else 1.0
        return np.asarray(np.where(far, np.abs(right) * sense, right))

    if b.fits(no_sign):
        return "sign", f"{b.part}: beyond delta the sign of the difference is left out"
    return None
