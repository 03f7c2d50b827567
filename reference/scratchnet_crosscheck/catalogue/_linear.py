"""Entries of the linear family."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ..strategies import EXTREMES
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(x: Array, weight: Array, bias: Array | None = None) -> Case:
    given = ("x", "weight") if bias is None else ("x", "weight", "bias")
    return Case("linear", {"x": x, "weight": weight, "bias": bias}, differentiable=given)


def _draw_linear(d: Draw) -> Case:
    inputs = d.side(1, 7)
    leading = d.one_of((d.batch(),), (), (d.batch(), d.side()), (d.batch(), d.side(), d.side(1, 3)))
    outputs = d.one_of((d.side(1, 6),), ())
    return _case(
        d.array(*leading, inputs), d.array(*outputs, inputs), d.array(*outputs) if d.flag() else None
    )


def _jax_linear(jax: Any, x: Any, weight: Any, bias: Any) -> Any:
    y = jax.numpy.matmul(x, weight.T, precision=jax.lax.Precision.HIGHEST)
    return y if bias is None else y + bias


def _twin(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Return PyTorch's, which takes a vector of weights together with a bias for some ranks of x only."""
    if weight.ndim == 1 and bias is not None:
        return torch.nn.functional.linear(x, weight) + bias
    return torch.nn.functional.linear(x, weight, bias)


_GOOD = _case(np.ones((2, 3)), np.ones((4, 3)), np.ones(4))

LINEAR = Operation(
    "linear",
    _draw_linear,
    invalid=(
        *usual_refusals(_GOOD, (2, 4)),
        Invalid(
            "weight of other columns than x",
            _GOOD.replace(weight=np.ones((4, 2))),
            ("weight must be (D_out, D_in)", "x of shape (2, 3)", "weight of shape (4, 2)"),
        ),
        Invalid("a 0-d x", _GOOD.replace(x=np.array(1.0)), ("x", "()")),
        Invalid(
            "a weight of rank 3",
            _case(np.ones((2, 3)), np.ones((1, 4, 3))),
            ("weight must be (D_out, D_in)", "(1, 4, 3)"),
        ),
        Invalid(
            "a bias of another length",
            _GOOD.replace(bias=np.ones(3)),
            ("bias must", "bias of shape (3,)", "weight of shape (4, 3)"),
        ),
        Invalid("a bias that would broadcast", _GOOD.replace(bias=np.ones(1)), ("bias", "(1,)")),
    ),
    twin=_twin,
    jax=_jax_linear,
    per_sample=lambda case: ("x",) if case["x"].ndim > 1 else (),
)


# ---- bilinear


def _bilinear_case(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Case:
    arrays = {"input1": input1, "input2": input2, "weight": weight, "bias": bias}
    return Case("bilinear", arrays, differentiable=tuple(n for n, a in arrays.items() if a is not None))


def _draw_bilinear(d: Draw) -> Case:
    outputs, first, second = d.side(1, 4), d.side(1, 4), d.side(1, 4)
    lead = (d.batch(),) if d.setting.batched else d.one_of((d.batch(),), (), (d.batch(), d.side(1, 3)))
    return _bilinear_case(
        d.array(*lead, first),
        d.array(*lead, second),
        d.array(outputs, first, second),
        d.array(outputs) if d.flag() else None,
    )


def _jax_bilinear(jax: Any, input1: Any, input2: Any, weight: Any, bias: Any) -> Any:
    y = jax.numpy.einsum("...i,oij,...j->...o", input1, weight, input2, precision=jax.lax.Precision.HIGHEST)
    return y if bias is None else y + bias


_BILINEAR = _bilinear_case(np.ones((2, 3)), np.ones((2, 5)), np.ones((4, 3, 5)), np.ones(4))

BILINEAR = Operation(
    "bilinear",
    _draw_bilinear,
    (
        *usual_refusals(_BILINEAR, (2, 4)),
        Invalid(
            "an input1 of other columns",
            _BILINEAR.replace(input1=np.ones((2, 4))),
            ("input1 must", "input1 of shape (2, 4)", "weight of shape (4, 3, 5)"),
        ),
        Invalid(
            "an input2 of other columns",
            _BILINEAR.replace(input2=np.ones((2, 3))),
            ("input2 must", "input2 of shape (2, 3)", "input1 of shape (2, 3)", "weight of shape (4, 3, 5)"),
        ),
        Invalid(
            "an input2 of another batch", _BILINEAR.replace(input2=np.ones((1, 5))), ("input2 must", "(1, 5)")
        ),
        Invalid("a weight of rank 2", _BILINEAR.replace(weight=np.ones((3, 5))), ("weight must", "(3, 5)")),
        Invalid("a bias that would broadcast", _BILINEAR.replace(bias=np.ones(1)), ("bias must", "(1,)")),
        Invalid("a 0-d input1", _BILINEAR.replace(input1=np.array(1.0)), ("input1 must", "()")),
    ),
    jax=_jax_bilinear,
    per_sample=lambda case: ("input1", "input2") if case["input1"].ndim > 1 else (),
    # What an infinity becomes in a product of three depends on the order of the products.
    extremes=tuple(value for value in EXTREMES if not math.isinf(value) and abs(value) != 1e30),
)
