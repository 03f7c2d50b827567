"""The linear map: ``y = x W^T + b``."""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_float_arrays, refuse
from .._types import Array, Cotangents, Pullback
from ._shapes import sum_rows


def linear(x: Array, weight: Array, bias: Array | None = None) -> tuple[Array, Pullback]:
    """Apply a linear map to the last axis: ``y = x W^T + b``.

    Parameters
    ----------
    x : ndarray, shape (*, D_in)
        Any number of leading axes, also none.
    weight : ndarray, shape (D_out, D_in) or (D_in,)
        One row an output; a vector gives one output and no output axis.
    bias : ndarray, shape (D_out,) or (), optional
        Added to each output; its shape is the weight's without the last axis.

    Returns
    -------
    y : ndarray, shape (*, D_out) or (*)
        In the dtype of `x`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True, True, True)) -> (dx, dweight, dbias)``. `dweight` has the
        memory order of `weight`, so that updating a transposed view in place stays a run over memory.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit.

    Notes
    -----
    Forward: ``y = x W^T + b``.

    Backward: ``dx = dy W``, ``dW = dy^T x`` and ``db = sum of dy``, over all leading axes.

    An empty batch gives an empty `y`, and zeros for `dweight` and `dbias`.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.5.6.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    >>> y, pullback = linear(x, weight)
    >>> y.tolist()
    [[11.0, 17.0, 23.0]]
    >>> dx, dweight, dbias = pullback(np.array([[1.0, 0.0, -1.0]]))
    >>> dx.tolist(), dweight.tolist(), dbias
    ([[-4.0, -4.0]], [[1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]], None)
    """
    check_float_arrays("linear", "x", x, weight=weight, bias=bias)
    if not 1 <= weight.ndim <= 2 or x.ndim == 0 or x.shape[-1] != weight.shape[-1]:
        raise refuse("linear", "weight must be (D_out, D_in) or (D_in,), and x (*, D_in)", x=x, weight=weight)
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise refuse(
            "linear", "bias must have the shape of weight less its last axis", bias=bias, weight=weight
        )

    # One product over all leading axes: `@` would loop over them.
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    y = _product(rows, weight.T)
    if bias is not None:
        y += bias
    if x.ndim != 2:
        y = y.reshape(x.shape[:-1] + weight.shape[:-1])
    shape, dtype = y.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)) -> Cotangents:
        dy = check_cotangent("linear", dy, shape, dtype)
        dy_rows = dy if x.ndim == 2 else dy.reshape(rows.shape[:1] + weight.shape[:-1])
        dx = dweight = dbias = None
        if needs_input_grad[0]:
            dx = _product(dy_rows, weight) if weight.ndim == 2 else np.multiply.outer(dy_rows, weight)
            if x.ndim != 2:
                dx = dx.reshape(x.shape)
        if needs_input_grad[1]:
            turned = weight.flags.f_contiguous and not weight.flags.c_contiguous
            left, right = (rows, dy_rows) if turned else (dy_rows, rows)
            # Of one row it is an outer product, for which BLAS takes four times as long.
            product = np.multiply if rows.shape[0] == 1 and weight.ndim == 2 else np.matmul
            dweight = product(left.T, right)
            if turned:
                dweight = dweight.T
        if bias is not None and needs_input_grad[2]:
            dbias = sum_rows(dy_rows)
        return dx, dweight, dbias

    return y, pullback


def _product(a: Array, b: Array) -> Array:
    """Return the matrix product, by `dot`, which takes half the time of `@` to start.

    Not where a factor is one number: BLAS then scales the other, and skips a zero even where it meets NaN.
    (And not for dweight, since `dot` first clears what it is going to fill.)
    """
    return np.asarray(a @ b if a.size == 1 or b.size == 1 else a.dot(b))
