"""Where the maximum of a window is, and the way back to there: shared by poolings that keep indices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._types import Array
    from ._windows import Sides


def first_largest(windows: Array) -> Array:
    """Return the place of the maximum along the last axis: of equals the first, of several NaN the last.

    >>> first_largest(np.array([[1.0, 2.0, 2.0], [np.nan, 5.0, np.nan]])).tolist()
    [1, 2]
    """
    place: Array = np.argmax(windows, axis=-1)
    missing = np.isnan(windows)
    if missing.any():
        last = windows.shape[-1] - 1 - np.argmax(missing[..., ::-1], axis=-1)
        place = np.where(missing.any(axis=-1), last, place)
    return place


def add_at(dy: Array, indices: Array, sides: Sides) -> Array:
    """Return zeros of these `sides`, plus each element of `dy` at its index in the flat image."""
    lead = dy.shape[: -len(sides)]
    size = math.prod(sides)
    dx = np.zeros(math.prod(lead) * size, dtype=dy.dtype)
    images = np.arange(math.prod(lead)).reshape(*lead, *(1,) * len(sides))
    np.add.at(dx, (images * size + indices).reshape(-1), dy.reshape(-1))
    return dx.reshape(*lead, *sides)
