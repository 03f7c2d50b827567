"""Entries of the activations.

Options are multiples of powers of two, so that what lies on a kink in float32 lies on it in float64 as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._types import Array
    from ..strategies import Draw
    from .protocol import Twin

_NAN = float("nan")


def _case(name: str, x: Array, **options: object) -> Case:
    return Case(name, {"x": x}, options, differentiable=("x",))


# ---- elementwise


def _shape(d: Draw) -> tuple[int, ...]:
    return d.one_of(
        (d.batch(),), (), (d.batch(), d.side()), (d.batch(), d.side(), d.side()), (40,), (5, 3, 2, 4)
    )


def _planted(d: Draw, x: Array, kinks: tuple[float, ...]) -> Array:
    """Return `x`, half of the time with one element on a kink."""
    if not kinks or not x.size or not d.flag():
        return x
    x = np.array(x)
    x.flat[d.integer(0, x.size - 1)] = d.one_of(*kinks)
    return d.laid_out(x)


def _elementwise_samples(case: Case) -> tuple[str, ...]:
    return ("x",) if case["x"].ndim else ()


def _elementwise(
    name: str,
    jax: Twin = None,
    *,
    kinks: tuple[float, ...] = (),
    options: Mapping[str, tuple[Any, ...]] | None = None,
    calm: Mapping[str, tuple[Any, ...]] | None = None,
    invalid: tuple[tuple[str, object], ...] = (),
    **features: Any,
) -> Operation:
    """Return the entry of an elementwise function.

    `options` has the values of each option, the usual one first; `calm` those for numbers that are to be
    differenced, where the function has steps that must not be among them. `invalid` lists bad values.
    """
    usual = options or {}

    def draw(d: Draw) -> Case:
        away = calm is not None and d.setting.values == "calm"
        x = d.array(*_shape(d))
        chosen = {option: d.one_of(*values) for option, values in ((calm or {}) if away else usual).items()}
        return _case(name, x if away else _planted(d, x, kinks), **chosen)

    good = _case(name, np.ones((2, 3)), **{option: values[0] for option, values in usual.items()})
    bad = [
        Invalid(
            f"{option}={value}",
            good.with_options(**{option: value}),
            (f": {option} must", f"{option}={value!r}"),
        )
        for option, value in invalid
    ]
    bad += [
        Invalid(
            f"{option} no number",
            good.with_options(**{option: "1"}),
            (f": {option} must", f"{option}='1'"),
            TypeError,
        )
        for option, values in usual.items()
        if isinstance(values[0], float)
    ]
    return Operation(
        name, draw, (*usual_refusals(good, (2, 3)), *bad), jax=jax, kinks=kinks,
        per_sample=_elementwise_samples, **features,
    )  # fmt: skip


def _in_jax(name: str, slopes: Mapping[float, float | str]) -> Callable[..., Any]:
    """Return JAX's function with PyTorch's slope at each kink, where JAX takes another.

    A slope is a number or the option that it is the value of.
    """

    def twin(jax: Any, x: Any, **options: Any) -> Any:
        y = getattr(jax.nn, name)(x, **options)
        still = jax.lax.stop_gradient
        for kink, slope in slopes.items():
            number = options[slope] if isinstance(slope, str) else slope
            y = jax.numpy.where(x == kink, still(y) + number * (x - still(x)), y)
        return y

    return twin


def _one_at_nan(name: str, slope: float = 1.0) -> Callable[..., Any]:
    """Return PyTorch's function with one derivative where x is NaN.

    PyTorch has two there, by the element's place in memory: its vectorised loop takes another branch than the
    one for the last few elements.
    """

    def twin(torch: Any, x: Any, **options: Any) -> Any:
        nan = x.isnan()
        y = getattr(torch.nn.functional, name)(torch.where(nan, torch.zeros_like(x), x), **options)
        return torch.where(nan, slope * x, y)

    return twin


def _hardsigmoid(torch: Any, x: Any) -> Any:
    """Return PyTorch's value, with the slope 1/6 in the dtype of x: PyTorch's own is one of float32."""
    line = torch.where((x > -3) & (x < 3), x / 6, torch.zeros_like(x))
    return torch.nn.functional.hardsigmoid(x).detach() + (line - line.detach())


def _gelu_in_jax(jax: Any, x: Any, approximate: str) -> Any:
    """Return the exact form as PyTorch computes it: JAX's own keeps digits far left that PyTorch has not."""
    if approximate == "tanh":
        return jax.nn.gelu(x, approximate=True)
    return x * (1 + jax.scipy.special.erf(x * 0.5**0.5)) / 2


