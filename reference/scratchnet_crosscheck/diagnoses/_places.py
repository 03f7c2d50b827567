"""Wrong at some places only: at zero, at a kink, at ties, at the border, in a remainder, in the last step."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench, where_wrong, wrong

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence


def _right_when_drawn(b: Bench, part: str) -> bool:
    """Whether ordinary values of no pattern are right: what is wrong is wrong at special values."""
    found = [wrong(_generic(b, s) or s, part) for s in b.drawn if part in s.truth]
    return len(found) >= 4 and not any(found)


def _generic(b: Bench, s: Sample) -> Sample | None:
    """Return the call with what lies on a pattern moved off it."""
    rng = np.random.default_rng(11)
    first = s.case.slots[0]

    def move(name: str, a: Array) -> Array:
        if a.dtype.kind != "f" or name != first:
            return a
        return np.asarray(a + 1e-3 * (1 + rng.random(a.shape)), dtype=a.dtype)

    return b.look(s.case.map(move), s.dys)


def special_values(evidence: Evidence) -> tuple[str, str] | None:
    """Values moved a little are right: the wrong ones are at 0, at another kink, or tied."""
    b = bench(evidence)
    here = b.here
    if here is None or not b.part.startswith("d") or not wrong(here, b.part):
        return None
    x = here.case[here.case.slots[0]]
    moved = _generic(b, here)
    if x.dtype.kind != "f" or not np.isfinite(x).all() or moved is None or wrong(moved, b.part):
        return None
    if not _right_when_drawn(b, b.part) or here.got[b.part].shape != here.truth[b.part].shape:
        return None
    off = where_wrong(here, b.part)
    others = [a for n, a in here.case.given.items() if n != here.case.slots[0] and a.dtype.kind == "f"]
    if any(a.shape == x.shape and off.shape == x.shape and (a == x)[off].all() for a in others):
        return (
            "wrong_at_ties",
            f"{b.part} is wrong only where {here.case.slots[0]} equals what it is compared with",
        )
    competing = any(w in here.case.operation for w in ("max", "margin", "svm"))
    if competing and len(np.unique(x)) <= x.size:
        return _ties(b, here)
    if off.shape == x.shape:
        at = sorted({float(v) for v in x[off]})
        if at == [0.0]:
            return "wrong_at_zero", f"{b.part} is wrong only where {here.case.slots[0]} == 0"
        if len(at) <= 2 and all(abs(v) > 0.01 for v in at):
            return (
                "wrong_at_kink",
                f"{b.part} is wrong only where {here.case.slots[0]} is {', '.join(f'{v:g}' for v in at)}",
            )
    elif (x == 0).any():
        shifted = b.look(
            here.case.replace(**{here.case.slots[0]: np.where(x == 0, 0.4375, x).astype(x.dtype)}), here.dys
        )
        if shifted is not None and not wrong(shifted, b.part):
            return "wrong_at_zero", f"{b.part} is wrong only where {here.case.slots[0]} == 0"
    return None


def relu_of_zero(evidence: Evidence) -> tuple[str, str] | None:
    """Of a layer that ends in a relu: right once the bias moves what goes into it away from 0."""
    b = bench(evidence)
    here = b.here
    if here is None or not b.part.startswith("d") or not wrong(here, b.part):
        return None
    if not here.case.operation.endswith("_relu") or "bias" not in here.case.given:
        return None
    bias = here.case["bias"]
    lifted = b.look(here.case.replace(bias=(bias + 0.4375).astype(bias.dtype)), here.dys)
    if lifted is None or wrong(lifted, b.part) or not _right_when_drawn(b, b.part):
        return None
    return "wrong_at_zero", f"{b.part} is wrong only where what goes into its relu is 0"


def _ties(b: Bench, here: Sample) -> tuple[str, str]:
    """Say which element gets the gradient where values tie: an even split is a convention."""
    x, first = here.case[here.case.slots[0]], here.case.slots[0]
    got = here.got[b.part]
    if here.dys[0].size <= 12 and x.size <= 40 and got.shape == x.shape:
        even, shared = np.zeros(x.shape), False
        for p in range(here.dys[0].size):
            dy = np.zeros_like(here.dys[0])
            dy.flat[p] = here.dys[0].flat[p]
            if not dy.flat[p]:
                continue
            tied = []
            for j in range(x.size):
                bumped = x.copy()
                bumped.flat[j] = np.nextafter(x.flat[j], x.dtype.type(np.inf))
                grad = b.gradient(b.part, here.judged.replace(**{first: bumped}), (dy,))
                base = b.gradient(b.part, here.judged, (dy,))
                if grad is not None and base is not None and grad.flat[j] and np.count_nonzero(grad) == 1:
                    tied.append(j)
            shared |= len(tied) > 1
            for j in tied:
                even.flat[j] += dy.flat[p] / len(tied)
        # Of tiny cotangents too: 1e-12 beside 1e-18 would be whatever it likes.
        if shared and np.allclose(even, got, rtol=1e-9, atol=1e-12 * np.abs(even).max()):
            return "convention:ties_split", f"{b.part} splits the gradient evenly among tied values"
    return "wrong_at_ties", f"{b.part} is wrong only where values tie"


def repeated_index(evidence: Evidence) -> tuple[str, str] | None:
    """Rows of an index that occurs once are right, those of a repeated one wrong."""
    b = bench(evidence)
    seen = whole = 0
    for s, off in b.judged():
        index = next((a for a in s.case.given.values() if a.dtype.kind in "iu"), None)
        if (
            index is None
            or "embedding" not in s.case.operation
            or s.got[b.part].shape != s.truth[b.part].shape
        ):
            return None
        values, counts = np.unique(index, return_counts=True)
        if off:
            rows = np.unique(np.argwhere(where_wrong(s, b.part))[:, 0])
            if not set(rows.tolist()) <= set(values[counts > 1].tolist()):
                return None
            seen += 1
        whole += not off and not (counts > 1).any()
    return (
        ("wrong_for_repeated_index", f"{b.part} is wrong only for an index that is repeated")
        if seen >= 2
        else None
    )


def _bags(s: Sample) -> list[Array]:
    """Return the places of x that each bag of an embedding bag has."""
    x = s.case["x"]
    if x.ndim == 2:
        return list(np.arange(x.size).reshape(x.shape))
    starts = s.case["offsets"].tolist()
    if not s.options.get("include_last_offset"):
        starts = [*starts, x.size]
    return [np.arange(begin, end) for begin, end in itertools.pairwise(starts)]


def repeated_in_bags(evidence: Evidence) -> tuple[str, str] | None:
    """A row that a bag has twice, or that two bags have, is assigned to and not added to."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "embedding_bag" or b.part != "dweight":
        return None

    def predict(s: Sample, within: bool, between: bool) -> Array | None:
        x, dy = s.case["x"].reshape(-1), s.dys[0]
        weights = s.case.given.get("per_sample_weights", np.ones(x.shape)).reshape(-1)
        found = np.zeros(s.truth[b.part].shape)
        for number, places in enumerate(_bags(s)):
            share = b.gradient(b.part, s.judged, (np.where(np.arange(len(dy))[:, None] == number, dy, 0.0),))
            if share is None:
                return None
            if within and s.options.get("mode", "mean") != "max":
                share = share.copy()
                for row in set(x[places].tolist()):
                    of_row = weights[places][x[places] == row]
                    share[row] *= of_row[-1] / of_row.sum()
            found = np.where(share != 0, share, found) if between else found + share
        return found

    for within, between, words in (
        (True, False, "a row that is more than once in a bag has the share of its last place alone"),
        (False, True, "a row of several bags has the share of the last one alone"),
        (True, True, "a row that is used more than once has the share of its last place alone"),
    ):
        if b.fits(partial(predict, within=within, between=between)):
            return "wrong_for_repeated_index", f"{b.part}: {words}: it is assigned to, not added to"
    return None


