"""Activations: elementwise, and softmax along a dimension."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchnet import functional

from ..case import Case
from ._operations import of_operation
from .protocol import (
    BATCH_LAST,
    CHANNELS_LAST,
    COLUMN,
    COLUMNS,
    ROW,
    SAME,
    Form,
    Kind,
    Layout,
    Measured,
    Parts,
    Sketch,
    lay,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGE = (88.5, 89.5, -89.5, -104.5, 709.5, 710.5, -746.5, 0.0)


def _draw(
    sketch: Sketch, kinks: tuple[float, ...] = (), bounds: tuple[str, ...] = (), *, steps: bool = False,
    **options: tuple[Any, ...],
) -> Parts:  # fmt: skip
    """Draw a call; the options `bounds` say where it has a kink, or `steps` from a value to another."""
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
    sketch.plants = (*kinks, *(s * float(given[name]) for name in bounds if name in given for s in (1, -1)))
    if not (steps and sketch.d.setting.values == "calm"):
        return {"x": sketch.array("x", *shape)}, given
    sketch.plants = ()  # a step has no slope: what is differenced lies between the bounds, which are eighths
    return {"x": sketch.array("x", *shape) + sketch.d.setting.dtype.type(0.0625)}, given


#: Options that PyTorch has not, each with the value at which the formula is PyTorch's all the same.
_BEYOND = {"silu": ("beta", 1.0), "hardsigmoid": ("slope", 1 / 6)}


def _golden(name: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Case | None] | None:
    if not hasattr(functional, name):
        return None

    def golden(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Case | None:
        own = dict(options)
        beyond, pytorchs = _BEYOND.get(name, ("", None))
        if own.pop(beyond, pytorchs) != pytorchs or own.get("approximate") == "sigmoid":
            return None
        exact = {"threshold": math.inf} if name == "softplus" else {}
        return Case(name, {"x": arrays["x"]}, {**exact, **own}, ("x",))

    return golden


def _elementwise(
    name: str, forward: Callable[..., Any], torch: Callable[..., Any], kinks: tuple[float, ...] = (),
    forms: Callable[[bool], list[Form]] = lambda _: [Form()],
    measured: Mapping[str, Measured] = MappingProxyType({}), bounds: tuple[str, ...] = (),
    steps: bool = False, needs: tuple[str, ...] = (), **options: tuple[Any, ...],
) -> Kind:  # fmt: skip
    return Kind(
        name, ("x",), lambda a, o: (forward(a["x"], **o),), lambda t, a, o: (torch(t, a["x"], **o),),
        lambda sketch: _draw(sketch, kinks, bounds, steps=steps, **options), forms, golden=_golden(name),
        kinks=(*kinks, *(v for name in bounds for v in options[name])), extremes=LARGE, per_sample=("x",),
        elementwise=True, views=name == "identity", measured=measured, needs=needs,
        defaults={option: values[0] for option, values in options.items()},
    )  # fmt: skip


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


#: What may follow an affine map or a convolution, and which it is where nothing says so.
FOLLOWING: dict[str, Callable[[Any], Any]] = {
    "relu": lambda y: np.maximum(y, 0), "sigmoid": _sigmoid, "tanh": np.tanh
}  # fmt: skip


def following(sketch: Sketch) -> dict[str, Any]:
    """Return the activation of a call, where the layer is told it by an argument and knows the word."""
    words = [word for word in FOLLOWING if f"activation {word!r}" in sketch.takes]
    return {"activation": sketch.d.one_of(*words)} if words else {}


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(x)


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))
    if approximate == "sigmoid":
        return x * _sigmoid(1.702 * x)
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def _gelu_torch(torch: Any, x: Any, approximate: str = "none") -> Any:
    if approximate == "sigmoid":
        return x * torch.sigmoid(1.702 * x)
    return torch.nn.functional.gelu(x, approximate=approximate)


def _gelu_forms(strict: bool) -> list[Form]:
    words = {"tanh": "the tanh form of GELU, PyTorch's approximate='tanh'",
             "sigmoid": "the form x sigmoid(1.702 x) of GELU, which PyTorch does not have"}  # fmt: skip
    approximate = [
        Form(options={"approximate": key}, conventions={"approximate_formula": said})
        for key, said in words.items()
    ]
    return [Form()] if strict else [Form(), *approximate]


def _draw_gelu(sketch: Sketch) -> Parts:
    arrays, _ = _draw(sketch)
    own = sketch.form.options.get("approximate", "none")
    if "approximate" not in sketch.takes or not sketch.may("the other form of GELU", 1):
        return arrays, {}
    return arrays, {"approximate": "tanh" if own == "none" else "none"}


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


def _hardsigmoid(torch: Any, x: Any, slope: float | None = None) -> Any:
    """Return PyTorch's value, with the slope 1/6 in the dtype of x: PyTorch's own is one of float32."""
    inside = (x > -3) & (x < 3) if slope is None else (x * slope).abs() < 0.5
    line = torch.where(inside, x / 6 if slope is None else x * slope, torch.zeros_like(x))
    y = torch.nn.functional.hardsigmoid(x) if slope is None else torch.clamp(x * slope + 0.5, 0, 1)
    return y.detach() + (line - line.detach())


_OF_KERAS = Form(
    options={"slope": 0.2}, conventions={"other_slope": "a slope of 0.2, Keras' first one (PyTorch's is 1/6)"}
)  # fmt: skip


def _softplus(x: Any, beta: float = 1.0, threshold: float = math.inf) -> Any:
    """Return the exact formula, but where a threshold is asked for: PyTorch's default is one of 20."""
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def _softplus_in_torch(torch: Any, x: Any, beta: float = 1.0, threshold: float = math.inf) -> Any:
    below = torch.where(beta * x > threshold, torch.zeros_like(x), beta * x)
    return torch.where(beta * x > threshold, x, torch.logaddexp(torch.zeros_like(x), below) / beta)


