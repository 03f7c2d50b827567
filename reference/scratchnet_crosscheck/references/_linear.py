"""The linear family: affine maps, alone and with what often follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from ._activation import FOLLOWING, following
from .protocol import (
    BATCH_LAST,
    COLUMN,
    FLAT,
    IN_BLOCKS,
    ROW,
    SAME,
    TURNED,
    Form,
    Kind,
    Parts,
    Sketch,
    every,
    lay,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE_ROW = {"one_sample": "its backward pass does one sample at a time, as a row (1, D)"}


def _forms(_: bool) -> list[Form]:
    weights = [Form({"weight": TURNED}), Form()]
    x = [Form(), Form({"x": FLAT})]
    biases = [Form({"bias": bias}) for bias in (SAME, ROW, COLUMN)]
    first = every(weights, biases, x)
    last = every(
        [Form({"x": BATCH_LAST, "y": BATCH_LAST})], weights, [Form({"bias": b}) for b in (COLUMN, SAME, ROW)]
    )
    none = every([Form(options={"samples": 0})], weights, biases)
    alone = [
        Form(dict.fromkeys(("x", "y", "bias"), one), {"samples": 0, "alone": True}, words)
        for one, words in ((COLUMN, {}), (ROW, _ONE_ROW))
    ]
    return [*first, *last, *none, *every(alone, weights)]


def _draw(sketch: Sketch) -> Parts:
    inputs, outputs = sketch.side(1, 7), sketch.side(1, 6)
    if sketch.may("a square weight", 3):
        outputs = inputs
    layout = sketch.form.layout("x")
    arrays: dict[str, Any] = {}
    if layout is FLAT:
        batch = sketch.batch()
        shape: tuple[int, ...] = (batch, inputs)
        if sketch.may("an x of rank 3", 4):
            shape = (batch, inputs, sketch.side(1, 3))
        elif sketch.may("an x of rank 4", 4):
            shape = (batch, inputs, sketch.side(1, 3), sketch.side(1, 2))
        inputs = int(np.prod(shape[1:]))
    elif layout is BATCH_LAST:
        shape = (sketch.batch(), inputs)
    elif sketch.form.options.get("samples") == 0:
        shape = (inputs,)
    else:
        shape = (sketch.batch(), inputs)
        if IN_BLOCKS in sketch.takes and sketch.d.setting.sizes == "ordinary" and not sketch.d.integer(0, 3):
            shape = (sketch.d.one_of(129, 300), inputs)  # the blocks of most are of 128 rows at most
        elif sketch.form.options.get("rank") == 3 or sketch.may("an x of rank 3", 3):
            shape = (shape[0], sketch.side(2 if sketch.d.setting.sizes == "ordinary" else 1), inputs)
        elif sketch.may("a vector for x", 8):
            shape = (inputs,)
    arrays["x"] = sketch.array("x", *shape)
    arrays["weight"] = sketch.array("weight", outputs, inputs)
    arrays["bias"] = None if sketch.without_bias() else sketch.array("bias", outputs)
    return arrays, {}


def _forward(a: Mapping[str, Any], _: Mapping[str, Any]) -> tuple[Any, ...]:
    y = a["x"] @ a["weight"].T
    return (y if a.get("bias") is None else y + a["bias"],)


def _golden(a: Mapping[str, Any], _: Mapping[str, Any]) -> Case | None:
    slots = {"x": a["x"], "weight": a["weight"], "bias": a.get("bias")}
    return Case("linear", slots, {}, tuple(n for n, v in slots.items() if v is not None))


LINEAR = Kind(
    "linear", ("x", "weight", "bias"), _forward,
    lambda t, a, _: (t.nn.functional.linear(a["x"], a["weight"], a.get("bias")),),
    _draw, lambda strict: [*_forms(strict), *every([Form(options={"rank": 3})], lay({"weight": TURNED}, {}))],
    params=("weight", "bias"), golden=_golden, per_sample=("x",),
    sizes=lambda a: {"in": a["weight"].shape[1], "out": a["weight"].shape[0]},
)  # fmt: skip


def _with(activation: str, *, ties: bool = False) -> Kind:
    """Return the kind of an affine map that has its activation inside, or the one that it is told."""

    def torch(t: Any, a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
        y = t.nn.functional.linear(a["x"], a["weight"], a.get("bias"))
        return (getattr(t, o.get("activation", activation))(y),)

    def draw(sketch: Sketch) -> Parts:
        arrays, options = _draw(sketch)
        return arrays, options | following(sketch)

    return Kind(
        f"affine_{activation}", ("x", "weight", "bias"),
        lambda a, o: (FOLLOWING[o.get("activation", activation)](_forward(a, o)[0]),), torch,
        draw, _forms, params=("weight", "bias"), ties=ties, per_sample=("x",), sizes=LINEAR.sizes,
    )  # fmt: skip


AFFINE_RELU = _with("relu", ties=True)
AFFINE_SIGMOID = _with("sigmoid")
AFFINE_TANH = _with("tanh")


# ---- embedding


def _draw_embedding(sketch: Sketch) -> Parts:
    rows, width = sketch.side(1, 6), sketch.side(1, 4)
    shape: tuple[int, ...] = (sketch.batch(),)
    if sketch.form.options.get("rank") == 2 or sketch.may("ids of rank 2"):
        shape = (*shape, sketch.side())
    options: dict[str, Any] = {}
    if sketch.d.setting.values != "calm":  # no differences show what is left out of a gradient or scaled
        options = sketch.option("padding_idx", None, 0, rows - 1)
        options |= sketch.option("scale_grad_by_freq", False, True)
    ids = sketch.d.labels(*shape, classes=rows)
    return {"ids": ids, "weight": sketch.array("weight", rows, width)}, options


EMBEDDING = Kind(
    "embedding", ("ids", "weight"), lambda a, _: (a["weight"][a["ids"]],),
    lambda t, a, o: (
        t.nn.functional.embedding(
            a["ids"], a["weight"], o.get("padding_idx"), scale_grad_by_freq=o.get("scale_grad_by_freq", False)
        ),
    ),
    _draw_embedding, lambda _: [Form(), Form(options={"rank": 2})], params=("weight",), fixed=("ids",),
    sizes=lambda a: {"in": a["weight"].shape[0], "out": a["weight"].shape[1]},
    defaults={"padding_idx": None, "scale_grad_by_freq": False},
)  # fmt: skip


def _draw_embedding_dot(sketch: Sketch) -> Parts:
    rows, width, batch = sketch.side(1, 6), sketch.side(1, 4), max(sketch.batch(), 1)
    return {
        "x": sketch.array("x", batch, width),
        "ids": sketch.d.labels(batch, classes=rows),
        "weight": sketch.array("weight", rows, width),
    }, {}


EMBEDDING_DOT = Kind(
    "embedding_dot", ("x", "ids", "weight"), lambda a, _: ((a["weight"][a["ids"]] * a["x"]).sum(-1),),
    lambda _t, a, _: ((a["weight"][a["ids"]] * a["x"]).sum(-1),), _draw_embedding_dot,
    params=("weight",), fixed=("ids",),
    sizes=lambda a: {"in": a["weight"].shape[0], "out": a["weight"].shape[1]},
)  # fmt: skip


# ---- attention


#: Several heads of queries share one of keys and values: query head h has the head h // (H / HK) of these.
GROUPED = "fewer heads of keys than of queries"


def _draw_attention(sketch: Sketch) -> Parts:
    batch, width, values = sketch.batch(high=3), sketch.side(1, 4), sketch.side(1, 4)
    grouped = sketch.forced == GROUPED
    heads = grouped or sketch.form.options.get("rank") == 4 or sketch.may("an x of rank 4")
    leading = (batch, sketch.side(1, 3)) if heads else (batch,)
    of_queries = leading
    if heads and sketch.may(GROUPED):
        leading = (batch, sketch.side(2 if sketch.forced else 1, 3))
        of_queries = (batch, leading[1] * sketch.side(2, 3))
    options = sketch.option("is_causal", False, True)
    # Longer than the tiles of what is computed tile by tile, which leaves out those that are masked.
    least, most = sketch.d.one_of((1, 4), (5, 10), (6, 18)) if options.get("is_causal") else (1, 4)
    queries, keys = sketch.side(least, most), sketch.side(least, most)
    if sketch.may("a scale of one's own", 1):
        options |= sketch.option("scale", 0.5, 0.25, 1.0)
    # Moderate: of two large scores that are nearly the same, each formula has other roundings. One by itself
    # shows whether the exponential is kept from overflow.
    key = sketch.moderate("key", *leading, keys, width)
    if sketch.d.setting.values != "calm" and key.size and key.flags.writeable and not sketch.d.integer(0, 3):
        key.flat[sketch.d.integer(0, key.size - 1)] = 1e3
    return {
        "query": sketch.moderate("query", *of_queries, queries, width), "key": key,
        "value": sketch.array("value", *leading, keys, values),
    }, options  # fmt: skip


def _each_head(a: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a head of keys and one of values for each of the queries."""
    query, key, value = a["query"], a["key"], a["value"]
    if query.ndim < 4 or query.shape[1] == key.shape[1]:
        return key, value
    each = np.arange(query.shape[1]) // (query.shape[1] // key.shape[1])
    return key[:, each], value[:, each]


