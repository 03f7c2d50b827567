"""Every entry of the numerical gradient of a two-layer classifier, in milliseconds instead of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .._check import check_float_array, check_integer_array, check_option, refuse, refuse_type
from ._plain import numerical_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Activation = Literal["relu", "sigmoid"]

_BLOCK = 12_800
"""Entries of W1 looked at together, 256 rows of 50: a block's scratch arrays stay in the L2 cache."""

_SAFE_SHIFT = 300.0
"""exp of a shifted logit may move by this much without overflow and without losing the whole sum."""


class TwoLayerGradient(NamedTuple):
    """The gradient of the mean loss, one float64 array a parameter, each in its parameter's shape."""

    W1: Array
    b1: Array
    W2: Array
    b2: Array


def two_layer_numerical_gradient(
    x: NDArray[Any],
    t: NDArray[Any],
    W1: NDArray[Any],
    b1: NDArray[Any],
    W2: NDArray[Any],
    b2: NDArray[Any],
    h: float = 1e-4,
    activation: Activation = "relu",
) -> TwoLayerGradient:
    r"""Central difference of the loss of an affine-activation-affine-softmax network, for each parameter.

    Parameters
    ----------
    x : ndarray, shape (N, D), floating
        The batch, N at least 1.
    t : ndarray, shape (N,) integer labels or (N, K) one-hot
        The right classes.
    W1, b1 : ndarray, shapes (D, H) and (H,), floating
        The first affine layer, ``x @ W1 + b1``.
    W2, b2 : ndarray, shapes (H, K) and (K,), floating
        The second one.
    h : float, default 1e-4
        The step, as in the book.
    activation : {'relu', 'sigmoid'}
        What stands between the two layers.

    Returns
    -------
    TwoLayerGradient
        ``W1, b1, W2, b2``: float64, whatever the dtypes given; all work is done in float64.

    Raises
    ------
    TypeError
        An argument is not an array of the kind above.
    ValueError
        Shapes do not fit, a label is out of range, the batch is empty, `h` is not positive,
        or the activation is unknown.

    Notes
    -----
    With :math:`o = \mathrm{act}(x W_1 + b_1) W_2 + b_2` the loss is
    :math:`L = \frac1N \sum_n (\log\sum_k e^{o_{nk}} - o_{n t_n})`, and each entry :math:`\theta` gets

    .. math:: \frac{L(\theta + h) - L(\theta - h)}{2h},

    two values of the whole loss for each of the entries: nothing here differentiates by formula. Only what an
    entry cannot reach is not worked out again. ``W1[i, j]`` moves hidden unit j of sample n to
    :math:`\mathrm{act}(a_{nj} \pm h x_{ni})` and logit k by that change times ``W2[j, k]``; so all (i, j) of
    a block are moved at once, class by class, and a column of ones beside x stands for b1. ``W2[j, k]``
    moves logit k alone, by :math:`\pm h z_{nj}`; a one beside z stands for b2. Scratch memory is one block,
    whatever N and D.

    It equals :func:`numerical_gradient` of the plain loss up to the rounding of the loss divided by h.

    References
    ----------
    The network and the formula: Saitoh, *Deep Learning from Scratch*, sections 4.4.2, 4.5.1 and 5.7.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> W1, b1 = rng.normal(size=(784, 50)), np.zeros(50)
    >>> W2, b2 = rng.normal(size=(50, 10)), np.zeros(10)
    >>> grads = two_layer_numerical_gradient(rng.random((3, 784)), np.array([5, 0, 4]), W1, b1, W2, b2)
    >>> [g.shape for g in grads]
    [(784, 50), (50,), (50, 10), (10,)]
    >>> bool(abs(grads.b2.sum()) < 1e-8)  # softmax's gradient sums to nothing
    True
    """
    x, labels, W1, b1, W2, b2 = _checked(x, t, W1, b1, W2, b2, h, activation)
    act = _ACTIVATIONS[activation]
    a = x @ W1 + b1
    z = act(a)
    logits = z @ W2 + b2
    # Overflow and NaN are the caller's data speaking; that exp underflows to 0 is meant.
    with np.errstate(under="ignore"):
        first = _first_layer(_with_one(x), labels, a, z, W2, logits, h, act)
        second = _second_layer(_with_one(z), labels, logits, h)
    return TwoLayerGradient(first[:-1].copy(), first[-1].copy(), second[:-1].copy(), second[-1].copy())


def _plain_two_layer_numerical_gradient(
    x: Array,
    labels: NDArray[np.intp],
    W1: Array,
    b1: Array,
    W2: Array,
    b2: Array,
    h: float = 1e-4,
    activation: Activation = "relu",
) -> TwoLayerGradient:
    """The plain body that `two_layer_numerical_gradient` must equal: the loss, differenced entry by entry."""
    params = [np.array(p) for p in (W1, b1, W2, b2)]

    def loss(_: Any) -> float:
        w1, c1, w2, c2 = params
        logits = _ACTIVATIONS[activation](x @ w1 + c1) @ w2 + c2
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -float(log_p[np.arange(len(x)), labels].mean())

    return TwoLayerGradient(*(numerical_gradient(loss, p, h) for p in params))


def _relu(a: Array) -> Array:
    y: Array = np.maximum(a, 0.0)
    return y


def _sigmoid(a: Array) -> Array:
    # exp of minus the magnitude alone: 1 / (1 + e) for a >= 0, e / (1 + e) below, neither can overflow.
    e = np.exp(-np.abs(a))
    y: Array = np.where(a >= 0, 1.0, e) / (1.0 + e)
    return y


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"relu": _relu, "sigmoid": _sigmoid}


