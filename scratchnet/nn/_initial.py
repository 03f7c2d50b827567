"""Initial values of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._types import Array


def uniform(
    shape: tuple[int, ...], bound: float, dtype: npt.DTypeLike, generator: np.random.Generator
) -> Array:
    """Return uniform numbers within `bound` of 0.

    With ``bound = 1 / sqrt(fan_in)`` this is what PyTorch's layers start from (He et al., "Delving Deep into
    Rectifiers", 2015, equation 10, with a leaky slope of sqrt(5)). The numbers are drawn in float64 whatever
    `dtype` is, so that one seed gives one network in every precision.
    """
    return np.asarray(generator.uniform(-bound, bound, size=shape)).astype(dtype)
