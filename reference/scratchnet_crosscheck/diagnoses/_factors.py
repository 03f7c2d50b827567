"""Off by a constant factor, and what the factor is in the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench, close, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from .protocol import Evidence


def ratio(sample: Sample, part: str) -> float | None:
    """Return the one number that the right result must be multiplied by, or None where there is none."""
    got, truth = (np.asarray(v[part], np.float64) for v in (sample.got, sample.truth))
    if got.shape != truth.shape or not got.size or not np.isfinite(got).all() or not np.any(truth):
        return None
    found = float((got * truth).sum() / (truth * truth).sum())
    return found if found and close(sample.got[part], np.asarray(truth * found)) else None


def _first(s: Sample) -> tuple[int, ...]:
    return s.case[s.case.slots[0]].shape


def _positions(s: Sample) -> float:
    y = s.dys[0]
    if "pool" in s.case.operation:
        kernel: Any = s.case.options.get("kernel_size")
        if kernel is not None:
            shape = kernel if isinstance(kernel, tuple) else (kernel,) * (len(_first(s)) - 2)
            return float(np.prod([int(k) for k in shape]))
        return float(np.prod(_first(s)[2:])) / max(1.0, float(np.prod(y.shape[2:])))
    return float(np.prod(y.shape[2:])) if y.ndim > 2 else float("nan")


def _summed(s: Sample, part: str) -> float:
    vector = s.got[part]
    return s.dys[0].size / vector.size if max(vector.shape, default=1) == vector.size else float("nan")


def _option(s: Sample, *names: str) -> float:
    for name in names:
        value = s.case.options.get(name)
        if isinstance(value, int | float):
            return float(value)
    return float("nan")


def _groups(s: Sample) -> float:
    return _option(s, "groups", "num_groups", "G")


Size = tuple[str, "Callable[[Sample, str], float]", str]
SIZES: tuple[Size, ...] = (
    ("sign", lambda *_: -1.0, "off by a factor of -1: the sign is the other"),
    ("factor:2", lambda *_: 2.0, "off by a factor of 2"),
    ("factor:1/2", lambda *_: 0.5, "off by a factor of 1/2"),
    ("factor:1-p", lambda s, _: 1.0 - _option(s, "p", "rate", "dropout_ratio"),
     "off by a factor: the probability of keeping, 1 - p"),
    ("averaged", lambda s, p: 1.0 / _summed(s, p) if p != "dx" else float("nan"),
     "averaged where it should be summed over samples and positions"),
    ("factor:1/groups", lambda s, _: 1.0 / _groups(s), "off by a factor: one over the number of groups"),
    ("factor:groups", lambda s, _: _groups(s), "off by a factor: the number of groups"),
    ("factor:N", lambda s, _: float(_first(s)[0]), "off by a factor: the batch size"),
    ("factor:1/N", lambda s, _: 1.0 / _first(s)[0], "off by a factor: one over the batch size"),
    ("factor:positions", lambda s, _: _positions(s),
     "off by a factor: the number of spatial positions, or of elements in a window"),
    ("factor:1/positions", lambda s, _: 1.0 / _positions(s),
     "off by a factor: one over the number of spatial positions, or of elements in a window"),
    ("factor:1/T", lambda s, _: 1.0 / _first(s)[1] if len(_first(s)) > 2 else float("nan"),
     "off by a factor: one over the number of time steps"),
    ("factor:T", lambda s, _: float(_first(s)[1]) if len(_first(s)) > 2 else float("nan"),
     "off by a factor: the number of time steps"),
    ("factor:classes", lambda s, _: float(_first(s)[1]),
     "off by a factor: the number of classes or features"),
    ("factor:1/classes", lambda s, _: 1.0 / _first(s)[1],
     "off by a factor: one over the number of classes or features"),
)  # fmt: skip


def _matches(b: Bench, size: Callable[[Sample, str], float], part: str) -> bool:
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
            if off or part != b.part:
                return False
            continue
        if not close(sample.got[part], np.asarray(np.asarray(sample.truth[part], np.float64) * factor)):
            return False
        told += off
    return told >= 2


def factor(evidence: Evidence) -> tuple[str, str] | None:
    """Name the factor, if one number explains the result in every call."""
    b = bench(evidence)
    for key, size, words in SIZES:
        if _matches(b, size, b.part):
            return key, f"{b.part} is {words}"
    found = [(s, ratio(s, b.part)) for s, off in b.judged() if off]
    if (
        len(found) < 3
        or any(r is None for _, r in found)
        or sum(s.got[b.part].size > 1 for s, _ in found) < 3
    ):
        return None
    values = [float(r or 0.0) for _, r in found]
    if sum(not off and bool(np.any(s.truth[b.part])) for s, off in b.judged()) >= 3:
        return None  # it is a matter of which call
    if max(abs(v - values[0]) for v in values) <= 1e-8 * abs(values[0]) and abs(values[0] - 1.0) < 2e-3:
        return (
            "rounded_constant",
            f"{b.part} is off by a factor of {values[0]:.9g}: a constant good to a few digits only",
        )
    shown = f"{values[0]:.6g}" + ("" if min(values) == max(values) else " in this case")
    return "factor:constant", f"{b.part} is off by a factor that is no size of the case: {shown}"


def divides_all_by_the_batch(evidence: Evidence) -> tuple[str, str] | None:
    """Say that every parameter's gradient is divided by N, and dx is not: a convention."""
    b = bench(evidence)
    if b.here is None:
        return None
    first = f"d{b.here.case.slots[0]}"
    parts = {p for s in b.samples for p in s.truth if p.startswith("d")} - {first}
    if len(parts) < 2 or b.part not in parts or any(off for _, off in b.judged(first)):
        return None
    if all(_matches(b, lambda s, _: 1.0 / _first(s)[0], part) for part in parts):
        return (
            "convention:1/N",
            "the gradients of all parameters are divided by the batch size inside the layer",
        )
    return None


def scales_value_and_gradient(evidence: Evidence) -> tuple[str, str] | None:
    """Say that value and gradients are off by the same factor: another definition, differentiated rightly."""
    b = bench(evidence)
    if b.here is None:
        return None
    part_y = b.here.case.outputs[0]
    if b.part != part_y and not b.part.startswith("d"):
        return None
    for key, size, words in SIZES:
        parts = {p for s in b.samples for p in s.truth if p == part_y or p.startswith("d")}
        if key == "averaged" or len(parts) < 2 or not all(_matches(b, size, p) for p in parts):
            continue
        if key == "factor:1-p":
            return "convention:dropout_scaling", "what is kept is not divided by 1 - p in training"
        if "loss" in b.here.case.operation or "entropy" in b.here.case.operation:
            return "convention:loss_scale", f"the loss and its gradient are both {words}"
    return None
