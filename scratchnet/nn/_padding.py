"""Padding layers: `scratchnet.functional.pad` without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from ._each import each_of
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array
    from ..functional._windows import IntOrSides


class _PadNd(Layer):
    """What all paddings share."""

    _mode: ClassVar[str]
    _n_dims: ClassVar[int]

    def __init__(self, padding: IntOrSides) -> None:
        super().__init__()
        self.padding = each_of(padding, 2 * self._n_dims)

    def forward(self, x: Array) -> Array:
        """Return `x`, padded."""
        y: Array = self._keep(F.pad(x, self.padding, self._mode))
        return y

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """What the paddings with a constant share."""

    _mode: ClassVar[str] = "constant"

    def __init__(self, padding: IntOrSides, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Array) -> Array:
        """Return `x`, padded."""
        y: Array = self._keep(F.pad(x, self.padding, self._mode, self.value))
        return y

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Padding of signals or sequences with a constant: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Before, behind; one number stands for all. A negative number takes elements away.
    value : float

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConstantPad1d(1, 2.5)
    >>> layer
    ConstantPad1d(padding=(1, 1), value=2.5)
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10), (1, 3, 8))
    """

    _n_dims: ClassVar[int] = 1


class ConstantPad2d(_ConstantPadNd):
    """Padding of images with a constant: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom; one number stands for all. A negative number takes elements away.
    value : float

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConstantPad2d(1, 2.5)
    >>> layer
    ConstantPad2d(padding=(1, 1, 1, 1), value=2.5)
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8), (1, 3, 8, 6))
    """

    _n_dims: ClassVar[int] = 2


class ConstantPad3d(_ConstantPadNd):
    """Padding of volumes or films with a constant: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom, front, back; one number stands for all. A negative number takes elements
        away.
    value : float

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ConstantPad3d(1, 2.5)
    >>> layer
    ConstantPad3d(padding=(1, 1, 1, 1, 1, 1), value=2.5)
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8, 6), (1, 3, 8, 6, 4))
    """

    _n_dims: ClassVar[int] = 3


class ZeroPad1d(_PadNd):
    """Padding of signals or sequences with zeros: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Before, behind; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ZeroPad1d(1)
    >>> layer
    ZeroPad1d((1, 1))
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10), (1, 3, 8))
    """

    _mode: ClassVar[str] = "constant"
    _n_dims: ClassVar[int] = 1


class ZeroPad2d(_PadNd):
    """Padding of images with zeros: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ZeroPad2d(1)
    >>> layer
    ZeroPad2d((1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8), (1, 3, 8, 6))
    """

    _mode: ClassVar[str] = "constant"
    _n_dims: ClassVar[int] = 2


class ZeroPad3d(_PadNd):
    """Padding of volumes or films with zeros: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom, front, back; one number stands for all. A negative number takes elements
        away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ZeroPad3d(1)
    >>> layer
    ZeroPad3d((1, 1, 1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8, 6), (1, 3, 8, 6, 4))
    """

    _mode: ClassVar[str] = "constant"
    _n_dims: ClassVar[int] = 3


class ReflectionPad1d(_PadNd):
    """Padding of signals or sequences with the mirror image without the edge: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Before, behind; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReflectionPad1d(1)
    >>> layer
    ReflectionPad1d((1, 1))
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10), (1, 3, 8))
    """

    _mode: ClassVar[str] = "reflect"
    _n_dims: ClassVar[int] = 1


class ReflectionPad2d(_PadNd):
    """Padding of images with the mirror image without the edge: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReflectionPad2d(1)
    >>> layer
    ReflectionPad2d((1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8), (1, 3, 8, 6))
    """

    _mode: ClassVar[str] = "reflect"
    _n_dims: ClassVar[int] = 2


class ReflectionPad3d(_PadNd):
    """Padding of volumes or films with the mirror image without the edge: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom, front, back; one number stands for all. A negative number takes elements
        away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReflectionPad3d(1)
    >>> layer
    ReflectionPad3d((1, 1, 1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8, 6), (1, 3, 8, 6, 4))
    """

    _mode: ClassVar[str] = "reflect"
    _n_dims: ClassVar[int] = 3


class ReplicationPad1d(_PadNd):
    """Padding of signals or sequences with the edge, again and again: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Before, behind; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReplicationPad1d(1)
    >>> layer
    ReplicationPad1d((1, 1))
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10), (1, 3, 8))
    """

    _mode: ClassVar[str] = "replicate"
    _n_dims: ClassVar[int] = 1


class ReplicationPad2d(_PadNd):
    """Padding of images with the edge, again and again: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReplicationPad2d(1)
    >>> layer
    ReplicationPad2d((1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8), (1, 3, 8, 6))
    """

    _mode: ClassVar[str] = "replicate"
    _n_dims: ClassVar[int] = 2


class ReplicationPad3d(_PadNd):
    """Padding of volumes or films with the edge, again and again: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom, front, back; one number stands for all. A negative number takes elements
        away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReplicationPad3d(1)
    >>> layer
    ReplicationPad3d((1, 1, 1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8, 6), (1, 3, 8, 6, 4))
    """

    _mode: ClassVar[str] = "replicate"
    _n_dims: ClassVar[int] = 3


class CircularPad1d(_PadNd):
    """Padding of signals or sequences with the elements from the other end: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Before, behind; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.CircularPad1d(1)
    >>> layer
    CircularPad1d((1, 1))
    >>> y = layer(np.ones((1, 3, 8)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10), (1, 3, 8))
    """

    _mode: ClassVar[str] = "circular"
    _n_dims: ClassVar[int] = 1


class CircularPad2d(_PadNd):
    """Padding of images with the elements from the other end: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom; one number stands for all. A negative number takes elements away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.CircularPad2d(1)
    >>> layer
    CircularPad2d((1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8), (1, 3, 8, 6))
    """

    _mode: ClassVar[str] = "circular"
    _n_dims: ClassVar[int] = 2


class CircularPad3d(_PadNd):
    """Padding of volumes or films with the elements from the other end: `scratchnet.functional.pad`.

    Parameters
    ----------
    padding : int or tuple of int
        Left, right, top, bottom, front, back; one number stands for all. A negative number takes elements
        away.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.CircularPad3d(1)
    >>> layer
    CircularPad3d((1, 1, 1, 1, 1, 1))
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 10, 8, 6), (1, 3, 8, 6, 4))
    """

    _mode: ClassVar[str] = "circular"
    _n_dims: ClassVar[int] = 3