def _all_far_left(case: Case) -> str | None:
    """Say where PyTorch's 1 + erf has lost all digits, and nothing larger stands beside to compare with."""
    return "PyTorch's is 0 so far left, to all its digits" if (case["x"] < -4).all() else None


def _softplus_in_jax(jax: Any, x: Any, beta: float, **_: float) -> Any:
    return jax.nn.softplus(beta * x) / beta


def _jax_has_no_threshold(case: Case) -> str | None:
    beta, threshold = case.options["beta"], case.options["threshold"]
    above = isinstance(beta, float) and (case["x"] * case.dtype.type(beta) > threshold).any()
    return "JAX's softplus has no threshold" if above else None


RELU = _elementwise("relu", "jax.nn.relu", kinks=(0.0,))
SIGMOID = _elementwise("sigmoid", "jax.nn.sigmoid", twin="torch.sigmoid")
TANH = _elementwise("tanh", "jax.numpy.tanh", twin="torch.tanh")

THRESHOLD = _elementwise(
    "threshold", kinks=(0.5, -1.0, 0.0), invalid=(("threshold", _NAN), ("value", _NAN)),
    options={"threshold": (0.5, -1.0, 0.0), "value": (20.0, -0.25, 0.0)},
    calm={"threshold": (0.5625, -1.0625), "value": (20.0, -0.25, 0.0)},
)  # fmt: skip
LEAKY_RELU = _elementwise(
    "leaky_relu", _in_jax("leaky_relu", {0.0: "negative_slope"}), kinks=(0.0,),
    options={"negative_slope": (0.01, 0.25, 0.0, -0.5, 2.0)}, invalid=(("negative_slope", _NAN),),
)  # fmt: skip
RELU6 = _elementwise(
    "relu6", _in_jax("relu6", {0.0: 0.0, 6.0: 0.0}), kinks=(0.0, 6.0), twin=_one_at_nan("relu6")
)
HARDTANH = _elementwise(
    "hardtanh", kinks=(-1.0, 1.0, -2.0, 0.5), twin=_one_at_nan("hardtanh"),
    options={"min_val": (-1.0, -2.0), "max_val": (1.0, 0.5, -1.0)},
    invalid=(("min_val", 1.5), ("min_val", _NAN), ("max_val", _NAN)),
)  # fmt: skip
_BELOW = Invalid(
    "max_val=-2",
    _case("hardtanh", np.ones((2, 3)), min_val=-1.0, max_val=-2),
    (": min_val must not be above max_val", "min_val=-1.0", "max_val=-2"),
)
HARDTANH = replace(HARDTANH, invalid=(*HARDTANH.invalid, _BELOW))
HARDSIGMOID = _elementwise(
    "hardsigmoid", _in_jax("hard_sigmoid", {-3.0: 0.0, 3.0: 0.0}), kinks=(-3.0, 3.0), twin=_hardsigmoid
)  # fmt: skip
HARDSWISH = _elementwise(
    "hardswish", _in_jax("hard_swish", {-3.0: 0.0, 3.0: 1.0}), kinks=(-3.0, 3.0),
    twin=_one_at_nan("hardswish"),
)  # fmt: skip
HARDSHRINK = _elementwise(
    "hardshrink", kinks=(-0.5, 0.5, -1.0, 1.0, 0.0), twin=_one_at_nan("hardshrink"),
    options={"lambd": (0.5, 1.0, 0.0, -0.5)}, calm={"lambd": (0.5625, 1.0625, -0.5)},
    invalid=(("lambd", _NAN),),
)  # fmt: skip
SOFTSHRINK = _elementwise(
    "softshrink", kinks=(-0.5, 0.5, -1.0, 1.0, 0.0), twin=_one_at_nan("softshrink"),
    options={"lambd": (0.5, 1.0, 0.0)}, calm={"lambd": (0.5, 1.0)},  # for lambd = 0 there is no kink at 0
    invalid=(("lambd", -0.5), ("lambd", _NAN), ("lambd", float("inf"))),
)  # fmt: skip

