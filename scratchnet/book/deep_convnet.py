"""The book's ``deep_convnet``: the deep convolutional network of chapter 8."""

from __future__ import annotations

import math
import os
import pickle
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from . import layers as _layers
from ._network import NumberedNet, accuracy, backpropagate, conv_side
from .layers import *  # noqa: F403 - the book's module hands on the names of its layers
from .layers import Affine, Convolution, Dropout, Pooling, Relu, SoftmaxWithLoss, np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array

# `pickle` too: a script may take it from this module's star. It is not used here.
__all__ = [*_layers.__all__, "DeepConvNet", "OrderedDict", "os", "pickle", "sys"]  # noqa: PLE0604

_CONV_PARAM_1 = {"filter_num": 16, "filter_size": 3, "pad": 1, "stride": 1}
_CONV_PARAM_2 = {"filter_num": 16, "filter_size": 3, "pad": 1, "stride": 1}
_CONV_PARAM_3 = {"filter_num": 32, "filter_size": 3, "pad": 1, "stride": 1}
_CONV_PARAM_4 = {"filter_num": 32, "filter_size": 3, "pad": 2, "stride": 1}
_CONV_PARAM_5 = {"filter_num": 64, "filter_size": 3, "pad": 1, "stride": 1}
_CONV_PARAM_6 = {"filter_num": 64, "filter_size": 3, "pad": 1, "stride": 1}


class DeepConvNet(NumberedNet):
    """Three times (conv - relu - conv - relu - pool), then affine - relu - dropout - affine - dropout - loss.

    Parameters
    ----------
    input_dim : tuple (C, H, W)
    conv_param_1, ..., conv_param_6 : mapping
        filter_num, filter_size, pad, stride.
    hidden_size, output_size : int

    Attributes
    ----------
    params : dict
        W1, b1, ..., W8, b8: the layers' own arrays. Weights are drawn from NumPy's global stream with the
        standard deviation ``sqrt(2 / fan-in)`` (He), W1 first; biases are 0.
    layers : list
    last_layer : SoftmaxWithLoss

    References
    ----------
    He et al., "Delving Deep into Rectifiers" (ICCV 2015), section 2.2, for the initial weights.

    Examples
    --------
    >>> net = DeepConvNet()
    >>> net.params["W7"].shape, len(net.layers)
    ((1024, 50), 20)
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (1, 28, 28),
        conv_param_1: Mapping[str, int] = _CONV_PARAM_1,
        conv_param_2: Mapping[str, int] = _CONV_PARAM_2,
        conv_param_3: Mapping[str, int] = _CONV_PARAM_3,
        conv_param_4: Mapping[str, int] = _CONV_PARAM_4,
        conv_param_5: Mapping[str, int] = _CONV_PARAM_5,
        conv_param_6: Mapping[str, int] = _CONV_PARAM_6,
        hidden_size: int = 50,
        output_size: int = 10,
    ) -> None:
        self.params: dict[str, Array] = {}
        self.layers: list[Any] = []
        channels, *sides = input_dim
        conv_params = (conv_param_1, conv_param_2, conv_param_3, conv_param_4, conv_param_5, conv_param_6)
        for index, conv_param in enumerate(conv_params, start=1):
            filters, size = conv_param["filter_num"], conv_param["filter_size"]
            W, b = self._draw(index, (filters, channels, size, size), channels * size * size, filters)
            self.layers += [Convolution(W, b, conv_param["stride"], conv_param["pad"]), Relu()]
            channels, sides = filters, [conv_side("DeepConvNet", side, conv_param) for side in sides]
            if index % 2 == 0:
                self.layers.append(Pooling(pool_h=2, pool_w=2, stride=2))
                sides = [side // 2 for side in sides]
        flat = channels * math.prod(sides)
        hidden = Affine(*self._draw(7, (flat, hidden_size), flat, hidden_size))
        output = Affine(*self._draw(8, (hidden_size, output_size), hidden_size, output_size))
        self.layers += [hidden, Relu(), Dropout(0.5), output, Dropout(0.5)]
        self.last_layer: Any = SoftmaxWithLoss()

    def _draw(self, index: int, shape: tuple[int, ...], fan_in: int, fan_out: int) -> tuple[Array, Array]:
        W = self.params[f"W{index}"] = math.sqrt(2.0 / fan_in) * np.random.randn(*shape)
        b = self.params[f"b{index}"] = np.zeros(fan_out)
        return W, b

    def predict(self, x: Any, train_flg: bool = False) -> Any:
        """Return the scores of images (N, C, H, W), as in training or as at test time."""
        for layer in self.layers:
            x = layer.forward(x, train_flg) if isinstance(layer, Dropout) else layer.forward(x)
        return x

    def loss(self, x: Any, t: Any) -> Any:
        """Return the mean loss in training (with dropout) for labels or one-hot rows."""
        return self.last_layer.forward(self.predict(x, train_flg=True), t)

    def accuracy(self, x: Any, t: Any, batch_size: int = 100) -> float:
        """Return the share of samples put into the right class at test time."""
        return accuracy(self.predict, x, t, batch_size)

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the training loss by backpropagation."""
        self.loss(x, t)
        backpropagate(self.layers, self.last_layer)
        return self._numbered_gradients()

    def _with_parameters(self) -> list[Any]:
        return [layer for layer in self.layers if isinstance(layer, Affine | Convolution)]
