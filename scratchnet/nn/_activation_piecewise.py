"""Layers of the piecewise linear activations, and PReLU, which learns a slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_float_dtype, check_generator, check_integer, check_number, refuse
from ._inplace import refuse_inplace
from ._layer import Layer

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._types import Array


class Hardshrink(Layer):
    """Set small numbers to zero: `scratchnet.functional.hardshrink`.

    Parameters
    ----------
    lambd : float, default 0.5
        How far from 0 small numbers may lie.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Hardshrink()(np.array([0.25, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Array) -> Array:
        """Return ``0 where -lambd <= x <= lambd, else x``."""
        y: Array = self._keep(F.hardshrink(x, self.lambd))
        return y

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardsigmoid(Layer):
    """Logistic function of straight lines: `scratchnet.functional.hardsigmoid`.

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
    >>> nn.Hardsigmoid()(np.array([0.0, 4.0])).tolist()
    [0.5, 1.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("Hardsigmoid", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``min(max(x + 3, 0), 6) / 6``."""
        y: Array = self._keep(F.hardsigmoid(x))
        return y


class Hardswish(Layer):
    """Product of x and `hardsigmoid`: `scratchnet.functional.hardswish`.

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
    >>> nn.Hardswish()(np.array([1.5, 4.0])).tolist()
    [1.125, 4.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("Hardswish", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``x min(max(x + 3, 0), 6) / 6``."""
        y: Array = self._keep(F.hardswish(x))
        return y


class Hardtanh(Layer):
    """Clip to an interval: `scratchnet.functional.hardtanh`.

    Parameters
    ----------
    min_val, max_val : float, default -1 and 1
        The interval.
    inplace : bool, default False
        Only False: a layer never writes to what it is given.
    min_value, max_value : None
        Old names of `min_val` and `max_val` in PyTorch, which are refused.

    Raises
    ------
    TypeError, ValueError
        A bound is no number, `max_val` not above `min_val`, `inplace` True, or an old name is used.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Hardtanh(-2.0, 2.0)(np.array([-3.0, 0.5])).tolist()
    [-2.0, 0.5]
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: None = None,
        max_value: None = None,
    ) -> None:
        super().__init__()
        if min_value is not None:
            raise refuse("Hardtanh", "use min_val instead of min_value", min_value=min_value)
        if max_value is not None:
            raise refuse("Hardtanh", "use max_val instead of max_value", max_value=max_value)
        refuse_inplace("Hardtanh", inplace)
        check_number("Hardtanh", "min_val", min_val)
        check_number("Hardtanh", "max_val", max_val)
        if not max_val > min_val:
            raise refuse("Hardtanh", "max_val must be above min_val", min_val=min_val, max_val=max_val)
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Array) -> Array:
        """Return ``min(max(x, min_val), max_val)``."""
        y: Array = self._keep(F.hardtanh(x, self.min_val, self.max_val))
        return y

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class LeakyReLU(Layer):
    """Rectified linear unit that lets a part of what is negative through: `scratchnet.functional.leaky_relu`.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The slope where x is not positive.
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
    >>> nn.LeakyReLU(0.25)(np.array([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("LeakyReLU", inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Array) -> Array:
        """Return ``x where x > 0, else negative_slope x``."""
        y: Array = self._keep(F.leaky_relu(x, self.negative_slope))
        return y

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Layer):
    """Rectified linear unit with a learned slope: `scratchnet.functional.prelu` with its parameter.

    Parameters
    ----------
    num_parameters : int, default 1
        One slope for all, or as many as there are channels.
    init : float, default 0.25
        The slopes at first.
    dtype : dtype, default float32
        Of the parameter, and so of what `forward` takes and returns.

    Attributes
    ----------
    params : dict
        ``weight`` (num_parameters,).

    Raises
    ------
    TypeError, ValueError
        `num_parameters` is not a non-negative integer, `init` no number or `dtype` not one of floats.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.PReLU(dtype=np.float64)
    >>> layer(np.array([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    >>> layer.backward(np.ones(2)).tolist(), layer.grads["weight"].tolist()
    ([0.25, 1.0], [-4.0])
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: npt.DTypeLike = np.float32
    ) -> None:
        super().__init__()
        self.num_parameters = check_integer("PReLU", "num_parameters", num_parameters, minimum=0)
        self.init = init
        first = check_number("PReLU", "init", init)
        self._params["weight"] = np.full(self.num_parameters, first, check_float_dtype("PReLU", dtype))

    def forward(self, x: Array) -> Array:
        """Return ``x where x > 0, else weight_c x`` for x of shape (N, C, *)."""
        y: Array = self._keep(F.prelu(x, self._params["weight"]))
        return y

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ReLU6(Layer):
    """Rectified linear unit that stops at 6: `scratchnet.functional.relu6`.

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
    >>> nn.ReLU6()(np.array([-1.0, 3.0, 8.0])).tolist()
    [0.0, 3.0, 6.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("ReLU6", inplace)

    def forward(self, x: Array) -> Array:
        """Return ``min(max(x, 0), 6)``."""
        y: Array = self._keep(F.relu6(x))
        return y


class RReLU(Layer):
    """Rectified linear unit with random slopes while training: `scratchnet.functional.rrelu`.

    Parameters
    ----------
    lower, upper : float, default 1/8 and 1/3
        Between these the slopes are uniform; in evaluation mode they are the mean of both.
    inplace : bool, default False
        Only False: a layer never writes to what it is given.
    generator : numpy.random.Generator, optional
        The source of the slopes; a freshly seeded one by default.

    Raises
    ------
    TypeError, ValueError
        `inplace` is True, or `generator` no Generator.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.RReLU(0.0, 0.5, generator=np.random.default_rng(0))
    >>> bool((layer(np.full(9, -1.0)) >= -0.5).all())
    True
    >>> layer.eval()(np.array([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    def __init__(
        self,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        inplace: bool = False,
        *,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        refuse_inplace("RReLU", inplace)
        self.lower, self.upper = lower, upper
        self.generator = check_generator("RReLU", generator)

    def forward(self, x: Array) -> Array:
        """Return ``x where x > 0, else a x`` with a drawn from [lower, upper), or their mean."""
        y: Array = self._keep(F.rrelu(x, self.lower, self.upper, self.training, self.generator))
        return y

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class Softshrink(Layer):
    """Move every number towards zero by so much: `scratchnet.functional.softshrink`.

    Parameters
    ----------
    lambd : float, at least 0, default 0.5
        By how much.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.Softshrink()(np.array([0.25, 2.0])).tolist()
    [0.0, 1.5]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Array) -> Array:
        """Return x, `lambd` nearer to 0."""
        y: Array = self._keep(F.softshrink(x, self.lambd))
        return y

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Threshold(Layer):
    """Replace what is not above a threshold by a value: `scratchnet.functional.threshold`.

    Parameters
    ----------
    threshold : float
        What is above it stays.
    value : float
        What the rest becomes.
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
    >>> nn.Threshold(1.0, 20.0)(np.array([0.0, 2.0])).tolist()
    [20.0, 2.0]
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        refuse_inplace("Threshold", inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, x: Array) -> Array:
        """Return ``x where x > threshold, else value``."""
        y: Array = self._keep(F.threshold(x, self.threshold, self.value))
        return y

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"