def dimensions(s: Sample) -> int:
    """Return the number of spatial dimensions of a convolution or pooling: 2 for conv2d."""
    name = s.case.operation
    return next((n for n in (1, 2, 3) if f"{n}d" in name), s.x.ndim - 2)


def slides(s: Sample) -> bool:
    """Return whether windows slide over x by a stride: not over the output, nor by bins."""
    others = ("transpose", "unpool", "adaptive", "fractional")
    operation = s.case.operation
    return any(w in operation for w in ("conv", "pool")) and not any(w in operation for w in others)


def spatial(s: Sample, name: str, default: Any) -> list[int]:
    """Return an option of windows as one number for each spatial dimension."""
    value: Any = s.options.get(name, default)
    if value is None:
        value = default
    return [int(v) for v in value] if isinstance(value, tuple) else [int(value)] * dimensions(s)


def kernel_of(s: Sample) -> tuple[int, ...]:
    """Return the sides of the kernel or of the pooling window."""
    if "weight" in s.case.given:  # of a convolution with a pooling after it, the convolution's
        return s.as_torch("weight", s.case["weight"]).shape[-dimensions(s) :]
    return tuple(spatial(s, "kernel_size", 1))


def windows(s: Sample) -> list[tuple[int, int, int, int]]:
    """Return side, reach of the kernel, stride and padding of each spatial dimension."""
    n = dimensions(s)
    kernel = kernel_of(s)
    stride = spatial(s, "stride", s.options.get("kernel_size", 1))
    dilation = spatial(s, "dilation", 1)
    pad = [0] * n if s.options.get("padding") in ("valid", "same") else spatial(s, "padding", 0)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return list(zip(s.x.shape[-n:], reach, stride, pad, strict=True))


