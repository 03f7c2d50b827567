"""Numbers as 0-d arrays of each dtype.

A Python number in a ufunc call is converted anew each time, which for small arrays doubles the call's cost; a
NumPy scalar of another dtype would change the result's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Array


def constant(value: float) -> dict[str, Array]:
    """Return `value` as a read-only 0-d array of each float dtype, by the dtype's character."""
    table = {}
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        number: Any = np.array(value, dtype=dtype)
        number.flags.writeable = False
        table[number.dtype.char] = number
    return table


ZERO = constant(0.0)
ONE = constant(1.0)
