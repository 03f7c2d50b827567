"""Loss layers print, compute and exchange their state as PyTorch's do."""

import numpy as np
import pytest

from scratchnet import nn

WEIGHT = np.array([0.5, 1.0, 2.0])
INDICES = np.array([0, 2, -100, 1])
PROBABILITIES = np.random.default_rng(3).random((4, 3))
REAL = np.random.default_rng(4).normal(size=(4, 3))

CASES = {
    "CrossEntropyLoss": ("CrossEntropyLoss", {}, INDICES),
    "CrossEntropyLoss with every option": (
        "CrossEntropyLoss",
        {"weight": WEIGHT, "ignore_index": 1, "reduction": "sum", "label_smoothing": 0.25},
        np.abs(INDICES) % 3,
    ),
    "CrossEntropyLoss of each sample": ("CrossEntropyLoss", {"reduction": "none"}, INDICES),
    "CrossEntropyLoss of probabilities": ("CrossEntropyLoss", {"weight": WEIGHT}, PROBABILITIES),
    "NLLLoss": ("NLLLoss", {}, INDICES),
    "NLLLoss with every option": (
        "NLLLoss", {"weight": WEIGHT, "ignore_index": 2, "reduction": "none"}, np.abs(INDICES) % 3
    ),
    "MSELoss": ("MSELoss", {}, REAL),
    "MSELoss of each element": ("MSELoss", {"reduction": "none"}, REAL),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_loss_prints_and_computes_as_its_twin(case):
    torch = pytest.importorskip("torch")
    name, options, target = CASES[case]
    ours = getattr(nn, name)(**options)
    twin_options = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    twin = getattr(torch.nn, name)(**twin_options)
    assert repr(ours) == repr(twin)

    x = np.random.default_rng(0).normal(size=(4, 3))
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    y, twin_y = ours(x, target), twin(tensor, torch.from_numpy(target))
    dy = np.ones(np.shape(y))
    twin_y.backward(torch.from_numpy(dy))
    dx = ours.backward() if dy.ndim == 0 else ours.backward(dy)
    # A dozen terms of about 1, each rounded a few times.
    np.testing.assert_allclose(y, twin_y.detach().numpy(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=0, atol=1e-14)
    assert ours.grads == {}


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_the_weight_is_a_buffer_of_its_own_that_goes_both_ways(name):
    torch = pytest.importorskip("torch")
    weight = WEIGHT.copy()
    ours = getattr(nn, name)(weight)
    twin = getattr(torch.nn, name)(torch.ones(3, dtype=torch.float64))
    assert list(ours.state_dict()) == list(twin.state_dict()) == ["weight"]
    assert ours.params == {}
    twin.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    np.testing.assert_array_equal(twin.weight.numpy(), WEIGHT)
    ours.load_state_dict({"weight": np.full(3, 7.0)})
    np.testing.assert_array_equal(ours.buffers["weight"], np.full(3, 7.0))
    np.testing.assert_array_equal(weight, WEIGHT)  # what was given to the constructor is not written to


def test_a_weight_that_is_not_an_array_is_refused():
    with pytest.raises(TypeError, match="NLLLoss: weight must be a NumPy array"):
        nn.NLLLoss([1.0, 2.0])


def test_without_input_gradient_backward_returns_none():
    criterion = nn.CrossEntropyLoss()
    criterion(np.zeros((2, 3)), np.array([0, 1]))
    assert criterion.backward(needs_input_grad=False) is None
