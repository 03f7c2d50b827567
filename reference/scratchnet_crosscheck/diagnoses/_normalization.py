"""The slips of normalisations: a term short, another variance, epsilon in another place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ._bench import Sample, bench, close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._types import Array
    from .protocol import Evidence

    Way = tuple[str, int]

_NAMES = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")


def _ways(rank: int) -> Iterator[Way]:
    """Yield which axes one mean is over: all but one, all from one on, the last ones, or a group's."""
    for kind in ("but", "from", "last"):
        yield from ((kind, axis) for axis in range(1, rank))
    yield "groups", 0


def _axes(way: Way, rank: int) -> tuple[int, ...]:
    kind, axis = way
    if kind == "but":
        return tuple(a for a in range(rank) if a != axis)
    return tuple(range(axis if kind == "from" else rank - axis, rank))


_OVER_N_1 = ("unbiased", "backward unbiased", "variance's term over n - 1")
_UNWEIGHTED = ("mean's term without weight", "variance's term without weight")
_EPSILONS = ("epsilon on the deviation", "no epsilon")


def _formula(s: Sample, way: Way, variant: str) -> tuple[Array, Array]:
    """Return y without scale and shift, and dx, by a variant of the formula."""
    x, dy = np.asarray(s.x, np.float64), np.asarray(s.dy, np.float64)
    weight = s.as_torch("weight", s.case["weight"]) if "weight" in s.case.given else None
    groups, axes = way[0] == "groups", _axes(way, x.ndim)
    shape = x.shape
    eps = float(s.options.get("eps", 1e-5))
    dxhat = dy
    outside: Array = np.ones(1)
    if weight is not None:
        kept = [1] * x.ndim
        if weight.ndim == 1 and not groups and 0 in axes:
            kept[next(a for a in range(x.ndim) if a not in axes)] = weight.size
        elif weight.ndim == 1 and groups:
            kept[1] = weight.size
        else:
            kept[x.ndim - weight.ndim :] = weight.shape
        if variant == "weight outside":
            outside = weight.reshape(kept)
        else:
            dxhat = dy * weight.reshape(kept)
    if groups:
        number = int(s.options.get("num_groups", s.options.get("groups", 1)))
        x, dxhat, dy = (a.reshape(shape[0], number, -1) for a in (x, dxhat, dy))
        axes = (2,)
    n = int(np.prod([x.shape[a] for a in axes]))
    mean = 0.0 if "rms" in s.case.operation else x.mean(axis=axes, keepdims=True)
    centred = x - mean
    var = (centred**2).mean(axis=axes, keepdims=True)
    inv = 1 / np.sqrt(var + eps)
    back = inv
    if variant.endswith("unbiased"):
        back = 1 / np.sqrt(var * n / (n - 1) + eps)
        if variant in ("unbiased", "by the biased formula, unbiased"):
            inv = back
    elif variant == "epsilon on the deviation":
        back = 1 / (np.sqrt(var) + eps)
    elif variant in ("no epsilon", "backward no epsilon"):
        back = 1 / np.sqrt(var)
    elif variant == "divided by the variance":
        back = 1 / (var + eps)
    xhat = centred * (back if variant in ("backward unbiased", *_EPSILONS) else inv)
    over, positions = n, int(np.prod(shape[2:]))
    if variant == "averages over all":
        over = shape[1] * positions
    elif variant == "averages over a channel":
        over = positions
    elif variant == "divides by the number of means":
        over = x.size // n
    weighted, weighted_too = (
        dy if variant in (name, "terms without weight") else dxhat for name in _UNWEIGHTED
    )
    if variant == "means over the last side":
        axes, over = (x.ndim - 1,), x.shape[-1]
    first = weighted.sum(axis=axes, keepdims=True) / over
    of_variance = (weighted_too * xhat).sum(axis=axes, keepdims=True)
    second = xhat * of_variance / (n - 1 if variant in _OVER_N_1 else over)
    if variant == "the variance's term without xhat":
        second = xhat * dxhat.sum(axis=axes, keepdims=True) / over
    if variant == "a power short":
        second = second / back
    if variant in ("the mean's term summed", "both terms summed"):
        first = first * n
    if variant in ("the variance's term summed", "both terms summed"):
        second = second * n
    if variant == "short of the mean" or "rms" in s.case.operation:
        first = np.zeros_like(first)
    if variant == "short of the variance":
        second = np.zeros_like(second)
    dx = back * (dxhat - first - second)
    if variant == "short of both":
        dx = back * dxhat
    return (centred * inv).reshape(shape), np.asarray(dx.reshape(shape) * outside)


