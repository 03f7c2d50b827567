"""Losses: of classes and of numbers, reduced as the layer reduces them."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ._activation import LARGE, _log_softmax, _sigmoid, _softmax
from ._reductions import reduction, reductions
from .protocol import (
    BATCH_LAST,
    INDICES,
    ONE_HOT,
    ONE_HOT_LAST,
    SCALAR,
    Form,
    Kind,
    Layout,
    Measured,
    Parts,
    Sketch,
    every,
    reshaped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


# ---- classes


def _class_forms(strict: bool) -> list[Form]:
    plain = Form({"target": INDICES})
    hot = Form({"target": ONE_HOT})
    if strict:
        return every([plain, hot], [Form({"loss": SCALAR})])
    forms = every(reductions(), [plain, hot], _epsilons())
    last = {"x": BATCH_LAST}
    turned = [Form({**last, "target": ONE_HOT_LAST}), Form({**last, "target": INDICES})]
    return [*forms, *every(turned, reductions(), _epsilons())]


def _epsilons() -> list[Form]:
    """Return the forms without a small number in the logarithm and with one."""
    return [Form(), *map(_epsilon, EPSILONS)]


def _epsilon(eps: float) -> Form:
    return epsilon_of(eps, "log_eps", "{:g} is added inside the logarithm")


#: What is met, to begin with: then it is measured. Another is found where it alone is out of the ordinary.
EPSILONS = (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-6, 1e-5)
#: So little makes no difference to any probability that is drawn.
_NO_EPSILON = 1e-17


def epsilon_of(eps: float, option: str, words: str) -> Form:
    """Return the form of a small number in a logarithm, none where it is nothing."""
    if eps < _NO_EPSILON:
        return Form()
    return Form(options={option: eps}, conventions={"epsilon_in_logarithm": words.format(eps)})


def _measured(unlikely: Callable[[Any], Any]) -> dict[str, Measured]:
    """Return how the number in the logarithm is measured, by what makes an input's probabilities small."""
    return {"log_eps": Measured(_epsilon, unlikely)}


_OF_SCORES = _measured(lambda x: np.where(x > 0, 14.0, -14.0))
_OF_PROBABILITIES = _measured(lambda x: np.full_like(x, 1e-7))


#: Of what takes class indices: a call with one-hot labels.
ONE_HOT_TOO = "one-hot labels"


def _targets(sketch: Sketch, classes: int, batch: int, *, indices: bool = False, **labels: Any) -> Any:
    target = sketch.d.labels(batch, classes=classes, **labels)
    layout = sketch.form.layout("target")
    if layout is INDICES:
        turned = sketch.form.layout("x") is BATCH_LAST
        if labels or turned or indices or not sketch.may(ONE_HOT_TOO):
            return target
    hot = np.eye(classes, dtype=sketch.d.setting.dtype)[target]
    return np.ascontiguousarray(hot.T) if layout is ONE_HOT_LAST else hot


def _draw_classes(sketch: Sketch) -> Parts:
    batch, classes = max(sketch.batch(), 1), sketch.side(2, 6)
    options: dict[str, Any] = {}
    ignore: dict[str, int] = {}
    if "ignore_index" in sketch.takes and sketch.may("ignored labels"):
        options["ignore_index"] = ignore["ignore"] = 1
    # Moderate: a softmax whose logarithm is taken is infinite for scores far apart, which is said once.
    x = sketch.moderate("x", batch, classes)
    weights = _weights(sketch, classes)
    # PyTorch's mean with weights divides by their sum where labels are indices, by N where they are one-hot.
    target = _targets(sketch, classes, batch, indices=bool(weights), **ignore)
    if ignore:  # never all of them: the mean of nothing is a question of its own
        target[0] = 0
    if "log_eps" not in sketch.form.options:
        options |= sketch.option("label_smoothing", 0.0, 0.25, 0.1)
    return {"x": x, "target": target, **weights}, options | reduction(sketch)


def _weights(sketch: Sketch, *sides: int, name: str = "class_weight") -> dict[str, Any]:
    """Return a weight for each class, where the layer is made with such and this call has them."""
    if name in sketch.form.absent or not sketch.may(f"weights ({name})", 1):
        return {}
    return {name: sketch.array(name, *sides, positive=True, plain=True)}


def _weighed(a: Mapping[str, Any], losses: Any, kept: Any) -> tuple[Any, float]:
    """Return losses of samples times their classes' weights, and what their mean is divided by."""
    if a.get("class_weight") is None:
        return losses * kept, float(kept.sum())
    weight = a["class_weight"][np.where(kept, a["target"], 0)] * kept
    return losses * weight, float(weight.sum())


