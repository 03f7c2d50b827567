"""Layers that turn images into columns of windows, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array
    from ..functional._windows import IntOrSides


class Unfold(Layer):
    """Write every window of an image as a column: `scratchnet.functional.unfold`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    dilation : int or tuple of int, default 1
    padding : int or tuple of int, default 0
    stride : int or tuple of int, default 1

    Raises
    ------
    TypeError, ValueError
        By `forward`, as in PyTorch: an option is out of range, or the window is larger than the image.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Unfold(2, stride=2)
    >>> layer
    Unfold(kernel_size=2, dilation=1, padding=0, stride=2)
    >>> y = layer(np.ones((5, 3, 4, 6), np.float32))
    >>> y.shape, layer.backward(y).shape
    ((5, 12, 6), (5, 3, 4, 6))
    """

    def __init__(
        self,
        kernel_size: IntOrSides,
        dilation: IntOrSides = 1,
        padding: IntOrSides = 0,
        stride: IntOrSides = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Array) -> Array:
        """Return the windows of `x` as columns."""
        y: Array = self._keep(F.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride))
        return y

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Fold(Layer):
    """Add columns up to images: `scratchnet.functional.fold`.

    Parameters
    ----------
    output_size : int or tuple of int
        The sides of the images.
    kernel_size : int or tuple of int
    dilation : int or tuple of int, default 1
    padding : int or tuple of int, default 0
    stride : int or tuple of int, default 1

    Raises
    ------
    TypeError, ValueError
        By `forward`, as in PyTorch: an option is out of range, or the columns do not fit the image.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Fold((4, 6), 2, stride=2)
    >>> layer
    Fold(output_size=(4, 6), kernel_size=2, dilation=1, padding=0, stride=2)
    >>> y = layer(np.ones((5, 12, 6), np.float32))
    >>> y.shape, layer.backward(y).shape
    ((5, 3, 4, 6), (5, 12, 6))
    """

    def __init__(
        self,
        output_size: IntOrSides,
        kernel_size: IntOrSides,
        dilation: IntOrSides = 1,
        padding: IntOrSides = 0,
        stride: IntOrSides = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Array) -> Array:
        """Return the columns `x` added up to images."""
        y: Array = self._keep(
            F.fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
        )
        return y

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
