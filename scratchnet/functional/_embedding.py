"""Tables of vectors: rows looked up by number, one by one or a bag at a time."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from .._check import (
    check_cotangent,
    check_float_array,
    check_float_arrays,
    check_integer,
    check_integer_array,
    check_number,
    check_option,
    refuse,
)
from .._types import Array, Cotangents, Pullback
from ._distance import p_norm

_NORM_EPS = 1e-7  # added to a norm that is divided by


@overload
def embedding(
    x: Array,
    weight: Array,
    padding_idx: int | None = ...,
    max_norm: None = ...,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    sparse: bool = ...,
) -> tuple[Array, Pullback]: ...
@overload
def embedding(
    x: Array,
    weight: Array,
    padding_idx: int | None,
    max_norm: float,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    sparse: bool = ...,
) -> tuple[Array, Pullback, Array]: ...
@overload
def embedding(
    x: Array,
    weight: Array,
    padding_idx: int | None = ...,
    *,
    max_norm: float,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    sparse: bool = ...,
) -> tuple[Array, Pullback, Array]: ...
def embedding(
    x: Array,
    weight: Array,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> tuple[Array, Pullback] | tuple[Array, Pullback, Array]:
    """Look up rows of a table: ``y[i] = weight[x[i]]``.

    Parameters
    ----------
    x : ndarray of integers, any shape
        The rows' numbers, from 0.
    weight : ndarray, shape (V, D)
        The table.
    padding_idx : int, optional
        A row that gets no gradient; negative ones count from the end.
    max_norm : float, optional
        Rows that are looked up and have a norm above it are first scaled down to it.
    norm_type : float, default 2
        The exponent of that norm.
    scale_grad_by_freq : bool, default False
        Whether a row's gradient is divided by how often it is looked up.
    sparse : bool, default False
        Only False: gradients are whole arrays.

    Returns
    -------
    y : ndarray, shape (*x.shape, D)
        In the dtype of `weight`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True)) -> (None, dweight)``: numbers have no derivative.
    new_weight : ndarray, shape (V, D)
        Only where `max_norm` is given: the table with the rows scaled down, a new array.

    Raises
    ------
    TypeError
        `x` is not an array of integers or `weight` not one of floats; an option is of another type.
    ValueError
        `weight` is not two-dimensional, a number is not one of its rows', or `padding_idx` is not; `sparse`
        is True.

    Notes
    -----
    Forward: ``y[i] = weight[x[i]]``; with `max_norm`, ``weight[v] max_norm / (|weight[v]| + 1e-7)`` for the
    rows looked up with ``|weight[v]| > max_norm``.

    Backward: ``dweight[v] = sum of dy[i] where x[i] = v``, divided by their number with
    `scale_grad_by_freq`; 0 for `padding_idx`. It is the gradient of the table that is looked up in: that
    rows were scaled is not differentiated through, as in PyTorch.

    References
    ----------
    Bengio et al., "A Neural Probabilistic Language Model" (JMLR 3, 2003), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> y, pullback = embedding(np.array([2, 0, 2]), table)
    >>> y.tolist()
    [[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]
    >>> pullback(np.ones((3, 2)))[1].tolist()
    [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]
    >>> y, pullback, new = embedding(np.array([1]), table, max_norm=1.0)
    >>> new.round(4).tolist()
    [[1.0, 2.0], [0.6, 0.8], [5.0, 6.0]]
    """
    check_integer_array("embedding", "x", x)
    check_float_array("embedding", "weight", weight)
    padding = _check_table("embedding", x, weight, padding_idx, sparse)
    shape, dtype = (*x.shape, weight.shape[1]), weight.dtype
    ids = x.reshape(-1).astype(np.intp)  # a copy
    table = _renormalized("embedding", weight, ids, max_norm, norm_type)
    kept = None if padding is None else ids != padding

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool] = (True, True)) -> Cotangents:
        dy = check_cotangent("embedding", dy, shape, dtype)
        if not needs_input_grad[1]:
            return None, None
        rows, numbers = dy.reshape(ids.size, shape[-1]), ids
        if kept is not None:
            rows, numbers = rows[kept], numbers[kept]
        with np.errstate(over="ignore", invalid="ignore"):
            return None, add_rows(numbers, rows, weight.shape[0], average=scale_grad_by_freq)

    y = table.take(ids, axis=0).reshape(shape)
    return (y, pullback) if max_norm is None else (y, pullback, table)


@overload
def embedding_bag(
    x: Array,
    weight: Array,
    offsets: Array | None = ...,
    max_norm: None = ...,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    mode: str = ...,
    sparse: bool = ...,
    per_sample_weights: Array | None = ...,
    include_last_offset: bool = ...,
    padding_idx: int | None = ...,
) -> tuple[Array, Pullback]: ...
@overload
def embedding_bag(
    x: Array,
    weight: Array,
    offsets: Array | None,
    max_norm: float,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    mode: str = ...,
    sparse: bool = ...,
    per_sample_weights: Array | None = ...,
    include_last_offset: bool = ...,
    padding_idx: int | None = ...,
) -> tuple[Array, Pullback, Array]: ...
@overload
def embedding_bag(
    x: Array,
    weight: Array,
    offsets: Array | None = ...,
    *,
    max_norm: float,
    norm_type: float = ...,
    scale_grad_by_freq: bool = ...,
    mode: str = ...,
    sparse: bool = ...,
    per_sample_weights: Array | None = ...,
    include_last_offset: bool = ...,
    padding_idx: int | None = ...,
) -> tuple[Array, Pullback, Array]: ...
def embedding_bag(
    x: Array,
    weight: Array,
    offsets: Array | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Array | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Array, Pullback] | tuple[Array, Pullback, Array]:
    """Look up rows of a table and put each bag of them together: their sum, mean or maximum.

    Parameters
    ----------
    x : ndarray of integers, shape (B, L) or (M,)
        The rows' numbers, from 0: B bags of L each, or all bags one behind the other.
    weight : ndarray, shape (V, D)
        The table.
    offsets : ndarray of integers, shape (B,), or (B + 1,) with `include_last_offset`
        Where each bag begins in a one-dimensional `x`; only there. It begins with 0 and does not decrease.
    max_norm : float, optional
        Rows that are looked up and have a norm above it are first scaled down to it.
    norm_type : float, default 2
        The exponent of that norm.
    scale_grad_by_freq : bool, default False
        Whether a row's gradient is divided by how often it is looked up; not for ``"max"``.
    mode : {"mean", "sum", "max"}, default "mean"
    sparse : bool, default False
        Only False: gradients are whole arrays.
    per_sample_weights : ndarray, shape of `x`, optional
        What each row is multiplied by; only for ``"sum"``.
    include_last_offset : bool, default False
        Whether `offsets` ends with the end of the last bag; what comes behind belongs to none.
    padding_idx : int, optional
        A row that does not count and gets no gradient; negative ones count from the end.

    Returns
    -------
    y : ndarray, shape (B, D)
        In the dtype of `weight`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,) * 4) -> (None, dweight, None, dper_sample_weights)``: numbers
        and offsets have no derivative.
    new_weight : ndarray, shape (V, D)
        Only where `max_norm` is given: the table with the rows scaled down, a new array.

    Raises
    ------
    TypeError
        `x` or `offsets` is not an array of integers, `weight` or `per_sample_weights` not one of floats of
        one dtype; an option is of another type.
    ValueError
        A shape, a number or an offset does not fit, or two options do not go together; `sparse` is True.

    Notes
    -----
    Forward: ``y[b] = sum over i in bag b of s[i] weight[x[i]]``, where s are the `per_sample_weights`;
    divided by the bag's size for the mean; the maximum in each column for ``"max"``. Without a row, or with
    none but padding, ``y[b] = 0`` in every mode.

    Backward: ``dweight[v] = sum of s[i] dy[b] over all i in b with x[i] = v``, divided by the bag's size for
    the mean, and ``ds[i] = dy[b] . weight[x[i]]``. The maximum's goes to the first row that has it; a NaN is
    no maximum unless it comes first. With `scale_grad_by_freq` row v is divided by how often v is looked up
    (PyTorch 2.13 divides by the count of another row where the counts differ). Scaling by `max_norm` is not
    differentiated through.

    References
    ----------
    Joulin et al., "Bag of Tricks for Efficient Text Classification" (EACL 2017), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> y, pullback = embedding_bag(np.array([0, 2, 1]), table, np.array([0, 2]))
    >>> y.tolist()
    [[3.0, 4.0], [3.0, 4.0]]
    >>> pullback(np.ones((2, 2)))[1].tolist()
    [[0.5, 0.5], [1.0, 1.0], [0.5, 0.5]]
    """
    name = "embedding_bag"
    check_integer_array(name, "x", x)
    check_float_arrays(name, "weight", weight, per_sample_weights=per_sample_weights)
    check_option(name, "mode", mode, ("mean", "sum", "max"))
    if x.ndim not in (1, 2):
        raise refuse(name, "x must be (B, L), or (M,) with offsets", x=x)
    padding = _check_table(name, x, weight, padding_idx, sparse)
    if per_sample_weights is not None and mode != "sum":
        raise refuse(
            name,
            "mode must be 'sum' with per_sample_weights",
            mode=mode,
            per_sample_weights=per_sample_weights,
        )
    if per_sample_weights is not None and per_sample_weights.shape != x.shape:
        raise refuse(
            name, "per_sample_weights must have the shape of x", per_sample_weights=per_sample_weights, x=x
        )
    if scale_grad_by_freq and mode == "max":
        raise refuse(
            name, "scale_grad_by_freq must be False for mode 'max'", scale_grad_by_freq=scale_grad_by_freq
        )
    starts, ends = _bounds(x, offsets, include_last_offset)
    bags = starts.size
    ids = x.reshape(-1).astype(np.intp)  # a copy
    table = _renormalized(name, weight, ids, max_norm, norm_type)

    # Only rows that count: of a bag, and not padding. They stand bag by bag.
    bag_of = np.repeat(np.arange(bags), ends - starts)
    counting = np.arange(bag_of.size)
    if padding is not None:
        counting = counting[ids[: bag_of.size] != padding]
        bag_of = bag_of[counting]
    numbers = ids[counting]
    sizes = np.bincount(bag_of, minlength=bags)
    dtype, columns = weight.dtype, weight.shape[1]
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)[counting]
    rows = table.take(numbers, axis=0)
    shape = (bags, columns)
    winners = None
    if mode == "max":
        y, winners = _maximum(rows, numbers, sizes)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            if factors is not None:
                rows *= factors[:, None]
            y = _sum_bags(rows, sizes)
        if mode == "mean":
            y /= _divisors(np.maximum(sizes, 1), dtype)

    def pullback(
        dy: Array, needs_input_grad: tuple[bool, bool, bool, bool] = (True, True, True, True)
    ) -> Cotangents:
        dy = check_cotangent(name, dy, shape, dtype)
        dweight = dfactors = None
        with np.errstate(over="ignore", invalid="ignore"):
            if needs_input_grad[1]:
                dweight = weight_gradient(dy)
            if per_sample_weights is not None and needs_input_grad[3]:
                each = np.zeros(ids.size, dtype)
                each[counting] = np.add.reduce(dy[bag_of] * table[numbers], axis=1)
                dfactors = each.reshape(x.shape)
        return None, dweight, None, dfactors

    def weight_gradient(dy: Array) -> Array:
        if winners is not None:
            dweight = np.zeros(weight.shape, dtype)
            full = sizes > 0
            np.add.at(dweight, (winners[full], np.arange(columns)), dy[full])
            return dweight
        share = dy if mode == "sum" else dy * (1 / np.maximum(sizes, 1)).astype(dtype)[:, None]
        each = share.take(bag_of, axis=0)
        if factors is not None:
            each *= factors[:, None]
        return add_rows(numbers, each, weight.shape[0], average=scale_grad_by_freq)

    return (y, pullback) if max_norm is None else (y, pullback, table)


def add_rows(numbers: Array, rows: Array, count: int, *, average: bool = False) -> Array:
    """Return ``(count, D)``: the sum (or mean) of the rows of each number; zeros where there is none."""
    total = np.zeros((count, rows.shape[1]), rows.dtype)
    if numbers.size:
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        often = np.empty(first.size, np.intp)
        np.subtract(first[1:], first[:-1], out=often[:-1])
        often[-1] = numbers.size - first[-1]
        sums = _sum_each_run(rows, order, first, often)
        if average:
            sums /= _divisors(often, rows.dtype)
        total[ordered[first]] = sums
    return total


def _divisors(counts: Array, dtype: np.dtype[Any]) -> Array:
    """Return what rows of a dtype are divided by: not in float16, which has not all numbers beyond 2048."""
    return counts.astype(np.float64 if dtype == np.float16 else dtype)[:, None]


_WORTH_RUNS = 8_192  # elements from which the sums of short runs are taken a place at a time
_SHORT_RUN = 24


def _sum_each_run(rows: Array, order: Array, first: Array, often: Array) -> Array:
    """Return the sum of ``rows[order]`` over each run, of which `first` are the beginnings, by a fast way."""
    if rows.size >= _WORTH_RUNS and often.max() <= _SHORT_RUN:
        return _sum_short_runs(rows, order, first, often)
    return _sum_runs(rows, order, first)


def _sum_runs(rows: Array, order: Array, first: Array) -> Array:
    """Return the sum of ``rows[order]`` over each run, of which `first` are the beginnings."""
    return np.asarray(np.add.reduceat(rows.take(order, axis=0), first, axis=0))


def _sum_short_runs(rows: Array, order: Array, first: Array, often: Array) -> Array:
    """Return what `_sum_runs` does: the first row of every run, then the second of those that have one, ...

    The runs are `often` rows long; where few numbers repeat, it is hardly more than one copy of the rows.
    """
    sums = rows.take(order[first], axis=0)
    for place in range(1, int(often.max())):
        runs = np.flatnonzero(often > place)
        sums[runs] += rows.take(order[first[runs] + place], axis=0)
    return sums


def _check_table(function: str, x: Array, weight: Array, padding_idx: int | None, sparse: bool) -> int | None:
    """Return padding_idx counted from the front; require the table and the numbers to fit it."""
    if weight.ndim != 2:
        raise refuse(function, "weight must be (V, D)", weight=weight)
    if sparse:
        raise refuse(function, "sparse must be False, since gradients are whole arrays", sparse=sparse)
    count = weight.shape[0]
    wrong = (x < 0) | (x >= count)
    if wrong.any():
        where = np.unravel_index(int(np.argmax(wrong)), x.shape)
        place = ", ".join(str(int(i)) for i in where)
        raise refuse(
            function,
            f"x must have numbers of rows of weight, in [0, {count - 1}]",
            **{f"x[{place}]": int(x[where]), "weight": weight},
        )
    if padding_idx is None:
        return None
    padding = check_integer(function, "padding_idx", padding_idx)
    if not -count <= padding < count:
        raise refuse(
            function,
            f"padding_idx must be the number of a row of weight, in [{-count}, {count - 1}]",
            padding_idx=padding_idx,
            weight=weight,
        )
    return int(padding % count)


def _renormalized(
    function: str, weight: Array, ids: Array, max_norm: float | None, norm_type: float
) -> Array:
    """Return the table to look up in: a copy with its rows scaled down, or `weight` itself."""
    norm_type = check_number(function, "norm_type", norm_type)
    if max_norm is None:
        return weight
    max_norm = check_number(function, "max_norm", max_norm)
    table: Array = weight.copy()
    numbers = np.unique(ids)
    if weight.shape[1]:  # there is no largest of no columns
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            norms = p_norm(table[numbers], norm_type).astype(np.float64)[:, 0]
            large = norms > max_norm
            scale = (max_norm / (norms[large] + _NORM_EPS)).astype(weight.dtype)
            table[numbers[large]] *= scale[:, None]
    return table


def _bounds(x: Array, offsets: Array | None, include_last_offset: bool) -> tuple[Array, Array]:
    """Return where each bag begins and ends in the flat `x`."""
    name = "embedding_bag"
    if x.ndim == 2:
        if offsets is not None:
            raise refuse(name, "offsets must not be given with x of bags (B, L)", offsets=offsets, x=x)
        starts = np.arange(x.shape[0]) * x.shape[1]
        return starts, starts + x.shape[1]
    if offsets is None:
        raise refuse(name, "offsets must be given with x of one dimension", x=x)
    check_integer_array(name, "offsets", offsets)
    if offsets.ndim != 1:
        raise refuse(name, "offsets must have one dimension", offsets=offsets)
    places = offsets.astype(np.intp)
    if include_last_offset and not places.size:
        raise refuse(name, "offsets must have an end with include_last_offset", offsets=offsets)
    if places.size and (places[0] != 0 or places[-1] > x.size or (places[1:] < places[:-1]).any()):
        requirement = f"offsets must begin with 0, not decrease, and stay within the {x.size} numbers of x"
        raise refuse(name, requirement, **{"offsets.tolist()": offsets.tolist()})
    if include_last_offset:
        return places[:-1], places[1:]
    return places, np.append(places[1:], x.size)[: places.size]


def _sum_bags(rows: Array, sizes: Array) -> Array:
    """Return the sum of each bag's rows, which stand one bag behind the other; 0 without a row."""
    bags, columns = sizes.size, rows.shape[1]
    if rows.size and np.minimum.reduce(sizes) * bags == rows.shape[0]:  # all have the same size
        return np.asarray(np.add.reduce(rows.reshape(bags, -1, columns), axis=1))
    total = np.zeros((bags, columns), rows.dtype)
    full = sizes > 0
    often = sizes[full]
    total[full] = _sum_each_run(rows, np.arange(rows.shape[0]), np.cumsum(often) - often, often)
    return total


def _maximum(rows: Array, numbers: Array, sizes: Array) -> tuple[Array, Array]:
    """Return each bag's maximum and the number of the first row that has it, a column at a time."""
    best = np.zeros((sizes.size, rows.shape[1]), rows.dtype)
    winners = np.zeros(best.shape, np.intp)
    first = np.cumsum(sizes) - sizes
    for place in range(int(sizes.max(initial=0))):
        bags = np.flatnonzero(sizes > place)
        row = first[bags] + place
        better = (rows[row] > best[bags]) | (place == 0)
        best[bags] = np.where(better, rows[row], best[bags])
        winners[bags] = np.where(better, numbers[row][:, None], winners[bags])
    return best, winners
