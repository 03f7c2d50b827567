"""Entries of the poolings beside maxima and means: adaptive, fractional, of norms, and unpooling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from ..strategies import Draw


def _per_sample(n: int) -> Callable[[Case], tuple[str, ...]]:
    def samples(case: Case) -> tuple[str, ...]:
        return case.slots if case["x"].ndim == n + 2 else ()

    return samples


def _extras(options: dict[str, object]) -> tuple[str, ...]:
    return ("indices",) if options.get("return_indices") else ()


def _empty_or_flat(good: Case, n: int, sides: str) -> tuple[Invalid, ...]:
    flat = np.ones((5,) * n)
    empty = {name: array[..., :0] for name, array in good.given.items() if array.ndim == n + 2}
    others = {
        name: np.asarray(array, array.dtype)[0, 0] for name, array in good.given.items() if name == "indices"
    }
    return (
        Invalid(
            "an x of sides alone",
            good.replace(
                x=flat, **{name: np.zeros(flat.shape, array.dtype) for name, array in others.items()}
            ),
            (": x must be ", f"x of shape {flat.shape}"),
        ),
        Invalid(
            "an x without sides",
            good.replace(**empty),
            (sides, f"x of shape {empty['x'].shape}"),
        ),
    )


def _empty_but_for_the_batch(good: Case, n: int) -> tuple[Invalid, ...]:
    parts: dict[str, tuple[slice | int, ...]] = {
        "a first side": (slice(None), slice(None), slice(0)),
        "channels": (slice(None), slice(0)),
        "channels and a batch": (0, slice(0)),
    }
    bad = []
    for missing, part in parts.items():
        empty = {name: array[part] for name, array in good.given.items() if array.ndim == n + 2}
        told = (": only the batch of x may be empty", f"x of shape {empty['x'].shape}")
        bad.append(Invalid(f"an x without {missing}", good.replace(**empty), told))
    return tuple(bad)


# ---- adaptive


def _adaptive(kind: str, n: int) -> Operation:
    name = f"adaptive_{kind}_pool{n}d"

    def case(x: Array, **options: object) -> Case:
        return Case(name, {"x": x}, options, ("x",), extras=_extras(options))

    def draw(d: Draw) -> Case:
        sides = d.sides(n, high=7 if n == 1 else 5 if n == 2 else 4)
        each = tuple(d.integer(1, side + 1) for side in sides)
        size: object = d.numbers(each)
        if n > 1 and not isinstance(size, int) and d.flag():
            empty = d.integer(0, n - 1)
            size = tuple(None if axis == empty else side for axis, side in enumerate(each))
        options: dict[str, object] = {"output_size": size}
        if kind == "max":
            options["return_indices"] = d.flag()
        return case(d.array(*d.samples(), d.side(1, 3), *sides), **options)

    good = case(np.ones((1, 2) + (6,) * n), output_size=3)
    empty = ": the sides of x must not be empty"
    nothing = Invalid(
        "no output in a tuple",
        good.with_options(output_size=(None,)),
        (": output_size must be an integer", "output_size=(None,)"),
        TypeError,
    )
    many = (1,) * (n + 1)
    return Operation(
        name,
        draw,
        (
            *usual_refusals(good, (1, 2) + (3,) * n),
            *_empty_or_flat(good, n, empty),
            *(_empty_but_for_the_batch(good, n)[1:] if kind == "max" else ()),  # the first side is a side
            Invalid(
                "a negative output",
                good.with_options(output_size=-1),
                (": output_size must be at least 0", "output_size=-1"),
            ),
            Invalid(
                "an output that is no integer",
                good.with_options(output_size=2.5),
                (": output_size must be an integer", "output_size=2.5"),
                TypeError,
            ),
            Invalid(
                "no output",
                good.with_options(output_size=None),
                (": output_size must be an integer", "output_size=None"),
                TypeError,
            ),
            *([nothing] if n == 1 else []),
            Invalid(
                "too many outputs",
                good.with_options(output_size=many),
                (f": output_size must be an integer or a tuple of {n}", f"output_size={many}"),
            ),
        ),
        ties=kind == "max",
        per_sample=_per_sample(n),
    )


ADAPTIVE_AVG_POOL1D, ADAPTIVE_AVG_POOL2D, ADAPTIVE_AVG_POOL3D = (_adaptive("avg", n) for n in (1, 2, 3))
ADAPTIVE_MAX_POOL1D, ADAPTIVE_MAX_POOL2D, ADAPTIVE_MAX_POOL3D = (_adaptive("max", n) for n in (1, 2, 3))


# ---- norms


def _norm(n: int) -> Operation:
    name = f"lp_pool{n}d"

    def case(x: Array, norm_type: object, kernel_size: object, **options: object) -> Case:
        return Case(name, {"x": x}, {"norm_type": norm_type, "kernel_size": kernel_size, **options}, ("x",))

    def draw(d: Draw) -> Case:
        windows = [d.window(dilations=1, padding=False, outputs=3 if n < 3 else 2) for _ in range(n)]
        p = d.one_of(2, 2.0, 1, 3, 0.5, math.inf, -math.inf)
        shape = (*d.samples(), d.side(1, 3), *(w.side for w in windows))
        # An even power takes either sign; in others, terms that cancel leave a root without a derivative.
        x = d.array(*shape, positive=p != 2)
        by_default = all(w.stride == w.kernel for w in windows)
        kernel: object = d.numbers(w.kernel for w in windows)
        if n == 1:  # PyTorch's lp_pool1d takes no tuple
            kernel = windows[0].kernel
        return case(
            x,
            p,
            kernel,
            stride=None if by_default and d.flag() else d.numbers(w.stride for w in windows),
            ceil_mode=d.flag(),
        )

    good = case(np.ones((1, 2) + (6,) * n), 2, 2)
    return Operation(
        name,
        draw,
        (
            *usual_refusals(good, (1, 2) + (3,) * n),
            *usual_refusals(good.with_options(norm_type=math.inf), (1, 2) + (3,) * n)[-3:],
            *_empty_or_flat(good, n, ": only the batch of x may be empty"),
            *_empty_but_for_the_batch(good, n),
            Invalid(
                "a norm of zero", good.with_options(norm_type=0), (": norm_type must not be 0", "norm_type=0")
            ),
            Invalid(
                "a norm that is no number",
                good.with_options(norm_type="max"),
                (": norm_type must be a number", "norm_type='max'"),
                TypeError,
            ),
            Invalid(
                "a kernel of zero",
                good.with_options(kernel_size=0),
                (": kernel_size must be at least 1", "kernel_size=0"),
            ),
            Invalid(
                "a stride of zero", good.with_options(stride=0), (": stride must be at least 1", "stride=0")
            ),
            Invalid(
                "a kernel larger than x",
                good.with_options(kernel_size=9),
                (": no window fits", f"x of shape {good['x'].shape}"),
            ),
        ),
        kinks=(0.0,),
        ties=True,
        per_sample=_per_sample(n),
    )


LP_POOL1D, LP_POOL2D, LP_POOL3D = (_norm(n) for n in (1, 2, 3))


# ---- fractional


def _fractional(n: int) -> Operation:
    name = f"fractional_max_pool{n}d"

    def case(x: Array, samples: Array, **options: object) -> Case:
        return Case(name, {"x": x, "_random_samples": samples}, options, ("x",), extras=_extras(options))

    def draw(d: Draw) -> Case:
        room = 3 - n  # a volume must be larger by one
        kernel, out = d.sides(n, high=3), d.sides(n, high=3 if n == 2 else 2)
        if d.flag():
            more = tuple(d.integer(0, 3) for _ in range(n))
            sides = tuple(k + o - room + m for k, o, m in zip(kernel, out, more, strict=True))
            size: dict[str, object] = {"output_size": d.numbers(out)}
        else:  # half of a side that is large enough
            sides = tuple(2 * (k + 1) + d.integer(0, 1) for k in kernel)
            size = {"output_ratio": (0.5,) * n}
        batch, channels = d.samples(), d.side(1, 2)
        # Odd 64ths: no step ends on a whole number, where rounding would tell the dtypes apart.
        drawn = [2 * d.integer(0, 31) + 1 for _ in range((batch or (1,))[0] * channels * n)]
        samples = (np.array(drawn) / 64).reshape(*(batch or (1,)), channels, n).astype(d.setting.dtype)
        return case(
            d.array(*batch, channels, *sides), samples, kernel_size=d.numbers(kernel), **size,
            return_indices=d.flag(),
        )  # fmt: skip

    good = case(np.ones((1, 2) + (6,) * n), np.full((1, 2, n), 0.5), kernel_size=2, output_size=3)
    most, limit = (5, "at most") if n == 2 else (4, "less than")  # windows of 2 along a side of 6
    return Operation(
        name,
        draw,
        (
            *usual_refusals(good, (1, 2) + (3,) * n),
            *_empty_or_flat(good, n, ": only the batch of x may be empty"),
            *_empty_but_for_the_batch(good, n),
            Invalid(
                "neither size nor ratio",
                good.with_options(output_size=None, output_ratio=None),
                (": output_size or output_ratio must be given", "output_size=None", "output_ratio=None"),
            ),
            Invalid(
                "a kernel of zero",
                good.with_options(kernel_size=0),
                (": kernel_size must be at least 1", "kernel_size=0"),
            ),
            Invalid(
                "a negative output",
                good.with_options(output_size=-1),
                (": output_size must be at least 0", "output_size=-1"),
            ),
            Invalid(
                "windows that do not fit",
                good.with_options(output_size=most + 1),
                (
                    f": output_size + kernel_size - 1 must be {limit} the side of x",
                    f"output_size={(most + 1,) * n}",
                    f"kernel_size={(2,) * n}",
                    f"x of shape {good['x'].shape}",
                ),
            ),
            Invalid(
                "a ratio in words",
                good.with_options(output_size=None, output_ratio="half"),
                (f": output_ratio must be a number or a tuple of {n}", "output_ratio='half'"),
            ),
            Invalid(
                "a ratio that is no number",
                good.with_options(output_size=None, output_ratio=1j),
                (": output_ratio must be a number", "output_ratio=1j"),
                TypeError,
            ),
            Invalid(
                "a negative ratio",
                good.with_options(output_size=None, output_ratio=-0.5),
                (": output_ratio must be at least 0", "output_ratio=-0.5"),
            ),
            *(
                Invalid(
                    f"samples of the shape {samples.shape}",
                    good.replace(_random_samples=samples),
                    (f": _random_samples must have the shape {(1, 2, n)}", f"of shape {samples.shape}"),
                )
                for samples in (np.full((1, 2, n + 1), 0.5), np.full((1, 1, n), 0.5), np.full((0, 2, n), 0.5))
            ),
            *(
                Invalid(
                    f"a sample of {sample}",
                    good.replace(_random_samples=np.array([0.5] * (2 * n - 1) + [sample]).reshape(1, 2, n)),
                    (": _random_samples must lie in [0, 1]", f"_random_samples of shape {(1, 2, n)}"),
                )
                for sample in (1.5, -0.5, np.nan)
            ),
            Invalid(
                "a seed for a generator",
                good.replace(_random_samples=None).with_options(generator=3),
                (": generator must be", "type of generator='int'"),
                TypeError,
            ),
        ),
        ties=True,
        per_sample=_per_sample(n),
    )


FRACTIONAL_MAX_POOL2D, FRACTIONAL_MAX_POOL3D = (_fractional(n) for n in (2, 3))


# ---- unpooling


def _unpooling(n: int) -> Operation:
    name = f"max_unpool{n}d"

    def case(x: Array, indices: Array, **options: object) -> Case:
        return Case(name, {"x": x, "indices": indices}, options, ("x",))

    def draw(d: Draw) -> Case:
        kernel, stride, sides = d.sides(n, high=3), d.sides(n, high=3), d.sides(n, high=3 if n < 3 else 2)
        padding = tuple(d.integer(0, k // 2) for k in kernel)
        out = [(m - 1) * s + k - 2 * p for m, s, k, p in zip(sides, stride, kernel, padding, strict=True)]
        options: dict[str, object] = {
            "kernel_size": d.numbers(kernel),
            "stride": d.numbers(stride),
            "padding": d.numbers(padding),
        }
        if kernel == stride and d.flag():
            options["stride"] = None
        lead = (*d.samples(), d.side(1, 2))
        # More places than elements, so that no two go to one; how much more, `output_size` may say.
        if d.flag() or math.prod(out) < math.prod(sides):
            out = [max(o + d.integer(1 - s, s - 1), 0) for o, s in zip(out, stride, strict=True)]
            options["output_size"] = (*lead[:1], 1, *out) if len(lead) == 2 and d.flag() else tuple(out)
        if math.prod(out) < math.prod(sides):  # it takes a larger step to hold them all
            options = {"kernel_size": 1, "stride": 1, "padding": 0}
            out = list(sides)
        rng = np.random.default_rng(d.seed())
        places = [rng.permutation(math.prod(out))[: math.prod(sides)] for _ in range(math.prod(lead))]
        indices = np.array(places, dtype=np.int64).reshape(*lead, *sides)
        return case(d.array(*lead, *sides), indices, **options)

    x = np.ones((1, 2) + (2,) * n)
    good = case(x, np.tile(np.arange(2**n).reshape((2,) * n), (1, 2) + (1,) * n), kernel_size=2)
    many = (5,) * (n + 1)
    return Operation(
        name,
        draw,
        (
            *usual_refusals(good, (1, 2) + (4,) * n),
            *_empty_or_flat(good, n, ": only the batch of x may be empty"),
            *_empty_but_for_the_batch(good, n),
            Invalid(
                "indices of another dtype",
                good.replace(indices=good["indices"].astype(np.int32)),
                (": indices must have the dtype int64", "int32"),
                TypeError,
            ),
            Invalid(
                "indices of floats",
                good.replace(indices=good["indices"].astype(np.float32)),
                (": indices must have an integer dtype", "float32"),
                TypeError,
            ),
            Invalid(
                "indices of another shape",
                good.replace(indices=good["indices"][:, :1]),
                (
                    ": indices must have the shape of x",
                    str(good["indices"][:, :1].shape),
                    f"x of shape {x.shape}",
                ),
            ),
            Invalid(
                "a place outside",
                good.replace(indices=good["indices"] + 4**n - 1),
                (": every place of indices must lie in", f"indices={4**n}"),
            ),
            Invalid(
                "a negative place",
                good.replace(indices=good["indices"] - 1),
                (": every place of indices must lie in", "indices=-1"),
            ),
            Invalid(
                "a kernel of zero",
                good.with_options(kernel_size=0),
                (": kernel_size must be at least 1", "kernel_size=0"),
            ),
            Invalid(
                "a stride of zero", good.with_options(stride=0), (": stride must be at least 1", "stride=0")
            ),
            Invalid(
                "an output of another rank",
                good.with_options(output_size=many),
                (f": output_size must have {n} or {n + 2} numbers", f"output_size={many}"),
            ),
            Invalid(
                "one number for an output",
                good.with_options(output_size=5),
                (": output_size must be a tuple", "output_size=5"),
                TypeError,
            ),
            Invalid(
                "an output a stride away",
                good.with_options(output_size=(6,) * n),
                (": output_size must lie less than a stride", f"output_size={(6,) * n}"),
            ),
            Invalid(
                "a negative output",
                good.with_options(output_size=(-1,) * n),
                (": output_size must be at least 0", "output_size=-1"),
            ),
            Invalid(
                "a padding that leaves nothing",
                good.with_options(padding=3),
                (": padding must leave y", "padding=3", f"output_size={(-2,) * n}"),
            ),
            Invalid(
                "a negative padding",
                good.with_options(padding=-1),
                (": padding must be at least 0", "padding=-1"),
            ),
        ),
        per_sample=_per_sample(n),
    )


MAX_UNPOOL1D, MAX_UNPOOL2D, MAX_UNPOOL3D = (_unpooling(n) for n in (1, 2, 3))
