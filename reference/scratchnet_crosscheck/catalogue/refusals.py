"""Bad calls that every operation must refuse alike, made from one good call."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..case import Case
from .protocol import Invalid


def usual_refusals(good: Case, output_shape: tuple[int, ...]) -> tuple[Invalid, ...]:
    """Return the bad calls that follow from a good one: lists, integers, mixed dtypes, wrong cotangents.

    Examples
    --------
    >>> good = Case("relu", {"x": np.zeros(3)}, differentiable=("x",))
    >>> [bad.why for bad in usual_refusals(good, (3,))]
    ['x given as a list', 'x of integers', 'a cotangent of another shape', 'a cotangent of another dtype', \
'a cotangent given as a list']
    """
    first = good.slots[0]
    bad = [
        Invalid(
            f"{first} given as a list",
            good.replace(**{first: cast("Any", good[first].tolist())}),
            (f": {first} must", "list"),
            TypeError,
        ),
        Invalid(
            f"{first} of integers",
            good.replace(**{first: good[first].astype(np.int64)}),
            (f": {first} must", "int64"),
            TypeError,
        ),
    ]
    bad += [
        Invalid(
            f"{name} of another dtype than {first}", good.replace(**{name: array.astype(np.float32)}),
            (f": {name} must have the dtype of {first}", "float32", "float64"), TypeError,
        )
        for name, array in good.given.items()
        if name != first and array.dtype == np.float64
    ]  # fmt: skip
    odd = np.zeros((7, 1, 2, 1, 3, 1))
    single = np.zeros(output_shape, np.float32)
    if len(good.outputs) == 1:
        bad += [
            Invalid("a cotangent of another shape", good, (": dy must", str(odd.shape)), ValueError, (odd,)),
            Invalid("a cotangent of another dtype", good, (": dy must", "float32"), TypeError, (single,)),
            Invalid(
                "a cotangent given as a list", good, (": dy must", "list"), TypeError, (cast("Any", [1.0]),)
            ),
        ]
    return tuple(bad)
