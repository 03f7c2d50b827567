"""Layers that move pixels and resample against their twins of torch.nn, by the checks of `nn_twins`."""

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def pixel_shuffle(d):
    r = d.integer(1, 3)
    return call(r), d.array(*d.samples(), d.side(high=2) * r * r, *d.sides(2, high=3))


def pixel_unshuffle(d):
    r = d.integer(1, 3)
    h, w = d.sides(2, high=3)
    return call(r), d.array(*d.samples(), d.side(high=3), h * r, w * r)


def channel_shuffle(d):
    groups = d.integer(1, 3)
    return call(groups), d.array(d.batch(), groups * d.side(high=3), *d.sides(d.integer(1, 2), high=3))


def resampled(*modes):
    """Draw sizes, and scales that are powers of two, which all bodies of PyTorch's nearest see alike."""

    def draw(d):
        mode, n = d.one_of(*modes)
        chosen = options(d, align_corners=(True, False)) if "linear" in mode or mode == "bicubic" else {}
        if mode is not None and modes != (("fixed", 2),):
            chosen["mode"] = mode
        if d.flag():
            scales = tuple(d.one_of(2, 1, 4.0) for _ in range(n))
            chosen["scale_factor"] = scales if d.flag() else scales[0]
            if modes != (("fixed", 2),):
                chosen.update(options(d, recompute_scale_factor=(True, False)))
        else:
            sides = tuple(d.one_of(4, 2, 8, 1) for _ in range(n))
            chosen["size"] = sides if d.flag() else sides[0]
        sides = tuple(d.one_of(4, 2, 1) for _ in range(n))
        return call(**chosen), d.array(d.batch(), d.side(high=3), *sides)

    return draw


IMAGE = np.ones((2, 6, 3, 3))
BOTH = Refusal("both size and scale", call(2, 2), ("size=2", "scale_factor=2"), (IMAGE,))
NEITHER = Refusal("neither size nor scale", call(), ("size or scale_factor must",), (IMAGE,))
NO_NUMBER = Refusal("a scale that is no number", call(scale_factor="a"), ("scale_factor='a'",))
NO_SIDE = Refusal("a size of 0", call(0), ("size=0",), (IMAGE,))
TWINS = [
    Twin(
        "PixelShuffle",
        pixel_shuffle,
        "pixel_shuffle",
        [
            Refusal("channels not divided", call(2), ("upscale_factor=2", "(2, 6, 3, 3)"), (IMAGE,)),
            Refusal("a factor of 0", call(0), ("upscale_factor=0",), (IMAGE,)),
            Refusal("a factor of 2.5", call(2.5), ("upscale_factor=2.5",), (IMAGE,)),
            Refusal("two axes", call(1), ("x must", "(3, 3)"), (IMAGE[0, 0],)),
        ],
    ),
    Twin(
        "PixelUnshuffle",
        pixel_unshuffle,
        "pixel_unshuffle",
        [
            Refusal("sides not divided", call(2), ("downscale_factor=2", "(2, 6, 3, 3)"), (IMAGE,)),
            Refusal("a factor of 0", call(0), ("downscale_factor=0",), (IMAGE,)),
            Refusal("two axes", call(1), ("x must", "(3, 3)"), (IMAGE[0, 0],)),
        ],
    ),
    Twin(
        "ChannelShuffle",
        channel_shuffle,
        "channel_shuffle",
        [
            Refusal("groups that do not divide", call(4), ("groups=4", "(2, 6, 3, 3)"), (IMAGE,)),
            Refusal("no groups", call(0), ("groups=0",), (IMAGE,)),
            Refusal("two axes", call(1), ("x must", "(3, 3)"), (IMAGE[0, 0],)),
        ],
    ),
    Twin(
        "Upsample",
        resampled(
            ("nearest", 2),
            ("nearest", 1),
            ("linear", 1),
            ("bilinear", 2),
            ("bicubic", 2),
            ("trilinear", 3),
            ("area", 2),
            ("nearest-exact", 1),
        ),
        "interpolate",
        [
            BOTH,
            NEITHER,
            NO_NUMBER,
            NO_SIDE,
            Refusal("an unknown mode", call(2, mode="cubic"), ("mode='cubic'",), (IMAGE,)),
            Refusal("a mode of another rank", call(2, mode="linear"), ("mode='linear'",), (IMAGE,)),
            Refusal("corners of the nearest", call(2, align_corners=True), ("align_corners=True",), (IMAGE,)),
            Refusal("a size and its scale", call(2, recompute_scale_factor=True), ("recompute",), (IMAGE,)),
            Refusal("a size too many", call((2, 2, 2)), ("size=(2, 2, 2)",), (IMAGE,)),
            Refusal("integers", call(2, mode="bilinear"), ("int64",), (IMAGE.astype(np.int64),)),
        ],
    ),
    Twin("UpsamplingNearest2d", resampled(("fixed", 2)), "interpolate", [BOTH, NEITHER, NO_NUMBER, NO_SIDE]),
    Twin(
        "UpsamplingBilinear2d",
        resampled(("fixed", 2)),
        "interpolate",
        [
            BOTH,
            NEITHER,
            NO_NUMBER,
            NO_SIDE,
            Refusal("a sequence", call(2), ("mode='bilinear'", "(6, 3, 3)"), (IMAGE[0],)),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("factor", [2, 3])
def test_unshuffling_undoes_shuffling(factor):
    x = np.random.default_rng(0).normal(size=(2, 2 * factor**2, 3, 4))
    np.testing.assert_array_equal(nn.PixelUnshuffle(factor)(nn.PixelShuffle(factor)(x)), x)