def _reduced(losses: Any, o: Mapping[str, Any], count: float | None = None) -> tuple[Any, ...]:
    reduction = o.get("reduction", "mean")
    if reduction == "none":
        return (losses,)
    total = losses.sum()
    return (total if reduction == "sum" else total / (float(losses.size) if count is None else count),)


def _cross_entropy(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, target = a["x"], a["target"]
    log_p = np.log(_softmax(x) + o["log_eps"]) if "log_eps" in o else _log_softmax(x)
    kept = target != o.get("ignore_index", -100)
    losses, count = _weighed(a, -log_p[np.arange(len(x)), np.where(kept, target, 0)], kept)
    if smoothing := o.get("label_smoothing", 0.0):
        each = -log_p * (1.0 if a.get("class_weight") is None else a["class_weight"])
        losses = (1 - smoothing) * losses + smoothing * each.mean(1) * kept
    return _reduced(losses, o, count)


def _cross_entropy_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    options = {k: v for k, v in o.items() if k in ("reduction", "ignore_index")}
    options["weight"] = a.get("class_weight")
    if "log_eps" in o:
        log_p = t.log(t.softmax(a["x"], 1) + o["log_eps"])
        return (t.nn.functional.nll_loss(log_p, a["target"], **options),)
    options["label_smoothing"] = o.get("label_smoothing", 0.0)
    return (t.nn.functional.cross_entropy(a["x"], a["target"], **options),)


def _cross_entropy_golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
    if "log_eps" in o:
        return None
    options = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0, **o}
    arrays = {"x": a["x"], "target": a["target"], "weight": a.get("class_weight")}
    return Case("cross_entropy", arrays, options, ("x",))


CROSS_ENTROPY = Kind(
    "cross_entropy", ("x", "target", "class_weight"), _cross_entropy, _cross_entropy_torch, _draw_classes,
    _class_forms, params=("class_weight",), fixed=("target", "class_weight"), outputs=("loss",),
    golden=_cross_entropy_golden, loss=True, extremes=LARGE, measured=_OF_SCORES,
    defaults={"reduction": "mean", "ignore_index": -100, "label_smoothing": 0.0},
)  # fmt: skip


