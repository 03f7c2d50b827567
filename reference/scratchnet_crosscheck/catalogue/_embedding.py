"""Entries of the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw

#: No norm of drawn rows comes as near to one of these as rounding.
_NORMS = (1.2345, 0.6789, 7.0123)


def _options(**changes: object) -> dict[str, object]:
    return {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, **changes}


def _case(x: Array, weight: Array, **options: object) -> Case:
    chosen = _options(**options)
    state = () if chosen["max_norm"] is None else ("new_weight",)
    return Case("embedding", {"x": x, "weight": weight}, chosen, ("weight",), extras=state)


def _max_norm(d: Draw) -> float | None:
    """Return one: not where derivatives are taken, since the scaling is not differentiated through."""
    return d.one_of(None, *_NORMS) if d.setting.values == "ordinary" and not d.setting.batched else None


def _padding(d: Draw, rows: int) -> int | None:
    return d.integer(-rows, rows - 1) if d.flag() else None


def _by_frequency(d: Draw) -> bool:
    """Return whether gradients are divided: what then comes out is no derivative of the value."""
    return d.setting.values != "calm" and not d.setting.batched and d.flag()


def _draw_embedding(d: Draw) -> Case:
    rows, columns = d.side(1, 6), d.side(1, 4)
    lead = (d.batch(),) if d.setting.batched else d.one_of((d.batch(),), (), (d.batch(), d.side()))
    return _case(
        d.labels(*lead, classes=rows),
        d.array(rows, columns),
        padding_idx=None if d.setting.values == "calm" else _padding(d, rows),
        max_norm=_max_norm(d),
        norm_type=d.one_of(2.0, 1.0, 3.0),
        scale_grad_by_freq=_by_frequency(d),
    )


def _renormalized(torch: Any, x: Any, weight: Any, options: dict[str, Any]) -> Any:
    """Return the table as PyTorch renormalises it, in place; gradients pass through."""
    table = weight * 1.0
    if options["max_norm"] is not None and x.numel():
        with torch.no_grad():
            torch.embedding_renorm_(table, x.reshape(-1), options["max_norm"], options["norm_type"])
    return table


def _torch_embedding(torch: Any, x: Any, weight: Any, **options: Any) -> Any:
    table = _renormalized(torch, x, weight, options)
    y = torch.nn.functional.embedding(
        x, table, options["padding_idx"], scale_grad_by_freq=options["scale_grad_by_freq"]
    )
    return y if options["max_norm"] is None else (y, table.detach())


def _jax_embedding(jax: Any, x: Any, weight: Any, padding_idx: int | None, **options: Any) -> Any:
    if options["scale_grad_by_freq"]:
        counts = jax.numpy.maximum(jax.numpy.bincount(x.reshape(-1), length=weight.shape[0]), 1)
        divided = weight / counts[:, None]
        weight = divided + jax.lax.stop_gradient(weight - divided)
    if padding_idx is not None:
        row = padding_idx % weight.shape[0]
        weight = weight.at[row].set(jax.lax.stop_gradient(weight[row]))
    return weight[x]


def _infinite(case: Case) -> str | None:
    return None if np.isfinite(case["weight"]).all() else "its formula makes NaN of infinities"


def _number_refusals(good: Case) -> tuple[Invalid, ...]:
    """Return the bad calls of a table of (4, 3) alike."""
    x = good["x"]
    return (
        Invalid(
            "x given as a list", good.replace(x=cast("Any", x.tolist())), (": x must", "list"), TypeError
        ),
        Invalid("x of floats", good.replace(x=x.astype(np.float64)), (": x must", "float64"), TypeError),
        Invalid("a number too large", good.replace(x=x + 4), (": x must", "[0, 3]", "=4")),
        Invalid("a negative number", good.replace(x=x - 1), (": x must", "[0, 3]", "=-1")),
        Invalid(
            "a table of three axes", good.replace(weight=np.ones((4, 3, 2))), (": weight must", "(4, 3, 2)")
        ),
        Invalid("a table of one axis", good.replace(weight=np.ones(4)), (": weight must", "(4,)")),
        Invalid(
            "a table of integers",
            good.replace(weight=np.ones((4, 3), int)),
            (": weight must", "int64"),
            TypeError,
        ),
        Invalid(
            "a table given as a list",
            good.replace(weight=cast("Any", [[1.0]])),
            (": weight must", "list"),
            TypeError,
        ),
        Invalid(
            "a padding_idx too large",
            good.with_options(padding_idx=4),
            (": padding_idx must", "[-4, 3]", "=4", "weight of shape (4, 3)"),
        ),
        Invalid("a padding_idx too small", good.with_options(padding_idx=-5), (": padding_idx must", "=-5")),
        Invalid(
            "a padding_idx of 1.0",
            good.with_options(padding_idx=1.0),
            (": padding_idx must", "1.0"),
            TypeError,
        ),
        Invalid(
            "a max_norm that is no number",
            good.with_options(max_norm="1"),
            (": max_norm must", "'1'"),
            TypeError,
        ),
        Invalid(
            "a norm_type that is no number",
            good.with_options(norm_type="2"),
            (": norm_type must", "norm_type='2'"),
            TypeError,
        ),
        Invalid("sparse gradients", good.with_options(sparse=True), (": sparse must", "sparse=True")),
    )


_GOOD = _case(np.array([0, 2]), np.ones((4, 3)))

EMBEDDING = Operation(
    "embedding",
    _draw_embedding,
    (
        *_number_refusals(_GOOD),
        *usual_refusals(_GOOD, (2, 3))[-3:],
        Invalid(
            "a number too large beside others",
            _GOOD.replace(x=np.array([[0, 1], [2, 9]])),
            (": x must", "x[1, 1]=9", "weight of shape (4, 3)"),
        ),
    ),
    twin=_torch_embedding,
    jax=_jax_embedding,
    per_sample=lambda case: ("x",) if case["x"].ndim and not case.extras else (),
    jax_cannot=_infinite,
    stateful=True,
)


# ---- bags


def _bag_case(
    x: Array, weight: Array, offsets: Array | None, per_sample_weights: Array | None, **options: object
) -> Case:
    chosen = _options(**{"mode": "mean", "include_last_offset": False, **options})
    arrays = {"x": x, "weight": weight, "offsets": offsets, "per_sample_weights": per_sample_weights}
    state = () if chosen["max_norm"] is None else ("new_weight",)
    wanted = ("weight",) if per_sample_weights is None else ("weight", "per_sample_weights")
    return Case("embedding_bag", arrays, chosen, wanted, extras=state)


def _draw_bag(d: Draw) -> Case:
    rows, columns = d.side(1, 6), d.side(1, 4)
    mode = d.one_of("mean", "sum", "max")
    ends = False
    offsets = None
    if d.setting.batched or d.flag():
        x = d.labels(d.batch(), d.side(1, 4), classes=rows)
    else:
        sizes = [d.integer(0, 3) for _ in range(d.batch())]
        x = d.labels(sum(sizes), classes=rows)
        ends = d.flag()
        places = np.cumsum([0, *sizes])
        offsets = places if ends else places[:-1]
    weighted = mode == "sum" and d.flag()
    return _bag_case(
        x,
        d.array(rows, columns),
        offsets,
        d.array(*x.shape) if weighted else None,
        mode=mode,
        include_last_offset=ends,
        padding_idx=_padding(d, rows),
        max_norm=_max_norm(d),
        norm_type=d.one_of(2.0, 1.0, 3.0),
        scale_grad_by_freq=mode != "max" and _by_frequency(d),
    )


def _torch_bag(torch: Any, x: Any, weight: Any, offsets: Any, per_sample_weights: Any, **options: Any) -> Any:
    table = _renormalized(torch, x, weight, options)
    looked_up = table
    if options["scale_grad_by_freq"]:  # its own divides by another row's count
        counts = torch.bincount(x.reshape(-1), minlength=table.shape[0]).clamp(min=1)
        divided = table / counts[:, None].to(table.dtype)
        looked_up = divided + (table - divided).detach()
    y = torch.nn.functional.embedding_bag(
        x,
        looked_up,
        offsets,
        mode=options["mode"],
        per_sample_weights=per_sample_weights,
        include_last_offset=options["include_last_offset"],
        padding_idx=options["padding_idx"],
    )
    return y if options["max_norm"] is None else (y, table.detach())


def _torch_cannot_bag(case: Case) -> str | None:
    if case["x"].ndim == 2 and not case["x"].size:
        return "PyTorch cannot tell the bags of an empty array"
    offsets = case.arrays["offsets"]
    if offsets is not None and case.options["include_last_offset"] and offsets[-1] != case["x"].size:
        return "PyTorch counts what comes behind the last offset"
    freq = case.options["scale_grad_by_freq"] and not np.isfinite(case["weight"]).all()
    return "the twin's formula makes NaN of infinities" if freq else None


_BAG = _bag_case(np.array([0, 2]), np.ones((4, 3)), np.array([0, 1]), None)
_WEIGHTED = _bag_case(np.array([0, 2]), np.ones((4, 3)), np.array([0, 1]), np.ones(2), mode="sum")


def _offsets(why: str, values: list[int], *words: str) -> Invalid:
    return Invalid(
        f"offsets {why}", _BAG.replace(offsets=np.array(values, dtype=np.int64)), (": offsets must", *words)
    )


EMBEDDING_BAG = Operation(
    "embedding_bag",
    _draw_bag,
    (
        *_number_refusals(_BAG),
        *usual_refusals(_BAG, (2, 3))[-3:],
        _offsets("that do not begin with 0", [1, 2], "offsets.tolist()=[1, 2]"),
        _offsets("that decrease", [0, 2, 1], "offsets.tolist()=[0, 2, 1]"),
        _offsets("beyond the end", [0, 3], "offsets.tolist()=[0, 3]"),
        Invalid("no offsets", _BAG.replace(offsets=None), (": offsets must", "(2,)")),
        Invalid(
            "offsets of two axes", _BAG.replace(offsets=np.zeros((1, 1), int)), (": offsets must", "(1, 1)")
        ),
        Invalid(
            "offsets of floats", _BAG.replace(offsets=np.zeros(1)), (": offsets must", "float64"), TypeError
        ),
        Invalid(
            "offsets of bags",
            _BAG.replace(x=np.zeros((1, 2), int)),
            (": offsets must", "offsets of shape (2,)", "x of shape (1, 2)"),
        ),
        Invalid(
            "no end",
            _BAG.replace(offsets=np.zeros(0, int)).with_options(include_last_offset=True),
            (": offsets must", "(0,)"),
        ),
        Invalid("x of three axes", _BAG.replace(x=np.zeros((1, 1, 2), int)), (": x must", "(1, 1, 2)")),
        Invalid("another mode", _BAG.with_options(mode="avg"), (": mode must", "'avg'")),
        Invalid(
            "weights of a mean",
            _WEIGHTED.with_options(mode="mean"),
            (": mode must", "mode='mean'", "per_sample_weights of shape (2,)"),
        ),
        Invalid(
            "weights of another shape",
            _WEIGHTED.replace(per_sample_weights=np.ones(3)),
            (": per_sample_weights must", "(3,)", "x of shape (2,)"),
        ),
        Invalid(
            "weights of another dtype",
            _WEIGHTED.replace(per_sample_weights=np.ones(2, np.float32)),
            (": per_sample_weights must", "float32"),
            TypeError,
        ),
        Invalid(
            "the frequency of maxima",
            _BAG.with_options(mode="max", scale_grad_by_freq=True),
            (": scale_grad_by_freq must", "True"),
        ),
    ),
    twin=_torch_bag,
    ties=True,
    per_sample=lambda case: (
        ()
        if case["x"].ndim < 2 or case.extras
        else ("x",)
        if case.arrays["per_sample_weights"] is None
        else ("x", "per_sample_weights")
    ),
    torch_cannot=_torch_cannot_bag,
    stateful=True,
)
