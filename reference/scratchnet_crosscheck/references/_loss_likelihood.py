"""Losses that are likelihoods, the Kullback-Leibler divergence, and the loss of sequences not aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..catalogue import operation_of
from ..oracles.golden import Golden
from ._loss import EPSILONS, epsilon_of
from ._reductions import chosen, of_loss, of_samples, reduction, reductions, shape
from .protocol import SCALAR, TIME_FIRST, Form, Measured, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


def _forms(strict: bool, *choices: list[Form]) -> list[Form]:
    return reductions()[:1] if strict else every(*choices, [*reductions(), *of_samples()])


def _fractions(sketch: Sketch, *sides: int) -> Array:
    """Return sixteenths between 0 and 1, without these."""
    drawn = np.asarray((sketch.d.labels(*sides, classes=15) + 1) / 16)
    return sketch.d.laid_out(drawn.astype(sketch.d.setting.dtype))


# ---- kl_div


def _draw_kl(sketch: Sketch) -> Parts:
    sides = shape(sketch)
    options = sketch.option("log_target", False, True)
    probable = bool(sketch.form.options.get("probabilities"))
    x = _fractions(sketch, *sides) if probable else sketch.moderate("x", *sides)
    if options.get("log_target", sketch.form.options.get("log_target")):
        return {"x": x, "target": sketch.moderate("target", *sides)}, options | _kl_reduction(sketch)
    target = _fractions(sketch, *sides)
    if target.size and sketch.may("a target of 0"):
        target = np.array(target)
        target.flat[sketch.d.integer(0, target.size - 1)] = 0
    return {"x": x, "target": target}, options | _kl_reduction(sketch)


def _kl_reduction(sketch: Sketch) -> dict[str, Any]:
    return {"reduction": "batchmean"} if _batchmean(sketch) else reduction(sketch)


def _batchmean(sketch: Sketch) -> bool:
    return "reduction" in sketch.takes and sketch.may("the mean over the batch alone")


def _kl(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    x, t = a["x"], a["target"]
    both, alone = o.get("log_eps_both", 0.0), o.get("log_eps", 0.0)
    some = t > 0
    log_t = lib.log(lib.where(some, t, lib.ones_like(t)) + both)
    return t * (log_t - lib.log(x + (both or alone)))


_PROBABLE = Form(
    options={"probabilities": True},
    conventions={"probabilities": "predictions are probabilities, whose logarithm the layer takes"},
)


def _kl_forms(strict: bool) -> list[Form]:
    found = [Form(), _PROBABLE]
    found += [_PROBABLE + form(eps) for eps in EPSILONS for form in (_both, _alone)]
    return _forms(strict, found)


def _both(eps: float) -> Form:
    return epsilon_of(eps, "log_eps_both", "{:g} is added inside the logarithms")


def _alone(eps: float) -> Form:
    return epsilon_of(eps, "log_eps", "{:g} is added inside the logarithm")


def _unlikely(x: Any) -> Any:
    return np.full_like(x, 1e-7)


#: By targets that are small as well the one is told from the other.
_SMALL = {"target": lambda t: np.full_like(t, 1e-5)}
_MEASURED = {
    "log_eps_both": Measured(_both, _unlikely, (Form(), _PROBABLE), beside=_SMALL),
    "log_eps": Measured(_alone, _unlikely, (Form(), _PROBABLE), beside=_SMALL),
}


#: Arguments that say it is the divergence of a normal distribution from the standard one.
_OF_NORMALS = (
    "mu",
    "mean",
    "zmean",
    "logvar",
    "logvariance",
    "sigma",
    "std",
    "logsigma",
    "logstd",
    "zlogvar",
    "zlogsigma",
)

KL_DIV = of_loss(
    "kl_div", _draw_kl, {"log_target": False}, own=_kl, owns=("probabilities",), forms=_kl_forms,
    strangers=_OF_NORMALS, measured=_MEASURED,
)  # fmt: skip


# ---- poisson_nll_loss


def _draw_poisson(sketch: Sketch) -> Parts:
    sides = shape(sketch)
    options: dict[str, Any] = sketch.option("log_input", True, False)
    options |= sketch.option("full", False, True) | sketch.option("eps", 1e-8, 0.125)
    of_logs = chosen(sketch, options, "log_input", True)
    x = sketch.moderate("x", *sides) if of_logs else sketch.array("x", *sides, positive=True)
    # Never 1, where Stirling's formula comes in, and never 0 without its logarithm being left out.
    target = np.asarray(sketch.d.labels(*sides, classes=5) * 2).astype(sketch.d.setting.dtype)
    return {"x": x, "target": sketch.d.laid_out(target)}, options | reduction(sketch)


def _poisson_forms(strict: bool) -> list[Form]:
    found = [Form()]
    for eps in (1e-8, *(e for e in (*EPSILONS, 0.0) if e != 1e-8)):
        said = {"of_rates": "predictions are rates, not their logarithms"}
        if eps != 1e-8:
            said["epsilon_in_logarithm"] = f"{eps:g} is added inside the logarithm"
        found.append(Form(options={"log_input": False, "eps": eps}, conventions=said))
    return _forms(strict, found)


POISSON_NLL_LOSS = of_loss(
    "poisson_nll_loss", _draw_poisson, {"log_input": True, "full": False, "eps": 1e-8}, forms=_poisson_forms,
)  # fmt: skip


# ---- gaussian_nll_loss


def _draw_gaussian(sketch: Sketch) -> Parts:
    sides = shape(sketch)
    options: dict[str, Any] = sketch.option("full", False, True) | sketch.option("eps", 1e-6, 1e-3)
    arrays = {name: sketch.array(name, *sides) for name in ("x", "target")}
    return {**arrays, "var": sketch.array("var", *sides, positive=True)}, options | reduction(sketch)


def _gaussian(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    var = a["var"] + o.get("var_eps", 0.0)
    return 0.5 * (lib.log(var) + (a["x"] - a["target"]) ** 2 / var) + (
        0.5 * float(np.log(2 * np.pi)) if o["full"] else 0.0
    )


def _gaussian_forms(strict: bool) -> list[Form]:
    full = Form(options={"full": True}, conventions={"full": "with the constant log(2 pi) / 2"})
    added = [
        Form(options={"var_eps": eps},
             conventions={"epsilon_in_variance": f"{eps:g} is added to the variance"})
        for eps in (1e-6, 1e-8)
    ]  # fmt: skip
    return _forms(strict, [Form(), full], [Form(), *added])


GAUSSIAN_NLL_LOSS = of_loss(
    "gaussian_nll_loss", _draw_gaussian, {"full": False, "eps": 1e-6}, slots=("x", "target", "var"),
    own=_gaussian, owns=("var_eps",), forms=_gaussian_forms,
    strangers=tuple(name for name in _OF_NORMALS if name not in ("mu", "mean")),
)  # fmt: skip


# ---- ctc_loss

_CTC = ("log_probs", "targets", "input_lengths", "target_lengths")


def _draw_ctc(sketch: Sketch) -> Parts:
    n, classes, longest = max(1, sketch.batch(high=3)), sketch.side(2, 4), sketch.d.integer(1, 3)
    n_times = 2 * longest + sketch.d.integer(1, 2)
    options: dict[str, Any] = sketch.option("blank", 0, classes - 1)
    options |= sketch.option("zero_infinity", False, True)
    blank = chosen(sketch, options, "blank", 0)
    labels = sketch.d.labels(n, longest, classes=classes - 1)
    labels += labels >= blank
    counts = 1 + sketch.d.labels(n, classes=longest)
    times = n_times - sketch.d.labels(n, classes=2)
    if options.get("zero_infinity") and sketch.may("a sequence that is too short"):
        counts[0], times[0] = longest, max(longest - 1, 1)
        options["zero_infinity"] = True
    sides = sketch.form.layout("log_probs").shape((n_times, n, classes))
    logits = np.asarray(sketch.moderate("log_probs", n_times, n, classes), dtype=np.float64)
    logits = np.clip(logits, -4, 4).reshape(sides)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    targets: Array = labels
    if sketch.may("labels one after the other"):  # of one length: the first count stands for all of them
        counts[:] = longest
        targets = labels.reshape(-1)
    arrays = {
        "log_probs": sketch.d.laid_out(log_probs.astype(sketch.d.setting.dtype)), "targets": targets,
        "input_lengths": times, "target_lengths": counts,
    }  # fmt: skip
    return arrays, options | reduction(sketch)


def _ctc_forms(strict: bool) -> list[Form]:
    batch_first = Form({"log_probs": TIME_FIRST})
    over = Form(
        {"loss": SCALAR}, {"over": "batch"},
        {"averaged_over_batch": "averaged over the batch, not divided by the numbers of labels"},
    )  # fmt: skip
    return reductions()[:1] if strict else every([Form(), batch_first], [*reductions(), over])


def _by_itself(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    """Return the losses, differentiated by every log-probability for itself: they need not add up to 1.

    PyTorch's gradient has the probabilities added to it, as a log-softmax before it would.
    """
    arrays = {"targets": a["targets"], **{k: a[k] for k in _CTC[2:]}}
    options = {"blank": o["blank"], "zero_infinity": o["zero_infinity"], "reduction": "none"}
    x, counts = a["log_probs"], a["target_lengths"]
    if lib is np:
        (losses,) = Golden().forward(Case("ctc_loss", {"log_probs": x, **arrays}, options, ("log_probs",)))
        counts = np.maximum(counts, 1)
    else:
        losses = lib.nn.functional.ctc_loss(x, **arrays, **options)
        within = lib.arange(len(x))[:, None] < a["input_lengths"][None, :]
        added = (x.exp() - x.exp().detach()).sum(-1) * within * (losses.detach() > 0)
        losses, counts = losses - added.sum(0), counts.clamp(min=1)
    return losses / counts if o["reduction"] == "mean" and "over" not in o else losses


CTC_LOSS = of_loss(
    "ctc_loss", _draw_ctc, {"blank": 0, "zero_infinity": False}, slots=_CTC, fixed=_CTC[1:], forms=_ctc_forms,
    own=_by_itself, owns=("free",), tangent=operation_of("ctc_loss").tangent,
)  # fmt: skip
