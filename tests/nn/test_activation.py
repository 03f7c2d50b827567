"""The layers of the activations against their twins of torch.nn, and what the twins do not ask."""

from dataclasses import replace

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

import scratchnet.functional as F
from scratchnet import nn

ROW = (np.array([[-1.0, 0.5, 2.0, 0.0]]),)


def _shape(d):
    return d.one_of((), (d.batch(),), (d.batch(), d.side(), d.side()))


def elementwise(**choices):
    """Draw a layer with some of these options and any array."""

    def draw(d):
        return call(**options(d, **choices)), d.array(*_shape(d))

    return draw


def gelu(d):
    made, x = elementwise(approximate=("tanh",))(d)
    return made, np.asarray(np.maximum(x, -4))  # PyTorch's is 0 further left, to all its digits


def in_place(name, draw, operation, refusals=(), made=None, **more):
    """Return the twin of a layer that PyTorch can make write to its input; ours refuses that."""
    refused = Refusal(
        "in place", made or call(inplace=True), ("inplace", "True"), only_ours="never writes to its input"
    )
    kind = ExactTwin if name == "Hardsigmoid" else Twin
    return kind(name, draw, operation, [refused, *refusals], **more)


def not_a_number(layer, option, *first):
    """Return the refusal of an option that is NaN: PyTorch fills the result with it."""
    return Refusal(f"{option} NaN", call(*first, **{option: np.nan}), (option, "nan"), ROW, only_ours=layer)


def along_dim(low, high):
    """Draw a layer with a dim, and an array of `low` to `high` dimensions."""

    def draw(d):
        rank = d.integer(low, high)
        return call(d.integer(-rank, rank - 1)), d.array(d.batch(), *d.sides(rank - 1, high=3))

    return draw


def glu(d):
    rank = d.integer(1, 3)
    shape = [d.batch(), *d.sides(rank - 1, high=3)]
    dim = d.integer(-rank, rank - 1)
    shape[dim] *= 2
    return call(dim), d.array(*shape)


def softmax2d(d):
    return call(), d.array(*d.samples(), *d.sides(3, high=3))


def prelu(d):
    channels = d.one_of(1, 3)
    made = call(channels, **options(d, init=(0.5, -1.0, 2)))
    return made, d.array(d.batch(), channels, *d.sides(d.integer(0, 2), high=3))


def threshold(d):
    return call(d.one_of(0.5, -1, 0.0), d.one_of(20.0, -1)), d.array(*_shape(d))


def rrelu(d):
    lower = d.one_of(0.25, 0.125, -0.5)
    return call(**options(d, lower=(lower,), upper=(0.25, 0.5))), d.array(*_shape(d))


def _exact_hardsigmoid():
    """Return PyTorch's Hardsigmoid with the slope 1/6 in the dtype: its own has the digits of float32."""
    import torch

    class Hardsigmoid(torch.nn.Hardsigmoid):
        def forward(self, x):
            line = torch.where((x > -3) & (x < 3), x / 6, torch.zeros_like(x))
            return super().forward(x).detach() + (line - line.detach())

    return Hardsigmoid


class ExactTwin(Twin):
    """A twin with all digits in float64."""

    def theirs(self, made, dtype):
        import torch

        return _exact_hardsigmoid()(*made.args, **made.kwargs).to(getattr(torch, np.dtype(dtype).name))


def _bad_dim(name):
    return Refusal("a dim that is not there", call(2), ("dim", "2"), ROW)


