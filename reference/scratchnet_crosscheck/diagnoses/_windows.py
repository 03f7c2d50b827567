"""Windows put back in the wrong place: by another stride, or cut out of the padded image at its front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench
from ._places import dimensions, slides, windows

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence


def _linear_windows(b: Bench) -> bool:
    """Return whether a window's gradient is the same wherever it lies: of a convolution, or an average."""
    linear = b.here is not None and any(w in b.here.case.operation for w in ("conv", "avg_pool"))
    return linear and b.here is not None and slides(b.here)


def _first(shape: tuple[int, ...], n: int) -> tuple[Any, ...]:
    """Return the index of the first pixels: all of the leading axes, so many along the last n."""
    return (..., *(slice(side) for side in shape[-n:]))


def stride_forgotten(evidence: Evidence) -> tuple[str, str] | None:
    """On the way back the windows lie next to each other, as if the stride were 1."""
    b = bench(evidence)
    if b.here is None or not _linear_windows(b) or "stride" not in b.here.case.options:
        return None
    if b.part not in (f"d{b.here.case.slots[0]}", "dweight"):
        return None

    def predict(s: Sample) -> Array | None:
        n = dimensions(s)
        full = tuple(side + 2 * pad - reach + 1 for side, reach, _, pad in windows(s))
        dy = np.zeros((*s.dy.shape[:-n], *full))
        dy[_first(s.dy.shape, n)] = s.dy
        y = s.case.outputs[0]
        return b.gradient(b.part, s.judged.with_options(stride=1), (s.own(y, dy),))

    if b.fits(predict):
        return (
            "option_ignored",
            f"{b.part} is by windows next to each other: the stride is ignored on the way back",
        )
    return None


def padding_not_cut_off(evidence: Evidence) -> tuple[str, str] | None:
    """The gradient of the padded image is cut to the image's size from its first row on."""
    b = bench(evidence)
    if b.here is None or not _linear_windows(b) or b.part != f"d{b.here.case.slots[0]}":
        return None

    def predict(s: Sample) -> Array | None:
        n, slot = dimensions(s), b.part[1:]
        pads = [pad for *_, pad in windows(s)]
        x = np.pad(s.x, [(0, 0)] * (s.x.ndim - n) + [(pad, pad) for pad in pads])
        found = b.gradient(b.part, s.judged.with_options(padding=0).replace(**{slot: s.own(slot, x)}), s.dys)
        if found is None:
            return None
        return s.own(slot, s.as_torch(slot, found)[_first(s.x.shape, n)])

    if b.fits(predict):
        return "padding_not_cut_off", f"{b.part} begins with the padding: it is not cut off at the front"
    return None
