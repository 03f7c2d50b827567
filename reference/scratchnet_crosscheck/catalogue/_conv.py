"""Entries of the convolutions."""

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
    defaults: dict[str, object] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return Case(f"conv{n}d", arrays, {**defaults, **options}, differentiable)


def _draw(d: Draw, n: int) -> Case:
    groups = d.one_of(1, 1, 2, 3)
    c_in, c_out = groups * d.side(1, 3), groups * d.side(1, 3)
    batch = d.samples()
    windows = [d.window(outputs=4 if n < 3 else 2) for _ in range(n)]
    kernel = tuple(w.kernel for w in windows)
    padding = d.one_of("numbers", "numbers", "same", "valid")
    options: dict[str, object] = {"groups": groups, "dilation": d.numbers(w.dilation for w in windows)}
    if padding == "same":
        sides = d.sides(n, high=6 if n < 3 else 3)
        options |= {"padding": "same", "stride": 1}
    else:
        pads = tuple(w.padding if padding == "numbers" else 0 for w in windows)
        sides = tuple(w.side + 2 * (w.padding - pad) for w, pad in zip(windows, pads, strict=True))
        options |= {
            "padding": d.numbers(pads) if padding == "numbers" else "valid",
            "stride": d.numbers(w.stride for w in windows),
        }
    return _case(
        n,
        d.array(*batch, c_in, *sides),
        d.array(c_out, c_in // groups, *kernel),
        d.array(c_out) if d.flag() else None,
        **options,
    )


def _jax_conv(
    jax: Any, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    n = weight.ndim - 2

    def each(value: Any) -> tuple[int, ...]:
        return value if isinstance(value, tuple) else (value,) * n

    if padding == "same":  # PyTorch puts the odd one at the end
        reach = [(k - 1) * step for k, step in zip(weight.shape[2:], each(dilation), strict=True)]
        pads = [(r // 2, r - r // 2) for r in reach]
    else:
        pads = [(p, p) for p in each(0 if padding == "valid" else padding)]
    spatial = "DHW"[3 - n :]
    y = jax.lax.conv_general_dilated(
        x if x.ndim == n + 2 else x[None], weight, each(stride), pads, rhs_dilation=each(dilation),
        feature_group_count=groups, dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
        precision=jax.lax.Precision.HIGHEST,
    )  # fmt: skip
    y = y if bias is None else y + bias.reshape((-1,) + (1,) * n)
    return y if x.ndim == n + 2 else y[0]


def _operation(n: int) -> Operation:
    x, weight = np.ones((2, 4) + (5,) * n), np.ones((6, 2) + (3,) * n)
    good = _case(n, x, weight, np.ones(6), groups=2)
    sides = "kL" if n == 1 else ", ".join("DHW"[3 - n :])
    small, other = (2, 4, *(5,) * (n - 1), 2), (6, 3, *(3,) * n)
    return Operation(
        f"conv{n}d",
        lambda d: _draw(d, n),
        (
            *usual_refusals(good, (2, 6) + (3,) * n),
            Invalid(
                "groups that do not divide the input channels",
                good.with_options(groups=3),
                (": groups must divide the input channels", "groups=3", f"x of shape {x.shape}"),
            ),
            Invalid(
                "groups that do not divide the output channels",
                good.replace(weight=np.ones((5, 2) + (3,) * n)),
                (": groups must divide the output channels", "groups=2", "weight of shape (5, "),
            ),
            Invalid(
                "groups of zero", good.with_options(groups=0), (": groups must be at least 1", "groups=0")
            ),
            Invalid(
                "a weight of other channels",
                good.replace(weight=np.ones(other)),
                (": weight must have C / groups = 2", f"weight of shape {other}", f"x of shape {x.shape}"),
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
                    f": weight must be (C_out, C / groups, {sides})",
                    f"weight of shape {weight[..., 0].shape}",
                ),
            ),
            Invalid(
                "a weight without output channels",
                good.replace(weight=weight[:0], bias=None),
                (": weight must have an output channel", f"weight of shape {weight[:0].shape}"),
            ),
            Invalid(
                "a weight without sides",
                good.replace(weight=weight[..., :0]),
                (": weight must have an output channel", f"weight of shape {weight[..., :0].shape}"),
            ),
            Invalid(
                "an x without sides",
                good.replace(x=x[..., :0]).with_options(padding=2),
                (": only the batch and the channels", f"x of shape {x[..., :0].shape}"),
            ),
            Invalid(
                "a bias of another length",
                good.replace(bias=np.ones(5)),
                (": bias must have one element", "bias of shape (5,)", f"weight of shape {weight.shape}"),
            ),
            Invalid(
                "a kernel larger than x",
                good.replace(x=np.ones(small)).with_options(dilation=2, padding=1),
                (
                    f": the kernel, dilated to {(5,) * n}",
                    f"padded to {(*(7,) * (n - 1), 4)}",
                    f"x of shape {small}",
                    f"weight of shape {weight.shape}",
                ),
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
                "a dilation of zero",
                good.with_options(dilation=0),
                (": dilation must be at least 1", "dilation=0"),
            ),
            Invalid(
                "too many strides",
                good.with_options(stride=(1,) * 4),
                (f": stride must be an integer or a tuple of {n}", "stride=(1, 1, 1, 1)"),
            ),
            Invalid(
                "too many dilations",
                good.with_options(dilation=(1,) * 4),
                (f": dilation must be an integer or a tuple of {n}", "dilation=(1, 1, 1, 1)"),
            ),
            Invalid(
                "too many paddings",
                good.with_options(padding=(1,) * 4),
                (f": padding must be an integer or a tuple of {n}", "padding=(1, 1, 1, 1)"),
            ),
            Invalid(
                "'same' with a stride",
                good.with_options(padding="same", stride=2),
                (": padding='same' needs a stride of 1", f"stride={(2,) * n}"),
            ),
            Invalid(
                "an unknown padding",
                good.with_options(padding="full"),
                (": padding must be a number, numbers, 'same' or 'valid'", "padding='full'"),
            ),
        ),
        jax=_jax_conv,
        per_sample=lambda case: ("x",) if case["x"].ndim == n + 2 else (),
        extremes=(),  # which products with the padding's zeros are formed is up to PyTorch's kernels
    )


CONV1D, CONV2D, CONV3D = (_operation(n) for n in (1, 2, 3))
