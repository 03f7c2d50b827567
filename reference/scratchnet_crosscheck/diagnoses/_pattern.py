"""What the wrong numbers are beside the right ones: elsewhere, with the other sign, missing, too many.

Said where no cause is found: it tells where to look, whatever the layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench, close, where_wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._types import Array
    from .protocol import Evidence

_FEWEST, _ELEMENTS = 2, 6


def _wrong_calls(b: Bench) -> list[tuple[Sample, Array, Array]] | None:
    """Return the calls in which a gradient is wrong, with it and the right one; None if they tell too little.

    That a whole gradient is 0, got or right, says nothing of its elements.
    """
    if not b.part.startswith("d"):
        return None
    found = []
    for s, off in b.judged():
        got, truth = (np.asarray(v[b.part], np.float64) for v in (s.got, s.truth))
        if off and (got.shape != truth.shape or not np.isfinite(got).all() or not np.isfinite(truth).all()):
            return None
        if off:
            found.append((s, got, truth))
    if len(found) < _FEWEST or sum(truth.size for *_, truth in found) < _ELEMENTS:
        return None
    return found


def numbers_elsewhere(evidence: Evidence) -> tuple[str, str] | None:
    """The right numbers, in another order."""
    b = bench(evidence)
    calls = _wrong_calls(b)
    if calls is None or max(len(np.unique(truth)) for *_, truth in calls) < 4:
        return None
    if all(close(np.sort(got, None), np.sort(truth, None)) for _, got, truth in calls):
        return "numbers_elsewhere", f"{b.part} holds the right numbers in the wrong places"
    return None


def signs(evidence: Evidence) -> tuple[str, str] | None:
    """The right size everywhere, and the wrong sign somewhere."""
    b = bench(evidence)
    calls = _wrong_calls(b)
    if calls is None or not all(close(abs(got), abs(truth)) for _, got, truth in calls):
        return None
    where = _where(b, [(s, where_wrong(s, b.part), truth != 0) for s, _, truth in calls])
    return "wrong_sign", f"{b.part} has the right size everywhere, and the wrong sign {where or 'somewhere'}"


def missing(evidence: Evidence) -> tuple[str, str] | None:
    """Right or 0."""
    b = bench(evidence)
    calls = _wrong_calls(b)
    if calls is None:
        return None
    off = [(s, where_wrong(s, b.part), truth != 0) for s, _, truth in calls]
    if any(got[wrong].any() for (_, got, _), (_, wrong, _) in zip(calls, off, strict=True)):
        return None
    if all((wrong == there).all() for _, wrong, there in off):
        return "gradient_missing", f"{b.part} is 0 throughout"
    where = _where(b, off)
    return "gradient_missing", f"{b.part} is 0 {where or 'in some elements'}, where it should not be"


def too_much(evidence: Evidence) -> tuple[str, str] | None:
    """Right where there is a gradient, and not 0 where there is none."""
    b = bench(evidence)
    calls = _wrong_calls(b)
    if calls is None or not any(truth.any() for *_, truth in calls):
        return None
    if any(truth[where_wrong(s, b.part)].any() for s, _, truth in calls):
        return None
    return (
        "gradient_too_much",
        f"{b.part} is right where there is a gradient, and not 0 where there should be none",
    )


def _where(b: Bench, calls: list[tuple[Sample, Array, Array]]) -> str:
    """Say what tells the wrong elements from the others that count, if one condition does in all calls."""
    told = [dict(_conditions(s, b.part)) for s, *_ in calls]
    for words in told[0]:
        if any(words not in held for held in told):
            continue
        exact = all(
            bool(((held[words] == wrong) | ~counts).all())
            for held, (_, wrong, counts) in zip(told, calls, strict=True)
        )
        both = any((counts & ~wrong).any() for _, wrong, counts in calls)
        if exact and both:
            return f"where {words}"
    return ""


_SIGNS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("negative", lambda a: a < 0), ("positive", lambda a: a > 0), ("0", lambda a: a == 0),
)  # fmt: skip


def _conditions(s: Sample, part: str) -> Iterator[tuple[str, Array]]:
    """Yield what may tell elements apart, and where it holds: signs of what has the result's shape."""
    shape = s.truth[part].shape
    arrays = {**s.case.given, **{f"d{y}": dy for y, dy in zip(s.case.outputs, s.dys, strict=False)}}
    for name, array in arrays.items():
        if array.shape == shape and array.dtype.kind in "fiu":
            for words, holds in _SIGNS:
                yield f"{name} is {words}", holds(array)
