"""Windows put back in the wrong place: by another stride, or cut out of the padded image at its front."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._pool import _bins
from ._bench import Bench, Sample, bench, close
from ._places import dimensions, kernel_of, slides, spatial, windows

if TYPE_CHECKING:
    from collections.abc import Callable

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
    if b.here is None or not slides(b.here) or "stride" not in b.here.case.options:
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
    if "pool" in b.here.case.operation and b.fits(partial(_by_the_kernel, b)):
        return (
            "option_ignored",
            f"{b.part} is by windows that do not overlap: the window's side is taken for the stride",
        )
    return None


def _by_the_kernel(b: Bench, s: Sample) -> Array | None:
    """Return what comes of going back by windows side by side, cut where the image ends."""
    n, slot = dimensions(s), b.part[1:]
    kernel = kernel_of(s)
    if any(pad for *_, pad in windows(s)) or any(spatial(s, "dilation", 1)[i] != 1 for i in range(n)):
        return None
    sides = [
        max(side + k - 1, out * k) // k * k
        for side, out, k in zip(s.x.shape[-n:], s.dy.shape[-n:], kernel, strict=True)
    ]
    x = np.full((*s.x.shape[:-n], *sides), float(s.x.min(initial=0.0)) - 1.0)
    x[_first(s.x.shape, n)] = s.x
    dy = np.zeros((*s.dy.shape[:-n], *(side // k for side, k in zip(sides, kernel, strict=True))))
    dy[_first(s.dy.shape, n)] = s.dy
    case = s.judged.with_options(stride=s.options["kernel_size"], ceil_mode=False)
    found = b.gradient(b.part, case.replace(**{slot: s.own(slot, x)}), (s.own(s.case.outputs[0], dy),))
    return None if found is None else s.own(slot, s.as_torch(slot, found)[_first(s.x.shape, n)])


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


def cut_elsewhere(evidence: Evidence) -> tuple[str, str] | None:
    """What padding hands back is cut out of the cotangent, and at another place than the image's."""
    b = bench(evidence)
    if b.here is None or b.here.case.operation != "pad" or b.part != f"d{b.here.case.slots[0]}":
        return None
    seen, front = 0, True
    for s, off in b.judged():
        if not off:
            continue
        got = s.part(s.got, b.part)
        if got.ndim != s.dy.ndim or got.shape != s.x.shape or not got.size:
            return None
        room = [range(max(have - want, 0) + 1) for have, want in zip(s.dy.shape, got.shape, strict=True)]
        at = [start for start in itertools.product(*room) if close(got, _window(s.dy, start, got.shape))]
        if not at:
            return None
        seen, front = seen + 1, front and not any(at[0])
    if seen < 2:
        return None
    if front:
        return "padding_not_cut_off", f"{b.part} begins with the padding: it is not cut off at the front"
    return "padding_not_cut_off", f"{b.part} is cut out of the cotangent at the wrong place"


def _window(array: Array, start: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    return array[tuple(slice(i, i + side) for i, side in zip(start, shape, strict=True))]


def transposed_without_option(evidence: Evidence) -> tuple[str, str] | None:
    """A transposed convolution goes back without putting its padding back, or as if its stride were 1."""
    b, reference = bench(evidence), evidence.reference
    if b.here is None or reference is None or "conv_transpose" not in b.here.case.operation:
        return None
    if not b.part.startswith("d"):
        return None

    def predict(s: Sample, stride: Any, begins: list[int]) -> Array | None:
        """Return what comes out by this stride, the cotangent beginning at a place of the whole image."""
        n, y = dimensions(s), s.case.outputs[0]
        case = s.judged.with_options(stride=stride, padding=0, output_padding=0)
        dy = np.zeros(s.as_torch(y, np.asarray(reference.forward(case)[0])).shape)
        taken: list[int] = np.minimum(np.subtract(dy.shape[-n:], begins), s.dy.shape[-n:]).tolist()
        inside: tuple[Any, ...] = (..., *map(slice, begins, np.add(begins, taken).tolist()))
        dy[inside] = s.dy[_first((*s.dy.shape[:-n], *taken), n)]
        return b.gradient(b.part, case, (s.own(y, dy),))

    def not_put_back(s: Sample) -> Array | None:
        return predict(s, s.options.get("stride", 1), [0] * dimensions(s))

    def next_to_each_other(s: Sample) -> Array | None:
        return predict(s, 1, spatial(s, "padding", 0))

    if b.fits(not_put_back):
        return (
            "padding_not_put_back",
            f"{b.part}: the padding is not put back, the cotangent begins at the front of the image",
        )
    if b.fits(next_to_each_other):
        return (
            "option_ignored",
            f"{b.part} is by windows next to each other: the stride is ignored on the way back",
        )
    return None


def _spread(s: Sample, share: Callable[[Array, int], Any], *, add: bool = True) -> Array:
    """Return what comes of putting a share of each output's cotangent into its bin of the image."""
    n, dx = dimensions(s), np.zeros(s.x.shape)
    lines = [_bins(side, out) for side, out in zip(s.x.shape[-n:], s.dy.shape[-n:], strict=True)]
    for at in np.ndindex(*s.dy.shape[-n:]):
        inside: tuple[Any, ...] = (..., *(line[i] for line, i in zip(lines, at, strict=True)))
        of_output: tuple[Any, ...] = (..., *(slice(i, i + 1) for i in at))
        put = s.dy[of_output] * share(s.x[inside], n)
        dx[inside] = put + (dx[inside] if add else 0.0)
    return s.own(s.case.slots[0], dx)


def _first_of_the_largest(inside: Array, n: int) -> Array:
    flat = inside.reshape(*inside.shape[: inside.ndim - n], -1)
    return np.asarray(np.arange(flat.shape[-1]) == flat.argmax(-1)[..., None]).reshape(inside.shape)


def _mean_share(inside: Array, n: int) -> float:
    return 1.0 / float(np.prod(inside.shape[-n:]))


def bins(evidence: Evidence) -> tuple[str, str] | None:
    """The slips of an adaptive pooling: its bins differ in size, and they overlap."""
    b = bench(evidence)
    if b.here is None or "adaptive" not in b.here.case.operation or b.part != f"d{b.here.case.slots[0]}":
        return None
    average = "avg" in b.here.case.operation
    whole = "it is not divided by the number of elements in a bin"
    if not average:
        whole = "every element of a bin has the gradient, not the largest alone"

    def undivided(s: Sample) -> Array:
        return _spread(s, lambda *_: 1.0)

    def of_one_size(s: Sample) -> Array:
        n = dimensions(s)
        share = float(np.prod(s.dy.shape[-n:]) / np.prod(s.x.shape[-n:]))
        return _spread(s, lambda *_: share)

    def replaced(s: Sample) -> Array:
        return _spread(s, _mean_share if average else _first_of_the_largest, add=False)

    for key, predict, words in (
        ("not_averaged", undivided, whole),
        ("not_averaged", of_one_size, "all bins are taken to be of one size"),
        ("not_summed", replaced, "where bins overlap, the later one replaces instead of adding"),
    ):
        if b.fits(predict):
            return key, f"{b.part}: {words}"
    return None
