"""Pooling layers against their twins of torch.nn, by the checks of `nn_twins`, and the rest."""

import math

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def spatial(n, lead=(1, 2), side=6, dtype=np.float64):
    return np.ones((*lead, *(side,) * n), dtype)


def usual(n, made, integers=""):
    """What every pooling of `n` dimensions refuses once it is given something."""
    return [
        Refusal("integers", made, ("int64",), (spatial(n, dtype=np.int64),), only_ours=integers),
        Refusal("no channels", made, ("x must be", str((6,) * n)), (spatial(n, ()),)),
        Refusal("an axis too many", made, ("x must be", "(1, 1, 2,"), (spatial(n, (1, 1, 2)),)),
    ]


def windows(d, n, dilations=1, padding=True):
    drawn = [
        d.window(dilations=dilations, half_padding=True, padding=padding, outputs=4 if n < 3 else 2)
        for _ in range(n)
    ]
    return drawn, (*d.samples(), d.side(1, 3), *(w.side for w in drawn))


def max_pool(n):
    def draw(d):
        drawn, shape = windows(d, n, dilations=2)
        made = call(
            d.numbers(w.kernel for w in drawn),
            d.numbers(w.stride for w in drawn),
            d.numbers(w.padding for w in drawn),
            d.numbers(w.dilation for w in drawn),
            **options(d, return_indices=(True,), ceil_mode=(True,)),
        )
        return made, d.array(*shape)

    return Twin(
        f"MaxPool{n}d",
        draw,
        f"max_pool{n}d",
        [
            *usual(n, call(2), "it takes them" if n > 1 else ""),
            Refusal("a kernel of zero", call(0), ("kernel_size=0",), (spatial(n),)),
            Refusal("a stride of zero", call(2, 0), ("stride=0",), (spatial(n),)),
            Refusal("too much padding", call(2, 2, 2), ("padding=2", "half"), (spatial(n),)),
            Refusal("a dilation of zero", call(2, dilation=0), ("dilation=0",), (spatial(n),)),
            Refusal("a kernel larger than x", call(9), ("no window fits",), (spatial(n),)),
        ],
    )


def avg_pool(n):
    def draw(d):
        drawn, shape = windows(d, n)
        if n == 3:  # PyTorch's avg_pool3d takes no window larger than x without its padding
            shape = (*shape[:-3], *(max(side, w.kernel) for side, w in zip(shape[-3:], drawn, strict=True)))
        choices = {"ceil_mode": (True,), "count_include_pad": (False,)}
        if n > 1:
            choices["divisor_override"] = (3, 1)
        made = call(
            d.numbers(w.kernel for w in drawn),
            d.numbers(w.stride for w in drawn),
            d.numbers(w.padding for w in drawn),
            **options(d, **choices),
        )
        return made, d.array(*shape)

    zero = call(2, divisor_override=0)
    return Twin(
        f"AvgPool{n}d",
        draw,
        f"avg_pool{n}d",
        [
            *usual(n, call(2), "it takes them"),
            Refusal("a kernel of zero", call(0), ("kernel_size=0",), (spatial(n),)),
            Refusal("a stride of zero", call(2, 0), ("stride=0",), (spatial(n),)),
            Refusal("too much padding", call(2, 2, 2), ("padding=2", "half"), (spatial(n),)),
            Refusal("a kernel larger than x", call(9), ("no window fits",), (spatial(n),)),
            *([Refusal("a divisor of zero", zero, ("divisor_override=0",), (spatial(n),))] if n > 1 else []),
        ],
    )


def lp_pool(n):
    def draw(d):
        drawn, shape = windows(d, n, padding=False)
        p = d.one_of(2, 1, 3, 0.5, math.inf)
        kernel = drawn[0].kernel if n == 1 else d.numbers(w.kernel for w in drawn)
        stride = d.numbers(w.stride for w in drawn)
        made = call(p, kernel, **options(d, stride=(stride,), ceil_mode=(True,)))
        if "stride" not in made.kwargs:  # by default the kernel's
            shape = (*shape[:-n], *(max(side, w.kernel) for side, w in zip(shape[-n:], drawn, strict=True)))
        return made, d.array(*shape, positive=p != 2)

    return Twin(
        f"LPPool{n}d",
        draw,
        f"lp_pool{n}d",
        [
            *usual(n, call(2, 2))[1:],
            Refusal("a norm of zero", call(0, 2), ("norm_type=0",), (spatial(n),)),
            Refusal("a norm that is no number", call("max", 2), ("norm_type='max'",), (spatial(n),)),
            Refusal("a kernel of zero", call(2, 0), ("kernel_size=0",), (spatial(n),)),
            Refusal("a kernel larger than x", call(2, 9), ("no window fits",), (spatial(n),)),
        ],
    )


def adaptive(kind, n):
    def draw(d):
        sides = d.sides(n, high=5 if n < 3 else 4)
        each = tuple(d.integer(1, side + 1) for side in sides)
        size = d.numbers(each)
        if n > 1 and isinstance(size, tuple) and d.flag():
            size = (None, *size[1:])
        chosen = options(d, return_indices=(True,)) if kind == "Max" else {}
        return call(size, **chosen), d.array(*d.samples(), d.side(1, 3), *sides)

    refusals = [
        *usual(n, call(2)),
        Refusal("a negative output", call(-1), ("output_size=-1",), (spatial(n),)),
        Refusal("a fraction", call(2.5), ("output_size=2.5",), (spatial(n),)),
        Refusal("too many outputs", call((1,) * (n + 3)), ("output_size=(1,",), (spatial(n),)),
        Refusal("no sides", call(2), ("x must not be empty",), (spatial(n, side=0),)),
    ]
    return Twin(f"Adaptive{kind}Pool{n}d", draw, f"adaptive_{kind.lower()}_pool{n}d", refusals)


