"""Convolution, transposed convolution and fold layers against their twins of torch.nn."""

import math

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn
from scratchnet_crosscheck.catalogue._conv_transpose import draw_sides
from scratchnet_crosscheck.catalogue._fold import draw_windows

SAME_WARNING = "ignore:Using padding='same' with even kernel lengths"  # PyTorch's, on its speed
pytestmark = pytest.mark.filterwarnings(SAME_WARNING)


def convolution(n):
    def draw(d):
        groups = d.one_of(1, 1, 2)
        c_in, c_out = groups * d.side(1, 3), groups * d.side(1, 3)
        kernel = tuple(d.integer(1, 3) for _ in range(n))
        dilation = tuple(d.integer(1, 2) for _ in range(n))
        reach = [step * (k - 1) for step, k in zip(dilation, kernel, strict=True)]
        padding = d.one_of("numbers", "numbers", "same", "valid")
        stride = (1,) * n if padding == "same" else tuple(d.integer(1, 2) for _ in range(n))
        # Wide enough for every mode: reflected padding is less than the side, circular at most it.
        least = [r // 2 + 2 if padding == "same" else r + 1 for r in reach]
        sides = tuple(low + d.integer(0, 2) for low in least)
        if padding == "numbers":
            padding = d.numbers(d.integer(0, min(2, side - 1)) for side in sides)
        made = call(
            c_in,
            c_out,
            d.numbers(kernel),
            stride=d.numbers(stride),
            padding=padding,
            dilation=d.numbers(dilation),
            groups=groups,
            **options(d, bias=(False,), padding_mode=("zeros", "reflect", "replicate", "circular")),
        )
        return made, d.array(*d.samples(), c_in, *sides)

    x = np.ones((2, 4, *(3,) * n))
    return Twin(
        f"Conv{n}d",
        draw,
        f"conv{n}d",
        [
            Refusal("groups that do not divide", call(3, 4, 3, groups=2), ("groups=2", "in_channels=3")),
            Refusal("'same' with a stride", call(3, 4, 3, 2, "same"), ("padding='same'", "stride=2")),
            Refusal("an unknown padding", call(3, 4, 3, padding="full"), ("padding='full'",)),
            Refusal("an unknown padding_mode", call(3, 4, 3, padding_mode="mirror"), ("'mirror'",)),
            Refusal("other channels", call(3, 4, 2), (f"x of shape {x.shape}",), (x,)),
            Refusal(
                "other channels, padded",
                call(3, 4, 2, padding=1, padding_mode="replicate"),
                ("in_channels=3", f"x of shape {x.shape}"),
                (x,),
            ),
            Refusal(
                "reflected padding of a whole side",
                call(4, 4, 2, padding=3, padding_mode="reflect"),
                ("padding must be less than the side", f"padding={(3,) * n}", f"x of shape {x.shape}"),
                (x,),
            ),
            Refusal(
                "circular padding of more than a side",
                call(4, 4, 2, padding=4, padding_mode="circular"),
                ("padding must be at most the side", f"padding={(4,) * n}", f"x of shape {x.shape}"),
                (x,),
            ),
            Refusal(
                "integers",
                call(4, 4, 2, padding=1, padding_mode="reflect"),
                ("int64",),
                (x.astype(np.int64),),
            ),
        ],
        examples=40,
    )


def transposed(n):
    def draw(d):
        groups = d.one_of(1, 1, 2)
        c_in, c_out = groups * d.side(1, 3), groups * d.side(1, 3)
        geometry, sides = draw_sides(d, n)
        each = {name: d.numbers(values) for name, values in geometry.items()}
        made = call(c_in, c_out, **each, groups=groups, **options(d, bias=(False,)))
        return made, d.array(*d.samples(), c_in, *sides)

    x = np.ones((2, 4, *(3,) * n))
    return Twin(
        f"ConvTranspose{n}d",
        draw,
        f"conv_transpose{n}d",
        [
            Refusal("groups that do not divide", call(3, 4, 3, groups=2), ("groups=2", "in_channels=3")),
            Refusal("another padding_mode", call(3, 4, 3, padding_mode="reflect"), ("'reflect'",)),
            Refusal("other channels", call(3, 4, 2), (f"x of shape {x.shape}",), (x,)),
            Refusal(
                "an output_padding of the stride",
                call(4, 4, 2, output_padding=1),
                ("output_padding must be smaller",),
                (x,),
            ),
            Refusal("padding that leaves nothing", call(4, 4, 1, padding=2), ("must be left",), (x,)),
            Refusal("integers", call(4, 4, 2), ("int64",), (x.astype(np.int64),)),
        ],
        examples=40,
    )


def unfold(d):
    chosen, sides, _ = draw_windows(d)
    return call(**chosen), d.array(*d.samples(), d.side(1, 3), *sides)


def fold(d):
    chosen, sides, out = draw_windows(d)
    kernel = chosen["kernel_size"]
    rows = d.side(1, 3) * (math.prod(kernel) if isinstance(kernel, tuple) else kernel**2)
    return call(d.numbers(sides), **chosen), d.array(*d.samples(), rows, math.prod(out))


TWINS = [
    *(convolution(n) for n in (1, 2, 3)),
    *(transposed(n) for n in (1, 2, 3)),
    Twin(
        "Unfold",
        unfold,
        "unfold",
        [
            Refusal("a kernel larger than x", call(4), ("kernel_size=4",), (np.ones((1, 1, 3, 3)),)),
            Refusal("a stride of zero", call(2, stride=0), ("stride=0",), (np.ones((1, 1, 3, 3)),)),
        ],
    ),
    Twin(
        "Fold",
        fold,
        "fold",
        [
            Refusal("other columns", call(3, 2), ("(1, 4, 5)", "output_size=3"), (np.ones((1, 4, 5)),)),
            Refusal("other rows", call(3, 2), ("(1, 3, 4)", "kernel_size=2"), (np.ones((1, 3, 4)),)),
        ],
    ),
]  # fmt: skip


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("sides", [(7, 10), (8, 10), (8, 12)])
def test_output_size_chooses_among_the_sides_of_one_input_as_the_twin_does(lead, sides):
    torch = pytest.importorskip("torch")
    made = {"stride": (2, 3), "padding": 1, "dilation": (2, 1)}
    ours = nn.ConvTranspose2d(3, 2, 3, **made, dtype=np.float64)
    twin = torch.nn.ConvTranspose2d(3, 2, 3, **made).double()
    ours.load_state_dict({key: value.numpy() for key, value in twin.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((*lead, 3, 3, 4))
    for output_size in (sides, (*lead, 2, *sides)):
        ten = torch.from_numpy(x)
        y = ours(x, output_size=output_size)
        assert y.shape == (*lead, 2, *sides)
        np.testing.assert_allclose(y, twin(ten, list(output_size)).detach().numpy(), rtol=0, atol=1e-13)
        assert ours.backward(y).shape == x.shape


@pytest.mark.parametrize(
    ("output_size", "error", "words"),
    [
        ((8, 6), ValueError, r"output_size must lie between \(6, 6\) and \(7, 7\); got output_size=\(8, 6\)"),
        ((5, 6), ValueError, r"output_size must lie between \(6, 6\) and \(7, 7\); got output_size=\(5, 6\)"),
        ((1, 6, 6), ValueError, "output_size must have 2 sides, or 4"),
        (6, TypeError, "output_size must be a tuple of 2 integers; got output_size=6"),
        ((6, 6.5), TypeError, "output_size must be an integer; got output_size=6.5"),
    ],
)
def test_an_output_size_that_no_output_padding_makes_is_refused(output_size, error, words):
    layer = nn.ConvTranspose2d(1, 1, 2, stride=2)
    with pytest.raises(error, match=f"ConvTranspose2d: {words}"):
        layer(np.ones((1, 1, 3, 3), np.float32), output_size)


def test_transposed_convolution_starts_within_one_over_the_root_of_its_weights_second_fan():
    layer = nn.ConvTranspose2d(64, 8, 3, groups=2, generator=np.random.default_rng(0))
    bound = (4 * 9) ** -0.5
    for parameter in layer.params.values():
        assert parameter.dtype == np.float32
        assert 0.5 * bound < np.abs(parameter).max() <= bound
