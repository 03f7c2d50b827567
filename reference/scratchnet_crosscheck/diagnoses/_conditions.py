"""Wrong in some calls only: which condition tells the wrong ones from the right ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._arguments import FIRST, at
from ._bench import Bench, Sample, bench, close, generic, wrong
from ._options import options_at_work
from ._places import dimensions, kernel_of, slides, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._types import Array
    from ..case import Case
    from .protocol import Evidence


def _no_padding(s: Sample) -> bool:
    pad = s.options.get("padding")
    return pad in (0, "valid") or (isinstance(pad, tuple) and not any(pad))


def _windowed(s: Sample) -> bool:
    return any(w in s.case.operation for w in ("conv", "pool"))


def _sides_differ(s: Sample) -> bool:
    n = dimensions(s) if _windowed(s) else 0
    return n > 1 and (len(set(s.x.shape[-n:])) > 1 or len(set(kernel_of(s))) > 1)


def _images_differ(s: Sample) -> bool:
    n = dimensions(s) if _windowed(s) else 0
    return n > 1 and len(set(s.x.shape[-n:])) > 1


def _kernels_differ(s: Sample) -> bool:
    n = dimensions(s) if _windowed(s) else 0
    return n > 1 and len(set(kernel_of(s))) > 1


def _scales_differ(s: Sample) -> bool:
    if s.case.operation != "interpolate":
        return False
    return len({out / side for out, side in zip(s.dy.shape[2:], s.x.shape[2:], strict=True)}) > 1


def _leaves_over(s: Sample) -> bool:
    return slides(s) and any((side + 2 * pad - reach) % stride for side, reach, stride, pad in windows(s))


def _other_stride(s: Sample) -> bool:
    return _windowed(s) and "stride" in s.options and any(w[2] != 1 for w in windows(s))


def _not_the_windows_stride(s: Sample) -> bool:
    if "pool" not in s.case.operation or not slides(s):
        return False
    return any(window[2] != side for window, side in zip(windows(s), kernel_of(s), strict=True))


def _differ(option: str) -> Callable[[Sample], bool]:
    """Return whether an option has another number for one dimension than for the other."""
    return lambda s: isinstance(s.options.get(option), tuple) and len(set(s.options[option])) > 1


def _some_padding(s: Sample) -> bool:
    return _windowed(s) and any(w[3] for w in windows(s))


#: Where a call raises: which option is not done.
NOT_DONE: tuple[tuple[str, Callable[[Sample], bool], str], ...] = (
    ("raises_with_option", _other_stride, "where the stride is not 1"),
    ("raises_with_option", _not_the_windows_stride, "where the stride is not the window's side"),
    ("raises_with_option", _some_padding, "where there is padding"),
)


def _labels(kinds: str) -> Callable[[Sample], bool]:
    """Return whether a call has labels of such dtypes: one-hot ones are numbers, class indices integers."""
    return lambda s: "target" in s.case.given and s.case["target"].dtype.kind in kinds


def _grouped(s: Sample) -> bool:
    query, key = (s.case.given.get(name) for name in ("query", "key"))
    return query is not None and key is not None and query.ndim == 4 and query.shape[1] != key.shape[1]


def _one_sample(s: Sample) -> bool:
    return s.x.shape[:1] == (1,)


def _even_and_same(s: Sample) -> bool:
    return s.options.get("padding") == "same" and any(side % 2 == 0 for side in kernel_of(s))


CONDITIONS: tuple[tuple[str, Callable[[Sample], bool], str], ...] = (
    ("wrong_for_one_hot_labels", _labels("f"), "where the labels are one-hot"),
    ("wrong_for_class_indices", _labels("iu"), "where the labels are class indices"),
    ("wrong_for_grouped_heads", _grouped, "where several heads of queries share one of keys"),
    ("wrong_for_even_kernel", _even_and_same, "where the padding is 'same' and a side of the kernel even"),
    ("wrong_without_padding", _no_padding, "without padding"),
    ("wrong_where_sides_differ", _images_differ, "where the sides of the images differ"),
    ("wrong_where_sides_differ", _kernels_differ, "where the sides of the kernel differ"),
    ("wrong_where_sides_differ", _sides_differ, "where the sides differ"),
    ("wrong_where_sides_differ", _scales_differ, "where the axes are scaled differently"),
    *(
        ("wrong_where_sides_differ", _differ(option), f"where {option} is not the same along both sides")
        for option in ("padding", "stride", "dilation", "output_padding")
    ),
    ("wrong_in_stride_remainder", _leaves_over, "where a stride leaves rows or columns over"),
    ("wrong_for_batch_of_one", _one_sample, "for a batch of one"),
)


def sides_differ(evidence: Evidence) -> tuple[str, str] | None:
    """Images cut to squares are right, and, where that is not enough, with square kernels too."""
    b = bench(evidence)
    if b.here is None or not _windowed(b.here) or dimensions(b.here) < 2 or b.raises:
        return None
    bad = [s for s, off in b.judged() if off and _sides_differ(s)]
    if len(bad) < 3 or any(off and not _sides_differ(s) for s, off in b.judged()):
        return None
    if not _wrong_with_other_numbers(b, bad):
        return None
    for images, kernels, words in (
        (True, False, "of the images"),
        (False, True, "of the kernel"),
        (True, True, "of the images or of the kernel"),
    ):
        right = tried = 0
        for s in bad:
            square = b.look(_squared(s, images=images, kernels=kernels))
            if square is None or b.part not in square.truth:
                continue
            # One pixel, or a kernel of one, is right too easily.
            if (images and min(square.x.shape[-dimensions(s) :]) < 2) or (
                kernels and min(kernel_of(square)) < 2
            ):
                continue
            tried += 1
            right += not wrong(square, b.part) and bool(np.any(square.truth[b.part]))
            if tried - right > 1 or right >= 4:
                break
        if right >= 2 and (tried == right or right >= 3):
            return "wrong_where_sides_differ", f"{b.part} is wrong only where the sides {words} differ"
    return None


def _wrong_with_other_numbers(b: Bench, bad: list[Sample]) -> bool:
    """Return whether wrong calls stay wrong with other numbers: else any change would make them right."""
    rng = np.random.default_rng(7)
    others = [b.look(s.case.map(lambda _, a: generic(a, rng) if a.dtype.kind == "f" else a)) for s in bad[:4]]
    return sum(other is not None and wrong(other, b.part) for other in others) >= 2


def _squared(s: Sample, *, images: bool, kernels: bool) -> Case:
    """Return the call with images, or kernel, stride and padding, cut to the same sides."""
    n, first = dimensions(s), s.case.slots[0]
    case = s.case
    changed: dict[str, Array] = {}
    if images:
        changed[first] = _cut(s, first, s.x, n)
    if kernels:
        if "weight" in case.given:
            changed["weight"] = _cut(s, "weight", s.as_torch("weight", case["weight"]), n)
        alike = {
            k: (min(v),) * len(v) for k, v in case.options.items() if isinstance(v, tuple) and len(v) == n
        }
        case = case.with_options(**alike)
    return case.replace(**changed)


def _cut(s: Sample, name: str, array: Array, n: int) -> Array:
    square: tuple[Any, ...] = (..., *[slice(min(array.shape[-n:]))] * n)
    cut = array[square]
    return np.array(cut if s.form is None else s.form.layout(name).back(cut, None), copy=True)


def condition(evidence: Evidence) -> tuple[str, str] | None:
    """Name the condition that every wrong call meets and no right one does, of those with enough of both."""
    b = bench(evidence)
    if b.here is None:
        return None
    found = b.judged()
    bad, good = [s for s, off in found if off], [s for s, off in found if not off]
    is_wrong = "it raises" if b.raises else f"{b.part} is wrong"
    if len(bad) < 2 or len(good) < 3:
        return None
    for key, holds, words in (*CONDITIONS, *(NOT_DONE if b.raises else ())):
        chance = [s for s in good if holds(s)]
        if (
            all(map(holds, bad))
            and len(chance) <= max(1, len(bad) // 2)
            and sum(not holds(s) for s in good) >= 2
        ):
            return key, f"{is_wrong} only {words}"
    return (
        _option(b, bad, good)
        or options_at_work(b, bad, good)
        or _rank(bad, good, is_wrong)
        or _size(bad, good, is_wrong)
    )


#: Of how many values of an option each is looked at by itself, at most.
_VALUES = 3


def by_value(evidence: Evidence) -> Iterator[list[tuple[str, Evidence]]]:
    """Yield the failure cut into one for each value of a mode or another word, with how that is said.

    The failing call's own comes first. Where calls with several values are wrong, no condition tells them
    from the right ones.
    """
    b = bench(evidence)
    bad = [s for s, off in b.judged() if off]
    for name in {k: None for s in bad for k, v in s.case.options.items() if isinstance(v, bool | str)}:
        first: dict[Any, Sample] = {}
        for s in bad:
            first.setdefault(s.case.options.get(name), s)
        if 1 < len(first) <= _VALUES and None not in first:
            yield [_cut_down(evidence, name, s, b.part) for s in first.values()]


def _cut_down(evidence: Evidence, name: str, s: Sample, part: str) -> tuple[str, Evidence]:
    value = s.case.options[name]

    def draw(seed: int) -> Case:
        return evidence.draw(seed).with_options(**{name: value})

    where = f"where {name} is {value!r}"
    if name == "training":
        where = "in training" if value else "in evaluation"
    return where, replace(evidence, case=s.case, cotangents=s.dys, part=part, draw=draw, thing=None)


def _option(b: Bench, bad: list[Sample], good: list[Sample]) -> tuple[str, str] | None:
    """Right for an option's first value alone."""
    if b.here is None or b.raises:
        return None
    for name, now in b.here.options.items():
        for value in FIRST if isinstance(now, float) and name != "p" else ():
            first_bad, first_good = ([s.options.get(name) == value for s in group] for group in (bad, good))
            others = len(good) - sum(first_good)
            if not any(first_bad) and sum(first_good) >= 3 and len(bad) >= 3 and others <= len(bad) // 2:
                return (
                    "only_at_initial_value",
                    f"{b.part} is right only where {at(b, name, value)}",
                )
    return None


