"""Layers of the linear family."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_float_dtype, check_generator, check_integer
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
        dtype = check_float_dtype("Linear", dtype)
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


class Bilinear(Layer):
    """Map linear in each of two inputs: `scratchnet.functional.bilinear` with its parameters.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        The sides of the last axes: of the two inputs and of the value.
    bias : bool, default True
        Whether `b` is learned; without it nothing is added.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (out_features, in1_features, in2_features) and ``bias`` (out_features,), at first uniform
        within ``1 / sqrt(in1_features)`` of 0, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        `in1_features` is not a positive integer or another side not a non-negative one; `generator` is not a
        Generator.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Bilinear(2, 3, 4)
    >>> layer
    Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)
    >>> y = layer(np.ones((5, 2), np.float32), np.ones((5, 3), np.float32))
    >>> dinput1, dinput2 = layer.backward(np.ones_like(y))
    >>> y.shape, dinput1.shape, dinput2.shape
    ((5, 4), (5, 2), (5, 3))
    """

    _inputs: ClassVar[int] = 2
    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in1_features = check_integer("Bilinear", "in1_features", in1_features, minimum=1)
        self.in2_features = check_integer("Bilinear", "in2_features", in2_features, minimum=0)
        self.out_features = check_integer("Bilinear", "out_features", out_features, minimum=0)
        dtype = check_float_dtype("Bilinear", dtype)
        generator = check_generator("Bilinear", generator)
        bound = in1_features**-0.5
        shape = (out_features, in1_features, in2_features)
        self._params["weight"] = uniform(shape, bound, dtype, generator)
        if bias:
            self._params["bias"] = uniform((out_features,), bound, dtype, generator)

    def forward(self, input1: Array, input2: Array) -> Array:
        """Return ``input1^T W input2 + b``; `backward` returns the cotangents of both."""
        params = self._params
        y: Array = self._keep(F.bilinear(input1, input2, params["weight"], params.get("bias")))
        return y

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={'bias' in self._params}"
        )
