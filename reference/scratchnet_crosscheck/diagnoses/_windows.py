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
    from collections.abc import Callable, Sequence

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
    for one, other in ((-2, -1), (-3, -2), (-3, -1)):

        def predict(s: Sample, one: int = one, other: int = other) -> Array | None:
            return _axes_exchanged(b, s, one, other)

        if b.fits(predict):
            return "padding_not_cut_off", f"{b.part} is cut out by the other axis' padding: two are exchanged"
    seen, front, elsewhere = 0, True, False
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
        y = s.part(s.truth, s.case.outputs[0])
        elsewhere |= not any(np.array_equal(_window(y, start, got.shape), s.x) for start in at)
    if seen < 2 or not elsewhere:  # at the right place it is the copies that are left out
        return None
    if front:
        return "padding_not_cut_off", f"{b.part} begins with the padding: it is not cut off at the front"
    return "padding_not_cut_off", f"{b.part} is cut out of the cotangent at the wrong place"


def _axes_exchanged(b: Bench, s: Sample, one: int, other: int) -> Array | None:
    """Return what comes of a constant padding's cotangent if two axes begin at each other's padding."""
    numbered = np.arange(float(s.dy.size)).reshape(s.dy.shape)
    places = b.gradient(b.part, s.judged, (s.own(s.case.outputs[0], numbered),))
    if places is None:
        return None
    places = s.as_torch(b.part[1:], places)
    begins = [int(i) for i in np.unravel_index(int(places.flat[0]), s.dy.shape)]
    if not np.array_equal(places, _window(numbered, begins, places.shape)):
        return None
    begins[one], begins[other] = begins[other], begins[one]
    part = _window(s.dy, begins, places.shape)
    found = np.zeros(places.shape)
    found[tuple(slice(side) for side in part.shape)] = part
    return s.own(b.part[1:], found)


def _window(array: Array, start: Sequence[int], shape: tuple[int, ...]) -> Array:
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

    def without_the_last(s: Sample) -> Array | None:
        dy = np.array(s.dy)
        for axis, extra in enumerate(spatial(s, "output_padding", 0), start=dy.ndim - dimensions(s)):
            dy[(slice(None),) * axis + (slice(dy.shape[axis] - extra, None),)] = 0
        return b.gradient(b.part, s.judged, (s.own(s.case.outputs[0], dy),))

    if b.fits(without_the_last):
        return (
            "option_ignored",
            f"{b.part} is without the cotangent's last places: output_padding is left out on the way back",
        )
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


#: What is taken of a window's cotangents, in words.
_TAKEN: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    (
        "numbers_elsewhere",
        "each window's first element is taken, wherever the index points",
        lambda w: w[..., 0],
    ),
    (
        "not_averaged",
        "the sum over each window is taken, not the element that the index points to",
        lambda w: w.sum(-1),
    ),
    (
        "averaged",
        "the mean over each window is taken, not the element that the index points to",
        lambda w: w.mean(-1),
    ),
    (
        "numbers_elsewhere",
        "each window's largest cotangent is taken, wherever the index points",
        lambda w: w.max(-1),
    ),
)


def unpooled(evidence: Evidence) -> tuple[str, str] | None:
    """What goes back through an unpooling is taken at other places than those that were filled."""
    b = bench(evidence)
    if b.here is None or "unpool" not in b.here.case.operation or b.part != f"d{b.here.case.slots[0]}":
        return None
    for key, words, taken in _TAKEN:

        def predict(s: Sample, taken: Callable[[Array], Array] = taken) -> Array:
            n, found = dimensions(s), np.zeros(s.x.shape)
            kernel, steps, pads = kernel_of(s), _steps(s), spatial(s, "padding", 0)
            for at in np.ndindex(*s.x.shape[-n:]):
                low = [max(i * step - pad, 0) for i, step, pad in zip(at, steps, pads, strict=True)]
                inside: tuple[Any, ...] = (..., *(slice(i, i + k) for i, k in zip(low, kernel, strict=True)))
                window = s.dy[inside]
                place: tuple[Any, ...] = (..., *at)
                found[place] = taken(window.reshape(*window.shape[:-n], -1))
            return s.own(b.part[1:], found)

        if b.fits(predict):
            return key, f"{b.part}: {words}"

    def of_the_first(s: Sample, axes: int) -> Array:
        n = dimensions(s)
        flat = s.dy.reshape(*s.dy.shape[:-n], -1)
        indices = s.as_torch("indices", s.case["indices"]).reshape(*s.x.shape[:-n], -1)
        first = np.broadcast_to(indices[(slice(0, 1),) * axes], indices.shape)
        return s.own(b.part[1:], np.take_along_axis(flat, first, -1).reshape(s.x.shape))

    for axes, whose in ((1, "the first sample"), (2, "the first sample's first channel")):
        if b.fits(partial(of_the_first, axes=axes)):
            return (
                "mask_of_the_first_sample",
                f"{b.part} is taken at the indices of {whose} in all others too",
            )
    return None


def _steps(s: Sample) -> list[int]:
    return spatial(s, "stride", s.options.get("kernel_size", 1))


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