RELU = _elementwise("relu", lambda x: np.maximum(x, 0), lambda t, x: t.relu(x), (0.0,))
SIGMOID = _elementwise("sigmoid", _sigmoid, lambda t, x: t.sigmoid(x))
TANH = _elementwise("tanh", np.tanh, lambda t, x: t.tanh(x))
GELU = replace(
    _elementwise("gelu", _gelu, _gelu_torch, forms=_gelu_forms), draw=_draw_gelu,
    defaults={"approximate": "none"},
)  # fmt: skip
#: Swish is SiLU where its beta is 1.
SILU = _elementwise(
    "silu", lambda x, beta=1.0: x * _sigmoid(beta * x),
    lambda t, x, beta=1.0: t.nn.functional.silu(x) if beta == 1.0 else x * t.sigmoid(beta * x),
    beta=(1.0, 0.5, 2.0),
)  # fmt: skip
SOFTPLUS = _elementwise(
    "softplus", _softplus, _softplus_in_torch, beta=(1.0, 0.5, 2.0), threshold=(20.0, 1.03125)
)  # fmt: skip
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
    "hardsigmoid", lambda x, slope=1 / 6: np.clip(slope * x + 0.5, 0, 1), _hardsigmoid, (-3.0, 3.0),
    lambda strict: [Form()] if strict else [Form(), _OF_KERAS],
)  # fmt: skip
HARDSWISH = _elementwise("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), _f("hardswish"), (-3.0, 3.0))
IDENTITY = _elementwise("identity", lambda x: x + 0, lambda _, x: x + 0)
HARDTANH = _elementwise(
    "hardtanh", lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val), _f("hardtanh"),
    (-1.0, 1.0), bounds=("min_val", "max_val"), min_val=(-1.0, -2.0), max_val=(1.0, 0.5, 2.0),
)  # fmt: skip
HARDSHRINK = _elementwise(
    "hardshrink", lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0.0, x), _f("hardshrink"), (-0.5, 0.5),
    bounds=("lambd",), steps=True, lambd=(0.5, 1.0, 0.25),
)  # fmt: skip
SOFTSHRINK = _elementwise(
    "softshrink", lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0), _f("softshrink"),
    (-0.5, 0.5), bounds=("lambd",), lambd=(0.5, 1.0, 0.25),
)  # fmt: skip
TANHSHRINK = _elementwise("tanhshrink", lambda x: x - np.tanh(x), _f("tanhshrink"))
THRESHOLD = _elementwise(
    "threshold", lambda x, threshold, value: np.where(x > threshold, x, value), _f("threshold"),
    bounds=("threshold",), steps=True, needs=("threshold", "value"), threshold=(0.5, -1.0, 0.0),
    value=(20.0, -0.25, 0.0),
)  # fmt: skip
#: Keras' ThresholdedReLU: what is not above theta is 0.
THRESHOLDED = _elementwise(
    "rectified threshold", lambda x, threshold=1.0: np.where(x > threshold, x, 0.0),
    lambda t, x, threshold=1.0: t.nn.functional.threshold(x, threshold, 0.0), (1.0,),
    bounds=("threshold",), steps=True, threshold=(1.0, 0.5, 2.0),
)  # fmt: skip
LEAKY_RELU = _elementwise(
    "leaky_relu", _leaky, _f("leaky_relu"), (0.0,), _slope_forms,
    {"negative_slope": Measured(_of_slope, _negative)}, negative_slope=(0.01, 0.2, 0.5),
)  # fmt: skip
ELU = _elementwise(
    "elu", lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), _f("elu"), (0.0,),
    measured={"alpha": Measured(_of_alpha, _negative)}, alpha=(1.0, 0.5, 1.5),
)  # fmt: skip


