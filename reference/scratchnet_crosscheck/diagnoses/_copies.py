"""What copies its elements, as padding does: the gradients of all copies of an element add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence

_COPYING = ("pad", "interpolate", "unfold")


def _sources(b: Bench, s: Sample) -> Array | None:
    """Return which element of the input, by its number, each output is a copy of; -1 where it is of none."""
    first = s.case.slots[0]
    x = s.judged[first]
    numbers = np.arange(x.size, dtype=np.float64) + 0.37
    changed = s.judged.replace(**{first: numbers.reshape(x.shape).astype(x.dtype)})
    y = b.gradient(s.case.outputs[0], changed, s.dys)
    if y is None:
        return None
    found = np.rint(y.astype(np.float64) - 0.37)
    known = (np.abs(y - 0.37 - found) < 1e-4) & (found >= 0) & (found < x.size)
    return np.where(known, found, -1).astype(np.int64).reshape(-1)


def one_copy_alone(evidence: Evidence) -> tuple[str, str] | None:
    """Every element has the gradient of one of its copies, where they should add up."""
    b = bench(evidence)
    here = b.here
    if here is None or here.case.operation not in _COPYING or b.part != f"d{here.case.slots[0]}":
        return None
    smooth = str(here.options.get("mode", "nearest"))
    if here.case.operation == "interpolate" and not smooth.startswith("nearest"):
        return None

    def predict(s: Sample) -> Array | None:
        where = _sources(b, s)
        got, dy = s.got[b.part], s.dys[0].reshape(-1)
        if where is None or got.shape != s.case[s.case.slots[0]].shape:
            return None
        copies: list[list[float]] = [[] for _ in range(got.size)]
        for p, j in enumerate(where):
            if j >= 0:
                copies[j].append(float(dy[p]))
        nearest = [
            min(of, key=lambda value: abs(value - mine)) if of else 0.0
            for of, mine in zip(copies, got.reshape(-1).tolist(), strict=True)
        ]
        return np.array(nearest).reshape(got.shape)

    if b.fits(predict):
        return (
            "one_copy_alone",
            f"{b.part} has the gradient of one copy of each element: those of all its copies add up",
        )
    return None


def averaged_over_copies(evidence: Evidence) -> tuple[str, str] | None:
    """What is added up on one of the two ways is divided by how many there are on the way back."""
    b, reference = bench(evidence), evidence.reference
    here = b.here
    if here is None or reference is None or b.part != f"d{here.case.slots[0]}":
        return None
    first = here.case.slots[0]

    def of_copies(s: Sample) -> Array | None:
        count = b.gradient(b.part, s.judged, tuple(np.ones_like(dy) for dy in s.dys))
        return None if count is None else np.asarray(s.truth[b.part] / np.maximum(count, 1.0))

    def of_windows(s: Sample) -> Array | None:
        ones = s.judged.replace(**{first: np.ones_like(s.judged[first])})
        count = np.asarray(reference.forward(ones)[0])
        return b.gradient(b.part, s.judged, (s.dys[0] / np.maximum(count, 1.0),))

    operation = here.case.operation
    if operation in _COPYING and b.fits(of_copies):
        return "averaged", f"{b.part} is divided by the number of copies, which add up"
    if operation == "fold" and b.fits(of_windows):
        return "averaged", f"{b.part} is divided by how many windows overlap, which add up on the way there"
    return None


def copies_along_an_axis(evidence: Evidence) -> tuple[str, str] | None:
    """Of an image made larger, the copies along one axis do not add up: one alone counts."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "interpolate" or b.part != f"d{b.here.case.slots[0]}":
        return None
    if str(b.here.options.get("mode", "nearest")) != "nearest":
        return None
    for axis in range(2, b.here.x.ndim):
        for last in (False, True):

            def predict(s: Sample, axis: int = axis, last: bool = last) -> Array | None:
                copies, rest = divmod(s.dy.shape[axis], s.x.shape[axis])
                if rest:
                    return None
                kept = np.arange(s.dy.shape[axis]) % copies == (copies - 1 if last else 0)
                shape = [-1 if a == axis else 1 for a in range(s.dy.ndim)]
                return b.gradient(b.part, s.judged, (s.own(s.case.outputs[0], s.dy * kept.reshape(shape)),))

            if b.fits(predict):
                which = "last" if last else "first"
                return (
                    "not_summed",
                    f"{b.part} has the {which} copy alone along axis {axis}, not all added up",
                )
    return None
