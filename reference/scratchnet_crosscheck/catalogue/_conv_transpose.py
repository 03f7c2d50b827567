"""Entries of the transposed convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(n: int, x: Array, weight: Array, bias: Array | None = None, **options: object) -> Case:
    arrays = {"x": x, "weight": weight, "bias": bias}
    differentiable = tuple(name for name, array in arrays.items() if array is not None)
    defaults: dict[str, object] = {
        "stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1,
    }  # fmt: skip
    return Case(f"conv_transpose{n}d", arrays, {**defaults, **options}, differentiable)


def draw_sides(d: Draw, n: int) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """Return geometry options whose output has no empty side, and the sides of the input."""
    kernel: list[int] = []
    stride: list[int] = []
    padding: list[int] = []
    extra: list[int] = []
    dilation: list[int] = []
    sides: list[int] = []
    for _ in range(n):
        kernel.append(d.integer(1, 3))
        stride.append(d.integer(1, 3))
        dilation.append(d.integer(1, 2))
        sides.append(d.side(1, 4 if n < 3 else 2))
        extra.append(d.one_of(0, d.integer(0, max(stride[-1], dilation[-1]) - 1)))
        reached = (sides[-1] - 1) * stride[-1] + dilation[-1] * (kernel[-1] - 1) + 1 + extra[-1]
        padding.append(d.integer(0, min(3, (reached - 1) // 2)))
    options = {
        "kernel_size": tuple(kernel), "stride": tuple(stride), "padding": tuple(padding),
        "output_padding": tuple(extra), "dilation": tuple(dilation),
    }  # fmt: skip
    return options, tuple(sides)


def _draw(d: Draw, n: int) -> Case:
    groups = d.one_of(1, 1, 2, 3)
    c_in, c_out = groups * d.side(1, 3), groups * d.side(1, 3)
    batch = d.samples()
    geometry, sides = draw_sides(d, n)
    kernel = geometry.pop("kernel_size")
    return _case(
        n,
        d.array(*batch, c_in, *sides),
        d.array(c_in, c_out // groups, *kernel),
        d.array(c_out) if d.flag() else None,
        groups=groups,
        **{name: d.numbers(values) for name, values in geometry.items()},
    )


def _jax_conv_transpose(
    jax: Any, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Any:  # fmt: skip
    """Convolve `x`, with zeros between its elements and around it, with the flipped weight."""
    n = weight.ndim - 2

    def each(value: Any) -> tuple[int, ...]:
        return value if isinstance(value, tuple) else (value,) * n

    reach = [d * (k - 1) for d, k in zip(each(dilation), weight.shape[2:], strict=True)]
    pads = [
        (r - p, r - p + extra) for r, p, extra in zip(reach, each(padding), each(output_padding), strict=True)
    ]
    c, o = weight.shape[:2]
    kernel = weight.shape[2:]
    # (C, O/G, *) to (O, C/G, *), the output channels group by group
    flipped = jax.numpy.flip(weight, axis=tuple(range(2, n + 2)))
    flipped = flipped.reshape(groups, c // groups, o, *kernel).swapaxes(1, 2)
    flipped = flipped.reshape(groups * o, c // groups, *kernel)
    spatial = "DHW"[3 - n :]
    y = jax.lax.conv_general_dilated(
        x if x.ndim == n + 2 else x[None], flipped, (1,) * n, pads, lhs_dilation=each(stride),
        rhs_dilation=each(dilation), feature_group_count=groups,
        dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
        precision=jax.lax.Precision.HIGHEST,
    )  # fmt: skip
    y = y if bias is None else y + bias.reshape((-1,) + (1,) * n)
    return y if x.ndim == n + 2 else y[0]


def _operation(n: int) -> Operation:
    x, weight = np.ones((2, 4) + (5,) * n), np.ones((4, 3) + (3,) * n)
    good = _case(n, x, weight, np.ones(6), groups=2)
    sides = ("kL", "kH, kW", "kD, kH, kW")[n - 1]
    other = (6, 3, *(3,) * n)

    def too_many(option: str) -> Invalid:
        return Invalid(
            f"four numbers for {option}",
            good.with_options(**{option: (1,) * 4}),
            (f": {option} must be an integer or a tuple of {n}", f"{option}=(1, 1, 1, 1)"),
        )

    return Operation(
        f"conv_transpose{n}d",
        lambda d: _draw(d, n),
        (
            *usual_refusals(good, (2, 6) + (7,) * n),
            Invalid(
                "groups that do not divide the input channels",
                good.with_options(groups=3),
                (": groups must divide the input channels", "groups=3", f"x of shape {x.shape}"),
            ),
            Invalid(
                "groups of zero", good.with_options(groups=0), (": groups must be at least 1", "groups=0")
            ),
            Invalid(
                "a weight of other channels",
                good.replace(weight=np.ones(other)),
                (": weight must have C = 4", f"weight of shape {other}", f"x of shape {x.shape}"),
            ),
            Invalid(
                "an x without channels",
                good.replace(x=np.ones((5,) * n)),
                (": x must be ", f"x of shape {(5,) * n}"),
            ),
            Invalid(
                "a weight of one rank less",
                good.replace(weight=weight[..., 0]),
                (
                    f": weight must be (C, C_out / groups, {sides})",
                    f"weight of shape {weight[..., 0].shape}",
                ),
            ),
            Invalid(
                "a weight without output channels",
                good.replace(weight=weight[:, :0], bias=None),
                (": weight must have an input channel", f"weight of shape {weight[:, :0].shape}"),
            ),
            Invalid(
                "a weight without input channels",
                good.replace(x=x[:, :0], weight=weight[:0], bias=None),
                (": weight must have an input channel", f"weight of shape {weight[:0].shape}"),
            ),
            Invalid(
                "a weight without sides",
                good.replace(weight=weight[..., :0]),
                (": weight must have an input channel", f"weight of shape {weight[..., :0].shape}"),
            ),
            Invalid(
                "an x without sides",
                good.replace(x=x[..., :0]),
                (": only the batch of x may be empty", f"x of shape {x[..., :0].shape}"),
            ),
            Invalid(
                "a bias of another length",
                good.replace(bias=np.ones(5)),
                (
                    ": bias must have one element for each of the 6",
                    "bias of shape (5,)",
                    f"weight of shape {weight.shape}",
                ),
            ),
            Invalid(
                "padding that leaves nothing",
                good.replace(x=np.ones((2, 4) + (1,) * n)).with_options(padding=2),
                (
                    ": something must be left of the output",
                    f"the sides {(-1,) * n}",
                    f"padding={(2,) * n}",
                    f"x of shape {(2, 4, *(1,) * n)}",
                    f"weight of shape {weight.shape}",
                ),
            ),
            Invalid(
                "an output_padding of the stride",
                good.with_options(stride=2, output_padding=2),
                (
                    ": output_padding must be smaller than",
                    "output_padding=2",
                    f"stride={(2,) * n}",
                    f"dilation={(1,) * n}",
                ),
            ),
            Invalid(
                "a negative output_padding",
                good.with_options(output_padding=-1),
                (": output_padding must be at least 0", "output_padding=-1"),
            ),
            Invalid(
                "a stride of zero", good.with_options(stride=0), (": stride must be at least 1", "stride=0")
            ),
            Invalid(
                "a negative padding",
                good.with_options(padding=-1),
                (": padding must be at least 0", "padding=-1"),
            ),
            Invalid(
                "a padding in words",
                good.with_options(padding="same"),
                (": padding must be ", "padding='same'"),
            ),
            Invalid(
                "a dilation of zero",
                good.with_options(dilation=0),
                (": dilation must be at least 1", "dilation=0"),
            ),
            *(too_many(option) for option in ("stride", "padding", "output_padding", "dilation")),
        ),
        jax=_jax_conv_transpose,
        per_sample=lambda case: ("x",) if case["x"].ndim == n + 2 else (),
        extremes=(),  # which products with zeros are formed is up to PyTorch's kernels
    )


CONV_TRANSPOSE1D, CONV_TRANSPOSE2D, CONV_TRANSPOSE3D = (_operation(n) for n in (1, 2, 3))