ELU = _elementwise(
    "elu", "jax.nn.elu", kinks=(0.0,), options={"alpha": (1.0, 0.5, -0.5, 2.0, 0.0)},
    twin=_one_at_nan("elu"), invalid=(("alpha", _NAN),),
)  # fmt: skip
CELU = _elementwise(
    "celu", "jax.nn.celu", kinks=(0.0,), options={"alpha": (1.0, 0.5, 2.0, -8.0)}, twin=_one_at_nan("celu"),
    invalid=(("alpha", 0.0), ("alpha", _NAN)),
)  # fmt: skip
SELU = _elementwise(
    "selu", _in_jax("selu", {0.0: 1.0507009873554805 * 1.6732632423543772}), kinks=(0.0,),
    twin=_one_at_nan("selu", 1.0507009873554805),
)  # fmt: skip
SOFTPLUS = _elementwise(
    "softplus", _softplus_in_jax, jax_cannot=_jax_has_no_threshold,
    options={"beta": (1.0, 0.5, 2.0, -0.5), "threshold": (20.0, 1.0, -0.5)},
    calm={"beta": (1.0, 0.5, 2.0, -0.5), "threshold": (20.0, 1.03125, -0.46875)},
    invalid=(("beta", 0.0), ("beta", _NAN), ("threshold", _NAN)),
)  # fmt: skip
LOGSIGMOID = _elementwise("logsigmoid", "jax.nn.log_sigmoid")
SILU = _elementwise("silu", "jax.nn.silu")
MISH = _elementwise("mish", "jax.nn.mish")
GELU = _elementwise(
    "gelu", _gelu_in_jax, torch_cannot=_all_far_left, jax_cannot=_all_far_left,
    options={"approximate": ("none", "tanh")}, invalid=(("approximate", "erf"), ("approximate", True)),
)  # fmt: skip
SOFTSIGN = _elementwise("softsign", "jax.nn.soft_sign")
TANHSHRINK = _elementwise("tanhshrink")

# ---- along a dimension


def _draw_along_dim(name: str) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        rank = d.one_of(1, 2, 2, 3, 4, 0) if not d.setting.batched else d.one_of(2, 3, 4)
        shape = (d.batch(), *d.sides(rank - 1, high=6)) if rank else ()
        dims = max(rank, 1)  # a number has one dimension, as PyTorch counts
        dim = d.integer(1 if d.setting.batched else 0, dims - 1)
        return _case(name, d.array(*shape), dim=dim - dims if d.flag() else dim)

    return draw


def _draw_glu(d: Draw) -> Case:
    rank = d.one_of(1, 2, 3, 4) if not d.setting.batched else d.one_of(2, 3, 4)
    shape = [d.batch(), *d.sides(rank - 1, high=4)]
    dim = d.integer(1 if d.setting.batched else 0, rank - 1)
    shape[dim] *= 2
    return _case("glu", d.array(*shape), dim=dim - rank if d.flag() else dim)


def _other_dims_samples(case: Case) -> tuple[str, ...]:
    rank, dim = case["x"].ndim, case.options["dim"]
    return ("x",) if isinstance(dim, int) and rank > 1 and dim % rank != 0 else ()


def _jax_cannot(case: Case) -> str | None:
    return (
        "JAX has no axis of a number, and no maximum of nothing"
        if not case["x"].ndim or not case["x"].size
        else None
    )


def _bad_dims(good: Case) -> tuple[Invalid, ...]:
    return (
        Invalid("a dim out of range", good.with_options(dim=2), (": dim must", "dim=2")),
        Invalid("a negative dim out of range", good.with_options(dim=-3), (": dim must", "dim=-3")),
        Invalid("a dim that is no integer", good.with_options(dim=1.5), (": dim must", "dim=1.5"), TypeError),
    )


def _along_dim(name: str, jax: Twin) -> Operation:
    good = _case(name, np.ones((2, 3)), dim=1)
    other_body = usual_refusals(good.with_options(dim=0), (2, 3))  # than along the rows
    return Operation(
        name, _draw_along_dim(name), (*usual_refusals(good, (2, 3)), *other_body, *_bad_dims(good)), jax=jax,
        jax_cannot=_jax_cannot, per_sample=_other_dims_samples,
    )  # fmt: skip


SOFTMAX = _along_dim("softmax", "jax.nn.softmax")
LOG_SOFTMAX = _along_dim("log_softmax", "jax.nn.log_softmax")
SOFTMIN = _along_dim("softmin", lambda jax, x, dim: jax.nn.softmax(-x, axis=dim))

_GLU = _case("glu", np.ones((2, 4)), dim=1)

