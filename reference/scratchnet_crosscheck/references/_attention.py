"""Attention with projections: of queries to keys and values, or of a sequence to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._linear import ATTENTION
from .protocol import ROW, TIME_FIRST, TURNED, Form, Kind, Parts, Sketch, every, lay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OF = ("q_proj", "k_proj", "v_proj")
_SEPARATE = (
    *(f"{name}_weight" for name in (*_OF, "out_proj")), *(f"{name}_bias" for name in (*_OF, "out_proj")),
)  # fmt: skip
#: All three of the inputs' projections in one matrix, as torch.nn.MultiheadAttention has them.
_PACKED = ("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias")
_TRIED = (
    "projections Wq, Wk, Wv, Wo or in_proj_weight (3E, E) and out_proj_weight, in either orientation; heads "
    "side by side along the last axis, scores over the square root of a head's width; batch first, time "
    "first or no batch; causal or not; no other mask and no dropout"
)


def _draw(sketch: Sketch, inputs: tuple[str, ...], params: tuple[str, ...]) -> Parts:
    # a probe has more than one head of more than one number: with one, two conventions may be the same
    low = 2 if sketch.forced else 1
    options = sketch.option("num_kv_heads", low, 2) if "num_heads" in sketch.takes else {}
    own = options.get("num_kv_heads", 1)
    options |= sketch.option("num_heads", *((own * low, own * 2) if options else (low, 2, 3)))
    heads = options.get("num_heads", 1)
    head = sketch.side(2 if heads == 1 else low, 3)  # so wide that a weight has not a bias's shape
    options |= sketch.option("is_causal", False, True) | sketch.option("p", 0.0)
    width, of_keys = heads * head, options.get("num_kv_heads", heads) * head

    batch = () if sketch.form.options.get("samples") == 0 else (max(sketch.batch(low, high=3), 1),)
    steps = keys = sketch.side(low, 4)
    causal = {**sketch.form.options, **options}.get("is_causal")
    if len(inputs) > 1 and sketch.may("keys of another length") and not causal:
        keys = sketch.side(low, 4)
    arrays: dict[str, Any] = {
        name: sketch.moderate(name, *batch, keys if name in ("key", "value") else steps, width)
        for name in inputs
    }
    for name in params:
        if name not in sketch.form.absent:
            rows = 3 * width if name.startswith("in_") else of_keys if name[:2] in ("k_", "v_") else width
            arrays[name] = sketch.small(name, rows, *([width] if name.endswith("weight") else []))
    return arrays, options


def _projections(a: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return the weight and the bias, or None, of the queries', the keys' and the values' projection."""
    if "in_proj_weight" not in a:
        return [(a[f"{name}_weight"], a.get(f"{name}_bias")) for name in _OF]
    weight, bias = a["in_proj_weight"], a.get("in_proj_bias")
    width = weight.shape[1]
    parts = [slice(k * width, (k + 1) * width) for k in range(3)]
    return [(weight[part], None if bias is None else bias[part]) for part in parts]


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    return x @ weight.T if bias is None else x @ weight.T + bias


def _attend(
    attention: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Any, ...]],
    a: Mapping[str, Any], o: Mapping[str, Any],
) -> tuple[Any, ...]:  # fmt: skip
    """Return the output, of NumPy's arrays or of tensors, given attention without projections."""
    given = [a["x"]] * 3 if "x" in a else [a["query"], a["key"], a["value"]]
    heads = o.get("num_heads", 1)
    of_keys = o.get("num_kv_heads") or heads

    def split(x: Any, count: int) -> Any:
        return x.reshape(*x.shape[:-1], count, -1).swapaxes(-2, -3)

    q, k, v = (_linear(x, *both) for x, both in zip(given, _projections(a), strict=True))
    shared = [head * of_keys // heads for head in range(heads)]  # heads of a group have the same keys
    parts = {"query": split(q, heads)}
    parts |= {name: split(x, of_keys)[..., shared, :, :] for name, x in (("key", k), ("value", v))}
    (y,) = attention(parts, {"is_causal": o.get("is_causal")})
    y = y.swapaxes(-2, -3).reshape(q.shape)
    out = a.get("out_proj_weight")
    return (y if out is None else _linear(y, out, a.get("out_proj_bias")),)


def _sizes(a: Mapping[str, Any]) -> Mapping[str, Any]:
    given = a["x"] if "x" in a else a["query"]
    width = given.shape[-1]
    steps = max(given.shape[-2], a.get("key", given).shape[-2])
    return {"in": width, "out": width, "head": width // a.get("num_heads", 1), "steps": steps}


def _kind(name: str, inputs: tuple[str, ...], params: tuple[str, ...]) -> Kind:
    weights = [p for p in params if p.endswith("weight")]
    biases = [p for p in params if p.endswith("bias")]
    causal = Form(
        options={"is_causal": True},
        conventions={"causal": "each step attends to itself and to those before it alone"},
    )
    forms = every(
        [*lay({}, dict.fromkeys((*inputs, "y"), TIME_FIRST)), Form(options={"samples": 0})],
        lay({}, dict.fromkeys(weights, TURNED)), [Form(), causal], lay({}, dict.fromkeys(biases, ROW)),
    )  # fmt: skip
    grouped = {} if params is _PACKED else {"num_kv_heads": None}
    return Kind(
        name, (*inputs, *params), lambda a, o: _attend(ATTENTION.forward, a, o),
        lambda t, a, o: _attend(lambda parts, options: ATTENTION.torch(t, parts, options), a, o),
        lambda sketch: _draw(sketch, inputs, params), lambda _: forms, params=params, sizes=_sizes,
        defaults={"num_heads": 1, "is_causal": False, "p": 0.0, **grouped},
        may_lack=(*biases, "out_proj_weight"), tried=_TRIED, beside="attention weights",
    )  # fmt: skip


MULTI_HEAD_ATTENTION = _kind("multi_head_attention", ("query", "key", "value"), _SEPARATE)
PACKED_ATTENTION = _kind("packed multi_head_attention", ("query", "key", "value"), _PACKED)
SELF_ATTENTION = _kind("self_attention", ("x",), _SEPARATE)
PACKED_SELF_ATTENTION = _kind("packed self_attention", ("x",), _PACKED)
