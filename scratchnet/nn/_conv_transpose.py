"""Transposed convolution layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_float_dtype, check_generator, check_integer, check_option, refuse, refuse_type
from ..functional._windows import IntOrSides, Sides, check_spatial, sides_of
from ._initial import uniform
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from .._types import Array, Pullback


class _ConvTransposeNd(Layer):
    """What the transposed convolutions share: their options and parameters."""

    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")
    _n_dims: ClassVar[int]
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrSides,
        stride: IntOrSides = 1,
        padding: IntOrSides = 0,
        output_padding: IntOrSides = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrSides = 1,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        name, n_dims = type(self).__name__, self._n_dims
        self.in_channels = check_integer(name, "in_channels", in_channels, minimum=1)
        self.out_channels = check_integer(name, "out_channels", out_channels, minimum=1)
        self.kernel_size = sides_of(name, "kernel_size", kernel_size, n_dims, minimum=1)
        self.stride = sides_of(name, "stride", stride, n_dims, minimum=1)
        self.padding = sides_of(name, "padding", padding, n_dims, minimum=0)
        self.output_padding = sides_of(name, "output_padding", output_padding, n_dims, minimum=0)
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
        check_option(name, "padding_mode", padding_mode, ("zeros",))
        self.padding_mode = padding_mode
        dtype = check_float_dtype(name, dtype)
        generator = check_generator(name, generator)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        bound = math.prod(shape[1:]) ** -0.5
        self._params["weight"] = uniform(shape, bound, dtype, generator)
        if bias:
            self._params["bias"] = uniform((out_channels,), bound, dtype, generator)

    def __call__(self, x: Array, output_size: Sequence[int] | None = None) -> Array:
        """Call `forward`."""
        return self.forward(x, output_size)

    def forward(self, x: Array, output_size: Sequence[int] | None = None) -> Array:
        """Return the transposed convolution of `x` with the weight, plus the bias.

        `output_size` gives the sides of the output (or its whole shape) instead of `output_padding`.
        """
        params = self._params
        extra = self.output_padding if output_size is None else self._extra(x, output_size)
        y: Array = self._keep(
            type(self)._function(
                x,
                params["weight"],
                params.get("bias"),
                self.stride,
                self.padding,
                extra,
                self.groups,
                self.dilation,
            )
        )
        return y

    def _extra(self, x: Array, output_size: Sequence[int]) -> Sides:
        """Return the output_padding that makes the sides of the output `output_size`."""
        name, n_dims = type(self).__name__, self._n_dims
        if not isinstance(x, np.ndarray):
            raise refuse_type(name, "x must be a NumPy array of floats (use np.asarray)", x=x)
        check_spatial(name, x, n_dims)
        try:
            wanted = tuple(output_size)
        except TypeError:
            raise refuse_type(
                name, f"output_size must be a tuple of {n_dims} integers", output_size=output_size
            ) from None
        if len(wanted) not in (n_dims, x.ndim):
            raise refuse(
                name,
                f"output_size must have {n_dims} sides, or {x.ndim} with those before",
                output_size=wanted,
            )
        wanted = tuple(
            check_integer(name, "output_size", side, minimum=1) for side in wanted[len(wanted) - n_dims :]
        )
        smallest = tuple(
            (side - 1) * s - 2 * p + d * (k - 1) + 1
            for side, s, p, d, k in zip(
                x.shape[-n_dims:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        )
        extra = tuple(side - low for side, low in zip(wanted, smallest, strict=True))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            largest = tuple(low + s - 1 for low, s in zip(smallest, self.stride, strict=True))
            raise refuse(
                name, f"output_size must lie between {smallest} and {largest}", output_size=wanted, x=x
            )
        return extra

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * self._n_dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._n_dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._n_dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if "bias" not in self._params:
            text += ", bias=False"
        return text


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of signals or sequences: `functional.conv_transpose1d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int or tuple of int, default 0
        What is cut off at both ends of the output.
    output_padding : int or tuple of int, default 0
        So much larger is the output, at its end; `forward` can be given an ``output_size`` instead.
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    dilation : int or tuple of int, default 1
    padding_mode : 'zeros'
        There is no other, as in PyTorch.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (in_channels, out_channels / groups, kL) and ``bias`` (out_channels,), at first
        uniform within ``1 / sqrt(out_channels / groups * prod(kernel_size))`` of 0, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConvTranspose1d(2, 4, 3, stride=2, groups=2, bias=False)
    >>> layer
    ConvTranspose1d(2, 4, kernel_size=(3,), stride=(2,), groups=2, bias=False)
    >>> x = np.ones((5, 2, 10), np.float32)
    >>> layer(x).shape, layer(x, output_size=(22,)).shape
    ((5, 4, 21), (5, 4, 22))
    """

    _n_dims: ClassVar[int] = 1
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of images: `functional.conv_transpose2d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int or tuple of int, default 0
        What is cut off at both ends of the output.
    output_padding : int or tuple of int, default 0
        So much larger is the output, at its end; `forward` can be given an ``output_size`` instead.
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    dilation : int or tuple of int, default 1
    padding_mode : 'zeros'
        There is no other, as in PyTorch.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (in_channels, out_channels / groups, kH, kW) and ``bias`` (out_channels,), at first
        uniform within ``1 / sqrt(out_channels / groups * prod(kernel_size))`` of 0, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)
    >>> layer
    ConvTranspose2d(8, 3, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))
    >>> y = layer(np.ones((5, 8, 7, 9), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.grads["weight"].shape
    ((5, 3, 14, 18), (5, 8, 7, 9), (8, 3, 4, 4))
    """

    _n_dims: ClassVar[int] = 2
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of volumes or films: `functional.conv_transpose3d` with its parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        The channels of what goes in and of what comes out.
    kernel_size : int or tuple of int
    stride : int or tuple of int, default 1
    padding : int or tuple of int, default 0
        What is cut off at both ends of the output.
    output_padding : int or tuple of int, default 0
        So much larger is the output, at its end; `forward` can be given an ``output_size`` instead.
    groups : int, default 1
    bias : bool, default True
        Whether one number for each output channel is learned and added.
    dilation : int or tuple of int, default 1
    padding_mode : 'zeros'
        There is no other, as in PyTorch.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (in_channels, out_channels / groups, kD, kH, kW) and ``bias`` (out_channels,), at first
        uniform within ``1 / sqrt(out_channels / groups * prod(kernel_size))`` of 0, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        An option is out of range, or `groups` does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConvTranspose3d(2, 1, 2, stride=2, output_padding=1)
    >>> layer
    ConvTranspose3d(2, 1, kernel_size=(2, 2, 2), stride=(2, 2, 2), output_padding=(1, 1, 1))
    >>> y = layer(np.ones((1, 2, 2, 3, 4), np.float32))
    >>> y.shape, layer.backward(y).shape, layer.grads["weight"].shape
    ((1, 1, 5, 7, 9), (1, 2, 2, 3, 4), (2, 1, 2, 2, 2))
    """

    _n_dims: ClassVar[int] = 3
    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.conv_transpose3d)