def _nll(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kept = a["target"] != o.get("ignore_index", -100)
    picked = a["x"][np.arange(len(a["x"])), np.where(kept, a["target"], 0)]
    losses, count = _weighed(a, -picked, kept)
    return _reduced(losses, o, count)


def _nll_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    return (t.nn.functional.nll_loss(a["x"], a["target"], weight=a.get("class_weight"), **o),)


NLL_LOSS = Kind(
    "nll_loss", ("x", "target", "class_weight"), _nll, _nll_torch, _draw_classes,
    lambda strict: [f for f in _class_forms(strict) if "log_eps" not in f.options],
    params=("class_weight",), fixed=("target", "class_weight"), outputs=("loss",), loss=True,
    defaults={"reduction": "mean", "ignore_index": -100},
)  # fmt: skip


# ---- classes, from probabilities


def _to_the_edge(sketch: Sketch) -> bool:
    """Return whether a probability is to lie next to 0: not where it is moved, and would be none any more."""
    return sketch.d.setting.values != "calm" and sketch.may("a probability next to 0")


def _draw_probabilities(sketch: Sketch) -> Parts:
    batch, classes = max(sketch.batch(), 1), sketch.side(2, 6)
    shape = sketch.form.layout("x").shape((batch, classes))
    inner = np.array([sketch.d.integer(1, 15) for _ in range(batch * classes)]) / 16.0
    if _to_the_edge(sketch):
        inner[sketch.d.integer(0, inner.size - 1)] = 1e-6
    x = inner.reshape(shape).astype(sketch.d.setting.dtype)
    return {"x": x, "target": _targets(sketch, classes, batch)}, sketch.option("reduction", "mean", "sum")


def _categorical(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    picked = a["x"][np.arange(len(a["x"])), a["target"]]
    return _reduced(-np.log(picked + o.get("log_eps", 0.0)), o)


def _categorical_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    picked = a["x"][t.arange(len(a["x"])), a["target"]]
    losses = -t.log(picked + o.get("log_eps", 0.0))
    reduction = o.get("reduction", "mean")
    return (losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean(),)


def _categorical_forms(strict: bool) -> list[Form]:
    mean = Form(
        options={"over": "elements"},
        conventions={"averaged_over_classes": "averaged over samples and classes alike"},
    )
    each = Form(options={"over": "each"}, conventions={"one_loss_an_element": "one loss an element"})
    return [
        *_class_forms(strict),
        *every([Form({"target": ONE_HOT})], [Form({"loss": SCALAR}) + mean, each], _epsilons()),
    ]


def _every_class(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    """Return what each class adds to the loss: nothing, but for the target's."""
    x, classes = a["x"], a["x"].shape[1]
    if t is None:
        return -np.eye(classes, dtype=x.dtype)[a["target"]] * np.log(x + o.get("log_eps", 0.0))
    hot = t.nn.functional.one_hot(a["target"].long(), classes).to(x.dtype)
    return -hot * t.log(x + o.get("log_eps", 0.0))


def _categorical_scaled(run: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    def scaled(*given: Any) -> tuple[Any, ...]:
        a, o = given[-2:]
        if o.get("over") == "each":
            return (_every_class(given[0] if len(given) > 2 else None, a, o),)
        share = a["x"].shape[1] if o.get("over") == "elements" else 1
        return (run(*given)[0] / share,)

    return scaled


CATEGORICAL_CROSS_ENTROPY = Kind(
    "categorical_cross_entropy", ("x", "target"), _categorical_scaled(_categorical),
    _categorical_scaled(_categorical_torch), _draw_probabilities, _categorical_forms, fixed=("target",),
    outputs=("loss",), loss=True, measured=_OF_PROBABILITIES,
    defaults={"reduction": "mean"},
)  # fmt: skip


def _svm_forms(strict: bool) -> list[Form]:
    summed = Form(
        options={"classes": "sum"},
        conventions={"sum_over_classes": "margins are summed over the classes, not averaged"},
    )
    plain = [Form({"target": INDICES}), *(Form({"target": INDICES}) + r for r in reductions()[1:])]
    return every(plain[:1] if strict else plain, [Form()] if strict else [summed, Form()])


def _each_sample(margins: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> Any:
    """Return one loss a sample of its margins."""
    losses = margins.sum(1) if o.get("p", 1) == 1 else (margins * margins).sum(1)
    if a.get("class_weight") is not None:
        losses = losses * a["class_weight"][a["target"]]
    return losses / (1 if o.get("classes") == "sum" else margins.shape[1])


def _svm(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, rows = a["x"], np.arange(len(a["x"]))
    margins = np.maximum(0, x - x[rows, a["target"]][:, None] + o.get("margin", 1.0))
    margins[rows, a["target"]] = 0
    return _reduced(_each_sample(margins, a, o), o)


def _svm_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, rows = a["x"], t.arange(len(a["x"]))
    margins = t.relu(x - x[rows, a["target"]][:, None] + o.get("margin", 1.0))
    keep = t.ones_like(x)
    keep[rows, a["target"]] = 0
    losses = _each_sample(margins * keep, a, o)
    reduction = o.get("reduction", "mean")
    return (losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean(),)


#: Margins are zero where scores are whole numbers: these are left alone where inputs are perturbed.
_WHOLE = tuple(float(n) for n in range(-40, 41))


def _draw_margins(sketch: Sketch) -> Parts:
    arrays, options = _draw_classes(sketch)
    options |= sketch.option("p", 1, 2) | sketch.option("margin", 1.0, 0.5, 2.0)
    x = arrays["x"]
    if x is not None and x.flags.writeable and sketch.may("margins of exactly zero", 1):
        x[...] = np.round(x)
    return arrays, options


MULTI_MARGIN_LOSS = Kind(
    "multi_margin_loss", ("x", "target", "class_weight"), _svm, _svm_torch, _draw_margins, _svm_forms,
    params=("class_weight",), fixed=("target", "class_weight"), outputs=("loss",), loss=True, ties=True,
    kinks=_WHOLE,
    defaults={"reduction": "mean", "p": 1, "margin": 1.0},
)  # fmt: skip


# ---- classes over time

_HOT = Layout("one-hot", lambda s: s, lambda a: a.argmax(axis=-1), lambda a, _: a)
#: These may be one-hot as well, call by call.
_INDICES = Layout("class indices", lambda s: s, lambda a: a.argmax(axis=-1) if a.dtype.kind == "f" else a,
                  lambda a, _: a)  # fmt: skip


def _time_forms(strict: bool) -> list[Form]:
    mean = Form(options={"ignore": True})
    over = Form(absent=frozenset({"mask"}))
    eps = _epsilons()
    summed = Form(
        options={"time": "sum"}, conventions={"sum_over_time": "summed over time, averaged over the batch"}
    )
    plain = Form({"target": _INDICES})
    if strict:
        return [plain + over + mean]
    each = Form(options={"time": "each"}, conventions={"one_loss_an_element": "one loss a position"})
    hot = Form({"target": _HOT})
    ones = [plain + form for form in (over + mean, over, over + summed, over + each, summed, Form())]
    ones += [over + hot, over + hot + summed, over + hot + each]
    return [form + e for e in eps for form in ones]


def _draw_time(sketch: Sketch) -> Parts:
    batch, time, classes = max(sketch.batch(high=4), 1), sketch.side(1, 4), sketch.side(2, 5)
    hot = sketch.form.layout("target") is _HOT or sketch.may(ONE_HOT_TOO)
    ignores = bool(sketch.form.options.get("ignore")) and not hot
    # a probe ignores the usual label alone: what heeds no other one is not taken for what ignores none
    options = sketch.option("ignore_index", *((-1, 1) if ignores and not sketch.forced else (-1,)))
    labels = {"ignore": options.get("ignore_index", -1)} if ignores else {}
    target = sketch.d.labels(batch, time, classes=classes, **labels)
    target[0, 0] = 0
    if hot:
        target = np.eye(classes, dtype=sketch.d.setting.dtype)[target]
    arrays = {"x": sketch.moderate("x", batch, time, classes), "target": target}
    if "mask" not in sketch.form.absent:
        arrays["mask"] = (sketch.d.labels(batch, time, classes=2)).astype(sketch.d.setting.dtype)
    return arrays, options


def _over_time(losses: Any, kept: Any, o: Mapping[str, Any]) -> Any:
    if o.get("time") == "each":
        return losses
    return losses.sum() / (len(losses) if o.get("time") == "sum" else kept.sum())


def _time_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kept = a["target"] != o.get("ignore_index", -1)
    log_p = t.log(t.softmax(a["x"], -1) + o["log_eps"]) if "log_eps" in o else t.log_softmax(a["x"], -1)
    picked = -t.gather(log_p, -1, t.where(kept, a["target"], 0)[..., None])[..., 0] * kept
    if a.get("mask") is not None:
        picked = picked * a["mask"]
    return (_over_time(picked, kept, o),)


def _time(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kept = a["target"] != o.get("ignore_index", -1)
    log_p = np.log(_softmax(a["x"]) + o["log_eps"]) if "log_eps" in o else _log_softmax(a["x"])
    picked = -np.take_along_axis(log_p, np.where(kept, a["target"], 0)[..., None], -1)[..., 0] * kept
    if a.get("mask") is not None:
        picked = picked * a["mask"]
    return (_over_time(picked, kept, o),)


TIME_CROSS_ENTROPY = Kind(
    "temporal cross_entropy", ("x", "target", "mask"), _time, _time_torch, _draw_time, _time_forms,
    fixed=("target", "mask"), outputs=("loss",), loss=True, measured=_OF_SCORES,
    defaults={"ignore_index": -1},
)  # fmt: skip


# ---- numbers


#: One number a sample, as a column (N, 1), of what does not take several.
_ONE_COLUMN = Form(options={"columns": 1, "alone": True})
_PREDICTED = reshaped("one column (N, 1)", lambda s: (*s, 1))
#: One number a sample, predicted as a column (N, 1), of a target that is a vector.
_COLUMN_OF_A_VECTOR = Form({"x": _PREDICTED}, {"columns": 1})


def _number_forms(strict: bool, *, squared: bool = False, log: bool = False) -> list[Form]:
    plain = Form({"loss": SCALAR})
    if strict:
        return [plain]
    half = Form(options={"half": True}, conventions={"half_squared_error": "half the squared error"})
    rows = Form(
        options={"over": "batch"},
        conventions={"averaged_over_batch": "summed over the features, averaged over the batch alone"},
    )
    sample = [
        Form(options={"each": how}, conventions={"one_loss_a_sample": f"one loss a sample, its {how}"})
        for how in ("mean", "sum")
    ]
    last = Form({"x": BATCH_LAST, "target": BATCH_LAST})
    halves = [Form(), half] if squared else [Form()]
    eps = _epsilons() if log else [Form()]
    forms = every([Form()], reductions(), halves, eps)
    return [*forms, *every([plain], [rows, *sample], halves, eps),
            *every([last], reductions(), halves, eps),
            *every([last], [plain], [rows], halves, eps),
            *every([_COLUMN_OF_A_VECTOR], reductions(), halves, eps),
            *every([_ONE_COLUMN], reductions(), halves, eps)]  # fmt: skip


def _draw_numbers(sketch: Sketch, low: str = "", *, moderate: bool = False) -> Parts:
    chosen = sketch.form.options
    shape: tuple[int, ...] = (max(sketch.batch(), 1), chosen.get("columns") or sketch.side())
    options: dict[str, Any] = reduction(sketch)
    rows = chosen.get("over") == "batch" or "each" in chosen or sketch.form.layout("x") is BATCH_LAST
    of_vector = sketch.form.layout("x") is _PREDICTED
    if of_vector or (not rows and sketch.may("a vector for x", 5)):
        shape = shape[:1]
    array = sketch.moderate if moderate else sketch.array
    x = array("x", *shape)
    if low:  # probabilities, away from the ends
        size = int(np.prod(x.shape))
        span = np.array([sketch.d.integer(1, 7) for _ in range(size)]) / 8.0
        target = span.reshape(sketch.form.layout("target").shape(shape)).astype(sketch.d.setting.dtype)
        if low == "both":
            inner = np.array([sketch.d.integer(1, 15) for _ in range(size)]) / 16.0
            if size and _to_the_edge(sketch):
                inner[sketch.d.integer(0, size - 1)] = 1e-6
            x = inner.reshape(x.shape).astype(sketch.d.setting.dtype)
    else:
        target = array("target", *shape)
    arrays = {"x": x, "target": target}
    if low and len(shape) > 1 and sketch.form.layout("x") is not BATCH_LAST:
        arrays |= _weights(sketch, shape[1])
        if low == "target":
            arrays |= _weights(sketch, shape[1], name="pos_weight")
    return arrays, options | sketch.option("beta", 1.0, 0.5) | sketch.option("delta", 1.0, 0.5, 1.5)


def _number(
    name: str, losses: Callable[..., Any], torch: Callable[..., Any], low: str = "", kinks: bool = False,
    fixed: tuple[str, ...] = ("target",), golden: Any = None, extremes: tuple[float, ...] = (),
    weights: tuple[str, ...] = (), measured: Mapping[str, Measured] = MappingProxyType({}),
    moderate: bool = False, **more: float,
) -> Kind:  # fmt: skip
    def scale(a: Mapping[str, Any], o: Mapping[str, Any]) -> float:
        factor = 0.5 if o.get("half") else 1.0
        if o.get("over") == "batch":
            factor *= float(np.prod(tuple(a["x"].shape))) / a["x"].shape[0]
        return factor

    def each(found: Any, o: Mapping[str, Any]) -> Any:
        return found.mean(-1) if o["each"] == "mean" else found.sum(-1)

    def forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        found = losses(np, a["x"], a["target"], o)
        found = found if a.get("class_weight") is None else found * a["class_weight"]
        return ((each(found, o) if "each" in o else _reduced(found, o)[0]) * scale(a, o),)

    def twin(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        found = torch(t, a["x"], a["target"], o)
        found = found if a.get("class_weight") is None else found * a["class_weight"]
        reduction = o.get("reduction", "mean")
        if "each" in o:
            return (each(found, o) * scale(a, o),)
        found = found if reduction == "none" else found.sum() if reduction == "sum" else found.mean()
        return (found * scale(a, o),)

    return Kind(
        name, ("x", "target", *weights), forward, twin,
        lambda sketch: _draw_numbers(sketch, low, moderate=moderate),
        lambda strict: _number_forms(strict, squared=name == "mse_loss", log=bool(measured)),
        params=weights, fixed=(*fixed, *weights), outputs=("loss",), loss=True, ties=kinks, golden=golden,
        extremes=extremes, measured=measured, defaults={"reduction": "mean", **more},
    )  # fmt: skip


def _smooth_l1(lib: Any, x: Any, y: Any, o: Mapping[str, Any]) -> Any:
    d = abs(x - y)
    if "delta" in o:
        return lib.where(d <= o["delta"], 0.5 * d * d, o["delta"] * (d - 0.5 * o["delta"]))
    beta = o.get("beta", 1.0)
    return lib.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)


def _mse_golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
    if o.get("half") or o.get("over") or o.get("each"):
        return None
    options = {"reduction": o.get("reduction", "mean")}
    return Case("mse_loss", {"x": a["x"], "target": a["target"], "weight": None}, options, ("x", "target"))


MSE_LOSS = _number(
    "mse_loss",
    lambda _n, x, y, _o: (x - y) * (x - y),
    lambda _t, x, y, _o: (x - y) * (x - y),
    fixed=(),
    golden=_mse_golden,
)
L1_LOSS = _number(
    "l1_loss", lambda _n, x, y, _o: abs(x - y), lambda _t, x, y, _o: (x - y).abs(), kinks=True, fixed=()
)
SMOOTH_L1_LOSS = _number("smooth_l1_loss", _smooth_l1, _smooth_l1, kinks=True, fixed=(), beta=1.0, delta=1.0)


def _log_cosh(lib: Any, x: Any, y: Any, _: Mapping[str, Any]) -> Any:
    d = abs(x - y)
    return d + lib.log1p(lib.exp(-2 * d)) - math.log(2)


#: PyTorch has none. Written as it is called, it overflows where a difference is large: none is.
LOG_COSH_LOSS = _number("log_cosh_loss", _log_cosh, _log_cosh, fixed=(), moderate=True)


def _bce(lib: Any, x: Any, y: Any, o: Mapping[str, Any]) -> Any:
    eps = o.get("log_eps", 0.0)
    return -(y * lib.log(x + eps) + (1 - y) * lib.log(1 - x + eps))


BCE = _number(
    "binary_cross_entropy", _bce, _bce, "both", weights=("class_weight",), measured=_OF_PROBABILITIES
)


def _bce_logits(lib: Any, x: Any, y: Any, o: Mapping[str, Any]) -> Any:
    positive = o.get("pos_weight")
    if "log_eps" in o:
        eps = o["log_eps"]
        p = _sigmoid(x) if lib is np else lib.sigmoid(x)
        return -(
            y * lib.log(p + eps) * (1 if positive is None else positive) + (1 - y) * lib.log(1 - p + eps)
        )
    if lib is np:
        more = 1.0 if positive is None else 1 + (positive - 1) * y
        return (1 - y) * x + more * (np.maximum(-x, 0) + np.log1p(np.exp(-abs(x))))
    return lib.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none", pos_weight=positive)


#: Labels that are whole numbers, 0 and 1.
BITS = Layout("0 or 1, whole numbers", lambda s: s, lambda a: a, lambda a, _: a)
_LOGITS = _number(
    "binary_cross_entropy_with_logits", _bce_logits, _bce_logits, "target", extremes=LARGE,
    weights=("class_weight", "pos_weight"), measured=_OF_SCORES,
)  # fmt: skip


def _logit_forms(strict: bool) -> list[Form]:
    plain = _number_forms(strict, log=True)
    whole = every([Form({"target": BITS}, {"rank": 1}), Form({"target": BITS})], reductions(), _epsilons())
    return plain if strict else [*plain, *whole]


def _draw_logits(sketch: Sketch) -> Parts:
    whole = sketch.form.layout("target") is BITS
    if not whole:
        arrays, options = _draw_numbers(sketch, "target")
        if "log_eps" in sketch.form.options:  # not where the logarithm's small number is all there is
            arrays = {
                **arrays,
                "x": sketch.moderate("x", *sketch.form.layout("x").to(np.asarray(arrays["x"])).shape),
            }
        return arrays, options
    shape: tuple[int, ...] = (max(sketch.batch(), 1),)
    if sketch.form.options.get("rank") != 1:
        shape = (*shape, sketch.side())
    arrays = {"x": sketch.moderate("x", *shape), "target": sketch.d.labels(*shape, classes=2)}
    return arrays, sketch.option("reduction", "mean", "sum")


def _with_numbers(run: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Return the loss of labels that may be whole numbers, with weights of the positive ones."""

    def given(*arguments: Any) -> tuple[Any, ...]:
        *before, a, o = arguments
        target = a["target"]
        target = target.astype(a["x"].dtype) if isinstance(target, np.ndarray) else target.to(a["x"].dtype)
        return run(*before, {**a, "target": target}, {**o, "pos_weight": a.get("pos_weight")})

    return given


BCE_WITH_LOGITS = replace(
    _LOGITS, forward=_with_numbers(_LOGITS.forward), torch=_with_numbers(_LOGITS.torch), draw=_draw_logits,
    forms=_logit_forms,
)  # fmt: skip
