"""Normalisations: over the batch, over the features, over groups of channels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ._operations import of_operation
from .protocol import (
    CHANNEL,
    CHANNELS_FIRST,
    CHANNELS_LAST,
    FLAT,
    PIXEL,
    ROW,
    SAME,
    Form,
    Kind,
    Measured,
    Parts,
    Sketch,
    every,
    reshaped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EPSILONS = (1e-5, 1e-8, 1e-7, 1e-6, 1e-3, 1e-2, 1e-4, 1e-12, 1e-10, 1e-9, 1e-15, 1e-16, 0.0)


def epsilons() -> list[Form]:
    """Return the epsilons met, PyTorch's first; another is a convention whatever a layer's name promises."""
    return [_of_epsilon(eps) for eps in EPSILONS]


def _of_epsilon(eps: float) -> Form:
    words = {} if eps == 1e-5 else {"other_epsilon": f"epsilon is {eps:g} (PyTorch's default is 1e-5)"}
    return Form(options={"eps": eps}, conventions=words)


def _tiny(x: Any) -> Any:
    """Where the variance is tiny, the epsilon is all there is."""
    return 1e-6 * x


_DEVIATION = Form(
    options={"deviation": True},
    conventions={"epsilon_on_deviation": "epsilon is added to the deviation, not to the variance"},
)
_EPS = {"eps": Measured(_of_epsilon, _tiny, (Form(), _DEVIATION))}


def _eps(o: Mapping[str, Any]) -> float:
    return float(o.get("eps", 1e-5))


def _root(var: Any, o: Mapping[str, Any], lib: Any) -> Any:
    return lib.sqrt(var) + _eps(o) if o.get("deviation") else lib.sqrt(var + _eps(o))


def _moving(x: Any, axis: int) -> Any:
    """Return the input, but where it is all one number along an axis: a deviation of 0 has no derivative."""
    steps = np.arange(x.shape[axis], dtype=x.dtype).reshape((-1,) + (1,) * (x.ndim - axis % x.ndim - 1))
    return np.where((x == x.take([0], axis)).all(axis=axis, keepdims=True), x + steps, x)


# ---- batch normalisation


def _batch_forms(strict: bool) -> list[Form]:
    shapes = [Form(options={"rank": 2}), Form(options={"rank": 4}),
              Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST}, {"rank": 4})]  # fmt: skip
    vectors = [Form(), Form(dict.fromkeys(("weight", "bias"), ROW)),
               Form(dict.fromkeys(("weight", "bias"), CHANNEL))]  # fmt: skip
    if strict:
        return every(vectors, shapes, epsilons())
    return every(epsilons(), shapes, vectors, _statistics())


def _statistics() -> list[Form]:
    """Return how the running statistics may be kept, and a momentum where the layer's is not known."""
    kept = {"momentum_is_share_kept": "momentum is the share of the old running statistics that is kept"}
    biased = {"running_var_biased": "the running variance is the biased one"}
    found = []
    for momentum in (0.1, 0.01, 0.05, 0.001):
        found += [
            Form(options={"kept": True, "biased": True, "momentum": momentum}, conventions=kept | biased),
            Form(options={"momentum": momentum}),
            Form(options={"biased": True, "momentum": momentum}, conventions=biased),
            Form(options={"kept": True, "momentum": momentum}, conventions=kept),
        ]
    return found


def _affine(sketch: Sketch, option: str) -> dict[str, bool]:
    """Return whether a layer that may be made without a weight and a bias has them."""
    return {option: not sketch.may("no weight and bias")} if option in sketch.takes else {}