TWINS = [
    in_place("ReLU", elementwise(), "relu"),
    Twin("Sigmoid", elementwise(), "sigmoid"),
    Twin("Tanh", elementwise(), "tanh"),
    Twin("Softmax", along_dim(1, 4), "softmax", [_bad_dim("softmax")]),
    Twin("LogSoftmax", along_dim(1, 4), "log_softmax", [_bad_dim("log_softmax")]),
    Twin("Softmin", along_dim(1, 4), "softmin", [_bad_dim("softmin")]),
    Twin("Softmax2d", softmax2d, "softmax", [
        Refusal("a matrix", call(), ("x", "(2, 3)", "(C, H, W)"), (np.ones((2, 3)),)),
        Refusal("a volume", call(), ("x", "(2, 3, 1, 1, 1)"), (np.ones((2, 3, 1, 1, 1)),)),
    ]),
    Twin("Hardshrink", elementwise(lambd=(0.25, 2, 0.0, -1.0)), "hardshrink", [
        not_a_number("Hardshrink", "lambd"),
    ]),
    in_place("Hardsigmoid", elementwise(), "hardsigmoid"),
    in_place("Hardswish", elementwise(), "hardswish"),
    in_place("Hardtanh", elementwise(min_val=(-2.0, 0.0, -1), max_val=(0.5, 2)), "hardtanh", [
        Refusal("nothing between", call(0.5, 0.5), ("min_val=0.5", "max_val=0.5")),
        Refusal("out of order", call(1.0, -1.0), ("min_val=1.0", "max_val=-1.0")),
        Refusal("an old name", call(min_value=-2.0), ("min_val instead",), only_ours="deprecated there"),
        Refusal("an old name", call(max_value=2.0), ("max_val instead",), only_ours="deprecated there"),
    ]),
    in_place("LeakyReLU", elementwise(negative_slope=(0.25, 0.0, 2, -0.5)), "leaky_relu"),
    Twin("PReLU", prelu, "prelu", [
        Refusal("a negative number", call(-1), ("num_parameters", "-1")),
        Refusal("no integer", call(1.5), ("num_parameters", "1.5")),
        Refusal("other channels", call(2), ("weight", "(2,)", "4 channels"), ROW),
    ]),
    in_place("ReLU6", elementwise(), "relu6"),
    in_place("RReLU", rrelu, "rrelu", [
        Refusal("out of order", call(0.5, 0.25), ("lower=0.5", "upper=0.25"), ROW),
    ], random=True),
    Twin("Softshrink", elementwise(lambd=(0.25, 2, 0.0)), "softshrink", [
        Refusal("a negative lambd", call(-0.5), ("lambd", "-0.5"), ROW),
    ]),
    in_place("Threshold", threshold, "threshold", made=call(0.5, 1.0, inplace=True)),
    in_place("CELU", elementwise(alpha=(0.5, 2, -4.0)), "celu", [
        Refusal("alpha 0", call(0.0), ("alpha", "0.0"), ROW),
    ]),
    in_place("ELU", elementwise(alpha=(0.5, 2, 0.0, -0.5)), "elu", [
        Refusal("no number", call("a"), ("alpha", "'a'"), ROW), not_a_number("ELU", "alpha"),
    ]),
    Twin("GELU", gelu, "gelu", [
        Refusal("an unknown form", call("erf"), ("approximate", "'erf'"), ROW),
    ]),
    Twin("GLU", glu, "glu", [
        Refusal("an odd side", call(0), ("x", "(1, 4)", "dim=0"), ROW),
        Refusal("a number", call(), ("x", "()"), (np.ones(()),)),
        _bad_dim("glu"),
    ]),
    Twin("LogSigmoid", elementwise(), "logsigmoid"),
    in_place("Mish", elementwise(), "mish"),
    in_place("SELU", elementwise(), "selu"),
    in_place("SiLU", elementwise(), "silu"),
    Twin("Softplus", elementwise(beta=(0.5, 2, -0.5), threshold=(1.0, 5)), "softplus", [
        Refusal("beta 0", call(0.0), ("beta", "0.0"), ROW, only_ours="fills the result with infinity"),
    ]),
    Twin("Softsign", elementwise(), "softsign"),
    Twin("Tanhshrink", elementwise(), "tanhshrink"),
]  # fmt: skip


# These are many, and each draws from few options.
TWINS = [replace(twin, examples=24) for twin in TWINS]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_without_a_dim_it_warns_and_takes_pytorchs(name, rank):
    x = np.random.default_rng(rank).normal(size=(2, 3, 4, 5)[:rank])
    layer = getattr(nn, name)()
    with pytest.warns(UserWarning, match="dim should be given"):
        y = layer(x)
    dim = 0 if rank in (0, 1, 3) else 1
    np.testing.assert_array_equal(y, getattr(nn, name)(dim)(x))


def test_the_slopes_of_rrelu_are_those_of_its_generator_and_the_mean_in_evaluation():
    layer = nn.RReLU(0.25, 0.75, generator=np.random.default_rng(3))
    minus = np.full(50, -1.0)
    first, second = layer(minus), layer(minus)
    assert (first != second).any()
    np.testing.assert_array_equal(layer.backward(np.ones(50)), -second)
    again = F.rrelu(minus, 0.25, 0.75, training=True, generator=np.random.default_rng(3))[0]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(layer.eval()(minus), np.full(50, -0.5))
