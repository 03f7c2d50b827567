"""What is taken along a dimension: the norm that vectors are divided by, the logarithm of a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._activation import LARGE
from ._distance import long, parted
from .protocol import BATCH_LAST, Form, Kind, Measured, Parts, Sketch, lay

if TYPE_CHECKING:
    from collections.abc import Mapping

# ---- vectors divided by their norm

#: How a norm is kept from being 0: it is no less than epsilon, as PyTorch has it, or another way.
_WAYS = {
    "inside": "epsilon is added to the sum of squares, under the root",
    "beside": "epsilon is added to the norm",
}


def _way(how: str) -> Form:
    return Form(options={"how": how}, conventions={"norm_epsilon": _WAYS[how]})


def _of_epsilon(eps: float) -> Form:
    words = {} if eps == 1e-12 else {"other_epsilon": f"epsilon is {eps:g} (PyTorch's default is 1e-12)"}
    return Form(options={"eps": eps}, conventions=words)


def _norm_forms(_: bool) -> list[Form]:
    first = [
        Form(options={"rank": 3, "dim": -1}),
        Form(options={"rank": 3, "dim": 1}),
        Form(options={"dim": -1}),
        *lay({"x": BATCH_LAST, "y": BATCH_LAST}),
    ]
    return [form + way for way in (Form(), *(_way(how) for how in _WAYS)) for form in first]


def _draw_norm(sketch: Sketch) -> Parts:
    shape: tuple[int, ...] = (max(sketch.batch(), 1), sketch.side(2, 5))
    dim = int(sketch.form.options.get("dim", -1))
    if sketch.form.options.get("rank") == 3 and not sketch.may("an x of rank 2", 2):
        shape = (*shape, sketch.side(2, 4))
    options = sketch.option("p", 2.0, 1.0, 3.0) if "how" not in sketch.form.options else {}
    options |= sketch.option("eps", 1e-12, 0.1, 1e-3)
    if "dim" in sketch.takes:
        dim = options["dim"] = sketch.d.one_of(-1, 1, 0)
    # On no element is there a kink, and in the first vector epsilon shows.
    return {"x": long(sketch, parted(sketch, sketch.moderate("x", *shape), 1), dim)}, options


def _divided(lib: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, dim, eps, p = a["x"], o.get("dim", -1), float(o.get("eps", 1e-12)), float(o.get("p", 2.0))
    if o.get("how") == "inside":
        return (x / lib.sqrt((x * x).sum(dim, keepdims=True) + eps),)
    norm = (abs(x) ** p).sum(dim, keepdims=True) ** (1 / p)
    if o.get("how") == "beside":
        return (x / (norm + eps),)
    return (x / lib.clip(norm, eps, None),)


def _divided_torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    if "how" in o:
        return _divided(t, a, o)
    dim, eps, p = o.get("dim", -1), float(o.get("eps", 1e-12)), float(o.get("p", 2.0))
    return (t.nn.functional.normalize(a["x"], p, dim, eps),)


NORMALIZE = Kind(
    "normalize", ("x",), lambda a, o: _divided(np, a, o), _divided_torch, _draw_norm, _norm_forms,
    measured={"eps": Measured(_of_epsilon, lambda x: 1e-6 * x, (Form(), *(_way(how) for how in _WAYS)))},
    defaults={"p": 2.0, "dim": 1, "eps": 1e-12},
)  # fmt: skip


# ---- the logarithm of a sum of exponentials


def _draw_sum(sketch: Sketch) -> Parts:
    shape: tuple[int, ...] = (sketch.batch(), sketch.side(1, 6))
    if sketch.may("a vector for x", 6):
        shape = shape[1:]
    elif sketch.may("an x of rank 3", 4):
        shape = (shape[0], sketch.side(), shape[1])
    options = sketch.option("dim", -1) | sketch.option("keepdim", False, True)
    if "dim" in options and len(shape) == 2 and shape[0] and sketch.may("a dimension other than the last", 1):
        options["dim"] = 0
    return {"x": sketch.array("x", *shape)}, options


def _log_sum(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    x, dim = a["x"], o.get("dim", -1)
    most = x.max(axis=dim, keepdims=True)
    y = most + np.log(np.exp(x - most).sum(axis=dim, keepdims=True))
    return (y if o.get("keepdim") else y.squeeze(dim),)


LOGSUMEXP = Kind(
    "logsumexp", ("x",), _log_sum,
    lambda t, a, o: (t.logsumexp(a["x"], o.get("dim", -1), bool(o.get("keepdim"))),), _draw_sum,
    lambda _: [
        Form(), Form(options={"keepdim": True}, conventions={"keepdim": "the dimension is kept, as one of 1"})
    ],
    extremes=LARGE, defaults={"dim": -1, "keepdim": False},
)  # fmt: skip
