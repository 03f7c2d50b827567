"""Entries of fold and unfold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def draw_windows(d: Draw) -> tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]:
    """Return the options of both, the sides of the image, and how many windows there are along each."""
    windows = [d.window() for _ in range(2)]
    sides = tuple(w.side for w in windows)
    out = tuple((w.side + 2 * w.padding - w.dilation * (w.kernel - 1) - 1) // w.stride + 1 for w in windows)
    options = {
        "kernel_size": d.numbers(w.kernel for w in windows),
        "dilation": d.numbers(w.dilation for w in windows),
        "padding": d.numbers(w.padding for w in windows),
        "stride": d.numbers(w.stride for w in windows),
    }
    return options, sides, out


def _unfold(x: Array, **options: object) -> Case:
    defaults: dict[str, object] = {"dilation": 1, "padding": 0, "stride": 1}
    return Case("unfold", {"x": x}, {**defaults, **options}, ("x",))


def _fold(x: Array, **options: object) -> Case:
    defaults: dict[str, object] = {"dilation": 1, "padding": 0, "stride": 1}
    return Case("fold", {"x": x}, {**defaults, **options}, ("x",))


def _draw_unfold(d: Draw) -> Case:
    options, sides, _ = draw_windows(d)
    return _unfold(d.array(*d.samples(), d.side(1, 3), *sides), **options)


def _draw_fold(d: Draw) -> Case:
    options, sides, out = draw_windows(d)
    rows = d.side(1, 3) * math.prod(_each(options["kernel_size"]))
    return _fold(d.array(*d.samples(), rows, math.prod(out)), output_size=d.numbers(sides), **options)


def _each(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * 2


def _jax_unfold(jax: Any, x: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    images = x if x.ndim == 4 else x[None]
    patches = jax.lax.conv_general_dilated_patches(
        images, _each(kernel_size), _each(stride), [(p, p) for p in _each(padding)],
        rhs_dilation=_each(dilation), precision=jax.lax.Precision.HIGHEST,
    )  # fmt: skip
    y = patches.reshape(*patches.shape[:2], math.prod(patches.shape[2:]))
    return y if x.ndim == 4 else y[0]


def _jax_fold(
    jax: Any, x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> Any:
    """Return the pullback of unfold, which takes `x` for its cotangent."""
    columns = x if x.ndim == 3 else x[None]
    n, rows, _ = columns.shape
    shape = (n, rows // math.prod(_each(kernel_size)), *_each(output_size))
    zeros = jax.numpy.zeros(shape, columns.dtype)
    _, pull = jax.vjp(lambda images: _jax_unfold(jax, images, kernel_size, dilation, padding, stride), zeros)
    y = pull(columns)[0]
    return y if x.ndim == 3 else y[0]


def _options(good: Case, *names: str) -> tuple[Invalid, ...]:
    """Return what both refuse of their options."""
    bad = []
    for name in names:
        least = 0 if name == "padding" else 1
        bad += [
            Invalid(
                f"{name} below {least}",
                good.with_options(**{name: least - 1}),
                (f": {name} must be at least {least}", f"{name}={least - 1}"),
            ),
            Invalid(
                f"three numbers for {name}",
                good.with_options(**{name: (1, 1, 1)}),
                (f": {name} must be an integer or a tuple of 2", f"{name}=(1, 1, 1)"),
            ),
            Invalid(
                f"a {name} that is no integer",
                good.with_options(**{name: 1.5}),
                (f": {name} must be an integer", f"{name}=1.5"),
                TypeError,
            ),
        ]
    return tuple(bad)


_UNFOLDED = _unfold(np.ones((2, 3, 4, 5)), kernel_size=(2, 3))
_FOLDED = _fold(np.ones((2, 18, 9)), output_size=(4, 5), kernel_size=(2, 3))

UNFOLD = Operation(
    "unfold",
    _draw_unfold,
    (
        *usual_refusals(_UNFOLDED, (2, 18, 9)),
        *_options(_UNFOLDED, "kernel_size", "dilation", "padding", "stride"),
        Invalid("an x without channels", _UNFOLDED.replace(x=np.ones((4, 5))), (": x must be", "(4, 5)")),
        Invalid(
            "no channels",
            _UNFOLDED.replace(x=np.ones((2, 0, 4, 5))),
            (": only the batch of x may be empty", "(2, 0, 4, 5)"),
        ),
        Invalid(
            "a kernel larger than x",
            _UNFOLDED.with_options(kernel_size=7, padding=1),
            (
                ": the kernel must not be larger",
                "(0, 1)",
                "kernel_size=7",
                "dilation=1",
                "padding=1",
                "x of shape (2, 3, 4, 5)",
            ),
        ),
    ),
    jax=_jax_unfold,
    per_sample=lambda case: ("x",) if case["x"].ndim == 4 else (),
)

FOLD = Operation(
    "fold",
    _draw_fold,
    (
        *usual_refusals(_FOLDED, (2, 3, 4, 5)),
        *_options(_FOLDED, "output_size", "kernel_size", "dilation", "padding", "stride"),
        Invalid("one column alone", _FOLDED.replace(x=np.ones(18)), (": x must be (N, C kH kW, L)", "(18,)")),
        Invalid(
            "rows that are no multiple of the window",
            _FOLDED.replace(x=np.ones((2, 17, 9))),
            (": x must have a multiple of kH kW = 6", "(2, 17, 9)", "kernel_size=(2, 3)"),
        ),
        Invalid(
            "no rows",
            _FOLDED.replace(x=np.ones((2, 0, 9))),
            (": x must have a multiple of kH kW = 6", "(2, 0, 9)"),
        ),
        Invalid(
            "columns that are not as many as the windows",
            _FOLDED.replace(x=np.ones((2, 18, 8))),
            (
                ": x must have one column for each window of the output, (3, 3): 9",
                "(2, 18, 8)",
                "output_size=(4, 5)",
                "kernel_size=(2, 3)",
            ),
        ),
        Invalid(
            "a kernel larger than the output",
            _FOLDED.with_options(output_size=(1, 5)),
            (
                ": the kernel must not be larger",
                "output_size=(1, 5)",
                "kernel_size=(2, 3)",
                "dilation=1",
                "padding=0",
            ),
        ),
    ),
    jax=_jax_fold,
    per_sample=lambda case: ("x",) if case["x"].ndim == 3 else (),
)
