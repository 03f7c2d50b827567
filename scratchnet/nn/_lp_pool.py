"""Power-average pooling: `scratchnet.functional` without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Pullback
    from ..functional._windows import IntOrSides


class _LPPoolNd(Layer):
    """What the power-average poolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]

    def __init__(
        self,
        norm_type: float,
        kernel_size: IntOrSides,
        stride: IntOrSides | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, x: Array) -> Any:
        """Return the norms."""
        return self._keep(
            type(self)._function(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        )

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """Norms over windows of signals or sequences: `scratchnet.functional.lp_pool1d`.

    Parameters
    ----------
    norm_type : float
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.LPPool1d(2, 2)
    >>> layer
    LPPool1d(norm_type=2, kernel_size=2, stride=None, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4), (1, 3, 8))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """Norms over windows of images: `scratchnet.functional.lp_pool2d`.

    Parameters
    ----------
    norm_type : float
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.LPPool2d(2, 2)
    >>> layer
    LPPool2d(norm_type=2, kernel_size=2, stride=None, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """Norms over windows of volumes or films: `scratchnet.functional.lp_pool3d`.

    Parameters
    ----------
    norm_type : float
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    ceil_mode : bool, default False

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.LPPool3d(2, 2)
    >>> layer
    LPPool3d(norm_type=2, kernel_size=2, stride=None, ceil_mode=False)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.lp_pool3d)
