"""Not summed: over an axis, over overlapping windows; another shape; too many or too few time steps."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench, close
from ._conditions import condition
from ._places import dimensions, kernel_of, windows

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence


def not_summed(evidence: Evidence) -> tuple[str, str] | None:
    """The result still has the axes it should be summed over, or is the share of one slice of them."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    if _has_more_axes(b):
        return "not_summed", f"{b.part} is not summed over the axes it was broadcast along"
    rank = b.here.dys[0].ndim
    for axes in itertools.chain.from_iterable(itertools.combinations(range(rank), n) for n in (1, 2, 3)):
        for at in (0, -1):

            def one_slice(s: Sample, axes: tuple[int, ...] = axes, at: int = at) -> Array | None:
                if s.dys[0].ndim <= axes[-1]:
                    return None
                only = np.zeros_like(s.dys[0])
                where = tuple(at if axis in axes else slice(None) for axis in range(only.ndim))
                only[where] = s.dys[0][where]
                return b.gradient(b.part, s.judged, (only, *s.dys[1:]))

            if b.fits(one_slice):
                which = "last" if at else "first"
                along = ", ".join(str(axis) for axis in axes)
                return (
                    "not_summed",
                    f"{b.part} is that of the {which} slice along axis {along} alone, not summed"
                    if len(axes) == 1
                    else f"{b.part} is that of the {which} place along axes {along} alone, not summed",
                )
    return _of_one_pixel(b)


def _of_one_pixel(b: Bench) -> tuple[str, str] | None:
    """A transposed convolution goes over its input, not its output: the kernel's gradient is one pixel's."""
    if b.here is None or "conv_transpose" not in b.here.case.operation or b.part != "dweight":
        return None
    first = b.here.case.slots[0]
    for at, which in ((0, "first"), (-1, "last")):

        def predict(s: Sample, at: int = at) -> Array | None:
            only = np.zeros_like(s.x)
            pixel: tuple[Any, ...] = (..., *(at,) * dimensions(s))
            only[pixel] = s.x[pixel]
            return b.gradient(b.part, s.judged.replace(**{first: s.own(first, only)}), s.dys)

        if b.fits(predict):
            return "not_summed", f"{b.part} is that of the {which} pixel alone, not summed"
    return None


def _has_more_axes(b: Bench) -> bool:
    seen = 0
    for s in b.samples:
        if b.part not in s.got or b.part not in s.truth:
            continue
        got, truth = s.got[b.part], s.truth[b.part]
        if got.shape == truth.shape:
            if not close(got, truth):
                return False
            continue
        extra = got.ndim - truth.ndim
        kept = truth.reshape((1,) * max(extra, 0) + truth.shape)
        if extra < 0 or got.ndim != kept.ndim:
            return False
        axes = tuple(
            i for i in range(got.ndim) if kept.shape[i] == 1 and (i < extra or kept.shape[i] != got.shape[i])
        )
        if not axes or not close(got.sum(axis=axes, keepdims=True), kept):
            return False
        seen += any(got.shape[i] > 1 for i in axes)
    return seen >= 2


def _window(s: Sample, place: tuple[int, ...]) -> Array:
    """Return which positions of the image one window covers, whatever its weights are."""
    inside = np.ones((1,) * len(place), dtype=bool)
    for axis, (at, kernel, (side, reach, stride, pad)) in enumerate(
        zip(place, kernel_of(s), windows(s), strict=True)
    ):
        step = (reach - 1) // (kernel - 1) if kernel > 1 else 1
        line = np.isin(np.arange(side), at * stride - pad + step * np.arange(kernel))
        inside = inside & line.reshape([-1 if a == axis else 1 for a in range(len(place))])
    return np.asarray(inside)


def overlapping_windows(evidence: Evidence) -> tuple[str, str] | None:
    """Where windows overlap, the later one replaces what the earlier one left."""
    b = bench(evidence)
    if b.here is None or b.part != f"d{b.here.case.slots[0]}":
        return None
    if not any(w in b.here.case.operation for w in ("conv", "pool")):
        return None
    for whole in (False, True):

        def predict(s: Sample, whole: bool = whole) -> Array | None:
            dy, slot, y = s.dy, b.part[1:], s.case.outputs[0]
            places = list(itertools.product(*(range(n) for n in dy.shape[2:])))
            if len(places) > 40 or dy.ndim < 3:
                return s.truth[b.part]
            out = np.zeros_like(s.as_torch(slot, s.truth[b.part]))
            for place in places:
                only = np.zeros_like(dy)
                at = np.zeros(dy.shape[2:], dtype=bool)
                at[place] = True
                only[:, :, at] = dy[:, :, at]
                found = b.gradient(b.part, s.judged, (s.own(y, only),))
                if found is None:
                    return None
                share = s.as_torch(slot, found)
                touched = share != 0
                if whole:
                    touched = np.broadcast_to(_window(s, place), share.shape)
                out = np.where(touched, share, out)
            return s.own(slot, out)

        if b.fits(predict):
            return "not_summed", f"{b.part}: where windows overlap, the later one replaces instead of adding"
    return None


def wrong_shape(evidence: Evidence) -> tuple[str, str] | None:
    """The result has the right numbers in another shape."""
    b = bench(evidence)
    here = b.here
    if here is not None and b.part in here.got and here.got[b.part].shape == here.truth[b.part].shape:
        return None
    shapes = [
        (s.got[b.part].shape, s.truth[b.part].shape, s.case[s.case.slots[0]].shape[:1])
        for s in b.samples
        if b.part in s.got and b.part in s.truth
    ]
    off = [(got, true, n) for got, true, n in shapes if got != true]
    if not off:
        return None
    words = f"{b.part} has shape {off[0][0]}, not {off[0][1]}"
    if len(off) < len(shapes):
        if off[0][2] == (1,) and all(1 in true and math.prod(true) == math.prod(got) for got, true, _ in off):
            return (
                "wrong_for_batch_of_one",
                f"{b.part} has another shape for a batch of one: {off[0][0]}, not {off[0][1]}",
            )
        where = condition(evidence)
        if where is not None:
            return where[0], f"{where[1]}: it {words[len(b.part) + 1 :]}"
    turned = [
        close(s.got[b.part].T, s.truth[b.part])
        for s in b.samples
        if b.part in s.got and b.part in s.truth and s.got[b.part].shape != s.truth[b.part].shape
    ]
    return ("transposed", f"{b.part} is transposed: it {words[len(b.part) + 1 :]}") if all(turned) else (
        "wrong_shape", words
    )  # fmt: skip


def declared_shape(evidence: Evidence) -> tuple[str, str] | None:
    """Without a reference: the shape of a cotangent against its argument's."""
    case, part = evidence.case, evidence.part
    if evidence.check != "cotangents_have_the_shapes_of_their_arguments" or not part.startswith("d"):
        return None
    slot = part[1:]
    dys = evidence.cotangents or tuple(
        np.ones_like(y) for y in evidence.subject.forward(case)[: len(case.outputs)]
    )
    grad = dict(zip(case.slots, evidence.run(case, dys), strict=True))[slot]
    if grad is None or np.shape(grad) == case[slot].shape:
        return None
    words = f"{part} has shape {np.shape(grad)}, not {case[slot].shape}"
    return "wrong_shape", words