def _rank(bad: list[Sample], good: list[Sample], is_wrong: str) -> tuple[str, str] | None:
    first = bad[0].case.slots[0]
    ranks_bad, ranks_good = ({s.case[first].ndim for s in group} for group in (bad, good))
    strays = sum(s.case[first].ndim in ranks_bad for s in good)
    ranks_good -= ranks_bad
    if ranks_good and (len(bad) >= 3 or not strays) and strays <= len(bad) // 3:
        return (
            "wrong_for_a_rank",
            f"{is_wrong} for {first} of rank {_list(ranks_bad)}, not for {_list(ranks_good)}",
        )
    return None


def _size(bad: list[Sample], good: list[Sample], is_wrong: str) -> tuple[str, str] | None:
    for axis, what in ((0, "samples"), (1, "features")):
        sizes_bad, sizes_good = ([s.x.shape[axis] for s in g if s.x.ndim > axis] for g in (bad, good))
        above = len(sizes_bad) == len(bad) and sizes_good and min(sizes_bad) > max(2, *sizes_good)
        if above and len(set(sizes_good)) > 2:
            return "wrong_beyond_a_size", f"{is_wrong} beyond {max(sizes_good)} {what}, not up to there"
    return None


def _list(numbers: set[int]) -> str:
    return " and ".join(str(n) for n in sorted(numbers))


