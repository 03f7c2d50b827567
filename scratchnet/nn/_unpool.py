"""Max unpooling: `scratchnet.functional` without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import functional as F
from ._each import each_of
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._types import Array, Pullback
    from ..functional._windows import IntOrSides


class _MaxUnpoolNd(Layer):
    """What the max unpoolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]
    _n_dims: ClassVar[int]
    _slots: ClassVar[tuple[str, ...]] = ("",)  # indices have no cotangent

    def __init__(
        self, kernel_size: IntOrSides, stride: IntOrSides | None = None, padding: IntOrSides = 0
    ) -> None:
        super().__init__()
        self.kernel_size = each_of(kernel_size, self._n_dims)
        self.stride = self.kernel_size if stride is None else each_of(stride, self._n_dims)
        self.padding = each_of(padding, self._n_dims)

    def forward(self, x: Array, indices: Array, output_size: Sequence[int] | None = None) -> Any:
        """Return zeros with the elements of `x` at their places."""
        return self._keep(
            type(self)._function(x, indices, self.kernel_size, self.stride, self.padding, output_size)
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The partial inverse of `MaxPool1d`: `scratchnet.functional.max_unpool1d`.

    `forward` takes its values and indices; `backward` returns the cotangent of the values.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxUnpool1d(2)
    >>> layer
    MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    >>> values, indices = nn.MaxPool1d(2, return_indices=True)(np.ones((1, 3, 8)))
    >>> y = layer(values, indices)
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 8), (1, 3, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_unpool1d)
    _n_dims: ClassVar[int] = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """The partial inverse of `MaxPool2d`: `scratchnet.functional.max_unpool2d`.

    `forward` takes its values and indices; `backward` returns the cotangent of the values.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxUnpool2d(2)
    >>> layer
    MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))
    >>> values, indices = nn.MaxPool2d(2, return_indices=True)(np.ones((1, 3, 8, 6)))
    >>> y = layer(values, indices)
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 8, 6), (1, 3, 4, 3))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_unpool2d)
    _n_dims: ClassVar[int] = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """The partial inverse of `MaxPool3d`: `scratchnet.functional.max_unpool3d`.

    `forward` takes its values and indices; `backward` returns the cotangent of the values.

    Parameters
    ----------
    kernel_size : int or tuple of int
    stride : int or tuple of int, optional
        By default `kernel_size`.
    padding : int or tuple of int, default 0

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.MaxUnpool3d(2)
    >>> layer
    MaxUnpool3d(kernel_size=(2, 2, 2), stride=(2, 2, 2), padding=(0, 0, 0))
    >>> values, indices = nn.MaxPool3d(2, return_indices=True)(np.ones((1, 3, 8, 6, 4)))
    >>> y = layer(values, indices)
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 8, 6, 4), (1, 3, 4, 3, 2))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.max_unpool3d)
    _n_dims: ClassVar[int] = 3
