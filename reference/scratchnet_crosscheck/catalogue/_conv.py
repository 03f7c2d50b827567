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
    small, other = (2, 4, *(5,) * (n - 1), 2), (6, 3, *(3,) * n)
    return Operation(
        f"conv{n}d",
        lambda d: _draw(d, n),
        (
            *usual_refusals(good, (2, 6) + (3,) * n),
            Invalid("groups that do not divide the channels", good.with_options(groups=3), ("groups", "3")),
            Invalid("groups of zero", good.with_options(groups=0), ("groups", "0")),
            Invalid(
                "a weight of other channels", good.replace(weight=np.ones(other)), ("weight", str(other))
            ),
            Invalid("an x without channels", good.replace(x=np.ones((5,) * n)), ("x", str((5,) * n))),
            Invalid(
                "a weight of one rank less",
                good.replace(weight=weight[..., 0]),
                ("weight", str(weight[..., 0].shape)),
            ),
            Invalid("a bias of another length", good.replace(bias=np.ones(5)), ("bias", "(5,)")),
            Invalid("a kernel larger than x", good.replace(x=np.ones(small)), ("x", str(small))),
            Invalid("a stride of zero", good.with_options(stride=0), ("stride", "0")),
            Invalid("a negative padding", good.with_options(padding=-1), ("padding", "-1")),
            Invalid("a dilation of zero", good.with_options(dilation=0), ("dilation", "0")),
            Invalid("too many strides", good.with_options(stride=(1,) * 4), ("stride", "(1, 1, 1, 1)")),
            Invalid(
                "'same' with a stride",
                good.with_options(padding="same", stride=2),
                ("padding", "stride", "2"),
            ),
            Invalid("an unknown padding", good.with_options(padding="full"), ("padding", "'full'")),
        ),
        jax=_jax_conv,
        per_sample=lambda case: ("x",) if case["x"].ndim == n + 2 else (),
        extremes=(),  # which products with the padding's zeros are formed is up to PyTorch's kernels
    )


CONV1D, CONV2D, CONV3D = (_operation(n) for n in (1, 2, 3))
