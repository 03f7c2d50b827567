"""The entry of resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._types import Array
    from ..strategies import Draw

_MODES = {
    1: ("nearest", "linear", "nearest-exact", "area"),
    2: ("nearest", "bilinear", "bicubic", "nearest-exact", "area"),
    3: ("nearest", "trilinear", "nearest-exact", "area"),
}
_ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")


def _case(x: Array, **options: object) -> Case:
    defaults: dict[str, object] = {
        "size": None, "scale_factor": None, "mode": "nearest", "align_corners": None,
        "recompute_scale_factor": None, "antialias": False,
    }  # fmt: skip
    return Case("interpolate", {"x": x}, {**defaults, **options}, ("x",))


def _draw(d: Draw) -> Case:
    n_dims = d.one_of(2, 1, 3)
    high = (9, 7, 4)[n_dims - 1]
    sides, new = d.sides(n_dims, high=high), d.sides(n_dims, high=high)
    mode = d.one_of(*_MODES[n_dims])
    options: dict[str, object] = {"mode": mode}
    if mode in _ALIGNED:
        options["align_corners"] = d.one_of(None, False, True)
        options["antialias"] = n_dims == 2 and d.flag()
    if d.flag():
        options["size"] = d.numbers(new)
    else:  # such that the new side is rounded down, or not
        part = d.one_of(0.0, 0.4, 0.1)
        factors = tuple((m + part) / n for m, n in zip(new, sides, strict=True))
        options["scale_factor"] = (
            factors[0] if d.flag() and min(n * factors[0] for n in sides) >= 1 else factors
        )
        options["recompute_scale_factor"] = d.one_of(None, False, True)
    return _case(d.array(d.batch(), d.side(1, 3), *sides), **options)


def _axes(case: Case) -> Iterator[tuple[int, int, float | None]]:
    """Yield each axis' side, its new one, and its scale where that counts."""
    size, factors = case.options["size"], case.options["scale_factor"]
    for axis, n in enumerate(case["x"].shape[2:]):
        if factors is None:
            m = size[axis] if isinstance(size, tuple) else size
            assert isinstance(m, int)
            yield n, m, None
        else:
            factor = factors[axis] if isinstance(factors, tuple) else factors
            assert isinstance(factor, float)
            yield n, int(np.floor(n * factor)), None if case.options["recompute_scale_factor"] else factor


def _torch_cannot(case: Case) -> str | None:
    """Say where PyTorch's own bodies differ: in a nearest place's precision, or by a short cut."""
    mode = str(case.options["mode"])
    if case.options["antialias"] and not np.isfinite(case["x"]).all():
        return "whether a weight of 0 meets an infinity is a matter of how many weights are kept"
    if case.options["antialias"] and any(m == 1 for _, m, _ in _axes(case)):
        return "PyTorch 2.13 repeats a row where antialiasing leaves one column"
    scaled = any(factor not in (None, 1.0) for *_, factor in _axes(case))
    if mode == "bicubic" and scaled and all(m == n for n, m, _ in _axes(case)):
        return "PyTorch copies an image backward that it resamples forward"
    for n, m, factor in _axes(case):
        if case.options["antialias"] and m == n and factor not in (None, 1.0):
            return "PyTorch copies an axis forward that it resamples backward"
        if mode.startswith("nearest"):
            exact = 0.5 if mode == "nearest-exact" else 0.0
            ratio = 1 / factor if factor else n / m
            o = np.arange(m)
            double = np.floor((o + exact) * ratio)
            single = np.floor((o.astype(np.float32) + np.float32(exact)) * np.float32(ratio))
            short = o if m == n else o // 2 if m == 2 * n else single
            if (double != single).any() or (short != single).any():
                return "PyTorch's bodies take different elements here"
    return None


_GOOD = _case(np.ones((2, 3, 4)), size=2)
_IMAGE = _case(np.ones((2, 3, 4, 4)), size=2)


def _bad(why: str, words: tuple[str, ...], error: type[Exception] = ValueError, **options: object) -> Invalid:
    return Invalid(why, _GOOD.with_options(**options), words, error)


INTERPOLATE = Operation(
    "interpolate",
    _draw,
    (
        *usual_refusals(_GOOD, (2, 3, 2)),
        _bad("an unknown mode", (": mode must", "'cubic'"), mode="cubic"),
        _bad("a mode of another rank", (": mode must", "'bilinear'", "(2, 3, 4)"), mode="bilinear"),
        Invalid("linear of images", _IMAGE.with_options(mode="linear"), (": mode must", "'linear'")),
        _bad(
            "aligned corners of the nearest",
            (": align_corners must be None for mode 'nearest'", "align_corners=False"),
            align_corners=False,
        ),
        _bad(
            "antialias of the nearest",
            (": antialias must", "antialias=True", "mode='nearest'"),
            antialias=True,
        ),
        _bad("antialias of linear", (": antialias must", "True"), antialias=True, mode="linear"),
        _bad("neither size nor scale", ("size or scale_factor must",), size=None),
        _bad(
            "both size and scale", ("size or scale_factor must", "size=2", "scale_factor=2"), scale_factor=2
        ),
        _bad(
            "a scale to be found of a size",
            (": recompute_scale_factor must", "recompute_scale_factor=True", "size=2"),
            recompute_scale_factor=True,
        ),
        _bad("a size of nothing", (": size must", "0"), size=0),
        _bad("two sizes for one", (": size must", "(2, 2)", "(2, 3, 4)"), size=(2, 2)),
        _bad("a size of 2.0", (": size must", "2.0"), TypeError, size=2.0),
        _bad(
            "a scale that leaves nothing",
            (": scale_factor must", "scale_factor=0.1", "x of shape (2, 3, 4)"),
            size=None,
            scale_factor=0.1,
        ),
        _bad("a scale past all sides", (": scale_factor must", "1e+308"), size=None, scale_factor=1e308),
        _bad("a negative scale", (": scale_factor must", "-1"), size=None, scale_factor=-1.0),
        _bad(
            "two scales for one",
            (": scale_factor must", "scale_factor=(2, 2)", "x of shape (2, 3, 4)"),
            size=None,
            scale_factor=(2, 2),
        ),
        _bad(
            "a scale that is no number",
            (": scale_factor must", "'2'"),
            TypeError,
            size=None,
            scale_factor="2",
        ),
        Invalid("two axes", _GOOD.replace(x=np.ones((2, 3))), (": x must", "(2, 3)")),
        Invalid("six axes", _GOOD.replace(x=np.ones((1,) * 6)), (": x must", "(1, 1, 1, 1, 1, 1)")),
        Invalid("no channels", _GOOD.replace(x=np.ones((2, 0, 4))), (": x must", "(2, 0, 4)")),
        Invalid("an empty side", _GOOD.replace(x=np.ones((2, 3, 0))), (": x must", "(2, 3, 0)")),
    ),
    per_sample=lambda _: ("x",),
    torch_cannot=_torch_cannot,
)
