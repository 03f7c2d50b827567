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
    "Flatten": ("Flatten()", (4, 3, 2)),
    "Conv1d": ("Conv1d(2, 4, 3, stride=2, padding=1)", (2, 2, 9)),
    "Conv2d": ("Conv2d(2, 4, (3, 2), stride=(2, 1), padding=1, groups=2)", (2, 2, 6, 5)),
    "Conv2d without bias": ("Conv2d(1, 3, 3, padding='same', bias=False)", (2, 1, 6, 5)),
    "Conv3d": ("Conv3d(2, 1, 2, dilation=2)", (1, 2, 4, 5, 4)),
    "MaxPool1d": ("MaxPool1d(2)", (2, 3, 5)),
    "MaxPool2d": ("MaxPool2d((3, 2), stride=2, padding=1)", (2, 3, 6, 5)),
    "MaxPool3d": ("MaxPool3d(2, ceil_mode=True)", (1, 2, 5, 4, 3)),
    "AvgPool1d": ("AvgPool1d(2)", (2, 3, 5)),
    "AvgPool2d": ("AvgPool2d(2, padding=1, count_include_pad=False)", (2, 3, 6, 5)),
    "AvgPool3d": ("AvgPool3d(2)", (1, 2, 5, 4, 3)),
    "BatchNorm1d": ("BatchNorm1d(3)", (5, 3)),
    "BatchNorm1d of (N, C, L), cumulative": ("BatchNorm1d(3, momentum=None)", (4, 3, 5)),
    "BatchNorm2d without bias": ("BatchNorm2d(3, bias=False)", (2, 3, 4, 5)),
    "BatchNorm2d without affine": ("BatchNorm2d(3, affine=False)", (2, 3, 4, 5)),
    "BatchNorm3d without statistics": ("BatchNorm3d(2, track_running_stats=False)", (2, 2, 3, 2, 2)),
    "Dropout": ("Dropout(0.0)", (4, 3)),
    "Dropout of all": ("Dropout(1.0)", (4, 3)),
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

    # At most 40 terms of size 1 are added, each rounded a few times.
    close = {"rtol": 0, "atol": 64 * float(np.finfo(np.float32).eps)}
    np.testing.assert_allclose(y, twin_y.detach().numpy(), **close)
    np.testing.assert_allclose(
        other(torch.tensor(x)).detach().numpy(), twin_y.detach().numpy(), rtol=0, atol=0
    )
    np.testing.assert_allclose(dx, twin_x.grad.numpy(), **close)
    for key, parameter in theirs.named_parameters():
        np.testing.assert_allclose(ours.grads[key], parameter.grad.numpy(), **close)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_follow_the_twins_and_evaluation_uses_them(momentum):
    ours, theirs = _pair(f"BatchNorm2d(3, momentum={momentum})", np.float64)
    random = np.random.default_rng(0)
    ours = nn.BatchNorm2d(3, momentum=momentum, dtype=np.float64)
    for _ in range(4):
        x = random.normal(2.0, 3.0, size=(2, 3, 4, 5))
        ours(x)
        theirs(torch.tensor(x))
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-14, err_msg=key)
    ours.eval()
    theirs.eval()
    before = ours.state_dict()
    x = random.normal(size=(2, 3, 4, 5))
    twin_x = torch.tensor(x, requires_grad=True)
    y, twin_y = ours(x), theirs(twin_x)
    twin_y.sum().backward()
    np.testing.assert_allclose(y, twin_y.detach().numpy(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(ours.backward(np.ones_like(y)), twin_x.grad.numpy(), rtol=0, atol=1e-14)
    for key, value in before.items():
        np.testing.assert_array_equal(ours.state_dict()[key], value)


LOSSES = {
    "CrossEntropyLoss": ("CrossEntropyLoss()", "indices"),
    "CrossEntropyLoss with weight": ("CrossEntropyLoss(W, ignore_index=1, reduction='sum')", "indices"),
    "CrossEntropyLoss smoothed": ("CrossEntropyLoss(W, label_smoothing=0.25)", "indices"),
    "CrossEntropyLoss of probabilities": ("CrossEntropyLoss(reduction='sum')", "probabilities"),
    "NLLLoss": ("NLLLoss(W)", "indices"),
    "MSELoss": ("MSELoss()", "probabilities"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_and_the_gradient_of_its_predictions_are_its_twins(name):
    code, kind = LOSSES[name]
    random = np.random.default_rng(0)
    weight, x = random.uniform(0.5, 2.0, 4), random.normal(size=(6, 4))
    target = random.integers(4, size=6) if kind == "indices" else random.dirichlet(np.ones(4), size=6)
    ours = eval(f"nn.{code}", {"nn": nn, "W": weight})
    theirs = eval(f"nn.{code}", {"nn": torch.nn, "W": torch.tensor(weight)})
    assert repr(ours) == repr(theirs)
    twin_x = torch.tensor(x, requires_grad=True)
    y, twin_y = ours(x, target), theirs(twin_x, torch.tensor(target))
    twin_y.backward()
    np.testing.assert_allclose(y, twin_y.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(ours.backward(), twin_x.grad.numpy(), rtol=0, atol=1e-14)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_one_generator_seed_drops_the_same_elements():
    x = np.ones((100, 10))
    first, second, other = (nn.Dropout(0.3, generator=np.random.default_rng(seed)) for seed in (1, 1, 2))
    y = first(x)
    np.testing.assert_array_equal(y, second(x))
    assert (y != other(x)).any()
    assert (y != first(x)).any()  # a new call draws a new mask
    np.testing.assert_array_equal(first.eval()(x), x)
