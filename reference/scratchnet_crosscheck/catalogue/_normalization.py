"""Entries of the normalisations."""

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


def _case(
    name: str,
    x: Array,
    mean: Array | None,
    var: Array | None,
    weight: Array | None,
    bias: Array | None,
    **options: object,
) -> Case:
    arrays = {"x": x, "running_mean": mean, "running_var": var, "weight": weight, "bias": bias}
    defaults: dict[str, object] = {"momentum": 0.1, "eps": 1e-5}
    differentiable = tuple(slot for slot in ("x", "weight", "bias") if arrays[slot] is not None)
    state = () if mean is None else ("new_running_mean", "new_running_var")
    return Case(name, arrays, {**options, **defaults, **options}, differentiable, extras=state)


def _stateless(name: str, x: Array, weight: Array | None, *bias: Array | None, **options: object) -> Case:
    arrays = {"x": x, "weight": weight, **({"bias": bias[0]} if bias else {})}
    differentiable = tuple(slot for slot, array in arrays.items() if array is not None)
    return Case(name, arrays, options, differentiable)


# 1e30 squared overflows float32; that PyTorch sums the squares in float64 is no convention.
_EXTREMES = tuple(value for value in EXTREMES if abs(value) != 1e30)


def _jax_normalized(
    jax: Any, x: Any, axes: tuple[int, ...], weight: Any, bias: Any, eps: float, *, centre: bool = True
) -> Any:
    """Return the formula in jax.numpy, for jax.vjp to differentiate."""
    mean = x.mean(axes, keepdims=True) if centre else 0.0
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    y = (x - mean) / jax.numpy.sqrt(var + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _jax_wide(channels: Any, x: Any) -> Any:
    return None if channels is None else channels.reshape((-1,) + (1,) * (x.ndim - 2))


def _refusals_of_channels(good: Case) -> tuple[Invalid, ...]:
    """Return the bad calls that normalisations with numbers a channel have in common."""
    channels = good["x"].shape[1]
    running = "running_mean" in good.arrays
    names = ("running_mean", "running_var") * running + ("weight", "bias")
    bad = [
        Invalid(
            f"a {name} of another length",
            good.replace(**{name: np.ones(channels + 1)}),
            (f": {name} must", f"{name} of shape ({channels + 1},)", f"x of shape {good['x'].shape}"),
        )
        for name in names
    ]
    bad += [
        Invalid("an x without channels", good.replace(x=np.ones(channels)), (": x must", f"({channels},)")),
        Invalid("a negative eps", good.with_options(eps=-1.0), (": eps must", "eps=-1.0")),
    ]
    if running:
        bad += [
            Invalid(
                "a running mean alone",
                good.replace(running_var=None),
                (": running_mean and running_var must", "running_mean of shape", "running_var=None"),
            ),
            Invalid(
                "a running variance alone",
                good.replace(running_mean=None),
                (": running_mean and running_var must", "running_mean=None", "running_var of shape"),
            ),
            Invalid(
                "a momentum that is no number",
                good.with_options(momentum="1"),
                (": momentum must", "momentum='1'"),
                TypeError,
            ),
        ]
    return tuple(bad)


# ---- batch_norm


def _draw_batch_norm(d: Draw) -> Case:
    training = not d.setting.batched and d.flag()
    batch, channels = d.batch(), d.side(1, 4)
    spatial = d.sides(d.one_of(0, 2, 1, 3), high=3)
    if training and batch * int(np.prod(spatial)) == 1:  # one value a channel has no variance: refused
        batch = 2
    tracked = not training or d.flag()
    affine, shifted = d.flag(), d.flag()
    return _case(
        "batch_norm",
        d.array(batch, channels, *spatial),
        d.array(channels, plain=True) if tracked else None,
        d.array(channels, positive=True, plain=True) if tracked else None,
        d.array(channels, plain=True) if affine else None,
        d.array(channels, plain=True) if shifted else None,
        training=training,
        momentum=d.one_of(0.1, 0.5, 0.0, 1.0),
        eps=d.one_of(1e-5, 1e-3, 0.1),
    )


def _twin(
    torch: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool,
    momentum: float, eps: float,
) -> Any:  # fmt: skip
    """Return the twin's output, then its running statistics, which it updates in place in copies."""
    mean = None if running_mean is None else running_mean.clone()
    var = None if running_var is None else running_var.clone()
    y = torch.nn.functional.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
    return y if mean is None else (y, mean, var)


_ONES = np.ones(3)
_GOOD = _case("batch_norm", np.arange(12.0).reshape(4, 3), np.zeros(3), _ONES, _ONES, _ONES, training=True)


def _jax_batch(
    jax: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool,
    momentum: float, eps: float,
) -> Any:  # fmt: skip
    del running_mean, running_var, training, momentum  # a call that has them returns new ones: not compared
    axes = (0, *range(2, x.ndim))
    return _jax_normalized(jax, x, axes, _jax_wide(weight, x), _jax_wide(bias, x), eps)


BATCH_NORM = Operation(
    "batch_norm",
    _draw_batch_norm,
    (
        *usual_refusals(_GOOD, (4, 3)),
        *_refusals_of_channels(_GOOD),
        Invalid(
            "one value a channel in training",
            _GOOD.replace(x=np.ones((1, 3))),
            (": training takes", "x of shape (1, 3)"),
        ),
        Invalid(
            "evaluation without running statistics",
            _case("batch_norm", np.ones((4, 3)), None, None, None, None, training=False),
            (": running_mean and running_var are needed", "training=False"),
        ),
        Invalid("an eps of 0 in training", _GOOD.with_options(eps=0.0), (": eps must", "eps=0.0")),
    ),
    twin=_twin,
    jax=_jax_batch,
    per_sample=lambda case: () if case.options["training"] else ("x",),
    stateful=True,
    extremes=_EXTREMES,
)


# ---- instance_norm


def _draw_instance_norm(d: Draw) -> Case:
    channels, spatial = d.side(1, 4), d.sides(d.one_of(1, 2, 3), high=3)
    use_input_stats = d.flag()
    if not use_input_stats and d.flag():
        spatial = ()
    if use_input_stats and int(np.prod(spatial)) == 1:  # one value has no variance: refused
        spatial = (*spatial[:-1], 2)
    # New statistics are averages over the batch, which are not wanted of samples treated apart.
    tracked = not use_input_stats or (not d.setting.batched and d.flag())
    affine, shifted = d.flag(), d.flag()
    return _case(
        "instance_norm",
        d.array(d.batch(), channels, *spatial),
        d.array(channels, plain=True) if tracked else None,
        d.array(channels, positive=True, plain=True) if tracked else None,
        d.array(channels, plain=True) if affine else None,
        d.array(channels, plain=True) if shifted else None,
        use_input_stats=use_input_stats,
        momentum=d.one_of(0.1, 0.5, 0.0, 1.0),
        eps=d.one_of(1e-5, 1e-3, 0.1),
    )


def _twin_of_instance_norm(
    torch: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, use_input_stats: bool,
    momentum: float, eps: float,
) -> Any:  # fmt: skip
    mean = None if running_mean is None else running_mean.clone()
    var = None if running_var is None else running_var.clone()
    function = torch.nn.functional.instance_norm
    y = function(x, mean, var, weight, bias, use_input_stats, momentum, eps)
    if mean is not None and not x.numel():  # of which it makes NaN
        mean, var = running_mean, running_var
    return y if mean is None else (y, mean, var)


def _jax_instance(
    jax: Any, x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, use_input_stats: bool,
    momentum: float, eps: float,
) -> Any:  # fmt: skip
    del running_mean, running_var, use_input_stats, momentum
    axes = tuple(range(2, x.ndim))
    return _jax_normalized(jax, x, axes, _jax_wide(weight, x), _jax_wide(bias, x), eps)


_INSTANCE = _case(
    "instance_norm", np.arange(24.0).reshape(2, 3, 4), np.zeros(3), _ONES, _ONES, _ONES, use_input_stats=True
)

INSTANCE_NORM = Operation(
    "instance_norm",
    _draw_instance_norm,
    (
        *usual_refusals(_INSTANCE, (2, 3, 4)),
        *_refusals_of_channels(_INSTANCE),
        Invalid(
            "one value a channel",
            _INSTANCE.replace(x=np.ones((2, 3, 1))),
            (": the statistics of x take", "x of shape (2, 3, 1)"),
        ),
        Invalid(
            "neither statistics nor the input's",
            _case("instance_norm", np.ones((2, 3, 4)), None, None, None, None, use_input_stats=False),
            (": running_mean and running_var are needed", "use_input_stats=False"),
        ),
    ),
    twin=_twin_of_instance_norm,
    jax=_jax_instance,
    per_sample=lambda case: () if case.extras and case.options["use_input_stats"] else ("x",),
    torch_cannot=lambda case: None if case["x"].size else "PyTorch has no derivative of nothing here",
    stateful=True,
    extremes=_EXTREMES,
)


# ---- group_norm


def _draw_group_norm(d: Draw) -> Case:
    groups = d.one_of(1, 2, 3)
    channels, batch = groups * d.side(1, 3), d.batch()
    spatial = d.sides(d.one_of(0, 2, 1, 3), high=3)
    if batch == 1 and channels * int(np.prod(spatial)) == groups:  # refused, as a batch of two is not
        batch = 2
    return _stateless(
        "group_norm",
        d.array(batch, channels, *spatial),
        d.array(channels, plain=True) if d.flag() else None,
        d.array(channels, plain=True) if d.flag() else None,
        num_groups=groups,
        eps=d.one_of(1e-5, 1e-3, 0.1),
    )


def _jax_group(jax: Any, x: Any, weight: Any, bias: Any, num_groups: int, eps: float) -> Any:
    grouped = x.reshape(x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:])
    y = _jax_normalized(jax, grouped, tuple(range(2, grouped.ndim)), None, None, eps).reshape(x.shape)
    y = y if weight is None else y * _jax_wide(weight, x)
    return y if bias is None else y + _jax_wide(bias, x)


