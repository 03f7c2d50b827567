"""Dropout, in the forms it is met: inverted or not, with the share dropped or the share kept.

Of elements or of whole channels, which become 0 or, in alpha dropout, the limit of SELU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .protocol import CHANNELS_LAST, Form, Kind, Parts, Sketch, every

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLAIN = "kept elements are not scaled up in training; evaluation multiplies by the share kept"
_KEEP = "p is the probability of keeping, not of dropping"


_KEPT = Form(options={"keep": True}, conventions={"p_is_keep_probability": _KEEP})


def _forms(strict: bool) -> list[Form]:
    if strict:
        return [Form()]
    plain = Form(options={"plain": True}, conventions={"dropout_not_inverted": _PLAIN})
    return every([Form(), _KEPT], [Form(), plain])


def _draw(sketch: Sketch) -> Parts:
    shape: tuple[int, ...] = (sketch.batch(), sketch.side())
    if sketch.may("an x of rank 4", 5):
        shape = (*shape, sketch.side(1, 3), 2)
    options = {"p": 0.5, **sketch.option("p", 0.5, 0.25, 0.7), "training": True}
    return {"x": sketch.array("x", *shape)}, options | sketch.option("training", True, True, False)


def _factor(o: Mapping[str, Any]) -> float:
    p = float(o["p"])
    kept = 1.0 - p  # a layer whose p is the share kept is handed 1 - p
    if o["training"]:
        return 1.0 if o.get("plain") else 1.0 / kept
    return kept if o.get("plain") else 1.0


def _forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    mask = np.asarray(o["mask"], float) if o["training"] else 1.0
    return (a["x"] * mask * _factor(o),)


def _torch(torch: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x = a["x"]
    if o["training"]:
        x = x * torch.from_numpy(np.array(o["mask"])).to(x.dtype)
    return (x * _factor(o),)


DROPOUT = Kind(
    "dropout", ("x",), _forward, _torch, _draw, _forms, random=True, defaults={"p": 0.5, "training": True}
)


# ---- whole channels


def _channels(mask: Any) -> Any:
    """Return the mask of (N, C, *) that drops all of a channel or nothing: as its first element has it."""
    first = (slice(None), slice(None)) + (slice(0, 1),) * (mask.ndim - 2)
    return np.broadcast_to(mask[first], mask.shape)


def _whole(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a dropout's formula with one decision a channel."""

    def of_channels(*given: Any) -> tuple[Any, ...]:
        *first, options = given
        own = {**options, "mask": _channels(np.asarray(options["mask"]))} if options["training"] else options
        found: tuple[Any, ...] = forward(*first, own)
        return found

    return of_channels


def _channel_wise(
    name: str, n: int, forward: Callable[..., Any], torch: Callable[..., Any], forms: Any
) -> Kind:
    """Return the kind that drops channels of inputs with `n` dimensions beside."""

    def draw(sketch: Sketch) -> Parts:
        shape = (sketch.batch(high=4), sketch.side(1, 5), *(sketch.side(1, 3) for _ in range(n)))
        options = {"p": 0.5, **sketch.option("p", 0.5, 0.25, 0.7), "training": True}
        options |= sketch.option("training", True, True, False)
        return {"x": sketch.array("x", *shape)}, options

    def both(strict: bool) -> list[Form]:
        return every([Form(), Form({"x": CHANNELS_LAST, "y": CHANNELS_LAST})], forms(strict))

    return Kind(
        name, ("x",), _whole(forward), _whole(torch), draw, both, random=True,
        defaults={"p": 0.5, "training": True},
    )  # fmt: skip


DROPOUT_1D, DROPOUT_2D, DROPOUT_3D = (
    _channel_wise(f"dropout{n}d", n, _forward, _torch, _forms) for n in (1, 2, 3)
)


# ---- to the limit of SELU

_LIMIT = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


def _alpha(a: Mapping[str, Any], o: Mapping[str, Any], mask: Any) -> tuple[Any, ...]:
    """Return the input with what is dropped at the limit, of the mean and variance that it had."""
    if not o["training"]:
        return (a["x"] * 1.0,)
    p = float(o["p"])  # a layer whose p is the share kept is handed 1 - p
    scale = ((1.0 - p) * (1.0 + p * _LIMIT**2)) ** -0.5
    return (a["x"] * (mask * scale) + ((1.0 - mask) * _LIMIT - p * _LIMIT) * scale,)


def _alpha_forward(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    return _alpha(a, o, np.asarray(o["mask"], float) if o["training"] else None)


def _alpha_torch(torch: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kept = torch.from_numpy(np.array(o["mask"])).to(a["x"].dtype) if o["training"] else None
    return _alpha(a, o, kept)


def _alpha_forms(strict: bool) -> list[Form]:
    return [Form()] if strict else [Form(), _KEPT]


ALPHA_DROPOUT = Kind(
    "alpha_dropout", ("x",), _alpha_forward, _alpha_torch, _draw, _alpha_forms, random=True,
    defaults={"p": 0.5, "training": True},
)  # fmt: skip
FEATURE_ALPHA_DROPOUT = _channel_wise(
    "feature_alpha_dropout", 2, _alpha_forward, _alpha_torch, _alpha_forms
)  # fmt: skip