GLU = Operation(
    "glu",
    _draw_glu,
    (
        *usual_refusals(_GLU, (2, 2)),
        *_bad_dims(_GLU),
        Invalid("an odd side", _GLU.replace(x=np.ones((2, 3))), (": x must", "x of shape (2, 3)", "dim=1")),
        Invalid("a number", _case("glu", np.ones(()), dim=0), (": x must", "x of shape ()", "dim=0")),
    ),
    jax="jax.nn.glu",
    per_sample=_other_dims_samples,
)

# ---- slopes that are learned, or drawn


def _prelu_case(x: Array, weight: Array) -> Case:
    return Case("prelu", {"x": x, "weight": weight}, {}, ("x", "weight"))


def _draw_prelu(d: Draw) -> Case:
    rank = d.one_of(2, 3, 4, 1, 0) if not d.setting.batched else d.one_of(2, 3, 4)
    shape = (d.batch(), *d.sides(rank - 1, high=4)) if rank else ()
    each = rank > 1 and d.flag()
    weight = d.array(shape[1]) if each else d.array(*d.one_of((1,), ()))
    return _prelu_case(_planted(d, d.array(*shape), (0.0,)), weight)


_PRELU = _prelu_case(np.ones((2, 3)), np.ones(3))

PRELU = Operation(
    "prelu",
    _draw_prelu,
    (
        *usual_refusals(_PRELU, (2, 3)),
        Invalid(
            "not one a channel",
            _PRELU.replace(weight=np.ones(2)),
            (": weight must", "weight of shape (2,)", "3 channels", "x of shape (2, 3)"),
        ),
        Invalid(
            "channels last", _PRELU.replace(x=np.ones((4, 5, 3))), (": weight must", "(3,)", "5 channels")
        ),
        Invalid("several for one line", _PRELU.replace(x=np.ones(3)), (": weight must", "(3,)", "1 channel")),
        Invalid(
            "a matrix", _PRELU.replace(weight=np.ones((3, 1))), (": weight must", "weight of shape (3, 1)")
        ),
        Invalid("a list", _PRELU.replace(weight=[0.25] * 3), (": weight must", "list"), TypeError),  # type: ignore[arg-type]  # a bad call
    ),
    kinks=(0.0,),
    per_sample=_elementwise_samples,
)


def _rrelu_case(
    x: Array, lower: float = 0.125, upper: float = 0.375, training: bool = True, seed: int = 0
) -> Case:
    return Case("rrelu", {"x": x}, {"lower": lower, "upper": upper, "training": training}, ("x",), seed=seed)


def _draw_rrelu(d: Draw) -> Case:
    lower, upper = d.one_of((0.125, 0.375), (0.25, 0.25), (-0.5, 1.0), (0.0, 2.0))
    x = _planted(d, d.array(*_shape(d)), (0.0,))
    return _rrelu_case(x, lower, upper, d.one_of(True, True, False), d.seed())


def _rrelu(torch: Any, x: Any, lower: float, upper: float, training: bool, slopes: Array) -> Any:
    """Return what PyTorch computes with the slopes that the subject drew."""
    if not training:
        return torch.nn.functional.rrelu(x, lower, upper)
    return torch.where(x <= 0, x * torch.from_numpy(np.array(slopes)).to(x.dtype), x)


_RRELU = _rrelu_case(np.ones((2, 3)))

RRELU = Operation(
    "rrelu",
    _draw_rrelu,
    (
        *usual_refusals(_RRELU, (2, 3)),
        Invalid(
            "bounds out of order", _RRELU.with_options(lower=0.5),
            (": lower and upper must", "lower=0.5", "upper=0.375"),
        ),
        Invalid(
            "an infinite bound", _RRELU.with_options(upper=float("inf")),
            (": lower and upper must", "lower=0.125", "upper=inf"),
        ),
        Invalid(
            "an infinite lower bound", _RRELU.with_options(lower=-float("inf")),
            (": lower and upper must", "lower=-inf", "upper=0.375"),
        ),
        Invalid("a bound that is NaN", _RRELU.with_options(lower=_NAN), (": lower must", "lower=nan")),
        *(
            Invalid(
                f"{bound} no number", _RRELU.with_options(**{bound: "1"}),
                (f": {bound} must", f"{bound}='1'"), TypeError,
            )
            for bound in ("lower", "upper")
        ),
        Invalid(
            "a seed for a generator", replace(_RRELU, seed=None).with_options(generator=3),
            (": generator must", "int"), TypeError,
        ),
    ),
    twin=_rrelu,
    randomness="slopes",
    kinks=(0.0,),
)  # fmt: skip
