"""Layers of the activations that are used most, and of softmax and its relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from .._check import check_float_array, refuse
from ._inplace import refuse_inplace
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class ReLU(Layer):
    """Rectified linear unit: `scratchnet.functional.relu`.

    Parameters
    ----------
    inplace : bool, default False
        Only False: a layer never writes to what it is given.

    Raises
    ------
    ValueError
        `inplace` is True.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ReLU()
    >>> layer(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    >>> layer.backward(np.array([3.0, 3.0])).tolist()
    [0.0, 3.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("ReLU", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``max(x, 0)``."""
        y: Array = self._keep(F.relu(x))
        return y


class Sigmoid(Layer):
    """Logistic function: `scratchnet.functional.sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Sigmoid()(np.array([0.0])).tolist()
    [0.5]
    """

    def forward(self, x: Array) -> Array:
        """Return ``1 / (1 + exp(-x))``."""
        y: Array = self._keep(F.sigmoid(x))
        return y


class Tanh(Layer):
    """Hyperbolic tangent: `scratchnet.functional.tanh`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Tanh()(np.array([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Array) -> Array:
        """Return ``tanh(x)``."""
        y: Array = self._keep(F.tanh(x))
        return y


class Softmax(Layer):
    """Softmax along one dimension: `scratchnet.functional.softmax`.

    Parameters
    ----------
    dim : int
        The dimension along which the result adds up to 1. It should be given: see the function.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softmax(dim=-1)(np.array([[2.0, 2.0]])).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Array) -> Array:
        """Return ``exp(x) / sum exp(x)``."""
        y: Array = self._keep(F.softmax(x, self.dim))
        return y

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Layer):
    """Logarithm of softmax along one dimension: `scratchnet.functional.log_softmax`.

    Parameters
    ----------
    dim : int
        The dimension along which the result's exponentials add up to 1. It should be given: see the function.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.LogSoftmax(dim=-1)(np.array([[0.0, -1000.0]])).tolist()
    [[0.0, -1000.0]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Array) -> Array:
        """Return ``x - log sum exp(x)``."""
        y: Array = self._keep(F.log_softmax(x, self.dim))
        return y

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Layer):
    """Softmax of -x along one dimension: `scratchnet.functional.softmin`.

    Parameters
    ----------
    dim : int
        The dimension along which the result adds up to 1. It should be given: see the function.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softmin(dim=-1)(np.array([[0.0, 1000.0]])).tolist()
    [[1.0, 0.0]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Array) -> Array:
        """Return ``exp(-x) / sum exp(-x)``."""
        y: Array = self._keep(F.softmin(x, self.dim))
        return y

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Layer):
    """Softmax over the channels of images: `scratchnet.functional.softmax` along the last dimension but two.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softmax2d()(np.zeros((1, 2, 1, 1))).ravel().tolist()
    [0.5, 0.5]
    """

    def forward(self, x: Array) -> Array:
        """Return ``exp(x) / sum exp(x)`` for x of shape (N, C, H, W) or (C, H, W), the sum over C."""
        check_float_array("Softmax2d", "x", x)
        if x.ndim not in (3, 4):
            raise refuse("Softmax2d", "x must have the shape (N, C, H, W) or (C, H, W)", x=x)
        y: Array = self._keep(F.softmax(x, -3))
        return y
