"""Overflow, underflow and cancelling digits, and from which magnitude on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench, generic, where_wrong

if TYPE_CHECKING:
    from .._types import Array, DType
    from ..case import Case
    from .protocol import Evidence


#: Magnitudes tried: what an exponential overflows at, and what a square does.
TOPS = (2.0**11, 2.0**66)


def out_of_range(evidence: Evidence) -> tuple[str, str] | None:
    """Right for ordinary values; from a magnitude on not finite where the right result is."""
    b = bench(evidence)
    dtype = evidence.case.dtype
    part = b.part
    if not _not_finite(b.here, part):
        return None
    case = next((s.case for s in b.samples if min(s.x.shape, default=0) > 1), None)
    case = case or next((s.case for s in b.samples if s.x.size), evidence.case)
    first = case.slots[0]
    x = case[first]
    if x.dtype.kind != "f" or not x.size:
        return None
    for shape in _shapes(x):

        def broken(size: float, shape: Array = shape) -> bool:
            return _not_finite(b.look(_at(case, first, shape * size, dtype)), part)

        top = next((size for size in TOPS if broken(size)), None)
        if top is None or broken(1.0):
            continue
        low, high = 1.0, top
        while high / low > 1.003:
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if broken(middle) else (middle, high)
        kind = _flag(b, _at(case, first, shape * high, dtype), part)
        limit = float(np.log(np.finfo(dtype).max))
        if 0.99 * limit < high * float(shape.flat[0]) < 1.01 * limit:
            kind = "overflow"  # of an exponential, whatever becomes of it; it underflows farther out
        name = "underflows" if kind == "underflow" else "overflows"
        sign = "" if shape.flat[0] > 0 else "-"
        return kind, f"{part or 'the result'} {name} from {first} = {sign}{high:.3g} on (in {dtype})"
    return None


def _shapes(x: Array) -> list[Array]:
    """Return one large value beside zeros, of either sign; and all of them large, of either sign."""
    one = np.zeros(x.shape)
    one.flat[0] = 1.0
    spread = np.asarray(generic(x, np.random.default_rng(1)), np.float64)
    spread = spread / np.abs(spread).max()
    spread.flat[0] = 1.0
    return [one, -one, spread, -spread]


def _at(case: Case, first: str, x: Array, dtype: DType) -> Case:
    return case.replace(**{first: x}).astype(dtype)


def _not_finite(s: Sample | None, part: str) -> bool:
    if s is None:
        return False
    parts = [part] if part in s.got else list(s.got)
    return any(
        bool((~np.isfinite(s.got[p]) & np.isfinite(s.truth[p])).any())
        for p in parts
        if p in s.truth and s.got[p].shape == s.truth[p].shape
    )


def _flag(b: Bench, case: Case, part: str) -> str:
    """Return which it was: an exponential that overflowed, or the logarithm of one that became nothing."""
    s = b.look(case)
    if s is None or part not in s.got or np.isnan(s.got[part]).any():
        return "overflow"
    return "underflow" if any(w in case.operation for w in ("log_softmax", "nll", "entropy")) else "overflow"


def cancellation(evidence: Evidence) -> tuple[str, str] | None:
    """Right for ordinary values; digits are lost the faster the farther the values lie from zero."""
    b = bench(evidence)
    reference = evidence.reference
    if reference is None or "norm" not in evidence.case.operation:
        return None
    lost = 0
    for s in b.drawn[:10]:
        first = s.case.slots[0]
        if b.part not in s.truth or where_wrong(s, b.part).any():
            return None
        far = s.case.replace(**{first: s.case[first] + 2.0**20})
        moved = b.look(far, s.dys)
        if moved is None or s.case.options.get("training") is False or b.part not in moved.got:
            continue
        mine, true = moved.got[b.part], moved.truth[b.part]
        lost += bool(
            not np.isfinite(mine).all() or np.abs(mine - true).max() > 1e-6 * max(np.abs(true).max(), 1e-300)
        )
    if lost >= 3:
        return (
            "cancellation",
            f"{b.part} loses digits where values lie far from zero: a difference of large numbers",
        )
    return None
