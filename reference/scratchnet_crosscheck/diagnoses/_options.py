"""Wrong in some calls only: which options, alone or two together, and what data, tell these from the others.

The drawn calls say which; it is believed where the wrong ones come right once an option of them is changed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .._types import Array
    from ..case import Case

#: Wrong calls that one option needs, and two together; and where none can be without what tells them apart.
_ENOUGH, _FOR_TWO, _UNCHANGED = 3, 4, 6
#: How many wrong calls are changed, and how many of them must come right.
_TRIED, _RIGHT = 5, 2
#: Of these it is the size that counts: any of them above the least is the option at work.
_SIZES = ("stride", "padding", "dilation", "groups", "num_groups", "output_padding")
#: A window or a scale of 1 makes a layer of nothing: that it is right then says nothing.
_NOTHING_AT_1 = ("kernel_size", "scale_factor", "upscale_factor", "downscale_factor")
_WORDS = {
    ("training", True): "in training", ("training", False): "in evaluation",
    ("use_input_stats", False): "in evaluation", ("use_input_stats", True): "in training",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Atom:
    """Something that holds of some calls: in words, whether it does, and the same call without it."""

    of: str
    words: str
    holds: Callable[[Sample], bool]
    without: Callable[[Sample], Iterable[Case]]


def options_at_work(b: Bench, bad: list[Sample], good: list[Sample]) -> tuple[str, str] | None:
    """Name the option, or the two, at work in every wrong call and in hardly a right one."""
    both = [*bad, *good]
    shared = [a for a in (*_of_options(both), *_of_slots(both), *_of_data(both)) if all(map(a.holds, bad))]
    few, more = max(1, len(bad) // 3), max(1, len(bad) // 2)
    # What makes a call wrong need not show in each: one option may be at work in more calls that are right.
    for size, most in ((1, few), (2, few), (1, more)):
        found = []
        for atoms in itertools.combinations(shared, size):
            if len({a.of for a in atoms}) == size and _told_apart(atoms, bad, good):
                strays = sum(all(a.holds(s) for a in atoms) for s in good)
                found += [(strays, atoms)] if strays <= most else []
        for strays, atoms in sorted(found, key=lambda f: f[0]):
            causes = [_is_cause(b, a, bad) for a in atoms]
            if all(causes) or (False not in causes and not strays and len(bad) >= _UNCHANGED):
                return "wrong_with_options", _said(b, atoms, [*_of_data(both), *_of_sides(bad)], bad)
    return None


def _told_apart(atoms: Sequence[Atom], bad: list[Sample], good: list[Sample]) -> bool:
    """Return whether there is enough of both: right calls that lack each of them, and it alone."""
    if len(bad) < (_ENOUGH if len(atoms) == 1 else _FOR_TWO):
        return False
    return all(
        sum(not a.holds(s) and all(o.holds(s) for o in atoms if o is not a) for s in good)
        >= (_ENOUGH if len(atoms) == 1 else 2)
        for a in atoms
    )


def _said(b: Bench, atoms: Sequence[Atom], data: Sequence[Atom], bad: list[Sample]) -> str:
    """Say when it is wrong, and what the data must hold as well where only a changed call tells."""
    named = {a.words for a in atoms}
    more = [a for a in data if a.words not in named and all(map(a.holds, bad)) and _is_cause(b, a, bad)][:1]
    kept = [a for a in atoms if all(a.of != m.of for m in more)]
    when = [a.words for a in (*kept, *more) if a.words.startswith("in ")]
    where = [a.words for a in (*kept, *more) if not a.words.startswith("in ")]
    said = " ".join([*when, *(["where " + " and ".join(where)] if where else [])])
    return f"{'it raises' if b.raises else f'{b.part} is wrong'} only {said}"


def _is_cause(b: Bench, atom: Atom, bad: list[Sample]) -> bool | None:
    """Return whether wrong calls come right without it; None where hardly any can be without."""
    right = 0
    for s in bad[:_TRIED]:
        verdicts = (_wrong_without(b, case) for case in atom.without(s))
        off = next((v for v in verdicts if v is not None), None)
        if off or b.late:
            return False
        right += off is False
    return True if right >= _RIGHT else None


def _wrong_without(b: Bench, case: Case) -> bool | None:
    """Return whether a changed call is wrong as well; None where it tells nothing."""
    other = b.tried(case)
    if other is None or b.raises:
        return None if other is None else bool(other.raised)
    tells = not other.raised and b.part in other.truth and np.any(other.truth[b.part])
    return wrong(other, b.part) if tells else None


def _plain(value: Any) -> Any:
    """Return an option's value as one that compares: of several numbers the largest."""
    if isinstance(value, tuple) and value and all(isinstance(v, int) for v in value):
        return max(value)
    return value if isinstance(value, bool | int | float | str) else None


