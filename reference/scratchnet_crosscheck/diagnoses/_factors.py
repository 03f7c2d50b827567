"""Off by a constant factor, and what the factor is in the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench, close, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._types import Array
    from .protocol import Evidence


def ratio(sample: Sample, part: str) -> float | None:
    """Return the one number that the right result must be multiplied by, or None where there is none."""
    got, truth = (np.asarray(v[part], np.float64) for v in (sample.got, sample.truth))
    if got.shape != truth.shape or not got.size or not np.isfinite(got).all() or not np.any(truth):
        return None
    found = float((got * truth).sum() / (truth * truth).sum())
    return found if close(sample.got[part], np.asarray(truth * found)) else None


def _shape(s: Sample) -> tuple[int, ...]:
    return s.x.shape


def _window(s: Sample) -> float:
    """Return the number of elements in a pooling window, or of positions of an output."""
    y = s.dy
    if "pool" in s.case.operation:
        kernel: Any = s.options.get("kernel_size")
        if kernel is not None:
            shape = kernel if isinstance(kernel, tuple) else (kernel,) * (len(_shape(s)) - 2)
            return float(np.prod([int(k) for k in shape]))
        return float(np.prod(_shape(s)[2:])) / max(1.0, float(np.prod(y.shape[2:])))
    return float(np.prod(y.shape[2:])) if y.ndim > 2 and not _over_time(s) else float("nan")


def _side(s: Sample, axis: int) -> float:
    """Return one side of a pooling window."""
    kernel: Any = s.options.get("kernel_size")
    if "pool" not in s.case.operation or kernel is None:
        return float("nan")
    return float(kernel[axis] if isinstance(kernel, tuple) else kernel)


def _over_time(s: Sample) -> bool:
    """Return whether the second axis counts time steps: (N, T, features)."""
    return len(_shape(s)) > 2 and not any(w in s.case.operation for w in ("conv", "pool", "norm"))


def _steps(s: Sample) -> float:
    if "attention" in s.case.operation:
        return float("nan")
    return float(_shape(s)[1]) if _over_time(s) else float("nan")


def _summed(s: Sample, part: str) -> float:
    vector = s.got[part]
    return s.dys[0].size / vector.size if max(vector.shape, default=1) == vector.size else float("nan")


def _option(s: Sample, *names: str) -> float:
    for name in names:
        value = s.options.get(name)
        if isinstance(value, int | float):
            return float(value)
    return float("nan")


def _height(s: Sample) -> float:
    return float(_shape(s)[-2]) if len(_shape(s)) == 4 else float("nan")


def _width(s: Sample) -> float:
    return float(_shape(s)[-1]) if len(_shape(s)) == 4 else float("nan")


def _counted(s: Sample) -> float:
    """Return the targets' mean weight, 0 for those that are ignored."""
    target, counts = s.case["target"], _not_ignored(s)
    if counts is None:
        return float("nan")
    weight: Any = next((s.case[name] for name in ("weight", "class_weight") if name in s.case.given), None)
    if weight is None:
        return float(counts.mean())
    return float(np.asarray(weight)[target[counts]].sum()) / target.size


def _not_ignored(s: Sample) -> Array | None:
    """Return of each target whether it counts; None where targets are no classes."""
    target = s.case["target"]
    usual = -1 if s.options.get("ignore") else -100  # over time, by the book's convention
    return target != s.options.get("ignore_index", usual) if target.dtype.kind in "iu" else None


def _share_not_ignored(s: Sample, _: str) -> float:
    """Return which share of the targets is not ignored, of what averages over these."""
    counts = _not_ignored(s)
    if counts is None or {"weight", "class_weight"} & {*s.case.given}:
        return float("nan")
    return float(counts.mean()) if s.options.get("reduction", "mean") == "mean" else 1.0


def _key_over_value(s: Sample, _: str) -> float:
    """Return the root of the keys' depth over that of the values', of scores that are scaled by the first."""
    if not {"key", "value"} <= {*s.case.given} or s.options.get("num_heads", 1) != 1:
        return float("nan")
    own = s.options.get("scale") is None
    return float((s.case["key"].shape[-1] / s.case["value"].shape[-1]) ** 0.5) if own else 1.0


def _groups(s: Sample) -> float:
    return _option(s, "groups", "num_groups", "G")


def _drop(s: Sample) -> float:
    return _option(s, "p", "rate", "dropout_ratio")


def _drop_in_training(s: Sample) -> float:
    return _drop(s) if s.options.get("training", True) else 0.0


def _features(s: Sample) -> float:
    """Return the last side: of images it is no number of features."""
    windowed = len(_shape(s)) > 2 and any(w in s.case.operation for w in ("conv", "pool"))
    return float("nan") if windowed else float(_shape(s)[-1])