def _attention(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    scale = o.get("scale") or 1 / np.sqrt(a["query"].shape[-1])
    key, value = _each_head(a)
    scores = a["query"] @ key.swapaxes(-1, -2) * scale
    if o.get("is_causal"):
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True) @ value,)


def _attention_forms(strict: bool) -> list[Form]:
    unscaled = Form(options={"scale": 1.0}, conventions={"not_scaled": "the scores are not scaled"})
    over_heads = Form(options={"rank": 4})
    return [Form(), over_heads] if strict else [Form(), over_heads, unscaled, over_heads + unscaled]


ATTENTION = Kind(
    "scaled_dot_product_attention", ("query", "key", "value"), _attention,
    lambda t, a, o: (
        t.nn.functional.scaled_dot_product_attention(
            a["query"], *_each_head(a), is_causal=bool(o.get("is_causal")), scale=o.get("scale")
        ),
    ),
    _draw_attention, _attention_forms, per_sample=("query", "key", "value"),
    defaults={"is_causal": False, "scale": None},
)  # fmt: skip


def _draw_sequence(sketch: Sketch, other: str) -> Parts:
    batch, time, width = max(sketch.batch(high=4), 1), sketch.side(1, 4), sketch.side(1, 4)
    second = (batch, time) if other == "weight" else (batch, width)
    return {"x": sketch.moderate("x", batch, time, width), other: sketch.moderate(other, *second)}, {}


