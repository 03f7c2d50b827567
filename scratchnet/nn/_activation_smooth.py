"""Layers of the activations with a smooth bend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from ._inplace import refuse_inplace
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class CELU(Layer):
    """Exponential linear unit whose derivative is continuous: `scratchnet.functional.celu`.

    Parameters
    ----------
    alpha : float, not 0, default 1
        How far down it goes, and how slowly.
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
    >>> nn.CELU(2.0)(np.array([-np.inf, 3.0])).tolist()
    [-2.0, 3.0]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("CELU", inplace)
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        """Return ``x where x > 0, else alpha (exp(x / alpha) - 1)``."""
        y: Array = self._keep(F.celu(x, self.alpha))
        return y

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class ELU(Layer):
    """Exponential linear unit: `scratchnet.functional.elu`.

    Parameters
    ----------
    alpha : float, default 1
        How far down it goes.
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
    >>> nn.ELU(2.0)(np.array([-np.inf, 3.0])).tolist()
    [-2.0, 3.0]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("ELU", inplace)
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        """Return ``x where x > 0, else alpha (exp(x) - 1)``."""
        y: Array = self._keep(F.elu(x, self.alpha))
        return y

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class LogSigmoid(Layer):
    """Logarithm of the logistic function: `scratchnet.functional.logsigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.LogSigmoid()(np.array([-1000.0])).tolist()
    [-1000.0]
    """

    def forward(self, x: Array) -> Array:
        """Return ``-log(1 + exp(-x))``."""
        y: Array = self._keep(F.logsigmoid(x))
        return y


class SELU(Layer):
    """Scaled exponential linear unit: `scratchnet.functional.selu`.

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
    >>> nn.SELU()(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 1.0507]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("SELU", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``scale (x where x > 0, else alpha (exp(x) - 1))``."""
        y: Array = self._keep(F.selu(x))
        return y


class Softplus(Layer):
    """Smooth form of the rectified linear unit: `scratchnet.functional.softplus`.

    Parameters
    ----------
    beta : float, not 0, default 1
        How sharply it bends.
    threshold : float, default 20
        Where ``beta x`` is above it, the value is x.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softplus()(np.array([0.0, 100.0])).round(4).tolist()
    [0.6931, 100.0]
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Array) -> Array:
        """Return ``log(1 + exp(beta x)) / beta``."""
        y: Array = self._keep(F.softplus(x, self.beta, self.threshold))
        return y

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Layer):
    """``x / (1 + abs(x))``: `scratchnet.functional.softsign`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softsign()(np.array([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """

    def forward(self, x: Array) -> Array:
        """Return ``x / (1 + abs(x))``."""
        y: Array = self._keep(F.softsign(x))
        return y


class Tanhshrink(Layer):
    """``x - tanh(x)``: `scratchnet.functional.tanhshrink`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Tanhshrink()(np.array([0.0, 100.0])).tolist()
    [0.0, 99.0]
    """

    def forward(self, x: Array) -> Array:
        """Return ``x - tanh(x)``."""
        y: Array = self._keep(F.tanhshrink(x))
        return y