def _batch(s: Sample) -> float:
    """Return the first side: of a vector, its length."""
    return float(_shape(s)[0]) if _shape(s) else 1.0


def _batch_of_rows(s: Sample) -> float:
    """Return the first side; a vector is one sample."""
    return float(_shape(s)[0]) if len(_shape(s)) > 1 else 1.0


def _head(s: Sample) -> float:
    """Return how many numbers a head has, of attention with projections."""
    if "attention" not in s.case.operation:
        return float("nan")
    return _features(s) / _option(s, "num_heads")


if TYPE_CHECKING:
    Measure = Callable[[Sample, str], float]
Size = tuple[str, "Measure", str]
#: Sizes of a case by their name in a key, and in words.
MEASURES: tuple[tuple[str, Callable[[Sample], float], str], ...] = (
    ("groups", _groups, "the number of groups"),
    ("N", _batch, "the batch size"),
    ("N", _batch_of_rows, "the batch size"),
    ("positions", _window, "the number of spatial positions, or of elements in a window"),
    ("T", _steps, "the number of time steps"),
    ("classes", lambda s: float(_shape(s)[1]), "the number of classes or features"),
    ("features", _features, "the number of features"),
    ("elements/N", lambda s: s.x.size / _batch(s), "the number of elements of one sample"),
    ("elements", lambda s: float(s.x.size), "the number of elements"),
    ("N*T", lambda s: _batch(s) * _steps(s), "the batch size times the number of time steps"),
    ("N*positions", lambda s: _batch(s) * _window(s), "the batch size times the number of positions"),
    ("sqrt(features)", lambda s: _features(s) ** 0.5, "the square root of the number of features"),
    ("sqrt(head)", lambda s: _head(s) ** 0.5, "the square root of the width of a head"),
    ("1-p", lambda s: 1.0 - _drop(s), "the probability of keeping, 1 - p"),
    ("1-p", lambda s: 1.0 - _drop_in_training(s), "the probability of keeping, 1 - p"),
    ("p", _drop, "the probability of dropping, p"),
    ("copies", lambda s: s.dy.size / s.x.size, "the number of outputs for each input"),
    ("height", _height, "the height of the images"),
    ("width", _width, "the width of the images"),
    ("weights", _counted, "the mean weight of the targets (of those that are not ignored)"),
)  # fmt: skip
#: Numbers that a slip leaves out, adds or turns round.
NUMBERS = (
    (1.0, ""), (-1.0, "-1 times "), (2.0, "twice "), (0.5, "half "), (-2.0, "-2 times "),
    (-0.5, "-1/2 times "),
)  # fmt: skip
#: Sizes that come of two, and what one over each is.
PRODUCTS: tuple[tuple[Callable[[Sample], float], str, str], ...] = (
    (lambda s: _side(s, 0), "the first side of the window", "one over the first side of the window"),
    (
        lambda s: _window(s) / _side(s, 0),
        "the elements of the window over its first side",
        "the window's first side over its elements",
    ),
    (
        lambda s: _window(s) / _side(s, -1),
        "the elements of the window over its last side",
        "the window's last side over its elements",
    ),
    (
        lambda s: _features(s) / _batch_of_rows(s),
        "the number of features over the batch size",
        "the batch size over the number of features",
    ),
)


def _times(
    number: float, measure: Callable[[Sample], float], *, over: bool
) -> Callable[[Sample, str], float]:
    def size(s: Sample, _: str) -> float:
        value = float(measure(s))
        return number / value if over else number * value

    return size


def _sizes() -> Iterator[Size]:
    yield "sign", lambda *_: -1.0, "off by a factor of -1: the sign is the other"
    yield "factor:2", lambda *_: 2.0, "off by a factor of 2"
    yield "factor:1/2", lambda *_: 0.5, "off by a factor of 1/2"
    yield (
        "averaged",
        lambda s, part: 1.0 / _summed(s, part) if part[1:] != s.case.slots[0] else float("nan"),
        "averaged where it should be summed over samples and positions",
    )
    yield "averaged_over_ignored", _share_not_ignored, "averaged over all targets, the ignored ones too"
    yield (
        "divided_by_the_value",
        _key_over_value,
        "divided by the square root of the value's depth, not of the key's",
    )
    for number, in_words in NUMBERS:
        for name, measure, words in MEASURES:
            for over in (False, True):
                key = (
                    f"factor:{name}"
                    if not over
                    else "factor:1/(1-p)"
                    if name == "1-p"
                    else f"factor:1/{name}"
                )
                yield (
                    key if number == 1.0 else "factor:product",
                    _times(number, measure, over=over),
                    f"off by a factor: {in_words}{'one over ' if over else ''}{words}",
                )
    for measure, what, turned in PRODUCTS:
        for over, words in ((False, what), (True, turned)):
            yield "factor:product", _times(1.0, measure, over=over), f"off by a factor: {words}"


