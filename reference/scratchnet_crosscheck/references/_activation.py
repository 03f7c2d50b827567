"""Activations: elementwise, and softmax along a dimension."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchnet import functional

from ..case import Case
from .protocol import BATCH_LAST, COLUMN, ROW, SAME, Form, Kind, Layout, Measured, Parts, Sketch, lay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGE = (88.5, 89.5, -89.5, -104.5, 709.5, 710.5, -746.5, 0.0)


def _draw(sketch: Sketch, kinks: tuple[float, ...] = (), **options: tuple[Any, ...]) -> Parts:
    batch, side = sketch.batch(), sketch.side()
    shape: tuple[int, ...] = (batch, side)
    if sketch.may("a vector for x", 6):
        shape = (batch,)
    elif sketch.may("an x of rank 3", 6):
        shape = (batch, side, sketch.side())
    elif sketch.may("an x of rank 4", 6):
        shape = (batch, side, sketch.side(1, 3), sketch.side(1, 3))
    given: dict[str, Any] = {}
    for name, values in options.items():
        given |= sketch.option(name, *values)
    sketch.plants = kinks
    return {"x": sketch.array("x", *shape)}, given


def _golden(name: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Case | None] | None:
    if not hasattr(functional, name):
        return None

    def golden(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Case | None:
        return Case(name, {"x": arrays["x"]}, dict(options), ("x",))

    return golden


def _elementwise(
    name: str, forward: Callable[..., Any], torch: Callable[..., Any], kinks: tuple[float, ...] = (),
    forms: Callable[[bool], list[Form]] = lambda _: [Form()],
    measured: Mapping[str, Measured] = MappingProxyType({}), **options: tuple[Any, ...],
) -> Kind:  # fmt: skip
    return Kind(
        name, ("x",), lambda a, o: (forward(a["x"], **o),), lambda t, a, o: (torch(t, a["x"], **o),),
        lambda sketch: _draw(sketch, kinks, **options), forms, golden=_golden(name), kinks=kinks,
        extremes=LARGE, per_sample=("x",), elementwise=True, views=name == "identity",
        measured=measured,
    )  # fmt: skip


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(x)


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def _gelu_forms(strict: bool) -> list[Form]:
    tanh = Form(
        options={"approximate": "tanh"},
        conventions={"approximate_formula": "the tanh form of GELU, PyTorch's approximate='tanh'"},
    )
    return [Form()] if strict else [Form(), tanh]


def _f(name: str) -> Callable[..., Any]:
    def call(torch: Any, x: Any, **options: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, **options)

    return call


def _leaky(x: Any, negative_slope: float = 0.01) -> Any:
    return np.where(x > 0, x, negative_slope * x)


def _of_slope(slope: float) -> Form:
    words = {} if slope == 0.01 else {"other_slope": f"a slope of {slope:g} (PyTorch's default is 0.01)"}
    return Form(options={"negative_slope": slope}, conventions=words)


def _slope_forms(strict: bool) -> list[Form]:
    return [Form()] if strict else [Form(), *(_of_slope(s) for s in (0.1, 0.2, 0.05, 0.001, 0.3))]


def _of_alpha(alpha: float) -> Form:
    words = {} if alpha == 1.0 else {"other_alpha": f"alpha is {alpha:g} (PyTorch's default is 1)"}
    return Form(options={"alpha": alpha}, conventions=words)


def _negative(x: Any) -> Any:
    return -np.abs(x) - 0.125


RELU = _elementwise("relu", lambda x: np.maximum(x, 0), lambda t, x: t.relu(x), (0.0,))
SIGMOID = _elementwise("sigmoid", _sigmoid, lambda t, x: t.sigmoid(x))
TANH = _elementwise("tanh", np.tanh, lambda t, x: t.tanh(x))
GELU = _elementwise("gelu", _gelu, _f("gelu"), forms=_gelu_forms)
SILU = _elementwise("silu", lambda x: x * _sigmoid(x), _f("silu"))
SOFTPLUS = _elementwise(
    "softplus", lambda x: np.logaddexp(0, x), lambda t, x: t.logaddexp(t.zeros_like(x), x)
)
MISH = _elementwise("mish", lambda x: x * np.tanh(np.logaddexp(0, x)), _f("mish"))
RELU6 = _elementwise("relu6", lambda x: np.clip(x, 0, 6), _f("relu6"), (0.0, 6.0))
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
SELU = _elementwise(
    "selu", lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))), _f("selu"),
    (0.0,),
)  # fmt: skip
CELU = _elementwise(
    "celu", lambda x, alpha=1.0: np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha), _f("celu"),
    (0.0,), alpha=(1.0, 0.5, 1.5),
)  # fmt: skip
SOFTSIGN = _elementwise("softsign", lambda x: x / (1 + np.abs(x)), _f("softsign"))
LOG_SIGMOID = _elementwise("log_sigmoid", lambda x: -np.logaddexp(0, -x), _f("logsigmoid"))
HARDSIGMOID = _elementwise(
    "hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), _f("hardsigmoid"), (-3.0, 3.0)
)
HARDSWISH = _elementwise("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), _f("hardswish"), (-3.0, 3.0))
IDENTITY = _elementwise("identity", lambda x: x + 0, lambda _, x: x + 0)
HARDTANH = _elementwise(
    "hardtanh", lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val), _f("hardtanh"), (-1.0, 1.0)
)
LEAKY_RELU = _elementwise(
    "leaky_relu", _leaky, _f("leaky_relu"), (0.0,), _slope_forms,
    {"negative_slope": Measured(_of_slope, _negative)}, negative_slope=(0.01, 0.2, 0.5),
)  # fmt: skip
ELU = _elementwise(
    "elu", lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), _f("elu"), (0.0,),
    measured={"alpha": Measured(_of_alpha, _negative)}, alpha=(1.0, 0.5, 1.5),
)  # fmt: skip


NUMBER = Layout("a number", lambda _: (), lambda a: a.reshape(1), lambda a, _: a.reshape(()))


def _prelu_draw(sketch: Sketch) -> Parts:
    channels = sketch.side(1, 4)
    x = sketch.array("x", sketch.batch(), channels)
    several = sketch.form.layout("weight") is not NUMBER and sketch.may("a slope a channel")
    return {"x": x, "weight": sketch.array("weight", channels if several else 1)}, {}


PRELU = Kind(
    "prelu", ("x", "weight"), lambda a, _: (np.where(a["x"] > 0, a["x"], a["weight"] * a["x"]),),
    lambda t, a, _: (t.nn.functional.prelu(a["x"], a["weight"]),), _prelu_draw, params=("weight",),
    kinks=(0.0,), per_sample=("x",), forms=lambda _: [Form(), Form({"weight": NUMBER})],
)  # fmt: skip


# ---- along a dimension


def _softmax(x: Any, dim: int = -1) -> Any:
    e = np.exp(x - x.max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def _log_softmax(x: Any, dim: int = -1) -> Any:
    shifted = x - x.max(axis=dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def _along_draw(sketch: Sketch) -> Parts:
    shape: tuple[int, ...] = (sketch.batch(), sketch.side(1, 6))
    if sketch.form.options.get("samples") == 0:  # one sample alone
        return {"x": sketch.array("x", shape[1])}, {}
    if sketch.form.options.get("rank") == 4:
        side = shape[1] if sketch.form.options.get("square") else sketch.side()
        return {"x": sketch.array("x", shape[0], sketch.side(1, 3), side, shape[1])}, {}
    if sketch.may("a vector for x", 6):
        shape = shape[1:]
    elif sketch.may("an x of rank 3", 4):
        shape = (shape[0], sketch.side(), shape[1])
    options: dict[str, Any] = {}
    if "dim" in sketch.takes and len(shape) == 2 and shape[0]:
        options["dim"] = 0 if sketch.may("a dimension other than the last", 1) else -1
    return {"x": sketch.array("x", *shape)}, options


#: One sample alone, as a vector, a column or a row: what a normalisation over every element comes to.
_ALONE = [Form({"x": one, "y": one}, {"samples": 0, "alone": True}) for one in (SAME, COLUMN, ROW)]


#: Scores of attention, (N, heads, T, S), or with T = S.
_SCORES = [Form(options={"rank": 4}), Form(options={"rank": 4, "square": True})]


def _along(name: str, forward: Callable[..., Any]) -> Kind:
    def options(o: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"dim": o.get("dim", -1)}

    return Kind(
        name, ("x",), lambda a, o: (forward(a["x"], **options(o)),),
        lambda t, a, o: (getattr(t.nn.functional, name)(a["x"], **options(o)),),
        _along_draw,
        lambda strict: [
            *lay({}, {"x": BATCH_LAST, "y": BATCH_LAST}), *([] if strict else _SCORES), *_ALONE,
        ],
        golden=lambda a, o: Case(name, {"x": a["x"]}, dict(options(o)), ("x",)), extremes=LARGE,
    )  # fmt: skip


SOFTMAX = _along("softmax", _softmax)
LOG_SOFTMAX = _along("log_softmax", _log_softmax)
