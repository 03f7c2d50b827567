"""The forms in which every loader here hands out its images and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .._types import Array

    Part: TypeAlias = tuple[Array, Array]
    """Images and their labels, ``(x, t)``."""


def arrange(images: Array, labels: Array, normalize: bool, flatten: bool, n_classes: int | None) -> Part:
    """Return uint8 images (N, H, W) and labels (N,) as asked for; `n_classes` asks for one-hot labels."""
    n, rows, columns = images.shape
    x = images.reshape((n, rows * columns) if flatten else (n, 1, rows, columns))
    if normalize:
        x = x.astype(np.float32)
        x /= 255.0
    if n_classes is None:
        return x, labels
    t = np.zeros((n, n_classes))  # float64, as in the book
    t[np.arange(n), labels] = 1.0
    return x, t