def _draw_rrelu(sketch: Sketch) -> Parts:
    arrays, _ = _draw(sketch, (0.0,))
    options: dict[str, Any] = {"training": True, **sketch.option("training", True, True, False)}
    lower, upper = sketch.d.one_of((0.125, 0.375), (0.25, 0.5), (0.0, 2.0))
    for name, value in (("lower", lower), ("upper", upper)):
        options |= sketch.option(name, value)
    return arrays, options


def _leaks(x: Any, o: Mapping[str, Any], slopes: Any, lib: Any) -> tuple[Any, ...]:
    """Return x times a slope where it is not positive: the ones drawn, or in evaluation their mean."""
    if o["training"]:
        return (lib.where(x <= 0, x * slopes, x),)
    return (lib.where(x <= 0, x * ((o.get("lower", 1 / 8) + o.get("upper", 1 / 3)) / 2), x),)


RRELU = Kind(
    "rrelu", ("x",), lambda a, o: _leaks(a["x"], o, o.get("slopes"), np),
    lambda t, a, o: _leaks(a["x"], o, _as_tensor(t, o.get("slopes"), a["x"]), t), _draw_rrelu,
    random=True, slopes=True, kinks=(0.0,), defaults={"lower": 1 / 8, "upper": 1 / 3, "training": True},
)  # fmt: skip


def _as_tensor(torch: Any, array: Any, like: Any) -> Any:
    return None if array is None else torch.from_numpy(np.array(array)).to(like.dtype)


NUMBER = Layout("a number", lambda _: (), lambda a: a.reshape(1), lambda a, _: a.reshape(()))


def _prelu_draw(sketch: Sketch) -> Parts:
    channels = sketch.side(1, 4)
    shape: tuple[int, ...] = (sketch.batch(), channels)
    last = sketch.form.layout("x") is BATCH_LAST
    if not last and sketch.may("images", 3):  # as wide as there are channels, and a slip might not show
        shape = (*shape, sketch.side(1, 3), channels + 1)
    alone = sketch.form.layout("weight") is NUMBER
    several = sketch.form.options.get("several") or (not alone and sketch.may("a slope a channel"))
    return {"x": sketch.array("x", *shape), "weight": sketch.array("weight", channels if several else 1)}, {}


