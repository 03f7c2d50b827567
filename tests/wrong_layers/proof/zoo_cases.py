"""What a case is, and the cases that both zoos share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A call, in the layer's own layout.

    `arrays` in the layer's order: a shape (random numbers), values, a function of a generator. `options` go
    to the reference, and to the layer unless `new` says how it is made (keyword arguments, or a function of
    the class and the arrays) or `call` what follows the arrays.
    """

    reference: str
    arrays: dict[str, Any]
    options: dict[str, Any] = {}  # noqa: RUF012  # a NamedTuple's default, never written to
    new: Any = None
    inputs: tuple[str, ...] = ()
    call: tuple[Any, ...] = ()
    back: Callable[..., Any] | None = None
    fixed: tuple[str, ...] | None = None
    outputs: int = 1
    dys: str = "random"
    backward: bool = True
    also: Any = None
    tolerance: float = 1e-7


def labels(classes: int, *shape: int) -> Callable[[np.random.Generator], Any]:
    """Draw class indices."""
    return lambda rng: rng.integers(0, classes, shape)


def one_hot(classes: int, n: int) -> Callable[[np.random.Generator], Any]:
    """Draw one-hot rows."""
    return lambda rng: np.eye(classes)[rng.integers(0, classes, n)]


def positive(*shape: int) -> Callable[[np.random.Generator], Any]:
    """Draw positive numbers."""
    return lambda rng: 0.5 + rng.random(shape)


def tied(*shape: int) -> Callable[[np.random.Generator], Any]:
    """Draw few different whole numbers, negative ones and 0 among them."""
    return lambda rng: rng.integers(-2, 2, shape).astype(float)


def probabilities(*shape: int) -> Callable[[np.random.Generator], Any]:
    """Draw numbers between 0 and 1."""
    return lambda rng: 0.05 + 0.9 * rng.random(shape)


AFFINE = Case("linear_in_out", {"x": (5, 3), "W": (3, 4), "b": (4,)})
SQUARE = Case("linear_in_out", {"x": (3, 3), "W": (3, 3), "b": (3,)})
IMAGES = Case("linear_in_out", {"x": (2, 3, 2, 2), "W": (12, 4), "b": (4,)})
AFFINE_CS = Case("linear_in_out", {"x": (5, 2, 3), "w": (6, 4), "b": (4,)})
OUT_IN = Case("linear_out_in", {"x": (5, 3), "weight": (4, 3), "bias": (4,)})
OUT_IN_3D = Case("linear_out_in", {"x": (2, 5, 3), "weight": (4, 3), "bias": (4,)})
SIGNED = {"x": tied(4, 5)}
X = {"x": (4, 5)}
LABELLED = {"x": (5, 4), "t": labels(4, 5)}
WIDE = {"x": (2, 3, 7, 5)}


def conv(w: str = "W", b: str = "b", x: tuple[int, ...] = (2, 3, 6, 5), **options: Any) -> Case:
    """Return a convolution with unequal sides."""
    return Case("conv2d", {"x": x, w: (4, 3, 3, 2), b: (4,)}, options)


def square_conv(stride: int, padding: int) -> Case:
    """Return torch.nn's."""
    new = {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "stride": stride, "padding": padding}
    arrays = {"x": (2, 3, 7, 6), "weight": (4, 3, 3, 3), "bias": (4,)}
    return Case("conv2d", arrays, {"stride": stride, "padding": padding}, new)


POOL = {"pool_h": 3, "pool_w": 2, "stride": 2}
POOL_CS = {"pool_height": 2, "pool_width": 3, "stride": 2}
BN_BOOK = {"x": (6, 3), "gamma": (3,), "beta": (3,)}
NORM = {"x": (6, 3), "weight": (3,), "bias": (3,)}
BN_STATE = {**BN_BOOK, "running_mean": (3,), "running_var": positive(3)}
BN_TORCH = {**NORM, "running_mean": (3,), "running_var": positive(3)}
BN_TORCH_2D = {**BN_TORCH, "x": (3, 3, 2, 4)}
RNN_STEP = {"x": (4, 3), "prev_h": (4, 5), "Wx": (3, 5), "Wh": (5, 5), "b": (5,)}
RNN_SEQ = {"x": (2, 4, 3), "h0": (2, 5), "Wx": (3, 5), "Wh": (5, 5), "b": (5,)}
LSTM_STEP = {"x": (4, 3), "prev_h": (4, 2), "prev_c": (4, 2), "Wx": (3, 8), "Wh": (2, 8), "b": (8,)}
LSTM_SEQ = {"x": (2, 4, 3), "h0": (2, 2), "Wx": (3, 8), "Wh": (2, 8), "b": (8,)}
TIME_RNN = {"x": (2, 4, 3), "Wx": (3, 5), "Wh": (5, 5), "b": (5,)}
TIME_LSTM = {"x": (2, 4, 3), "Wx": (3, 8), "Wh": (2, 8), "b": (8,)}
CELL = {"x": (4, 3), "h": (4, 5), "weight_ih": (5, 3), "weight_hh": (5, 5), "bias_ih": (5,), "bias_hh": (5,)}
IDS = [[0, 2, 2], [1, 2, 0]]