def _of_options(samples: list[Sample]) -> Iterator[Atom]:
    """Yield what may be said of the options that are not the same in all calls."""
    for name in dict.fromkeys(n for s in samples for n in s.options):
        seen = [_plain(s.options.get(name)) for s in samples]
        if name in _NOTHING_AT_1 and 1 in seen:
            continue
        values = sorted({v for v in seen if v is not None}, key=str)
        if None in seen:
            yield _option(samples, name, f"{name} is given", set(values))
            yield _option(samples, name, f"{name} is not given", {None})
        if len(values) < 2:
            continue
        if name in _SIZES and not any(isinstance(v, str) for v in values):
            yield _option(samples, name, f"{name} > {min(values)}", set(values) - {min(values)})
        for value in (v for v in values if seen.count(v) >= _ENOUGH):
            words = _WORDS.get((name, value), f"{name} is {value!r}")
            yield _option(samples, name, words, {value})
            if len(values) > 2:
                yield _option(samples, name, f"{name} is not {value!r}", {*seen} - {value})


def _option(samples: list[Sample], name: str, words: str, values: set[Any]) -> Atom:
    """Return that an option has one of these values."""

    def holds(s: Sample) -> bool:
        return _plain(s.options.get(name)) in values

    others: list[Any] = []
    for s in samples:
        value = s.options.get(name)
        if not holds(s) and value not in others:
            others.append(value)

    def without(s: Sample) -> Iterator[Case]:
        for value in others[:3]:
            if value is None and name in s.case.options:
                yield replace(s.case, options={k: v for k, v in s.case.options.items() if k != name})
            yield s.case.with_options(**{name: value})

    return Atom(name, words, holds, without)


def _of_slots(samples: list[Sample]) -> Iterator[Atom]:
    """Yield which arrays that may be left out are given."""
    for name in samples[0].case.slots:
        if len({name in s.case.given for s in samples}) == 2:
            yield _slot(name, given=True)
            yield _slot(name, given=False)


def _slot(name: str, *, given: bool) -> Atom:
    def without(s: Sample) -> Iterator[Case]:
        if given:
            others = tuple(slot for slot in s.case.differentiable if slot != name)
            yield replace(s.case.replace(**{name: None}), differentiable=others)

    words = f"{name} is given" if given else f"{name} is not given"
    return Atom(name, words, lambda s: (name in s.case.given) == given, without)


def _of_data(samples: list[Sample]) -> Iterator[Atom]:
    """Yield what may be said of indices and targets."""
    for name, words in (("padding_idx", "an index is padding_idx"), ("ignore_index", "a target is ignored")):
        if any(s.options.get(name) is not None for s in samples):
            yield Atom(name, words, partial(_meets, name=name), partial(_unmet, name=name))
    if "target" in samples[0].case.slots:
        yield Atom("target", "target is not 0 or 1", _between, _rounded)


def _indices(s: Sample) -> str:
    """Return the first array of integers: indices, or targets."""
    return next(name for name, array in s.case.given.items() if array.dtype.kind in "iu")


def _met(s: Sample, name: str) -> Array:
    """Return which indices are the one that an option names."""
    value: Any = s.options.get(name)
    return np.asarray(s.case[_indices(s)] == value) if value is not None else np.zeros(1, bool)


def _meets(s: Sample, name: str) -> bool:
    return bool(_met(s, name).any())


def _unmet(s: Sample, name: str) -> Iterator[Case]:
    """Yield the call with another index in the place of that one."""
    array, met = s.case[_indices(s)], _met(s, name)
    other = array[~met].flat[0] if (~met).any() else 0 if s.options[name] != 0 else 1
    yield s.case.replace(**{_indices(s): np.where(met, other, array).astype(array.dtype)})


def _between(s: Sample) -> bool:
    target = s.case.given.get("target")
    return target is not None and target.dtype.kind == "f" and bool(((target > 0) & (target < 1)).any())


def _rounded(s: Sample) -> Iterator[Case]:
    yield s.case.replace(target=np.round(s.case["target"]))


def _of_sides(samples: list[Sample]) -> Iterator[Atom]:
    """Yield whether more than one axis is padded."""
    if samples[0].case.operation == "pad":
        name = "padding" if "padding" in samples[0].options else "pad"
        yield Atom(name, "more than one axis is padded", lambda s: _axes_padded(s, name) > 1,
                   lambda s: _one_axis_padded(s, name))  # fmt: skip


def _pairs(s: Sample, name: str) -> list[tuple[int, int]]:
    value: Any = s.options.get(name, 0)
    flat = list(value) if isinstance(value, tuple) else [value] * 2 * (s.x.ndim - 2)
    return list(zip(flat[::2], flat[1::2], strict=True))


def _axes_padded(s: Sample, name: str) -> int:
    return sum(any(pair) for pair in _pairs(s, name))


def _one_axis_padded(s: Sample, name: str) -> Iterator[Case]:
    pairs = _pairs(s, name)
    for kept, pair in enumerate(pairs):
        if any(pair):
            only = [pair if at == kept else (0, 0) for at in range(len(pairs))]
            yield s.case.with_options(**{name: tuple(itertools.chain.from_iterable(only))})