#: What stands in evaluation where the running variance plus epsilon should, under the root.
_OF_RUNNING: tuple[tuple[str, str, Callable[[Array, float], Array]], ...] = (
    (
        "additive_epsilon",
        "epsilon is added to the deviation, not to the variance",
        lambda var, eps: (np.sqrt(var) + eps) ** 2,
    ),
    ("additive_epsilon", "epsilon is left out", lambda var, _: var),
    (
        "variance_for_deviation",
        "it divides by the variance where the deviation should be",
        lambda var, eps: (var + eps) ** 2,
    ),
)

VARIANTS = {
    "short of the mean": ("term_missing", "the term of the mean is missing"),
    "short of the variance": ("term_missing", "the term of the variance is missing"),
    "short of both": ("term_missing", "the terms of the mean and of the variance are missing"),
    "the variance's term without xhat": (
        "term_missing",
        "the variance's term has mean(dy * weight) where mean(dy * weight * xhat) should be",
    ),
    "a power short": (
        "term_missing",
        "the variance's term has the second power of the inverse deviation where the third should be",
    ),
    "the variance's term summed": ("not_averaged", "the variance's term has a sum where a mean should be"),
    "the mean's term summed": ("not_averaged", "the mean's term has a sum where a mean should be"),
    "both terms summed": (
        "not_averaged",
        "the terms of the mean and of the variance have sums where means should be",
    ),
    "divided by the variance": (
        "variance_for_deviation",
        "the way back divides by the variance where the deviation should be",
    ),
    "weight outside": (
        "weight_outside_means",
        "the weight is multiplied after the two means are taken off: it belongs inside them",
    ),
    "terms without weight": (
        "term_missing",
        "the terms of the mean and of the variance have dy where dy * weight should be",
    ),
    "mean's term without weight": (
        "term_missing",
        "the mean's term has mean(dy) where mean(dy * weight) should be",
    ),
    "variance's term without weight": (
        "term_missing",
        "the variance's term has mean(dy * xhat) where mean(dy * weight * xhat) should be",
    ),
    "averages over a channel": (
        "not_averaged",
        "the means divide by the positions of one channel, and add up those of a whole group",
    ),
    "averages over all": (
        "factor:1/groups",
        "the means are over all channels: off by one over the number of groups",
    ),
    "divides by the number of means": (
        "not_averaged",
        "its sums are divided by how many there are, not by how many elements each has (rows for features)",
    ),
    "means over the last side": (
        "not_averaged",
        "the means in it are over the last side alone, not over all sides that are normalised",
    ),
    "unbiased": ("biased_variance", "the unbiased variance stands where the biased one should"),
    "by the biased formula, unbiased": (
        "biased_variance",
        "the unbiased variance stands where the biased one should",
    ),
    "backward unbiased": (
        "biased_variance",
        "the way back has the unbiased variance where forward has the biased one",
    ),
    "variance's term over n - 1": (
        "biased_variance",
        "the way back divides the variance's term by N - 1 where forward divides by N",
    ),
    "epsilon on the deviation": (
        "additive_epsilon",
        "epsilon is added to the deviation, not to the variance",
    ),
    "no epsilon": ("additive_epsilon", "epsilon is left out"),
    "backward no epsilon": (
        "additive_epsilon",
        "epsilon is left out on the way back",
    ),
}


def normalization(evidence: Evidence) -> tuple[str, str] | None:
    """Name the variant of the gradient's formula that came out."""
    b = bench(evidence)
    if b.here is None or not any(n in b.here.case.operation for n in _NAMES):
        return None
    part = f"d{b.here.case.slots[0]}"
    samples = [
        s for s in b.samples if s.options.get("training", True) and part in s.got and s.got[part].ndim > 1
    ]
    for way in _ways(max((s.got[part].ndim for s in samples), default=2)):
        fitting = [s for s in samples if _right(s, way, part)]
        off = [s for s in fitting if not close(s.got[part], s.truth[part])]
        if len(off) < 3 or len(fitting) < 0.5 * len(samples):
            continue
        for variant, (key, words) in VARIANTS.items():
            also_weight = b.part == "dweight" and key in ("biased_variance", "additive_epsilon")
            if b.part != part and not also_weight:
                continue
            if all(_says(s, way, variant, part) for s in fitting):
                if variant == "short of both" and "batch_norm" in b.here.case.operation:
                    return "mode_confused", f"{part}: {words}, as in evaluation: training's formula has them"
                if variant == "no epsilon" and not any(off for _, off in b.judged(b.here.case.outputs[0])):
                    return key, f"{part}: {words} on the way back"
                return key, f"{part}: {words}"
        told = [_divided_by(s, way, part) for s in off if s.got[part].size >= 4]
        if b.part == part and len(told) >= 2 and None not in told:
            by, elements = told[0] or (0.0, 0)
            return (
                "not_averaged",
                f"{part}: its means divide by {by:.4g} where they are over {elements} elements",
            )
    return None


