"""BatchNorm layers print, learn their statistics and exchange their state as PyTorch's do."""

import inspect

import numpy as np
import pytest

from scratchnet import nn

RANKS = {"BatchNorm1d": (6, 3), "BatchNorm2d": (4, 3, 2, 3), "BatchNorm3d": (2, 3, 2, 1, 3)}
OPTIONS = {
    "defaults": {},
    "another momentum and eps": {"momentum": 0.3, "eps": 1e-3},
    "cumulative": {"momentum": None},
    "not affine": {"affine": False},
    "without running statistics": {"track_running_stats": False},
}
EPS = 64 * float(np.finfo(np.float64).eps)  # few terms of about 1, each rounded a dozen times


def pair(torch, name, options):
    return getattr(nn, name)(3, **options, dtype=np.float64), getattr(torch.nn, name)(3, **options).double()


def as_numpy(twin):
    return {key: value.numpy() for key, value in twin.state_dict().items()}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", RANKS)
def test_values_gradients_and_state_stay_the_twins_over_several_steps(name, options):
    torch = pytest.importorskip("torch")
    ours, twin = pair(torch, name, OPTIONS[options])
    rng = np.random.default_rng(0)
    if ours.params:
        ours.params["weight"][...] = [0.5, 2.0, -1.0]
        ours.params["bias"][...] = [1.0, 0.0, -3.0]
        twin.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    for training in (True, True, False, True, True, False):
        ours.train(training)
        twin.train(training)
        x, dy = rng.normal(size=(2, *RANKS[name]))
        x = x * 2 + 1
        tensor = torch.from_numpy(x.copy()).requires_grad_()
        twin.zero_grad()
        y, twin_y = ours(x), twin(tensor)
        dx = ours.backward(dy)
        twin_y.backward(torch.from_numpy(dy))
        np.testing.assert_allclose(y, twin_y.detach().numpy(), rtol=0, atol=8 * EPS)
        np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=0, atol=8 * EPS)
        for key, parameter in twin.named_parameters():
            np.testing.assert_allclose(ours.grads[key], parameter.grad.numpy(), rtol=0, atol=8 * EPS)
        theirs, state = as_numpy(twin), ours.state_dict()
        assert list(state) == list(theirs)
        for key, value in theirs.items():
            assert state[key].dtype == value.dtype
            np.testing.assert_allclose(state[key], value, rtol=0, atol=8 * EPS, err_msg=key)


@pytest.mark.parametrize("name", RANKS)
def test_state_goes_both_ways_after_training(name):
    torch = pytest.importorskip("torch")
    ours, twin = pair(torch, name, {})
    x = np.random.default_rng(0).normal(size=RANKS[name])
    ours(x)
    ours(x)
    twin.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    assert int(twin.num_batches_tracked) == 2
    twin(torch.from_numpy(x))
    ours.load_state_dict(as_numpy(twin))
    assert int(ours.buffers["num_batches_tracked"]) == 3
    np.testing.assert_allclose(
        ours.eval()(x), twin.eval()(torch.from_numpy(x)).detach().numpy(), rtol=0, atol=8 * EPS
    )


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", RANKS)
def test_it_prints_as_its_twin(name, options):
    torch = pytest.importorskip("torch")
    if "bias" not in inspect.signature(torch.nn.BatchNorm1d).parameters:
        pytest.skip("this PyTorch has no bias argument to print")
    ours, twin = pair(torch, name, OPTIONS[options])
    assert repr(ours) == repr(twin)


def test_a_state_dict_is_not_changed_by_later_steps():
    layer = nn.BatchNorm1d(2, dtype=np.float64)
    before = layer.state_dict()
    layer(np.array([[1.0, 2.0], [3.0, 5.0]]))
    np.testing.assert_array_equal(before["running_mean"], [0, 0])
    assert int(before["num_batches_tracked"]) == 0


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("BatchNorm1d", (3,)),
        ("BatchNorm1d", (2, 3, 4, 5)),
        ("BatchNorm2d", (2, 3, 4)),
        ("BatchNorm3d", (2, 3)),
    ],
)
def test_another_rank_is_refused(name, shape):
    with pytest.raises(ValueError, match=f"{name}: x must be"):
        getattr(nn, name)(3)(np.zeros(shape, np.float32))


def test_other_channels_and_a_batch_of_one_are_refused():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="3 channels"):
        layer(np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match="more than one value"):
        layer(np.zeros((1, 3), np.float32))
    assert int(layer.buffers["num_batches_tracked"]) == 0
    assert layer.eval()(np.zeros((1, 3), np.float32)).shape == (1, 3)