def _torch_cannot_group(case: Case) -> str | None:
    shifted = case.arrays["bias"] is not None and case.arrays["weight"] is None
    return "PyTorch's backward fails where there is a bias and no weight" if shifted else None


_GROUP = _stateless(
    "group_norm", np.arange(24.0).reshape(2, 6, 2), np.ones(6), np.ones(6), num_groups=3, eps=1e-5
)

GROUP_NORM = Operation(
    "group_norm",
    _draw_group_norm,
    (
        *usual_refusals(_GROUP, (2, 6, 2)),
        *_refusals_of_channels(_GROUP),
        Invalid(
            "groups that do not divide",
            _GROUP.with_options(num_groups=4),
            (": num_groups must", "num_groups=4", "x of shape (2, 6, 2)"),
        ),
        Invalid("no groups", _GROUP.with_options(num_groups=0), (": num_groups must", "num_groups=0")),
        Invalid(
            "groups that are no integer",
            _GROUP.with_options(num_groups=1.5),
            (": num_groups must", "num_groups=1.5"),
            TypeError,
        ),
        Invalid(
            "one sample with one value a group",
            _GROUP.replace(x=np.ones((1, 6))).with_options(num_groups=6),
            (": one sample takes", "num_groups=6", "x of shape (1, 6)"),
        ),
    ),
    jax=_jax_group,
    per_sample=lambda case: () if case["x"][:1].size == case.options["num_groups"] else ("x",),
    torch_cannot=_torch_cannot_group,
    extremes=_EXTREMES,
)


