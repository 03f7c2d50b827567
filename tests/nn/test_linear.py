"""Layers of the linear family against their twins of torch.nn, by the checks of `nn_twins`."""

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def linear(d):
    features = d.side()
    return call(features, d.side(), **options(d, bias=(False,))), d.array(*d.samples(), features)


def bilinear(d):
    first, second = d.side(), d.side()
    lead = d.samples()
    made = call(first, second, d.side(), **options(d, bias=(False, True)))
    return made, d.array(*lead, first), d.array(*lead, second)


TWINS = [
    Twin(
        "Linear",
        linear,
        "linear",
        [
            Refusal("a negative side", call(-1, 2), ("in_features=-1",)),
            Refusal("a side that is no integer", call(2.5, 2), ("in_features=2.5",)),
            Refusal("other features", call(3, 2), ("x", "(2, 4)"), (np.ones((2, 4)),)),
        ],
    ),
    Twin(
        "Bilinear",
        bilinear,
        "bilinear",
        [
            Refusal("no features", call(0, 2, 3), ("in1_features=0",)),
            Refusal("a negative side", call(2, -1, 3), ("in2_features=-1",)),
            Refusal("a side that is no integer", call(2, 2, 3.5), ("out_features=3.5",)),
            Refusal(
                "other features", call(3, 2, 1), ("input1", "(2, 4)"), (np.ones((2, 4)), np.ones((2, 2)))
            ),
            Refusal("another batch", call(3, 2, 1), ("input2", "(1, 2)"), (np.ones((2, 3)), np.ones((1, 2)))),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize(("layer", "fan"), [(nn.Linear, 4), (nn.Bilinear, 4)])
def test_initial_values_are_uniform_within_the_root_of_the_first_fan_in(layer, fan):
    sides = (fan, 500) if layer is nn.Linear else (fan, 25, 20)
    weight = layer(*sides, dtype=np.float64, generator=np.random.default_rng(0)).params["weight"]
    bound = fan**-0.5
    assert np.abs(weight).max() <= bound
    # A uniform number has variance bound^2 / 3; its own variance bounds the mean's error.
    assert abs(weight.var() - bound**2 / 3) < 6 * bound**2 * (4 / 45 / weight.size) ** 0.5
    assert abs(weight.mean()) < 6 * bound / (3 * weight.size) ** 0.5


@pytest.mark.parametrize("layer", [nn.Linear, nn.Bilinear])
def test_another_dtype_than_a_floating_point_one_is_refused(layer):
    with pytest.raises(TypeError, match=f"{layer.__name__}: dtype must be"):
        layer(*(2, 3, 4)[: 2 if layer is nn.Linear else 3], dtype=np.int64)
