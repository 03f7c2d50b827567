"""Convolution layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import (
    check_float_arrays,
    check_float_dtype,
    check_generator,
    check_integer,
    check_option,
    refuse,
)
from ..functional._windows import IntOrSides, check_spatial, sides_of
from ._initial import uniform
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .._types import Array, Cotangents, Pullback


class _ConvNd(Layer):
    """What the convolutions share: their options and parameters."""

    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")
    _n_dims: ClassVar[int]
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrSides,
        stride: IntOrSides = 1,
        padding: IntOrSides | str = 0,
        dilation: IntOrSides = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        name, n_dims = type(self).__name__, self._n_dims
        self.in_channels = check_integer(name, "in_channels", in_channels, minimum=0)
        self.out_channels = check_integer(name, "out_channels", out_channels, minimum=1)
        self.kernel_size = sides_of(name, "kernel_size", kernel_size, n_dims, minimum=1)
        self.stride = sides_of(name, "stride", stride, n_dims, minimum=1)
        self.padding = (
            padding if isinstance(padding, str) else sides_of(name, "padding", padding, n_dims, minimum=0)
        )
        self.dilation = sides_of(name, "dilation", dilation, n_dims, minimum=1)
        self.groups = check_integer(name, "groups", groups, minimum=1)
        if in_channels % groups or out_channels % groups:
            raise refuse(
                name,
                "groups must divide in_channels and out_channels",
                groups=groups,
                in_channels=in_channels,
                out_channels=out_channels,
            )
        if isinstance(padding, str):
            check_option(name, "padding", padding, ("same", "valid"))
            if padding == "same" and self.stride != (1,) * n_dims:
                raise refuse(name, "padding='same' needs a stride of 1", stride=stride)
        check_option(name, "padding_mode", padding_mode, ("zeros", "reflect", "replicate", "circular"))
        self.padding_mode = padding_mode
        dtype = check_float_dtype(name, dtype)
        generator = check_generator(name, generator)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        fan_in = math.prod(shape[1:])
        bound = fan_in**-0.5 if fan_in else 0.0
        self._params["weight"] = uniform(shape, bound, dtype, generator)
        if bias:
            self._params["bias"] = uniform((out_channels,), bound, dtype, generator)

    def forward(self, x: Array) -> Array:
        """Return the convolution of `x` with the weight, plus the bias."""
        params = self._params
        weight, bias = params["weight"], params.get("bias")
        pads = () if self.padding_mode == "zeros" else self._pads()
        if any(pads):
            y: Array = self._keep(self._pad_and_convolve(x, weight, bias, pads))
            return y
        y = self._keep(
            type(self)._function(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        )
        return y

    def _pads(self) -> tuple[int, ...]:
        """Return what is added before and behind each spatial dimension, the last one first."""
        padding = self.padding
        if padding == "valid":
            return ()
        if isinstance(padding, str):
            reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            each = [(r // 2, r - r // 2) for r in reach]
        else:
            each = [(side, side) for side in padding]
        return tuple(number for pair in reversed(each) for number in pair)

    def _pad_and_convolve(
        self, x: Array, weight: Array, bias: Array | None, pads: tuple[int, ...]
    ) -> tuple[Array, Pullback]:
        """Return the convolution of the padded `x`, and the two pullbacks one after the other."""
        name, n_dims, mode = type(self).__name__, self._n_dims, self.padding_mode
        check_float_arrays(name, "x", x, weight=weight, bias=bias)
        check_spatial(name, x, n_dims)
        if x.shape[-n_dims - 1] != self.in_channels:
            raise refuse(name, f"x must have in_channels={self.in_channels} channels", x=x)
        limits = {"reflect": -1, "circular": 0}
        if mode in limits and any(
            number > side + limits[mode]
            for number, side in zip(pads, np.repeat(x.shape[: -n_dims - 1 : -1], 2), strict=True)
        ):
            word = "less than" if mode == "reflect" else "at most"
            raise refuse(
                name,
                f"padding must be {word} the side of x for padding_mode={mode!r}",
                padding=self.padding,
                x=x,
            )
        padded, unpadded = F.pad(x, pads, mode)
        y, convolved = type(self)._function(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

        def pullback(dy: Array, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)) -> Cotangents:
            dpadded, dweight, dbias = convolved(dy, needs_input_grad)
            dx = unpadded(dpadded)[0] if needs_input_grad[0] else None
            return dx, dweight, dbias

        return y, pullback

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * self._n_dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._n_dims:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if "bias" not in self._params:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(_ConvNd):
    """Convolution of signals or sequences: `scratchnet.functional.conv1d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int, tuple of int, 'valid' or 'same', default 0
    dilation : int or tuple of int, default 1
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    padding_mode : 'zeros', 'reflect', 'replicate' or 'circular', default 'zeros'
        What the padding holds: see `scratchnet.functional.pad`.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (out_channels, in_channels / groups, kL) and ``bias`` (out_channels,), at first uniform
        within ``1 / sqrt(fan_in)`` of 0 with ``fan_in = in_channels / groups * prod(kernel_size)``,
        as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Conv1d(2, 4, 3, groups=2, bias=False)
    >>> layer
    Conv1d(2, 4, kernel_size=(3,), stride=(1,), groups=2, bias=False)
    >>> y = layer(np.ones((5, 2, 10), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.grads["weight"].shape
    ((5, 4, 8), (5, 2, 10), (4, 1, 3))
    """

    _n_dims: ClassVar[int] = 1
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv1d)


class Conv2d(_ConvNd):
    """Convolution of images: `scratchnet.functional.conv2d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int, tuple of int, 'valid' or 'same', default 0
    dilation : int or tuple of int, default 1
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    padding_mode : 'zeros', 'reflect', 'replicate' or 'circular', default 'zeros'
        What the padding holds: see `scratchnet.functional.pad`.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (out_channels, in_channels / groups, kH, kW) and ``bias`` (out_channels,), at first uniform
        within ``1 / sqrt(fan_in)`` of 0 with ``fan_in = in_channels / groups * prod(kernel_size)``,
        as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Conv2d(1, 30, 5, padding=(2, 0))
    >>> layer
    Conv2d(1, 30, kernel_size=(5, 5), stride=(1, 1), padding=(2, 0))
    >>> y = layer(np.ones((2, 1, 28, 28), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.grads["weight"].shape
    ((2, 30, 28, 24), (2, 1, 28, 28), (30, 1, 5, 5))
    """

    _n_dims: ClassVar[int] = 2
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv2d)


class Conv3d(_ConvNd):
    """Convolution of volumes or films: `scratchnet.functional.conv3d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int, tuple of int, 'valid' or 'same', default 0
    dilation : int or tuple of int, default 1
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    padding_mode : 'zeros', 'reflect', 'replicate' or 'circular', default 'zeros'
        What the padding holds: see `scratchnet.functional.pad`.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (out_channels, in_channels / groups, kD, kH, kW) and ``bias`` (out_channels,), at first
        uniform within ``1 / sqrt(fan_in)`` of 0 with ``fan_in = in_channels / groups * prod(kernel_size)``,
        as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Conv3d(1, 2, 3, padding="same")
    >>> layer
    Conv3d(1, 2, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=same)
    >>> y = layer(np.ones((1, 1, 4, 5, 6), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.grads["weight"].shape
    ((1, 2, 4, 5, 6), (1, 1, 4, 5, 6), (2, 1, 3, 3, 3))
    """

    _n_dims: ClassVar[int] = 3
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv3d)
