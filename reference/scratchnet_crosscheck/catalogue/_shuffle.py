"""Entries of what moves pixels to channels, and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _pixels(name: str, x: Array, factor: object) -> Case:
    option = "upscale_factor" if name == "pixel_shuffle" else "downscale_factor"
    return Case(name, {"x": x}, {option: factor}, ("x",))


def _lead(d: Draw) -> tuple[int, ...]:
    return (d.batch(),) if d.setting.batched else d.one_of((d.batch(),), (), (d.batch(), d.side(high=2)))


def _draw_pixel_shuffle(d: Draw) -> Case:
    r, c, (h, w) = d.integer(1, 3), d.side(high=3), d.sides(2, high=3)
    return _pixels("pixel_shuffle", d.array(*_lead(d), c * r * r, h, w), r)


def _draw_pixel_unshuffle(d: Draw) -> Case:
    r, c, (h, w) = d.integer(1, 3), d.side(high=3), d.sides(2, high=3)
    return _pixels("pixel_unshuffle", d.array(*_lead(d), c, h * r, w * r), r)


def _draw_channel_shuffle(d: Draw) -> Case:
    groups, each = d.integer(1, 4), d.side(high=3)
    x = d.array(d.batch(), groups * each, *d.sides(d.one_of(2, 1, 3), high=3))
    return Case("channel_shuffle", {"x": x}, {"groups": groups}, ("x",))


def _jax_pixel_shuffle(jax: Any, x: Any, upscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    r = upscale_factor
    y = jax.numpy.reshape(x, (*lead, c // (r * r), r, r, h, w))
    y = jax.numpy.moveaxis(y, (-4, -3), (-3, -1))
    return jax.numpy.reshape(y, (*lead, c // (r * r), h * r, w * r))


def _jax_pixel_unshuffle(jax: Any, x: Any, downscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    r = downscale_factor
    y = jax.numpy.reshape(x, (*lead, c, h // r, r, w // r, r))
    y = jax.numpy.moveaxis(y, (-3, -1), (-4, -3))
    return jax.numpy.reshape(y, (*lead, c * r * r, h // r, w // r))


def _jax_channel_shuffle(jax: Any, x: Any, groups: int) -> Any:
    n, c, *sides = x.shape
    y = jax.numpy.reshape(x, (n, groups, c // groups, *sides))
    return jax.numpy.reshape(jax.numpy.swapaxes(y, 1, 2), x.shape)


def _torch_cannot(case: Case) -> str | None:
    return None if case["x"].size else "PyTorch gives nothing back in another shape"


def _samples(case: Case) -> tuple[str, ...]:
    return ("x",) if case["x"].ndim > 3 else ()


def _pixel_refusals(good: Case, output_shape: tuple[int, ...]) -> tuple[Invalid, ...]:
    (option,) = good.options
    return (
        *usual_refusals(good, output_shape),
        Invalid("two axes", good.replace(x=np.ones((4, 4))), (": x must", "(4, 4)")),
        Invalid("a factor of 0", good.with_options(**{option: 0}), (f"{option} must", "0")),
        Invalid("a negative factor", good.with_options(**{option: -2}), (f"{option} must", "-2")),
        Invalid("a factor of 2.0", good.with_options(**{option: 2.0}), (f"{option} must", "2.0"), TypeError),
    )


_SHUFFLE = _pixels("pixel_shuffle", np.ones((1, 8, 2, 3)), 2)
_UNSHUFFLE = _pixels("pixel_unshuffle", np.ones((1, 2, 4, 6)), 2)
_CHANNELS = Case("channel_shuffle", {"x": np.ones((1, 6, 2))}, {"groups": 2}, ("x",))

PIXEL_SHUFFLE = Operation(
    "pixel_shuffle",
    _draw_pixel_shuffle,
    (
        *_pixel_refusals(_SHUFFLE, (1, 2, 4, 6)),
        Invalid(
            "channels not divided", _SHUFFLE.replace(x=np.ones((6, 2, 2))), ("upscale_factor=2", "(6, 2, 2)")
        ),
    ),
    jax=_jax_pixel_shuffle,
    torch_cannot=_torch_cannot,
    per_sample=_samples,
)

PIXEL_UNSHUFFLE = Operation(
    "pixel_unshuffle",
    _draw_pixel_unshuffle,
    (
        *_pixel_refusals(_UNSHUFFLE, (1, 8, 2, 3)),
        Invalid(
            "an odd height", _UNSHUFFLE.replace(x=np.ones((1, 3, 4))), ("downscale_factor=2", "(1, 3, 4)")
        ),
        Invalid(
            "an odd width", _UNSHUFFLE.replace(x=np.ones((1, 4, 3))), ("downscale_factor=2", "(1, 4, 3)")
        ),
    ),
    jax=_jax_pixel_unshuffle,
    torch_cannot=_torch_cannot,
    per_sample=_samples,
)

CHANNEL_SHUFFLE = Operation(
    "channel_shuffle",
    _draw_channel_shuffle,
    (
        *usual_refusals(_CHANNELS, (1, 6, 2)),
        Invalid("two axes", _CHANNELS.replace(x=np.ones((4, 4))), (": x must", "(4, 4)")),
        Invalid("groups that do not divide", _CHANNELS.with_options(groups=4), ("groups=4", "(1, 6, 2)")),
        Invalid("no groups", _CHANNELS.with_options(groups=0), ("groups must", "0")),
        Invalid("groups of 2.0", _CHANNELS.with_options(groups=2.0), ("groups must", "2.0"), TypeError),
    ),
    jax=_jax_channel_shuffle,
    per_sample=lambda _: ("x",),
)
