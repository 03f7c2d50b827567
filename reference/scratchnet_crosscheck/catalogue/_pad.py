"""Entry of padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(x: Array, pad: object, mode: object = "constant", value: object = None) -> Case:
    return Case("pad", {"x": x}, {"pad": pad, "mode": mode, "value": value}, ("x",))


def _draw_pad(d: Draw) -> Case:
    mode = d.one_of("constant", "reflect", "replicate", "circular")
    if mode == "constant":
        rank = d.integer(1, 4)
        shape = (d.batch(), *d.sides(rank - 1, high=3))
        pad: list[int] = []
        for side in reversed(shape[d.integer(0, rank) :]):
            before = d.integer(-side, 2)
            pad += [before, d.integer(-(side + min(before, 0)), 2)]
        return _case(d.array(*shape), tuple(pad), mode, d.one_of(None, 0.0, 1.5, -2))
    n = d.integer(1, 3)
    lead, sides = (*d.samples(), d.side(1, 2)), d.sides(n, high=4 if n < 3 else 3)
    pad = []
    for side in reversed(sides):
        limit = {"reflect": side - 1, "replicate": 3, "circular": side}[mode]
        before = d.integer(-(side - 1), limit)
        left = side + min(before, 0)  # at least one is left, to copy from
        # PyTorch's circular padding wraps what is left but once.
        most = min(limit, left) if mode == "circular" else limit
        behind = d.integer(-(left - 1), most)
        if mode == "circular":
            before = min(before, left + min(behind, 0))
        pad += [before, behind]
    return _case(d.array(*lead, *sides), tuple(pad), mode, d.one_of(None, None, 0.0))


def _numbers(case: Case) -> tuple[int, ...]:
    given: Any = case.options["pad"]
    return tuple(given)


def _samples(case: Case) -> tuple[str, ...]:
    n = len(_numbers(case)) // 2
    if case.options["mode"] == "constant":
        return ("x",) if n < case["x"].ndim else ()
    return ("x",) if case["x"].ndim == n + 2 else ()


def _jax_pad(jax: Any, x: Any, pad: tuple[int, ...], mode: str, value: float | None) -> Any:
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[::-2], strict=True))
    if mode == "constant":
        fill = np.asarray(0 if value is None else value, x.dtype)
        return jax.lax.pad(x, fill, [(before, behind, 0) for before, behind in pairs])
    return jax.numpy.pad(x, pairs, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])


def _jax_cannot(case: Case) -> str | None:
    if case["x"].size == 0 or (case.options["mode"] != "constant" and min(_numbers(case), default=0) < 0):
        return "jax.numpy.pad takes no empty array, and takes nothing away"
    return None


_GOOD = _case(np.ones((2, 3, 4)), (1, 2))

PAD = Operation(
    "pad",
    _draw_pad,
    (
        *usual_refusals(_GOOD, (2, 3, 7)),
        *usual_refusals(_GOOD.with_options(mode="reflect"), (2, 3, 7))[-3:],  # of cotangents
        Invalid("an odd length", _GOOD.with_options(pad=(1,)), (": pad must have an even", "pad=(1,)")),
        Invalid("one number", _GOOD.with_options(pad=1), (": pad must be a tuple", "pad=1"), TypeError),
        Invalid("a fraction", _GOOD.with_options(pad=(0.5, 1)), (": pad must be", "pad=0.5"), TypeError),
        Invalid(
            "more pairs than dimensions",
            _GOOD.with_options(pad=(1,) * 8),
            (": pad must have at most", "pad=(1, 1, 1, 1, 1, 1, 1, 1)", "(2, 3, 4)"),
        ),
        Invalid(
            "more taken away than there is",
            _GOOD.with_options(pad=(-3, -2)),
            (": pad must not take away", "pad=(-3, -2)", "(2, 3, 4)"),
        ),
        Invalid(
            "another mode", _GOOD.with_options(mode="mirror"), (": mode must be one of", "mode='mirror'")
        ),
        Invalid(
            "a value that is no number",
            _GOOD.with_options(value="a"),
            (": value must be a number", "value='a'"),
            TypeError,
        ),
        Invalid(
            "a value where none is taken",
            _GOOD.with_options(mode="reflect", value=1.0),
            (": value must be left out", "value=1.0", "mode='reflect'"),
        ),
        *(
            Invalid(
                f"all dimensions, {mode}",
                _GOOD.with_options(pad=(1,) * 6, mode=mode),
                (": pad must be of the last", "pad=(1, 1, 1, 1, 1, 1)", "(2, 3, 4)", f"mode={mode!r}"),
            )
            for mode in ("reflect", "replicate", "circular")
        ),
        Invalid(
            "a reflection of the whole side",
            _GOOD.with_options(pad=(4, 0), mode="reflect"),
            (": pad must be less", "pad=(4, 0)", "(2, 3, 4)"),
        ),
        Invalid(
            "more than one turn",
            _GOOD.with_options(pad=(0, 5), mode="circular"),
            (": pad must be at most", "pad=(0, 5)", "(2, 3, 4)"),
        ),
        *(
            Invalid(
                f"nothing left to copy, {pad}",
                _GOOD.with_options(pad=pad, mode="circular"),
                (": pad must not take away all", f"pad={pad}", "(2, 3, 4)"),
            )
            for pad in ((-4, 1), (1, -4), (-5, 2), (2, -5), (-5, 1))
        ),
        *(
            Invalid(
                f"nothing left, {mode}",
                _GOOD.with_options(pad=(-3, -2) if mode == "circular" else (-3, -1), mode=mode),
                (": pad must", "pad=(-3, ", "(2, 3, 4)"),
            )
            for mode in ("reflect", "replicate", "circular")
        ),
        Invalid(
            "no channels to reflect",
            _case(np.ones((2, 0, 4)), (1, 2), "reflect"),
            (": x must not be empty", "(2, 0, 4)"),
        ),
    ),
    jax=_jax_pad,
    jax_cannot=_jax_cannot,
    per_sample=_samples,
)