def _divided_by(s: Sample, way: Way, part: str) -> tuple[float, int] | None:
    """Return by what a mean's sums are divided, if by one number, and over how many elements they are.

    Without the terms of the means the gradient is `bare`; each element is short of the same share of them.
    """
    with np.errstate(all="ignore"):
        bare, whole = (np.asarray(_formula(s, way, v)[1]) for v in ("short of both", ""))
        terms, got = bare - whole, s.part(s.got, part)
        if got.shape != bare.shape or not terms.any():
            return None
        share = float(((bare - got) * terms).sum() / (terms * terms).sum())
        if not share > 0.0 or not close(got, bare - share * terms):
            return None
    groups = int(s.options.get("num_groups", s.options.get("groups", 1)))
    x = s.x
    elements = (
        x[0].size // groups if way[0] == "groups" else int(np.prod([x.shape[a] for a in _axes(way, x.ndim)]))
    )
    return elements / share, elements


def _window_sum(a: Array, size: int, before: int) -> Array:
    """Return the sums over so many neighbouring channels, of which so many stand before."""
    padded = np.pad(a, [(0, 0), (before, size - 1 - before), *[(0, 0)] * (a.ndim - 2)])
    return np.asarray(sum(padded[:, i : i + a.shape[1]] for i in range(size)))


