"""Dropout layers: against their twins of torch.nn in evaluation mode; their masks, their modes."""

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn


def dropped(name, operation, *shapes, wrong=()):
    def draw(d):
        shape = d.one_of(*shapes)
        return call(**options(d, p=(0.0, 0.25, 1.0, 1))), d.array(d.batch(), *d.sides(shape - 1, high=3))

    return Twin(
        name,
        draw,
        operation,
        [
            Refusal("a p above 1", call(1.5), ("p=1.5",)),
            Refusal("a negative p", call(-0.5), ("p=-0.5",)),
            Refusal("a p that is no number", call("half"), ("p='half'",)),
            Refusal("in place", call(0.5, True), ("inplace=True",), only_ours="it may write to its input"),
            *(
                Refusal(
                    f"{rank} axes",
                    call(),
                    ("x must", str((2,) * rank)),
                    (np.ones((2,) * rank),),
                    only_ours=why,
                )
                for rank, why in wrong
            ),
        ],
        random=True,
    )


TWINS = [
    dropped("Dropout", "dropout", 1, 2, 3),
    dropped("Dropout1d", "dropout1d", 2, 3, wrong=((1, ""), (4, ""))),
    dropped("Dropout2d", "dropout2d", 4, wrong=((1, ""),)),
    dropped("Dropout3d", "dropout3d", 5, 4, wrong=((0, ""),)),
    dropped("AlphaDropout", "alpha_dropout", 1, 2, 3),
    dropped("FeatureAlphaDropout", "feature_alpha_dropout", 2, 3, 4, wrong=((1, ""),)),
]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("name", [twin.name for twin in TWINS])
def test_training_draws_a_new_mask_each_time_and_backward_has_the_last(name):
    layer = getattr(nn, name)(0.5, generator=np.random.default_rng(0))
    x = np.ones((8, 8, 2))
    first, second = layer(x), layer(x)
    assert (first != second).any()
    gradient = layer.backward(x)
    kept = second == second.max()
    assert (gradient[kept] > 0).all()
    assert (gradient[~kept] == 0).all()
    assert kept.any()
    assert not kept.all()
    if name not in ("Dropout", "AlphaDropout"):  # whole channels
        assert (kept == kept[..., :1]).all()


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance_of_standard_normal_numbers(name, p):
    n = 500
    x = np.random.default_rng(1).normal(size=(n, n))
    y = getattr(nn, name)(p, generator=np.random.default_rng(0))(x)
    # Six standard errors of n^2 numbers; their fourth moment is below 16.
    assert abs(y.mean()) < 6 / n
    assert abs(y.var() - 1) < 6 * 4 / n


def test_backward_has_the_mask_of_the_last_forward_and_evaluation_mode_none():
    layer = nn.Dropout(0.5, generator=np.random.default_rng(0))
    x = np.ones(64)
    first, second = layer(x), layer(x)
    assert (first != second).any()
    np.testing.assert_array_equal(layer.backward(x), second)
    np.testing.assert_array_equal(layer.eval()(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)
    assert (layer.train()(x) != x).any()


def test_one_seed_gives_one_sequence_of_masks():
    x = np.ones((3, 50), np.float32)
    one, other = (nn.Dropout(0.2, generator=np.random.default_rng(1)) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(one(x), other(x))


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(ValueError, match="Dropout: inplace must be False"):
        nn.Dropout(0.5, True)
    with pytest.raises(ValueError, match=r"Dropout: p must be in \[0, 1\]; got p=1.5"):
        nn.Dropout(1.5)
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        nn.Dropout(generator=np.random.RandomState(0))
