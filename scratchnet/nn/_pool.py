"""Pooling layers: functions of `scratchnet.functional` without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Pullback
    from ..functional._windows import IntOrSides


class _MaxPoolNd(Layer):
    """What the maximum poolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]

    def __init__(
        self,
        kernel_size: IntOrSides,
        stride: IntOrSides | None = None,
        padding: IntOrSides = 0,
        dilation: IntOrSides = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, x: Array) -> Any:
        """Return the maxima; with `return_indices` the pair of them and of where they were."""
        return self._keep(
            type(self)._function(
                x,
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                ceil_mode=self.ceil_mode,
                return_indices=self.return_indices,
            )
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPoolNd(Layer):
    """What the mean poolings share."""

    _function: ClassVar[Callable[..., tuple[Array, Pullback]]]

    def __init__(
        self,
        kernel_size: IntOrSides,
        stride: IntOrSides | None = None,
        padding: IntOrSides = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Array) -> Array:
        """Return the means."""
        y: Array = self._keep(
            type(self)._function(
                x,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )
        )
        return y

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_MaxPoolNd):
    """Maxima over windows of signals or sequences: `scratchnet.functional.max_pool1d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    dilation : int or tuple of int, default 1
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxPool1d(2)
    >>> layer
    MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4), (1, 3, 8))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """Maxima over windows of images: `scratchnet.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    dilation : int or tuple of int, default 1
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxPool2d(2)
    >>> layer
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """Maxima over windows of volumes or films: `scratchnet.functional.max_pool3d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    dilation : int or tuple of int, default 1
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxPool3d(2)
    >>> layer
    MaxPool3d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_pool3d)


class AvgPool1d(_AvgPoolNd):
    """Means over windows of signals or sequences: `scratchnet.functional.avg_pool1d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    ceil_mode : bool, default False
    count_include_pad : bool, default True

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AvgPool1d(2)
    >>> layer
    AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4), (1, 3, 8))
    """

    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.avg_pool1d)

    def __init__(
        self,
        kernel_size: IntOrSides,
        stride: IntOrSides | None = None,
        padding: IntOrSides = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)

    def forward(self, x: Array) -> Array:
        """Return the means."""
        y: Array = self._keep(
            F.avg_pool1d(
                x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
            )
        )
        return y

    def extra_repr(self) -> str:
        # PyTorch prints this one's options as tuples.
        options = {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding}
        return ", ".join(
            f"{name}={(value,) if isinstance(value, int) else value}" for name, value in options.items()
        )


class AvgPool2d(_AvgPoolNd):
    """Means over windows of images: `scratchnet.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    ceil_mode : bool, default False
    count_include_pad : bool, default True
    divisor_override : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AvgPool2d(2)
    >>> layer
    AvgPool2d(kernel_size=2, stride=2, padding=0)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """Means over windows of volumes or films: `scratchnet.functional.avg_pool3d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0
    ceil_mode : bool, default False
    count_include_pad : bool, default True
    divisor_override : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AvgPool3d(2)
    >>> layer
    AvgPool3d(kernel_size=2, stride=2, padding=0)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Array, Pullback]]] = staticmethod(F.avg_pool3d)
