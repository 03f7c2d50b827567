"""The book's ``simple_convnet``: the convolutional network of chapter 7."""

from __future__ import annotations

import os
import pickle
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from . import layers as _layers
from ._network import NumberedNet, accuracy, backpropagate, conv_side
from .gradient import numerical_gradient
from .layers import *  # noqa: F403 - the book's module hands on the names of its layers
from .layers import Affine, Convolution, Pooling, Relu, SoftmaxWithLoss, np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array

# `pickle` too: a script may take it from this module's star. It is not used here.
__all__ = [  # noqa: PLE0604
    *_layers.__all__,
    "OrderedDict",
    "SimpleConvNet",
    "numerical_gradient",
    "os",
    "pickle",
    "sys",
]

_CONV_PARAM = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}


class SimpleConvNet(NumberedNet):
    """conv - relu - pool - affine - relu - affine - softmax loss.

    Parameters
    ----------
    input_dim : tuple (C, H, W)
    conv_param : mapping
        filter_num, filter_size, pad, stride.
    hidden_size, output_size : int
    weight_init_std : float
        Weights are drawn from NumPy's global stream, W1 first; biases are 0.

    Attributes
    ----------
    params : dict
        W1 (FN, C, FH, FW), b1, W2, b2, W3, b3: the layers' own arrays.
    layers : OrderedDict
        Conv1, Relu1, Pool1, Affine1, Relu2, Affine2.
    last_layer : SoftmaxWithLoss

    Examples
    --------
    >>> net = SimpleConvNet(input_dim=(1, 6, 6), conv_param={"filter_num": 2, "filter_size": 3, "pad": 0,
    ...                     "stride": 1}, hidden_size=3, output_size=2)
    >>> net.predict(np.ones((5, 1, 6, 6))).shape
    (5, 2)
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (1, 28, 28),
        conv_param: Mapping[str, int] = _CONV_PARAM,
        hidden_size: int = 100,
        output_size: int = 10,
        weight_init_std: float = 0.01,
    ) -> None:
        filters, size = conv_param["filter_num"], conv_param["filter_size"]
        sides = [conv_side("SimpleConvNet", side, conv_param) for side in input_dim[1:]]
        pooled = filters * (sides[0] // 2) * (sides[1] // 2)

        self.params: dict[str, Array] = {}
        self.params["W1"] = weight_init_std * np.random.randn(filters, input_dim[0], size, size)
        self.params["b1"] = np.zeros(filters)
        self.params["W2"] = weight_init_std * np.random.randn(pooled, hidden_size)
        self.params["b2"] = np.zeros(hidden_size)
        self.params["W3"] = weight_init_std * np.random.randn(hidden_size, output_size)
        self.params["b3"] = np.zeros(output_size)

        self.layers: OrderedDict[str, Any] = OrderedDict()
        self.layers["Conv1"] = Convolution(
            self.params["W1"], self.params["b1"], conv_param["stride"], conv_param["pad"]
        )
        self.layers["Relu1"] = Relu()
        self.layers["Pool1"] = Pooling(pool_h=2, pool_w=2, stride=2)
        self.layers["Affine1"] = Affine(self.params["W2"], self.params["b2"])
        self.layers["Relu2"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W3"], self.params["b3"])
        self.last_layer: Any = SoftmaxWithLoss()

    def predict(self, x: Any) -> Any:
        """Return the scores of images (N, C, H, W)."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x: Any, t: Any) -> Any:
        """Return the mean loss for labels or one-hot rows."""
        return self.last_layer.forward(self.predict(x), t)

    def accuracy(self, x: Any, t: Any, batch_size: int = 100) -> float:
        """Return the share of samples put into the right class."""
        return accuracy(self.predict, x, t, batch_size)

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the central difference of the loss for every entry of every parameter."""
        return {key: numerical_gradient(lambda _: self.loss(x, t), W) for key, W in self.params.items()}

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the loss by backpropagation."""
        self.loss(x, t)
        backpropagate(self.layers.values(), self.last_layer)
        return self._numbered_gradients()

    def _with_parameters(self) -> list[Any]:
        return [self.layers[key] for key in ("Conv1", "Affine1", "Affine2")]
