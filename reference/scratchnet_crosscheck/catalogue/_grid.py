"""Entries of sampling at the places of a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..case import Case
from ..strategies import EXTREMES
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(x: Array, grid: Array, **options: object) -> Case:
    defaults: dict[str, object] = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": None}
    return Case("grid_sample", {"x": x, "grid": grid}, {**defaults, **options}, ("x", "grid"))


def _draw_sample(d: Draw) -> Case:
    n_dims = d.one_of(2, 3)
    modes = ("bilinear", "nearest", "bicubic")[: 5 - n_dims]
    return draw_sample(d, n_dims, d.one_of(*modes), d.one_of("zeros", "border", "reflection"))


def draw_sample(d: Draw, n_dims: int, mode: str, padding: str) -> Case:
    """Draw a call of `grid_sample` of a map of so many dimensions."""
    batch, sides, out = d.batch(), d.sides(n_dims, high=4), d.sides(n_dims, high=3)
    aligned = d.one_of(None, False, True)
    # Places a quarter apart; where a derivative is taken, none at which it jumps: on elements, their halves
    # (the nearest) and the border, which lies at halves too.
    parts: tuple[float, ...] = (
        (0.25, 0.375, 0.125) if d.setting.values == "calm" else (0.25, 0.0, 0.5, 0.375, 0.75)
    )
    if d.setting.values == "calm" and mode != "nearest":
        parts = (0.25, 0.375, 0.75, 0.125)
    columns = []
    for side in reversed(sides):
        size = batch * math.prod(out)
        whole = np.array([d.integer(-3, side + 2) for _ in range(size)], dtype=np.float64)
        place = whole + np.array([d.one_of(*parts) for _ in range(size)])
        extent = side - 1 if aligned else side
        line = 2 * place / extent - 1 if aligned and extent else (2 * place + 1) / side - 1
        columns.append(line.reshape(batch, *out))
    grid = np.stack(columns, axis=-1).astype(d.setting.dtype)
    x = d.array(batch, d.side(1, 3), *sides)
    return _case(x, d.laid_out(grid), mode=mode, padding_mode=padding, align_corners=aligned)


_GOOD = _case(np.ones((2, 3, 4, 4)), np.zeros((2, 1, 5, 2)))

GRID_SAMPLE = Operation(
    "grid_sample",
    _draw_sample,
    (
        *usual_refusals(_GOOD, (2, 3, 1, 5)),
        Invalid("another mode", _GOOD.with_options(mode="linear"), (": mode must", "'linear'")),
        Invalid(
            "another padding", _GOOD.with_options(padding_mode="wrap"), (": padding_mode must", "'wrap'")
        ),
        Invalid("a sequence", _GOOD.replace(x=np.ones((2, 3, 4))), (": x must", "(2, 3, 4)")),
        Invalid(
            "another batch",
            _GOOD.replace(grid=np.zeros((1, 1, 5, 2))),
            (": grid must be (N, H_out, W_out, 2)", "(1, 1, 5, 2)", "(2, 3, 4, 4)"),
        ),
        Invalid(
            "two coordinates of a volume",
            _case(np.ones((1, 1, 2, 2, 2)), np.zeros((1, 1, 1, 1, 2))),
            (": grid must be (N, D_out, H_out, W_out, 3)", "(1, 1, 1, 1, 2)"),
        ),
        Invalid(
            "three coordinates", _GOOD.replace(grid=np.zeros((2, 1, 5, 3))), (": grid must", "(2, 1, 5, 3)")
        ),
        Invalid(
            "a grid of a volume",
            _GOOD.replace(grid=np.zeros((2, 1, 1, 5, 2))),
            (": grid must", "(2, 1, 1, 5, 2)"),
        ),
        Invalid(
            "bicubic of volumes",
            _case(np.ones((1, 1, 2, 2, 2)), np.zeros((1, 1, 1, 1, 3)), mode="bicubic"),
            (": mode must", "got mode='bicubic'", "(1, 1, 2, 2, 2)"),
        ),
        Invalid("an empty side", _GOOD.replace(x=np.ones((2, 3, 0, 4))), (": x must", "(2, 3, 0, 4)")),
    ),
    per_sample=lambda _: ("x", "grid"),
    # Whether an element with weight 0 counts differs between PyTorch's bodies.
    extremes=tuple(value for value in EXTREMES if math.isfinite(value)),
)


# ---- affine_grid


def _draw_affine(d: Draw) -> Case:
    return draw_affine(d, d.one_of(2, 3))


def draw_affine(d: Draw, n_dims: int) -> Case:
    """Draw a call of `affine_grid` for a map of so many dimensions."""
    sizes = (max(d.batch(), 1), d.side(1, 2), *d.sides(n_dims, high=4))
    theta = d.array(sizes[0], n_dims, n_dims + 1)
    size = list(sizes) if d.flag() else sizes
    return Case(
        "affine_grid",
        {"theta": theta},
        {"size": size, "align_corners": d.one_of(None, False, True)},
        ("theta",),
    )


_AFFINE = Case(
    "affine_grid", {"theta": np.ones((2, 2, 3))}, {"size": (2, 1, 4, 5), "align_corners": None}, ("theta",)
)

AFFINE_GRID = Operation(
    "affine_grid",
    _draw_affine,
    (
        *usual_refusals(_AFFINE, (2, 4, 5, 2)),
        Invalid("an empty side", _AFFINE.with_options(size=(2, 1, 0, 5)), (": each of size must", "0")),
        Invalid("three sides", _AFFINE.with_options(size=(2, 4, 5)), (": size must", "(2, 4, 5)")),
        Invalid(
            "another batch",
            _AFFINE.with_options(size=(3, 1, 4, 5)),
            (": theta must be (3, 2, 3)", "(2, 2, 3)", "size=(3, 1, 4, 5)"),
        ),
        Invalid("a matrix alone", _AFFINE.replace(theta=np.ones((2, 3))), (": theta must", "(2, 3)")),
        Invalid(
            "a size that is a number", _AFFINE.with_options(size=4), (": size must", "size=4"), TypeError
        ),
        Invalid(
            "a side of 5.0",
            _AFFINE.with_options(size=(2, 1, 4, 5.0)),
            (": each of size must", "5.0"),
            TypeError,
        ),
    ),
)
