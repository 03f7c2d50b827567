"""Layers that only rearrange elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import functional as F
from .._check import check_integer, refuse_type
from ..functional._reshape import copied
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array


class Identity(Layer):
    """The input as it is: a place-holder in a network.

    Parameters
    ----------
    *args, **kwargs
        Anything; not used.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Identity(54, unused=True)
    >>> layer
    Identity()
    >>> layer(np.ones(2)).tolist(), layer.backward(np.array([3.0, 4.0])).tolist()
    ([1.0, 1.0], [3.0, 4.0])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - any are taken
        super().__init__()

    def forward(self, x: Array) -> Array:
        """Return a copy of `x`."""
        y: Array = self._keep(copied(x))
        return y


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


class Unflatten(Layer):
    """Several dimensions out of one: `scratchnet.functional.unflatten`.

    Parameters
    ----------
    dim : int
        Which dimension; negative ones count from the end.
    unflattened_size : tuple or list of int
        The sides of the new dimensions; one of them may be -1 and follows from the others.

    Raises
    ------
    TypeError
        `unflattened_size` is not a tuple or list of integers.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Unflatten(1, (3, 4))
    >>> layer
    Unflatten(dim=1, unflattened_size=(3, 4))
    >>> layer(np.ones((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list):
            requirement = "unflattened_size must be a tuple of integers"
            raise refuse_type("Unflatten", requirement, unflattened_size=unflattened_size)
        for side in unflattened_size:
            check_integer("Unflatten", "each of unflattened_size", side)
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, x: Array) -> Array:
        """Return `x` with that dimension made several."""
        y: Array = self._keep(F.unflatten(x, self.dim, self.unflattened_size))
        return y

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
