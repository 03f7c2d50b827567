"""What an optimizer refuses, in words, and that nothing is updated then."""

import numpy as np
import pytest

from scratchnet import optim

BAD_SETTINGS = {
    "negative rate": (lambda p: optim.SGD(p, lr=-1.0), ValueError, ["SGD", "lr", "-1.0"]),
    "rate not a number": (lambda p: optim.Adam(p, lr="fast"), TypeError, ["Adam", "lr", "fast"]),
    "NaN rate": (lambda p: optim.Adam(p, lr=float("nan")), ValueError, ["Adam", "lr", "nan"]),
    "nesterov without momentum": (
        lambda p: optim.SGD(p, nesterov=True),
        ValueError,
        ["nesterov", "momentum"],
    ),
    "beta of one": (lambda p: optim.AdamW(p, betas=(0.9, 1.0)), ValueError, ["AdamW", "betas", "[0, 1)"]),
    "negative alpha": (lambda p: optim.RMSprop(p, alpha=-0.5), ValueError, ["RMSprop", "alpha", "-0.5"]),
    "negative eps": (lambda p: optim.Adagrad(p, eps=-1.0), ValueError, ["Adagrad", "eps", "-1.0"]),
    "integer parameter": (
        lambda _: optim.SGD({"w": np.arange(3)}),
        TypeError,
        ["SGD", "params['w']", "floating", "int"],
    ),
    "list for a parameter": (lambda _: optim.SGD({"w": [1.0]}), TypeError, ["params['w']", "list"]),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings_are_refused_in_words(name):
    call, error, words = BAD_SETTINGS[name]
    with pytest.raises(error) as caught:
        call({"w": np.zeros(3)})
    for word in words:
        assert word in str(caught.value)


BAD_GRADIENTS = {
    "unknown name": ({"w": np.ones(3), "v": np.ones(3)}, ValueError, "name='v'"),
    "other shape": ({"u": np.ones(2), "w": np.ones(2)}, ValueError, "(3,)"),
    "other dtype": ({"u": np.ones(2), "w": np.ones(3, np.float32)}, TypeError, "float64"),
    "a list": ({"u": np.ones(2), "w": [1.0, 2.0, 3.0]}, TypeError, "w"),
}


@pytest.mark.parametrize("name", BAD_GRADIENTS)
def test_a_bad_gradient_is_refused_and_nothing_is_updated(name):
    grads, error, words = BAD_GRADIENTS[name]
    params = {"u": np.zeros(2), "w": np.zeros(3)}
    with pytest.raises(error) as caught:
        optim.SGD(params, lr=1.0).step(grads)
    assert words in str(caught.value)
    assert not params["u"].any()
    assert not params["w"].any()


def test_a_read_only_parameter_is_refused():
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        optim.SGD({"w": frozen})