# ---- over the last axes: layer_norm and rms_norm


def _draw_last_axes(d: Draw, name: str) -> Case:
    shape = d.sides(d.one_of(1, 2), high=6)
    lead = d.one_of((d.batch(),), (d.batch(), d.side(high=3)), ()) if not d.setting.batched else (d.batch(),)
    x = d.array(*lead, *shape)
    weight = d.array(*shape, plain=True) if d.flag() else None
    if name == "rms_norm":
        calm = d.setting.values == "calm"  # finite differences see no step of 1e-8
        eps = d.one_of(1e-5, 0.1) if calm else d.one_of(None, 1e-5, 0.1)
        return _stateless(name, x, weight, normalized_shape=shape, eps=eps)
    bias = d.array(*shape, plain=True) if d.flag() else None
    return _stateless(name, x, weight, bias, normalized_shape=shape, eps=d.one_of(1e-5, 1e-3, 0.1))


def _has_samples(case: Case) -> tuple[str, ...]:
    shape = case.options["normalized_shape"]
    return ("x",) if isinstance(shape, tuple) and case["x"].ndim > len(shape) else ()


def _last_axes_refusals(good: Case) -> tuple[Invalid, ...]:
    """Return the bad calls of a normalisation of (2, 3, 4) over (3, 4)."""
    return (
        *usual_refusals(good, (2, 3, 4)),
        Invalid(
            "a normalized_shape that x does not end with",
            good.with_options(normalized_shape=(4, 3)),
            (": the shape of x must", "normalized_shape=(4, 3)", "x of shape (2, 3, 4)"),
        ),
        Invalid(
            "an empty normalized_shape",
            good.with_options(normalized_shape=()),
            (": normalized_shape must", "normalized_shape=()"),
        ),
        Invalid(
            "a normalized_shape that is a number",
            good.with_options(normalized_shape=4),
            (": normalized_shape must", "normalized_shape=4"),
            TypeError,
        ),
        Invalid(
            "a normalized_shape of floats",
            good.with_options(normalized_shape=(3.0, 4.0)),
            (": normalized_shape must", "normalized_shape=3.0"),
            TypeError,
        ),
        Invalid(
            "an x with fewer axes", good.replace(x=np.ones(4)), (": the shape of x must", "x of shape (4,)")
        ),
        *(
            Invalid(
                f"a {name} of another shape",
                good.replace(**{name: np.ones(12)}),
                (f": {name} must", "normalized_shape=(3, 4)", f"{name} of shape (12,)"),
            )
            for name in good.slots[1:]
        ),
        Invalid("a negative eps", good.with_options(eps=-1.0), (": eps must", "eps=-1.0")),
    )


