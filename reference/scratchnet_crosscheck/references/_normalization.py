"""Normalisations: over the batch, over the features, over groups of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import CHANNEL, CHANNELS_LAST, FLAT, ROW, SAME, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Mapping

EPSILONS = (1e-5, 1e-7, 1e-8, 1e-6, 1e-3, 1e-2, 1e-4, 1e-12, 1e-9, 0.0)


def epsilons(*, strict: bool) -> list[Form]:
    """Return the epsilons met, PyTorch's first."""
    if strict:
        return [Form()]
    found = []
    for eps in EPSILONS:
        words = {} if eps == 1e-5 else {"other_epsilon": f"epsilon is {eps:g} (PyTorch's default is 1e-5)"}
        found.append(Form(options={"eps": eps}, conventions=words))
    return found


_DEVIATION = {"epsilon_on_deviation": "epsilon is added to the deviation, not to the variance"}


def _eps(o: Mapping[str, Any]) -> float:
    return float(o.get("eps", 1e-5))


# ---- batch normalisation


def _batch_forms(strict: bool) -> list[Form]:
    shapes = [Form(options={"rank": 2}), Form(options={"rank": 4}),
              Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST}, {"rank": 4})]  # fmt: skip
    vectors = [Form(), Form(dict.fromkeys(("weight", "bias"), ROW)),
               Form(dict.fromkeys(("weight", "bias"), CHANNEL))]  # fmt: skip
    if strict:
        return every(vectors, shapes, epsilons(strict=strict))
    return every(epsilons(strict=strict), shapes, vectors, _statistics())


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


def _draw_batch(sketch: Sketch) -> Parts:
    channels, rank = sketch.side(1, 4), sketch.form.options.get("rank", 2)
    training = bool(sketch.option("training", True, False).get("training", True))
    training = training and not sketch.d.setting.batched
    batch = max(sketch.d.batch(2 if training else 1, 6), 2 if training else 1)
    shape: tuple[int, ...] = (batch, channels)
    if rank == 4 or sketch.may("an x of rank 4"):
        shape = (max(batch, 2 if training else 1), channels, sketch.side(1, 3), sketch.side(1, 3))
    if sketch.form.layout("x") is FLAT and len(shape) == 4:
        channels = int(np.prod(shape[1:]))
    arrays = {
        "x": sketch.array("x", *shape, far=True),
        "weight": sketch.array("weight", channels, plain=True),
        "bias": sketch.array("bias", channels, plain=True),
    }
    if "running_mean" not in sketch.form.absent:
        arrays["running_mean"] = sketch.array("running_mean", channels, plain=True)
        arrays["running_var"] = sketch.array("running_var", channels, plain=True, positive=True)
    options = {"training": training}
    for name, values in (("eps", (1e-5, 1e-3, 0.1)), ("momentum", (0.1, 0.5, 0.3))):
        options |= sketch.option(name, *values)
    return arrays, options


def _wide(v: Any, x: Any) -> Any:
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


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
            m = float(o.get("momentum", 0.1))
            told = own_var if o.get("biased") else own_var * (count / (count - 1))
            state = ((1 - m) * mean + m * own_mean, (1 - m) * var + m * told)
        mean, var = own_mean, own_var
    y = (x - _wide(mean, x)) / lib.sqrt(_wide(var, x) + _eps(o))
    return (y * _wide(a["weight"], x) + _wide(a["bias"], x), *(s + 0 for s in state))


def _batch_golden(a: Mapping[str, Any], o: Mapping[str, Any]) -> Case | None:
    if o.get("biased") and o["training"] and a.get("running_mean") is not None:
        return None
    slots = {k: a.get(k) for k in ("x", "running_mean", "running_var", "weight", "bias")}
    options = {"training": o["training"], "momentum": o.get("momentum", 0.1), "eps": _eps(o)}
    extras = () if slots["running_mean"] is None else ("new_running_mean", "new_running_var")
    return Case("batch_norm", slots, options, ("x", "weight", "bias"), extras=extras)


BATCH_NORM = Kind(
    "batch_norm", ("x", "weight", "bias", "running_mean", "running_var"), _batch,
    lambda t, a, o: _batch(a, o, t), _draw_batch, _batch_forms, params=("weight", "bias"),
    state=("running_mean", "running_var"), fixed=("running_mean", "running_var"),
    extras=("new_running_mean", "new_running_var"), golden=_batch_golden,
    sizes=lambda a: {"in": a["weight"].size},
)  # fmt: skip


