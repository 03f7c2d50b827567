"""Transposed, turned, or handed to the wrong argument; and the cotangent ignored."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ._bench import Bench, Sample, bench, close, generic, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from .protocol import Evidence

    Turn = Callable[[Array], Array | None]


def _swap(a: int, b: int) -> Turn:
    def turn(array: Array) -> Array | None:
        if array.ndim <= max(a, b) or array.shape[a] != array.shape[b]:
            return None
        return np.asarray(array.swapaxes(a, b))

    return turn


def _reshaped(array: Array) -> Array | None:
    """Transposed as a matrix, and put into the right shape all the same."""
    return np.asarray(array.reshape(len(array), -1).T.reshape(array.shape)) if array.ndim > 1 else None


def _flip(array: Array) -> Array | None:
    if array.ndim < 3:
        return None
    return np.asarray(np.flip(array, axis=tuple(range(2, array.ndim))))


TURNS: tuple[Turn, ...] = (*(_swap(a, b) for a, b in itertools.combinations(range(4), 2)), _reshaped, _flip)


def transposed(evidence: Evidence) -> tuple[str, str] | None:
    """The result is the right one transposed or turned round, or is taken with a transposed parameter."""
    b = bench(evidence)
    for turn in TURNS:
        if b.fits(lambda s, turn=turn: turn(s.truth[b.part])):  # type: ignore[misc]  # bound in the loop
            how = "turned round" if turn is _flip else "transposed"
            again = ", then reshaped" if turn is _reshaped else ""
            return "transposed", f"{b.part} is {how}{again}"
    if b.here is None:
        return None
    for slot in b.here.case.slots[1:]:
        for turn in TURNS:

            def predict(s: Sample, slot: str = slot, turn: Turn = turn) -> Array | None:
                turned = turn(s.case[slot])
                return (
                    None if turned is None else b.gradient(b.part, s.judged.replace(**{slot: turned}), s.dys)
                )

            if b.fits(predict):
                what = "turned round" if turn is _flip else "transposed"
                return "transposed", f"{b.part} is what it would be with {slot} {what}"
    return None


def _each_other(b: Bench, part: str, other: str) -> bool:
    return b.fits(lambda s: s.truth[other].reshape(s.got[part].shape), part)


def exchanged(evidence: Evidence) -> tuple[str, str] | None:
    """Two gradients stand in each other's place, or two equal blocks of one."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    for other in b.here.truth:
        if other == b.part or not other.startswith("d"):
            continue
        if _each_other(b, b.part, other) and _each_other(b, other, b.part):
            return "exchanged", f"{b.part} and {other} are exchanged"
    for part in (b.part, *(p for p in b.here.truth if p.startswith("d") and p != b.part)):
        for (i, j), axis in itertools.product(itertools.combinations(range(4), 2), (-1, 0)):

            def blocks(s: Sample, part: str = part, i: int = i, j: int = j, axis: int = axis) -> Array:
                cut = np.split(s.truth[part], 4, axis=axis)
                cut[i], cut[j] = cut[j], cut[i]
                return np.concatenate(cut, axis=axis)

            if b.fits(blocks, part):
                return (
                    "exchanged",
                    f"the gradients of gates {i + 1} and {j + 1} are exchanged (seen in {part})",
                )
    return None


def of_another(evidence: Evidence) -> tuple[str, str] | None:
    """The gradient of one argument is that of another."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    for other in (p for p in b.here.truth if p.startswith("d") and p != b.part):
        for sign, minus in ((1.0, ""), (-1.0, "minus ")):

            def predict(s: Sample, other: str = other, sign: float = sign) -> Array | None:
                found = s.truth.get(other)
                return None if found is None else np.asarray(sign * found)

            if b.fits(predict) and not any(wrong(s, other) for s, _ in b.judged()):
                return "of_another", f"{b.part} is {minus}the gradient of {other[1:]}"
    return None


def made_with_another(evidence: Evidence) -> tuple[str, str] | None:
    """The gradient is made with one argument where another should be."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    own = b.part[1:]
    names = [n for n in b.here.case.slots if n in b.here.case.given and b.here.case[n].dtype.kind == "f"]
    for other in names:
        if other == own:
            continue
        for instead in (n for n in names if n != other):

            def exchanged(s: Sample, other: str = other, instead: str = instead) -> Array | None:
                if s.case[other].shape != s.case[instead].shape:
                    return None
                return b.gradient(b.part, s.judged.replace(**{other: s.case[instead]}), s.dys)

            if b.fits(exchanged):
                return "of_another", f"{b.part} is made with {instead} where {other} should be"

        def times_itself(s: Sample, other: str = other) -> Array | None:
            found = b.gradient(b.part, s.judged.replace(**{other: np.ones_like(s.case[other])}), s.dys)
            return None if found is None else np.asarray(found * s.case[own])

        if b.fits(times_itself):
            return "of_another", f"{b.part} is made with {own} where {other} should be"
    return None


def upstream_ignored(evidence: Evidence) -> tuple[str, str] | None:
    """Another cotangent changes nothing, and with one of ones the result is right."""
    b = bench(evidence)
    part, seen = b.part, 0
    for sample in itertools.islice(b.samples, 8):
        if not part.startswith("d") or part not in sample.got:
            return None
        rng = np.random.default_rng(7)
        other = b.look(sample.case, tuple(generic(d, rng) * 2 for d in sample.dys))
        ones = b.look(sample.case, tuple(np.ones_like(d) for d in sample.dys))
        if other is None or ones is None or not close(other.got[part], sample.got[part]):
            return None
        if wrong(ones, part):
            return None
        seen += wrong(sample, part) and not close(other.truth[part], sample.truth[part])
    return (
        ("upstream_ignored", f"{part} does not depend on the cotangent: the upstream gradient is ignored")
        if seen >= 2
        else None
    )


def batch_mixed(evidence: Evidence) -> tuple[str, str] | None:
    """A sample's result moves when another sample does, where it should not."""
    b = bench(evidence)
    seen = count = 0
    modes = set()
    for sample in itertools.islice(b.samples, 14):
        case, first = sample.case, sample.case.slots[0]
        if "batch_norm" in case.operation and case.options.get("training", True):
            continue  # there it should
        part = b.part if b.part in sample.got else f"d{first}"
        x = case[first]
        if x.dtype.kind != "f" or x.ndim < 2 or len(x) < 2 or sample.got[part].shape[:1] != x.shape[:1]:
            continue
        moved = np.array(x, copy=True)
        moved[1:] += generic(moved[1:], np.random.default_rng(3))
        dys = tuple(np.array(d, copy=True) for d in sample.dys)
        for d in dys:
            if d.shape[:1] == x.shape[:1]:
                d[1:] += generic(d[1:], np.random.default_rng(4))
        other = b.look(case.replace(**{first: moved}), dys)
        if other is None or not close(other.truth[part][:1], sample.truth[part][:1]):
            continue
        if not wrong(sample, part):
            continue
        count += 1
        modes.add(case.options.get("training"))
        seen += not close(other.got[part][:1], sample.got[part][:1])
    if seen < max(2, 0.8 * count):
        return None
    if "norm" in evidence.case.operation and modes == {False}:
        words = "in evaluation depends on the other samples: by the training formula"
        return "mode_confused", f"{b.part} of a sample {words}"
    return "batch_mixed", f"{b.part} of a sample depends on the other samples"
