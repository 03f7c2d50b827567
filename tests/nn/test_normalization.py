"""Normalisation layers against their twins of torch.nn, by the checks of `nn_twins`, and the rest."""

import warnings

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def channel_norm(name, n, unbatched, **choices):
    def draw(d):
        channels = d.side(1, 4)
        sides = d.sides(n, high=3) if n > 1 or unbatched else d.one_of((), d.sides(1))
        if unbatched and int(np.prod(sides)) == 1:  # one value has no variance
            sides = (*sides[:-1], 2)
        lead = d.samples() if unbatched else (d.batch(low=2),)
        chosen = options(
            d, eps=(1e-3, 0.1), momentum=(None, 0.5), affine=(True, False), track_running_stats=(True, False),
            bias=(False,),
        )  # fmt: skip
        return call(channels, **chosen), d.array(*lead, channels, *sides)

    several = "a batch of one" if not unbatched else "one value a channel"
    fine = np.ones((2, 3, 4, 5, 6)[: n + 2])
    negative = "its result is that of a smaller variance, or NaN" if unbatched else ""
    return Twin(
        name,
        draw,
        name[:-6].lower() + "_norm",
        [
            Refusal("a negative number of channels", call(-1, affine=True), ("num_features=-1",)),
            Refusal("channels that are no integer", call(2.5, affine=True), ("num_features=2.5",)),
            Refusal("other channels", call(3, affine=True), ("num_features=3", "(2, 2,"), (fine[:, :2],)),
            Refusal("an axis too many", call(3), ("x must be", "(1, 1, 2, 3"), (fine[None, None],)),
            Refusal(several, call(3), ("more than one value",), (np.ones((1, 3, *[1] * n)),)),
            Refusal("an eps that is no number", call(3, eps="1"), ("eps='1'",), (fine,)),
            Refusal("a negative eps", call(3, eps=-1.0), ("eps=-1.0",), (fine,), only_ours=negative),
            Refusal("integers", call(3), ("int64",), (fine.astype(np.int64),)),
        ],
    )  # fmt: skip


def group_norm(d):
    groups = d.integer(1, 3)
    channels = groups * d.integer(1, 3)
    made = call(groups, channels, **options(d, eps=(1e-3, 0.1), affine=(True, False), bias=(False,)))
    return made, d.array(d.batch(low=2), channels, *d.sides(d.integer(0, 3), high=3))


def last_axes(name):
    def draw(d):
        shape = d.one_of(d.sides(1), d.sides(2))
        lead = d.one_of((), (d.batch(),), (d.batch(), d.side()))
        made = {
            "LayerNorm": {"eps": (1e-3, 0.1), "bias": (True, False)},
            "RMSNorm": {"eps": (None, 1e-3, 0.1)},
        }
        given = shape[0] if len(shape) == 1 and d.flag() else d.one_of(shape, list(shape))
        chosen = options(d, elementwise_affine=(True, False), **made[name])
        return call(given, **chosen), d.array(*lead, *shape)

    return draw


def last_axes_refusals():
    return [
        Refusal("a negative side", call(-1), ("normalized_shape=-1",)),
        Refusal("a side that is no integer", call(2.5), ("normalized_shape=2.5",)),
        Refusal("no side", call(()), ("normalized_shape=()",), (np.ones(3),)),
        Refusal("another side", call(4), ("normalized_shape=(4,)", "(2, 3)"), (np.ones((2, 3)),)),
        Refusal("too few axes", call((2, 3)), ("normalized_shape=(2, 3)", "(3,)"), (np.ones(3),)),
        Refusal("integers", call(3), ("int64",), (np.ones((2, 3), np.int64),)),
        Refusal("a negative eps", call(3, eps=-1.0), ("eps=-1.0",), only_ours="it refuses no eps"),
    ]


def local_response_norm(d):
    made = call(
        d.integer(1, 6), **options(d, alpha=(1, 0.5), beta=(0.5, 1.0, 2), k=(0.5, 2.0))
    )  # fmt: skip
    return made, d.array(d.batch(), d.side(1, 6), *d.sides(d.integer(1, 3), high=3))


TWINS = [
    *(channel_norm(f"BatchNorm{n}d", n, unbatched=False) for n in (1, 2, 3)),
    *(channel_norm(f"InstanceNorm{n}d", n, unbatched=True) for n in (1, 2, 3)),
    Twin(
        "GroupNorm",
        group_norm,
        "group_norm",
        [
            Refusal("groups that do not divide", call(2, 3), ("num_groups=2", "num_channels=3")),
            Refusal("no groups", call(0, 3), ("num_groups=0",)),
            Refusal("other channels", call(2, 4), ("weight", "(2, 6)"), (np.ones((2, 6)),)),
            Refusal("no channels", call(2, 4), ("x", "(4,)"), (np.ones(4),)),
            Refusal("one sample, one value a group", call(4, 4), ("num_groups=4",), (np.ones((1, 4)),)),
            Refusal("integers", call(2, 4), ("int64",), (np.ones((2, 4), np.int64),)),
            Refusal("a negative eps", call(2, 4, eps=-1.0), ("eps=-1.0",), only_ours="it refuses no eps"),
        ],
    ),
    Twin("LayerNorm", last_axes("LayerNorm"), "layer_norm", last_axes_refusals()),
    Twin("RMSNorm", last_axes("RMSNorm"), "rms_norm", last_axes_refusals()),
    Twin(
        "LocalResponseNorm",
        local_response_norm,
        "local_response_norm",
        [
            Refusal("no neighbours", call(0), ("size=0",), (np.ones((2, 3, 4)),)),
            Refusal("a size that is no integer", call(2.5), ("size=2.5",), (np.ones((2, 3, 4)),)),
            Refusal("two axes", call(2), ("x", "(2, 3)"), (np.ones((2, 3)),)),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)


def test_a_state_dict_is_not_changed_by_later_steps():
    layer = nn.BatchNorm1d(2, dtype=np.float64)
    before = layer.state_dict()
    layer(np.array([[1.0, 2.0], [3.0, 5.0]]))
    np.testing.assert_array_equal(before["running_mean"], [0, 0])
    assert int(before["num_batches_tracked"]) == 0


def test_a_refused_batch_does_not_move_the_statistics_and_evaluation_takes_it():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than one value"):
        layer(np.zeros((1, 3), np.float32))
    assert int(layer.buffers["num_batches_tracked"]) == 0
    assert layer.eval()(np.zeros((1, 3), np.float32)).shape == (1, 3)


@pytest.mark.parametrize("name", ["BatchNorm1d", "InstanceNorm1d"])
def test_without_parameters_and_statistics_any_number_of_channels_is_taken(name):
    layer = getattr(nn, name)(3, affine=False, track_running_stats=False)
    assert layer(np.zeros((2, 5, 4), np.float32)).shape == (2, 5, 4)
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = getattr(torch.nn, name)(3, affine=False, track_running_stats=False)
        assert twin(torch.zeros(2, 5, 4)).shape == (2, 5, 4)


@pytest.mark.parametrize(
    "made", [(nn.BatchNorm2d, 3), (nn.GroupNorm, 1, 3), (nn.LayerNorm, 3), (nn.RMSNorm, 3)]
)
@pytest.mark.parametrize("dtype", [np.int64, "no dtype", None])
def test_another_dtype_than_a_floating_point_one_is_refused(made, dtype):
    with pytest.raises(TypeError, match=f"{made[0].__name__}: dtype must be"):
        made[0](*made[1:], dtype=dtype)