def remainder_or_border(evidence: Evidence) -> tuple[str, str] | None:
    """Elements are wrong only in what a stride leaves over, or only where windows reach over the border."""
    b = bench(evidence)
    over = {"wrong_in_stride_remainder": True, "wrong_at_border": True}
    wrongs = inner = 0
    for s, off in b.judged():
        if not slides(s):
            return None
        if not off:
            continue
        if s.got[b.part].shape != s.truth[b.part].shape or s.got[b.part].ndim < 3:
            return None
        forward = b.part == s.case.outputs[0]
        if b.part != f"d{s.case.slots[0]}" and not forward:
            return None
        where = s.as_torch(b.part if forward else s.case.slots[0], where_wrong(s, b.part))
        left, edge = np.zeros(where.shape, bool), np.zeros(where.shape, bool)
        for axis, (side, reach, stride, pad) in enumerate(windows(s), start=where.ndim - dimensions(s)):
            shape = [1] * where.ndim
            shape[axis] = where.shape[axis]
            at = np.arange(where.shape[axis]).reshape(shape)
            rest = (side + 2 * pad - reach) % stride
            if not forward:
                left |= at >= side + pad - rest if rest else np.zeros(shape, bool)
                edge |= (at < reach - 1) | (at >= side - reach + 1)
            elif pad:
                edge |= (at * stride < pad) | (at * stride + reach > side + pad)
        over["wrong_in_stride_remainder"] &= bool((left | ~where).all())
        over["wrong_at_border"] &= bool((edge | ~where).all())
        wrongs += 1
        inner += bool((~edge & (s.part(s.truth, b.part) != 0)).any())
    if wrongs < 3:
        return None
    if over["wrong_in_stride_remainder"]:
        return (
            "wrong_in_stride_remainder",
            f"{b.part} is wrong only in the rows or columns a stride leaves over",
        )
    if over["wrong_at_border"] and inner >= 2:
        return "wrong_at_border", f"{b.part} is wrong only at the border"
    return None


def last_step(evidence: Evidence) -> tuple[str, str] | None:
    """With no cotangent for the last time step the result is right."""
    b = bench(evidence)
    if b.here is None or not any(w in b.here.case.operation for w in ("rnn", "lstm", "gru")):
        return None
    seen = 0
    for s, off in b.judged():
        y = s.dys[0]
        if not off:
            continue
        for axis in (1, 0):
            if y.ndim != 3 or y.shape[axis] < 2:
                continue
            silent = np.array(y, copy=True)
            silent[(slice(None),) * axis + (-1,)] = 0
            other = b.look(s.case, (silent, *s.dys[1:]))
            if other is not None and not wrong(other, b.part):
                seen += 1
                break
        else:
            if y.ndim == 3 and min(y.shape[:2]) > 1:
                return None
    return (
        ("wrong_in_last_step", f"{b.part} is wrong only by what comes back from the last time step")
        if seen >= 3
        else None
    )