def fractional(n):
    def draw(d):
        kernel = d.sides(n, high=2)
        sides = tuple(2 * (k + 1) + d.integer(0, 2) for k in kernel)
        size = options(d, output_size=(2, (1,) * n)) or {"output_ratio": d.one_of(0.5, (0.5,) * n)}
        batch, channels = d.samples(), d.side(1, 2)
        drawn = [2 * d.integer(0, 31) + 1 for _ in range((batch or (1,))[0] * channels * n)]
        samples = (np.array(drawn) / 64).reshape(*(batch or (1,)), channels, n).astype(d.setting.dtype)
        made = call(d.numbers(kernel), **size, **options(d, return_indices=(True,)), _random_samples=samples)
        return made, d.array(*batch, channels, *sides)

    half = call(2, output_ratio=0.5)
    return Twin(
        f"FractionalMaxPool{n}d",
        draw,
        f"fractional_max_pool{n}d",
        [
            *usual(n, half),
            Refusal("neither size nor ratio", call(2), ("output_size=None", "output_ratio=None")),
            Refusal("both", call(2, 2, 0.5), ("output_size=2", "output_ratio=0.5")),
            Refusal("a ratio of more than one", call(2, output_ratio=1.5), ("output_ratio=1.5",)),
            Refusal("windows that do not fit", call(2, 6), ("output_size", "kernel_size"), (spatial(n),)),
        ],
    )


def max_unpool(n):
    def draw(d):
        kernel, sides = d.sides(n, high=3), d.sides(n, high=3 if n < 3 else 2)
        stride = tuple(d.integer(1, k) for k in kernel)
        out = tuple((m - 1) * s + k for m, s, k in zip(sides, stride, kernel, strict=True))
        lead = (*d.samples(), d.side(1, 2))
        rng = np.random.default_rng(d.seed())
        places = [rng.permutation(math.prod(out))[: math.prod(sides)] for _ in range(math.prod(lead))]
        indices = np.array(places, dtype=np.int64).reshape(*lead, *sides)
        return call(d.numbers(kernel), d.numbers(stride)), d.array(*lead, *sides), indices

    x = spatial(n, side=2)
    indices = np.tile(np.arange(2**n).reshape((2,) * n), (1, 2) + (1,) * n)
    return Twin(
        f"MaxUnpool{n}d",
        draw,
        f"max_unpool{n}d",
        [
            Refusal("a place outside", call(2), (f"indices={4**n}",), (x, indices + 4**n)),
            Refusal("a negative place", call(2), ("indices=-1",), (x, indices - 1)),
            Refusal("another dtype", call(2), ("int64", "int32"), (x, indices.astype(np.int32))),
            Refusal("another shape", call(2), ("indices", "shape"), (x, indices[:, :1])),
            Refusal("no channels", call(2), ("x must be",), (x[0, 0], indices[0, 0])),
            Refusal("an output a stride away", call(2), ("output_size",), (x, indices, (6,) * n)),
            Refusal("an output of another rank", call(2), ("output_size",), (x, indices, (5,) * (n + 1))),
        ],
    )


TWINS = [
    *(make(n) for make in (max_pool, avg_pool, lp_pool, max_unpool) for n in (1, 2, 3)),
    *(adaptive(kind, n) for kind in ("Avg", "Max") for n in (1, 2, 3)),
    *(fractional(n) for n in (2, 3)),
]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooling_takes_what_pooling_returns_to_the_size_it_had(n):
    rng = np.random.default_rng(n)
    x = rng.permutation(2 * 7**n).reshape(1, 2, *(7,) * n) + 1.0
    pool = getattr(nn, f"MaxPool{n}d")(2, return_indices=True)
    unpool = getattr(nn, f"MaxUnpool{n}d")(2)
    values, indices = pool(x)
    y = unpool(values, indices, x.shape)
    np.testing.assert_array_equal(y, np.where(np.isin(x, values), x, 0))
    np.testing.assert_array_equal(unpool.backward(x), values)
    assert isinstance(unpool.backward(x), np.ndarray)
    torch = pytest.importorskip("torch")
    twin = getattr(torch.nn, f"MaxUnpool{n}d")(2)
    expected = twin(torch.from_numpy(values), torch.from_numpy(indices), x.shape)
    np.testing.assert_array_equal(y, expected.numpy())


@pytest.mark.parametrize("n", [2, 3])
def test_steps_are_drawn_from_the_generator_anew_for_each_call(n):
    x = np.random.default_rng(0).random((2, 3, *(12,) * n))

    def layer(seed):
        name = f"FractionalMaxPool{n}d"
        return getattr(nn, name)(2, output_ratio=0.6, generator=np.random.default_rng(seed))

    first, second = layer(1), layer(1)
    one, two = first(x), first(x)
    assert one.shape == (2, 3, *(7,) * n)
    np.testing.assert_array_equal(one, second(x))
    assert not np.array_equal(one, two)
    assert not np.array_equal(one, layer(2)(x))
