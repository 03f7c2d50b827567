"""The Dropout layer: its mask, its modes, what it prints as."""

import numpy as np
import pytest

from scratchnet import nn


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


@pytest.mark.parametrize("p", [0.5, 0.3, 0, 1.0])
def test_it_prints_as_its_twin_and_has_no_state(p):
    torch = pytest.importorskip("torch")
    assert repr(nn.Dropout(p)) == repr(torch.nn.Dropout(p))
    assert nn.Dropout(p).state_dict() == {}


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(ValueError, match="Dropout: inplace must be False"):
        nn.Dropout(0.5, True)
    with pytest.raises(ValueError, match=r"Dropout: p must be in \[0, 1\]; got p=1.5"):
        nn.Dropout(1.5)
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        nn.Dropout(generator=np.random.RandomState(0))
