"""Numerical differentiation of a runner's own forward pass, along a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scratchnet.numerical import directional_derivative, one_sided_derivatives

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array, Outputs
    from ..case import Case
    from .protocol import Runner


@dataclass(frozen=True)
class Slope:
    """An output's derivative along a direction, from the right and the left, and how far it may be off."""

    right: Array
    left: Array
    error: Array


def slopes(runner: Runner, case: Case, directions: Mapping[str, Array], *, smooth: bool) -> tuple[Slope, ...]:
    """Return the derivative of each of the case's outputs along `directions`, by element.

    A smooth function is differenced centrally, one with kinks on either side apart.
    """

    def along(*moved: Array) -> Outputs:
        outputs = runner.forward(case.replace(**dict(zip(directions, moved, strict=True))))
        return tuple(np.asarray(y) for y in outputs[: len(case.outputs)])

    here, way = tuple(case[name] for name in directions), tuple(directions.values())
    if smooth:
        middle = directional_derivative(along, here, way)
        return tuple(Slope(v, v, e) for v, e in zip(middle.value, middle.error, strict=True))
    sides = one_sided_derivatives(along, here, way)
    return tuple(
        Slope(right, left, np.maximum(right_error, left_error))
        for right, left, right_error, left_error in zip(
            sides.right.value, sides.left.value, sides.right.error, sides.left.error, strict=True
        )
    )
