"""The book's ``two_layer_net``: the network of chapter 5 (and, trained alike, of chapter 4)."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from typing import Any

from .._types import Array
from ..numerical import two_layer_numerical_gradient
from . import layers as _layers
from ._arrays import as_float, as_labels
from ._network import accuracy, backpropagate
from .gradient import numerical_gradient
from .layers import *  # noqa: F403 - the book's module hands on the names of its layers
from .layers import Affine, Relu, SoftmaxWithLoss, np

__all__ = [*_layers.__all__, "OrderedDict", "TwoLayerNet", "numerical_gradient", "os", "sys"]  # noqa: PLE0604


class TwoLayerNet:
    """affine - relu - affine - softmax loss.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
    weight_init_std : float
        Weights are drawn from NumPy's global stream (``np.random.seed``), W1 first; biases are 0.

    Attributes
    ----------
    params : dict
        W1 (D, H), b1 (H,), W2 (H, C), b2 (C,): the layers' own arrays.
    layers : OrderedDict
        Affine1, Relu1, Affine2.
    lastLayer, last_layer : SoftmaxWithLoss
        One layer under the names of both editions.

    Examples
    --------
    >>> np.random.seed(0)
    >>> net = TwoLayerNet(input_size=4, hidden_size=3, output_size=2)
    >>> x, t = np.ones((2, 4)), np.array([0, 1])
    >>> grads = net.gradient(x, t)
    >>> all(np.allclose(grads[key], g, atol=1e-9) for key, g in net.numerical_gradient(x, t).items())
    True
    """

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, weight_init_std: float = 0.01
    ) -> None:
        self.params: dict[str, Array] = {}
        self.params["W1"] = weight_init_std * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = weight_init_std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

        self.layers: OrderedDict[str, Any] = OrderedDict()
        self.layers["Affine1"] = Affine(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W2"], self.params["b2"])
        self.lastLayer: Any = SoftmaxWithLoss()

    @property
    def last_layer(self) -> Any:
        """The loss, by its other name."""
        return self.lastLayer

    @last_layer.setter
    def last_layer(self, layer: Any) -> None:
        self.lastLayer = layer

    def predict(self, x: Any) -> Any:
        """Return the scores (N, C) of samples (N, D)."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x: Any, t: Any) -> Any:
        """Return the mean loss for labels (N,) or one-hot rows (N, C)."""
        return self.lastLayer.forward(self.predict(x), t)

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of samples put into the right class."""
        return accuracy(self.predict, x, t, batch_size=1000)

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the central difference of the loss for every entry of every parameter.

        Each entry is moved by 1e-4 up and down. For the network as built, all entries are moved at once
        (`scratchnet.numerical.two_layer_numerical_gradient`); with layers exchanged, one after the other.
        """
        if self._is_as_built():
            x = as_float(x)
            labels = as_labels("numerical_gradient", t, len(self.params["b2"]), len(x))
            W1, b1, W2, b2 = (self.params[key] for key in ("W1", "b1", "W2", "b2"))
            found = two_layer_numerical_gradient(x, labels, W1, b1, W2, b2)._asdict()
            return {key: found[key].astype(W.dtype, copy=False) for key, W in self.params.items()}
        return {key: numerical_gradient(lambda _: self.loss(x, t), W) for key, W in self.params.items()}

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the loss by backpropagation."""
        self.loss(x, t)
        backpropagate(self.layers.values(), self.lastLayer)
        first, second = self.layers["Affine1"], self.layers["Affine2"]
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}

    def _is_as_built(self) -> bool:
        """Say whether class, layers and parameters are those that `__init__` made."""
        layers = list(self.layers.values())
        return (
            type(self) is TwoLayerNet
            and [type(layer) for layer in layers] == [Affine, Relu, Affine]
            and type(self.lastLayer) is SoftmaxWithLoss
            and layers[0].W is self.params["W1"]
            and layers[0].b is self.params["b1"]
            and layers[2].W is self.params["W2"]
            and layers[2].b is self.params["b2"]
        )