# ---- over the features of each sample


def _layer_forms(strict: bool) -> list[Form]:
    vectors = [Form(dict.fromkeys(("weight", "bias"), layout)) for layout in (SAME, ROW)]
    plain = every(epsilons(strict=strict), vectors)
    if strict:
        return [Form()]
    return [
        *plain,
        *every(epsilons(strict=strict), vectors, [Form(options={"deviation": True}, conventions=_DEVIATION)]),
        *every(plain, [Form(options={"rank": 3})]),
    ]


def _draw_layer(sketch: Sketch) -> Parts:
    width = sketch.side(2, 6)
    shape: tuple[int, ...] = (sketch.batch(), width)
    if sketch.form.options.get("rank") == 3 or sketch.may("an x of rank 3"):
        shape = (shape[0], sketch.side(), width)
    x = sketch.array("x", *shape, far=True)
    if sketch.form.options.get("deviation"):
        # A deviation of 0 has no derivative.
        x = np.where((x == x[..., :1]).all(axis=-1, keepdims=True), x + np.arange(width, dtype=x.dtype), x)
    arrays = {"x": x, "weight": sketch.array("weight", width, plain=True)}
    if "bias" not in sketch.form.absent:
        arrays["bias"] = sketch.array("bias", width, plain=True)
    return arrays, sketch.option("eps", 1e-5, 1e-3, 0.1)


def _layer(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    n = x.shape[-1]
    centred = x - x.sum(-1)[..., None] / n
    var = (centred * centred).sum(-1)[..., None] / n
    scale = lib.sqrt(var) + _eps(o) if o.get("deviation") else lib.sqrt(var + _eps(o))
    return (centred / scale * a["weight"] + a["bias"],)


LAYER_NORM = Kind(
    "layer_norm", ("x", "weight", "bias"), _layer, lambda t, a, o: _layer(a, o, t), _draw_layer, _layer_forms,
    params=("weight", "bias"), per_sample=("x",), sizes=lambda a: {"in": a["weight"].size},
)  # fmt: skip


def _rms(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    square = (x * x).sum(-1)[..., None] / x.shape[-1]
    return (x / lib.sqrt(square + _eps(o)) * a["weight"],)


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
    lambda _: epsilons(strict=False), params=("weight",), per_sample=("x",),
    sizes=lambda a: {"in": a["weight"].size},
)  # fmt: skip


def _group_forms(strict: bool) -> list[Form]:
    vectors = [Form(dict.fromkeys(("weight", "bias"), layout)) for layout in (SAME, CHANNEL)]
    return every([Form()] if strict else epsilons(strict=strict), vectors)


def _draw_group(sketch: Sketch) -> Parts:
    groups = sketch.d.one_of(1, 2, 3)
    channels = groups * sketch.side(1, 3)
    # never one number a group: its variance is nothing
    shape = (max(sketch.batch(high=3), 1), channels, sketch.side(2, 3), sketch.side(1, 3))
    arrays = {"x": sketch.array("x", *shape, far=True)}
    for name in ("weight", "bias"):
        arrays[name] = sketch.array(name, channels, plain=True)
    return arrays, {"num_groups": groups, **sketch.option("eps", 1e-5, 1e-3, 0.1)}


def _group(a: Mapping[str, Any], o: Mapping[str, Any], lib: Any = np) -> tuple[Any, ...]:
    x = a["x"]
    g = x.reshape(x.shape[0], int(o["num_groups"]), -1)
    n = g.shape[-1]
    centred = g - g.sum(-1)[..., None] / n
    var = (centred * centred).sum(-1)[..., None] / n
    y = (centred / lib.sqrt(var + _eps(o))).reshape(x.shape)
    return (y * _wide(a["weight"], x) + _wide(a["bias"], x),)


GROUP_NORM = Kind(
    "group_norm", ("x", "weight", "bias"), _group, lambda t, a, o: _group(a, o, t), _draw_group, _group_forms,
    params=("weight", "bias"), per_sample=("x",), sizes=lambda a: {"in": a["weight"].size},
)  # fmt: skip
