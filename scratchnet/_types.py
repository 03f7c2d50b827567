"""The three types that every function's signature is written with."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any shape; which dtypes are taken is said by each function."""

Cotangents: TypeAlias = tuple[Array | None, ...]
"""What a pullback returns: one slot for each array argument of its function, in signature order."""

Pullback: TypeAlias = Callable[..., Cotangents]
"""``pullback(dy, needs_input_grad=(True, ...))``: the backward pass of one call."""

Scalar: TypeAlias = np.floating[Any]
"""The value of a loss that is reduced to one number."""