def _prelu(a: Mapping[str, Any], _: Mapping[str, Any]) -> tuple[Any, ...]:
    x = a["x"]
    return (np.where(x > 0, x, a["weight"].reshape((-1,) + (1,) * (x.ndim - 2)) * x),)


#: A slope for each channel, never one for all.
_SEVERAL = Form(options={"several": True})
_COLUMNS = _SEVERAL + Form({"x": BATCH_LAST, "y": BATCH_LAST})
PRELU = Kind(
    "prelu", ("x", "weight"), _prelu,
    lambda t, a, _: (t.nn.functional.prelu(a["x"], a["weight"]),), _prelu_draw, params=("weight",),
    kinks=(0.0,), per_sample=("x",),
    forms=lambda _: [
        Form(), Form({"weight": NUMBER}), _SEVERAL, _COLUMNS, _COLUMNS + Form({"weight": COLUMN})
    ],
    sizes=lambda a: {"in": len(a["weight"])},
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
    elif COLUMNS not in sketch.takes and sketch.may("an x of rank 3", 4):
        shape = (shape[0], sketch.side(), shape[1])
    options = sketch.option("dim", -1)  # always said: what is meant without it depends on the rank
    if options and len(shape) == 2 and shape[0] and sketch.may("a dimension other than the last", 1):
        options["dim"] = 0
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
        defaults={"dim": -1},
    )  # fmt: skip


SOFTMAX = _along("softmax", _softmax)
LOG_SOFTMAX = _along("log_softmax", _log_softmax)
SOFTMIN = _along("softmin", lambda x, dim=-1: _softmax(-x, dim))


def _draw_channels(sketch: Sketch) -> Parts:
    shape = (sketch.batch(high=3), sketch.side(1, 4), sketch.side(1, 3), sketch.side(1, 3))
    alone = sketch.form.layout("x") is SAME and sketch.may("an x of rank 3", 4)
    return {"x": sketch.array("x", *(shape[1:] if alone else shape))}, {}


#: Softmax2d: over the channels of images.
SOFTMAX_2D = of_operation(
    "2d softmax", _draw_channels, {}, lambda _: {"dim": -3}, extremes=LARGE,
    forms=lambda _: lay({}, {"x": CHANNELS_LAST, "y": CHANNELS_LAST}),
)  # fmt: skip


def _draw_glu(sketch: Sketch) -> Parts:
    rank = int(sketch.form.options.get("rank", 3))
    dim = int(sketch.form.options.get("dim", -1))
    if rank == 3 and sketch.may("an x of rank 2", 3):
        rank = 2
    elif rank == 3 and sketch.may("an x of rank 4", 3):
        rank = 4
    shape = [sketch.batch(), *(sketch.side(1, 3) for _ in range(rank - 1))]
    options: dict[str, Any] = {}
    if "dim" in sketch.takes:
        other = sketch.may("a dimension other than the last", 1)
        dim = options["dim"] = sketch.d.integer(1, len(shape) - 1) if other else -1
    shape[dim] *= 2
    return {"x": sketch.array("x", *shape)}, options


_OF_CHANNELS = Form(
    options={"dim": 1}, conventions={"other_dim": "it halves dimension 1 (PyTorch's default is the last)"}
)
GLU = of_operation(
    "glu", _draw_glu, {"dim": -1}, lambda o: {"dim": o["dim"]}, per_sample=("x",), extremes=LARGE,
    forms=lambda _: [
        Form(), _OF_CHANNELS, Form(options={"rank": 2}),
        Form({"x": BATCH_LAST, "y": BATCH_LAST}, {"rank": 2}),
    ],
)  # fmt: skip