def wrong_beyond_a_size(evidence: Evidence) -> tuple[str, str] | None:
    """A batch cut down to its first samples is right up to a size, wrong beyond it."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    case, first = b.here.case, b.here.case.slots[0]
    x = case[first]
    if x.ndim < 1 or len(x) < 4 or any(d.shape[:1] != x.shape[:1] for d in b.here.dys):
        return None
    along = [
        n for n, a in case.given.items() if a.shape[:1] == x.shape[:1] and n != first and a.dtype.kind in "iu"
    ]
    verdicts = []
    rng = np.random.default_rng(5)
    for n in range(1, len(x) + 1):
        arrays = {
            first: np.asarray(rng.normal(size=(n, *x.shape[1:]))),
            # One label for all: which sample has which must not matter.
            **{name: np.repeat(case[name][:1], n, axis=0) for name in along},
        }
        sample = b.look(case.replace(**arrays))
        if sample is None or b.part not in sample.truth:
            return None
        verdicts.append(b.evidence.part in ("", b.part) and not _right(sample, b.part))
    edge = verdicts.index(True) if True in verdicts else 0
    if edge >= 3 and all(verdicts[edge:]):
        return "wrong_beyond_a_size", f"{b.part} is right up to {edge} samples, wrong beyond"
    return None


def _right(sample: Sample, part: str) -> bool:
    return close(sample.got[part], sample.truth[part])