SIZES: tuple[Size, ...] = tuple(_sizes())


def _matches(b: Bench, size: Measure, part: str) -> bool:
    told = 0
    for sample in b.samples:
        if part not in sample.got or part not in sample.truth:
            continue
        off = wrong(sample, part)
        try:
            factor = size(sample, part)
        except Exception:  # no such size in this call
            factor = float("nan")
        if not np.isfinite(factor):
            if off:
                return False
            continue
        if not close(sample.got[part], np.asarray(np.asarray(sample.truth[part], np.float64) * factor)):
            return False
        told += off
    return told >= 2


def factor(evidence: Evidence) -> tuple[str, str] | None:
    """Name the factor, if one number explains the result in every call."""
    b = bench(evidence)
    seen = b.here is not None and wrong(b.here, b.part) and bool(np.any(b.here.truth[b.part]))
    if b.here is not None and seen and ratio(b.here, b.part) is None:
        return None
    found = [(s, ratio(s, b.part)) for s, off in b.judged() if off]
    if not found or any(r is None for s, r in found if np.any(s.truth[b.part])):
        return None
    for key, size, words in SIZES:
        if _matches(b, size, b.part):
            return key, f"{b.part} is {words}{_mean_or_sum(b, key)}"
    values = [r for _, r in found if r]
    if len(values) < 3 or sum(s.got[b.part].size > 1 for s, r in found if r) < 3:
        return None
    if sum(not off and bool(np.any(s.truth[b.part])) for s, off in b.judged()) >= 3:
        return None  # it is a matter of which call
    constant = max(abs(v - values[0]) for v in values) <= 1e-8 * abs(values[0])
    if constant and abs(values[0] - 1.0) < 2e-3:
        return (
            "rounded_constant",
            f"{b.part} is off by a factor of {values[0]:.9g}: a constant good to a few digits only",
        )
    shown = f"{values[0]:.6g}" + ("" if constant else " in this case")
    return "factor:constant", f"{b.part} is off by a factor that is no size of the case: {shown}"


def factor_of_one_option(evidence: Evidence) -> tuple[str, str] | None:
    """Name the factor of the calls with one option's value, where those with other values are right."""
    b = bench(evidence)
    bad = [s for s, off in b.judged() if off]
    if len(bad) < 4 or any(ratio(s, b.part) is None for s in bad if np.any(s.truth[b.part])):
        return None
    for name, value in bad[0].options.items():
        if any(s.options.get(name) != value for s in bad):
            continue
        if sum(s.options.get(name) != value and bool(np.any(s.truth[b.part])) for s, _ in b.judged()) < 4:
            continue
        for key, size, words in SIZES:

            def here(
                s: Sample, part: str, size: Measure = size, name: str = name, value: Any = value
            ) -> float:
                return size(s, part) if s.options.get(name) == value else 1.0

            if _matches(b, here, b.part):
                return key, f"{b.part} is {words}{_mean_or_sum(b, key)}, where {name} is {value!r}"
    return None


def _mean_or_sum(b: Bench, key: str) -> str:
    """Say what such a factor comes from: a mean in the place of a sum, or a sum in the place of a mean."""
    over = key.startswith("factor:1/")
    if key.removeprefix("factor:").removeprefix("1/") not in (
        "N",
        "T",
        "positions",
        "elements",
        "N*T",
        "N*positions",
    ):
        return ""
    operation = b.here.case.operation if b.here is not None else ""
    averages = "avg_pool" in operation or "loss" in operation or "entropy" in operation
    if over and b.here is not None and b.part[1:] in b.here.case.slots[1:]:
        return " (averaged where it should be summed)"
    return " (summed where it should be averaged)" if averages and not over else ""


def divides_all_by_the_batch(evidence: Evidence) -> tuple[str, str] | None:
    """Say that every parameter's gradient is divided by N, and dx is not: a convention."""
    b = bench(evidence)
    if b.here is None:
        return None
    first = f"d{b.here.case.slots[0]}"
    parts = {p for s in b.samples for p in s.truth if p.startswith("d")} - {first}
    if len(parts) < 2 or b.part not in parts or any(off for _, off in b.judged(first)):
        return None
    if all(_matches(b, lambda s, _: 1.0 / _batch(s), part) for part in parts):
        return (
            "convention:1/N",
            "the gradients of all parameters are divided by the batch size inside the layer",
        )
    return None


