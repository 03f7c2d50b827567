"""Names, signatures, defaults, attributes and what a star import brings: the book's, as a table of facts."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

REQUIRED = inspect.Parameter.empty
CONV_3 = {"filter_num": 16, "filter_size": 3, "pad": 1, "stride": 1}

SIGNATURES = {
    "functions": {
        **{
            name: {"x": REQUIRED}
            for name in (
                "identity_function",
                "step_function",
                "sigmoid",
                "sigmoid_grad",
                "relu",
                "relu_grad",
                "softmax",
            )
        },
        "sum_squared_error": {"y": REQUIRED, "t": REQUIRED},
        "mean_squared_error": {"y": REQUIRED, "t": REQUIRED},
        "cross_entropy_error": {"y": REQUIRED, "t": REQUIRED},
        "softmax_loss": {"X": REQUIRED, "t": REQUIRED},
    },
    "gradient": {
        "_numerical_gradient_1d": {"f": REQUIRED, "x": REQUIRED},
        "numerical_gradient_2d": {"f": REQUIRED, "X": REQUIRED},
    },
    "layers": {
        "Relu": {},
        "Relu.forward": {"x": REQUIRED},
        "Relu.backward": {"dout": REQUIRED},
        "Sigmoid": {},
        "Affine": {"W": REQUIRED, "b": REQUIRED},
        "Affine.backward": {"dout": REQUIRED},
        "SoftmaxWithLoss": {},
        "SoftmaxWithLoss.forward": {"x": REQUIRED, "t": REQUIRED},
        "SoftmaxWithLoss.backward": {"dout": 1},
        "Dropout": {"dropout_ratio": 0.5},
        "Dropout.forward": {"x": REQUIRED, "train_flg": True},
        "BatchNormalization": {
            "gamma": REQUIRED,
            "beta": REQUIRED,
            "momentum": 0.9,
            "running_mean": None,
            "running_var": None,
        },
        "BatchNormalization.forward": {"x": REQUIRED, "train_flg": True},
        "Convolution": {"W": REQUIRED, "b": REQUIRED, "stride": 1, "pad": 0},
        "Pooling": {"pool_h": REQUIRED, "pool_w": REQUIRED, "stride": 2, "pad": 0},
    },
    "optimizer": {
        "SGD": {"lr": 0.01},
        "Momentum": {"lr": 0.01, "momentum": 0.9},
        "Nesterov": {"lr": 0.01, "momentum": 0.9},
        "AdaGrad": {"lr": 0.01},
        "RMSprop": {"lr": 0.01, "decay_rate": 0.99},
        "Adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999},
        "Adam.update": {"params": REQUIRED, "grads": REQUIRED},
    },
    "util": {
        "smooth_curve": {"x": REQUIRED},
        "shuffle_dataset": {"x": REQUIRED, "t": REQUIRED},
        "conv_output_size": {"input_size": REQUIRED, "filter_size": REQUIRED, "stride": 1, "pad": 0},
        "im2col": {"input_data": REQUIRED, "filter_h": REQUIRED, "filter_w": REQUIRED, "stride": 1, "pad": 0},
        "col2im": {
            "col": REQUIRED,
            "input_shape": REQUIRED,
            "filter_h": REQUIRED,
            "filter_w": REQUIRED,
            "stride": 1,
            "pad": 0,
        },
    },
    "multi_layer_net": {
        "MultiLayerNet": {
            "input_size": REQUIRED,
            "hidden_size_list": REQUIRED,
            "output_size": REQUIRED,
            "activation": "relu",
            "weight_init_std": "relu",
            "weight_decay_lambda": 0,
        },
        "MultiLayerNet.loss": {"x": REQUIRED, "t": REQUIRED},
    },
    "multi_layer_net_extend": {
        "MultiLayerNetExtend": {
            "input_size": REQUIRED,
            "hidden_size_list": REQUIRED,
            "output_size": REQUIRED,
            "activation": "relu",
            "weight_init_std": "relu",
            "weight_decay_lambda": 0,
            "use_dropout": False,
            "dropout_ration": 0.5,
            "use_batchnorm": False,
        },
        "MultiLayerNetExtend.predict": {"x": REQUIRED, "train_flg": False},
        "MultiLayerNetExtend.loss": {"x": REQUIRED, "t": REQUIRED, "train_flg": False},
    },
    "two_layer_net": {
        "TwoLayerNet": {
            "input_size": REQUIRED,
            "hidden_size": REQUIRED,
            "output_size": REQUIRED,
            "weight_init_std": 0.01,
        },
        **{
            f"TwoLayerNet.{name}": {"x": REQUIRED, "t": REQUIRED}
            for name in ("loss", "accuracy", "gradient", "numerical_gradient")
        },
    },
    "simple_convnet": {
        "SimpleConvNet": {
            "input_dim": (1, 28, 28),
            "conv_param": {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1},
            "hidden_size": 100,
            "output_size": 10,
            "weight_init_std": 0.01,
        },
        "SimpleConvNet.accuracy": {"x": REQUIRED, "t": REQUIRED, "batch_size": 100},
        "SimpleConvNet.save_params": {"file_name": "params.pkl"},
        "SimpleConvNet.load_params": {"file_name": "params.pkl"},
        "SimpleConvNet.numerical_gradient": {"x": REQUIRED, "t": REQUIRED},
    },
    "deep_convnet": {
        "DeepConvNet": {
            "input_dim": (1, 28, 28),
            "conv_param_1": CONV_3,
            "conv_param_2": CONV_3,
            "conv_param_3": CONV_3 | {"filter_num": 32},
            "conv_param_4": CONV_3 | {"filter_num": 32, "pad": 2},
            "conv_param_5": CONV_3 | {"filter_num": 64},
            "conv_param_6": CONV_3 | {"filter_num": 64},
            "hidden_size": 50,
            "output_size": 10,
        },
        "DeepConvNet.predict": {"x": REQUIRED, "train_flg": False},
        "DeepConvNet.accuracy": {"x": REQUIRED, "t": REQUIRED, "batch_size": 100},
        "DeepConvNet.save_params": {"file_name": "params.pkl"},
        "DeepConvNet.load_params": {"file_name": "params.pkl"},
    },
    "trainer": {
        "Trainer": {
            "network": REQUIRED,
            "x_train": REQUIRED,
            "t_train": REQUIRED,
            "x_test": REQUIRED,
            "t_test": REQUIRED,
            "epochs": 20,
            "mini_batch_size": 100,
            "optimizer": "SGD",
            "optimizer_param": {"lr": 0.01},
            "evaluate_sample_num_per_epoch": None,
            "verbose": True,
        },
        "Trainer.train_step": {},
        "Trainer.train": {},
    },
    "dataset.mnist": {"load_mnist": {"normalize": True, "flatten": True, "one_hot_label": False}},
}

FUNCTIONS = {
    "np", "identity_function", "step_function", "sigmoid", "sigmoid_grad", "relu", "relu_grad", "softmax",
    "sum_squared_error", "mean_squared_error", "cross_entropy_error", "softmax_loss",
}  # fmt: skip
LAYERS = FUNCTIONS | {
    "im2col", "col2im", "Relu", "Sigmoid", "Affine", "SoftmaxWithLoss", "Dropout", "BatchNormalization",
    "Convolution", "Pooling",
}  # fmt: skip
OPTIMIZERS = {"np", "SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"}
NETWORK = LAYERS | {"sys", "os", "OrderedDict"}
STARS = {
    "functions": FUNCTIONS,
    "gradient": {"np", "numerical_gradient", "numerical_gradient_2d"},
    "layers": LAYERS,
    "optimizer": OPTIMIZERS,
    "util": {"np", "smooth_curve", "shuffle_dataset", "conv_output_size", "im2col", "col2im"},
    "multi_layer_net": NETWORK | {"numerical_gradient", "MultiLayerNet"},
    "multi_layer_net_extend": NETWORK | {"numerical_gradient", "MultiLayerNetExtend"},
    "two_layer_net": NETWORK | {"numerical_gradient", "TwoLayerNet"},
    "simple_convnet": NETWORK | {"numerical_gradient", "pickle", "SimpleConvNet"},
    "deep_convnet": NETWORK | {"pickle", "DeepConvNet"},
    "trainer": OPTIMIZERS | {"sys", "os", "Trainer"},
    "dataset.mnist": {"np", "load_mnist", "train_num", "test_num", "img_dim", "img_size"},
}


def find(module, name):
    found = importlib.import_module(f"scratchnet.book.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in SIGNATURES.items() for name in names]
)
def test_signature_and_defaults_are_the_books(module, name):
    parameters = dict(inspect.signature(find(module, name)).parameters)
    parameters.pop("self", None)
    assert {key: parameter.default for key, parameter in parameters.items()} == SIGNATURES[module][name]
    assert list(parameters) == list(SIGNATURES[module][name])


def test_numerical_gradient_takes_the_books_arguments_first():
    parameters = list(inspect.signature(find("gradient", "numerical_gradient")).parameters.values())
    assert [p.name for p in parameters[:2]] == ["f", "x"]
    assert all(p.default is not REQUIRED for p in parameters[2:])


@pytest.mark.parametrize("module", STARS)
def test_star_import_brings_what_the_books_does(module):
    namespace: dict[str, object] = {}
    exec(f"from scratchnet.book.{module} import *", namespace)
    namespace.pop("__builtins__")
    assert set(namespace) == STARS[module]


X = np.array([[1.0, -2.0], [0.5, 3.0]])


def attributes_of(layer):
    return {name for name in dir(layer) if not name.startswith("_")} - {"forward", "backward", "update"}


def test_layers_have_the_books_attributes():
    from scratchnet.book import layers

    W, b = np.ones((2, 2)), np.zeros(2)
    kernel, maps = np.ones((1, 1, 2, 2)), np.ones((1, 1, 4, 4))
    table = [
        (layers.Relu(), X, {"mask"}),
        (layers.Sigmoid(), X, {"out"}),
        (layers.Affine(W, b), X, {"W", "b", "x", "original_x_shape", "dW", "db"}),
        (layers.Dropout(), X, {"dropout_ratio", "mask"}),
        (layers.Convolution(kernel, np.zeros(1)), maps, {"W", "b", "stride", "pad", "x", "dW", "db"}),
        (layers.Pooling(2, 2), maps, {"pool_h", "pool_w", "stride", "pad", "x"}),
        (
            layers.BatchNormalization(np.ones(2), b),
            X,
            {"gamma", "beta", "momentum", "input_shape", "running_mean", "running_var", "batch_size"}
            | {"dgamma", "dbeta"},
        ),
    ]
    for layer, x, names in table:
        assert attributes_of(layer) == names
        layer.backward(layer.forward(x))
        assert attributes_of(layer) == names
        assert all(getattr(layer, name) is not None for name in names)

    last = layers.SoftmaxWithLoss()
    last.forward(X, np.array([0, 1]))
    assert attributes_of(last) == {"loss", "y", "t"}
    np.testing.assert_allclose(last.y.sum(axis=1), 1.0)


def test_two_layer_net_has_the_attributes_of_both_editions():
    net = find("two_layer_net", "TwoLayerNet")(4, 3, 2)
    assert net.lastLayer is net.last_layer
    assert list(net.layers) == ["Affine1", "Relu1", "Affine2"]
    assert list(net.params) == ["W1", "b1", "W2", "b2"]
    net.last_layer = other = type(net.lastLayer)()
    assert net.lastLayer is other


def test_networks_have_the_books_layers():
    multi = find("multi_layer_net", "MultiLayerNet")(4, [3, 3], 2)
    assert list(multi.layers) == [
        "Affine1", "Activation_function1", "Affine2", "Activation_function2", "Affine3",
    ]  # fmt: skip
    extended = find("multi_layer_net_extend", "MultiLayerNetExtend")(
        4, [3], 2, use_dropout=True, use_batchnorm=True
    )
    assert list(extended.layers) == ["Affine1", "BatchNorm1", "Activation_function1", "Dropout1", "Affine2"]
    simple = find("simple_convnet", "SimpleConvNet")()
    assert list(simple.layers) == ["Conv1", "Relu1", "Pool1", "Affine1", "Relu2", "Affine2"]
    deep = find("deep_convnet", "DeepConvNet")()
    conv = ["Convolution", "Relu", "Convolution", "Relu", "Pooling"]
    assert [type(layer).__name__ for layer in deep.layers] == [
        *conv * 3, "Affine", "Relu", "Dropout", "Affine", "Dropout",
    ]  # fmt: skip
    for net in (multi, extended, simple, deep):
        assert type(net.last_layer).__name__ == "SoftmaxWithLoss"


def test_load_mnist_is_the_embedded_data_in_the_books_forms():
    mnist = importlib.import_module("scratchnet.book.dataset.mnist")
    (x_train, t_train), (x_test, t_test) = mnist.load_mnist(normalize=False, flatten=False)
    assert x_train.shape == (mnist.train_num, *mnist.img_dim)
    assert x_test.shape == (mnist.test_num, *mnist.img_dim)
    assert x_train.dtype == t_train.dtype == t_test.dtype == np.uint8
    assert np.prod(mnist.img_dim) == mnist.img_size
