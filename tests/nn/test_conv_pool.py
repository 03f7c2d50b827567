"""Convolution, pooling and flattening layers print, start and compute as PyTorch's do."""

import numpy as np
import pytest

from scratchnet import nn

LAYERS = {
    "Conv1d": [(2, 4, 3), {"stride": 2, "padding": 1, "groups": 2, "bias": False}],
    "Conv2d": [(3, 6, (3, 2)), {"stride": (1, 2), "padding": (1, 0), "dilation": (2, 1), "groups": 3}],
    "Conv2d, same": [(3, 6, 3), {"padding": "same"}],
    "Conv3d": [(2, 2, 2), {"padding": 1}],
    "MaxPool1d": [(2,), {}],
    "MaxPool2d": [((3, 2),), {"stride": 2, "padding": (1, 0), "ceil_mode": True}],
    "MaxPool3d": [(2,), {"stride": 1, "dilation": 2}],
    "AvgPool1d": [(2,), {"padding": 1}],
    "AvgPool2d": [(3,), {"stride": (2, 1), "padding": 1, "count_include_pad": False}],
    "AvgPool3d": [(2,), {"divisor_override": 5}],
    "Flatten": [(), {}],
    "Flatten, part": [(0, 1), {}],
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer_prints_and_computes_as_its_twin(case):
    torch = pytest.importorskip("torch")
    name = case.partition(",")[0]
    arguments, options = LAYERS[case]
    n_dims = int(name[-2]) if name.endswith("d") else 2
    dtype = {"dtype": np.float64} if name.startswith("Conv") else {}
    ours = getattr(nn, name)(*arguments, **options, **dtype)
    twin = getattr(torch.nn, name)(*arguments, **options).double()
    assert repr(ours) == repr(twin)
    ours.load_state_dict({key: value.numpy() for key, value in twin.state_dict().items()})
    assert list(ours.state_dict()) == list(twin.state_dict())
    channels = arguments[0] if name.startswith("Conv") else 3
    x = np.random.default_rng(0).standard_normal((2, channels, 7, 6, 5)[: 2 + n_dims])
    tensor = torch.from_numpy(x).requires_grad_()
    y, twin_y = ours(x), twin(tensor)
    np.testing.assert_allclose(y, twin_y.detach().numpy(), rtol=0, atol=1e-12)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    twin_y.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(ours.backward(dy), tensor.grad.numpy(), rtol=0, atol=1e-12)
    for key, parameter in twin.named_parameters():
        np.testing.assert_allclose(ours.grads[key], parameter.grad.numpy(), rtol=0, atol=1e-11)


def test_maxima_come_with_their_places_if_asked_for():
    layer = nn.MaxPool2d(2, return_indices=True)
    y, indices = layer(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]))
    assert (y.tolist(), indices.tolist()) == ([[[[3.0]]]], [[[[2]]]])
    assert layer.backward(y).tolist() == [[[[0.0, 0.0], [3.0, 0.0]]]]


def test_convolution_starts_uniform_within_one_over_the_root_of_its_fan_in():
    layer = nn.Conv2d(8, 64, 3, groups=2, generator=np.random.default_rng(0))
    bound = (4 * 9) ** -0.5
    for parameter in layer.params.values():
        assert parameter.dtype == np.float32
        assert 0.9 * bound < np.abs(parameter).max() <= bound
    again = nn.Conv2d(8, 64, 3, groups=2, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(again.params["weight"], layer.params["weight"])


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((3, 4, 3), {"groups": 2}, "groups must divide in_channels and out_channels"),
        ((3, 4, (3, 3, 3)), {}, "kernel_size must be an integer or a tuple of 2"),
        ((3, 4, 3), {"padding": "full"}, "padding must be one of 'same', 'valid'"),
        ((3, 4, 3), {"padding": "same", "stride": 2}, "padding='same' needs a stride of 1"),
        ((3, 4, 3), {"padding_mode": "mirror"}, "padding_mode must be one of 'zeros'"),
        ((3, 0, 3), {}, "out_channels must be at least 1"),
    ],
)
def test_bad_options_are_refused_when_the_layer_is_made(arguments, options, words):
    with pytest.raises(ValueError, match=f"Conv2d: {words}"):
        nn.Conv2d(*arguments, **options)