def _promises_weights(evidence: Evidence) -> bool:
    """Return whether a thing's names promise that its mean is over the weights of what is not ignored."""
    subject = getattr(evidence.subject, "subject", None)
    promises = getattr(getattr(subject, "driver", None), "promises", None)
    named = promises is not None and any(promises(argument) for argument in ("ignore_index", "weight"))
    return named or bool(getattr(subject, "strict", False))


def scales_value_and_gradient(evidence: Evidence) -> tuple[str, str] | None:
    """Say that value and gradients are off by the same factor: another definition, differentiated rightly."""
    b = bench(evidence)
    if b.here is None:
        return None
    part_y = b.here.case.outputs[0]
    if b.part != part_y and not b.part.startswith("d"):
        return None
    if part_y not in b.here.truth or (not wrong(b.here, part_y) and np.any(b.here.truth[part_y])):
        return None
    parts = {p for s in b.samples for p in s.truth if p == part_y or p.startswith("d")}
    for key, size, words in SIZES:
        if key == "averaged" or len(parts) < 2 or not all(_matches(b, size, p) for p in parts):
            continue
        if key == "factor:1-p":
            return "convention:dropout_scaling", "what is kept is not divided by 1 - p in training"
        if "loss" in b.here.case.operation or "entropy" in b.here.case.operation:
            of_weights = key in ("factor:weights", "factor:1/weights", "averaged_over_ignored")
            if of_weights and _promises_weights(evidence):
                return key, f"the loss and its gradient are both {words}"
            return "convention:loss_scale", f"the loss and its gradient are both {words}"
    return None


#: What an array may be multiplied in as, and what that leaves or brings in.
_AS: tuple[tuple[Callable[[Array], Array], str], ...] = (
    (lambda v: v, "{}"), (lambda v: 1 / v, "1 / {}"), (abs, "|{}|"), (lambda v: 1 / abs(v), "1 / |{}|"),
    (lambda v: v * v, "{}**2"), (lambda v: 1 / (v * v), "1 / {}**2"),
    (lambda v: 1 - v, "1 - {}"), (lambda v: 1 / (1 - v), "1 / (1 - {})"),
)  # fmt: skip


def factor_of_an_array(evidence: Evidence) -> tuple[str, str] | None:
    """Each element is off by a factor that is one of an argument, of the output or of the cotangent."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    outputs, dys = b.here.case.outputs, [f"d{y}" for y in b.here.case.outputs]
    names = [n for n, a in b.here.case.given.items() if a.dtype.kind == "f"]
    for name in (*names, *outputs, *dys):
        for form, words in _AS:

            def predict(s: Sample, name: str = name, form: Callable[[Array], Array] = form) -> Array | None:
                arrays = {**s.case.given, **s.truth, **dict(zip(dys, s.dys, strict=True))}
                by, truth = arrays[name], s.truth[b.part]
                fits = by.shape in (truth.shape, truth.shape[: by.ndim], truth.shape[-by.ndim :])
                if by.ndim == 0 or not fits:
                    return None
                along = (
                    by.reshape(by.shape + (1,) * (truth.ndim - by.ndim))
                    if (by.shape == truth.shape[: by.ndim])
                    else by
                )
                found = np.where(truth == 0, 0.0, truth * form(along))
                return None if close(found, truth) else found

            if b.fits(predict):
                return "factor_of_an_array", f"{b.part} is off by a factor of {words.format(name)}"
    return _in_each_window(b)


def _in_each_window(b: Bench) -> tuple[str, str] | None:
    """Each share of an element in an output is off by a factor of the one, the other or both."""
    if b.here is None or len(b.here.case.outputs) != 1 or b.here.case[b.part[1:]].dtype.kind != "f":
        return None
    slot, output = b.part[1:], b.here.case.outputs[0]
    for of_output, in_words in _AS[:2]:
        for of_slot, also in (((lambda v: v * 0 + 1), ""), *_AS[:4]):

            def predict(
                s: Sample,
                of_output: Callable[[Array], Array] = of_output,
                of_slot: Callable[[Array], Array] = of_slot,
            ) -> Array | None:
                found = b.gradient(b.part, s.judged, (s.dys[0] * of_output(s.truth[output]),))
                return None if found is None else np.asarray(found * of_slot(s.case[slot]))

            if b.fits(predict):
                words = in_words.format(output)
                if also:
                    words = (
                        f"{also.format(slot)} {words.removeprefix('1 ') if '/' in words else f'* {words}'}"
                    )
                return "factor_of_an_array", f"{b.part} is off by a factor of {words}"
    return None
