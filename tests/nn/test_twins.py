"""Layers against their twins of torch.nn: weights both ways, values, gradients, what they print as."""

import numpy as np
import pytest

from scratchnet import nn

torch = pytest.importorskip("torch", reason="the oracle here is torch.nn")

TWINS = {
    "Linear": ("Linear(3, 5)", (4, 3)),
    "Linear without bias": ("Linear(3, 5, bias=False)", (2, 4, 3)),
    "ReLU": ("ReLU()", (4, 3)),
    "Sigmoid": ("Sigmoid()", (4, 3)),
    "Tanh": ("Tanh()", (4, 3)),
    "Softmax": ("Softmax(dim=1)", (4, 3)),
    "LogSoftmax": ("LogSoftmax(dim=1)", (4, 3)),
    "Sequential": ("Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 2)))", (4, 3)),
}


def _pair(code, dtype):
    ours = eval(f"nn.{code}", {"nn": nn})
    theirs = eval(f"nn.{code}", {"nn": torch.nn})
    theirs = theirs.to(getattr(torch, np.dtype(dtype).name))
    return ours, theirs


@pytest.mark.parametrize("name", TWINS)
def test_it_prints_as_its_twin(name):
    ours, theirs = _pair(TWINS[name][0], np.float32)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", TWINS)
def test_weights_go_both_ways_and_value_and_gradients_are_the_twins(name):
    code, shape = TWINS[name]
    ours, theirs = _pair(code, np.float32)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    other = _pair(code, np.float32)[1]
    other.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})

    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    twin_x = torch.tensor(x, requires_grad=True)
    y, twin_y = ours(x), theirs(twin_x)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    dx = ours.backward(dy)
    twin_y.backward(torch.tensor(dy))

    # At most five terms are added, each rounded a few times.
    close = {"rtol": 0, "atol": 32 * float(np.finfo(np.float32).eps)}
    np.testing.assert_allclose(y, twin_y.detach().numpy(), **close)
    np.testing.assert_allclose(
        other(torch.tensor(x)).detach().numpy(), twin_y.detach().numpy(), rtol=0, atol=0
    )
    np.testing.assert_allclose(dx, twin_x.grad.numpy(), **close)
    for key, parameter in theirs.named_parameters():
        np.testing.assert_allclose(ours.grads[key], parameter.grad.numpy(), **close)
    assert list(ours.state_dict()) == list(theirs.state_dict())
