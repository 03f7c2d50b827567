"""The book's ``common.util``: smoothing, shuffling, and images as matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_integer, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array

__all__ = ["col2im", "conv_output_size", "im2col", "np", "shuffle_dataset", "smooth_curve"]


def smooth_curve(x: Sequence[float] | Array) -> Array:
    """Smooth a curve with a Kaiser window of 11 points.

    Parameters
    ----------
    x : sequence of float, length 11 or more
        The losses of a training run, say.

    Returns
    -------
    y : ndarray, as long as `x`

    Raises
    ------
    ValueError
        `x` is shorter than the window.

    Notes
    -----
    Forward: the running mean with weights ``kaiser(11, beta=2)``, the curve being mirrored at both ends.

    References
    ----------
    J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function" (1974).

    Examples
    --------
    >>> np.round(smooth_curve(np.ones(20)), 6).tolist() == [1.0] * 20
    True
    """
    curve = np.asarray(x, dtype=np.float64)
    width = 11
    if curve.ndim != 1 or len(curve) < width:
        raise refuse("smooth_curve", f"x must be a sequence of at least {width} numbers", x=curve)
    weights = np.kaiser(width, 2)
    # The mirror holds ten points before (without the first) and ten after (with the last, as in the book).
    mirrored = np.concatenate([curve[width - 1 : 0 : -1], curve, curve[:-width:-1]])
    return np.convolve(weights / weights.sum(), mirrored, mode="valid")[width // 2 : -(width // 2)]


def shuffle_dataset(x: Array, t: Array) -> tuple[Array, Array]:
    """Return samples and labels in one new random order, drawn from NumPy's global stream.

    Parameters
    ----------
    x : ndarray, shape (N, *)
    t : ndarray, shape (N, *)

    Returns
    -------
    x, t : ndarray
        New arrays.

    Raises
    ------
    ValueError
        There are not as many labels as samples.

    Examples
    --------
    >>> x, t = shuffle_dataset(np.arange(4.0).reshape(4, 1), np.arange(4))
    >>> sorted(t.tolist()), bool((x[:, 0] == t).all())
    ([0, 1, 2, 3], True)
    """
    if len(x) != len(t):
        raise refuse("shuffle_dataset", "x and t must be of one length", x=x, t=t)
    order = np.random.permutation(x.shape[0])
    return x[order], t[order]


def conv_output_size(input_size: int, filter_size: int, stride: int = 1, pad: int = 0) -> int:
    """Return the number of places where a filter fits along one side.

    Parameters
    ----------
    input_size, filter_size : int
    stride, pad : int

    Returns
    -------
    size : int

    Raises
    ------
    TypeError, ValueError
        A size is no integer, too small, or the filter does not fit at all.

    Notes
    -----
    Forward: ``floor((input_size + 2 pad - filter_size) / stride) + 1``.

    Examples
    --------
    >>> conv_output_size(28, 5), conv_output_size(7, 2, stride=2)
    (24, 3)
    """
    name = "conv_output_size"
    check_integer(name, "filter_size", filter_size, minimum=1)
    check_integer(name, "stride", stride, minimum=1)
    check_integer(name, "pad", pad, minimum=0)
    room = check_integer(name, "input_size", input_size, minimum=0) + 2 * pad - filter_size
    if room < 0:
        raise refuse(name, "the filter must fit", input_size=input_size, filter_size=filter_size, pad=pad)
    return room // stride + 1


def im2col(input_data: Array, filter_h: int, filter_w: int, stride: int = 1, pad: int = 0) -> Array:
    """Lay out every window of a batch of images as a row.

    Parameters
    ----------
    input_data : ndarray, shape (N, C, H, W)
    filter_h, filter_w : int
        Height and width of the window.
    stride, pad : int
        `pad` zeros are added on each side.

    Returns
    -------
    col : ndarray, shape (N * H_out * W_out, C * filter_h * filter_w)
        In the dtype of `input_data`; rows by image, then place, columns by channel, then pixel.

    Raises
    ------
    TypeError, ValueError
        `input_data` has not four dimensions, or the window does not fit.

    Examples
    --------
    >>> im2col(np.arange(6.0).reshape(1, 1, 2, 3), 2, 2).tolist()
    [[0.0, 1.0, 3.0, 4.0], [1.0, 2.0, 4.0, 5.0]]
    """
    if input_data.ndim != 4:
        raise refuse("im2col", "input_data must be (N, C, H, W)", input_data=input_data)
    N, C, H, W = input_data.shape
    H_out, W_out = conv_output_size(H, filter_h, stride, pad), conv_output_size(W, filter_w, stride, pad)
    if pad:
        input_data = np.pad(input_data, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(input_data, (filter_h, filter_w), axis=(2, 3))
    rows = windows[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)
    return np.array(rows).reshape(N * H_out * W_out, C * filter_h * filter_w)


def col2im(
    col: Array,
    input_shape: tuple[int, int, int, int],
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    pad: int = 0,
) -> Array:
    """Add every row of windows back onto the pixels it came from: the transpose of `im2col`.

    Parameters
    ----------
    col : ndarray, shape (N * H_out * W_out, C * filter_h * filter_w)
    input_shape : tuple (N, C, H, W)
    filter_h, filter_w, stride, pad : int
        As for `im2col`.

    Returns
    -------
    img : ndarray, shape `input_shape`
        In the dtype of `col`.

    Raises
    ------
    TypeError, ValueError
        `col` has not the shape that `im2col` gives.

    Examples
    --------
    >>> col2im(np.ones((2, 4)), (1, 1, 2, 3), 2, 2).tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """
    N, C, H, W = input_shape
    H_out, W_out = conv_output_size(H, filter_h, stride, pad), conv_output_size(W, filter_w, stride, pad)
    if col.size != N * H_out * W_out * C * filter_h * filter_w:
        raise refuse(
            "col2im",
            f"col must be ({N * H_out * W_out}, {C * filter_h * filter_w}) for this input_shape",
            col=col,
            input_shape=input_shape,
        )
    windows = col.reshape(N, H_out, W_out, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
    padded: Any = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dtype=col.dtype)
    for i in range(filter_h):
        for j in range(filter_w):
            places = np.s_[:, :, i : i + stride * H_out : stride, j : j + stride * W_out : stride]
            # The slice may end beyond the array, which is as good as at its end.
            padded[places] += windows[:, :, i, j]
    return np.array(padded[:, :, pad : H + pad, pad : W + pad])
