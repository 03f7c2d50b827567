"""Fractional max pooling: `scratchnet.functional` with its samples and generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_generator, check_integer, check_number, refuse, refuse_type
from ._each import each_of
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._types import Array, Pullback
    from ..functional._windows import IntOrSides


class _FractionalMaxPoolNd(Layer):
    """What the fractional max poolings share."""

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]]
    _n_dims: ClassVar[int]
    _slots: ClassVar[tuple[str, ...]] = ("",)  # samples have no cotangent

    def __init__(
        self,
        kernel_size: IntOrSides,
        output_size: IntOrSides | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Array | None = None,
        *,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            raise refuse(
                name,
                "one of output_size and output_ratio must be given",
                output_size=output_size,
                output_ratio=output_ratio,
            )
        self.kernel_size = each_of(kernel_size, self._n_dims)
        for side in self.kernel_size:
            check_integer(name, "kernel_size", side, minimum=1)
        self.output_size = None if output_size is None else each_of(output_size, self._n_dims)
        self.output_ratio = None if output_ratio is None else each_of(output_ratio, self._n_dims)
        for ratio in self.output_ratio or ():
            if not 0 < check_number(name, "output_ratio", ratio) < 1:
                raise refuse(name, "output_ratio must lie between 0 and 1", output_ratio=output_ratio)
        self.return_indices = return_indices
        self.generator = check_generator(name, generator)
        if _random_samples is not None:
            if not isinstance(_random_samples, np.ndarray):
                raise refuse_type(
                    name,
                    "_random_samples must be a NumPy array",
                    **{"type of _random_samples": type(_random_samples).__name__},
                )
            self._buffers["_random_samples"] = _random_samples.copy()

    def forward(self, x: Array) -> Any:
        """Return the maxima; with `return_indices` the pair of them and of where they were."""
        return self._keep(
            type(self)._function(
                x,
                self.kernel_size,
                self.output_size,
                self.output_ratio,
                self.return_indices,
                self._buffers.get("_random_samples"),
                self.generator,
            )
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows of images at drawn steps: `scratchnet.functional.fractional_max_pool2d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    output_size : int or tuple of int, optional
    output_ratio : float or tuple of float, optional
        Between 0 and 1. Either this or `output_size` is given.
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.
    _random_samples : ndarray, shape (N, C, 2), optional
        Where the steps begin, for every call; drawn anew for each where it is not given.
    generator : numpy.random.Generator, optional
        Draws the samples; by default a freshly seeded one.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.FractionalMaxPool2d(2, output_ratio=0.5)
    >>> layer
    FractionalMaxPool2d()
    >>> y = layer(np.ones((1, 3, 8, 6)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3), (1, 3, 8, 6))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.fractional_max_pool2d)
    _n_dims: ClassVar[int] = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima over windows of volumes or films at drawn steps: `scratchnet.functional.fractional_max_pool3d`.

    Parameters
    ----------
    kernel_size : int or tuple of int
    output_size : int or tuple of int, optional
    output_ratio : float or tuple of float, optional
        Between 0 and 1. Either this or `output_size` is given.
    return_indices : bool, default False
        Whether `forward` returns the pair ``(y, indices)``; `backward` takes one cotangent all the same.
    _random_samples : ndarray, shape (N, C, 3), optional
        Where the steps begin, for every call; drawn anew for each where it is not given.
    generator : numpy.random.Generator, optional
        Draws the samples; by default a freshly seeded one.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.FractionalMaxPool3d(2, output_ratio=0.5)
    >>> layer
    FractionalMaxPool3d()
    >>> y = layer(np.ones((1, 3, 8, 6, 4)))
    >>> y.shape, layer.backward(y).shape
    ((1, 3, 4, 3, 2), (1, 3, 8, 6, 4))
    """

    _function: ClassVar[Callable[..., tuple[Any, Pullback]]] = staticmethod(F.fractional_max_pool3d)
    _n_dims: ClassVar[int] = 3
