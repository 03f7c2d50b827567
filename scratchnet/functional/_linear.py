"""Maps that are linear in each of their arguments: ``y = x W^T + b`` and ``y = input1^T W input2 + b``."""

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


def bilinear(
    input1: Array, input2: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Pullback]:
    """Apply a map that is linear in either of two inputs: ``y[o] = input1^T W[o] input2 + b[o]``.

    Parameters
    ----------
    input1 : ndarray, shape (*, D_1)
        Any number of leading axes, also none.
    input2 : ndarray, shape (*, D_2)
        With the leading axes of `input1`.
    weight : ndarray, shape (D_out, D_1, D_2)
        One matrix an output.
    bias : ndarray, shape (D_out,), optional

    Returns
    -------
    y : ndarray, shape (*, D_out)
        In the dtype of `input1`.
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,) * 4) -> (dinput1, dinput2, dweight, dbias)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit; the leading axes are not broadcast.

    Notes
    -----
    Forward: ``y[n, o] = sum over i, j of input1[n, i] W[o, i, j] input2[n, j] + b[o]``.

    Backward: ``dinput1[n, i] = sum over o, j of dy[n, o] W[o, i, j] input2[n, j]``, `dinput2` alike with the
    inputs exchanged, ``dW[o, i, j] = sum over n of dy[n, o] input1[n, i] input2[n, j]`` and
    ``db = sum of dy`` over all leading axes.

    An empty batch gives an empty `y`, and zeros for `dweight` and `dbias`.

    References
    ----------
    Tenenbaum and Freeman, "Separating Style and Content with Bilinear Models" (Neural Computation 12, 2000),
    equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> input1, input2 = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    >>> y, pullback = bilinear(input1, input2, np.array([[[1.0, 0.0], [0.0, 1.0]]]))
    >>> y.tolist()
    [[11.0]]
    >>> dinput1, dinput2, dweight, dbias = pullback(np.array([[1.0]]))
    >>> dinput1.tolist(), dinput2.tolist(), dweight.tolist(), dbias
    ([[3.0, 4.0]], [[1.0, 2.0]], [[[3.0, 4.0], [6.0, 8.0]]], None)
    """
    check_float_arrays("bilinear", "input1", input1, input2=input2, weight=weight, bias=bias)
    if weight.ndim != 3:
        raise refuse("bilinear", "weight must be (D_out, D_1, D_2)", weight=weight)
    outputs, first, second = weight.shape
    if input1.ndim == 0 or input1.shape[-1] != first:
        raise refuse(
            "bilinear", "input1 must be (*, D_1) for weight (D_out, D_1, D_2)", input1=input1, weight=weight
        )
    if input2.shape != (*input1.shape[:-1], second):
        raise refuse(
            "bilinear",
            "input2 must be (*, D_2) with the leading axes of input1, for weight (D_out, D_1, D_2)",
            input2=input2,
            input1=input1,
            weight=weight,
        )
    if bias is not None and bias.shape != (outputs,):
        raise refuse("bilinear", f"bias must be ({outputs},), one an output of weight", bias=bias)

    rows = math.prod(input1.shape[:-1])
    left, right = input1.reshape(rows, first), input2.reshape(rows, second)
    # One product for all rows and outputs, then one with its own input1 for each row.
    turned = right @ weight.reshape(outputs * first, second).T
    by_output = turned.reshape(rows, outputs, first)  # W input2
    y = (by_output @ left[:, :, None]).reshape(rows, outputs)
    if bias is not None:
        y += bias
    shape, dtype = (*input1.shape[:-1], outputs), input1.dtype

    def pullback(
        dy: Array, needs_input_grad: tuple[bool, bool, bool, bool] = (True, True, True, True)
    ) -> Cotangents:
        dy = check_cotangent("bilinear", dy, shape, dtype).reshape(rows, outputs)
        dinput1 = dinput2 = dweight = dbias = None
        if needs_input_grad[0]:
            dinput1 = (dy[:, None, :] @ by_output).reshape(input1.shape)
        if needs_input_grad[1] or needs_input_grad[2]:
            outer = (dy[:, :, None] * left[:, None, :]).reshape(rows, outputs * first)
            if needs_input_grad[1]:
                dinput2 = (outer @ weight.reshape(outputs * first, second)).reshape(input2.shape)
            if needs_input_grad[2]:
                dweight = (outer.T @ right).reshape(weight.shape)
        if bias is not None and needs_input_grad[3]:
            dbias = sum_rows(dy)
        return dinput1, dinput2, dweight, dbias

    return y.reshape(shape), pullback
