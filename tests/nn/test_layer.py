"""What every layer promises, whatever it computes."""

import numpy as np
import pytest

from scratchnet import nn


class Branches(nn.Layer):
    """x + body(x), so that parameters stand two levels deep."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2, dtype=np.float64), nn.Tanh())

    def forward(self, x):
        return x + self.body(x)

    def backward(self, dy):
        return dy + self.body.backward(dy)


def test_backward_before_forward_says_so():
    with pytest.raises(RuntimeError, match=r"Linear\.backward: forward must be called first"):
        nn.Linear(2, 3).backward(np.zeros((1, 3), np.float32))


def test_backward_overwrites_gradients_instead_of_adding_up():
    layer = nn.Linear(2, 3)
    x = np.ones((4, 2), np.float32)
    dy = np.ones_like(layer(x))
    layer.backward(dy)
    first = layer.grads["weight"].copy()
    layer(x)
    layer.backward(dy)
    np.testing.assert_array_equal(layer.grads["weight"], first)


def test_needs_input_grad_false_returns_none_and_leaves_parameter_gradients_alike():
    layer = nn.Linear(3, 2, generator=np.random.default_rng(0))
    y = layer(np.ones((4, 3), np.float32))
    layer.backward(np.ones_like(y))
    kept = {name: gradient.copy() for name, gradient in layer.grads.items()}
    assert layer.backward(np.ones_like(y), needs_input_grad=False) is None
    for name, gradient in kept.items():
        np.testing.assert_array_equal(layer.grads[name], gradient)


def test_parameters_of_layers_within_carry_their_path_and_assignment_reaches_them():
    net = nn.Sequential(nn.ReLU(), Branches())
    assert list(net.params) == ["1.body.0.weight", "1.body.0.bias"]
    inner = net[1].body[0]
    net.params["1.body.0.weight"] -= 1.0
    assert net.params["1.body.0.weight"] is inner.params["weight"]
    net.params["1.body.0.weight"] = np.eye(2)
    np.testing.assert_array_equal(inner.params["weight"], np.eye(2))


def test_train_and_eval_reach_every_layer_within():
    net = nn.Sequential(nn.ReLU(), Branches())
    assert net.eval() is net
    assert not any(layer.training for layer in (net, net[0], net[1], net[1].body, net[1].body[0]))
    net.train()
    assert all(layer.training for layer in (net, net[0], net[1], net[1].body, net[1].body[0]))


def test_state_dict_is_a_copy_and_loads_back():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    state = net.state_dict()
    before = {name: array.copy() for name, array in state.items()}
    for array in net.params.values():
        array[...] += 1.0
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name])
    assert net.load_state_dict(state) == ([], [])
    for name, array in net.params.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({"weight": np.zeros((3, 2))}, ValueError, ["missing=['bias']"]),
        ({"weight": np.zeros((3, 2)), "bias": np.zeros(3), "extra": np.zeros(1)}, ValueError, ["['extra']"]),
        ({"weight": np.zeros((2, 3)), "bias": np.zeros(3)}, ValueError, ["weight", "(3, 2)", "(2, 3)"]),
        ({"weight": np.zeros((3, 2)), "bias": [0.0, 0.0, 0.0]}, TypeError, ["bias", "list"]),
    ],
    ids=["missing", "unexpected", "shape", "list"],
)
def test_a_state_dict_that_does_not_fit_is_refused_and_nothing_is_loaded(state, error, words):
    layer = nn.Linear(2, 3)
    before = layer.state_dict()
    with pytest.raises(error) as caught:
        layer.load_state_dict(state)
    for word in ["Linear.load_state_dict", *words]:
        assert word in str(caught.value)
    for name, array in before.items():
        np.testing.assert_array_equal(layer.params[name], array)


def test_a_state_dict_that_is_not_strict_says_what_it_left_out():
    layer = nn.Linear(2, 3)
    left = layer.load_state_dict({"weight": np.ones((3, 2)), "extra": np.zeros(1)}, strict=False)
    assert left.missing_keys == ["bias"]
    assert left.unexpected_keys == ["extra"]
    assert layer.params["weight"].tolist() == np.ones((3, 2)).tolist()


def test_sequential_refuses_what_is_no_layer():
    with pytest.raises(TypeError, match=r"Sequential: .*type of 1='function'"):
        nn.Sequential(nn.ReLU(), (lambda x: x))


def test_slices_of_sequential_share_their_layers():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net[:2]) == 2
    assert net[:2][0] is net[0]
    assert net[-1] is list(net)[2]


def test_an_empty_sequential_is_the_identity():
    x = np.ones(3)
    net = nn.Sequential()
    assert net(x) is x
    assert net.backward(x) is x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_seed_gives_one_network_in_every_precision(dtype):
    layer = nn.Linear(3, 2, dtype=dtype, generator=np.random.default_rng(7))
    wide = nn.Linear(3, 2, dtype=np.longdouble, generator=np.random.default_rng(7))
    assert layer.params["weight"].dtype == dtype
    np.testing.assert_array_equal(layer.params["weight"], wide.params["weight"].astype(dtype))
