"""What the book's networks share: the backward sweep, accuracy, initial scales."""

from __future__ import annotations

import itertools
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_integer, refuse
from . import _params_file
from ._arrays import as_labels
from .layers import Affine, Convolution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._types import Array


class NumberedNet:
    """A network whose parameters W1, b1, W2, b2, ... are its layers' in that order, and can be saved."""

    params: dict[str, Array]

    def _with_parameters(self) -> list[Any]:
        """Return the layers that have parameters, the first one first."""
        raise NotImplementedError(f"{type(self).__name__}._with_parameters")

    def _numbered_gradients(self) -> dict[str, Array]:
        """Return what the layers' last backward passes left, by the parameters' names."""
        grads = {}
        for index, layer in enumerate(self._with_parameters(), start=1):
            grads[f"W{index}"], grads[f"b{index}"] = layer.dW, layer.db
        return grads

    def save_params(self, file_name: str | os.PathLike[str] = "params.pkl") -> None:
        """Write the parameters into a file of exactly this name, as an .npz archive, all or nothing."""
        _params_file.save_params(self.params, file_name)

    def load_params(self, file_name: str | os.PathLike[str] = "params.pkl") -> None:
        """Read what `save_params` wrote, or the book's own .pkl file, without running anything in it.

        Raises
        ------
        ValueError
            The file holds something else, or other names or shapes; the network is then as it was.
        """
        _params_file.fill(self.params, file_name)
        for index, layer in enumerate(self._with_parameters(), start=1):
            layer.W, layer.b = self.params[f"W{index}"], self.params[f"b{index}"]


def backpropagate(layers: Iterable[Any], last_layer: Any) -> None:
    """Call `backward` from the loss down to the first layer, whose own `dx` nobody needs."""
    first, *rest = layers
    dout = last_layer.backward(1)
    for layer in reversed(rest):
        dout = layer.backward(dout)
    if type(first) in (Affine, Convolution):
        first._backward(dout, needs_dx=False)
    else:
        first.backward(dout)


def accuracy(predict: Callable[[Array], Array], x: Array, t: Any, batch_size: int) -> float:
    """Return the share of samples whose largest score is at the right class, `batch_size` of them at a time.

    Raises
    ------
    ValueError
        There is no sample, or the labels do not fit.
    """
    check_integer("accuracy", "batch_size", batch_size, minimum=1)
    N = len(x)
    if N == 0:
        raise refuse("accuracy", "x must hold at least one sample", x=x)
    labels: Array | None = None
    hits = 0
    for start in range(0, N, batch_size):
        stop = start + batch_size
        y = predict(x[start:stop])
        if labels is None:
            labels = as_labels("accuracy", t, y.shape[1], N)
        hits += int(np.count_nonzero(y.argmax(axis=1) == labels[start:stop]))
    return hits / N


def affine_parameters(sizes: list[int], weight_init_std: float | str) -> dict[str, Array]:
    """Draw W1, W2, ... from NumPy's global stream, with biases of zero between them.

    Parameters
    ----------
    sizes : list of int
        The widths from input to output.
    weight_init_std : float or {'relu', 'he', 'sigmoid', 'xavier'}
        Standard deviation, or the rule for it: ``sqrt(2 / fan-in)`` or ``sqrt(1 / fan-in)``.
    """
    params = {}
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), start=1):
        params[f"W{index}"] = _deviation(weight_init_std, fan_in) * np.random.randn(fan_in, fan_out)
        params[f"b{index}"] = np.zeros(fan_out)
    return params


def _deviation(weight_init_std: float | str, fan_in: int) -> float:
    match str(weight_init_std).lower():
        case "relu" | "he":
            return math.sqrt(2.0 / fan_in)
        case "sigmoid" | "xavier":
            return math.sqrt(1.0 / fan_in)
    if isinstance(weight_init_std, str):
        raise refuse(
            "MultiLayerNet",
            "weight_init_std must be a number or one of 'relu', 'he', 'sigmoid', 'xavier'",
            weight_init_std=weight_init_std,
        )
    return weight_init_std


def weight_penalty(weights: Iterable[Array], weight_decay_lambda: float) -> Any:
    """Return ``lambda / 2`` times the sum of all squared weights."""
    if not weight_decay_lambda:
        return 0
    return sum(0.5 * weight_decay_lambda * np.vdot(W, W) for W in weights)


def add_decay(dW: Array, W: Array, weight_decay_lambda: float) -> Array:
    """Return the weight's gradient with that of `weight_penalty`."""
    return dW + weight_decay_lambda * W if weight_decay_lambda else dW


def conv_side(name: str, side: int, conv_param: Mapping[str, int]) -> int:
    """Return the side of a convolution's feature maps."""
    room = side + 2 * conv_param["pad"] - conv_param["filter_size"]
    if room < 0:
        raise refuse(name, "the filters must fit the image", side=side, conv_param=conv_param)
    return room // conv_param["stride"] + 1
