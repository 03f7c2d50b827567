"""Layers that only rearrange against their twins of torch.nn, by the checks of `nn_twins`."""

import numpy as np
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def identity(d):
    return call(*d.one_of((), (54,)), **options(d, unused=(True,))), d.array(
        d.batch(), *d.sides(d.integer(0, 2))
    )


def flatten(d):
    return call(**options(d, start_dim=(0, 1, -2), end_dim=(-1, 2))), d.array(d.batch(), *d.sides(3, high=3))


def unflatten(d):
    sizes = d.sides(d.integer(1, 3), high=3)
    free = d.integer(0, 2 * len(sizes))
    given = tuple(-1 if i == free else side for i, side in enumerate(sizes))
    made = call(d.one_of(1, -2), d.one_of(given, list(given)))
    return made, d.array(d.batch(), int(np.prod(sizes)), d.side())


IMAGE = np.ones((2, 6, 3))
TWINS = [
    Twin("Identity", identity),
    Twin(
        "Flatten",
        flatten,
        "flatten",
        [
            Refusal("a dimension that is not there", call(4), ("dim", "4"), (IMAGE,)),
            Refusal("the end before the start", call(2, 1), ("start_dim=2", "end_dim=1"), (IMAGE,)),
        ],
    ),
    Twin(
        "Unflatten",
        unflatten,
        "unflatten",
        [
            Refusal("a number for the sizes", call(1, 6), ("unflattened_size=6",)),
            Refusal("sizes of floats", call(1, (2.0, 3)), ("unflattened_size=2.0",)),
            Refusal("sizes of another product", call(1, (2, 2)), ("sizes=(2, 2)", "6"), (IMAGE,)),
            Refusal("no sizes", call(1, ()), ("sizes=()",), (np.ones((2, 1)),)),
            Refusal("a dimension that is not there", call(3, (2, 3)), ("dim", "3"), (IMAGE,)),
            Refusal("a dimension by its name", call("features", (2, 3)), ("features",), (IMAGE,)),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)


def test_identity_takes_integers_too_and_returns_copies():
    x = np.arange(3)
    layer = nn.Identity()
    y = layer(x)
    assert y.dtype == x.dtype
    assert not np.shares_memory(x, y)
    dx = layer.backward(x)
    assert not np.shares_memory(x, dx)
