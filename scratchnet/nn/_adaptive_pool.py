"""Pooling to a given output size: `scratchnet.functional` without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._types import Array, Pullback


class _AdaptiveAvgPoolNd(Layer):
    """What the adaptive mean poolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Array) -> Any:
        """Return the means."""
        return self._keep(type(self)._function(x, self.output_size))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPoolNd(Layer):
    """What the adaptive maximum poolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]

    def __init__(self, output_size: int | Sequence[int | None], return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, x: Array) -> Any:
        """Return the maxima; with `return_indices` the pair of them and of where they were."""
        return self._keep(type(self)._function(x, self.output_size, self.return_indices))

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means over so many windows of signals or sequences: `scratchnet.functional.adaptive_avg_pool1d`.

    Parameters
    ----------
    output_size : int

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveAvgPool1d(2)
    >>> layer
    AdaptiveAvgPool1d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2), (1, 3, 8))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means over so many windows of images: `scratchnet.functional.adaptive_avg_pool2d`.

    Parameters
    ----------
    output_size : int, or tuple of 2 int or None
        None keeps the side of the input.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveAvgPool2d(2)
    >>> layer
    AdaptiveAvgPool2d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2, 2), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means over so many windows of volumes or films: `scratchnet.functional.adaptive_avg_pool3d`.

    Parameters
    ----------
    output_size : int, or tuple of 3 int or None
        None keeps the side of the input.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveAvgPool3d(2)
    >>> layer
    AdaptiveAvgPool3d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2, 2, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima over so many windows of signals or sequences: `scratchnet.functional.adaptive_max_pool1d`.

    Parameters
    ----------
    output_size : int
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveMaxPool1d(2)
    >>> layer
    AdaptiveMaxPool1d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2), (1, 3, 8))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima over so many windows of images: `scratchnet.functional.adaptive_max_pool2d`.

    Parameters
    ----------
    output_size : int, or tuple of 2 int or None
        None keeps the side of the input.
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveMaxPool2d(2)
    >>> layer
    AdaptiveMaxPool2d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2, 2), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima over so many windows of volumes or films: `scratchnet.functional.adaptive_max_pool3d`.

    Parameters
    ----------
    output_size : int, or tuple of 3 int or None
        None keeps the side of the input.
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.AdaptiveMaxPool3d(2)
    >>> layer
    AdaptiveMaxPool3d(output_size=2)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 2, 2, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.adaptive_max_pool3d)