def _shares(lib: Any, a: Mapping[str, Any]) -> Any:
    return _softmax(lib, (a["x"] * a["h"][:, None, :]).sum(-1))


def _softmax(lib: Any, scores: Any) -> Any:
    if lib is not np:
        return lib.softmax(scores, -1)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _summed(a: Mapping[str, Any], shares: Any) -> Any:
    return (a["x"] * shares[:, :, None]).sum(1)


def _draw_over_time(sketch: Sketch) -> Parts:
    batch, time, width = max(sketch.batch(high=4), 1), sketch.side(1, 4), sketch.side(1, 4)
    steps = sketch.side(1, 4) if sketch.may("sequences of two lengths") else time
    return {"x": sketch.moderate("x", batch, time, width), "h": sketch.moderate("h", batch, steps, width)}, {}


def _over_time(lib: Any, a: Mapping[str, Any]) -> tuple[Any, ...]:
    scores = a["h"] @ a["x"].swapaxes(1, 2)
    return (_softmax(lib, scores) @ a["x"],)


#: One query a sample against the states over time: first the weights, then the weighted sum.
ATTENTION_WEIGHT = Kind(
    "attention_weight", ("x", "h"), lambda a, _: (_shares(np, a),), lambda t, a, _: (_shares(t, a),),
    lambda sketch: _draw_sequence(sketch, "h"), per_sample=("x", "h"),
)  # fmt: skip
WEIGHT_SUM = Kind(
    "weight_sum", ("x", "weight"), lambda a, _: (_summed(a, a["weight"]),),
    lambda _t, a, _: (_summed(a, a["weight"]),), lambda sketch: _draw_sequence(sketch, "weight"),
    per_sample=("x", "weight"),
)  # fmt: skip
DOT_ATTENTION = Kind(
    "dot_attention", ("x", "h"), lambda a, _: (_summed(a, _shares(np, a)),),
    lambda t, a, _: (_summed(a, _shares(t, a)),), lambda sketch: _draw_sequence(sketch, "h"),
    per_sample=("x", "h"),
)  # fmt: skip
#: A query a step of another sequence against the states over time.
TIME_ATTENTION = Kind(
    "time_attention", ("x", "h"), lambda a, _: _over_time(np, a), lambda t, a, _: _over_time(t, a),
    _draw_over_time, per_sample=("x", "h"),
)  # fmt: skip


# ---- flatten


def _draw_flatten(sketch: Sketch) -> Parts:
    shape = [sketch.batch(), sketch.side(1, 3), sketch.side(1, 3)]
    if sketch.may("an x of rank 4"):
        shape.append(sketch.side(1, 3))
    options = sketch.option("start_dim", 1)  # always said: a function's default is 0, a layer's 1
    if options and len(shape) > 3 and sketch.may("a dimension other than the first of a sample", 1):
        options["start_dim"] = 2
    return {"x": sketch.array("x", *shape)}, options


def _flatten(a: Mapping[str, Any], o: Mapping[str, Any]) -> tuple[Any, ...]:
    kept, flat = a["x"].shape[: o.get("start_dim", 1)], a["x"].shape[o.get("start_dim", 1) :]
    return (a["x"].reshape(*kept, int(np.prod(flat))),)


FLATTEN = Kind(
    "flatten", ("x",), _flatten, lambda t, a, o: (t.flatten(a["x"], o.get("start_dim", 1)),), _draw_flatten,
    views=True, per_sample=("x",), defaults={"start_dim": 1},
    golden=lambda a, o: Case(
        "flatten", {"x": a["x"]}, {"start_dim": o.get("start_dim", 1), "end_dim": -1}, ("x",)
    ),
)  # fmt: skip
