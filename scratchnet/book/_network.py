"""What the book's networks share: the backward sweep, accuracy, initial scales."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_integer, refuse
from ._arrays import as_labels
from .layers import Affine, Convolution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._types import Array


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