def _draw_batch(sketch: Sketch) -> Parts:
    channels, rank = sketch.side(1, 4), sketch.form.options.get("rank", 2)
    training = bool(sketch.option("training", True, False).get("training", True))
    training = training and not sketch.d.setting.batched
    batch = max(sketch.d.batch(2 if training else 1, 6), 2 if training else 1)
    shape: tuple[int, ...] = (batch, channels)
    if rank == 5:
        shape = (batch, channels, sketch.side(1, 3), sketch.side(1, 2), sketch.side(1, 3))
    elif rank == 4 or sketch.may("an x of rank 4"):
        shape = (max(batch, 2 if training else 1), channels, sketch.side(1, 3), sketch.side(1, 3))
    elif sketch.may("an x of rank 3"):
        shape = (*shape, sketch.side(1, 4))
    if sketch.form.layout("x") is FLAT and len(shape) == 4:
        channels = int(np.prod(shape[1:]))
    arrays = {"x": sketch.array("x", *shape, far=True)}
    affine = _affine(sketch, "affine")
    if affine.get("affine", True):
        arrays |= {name: sketch.array(name, channels, plain=True) for name in ("weight", "bias")}
    if "running_mean" not in sketch.form.absent:
        arrays["running_mean"] = sketch.array("running_mean", channels, plain=True)
        arrays["running_var"] = sketch.array("running_var", channels, plain=True, positive=True)
    if training and sketch.form.options.get("deviation"):
        arrays["x"] = _moving(arrays["x"], 0)
    options: dict[str, Any] = {"training": training, **affine}
    for name, values in (("eps", (1e-5, 1e-3, 0.1)), ("momentum", (0.1, 0.5, 0.3))):
        options |= sketch.option(name, *values)
    if NO_MOMENTUM in sketch.takes and sketch.may(NO_MOMENTUM, 3):
        options["momentum"] = None
    return arrays, options


#: Of a batch normalisation that then keeps the average over all batches.
NO_MOMENTUM = "momentum=None"


def _share(o: Mapping[str, Any]) -> float:
    """Return the share of the new statistics; all of it for the first batch of an average over all."""
    momentum = o.get("momentum", 0.1)
    return 1.0 if momentum is None else float(momentum)


def _wide(v: Any, x: Any) -> Any:
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


def _scaled(y: Any, a: Mapping[str, Any], x: Any) -> Any:
    """Return what is normalised times the weight, plus the bias, each where there is one."""
    y = y if a.get("weight") is None else y * _wide(a["weight"], x)
    return y if a.get("bias") is None else y + _wide(a["bias"], x)


def _batch(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    axes = tuple(i for i in range(x.ndim) if i != 1)
    mean: Any = a.get("running_mean")
    var: Any = a.get("running_var")
    state: tuple[Any, ...] = () if mean is None else (mean, var)
    if o["training"]:
        own_mean = x.mean(axes)
        own_var = ((x - _wide(own_mean, x)) ** 2).mean(axes)
        if mean is not None:
            count = float(np.prod([x.shape[i] for i in axes]))
            m = _share(o)
            told = own_var if o.get("biased") else own_var * (count / (count - 1))
            state = ((1 - m) * mean + m * own_mean, (1 - m) * var + m * told)
        mean, var = own_mean, own_var
    y = (x - _wide(mean, x)) / _root(_wide(var, x), o, lib)
    return (_scaled(y, a, x), *(s + 0 for s in state))


def _batch_golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
    if o.get("biased") and o["training"] and a.get("running_mean") is not None:
        return None
    slots = {k: a.get(k) for k in ("x", "running_mean", "running_var", "weight", "bias")}
    options = {"training": o["training"], "momentum": _share(o), "eps": _eps(o)}
    extras = () if slots["running_mean"] is None else ("new_running_mean", "new_running_var")
    moving = tuple(n for n in ("x", "weight", "bias") if slots[n] is not None)
    return Case("batch_norm", slots, options, moving, extras=extras)


BATCH_NORM = Kind(
    "batch_norm", ("x", "weight", "bias", "running_mean", "running_var"), _batch,
    lambda t, a, o: _batch(a, o, t), _draw_batch, _batch_forms, params=("weight", "bias"),
    state=("running_mean", "running_var"), fixed=("running_mean", "running_var"),
    extras=("new_running_mean", "new_running_var"), golden=_batch_golden,
    sizes=lambda a: {"in": a["x"].shape[1]}, plain=True,
    measured=_EPS,
    defaults={"eps": 1e-5, "momentum": 0.1, "affine": True, "training": True},
)  # fmt: skip


def _wide_vectors(n: int) -> list[Form]:
    """Return the layouts of a vector for the channels of (N, C, *) with `n` dimensions."""
    wide = reshaped(f"(1, C{', 1' * n})", lambda s: (1, *s, *(1,) * n))
    high = reshaped(f"(C{', 1' * n})", lambda s: (*s, *(1,) * n))
    return [Form(dict.fromkeys(("weight", "bias"), layout)) for layout in (SAME, wide, high)]


def _volume_forms(strict: bool) -> list[Form]:
    shapes = [Form(options={"rank": 5}), Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST}, {"rank": 5})]
    if strict:
        return every(_wide_vectors(3), shapes, epsilons())
    return every(epsilons(), shapes, _wide_vectors(3), _statistics())


