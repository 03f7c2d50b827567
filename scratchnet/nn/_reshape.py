"""Layers that only rearrange elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class Flatten(Layer):
    """One dimension out of several: `scratchnet.functional.flatten`.

    Parameters
    ----------
    start_dim, end_dim : int, default 1 and -1
        The first and the last of the dimensions; by default all but the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Flatten()
    >>> layer
    Flatten(start_dim=1, end_dim=-1)
    >>> layer(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Array) -> Array:
        """Return `x` with those dimensions made one."""
        y: Array = self._keep(F.flatten(x, self.start_dim, self.end_dim))
        return y

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
