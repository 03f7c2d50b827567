"""Type names used throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Outputs: TypeAlias = tuple[Array, ...]
Cotangents: TypeAlias = tuple["Array | None", ...]
Needs: TypeAlias = tuple[bool, ...]
#: ``pullback(cotangents of the outputs, needs_input_grad or None) -> one cotangent (or None) a slot``.
Pull: TypeAlias = Callable[[Outputs, "Needs | None"], Cotangents]
DType: TypeAlias = np.dtype[Any]