BATCH_NORM_3D = replace(
    BATCH_NORM, name="3d batch_norm", forms=_volume_forms,
)  # fmt: skip


# ---- over the features of each sample


#: Images, normalised at each place: of what gives another value, or none, for samples of features.
_IMAGES = Form({"x": CHANNELS_FIRST, "y": CHANNELS_FIRST}, {"rank": 4, "otherwise": True})
_WHOLE = Form(
    options={"whole": True},
    conventions={
        "over_all_of_a_sample": "it normalises over all of a sample, with a weight for each channel"
    },
)


def _layer_forms(strict: bool) -> list[Form]:
    vectors = [Form(dict.fromkeys(("weight", "bias"), layout)) for layout in (SAME, ROW)]
    plain = every(epsilons(), vectors)
    if strict:
        return [Form()]
    return [
        *plain,
        *every(epsilons(), vectors, [_DEVIATION]),
        *every(plain, [Form(options={"rank": 3})]),
        *every(epsilons(), [_IMAGES, _IMAGES + _WHOLE], _wide_vectors(2)),
    ]


def _draw_layer(sketch: Sketch) -> Parts:
    width = sketch.side(2, 6)
    shape: tuple[int, ...] = (sketch.batch(), width)
    rank = sketch.form.options.get("rank")
    if rank == 4:
        shape = (shape[0], sketch.side(1, 3), sketch.side(1, 3), width)
    elif rank == 3 or sketch.may("an x of rank 3"):
        shape = (shape[0], sketch.side(), width)
    sides: tuple[int, ...] = (width,)
    affine = _affine(sketch, "elementwise_affine")
    has_both = affine.get("elementwise_affine", True)
    if (
        has_both
        and rank != 4
        and "normalized_shape" in sketch.takes
        and sketch.may("several normalized sides", 2)
    ):
        sides = (sketch.side(2, 3), width)
        shape = (*shape[:-1], *sides)
    x = sketch.array("x", *shape, far=True)
    if sketch.form.options.get("deviation"):
        x = _moving(x, 1 if rank == 4 else -1)
    arrays = {"x": x}
    if has_both:
        arrays |= {
            name: sketch.array(name, *sides, plain=True)
            for name in ("weight", "bias") if name not in sketch.form.absent
        }  # fmt: skip
    return arrays, affine | sketch.option("eps", 1e-5, 1e-3, 0.1)