def _jax_layer(
    jax: Any, x: Any, weight: Any, bias: Any, normalized_shape: tuple[int, ...], eps: float
) -> Any:
    return _jax_normalized(jax, x, tuple(range(-len(normalized_shape), 0)), weight, bias, eps)


def _jax_rms(jax: Any, x: Any, weight: Any, normalized_shape: tuple[int, ...], eps: float | None) -> Any:
    axes = tuple(range(-len(normalized_shape), 0))
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _jax_normalized(jax, x, axes, weight, None, eps, centre=False)


_X, _W = np.arange(24.0).reshape(2, 3, 4), np.ones((3, 4))

LAYER_NORM = Operation(
    "layer_norm",
    lambda d: _draw_last_axes(d, "layer_norm"),
    _last_axes_refusals(_stateless("layer_norm", _X, _W, _W, normalized_shape=(3, 4), eps=1e-5)),
    jax=_jax_layer,
    per_sample=_has_samples,
    extremes=_EXTREMES,
)


def _of_one_value(case: Case) -> str | None:
    shape = case.options["normalized_shape"]
    one = isinstance(shape, tuple) and math.prod(shape) == 1
    return "of one value the gradient is what rounding leaves of it" if one else None


RMS_NORM = Operation(
    "rms_norm",
    lambda d: _draw_last_axes(d, "rms_norm"),
    _last_axes_refusals(_stateless("rms_norm", _X, _W, normalized_shape=(3, 4), eps=1e-5)),
    jax=_jax_rms,
    per_sample=_has_samples,
    extremes=_EXTREMES,
    torch_cannot=_of_one_value,
    jax_cannot=_of_one_value,
)


# ---- local_response_norm


def _draw_local_response_norm(d: Draw) -> Case:
    x = d.array(d.batch(), d.side(1, 6), *d.sides(d.one_of(1, 2, 3), high=3))
    return Case(
        "local_response_norm",
        {"x": x},
        {
            "size": d.integer(1, 7),
            "alpha": d.one_of(1e-4, 1.0, 0.5),
            "beta": d.one_of(0.75, 1.0, 0.5, 2.0),
            "k": d.one_of(1.0, 2.0, 0.5),
        },
        ("x",),
    )


def _jax_local_response(jax: Any, x: Any, size: int, alpha: float, beta: float, k: float) -> Any:
    before, channels = size // 2, x.shape[1]
    pad = ((0, 0), (before, size - 1 - before), *((0, 0),) * (x.ndim - 2))
    squares = jax.numpy.pad(x * x, pad)
    total = sum(squares[:, i : i + channels] for i in range(size))
    return x / (k + alpha * total / size) ** beta


_LOCAL = Case("local_response_norm", {"x": _X}, {"size": 2, "alpha": 1e-4, "beta": 0.75, "k": 1.0}, ("x",))

LOCAL_RESPONSE_NORM = Operation(
    "local_response_norm",
    _draw_local_response_norm,
    (
        *usual_refusals(_LOCAL, (2, 3, 4)),
        Invalid("no neighbours", _LOCAL.with_options(size=0), (": size must", "size=0")),
        Invalid(
            "a size that is no integer", _LOCAL.with_options(size=2.5), (": size must", "size=2.5"), TypeError
        ),
        Invalid("two axes", _LOCAL.replace(x=np.ones((2, 3))), (": x must", "x of shape (2, 3)")),
        *(
            Invalid(
                f"of {name} no number",
                _LOCAL.with_options(**{name: "1"}),
                (f": {name} must", f"{name}='1'"),
                TypeError,
            )
            for name in ("alpha", "beta", "k")
        ),
    ),
    jax=_jax_local_response,
    per_sample=lambda _: ("x",),
    # What becomes of an infinity over an infinite power depends on the order of autograd's products.
    extremes=tuple(value for value in _EXTREMES if not math.isinf(value)),
)
