"""Layers of the linear family."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_generator, check_integer
from ._initial import uniform
from ._layer import Layer

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._types import Array


class Linear(Layer):
    """Linear map of the last axis, ``y = x W^T + b``: `scratchnet.functional.linear` with its parameters.

    Parameters
    ----------
    in_features, out_features : int
        The sides of the last axis, before and after.
    bias : bool, default True
        Whether `b` is learned; without it nothing is added.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (out_features, in_features) and ``bias`` (out_features,), at first uniform within
        ``1 / sqrt(in_features)`` of 0, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        A side is not a non-negative integer; `generator` is not a Generator.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Linear(3, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    >>> y = layer(np.ones((5, 3), np.float32))
    >>> layer.backward(np.ones_like(y)).shape
    (5, 3)
    >>> layer.grads["bias"].tolist()
    [5.0, 5.0]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features = check_integer("Linear", "in_features", in_features, minimum=0)
        self.out_features = check_integer("Linear", "out_features", out_features, minimum=0)
        generator = check_generator("Linear", generator)
        bound = in_features**-0.5 if in_features else 0.0
        self._params["weight"] = uniform((out_features, in_features), bound, dtype, generator)
        if bias:
            self._params["bias"] = uniform((out_features,), bound, dtype, generator)

    def forward(self, x: Array) -> Array:
        """Return ``x W^T + b`` for x of shape (*, in_features)."""
        params = self._params
        y: Array = self._keep(F.linear(x, params["weight"], params.get("bias")))
        return y

    def extra_repr(self) -> str:
        bias = "bias" in self._params
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"