def _layer(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    weight = a.get("weight")
    lines = x
    if weight is not None and weight.ndim > 1:  # several sides as one
        lines = x.reshape(*x.shape[: x.ndim - weight.ndim], math.prod(weight.shape))
    if o.get("whole"):
        lines = x.reshape(len(x), math.prod(x.shape[1:]))
    n = lines.shape[-1]
    centred = lines - lines.sum(-1)[..., None] / n
    var = (centred * centred).sum(-1)[..., None] / n
    y = (centred / _root(var, o, lib)).reshape(x.shape)
    y = y if weight is None else y * weight
    return (y if a.get("bias") is None else y + a["bias"],)


def _normalized(a: Mapping[str, Any]) -> dict[str, Any]:
    """Return the normalized shape: a number where it is one side."""
    shape = a["weight"].shape if a.get("weight") is not None and a["weight"].ndim > 1 else a["x"].shape[-1:]
    return {"in": shape if len(shape) > 1 else shape[0]}


LAYER_NORM = Kind(
    "layer_norm", ("x", "weight", "bias"), _layer, lambda t, a, o: _layer(a, o, t), _draw_layer, _layer_forms,
    params=("weight", "bias"), per_sample=("x",), sizes=_normalized, plain=True, measured=_EPS,
    defaults={"eps": 1e-5, "elementwise_affine": True},
)  # fmt: skip


def _rms(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    square = (x * x).sum(-1)[..., None] / x.shape[-1]
    y = x / _root(square, o, lib)
    return (y if a.get("weight") is None else y * a["weight"],)


def _draw_rms(sketch: Sketch) -> Parts:
    width = sketch.side(2, 6)
    shape: tuple[int, ...] = (sketch.batch(), width)
    if sketch.may("an x of rank 3"):
        shape = (shape[0], sketch.side(), width)
    arrays = {"x": sketch.array("x", *shape), "weight": sketch.array("weight", width, plain=True)}
    return arrays, sketch.option("eps", 1e-5, 1e-3, 0.1)


RMS_NORM = Kind(
    "rms_norm", ("x", "weight"), _rms, lambda t, a, o: _rms(a, o, t),
    _draw_rms,
    lambda _: epsilons(), params=("weight",), per_sample=("x",),
    sizes=lambda a: {"in": a["x"].shape[-1]}, plain=True,
    measured=_EPS,
    defaults={"eps": 1e-5},
)  # fmt: skip


def _group_forms(_: bool) -> list[Form]:
    vectors = [Form(dict.fromkeys(("weight", "bias"), layout)) for layout in (SAME, CHANNEL, PIXEL)]
    return every(epsilons(), vectors)


def _draw_group(sketch: Sketch) -> Parts:
    groups = sketch.d.one_of(1, 2, 3)
    channels = groups * sketch.side(1, 3)
    # never one number a group: its variance is nothing
    shape: tuple[int, ...] = (max(sketch.batch(high=3), 1), channels, sketch.side(2, 3))
    if not sketch.may("an x of rank 3", 3):
        shape = (*shape, sketch.side(1, 3))
    arrays = {"x": sketch.array("x", *shape, far=True)}
    affine = _affine(sketch, "affine")
    if affine.get("affine", True):
        arrays |= {name: sketch.array(name, channels, plain=True) for name in ("weight", "bias")}
    return arrays, {"num_groups": groups, **affine, **sketch.option("eps", 1e-5, 1e-3, 0.1)}


def _group(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    g = x.reshape(x.shape[0], int(o["num_groups"]), -1)
    n = g.shape[-1]
    centred = g - g.sum(-1)[..., None] / n
    var = (centred * centred).sum(-1)[..., None] / n
    y = (centred / _root(var, o, lib)).reshape(x.shape)
    return (_scaled(y, a, x),)


def _instance(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    """Normalise each sample's channels; where statistics are kept, evaluation uses these."""
    x = a["x"]
    kept = a.get("running_mean") is not None
    if not kept:
        return _group(a, {**o, "num_groups": x.shape[1]}, lib)
    if not o.get("training", True):
        y = (x - _wide(a["running_mean"], x)) / _root(_wide(a["running_var"], x), o, lib)
        return (_scaled(y, a, x), a["running_mean"] + 0, a["running_var"] + 0)
    g = x.reshape(*x.shape[:2], -1)
    n, m = g.shape[-1], float(o.get("momentum", 0.1))
    mean = g.sum(-1) / n
    var = ((g - mean[..., None]) ** 2).sum(-1) / (n if o.get("biased") else n - 1)
    new = (
        (1 - m) * a["running_mean"] + m * mean.sum(0) / len(x),
        (1 - m) * a["running_var"] + m * var.sum(0) / len(x),
    )
    return (_group(a, {**o, "num_groups": x.shape[1]}, lib)[0], *new)


def _draw_instance(n: int) -> Callable[[Sketch], Parts]:
    def draw(sketch: Sketch) -> Parts:
        # never one number a channel: its variance is nothing
        sides = [sketch.side(2, 3), *(sketch.side(1, 3) for _ in range(n - 1))]
        batch, channels = max(sketch.batch(high=3), 1), sketch.side(1, 4)
        arrays: dict[str, Any] = {"x": sketch.array("x", batch, channels, *sides, far=True)}
        options: dict[str, Any] = {}
        options |= _affine(sketch, "affine")
        if options.get("affine", True):
            for name in ("weight", "bias"):
                arrays[name] = sketch.array(name, channels, plain=True)
        if "track_running_stats" in sketch.takes:
            options["track_running_stats"] = not sketch.may("no running statistics", 1)
        if options.get("track_running_stats"):
            arrays["running_mean"] = sketch.array("running_mean", channels, plain=True)
            arrays["running_var"] = sketch.array("running_var", channels, plain=True, positive=True)
            options |= sketch.option("training", True, False)
            options |= sketch.option("momentum", 0.1, 0.5, 0.3)
        return arrays, options | sketch.option("eps", 1e-5, 1e-3, 0.1)

    return draw


def _instance_forms(n: int) -> Callable[[bool], list[Form]]:
    shapes = [Form(), Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})]
    return lambda _: every(epsilons(), shapes, _wide_vectors(n))


_INSTANCE_OPTIONS = {
    "eps": 1e-5, "momentum": 0.1, "affine": False, "track_running_stats": False, "training": True,
}  # fmt: skip
INSTANCE_NORM_1D, INSTANCE_NORM, INSTANCE_NORM_3D = (
    Kind(
        name, ("x", "weight", "bias", "running_mean", "running_var"), _instance,
        lambda t, a, o: _instance(a, o, t), _draw_instance(n), _instance_forms(n), params=("weight", "bias"),
        state=("running_mean", "running_var"), fixed=("running_mean", "running_var"),
        extras=("new_running_mean", "new_running_var"), sizes=lambda a: {"in": a["x"].shape[1]}, plain=True,
        measured=_EPS, defaults=_INSTANCE_OPTIONS,
    )
    for n, name in ((1, "1d instance_norm"), (2, "instance_norm"), (3, "3d instance_norm"))
)  # fmt: skip


GROUP_NORM = Kind(
    "group_norm", ("x", "weight", "bias"), _group, lambda t, a, o: _group(a, o, t), _draw_group, _group_forms,
    params=("weight", "bias"), per_sample=("x",), sizes=lambda a: {"in": a["x"].shape[1]}, plain=True,
    measured=_EPS,
    defaults={"eps": 1e-5, "num_groups": 1, "affine": True},
)  # fmt: skip


# ---- over neighbouring channels

_UNDIVIDED = Form(
    options={"undivided": True},
    conventions={"sum_of_neighbours": "alpha is times the sum over the neighbours (PyTorch's: their mean)"},
)


def _draw_local(sketch: Sketch) -> Parts:
    shape = [sketch.batch(high=3), sketch.side(1, 6), sketch.side(1, 3), sketch.side(1, 3)]
    if sketch.may("an x of rank 3", 4):
        shape.pop()
    options: dict[str, Any] = {}
    if "size" in sketch.takes:
        options["size"] = sketch.d.one_of(2, 4) if sketch.may("an even size") else sketch.d.one_of(3, 5, 1, 7)
    options |= sketch.option("alpha", 1e-4, 1.0, 0.5) | sketch.option("beta", 0.75, 1.0, 0.5, 2.0)
    options |= sketch.option("k", 1.0, 2.0, 0.5)
    return {"x": sketch.array("x", *shape)}, options


def _local_call(o: Mapping[str, Any]) -> Mapping[str, Any]:
    own = {k: v for k, v in o.items() if k != "undivided"}
    return {**own, "alpha": o["alpha"] * o["size"]} if o["undivided"] else own


def _local_forms(_: bool) -> list[Form]:
    layouts = [Form(), Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})]
    return every([Form(), Form(options={"k": 2.0})], layouts, [Form(), _UNDIVIDED])


LOCAL_RESPONSE_NORM = of_operation(
    "local_response_norm", _draw_local,
    {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0, "undivided": False}, _local_call, per_sample=("x",),
    forms=_local_forms,
)  # fmt: skip
