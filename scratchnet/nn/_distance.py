"""Distances of vectors as layers of two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class CosineSimilarity(Layer):
    """The cosine of the angle between two vectors: `scratchnet.functional.cosine_similarity`.

    Parameters
    ----------
    dim : int, default 1
        The dimension that the vectors lie along.
    eps : float, default 1e-8
        What a norm is taken to be at least.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.CosineSimilarity()
    >>> layer(np.array([[3.0, 4.0]]), np.array([[2.0, 0.0]])).round(6).tolist()
    [0.6]
    >>> dx1, dx2 = layer.backward(np.array([1.0]))
    >>> dx1.round(6).tolist(), dx2.round(6).tolist()
    ([[0.128, -0.096]], [[0.0, 0.4]])
    """

    _inputs: ClassVar[int] = 2

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Array, x2: Array) -> Array:
        """Return one number for each pair; `backward` returns the cotangents of both."""
        y: Array = self._keep(F.cosine_similarity(x1, x2, self.dim, self.eps))
        return y


class PairwiseDistance(Layer):
    """The p-norm of the difference of two vectors: `scratchnet.functional.pairwise_distance`.

    Parameters
    ----------
    p : float, default 2
        The norm's exponent.
    eps : float, default 1e-6
        What is added to each difference.
    keepdim : bool, default False
        Whether the last axis stays, with side 1.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.PairwiseDistance(eps=0.0)
    >>> layer(np.array([[3.0, 4.0]]), np.zeros((1, 2))).tolist()
    [5.0]
    >>> dx1, dx2 = layer.backward(np.array([1.0]))
    >>> dx1.tolist(), dx2.tolist()
    ([[0.6, 0.8]], [[-0.6, -0.8]])
    """

    _inputs: ClassVar[int] = 2

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Array, x2: Array) -> Array:
        """Return one number for each pair; `backward` returns the cotangents of both."""
        y: Array = self._keep(F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim))
        return y
