"""Layers made of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .._check import refuse_type
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sequential(Layer):
    """Layers one after the other, each taking what the one before returns.

    Parameters
    ----------
    *layers : Layer
        Their parameters' keys begin with their position: ``0.weight``, ``0.bias``, ``2.weight``.

    Raises
    ------
    TypeError
        One of `layers` is not a layer.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn, optim
    >>> net = nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.ReLU(), nn.Linear(3, 2, dtype=np.float64))
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    >>> x, target = np.ones((4, 2)), np.array([0, 1, 1, 0])
    >>> criterion, optimizer = nn.CrossEntropyLoss(), optim.SGD(net.params, lr=0.1)
    >>> before = float(criterion(net(x), target))
    >>> _ = net.backward(criterion.backward(), needs_input_grad=False)
    >>> optimizer.step(net.grads)
    >>> float(criterion(net(x), target)) <= before
    True
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        for position, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise refuse_type(
                    "Sequential",
                    "every argument must be a layer",
                    **{f"type of argument {position}": type(layer).__name__},
                )
        self._layers = list(layers)

    @property
    def children(self) -> dict[str, Layer]:
        """The layers by position."""
        return {str(position): layer for position, layer in enumerate(self._layers)}

    def forward(self, *inputs: Any) -> Any:
        """Return what the last layer returns."""
        for layer in self._layers:
            value = layer.forward(*inputs)
            inputs = (value,)
        return inputs[0]

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """Call every layer's `backward`, the last layer's first; see `Layer.backward`."""
        for position in range(len(self._layers) - 1, 0, -1):
            cotangents = (self._layers[position].backward(*cotangents),)
        if not self._layers:
            return cotangents[0]
        return self._layers[0].backward(*cotangents, needs_input_grad=needs_input_grad)

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Layer:
        """Return one layer, or a Sequential of several that shares them."""
        return Sequential(*self._layers[index]) if isinstance(index, slice) else self._layers[index]