def _with_one(x: Array) -> Array:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _first_layer(
    x: Array,
    labels: NDArray[np.intp],
    a: Array,
    z: Array,
    W2: Array,
    logits: Array,
    h: float,
    act: Callable[[Array], Array],
) -> Array:
    """Central differences for W1 with b1 as its last row: (D + 1, H)."""
    D, H = x.shape[1], a.shape[1]
    rows = max(1, _BLOCK // max(1, H))
    result = np.empty((D, H))
    largest_weight = np.abs(W2).max(initial=0.0)
    for start in range(0, D, rows):
        block = slice(start, min(start + rows, D))
        total = np.zeros((2, block.stop - start, H))  # the loss of every entry moved up, and moved down
        for n, label in enumerate(labels):
            step = (h * x[n, block])[:, None]
            delta = np.empty_like(total)
            np.add(a[n], step, out=delta[0])
            np.subtract(a[n], step, out=delta[1])
            delta = act(delta)
            delta -= z[n]
            total += _losses(delta, W2, logits[n], label, largest_weight)
        result[block] = (total[0] - total[1]) / (2 * h * len(labels))
    return result


def _losses(delta: Array, W2: Array, logits: Array, label: int, largest_weight: float) -> Array:
    """Loss of one sample for every change `delta[..., j]` of its hidden unit j, in delta's shape."""
    moved, total = np.empty_like(delta), np.zeros_like(delta)
    reach = largest_weight * max(delta.max(initial=0.0), -delta.min(initial=0.0))
    # One maximum for all: right as long as no logit moves far. NaN takes the other way and stays NaN.
    shift: Array = logits.max()
    if not reach <= _SAFE_SHIFT:
        shift = logits[0] + delta * W2[:, 0]
        for k in range(1, len(logits)):
            np.maximum(shift, logits[k] + delta * W2[:, k], out=shift)
    for k in range(len(logits)):
        np.multiply(delta, W2[:, k], out=moved)
        moved += logits[k] - shift
        np.exp(moved, out=moved)
        total += moved
    np.log(total, out=total)
    np.multiply(delta, W2[:, label], out=moved)
    moved += logits[label] - shift
    total -= moved
    return total


def _second_layer(z: Array, labels: NDArray[np.intp], logits: Array, h: float) -> Array:
    """Central differences for W2 with b2 as its last row: (H + 1, K)."""
    K = logits.shape[1]
    total = np.zeros((2, z.shape[1], K))
    others = ~np.eye(K, dtype=bool)
    for n, label in enumerate(labels):
        o = logits[n]
        rest = np.array([_log_sum_exp(o[others[k]]) for k in range(K)])  # log of the sum without class k
        step = h * z[n][:, None]
        moved = np.stack([o + step, o - step])  # entry (j, k): logit k after W2[j, k] moved
        total += np.logaddexp(rest, moved)
        total -= np.where(others[label], o[label], moved)
    gradient: Array = (total[0] - total[1]) / (2 * h * len(labels))
    return gradient


def _log_sum_exp(o: Array) -> float:
    if o.size == 0:
        return -np.inf
    largest = o.max()
    if not np.isfinite(largest):
        return float(largest)
    return float(largest + np.log(np.exp(o - largest).sum()))


def _checked(
    x: NDArray[Any],
    t: NDArray[Any],
    W1: NDArray[Any],
    b1: NDArray[Any],
    W2: NDArray[Any],
    b2: NDArray[Any],
    h: float,
    activation: str,
) -> tuple[Array, NDArray[np.intp], Array, Array, Array, Array]:
    name = "two_layer_numerical_gradient"
    for label, array, ndim in (("x", x, 2), ("W1", W1, 2), ("b1", b1, 1), ("W2", W2, 2), ("b2", b2, 1)):
        check_float_array(name, label, array)
        if array.ndim != ndim:
            raise refuse(name, f"{label} must have {ndim} dimension{'s'[: ndim - 1]}", **{label: array})
    (N, D), H, K = x.shape, len(b1), len(b2)
    if W1.shape != (D, H) or W2.shape != (H, K):
        raise refuse(
            name,
            "shapes must fit: x (N, D), W1 (D, H), b1 (H,), W2 (H, K), b2 (K,)",
            x=x,
            W1=W1,
            b1=b1,
            W2=W2,
            b2=b2,
        )
    if N == 0 or K == 0:
        raise refuse(name, "x must hold at least one sample and b2 at least one class", x=x, b2=b2)
    check_option(name, "activation", activation, _ACTIVATIONS)
    if not 0 < h < np.inf:
        raise refuse(name, "h must be positive and finite", h=h)
    labels = _labels(name, t, N, K)
    x, W1, b1, W2, b2 = (np.asarray(p, dtype=np.float64) for p in (x, W1, b1, W2, b2))
    return x, labels, W1, b1, W2, b2


def _labels(name: str, t: NDArray[Any], N: int, K: int) -> NDArray[np.intp]:
    if not isinstance(t, np.ndarray):
        raise refuse_type(name, "t must be a NumPy array (use np.asarray)", **{"type of t": type(t).__name__})
    if t.shape == (N, K):
        if not (np.isin(t, (0, 1)).all() and (t.sum(axis=1) == 1).all()):
            raise refuse(name, "each row of a two-dimensional t must be one-hot", t=t)
        return np.asarray(t.argmax(axis=1), dtype=np.intp)
    if t.shape != (N,):
        raise refuse(name, f"t must have shape ({N},) or ({N}, {K})", t=t)
    check_integer_array(name, "t", t)
    wrong = (t < 0) | (t >= K)
    if wrong.any():
        n = int(wrong.argmax())
        raise refuse(name, f"every label must lie in [0, {K - 1}]", **{f"t[{n}]": int(t[n])})
    return t.astype(np.intp)
