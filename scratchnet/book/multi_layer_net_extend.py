"""The book's ``common.multi_layer_net_extend``: the network of any depth, with dropout and normalisation."""

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
from .layers import Affine, BatchNormalization, Dropout, SoftmaxWithLoss, np
from .multi_layer_net import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array

__all__ = [  # noqa: PLE0604
    *_layers.__all__,
    "MultiLayerNetExtend",
    "OrderedDict",
    "numerical_gradient",
    "os",
    "sys",
]


class MultiLayerNetExtend:
    """affine - (normalisation) - activation - (dropout) - ... - affine - softmax loss, with weight decay.

    Parameters
    ----------
    input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda
        As for `MultiLayerNet`.
    use_dropout : bool
    dropout_ration : float
        The probability of a 0 (in the book's spelling).
    use_batchnorm : bool

    Attributes
    ----------
    params : dict
        W1, b1, W2, ... and, with normalisation, gamma1, beta1, ...: the layers' own arrays.
    layers : OrderedDict
        Affine1, BatchNorm1, Activation_function1, Dropout1, Affine2, ...
    last_layer : SoftmaxWithLoss

    Examples
    --------
    >>> net = MultiLayerNetExtend(4, [3], 2, use_batchnorm=True)
    >>> list(net.layers)
    ['Affine1', 'BatchNorm1', 'Activation_function1', 'Affine2']
    >>> list(net.params)
    ['W1', 'b1', 'W2', 'b2', 'gamma1', 'beta1']
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
        use_dropout: bool = False,
        dropout_ration: float = 0.5,
        use_batchnorm: bool = False,
    ) -> None:
        check_option("MultiLayerNetExtend", "activation", activation, ACTIVATIONS)
        self.input_size = input_size
        self.output_size = output_size
        self.hidden_size_list = hidden_size_list
        self.hidden_layer_num = len(hidden_size_list)
        self.use_dropout = use_dropout
        self.weight_decay_lambda = weight_decay_lambda
        self.use_batchnorm = use_batchnorm
        self.params = affine_parameters([input_size, *hidden_size_list, output_size], weight_init_std)

        self.layers: OrderedDict[str, Any] = OrderedDict()
        for index in range(1, self.hidden_layer_num + 2):
            self.layers[f"Affine{index}"] = Affine(self.params[f"W{index}"], self.params[f"b{index}"])
            if index > self.hidden_layer_num:
                continue
            if use_batchnorm:
                width = hidden_size_list[index - 1]
                self.params[f"gamma{index}"], self.params[f"beta{index}"] = np.ones(width), np.zeros(width)
                self.layers[f"BatchNorm{index}"] = BatchNormalization(
                    self.params[f"gamma{index}"], self.params[f"beta{index}"]
                )
            self.layers[f"Activation_function{index}"] = ACTIVATIONS[activation]()
            if use_dropout:
                self.layers[f"Dropout{index}"] = Dropout(dropout_ration)
        self.last_layer: Any = SoftmaxWithLoss()

    def predict(self, x: Any, train_flg: bool = False) -> Any:
        """Return the scores (N, C) of samples (N, D), as in training or as at test time."""
        for key, layer in self.layers.items():
            differs_in_training = "Dropout" in key or "BatchNorm" in key
            x = layer.forward(x, train_flg) if differs_in_training else layer.forward(x)
        return x

    def loss(self, x: Any, t: Any, train_flg: bool = False) -> Any:
        """Return the mean loss for labels (N,) or one-hot rows (N, C), with the weights' penalty."""
        loss = self.last_layer.forward(self.predict(x, train_flg), t)
        return loss + weight_penalty(self._weights(), self.weight_decay_lambda)

    def accuracy(self, x: Any, t: Any) -> float:
        """Return the share of samples put into the right class at test time."""
        return accuracy(self.predict, x, t, batch_size=1000)

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the central difference of the training loss for every entry of every parameter.

        Every evaluation sees the same dropout, and the running statistics are afterwards what they were.
        """
        norms = [layer for layer in self.layers.values() if isinstance(layer, BatchNormalization)]
        running = [(norm.running_mean, norm.running_var) for norm in norms]
        stream = np.random.get_state()

        def loss(_: Array) -> Any:
            if self.use_dropout:
                np.random.set_state(stream)
            return self.loss(x, t, train_flg=True)

        try:
            return {key: numerical_gradient(loss, W) for key, W in self.params.items()}
        finally:
            for norm, (mean, var) in zip(norms, running, strict=True):
                norm.running_mean, norm.running_var = mean, var

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the training loss by backpropagation."""
        self.last_layer.forward(self.predict(x, train_flg=True), t)
        backpropagate(self.layers.values(), self.last_layer)
        grads = {}
        for index in range(1, self.hidden_layer_num + 2):
            layer = self.layers[f"Affine{index}"]
            grads[f"W{index}"] = add_decay(layer.dW, layer.W, self.weight_decay_lambda)
            grads[f"b{index}"] = layer.db
            if self.use_batchnorm and index <= self.hidden_layer_num:
                norm = self.layers[f"BatchNorm{index}"]
                grads[f"gamma{index}"], grads[f"beta{index}"] = norm.dgamma, norm.dbeta
        return grads

    def _weights(self) -> list[Array]:
        return [self.params[f"W{index}"] for index in range(1, self.hidden_layer_num + 2)]
