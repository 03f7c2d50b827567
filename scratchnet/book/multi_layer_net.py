"""The book's ``common.multi_layer_net``: a fully connected network of any depth."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from .._check import check_option
from . import layers as _layers
from ._network import accuracy, add_decay, affine_parameters, backpropagate, weight_penalty
from .gradient import numerical_gradient
from .layers import *  # noqa: F403 - the book's module hands on the names of its layers
from .layers import Affine, Relu, Sigmoid, SoftmaxWithLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array

__all__ = [*_layers.__all__, "MultiLayerNet", "OrderedDict", "numerical_gradient", "os", "sys"]  # noqa: PLE0604

ACTIVATIONS = {"sigmoid": Sigmoid, "relu": Relu}


class MultiLayerNet:
    """affine - activation - ... - affine - softmax loss, with weight decay.

    Parameters
    ----------
    input_size : int
    hidden_size_list : sequence of int
    output_size : int
    activation : {'relu', 'sigmoid'}
    weight_init_std : float or {'relu', 'he', 'sigmoid', 'xavier'}
        The weights' standard deviation or the rule for it: ``sqrt(2 / fan-in)`` for the first two names,
        ``sqrt(1 / fan-in)`` for the last two. Drawn from NumPy's global stream, W1 first.
    weight_decay_lambda : float
        ``lambda / 2`` times the sum of the squared weights is added to the loss.

    Attributes
    ----------
    params : dict
        W1, b1, W2, ...: the layers' own arrays.
    layers : OrderedDict
        Affine1, Activation_function1, Affine2, ...
    last_layer : SoftmaxWithLoss

    Examples
    --------
    >>> import numpy as np
    >>> np.random.seed(0)
    >>> net = MultiLayerNet(4, [3, 3], 2, weight_decay_lambda=0.1)
    >>> x, t = np.ones((2, 4)), np.array([0, 1])
    >>> numerical = net.numerical_gradient(x, t)
    >>> all(np.allclose(g, numerical[key], atol=1e-7) for key, g in net.gradient(x, t).items())
    True
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
    ) -> None:
        check_option("MultiLayerNet", "activation", activation, ACTIVATIONS)
        self.input_size = input_size
        self.output_size = output_size
        self.hidden_size_list = hidden_size_list
        self.hidden_layer_num = len(hidden_size_list)
        self.weight_decay_lambda = weight_decay_lambda
        self.params = affine_parameters([input_size, *hidden_size_list, output_size], weight_init_std)

        self.layers: OrderedDict[str, Any] = OrderedDict()
        for index in range(1, self.hidden_layer_num + 2):
            self.layers[f"Affine{index}"] = Affine(self.params[f"W{index}"], self.params[f"b{index}"])
            if index <= self.hidden_layer_num:
                self.layers[f"Activation_function{index}"] = ACTIVATIONS[activation]()
        self.last_layer: Any = SoftmaxWithLoss()

    def predict(self, x: Any) -> Any:
        """Return the scores (N, C) of samples (N, D)."""
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x: Any, t: Any) -> Any:
        """Return the mean loss for labels (N,) or one-hot rows (N, C), with the weights' penalty."""
        loss = self.last_layer.forward(self.predict(x), t)
        return loss + weight_penalty(self._weights(), self.weight_decay_lambda)

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of samples put into the right class."""
        return accuracy(self.predict, x, t, batch_size=1000)

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the central difference of the loss for every entry of every parameter."""
        return {key: numerical_gradient(lambda _: self.loss(x, t), W) for key, W in self.params.items()}

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the loss by backpropagation."""
        self.last_layer.forward(self.predict(x), t)
        backpropagate(self.layers.values(), self.last_layer)
        grads = {}
        for index in range(1, self.hidden_layer_num + 2):
            layer = self.layers[f"Affine{index}"]
            grads[f"W{index}"] = add_decay(layer.dW, layer.W, self.weight_decay_lambda)
            grads[f"b{index}"] = layer.db
        return grads

    def _weights(self) -> list[Array]:
        return [self.params[f"W{index}"] for index in range(1, self.hidden_layer_num + 2)]