def local_response(evidence: Evidence) -> tuple[str, str] | None:
    """The second term of a local response normalisation: another window, or short of a factor."""
    b = bench(evidence)
    if (
        b.here is None
        or b.here.case.operation != "local_response_norm"
        or b.part != f"d{b.here.case.slots[0]}"
    ):
        return None

    def predict(s: Sample, mirrored: bool, alone: bool, times: Callable[[int, float], float]) -> Array:
        x, dy, o = np.asarray(s.x, np.float64), np.asarray(s.dy, np.float64), s.options
        size, alpha, beta, k = int(o["size"]), float(o["alpha"]), float(o["beta"]), float(o["k"])
        scale = k + alpha / size * _window_sum(x * x, size, size // 2)
        back = dy * x * scale ** (-beta - 1)
        if not alone:
            back = _window_sum(back, size, size - 1 - size // 2 if mirrored else size // 2)
        second = 2 * alpha * beta / size * x * back * times(size, beta)
        return s.own(b.part[1:], dy * scale**-beta - second)

    of_window = (
        "the second term is summed over the forward pass' window, not the mirrored one: they differ where "
        "the size is even"
    )
    for key, words, change in (
        ("not_summed", of_window, (False, False, lambda *_: 1.0)),
        ("not_summed", "the second term is of the channel itself alone, not summed over its neighbours",
         (True, True, lambda *_: 1.0)),
        ("factor:1/2", "the second term is off by a factor of 1/2", (True, False, lambda *_: 0.5)),
        ("not_averaged", "the second term is not divided by the size", (True, False, lambda n, _: float(n))),
        ("term_missing", "the second term's factor beta is missing", (True, False, lambda _, beta: 1 / beta)),
        ("term_sign", "the second term has the other sign", (True, False, lambda *_: -1.0)),
    ):  # fmt: skip
        mirrored, alone, times = change
        if b.fits(partial(predict, mirrored=mirrored, alone=alone, times=times)):
            return key, f"{b.part}: {words}"
    return None


def epsilon_in_evaluation(evidence: Evidence) -> tuple[str, str] | None:
    """In evaluation the running variance is taken with its epsilon elsewhere, or without a root."""
    b = bench(evidence)
    if b.here is None or "running_var" not in b.here.case.given:
        return None
    for key, words, share in _OF_RUNNING:

        def predict(s: Sample, share: Callable[[Array, float], Array] = share) -> Array | None:
            if s.options.get("training", True) is True:
                return None
            eps = float(s.options.get("eps", 1e-5))
            other = share(s.case["running_var"], eps) - eps
            return b.gradient(b.part, s.judged.replace(running_var=other), s.dys)

        if b.fits(predict):
            return key, f"{b.part}: in evaluation {words}"
    return None


def groups_interleaved(evidence: Evidence) -> tuple[str, str] | None:
    """A group is every G-th channel, not channels that lie together."""
    b = bench(evidence)
    if b.here is None or "group_norm" not in b.here.case.operation:
        return None
    reference, slot = evidence.reference, b.part.removeprefix("d")
    if reference is None or b.part not in b.here.truth:
        return None

    def predict(s: Sample) -> Array | None:
        groups = int(s.options["num_groups"])
        channels = s.x.shape[1]
        order = np.arange(channels).reshape(-1, groups).T.reshape(-1)
        changed = {"x": s.own("x", s.x[:, order])}
        for name in ("weight", "bias"):
            if name in s.case.given:
                changed[name] = s.own(name, s.as_torch(name, s.case[name])[order])
        y = s.case.outputs[0]
        found = b.should(s.judged.replace(**changed), (s.own(y, s.dy[:, order]),)).get(b.part)
        if found is None:
            return None
        array = s.as_torch(slot, found)
        back = np.argsort(order)
        return s.own(slot, array[back] if slot in ("weight", "bias") else array[:, back])

    if b.fits(predict):
        return (
            "groups_interleaved",
            f"{b.part}: a group is every G-th channel, not channels next to each other",
        )
    return None


def _right(s: Sample, way: Way, part: str) -> bool:
    try:
        return close(s.part(s.truth, part), _formula(s, way, "")[1])
    except (ValueError, IndexError, StopIteration):
        return False


def _says(s: Sample, way: Way, variant: str, part: str) -> bool:
    with np.errstate(all="ignore"):
        return close(s.part(s.got, part), _formula(s, way, variant)[1])


def running_variance(evidence: Evidence) -> tuple[str, str] | None:
    """The running variance takes in the biased variance, or y is by the unbiased one."""
    b = bench(evidence)
    if b.here is None or "norm" not in b.here.case.operation:
        return None

    def running(s: Sample) -> Array | None:
        if not s.options.get("training", True) or "running_var" not in s.case.given:
            return None
        n = s.x.size / s.x.shape[1]
        momentum = float(s.options.get("momentum", 0.1))
        old = (1 - momentum) * s.case["running_var"]
        return np.asarray(old + (s.truth[b.part] - old) * (n - 1) / n)

    def of_y(over: int) -> Callable[[Sample], Array | None]:
        def predict(s: Sample) -> Array | None:
            x = s.x
            axes = tuple(range(over, x.ndim)) if over else (0, *range(2, x.ndim))
            n = int(np.prod([x.shape[a] for a in axes]))
            eps = float(s.options.get("eps", 1e-5))
            var = x.var(axis=axes, keepdims=True)
            bias = s.as_torch("bias", s.case["bias"]) if "bias" in s.case.given else np.zeros(1)
            if not over:
                bias = bias.reshape(-1, *(1,) * (x.ndim - 2))
            y = (s.part(s.truth, b.part) - bias) * np.sqrt((var + eps) / (var * n / (n - 1) + eps)) + bias
            return np.asarray(y if s.form is None else s.form.layout(b.part).back(y, None))

        return predict

    def deviation(share: bool, with_eps: bool) -> Callable[[Sample], Array | None]:
        def predict(s: Sample) -> Array | None:
            if not s.options.get("training", True) or "running_var" not in s.case.given:
                return None
            momentum = float(s.options.get("momentum", 0.1))
            taken = momentum if share else 1.0 - momentum
            old = (1 - taken) * s.case["running_var"]
            var = (s.truth[b.part] - old) / taken
            return np.asarray(
                old + taken * np.sqrt(var + (float(s.options.get("eps", 1e-5)) if with_eps else 0.0))
            )

        return predict

    if "running_var" in b.part and any(
        b.fits(deviation(share, with_eps)) for share in (True, False) for with_eps in (True, False)
    ):
        return "deviation_for_variance", f"{b.part} takes in the standard deviation, not the variance"

    def exchanged(unbiased: bool) -> Callable[[Sample], Array | None]:
        def predict(s: Sample) -> Array | None:
            if not s.options.get("training", True) or not {"running_mean", "running_var"} <= {*s.case.given}:
                return None
            slot = b.part.removeprefix("new_")
            axes = (0, *range(2, s.x.ndim))
            taken = s.x.var(axis=axes) if slot == "running_mean" else s.x.mean(axis=axes)
            n = s.x.size / s.x.shape[1]
            taken = taken * (n / (n - 1) if unbiased else 1.0)
            momentum = float(s.options.get("momentum", 0.1))
            old = np.asarray(s.as_torch(slot, s.case[slot]))
            return s.own(slot, (1 - momentum) * old + momentum * taken)

        return predict

    if "running" in b.part and any(b.fits(exchanged(unbiased)) for unbiased in (False, True)):
        one, other = ("variance", "mean") if "mean" in b.part else ("mean", "variance")
        return "exchanged", f"{b.part} takes in the batch's {one} where its {other} should be"
    if "running_var" in b.part and b.fits(running):
        return "biased_variance", f"{b.part} takes in the biased variance where it should be the unbiased"
    if b.part == b.here.case.outputs[0]:
        for over in range(4):
            if b.fits(of_y(over)):
                return "biased_variance", "the unbiased variance stands where the biased one should"
    return None
