"""Layers of the activations that are x times a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from ._inplace import refuse_inplace
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class GELU(Layer):
    """Gaussian error linear unit: `scratchnet.functional.gelu`.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Whether erf is approximated.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.GELU()(np.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: Array) -> Array:
        """Return ``x P(x)`` with the normal distribution function P."""
        y: Array = self._keep(F.gelu(x, self.approximate))
        return y

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class GLU(Layer):
    """Gated linear unit: `scratchnet.functional.glu`.

    Parameters
    ----------
    dim : int, default -1
        The dimension that is halved.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.GLU()(np.array([4.0, 0.0])).tolist()
    [2.0]
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Array) -> Array:
        """Return the first half of `dim` times the logistic function of the second."""
        y: Array = self._keep(F.glu(x, self.dim))
        return y

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Mish(Layer):
    """Product of x and ``tanh(softplus(x))``: `scratchnet.functional.mish`.

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
    >>> nn.Mish()(np.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("Mish", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``x tanh(log(1 + exp(x)))``."""
        y: Array = self._keep(F.mish(x))
        return y


class SiLU(Layer):
    """Sigmoid linear unit: `scratchnet.functional.silu`.

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
    >>> nn.SiLU()(np.array([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("SiLU", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``x / (1 + exp(-x))``."""
        y: Array = self._keep(F.silu(x))
        return y
