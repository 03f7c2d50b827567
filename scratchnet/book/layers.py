"""The book's ``common.layers``: the layers of chapters 5 to 7.

Each layer calls one function of the core in `forward`, keeps its pullback, and calls that in `backward`. The
attributes are the book's, less the scratch values it keeps for its own backward passes (``col``, ``col_W``,
``arg_max``, ``xc``, ``xn``, ``std``), which live in the pullback. A layer takes arrays of any mix of float
dtypes and works in the one that NumPy's rules give: float32 throughout stays float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import functional
from .._check import check_number, refuse
from ._arrays import as_float, same_dtype
from .functions import (
    cross_entropy_error,
    identity_function,
    mean_squared_error,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_cross_entropy,
    softmax_loss,
    step_function,
    sum_squared_error,
)
from .util import col2im, im2col

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Pullback

# The book's scripts take all of these from this module's star.
__all__ = [
    "Affine",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "Pooling",
    "Relu",
    "Sigmoid",
    "SoftmaxWithLoss",
    "col2im",
    "cross_entropy_error",
    "identity_function",
    "im2col",
    "mean_squared_error",
    "np",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]


class _Shell:
    """Keeps the pullback of the last forward pass."""

    _pullback: Pullback | None = None
    _dtype: np.dtype[Any]

    def _pull(self, dout: Any, needs_input_grad: tuple[bool, ...]) -> Cotangents:
        if self._pullback is None:
            raise refuse(type(self).__name__ + ".backward", "forward must be called first")
        if not isinstance(dout, np.ndarray) or dout.dtype != self._dtype:
            dout = np.asarray(dout, dtype=self._dtype)
        return self._pullback(dout, needs_input_grad)


class Relu(_Shell):
    """``y = max(x, 0)``.

    Attributes
    ----------
    mask : ndarray of bool, shape of `x`
        Where the last input was 0 or less.

    Examples
    --------
    >>> layer = Relu()
    >>> layer.forward(np.array([[1.0, -0.5]])).tolist(), layer.mask.tolist()
    ([[1.0, 0.0]], [[False, True]])
    >>> layer.backward(np.array([[3.0, 3.0]])).tolist()
    [[3.0, 0.0]]
    """

    def __init__(self) -> None:
        self._x: Array | None = None

    @property
    def mask(self) -> Any:
        """Made when asked for: the pullback has its own."""
        return None if self._x is None else self._x <= 0

    def forward(self, x: Any) -> Array:
        """Return ``max(x, 0)`` in a new array."""
        self._x = x = as_float(x)
        y, pullback = functional.relu(x)
        self._pullback, self._dtype = pullback, y.dtype
        return y

    def backward(self, dout: Any) -> Any:
        """Return `dout` where `x` was positive, else 0, in a new array: `dout` is not written to."""
        return self._pull(dout, (True,))[0]


class Sigmoid(_Shell):
    """``y = 1 / (1 + exp(-x))``.

    Attributes
    ----------
    out : ndarray
        The last output.

    Examples
    --------
    >>> layer = Sigmoid()
    >>> layer.forward(np.array([0.0])).tolist(), layer.backward(np.array([4.0])).tolist()
    ([0.5], [1.0])
    """

    def __init__(self) -> None:
        self.out: Array | None = None

    def forward(self, x: Any) -> Array:
        """Return the logistic function of `x`."""
        y, pullback = functional.sigmoid(as_float(x))
        self._pullback, self._dtype = pullback, y.dtype
        self.out = y
        return y

    def backward(self, dout: Any) -> Any:
        """Return ``dout (1 - y) y``."""
        return self._pull(dout, (True,))[0]


class Affine(_Shell):
    """``y = x W + b``, each sample being taken as one row.

    Parameters
    ----------
    W : ndarray, shape (D_in, D_out)
    b : ndarray, shape (D_out,)
        Both are kept, not copied: updates in place reach the layer.

    Attributes
    ----------
    x : ndarray, shape (N, D_in)
        The last input, as rows.
    original_x_shape : tuple
    dW, db : ndarray
        The gradients of the last `backward`.

    Examples
    --------
    >>> layer = Affine(np.array([[1.0], [2.0]]), np.array([0.5]))
    >>> layer.forward(np.array([[3.0, 4.0]])).tolist()
    [[11.5]]
    >>> layer.backward(np.array([[1.0]])).tolist(), layer.dW.tolist(), layer.db.tolist()
    ([[1.0, 2.0]], [[3.0], [4.0]], [1.0])
    """

    def __init__(self, W: Array, b: Any) -> None:
        self.W = W
        self.b = b
        self.x: Array | None = None
        self.original_x_shape: tuple[int, ...] | None = None
        self.dW: Any = None
        self.db: Any = None

    def forward(self, x: Any) -> Array:
        """Return ``x W + b`` for `x` (N, *) of D_in numbers a sample."""
        x = as_float(x)
        self.original_x_shape = x.shape
        if x.ndim != 2:
            x = _rows("Affine", x)
        self.x = x
        W, b = self.W, _as_bias(self.b, self.W.shape[-1])
        if not x.dtype == W.dtype == b.dtype:
            x, W, b = same_dtype(x, W, b)
        y, pullback = functional.linear(x, W.T, b)
        self._pullback, self._dtype = pullback, y.dtype
        return y

    def backward(self, dout: Any) -> Any:
        """Return ``dout W^T`` in the shape of `x`; leave ``dW = x^T dout`` and ``db = sum of dout``."""
        dx = self._backward(dout, needs_dx=True)
        return None if dx is None or self.original_x_shape is None else dx.reshape(self.original_x_shape)

    def _backward(self, dout: Any, needs_dx: bool) -> Array | None:
        dx, dweight, self.db = self._pull(dout, (needs_dx, True, True))
        self.dW = None if dweight is None else dweight.T
        return dx


class SoftmaxWithLoss(_Shell):
    """Mean cross entropy of the softmax of scores.

    Attributes
    ----------
    loss : NumPy number
    y : ndarray, shape (N, C)
        The softmax of the last scores.
    t : ndarray, shape (N,) or (N, C)
        The last labels, as given.

    Notes
    -----
    The loss is taken from the scores (log-sum-exp), not from `y`: the book's ``log(y + 1e-7)`` is off by up
    to ``1e-7 / y`` for each sample and cannot exceed 16.1. One-hot rows may be any distribution.

    Examples
    --------
    >>> layer = SoftmaxWithLoss()
    >>> round(float(layer.forward(np.array([[0.0, 0.0]]), np.array([1]))), 6)
    0.693147
    >>> layer.backward().tolist(), layer.y.tolist()
    ([[0.5, -0.5]], [[0.5, 0.5]])
    """

    def __init__(self) -> None:
        self.loss: Any = None
        self.t: Any = None
        self._scores: Array | None = None

    @property
    def y(self) -> Any:
        """Made when asked for: the loss does not need it."""
        return None if self._scores is None else softmax(self._scores)

    def forward(self, x: Any, t: Any) -> Any:
        """Return the loss of scores `x` (N, C) for labels (N,) or one-hot rows (N, C)."""
        self._scores, self.t = as_float(x), t
        loss, pullback = softmax_cross_entropy("SoftmaxWithLoss.forward", self._scores, t)
        self._pullback, self._dtype = pullback, loss.dtype
        self.loss = loss
        return loss

    def backward(self, dout: Any = 1) -> Any:
        """Return ``dout (y - t) / N``."""
        return self._pull(dout, (True, False, False))[0]


class Dropout:
    """Sets a part of the numbers to 0 in training, and scales all of them at test time.

    Parameters
    ----------
    dropout_ratio : float in [0, 1]
        The probability of a 0.

    Attributes
    ----------
    mask : ndarray of bool
        What the last training pass let through.

    Raises
    ------
    ValueError
        The ratio is no probability.

    Notes
    -----
    Forward, training: ``y = x * mask`` with ``mask = np.random.rand(*x.shape) > dropout_ratio``; at test
    time ``y = x * (1 - dropout_ratio)``. (`functional.dropout` scales in training instead, and draws from a
    generator.)

    Backward: ``dx = dy * mask``, after a pass at test time ``dy * (1 - dropout_ratio)``.

    References
    ----------
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (JMLR 2014),
    sections 4 and 10: http://arxiv.org/abs/1207.0580 is the earlier report.

    Examples
    --------
    >>> Dropout(0.25).forward(np.array([4.0, 8.0]), train_flg=False).tolist()
    [3.0, 6.0]
    """

    def __init__(self, dropout_ratio: float = 0.5) -> None:
        self.dropout_ratio = check_number("Dropout", "dropout_ratio", dropout_ratio, minimum=0, maximum=1)
        self.mask: Any = None
        self._factor: Any = None

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        """Return `x` thinned out (training) or scaled (test)."""
        x = as_float(x)
        if train_flg:
            self.mask = self._factor = np.random.rand(*x.shape) > self.dropout_ratio
        else:
            self._factor = x.dtype.type(1.0 - self.dropout_ratio)
        return x * self._factor

    def backward(self, dout: Any) -> Any:
        """Return the cotangent, thinned out or scaled as the last forward pass was."""
        if self._factor is None:
            raise refuse("Dropout.backward", "forward must be called first")
        return as_float(dout) * self._factor


class BatchNormalization(_Shell):
    """Normalises each feature over the batch, then scales and shifts it.

    Parameters
    ----------
    gamma, beta : number or ndarray, shape (D,)
        Kept, not copied.
    momentum : float
        The weight of the *running* values in their update (PyTorch's is that of the new ones).
    running_mean, running_var : ndarray, shape (D,), optional
        Zeros if not given, made at the first pass.

    Attributes
    ----------
    input_shape : tuple
    batch_size : int
    running_mean, running_var : ndarray, shape (D,)
    dgamma, dbeta : ndarray, shape (D,)
        The gradients of the last `backward`.

    Notes
    -----
    Images (N, C, H, W) are taken as (N, C * H * W), each pixel being a feature of its own, as in the book.

    Forward: ``y = gamma (x - m) / sqrt(v + 1e-6) + beta`` with mean and (biased) variance over the batch in
    training, with the running ones at test time. A batch of one is allowed: then ``x - m = 0``, ``y = beta``.

    Backward: that of `functional.batch_norm`. For a batch of one `dx` and `dgamma` are 0.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift" (ICML 2015), algorithm 1: http://arxiv.org/abs/1502.03167

    Examples
    --------
    >>> layer = BatchNormalization(np.ones(1), np.zeros(1))
    >>> np.round(layer.forward(np.array([[1.0], [3.0]])), 3).tolist()
    [[-1.0], [1.0]]
    >>> np.round(layer.running_mean, 3).tolist()
    [0.2]
    """

    def __init__(
        self,
        gamma: Any,
        beta: Any,
        momentum: float = 0.9,
        running_mean: Array | None = None,
        running_var: Array | None = None,
    ) -> None:
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.input_shape: tuple[int, ...] | None = None
        self.running_mean = running_mean
        self.running_var = running_var
        self.batch_size: int | None = None
        self.dgamma: Any = None
        self.dbeta: Any = None

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        """Return `x` normalised; in training, update the running values (new arrays)."""
        x = as_float(x)
        self.input_shape = x.shape
        x = _rows("BatchNormalization", x)
        N, D = x.shape
        x, gamma, beta = same_dtype(x, _as_bias(self.gamma, D), _as_bias(self.beta, D))
        dtype = x.dtype
        if self.running_mean is None or self.running_var is None:
            self.running_mean, self.running_var = np.zeros(D, dtype), np.zeros(D, dtype)

        if train_flg:
            self.batch_size = N
            if N == 1:  # the core refuses it, as PyTorch does: the unbiased variance does not exist
                mean, var = x[0], np.zeros(D, dtype)
                y, pullback = _batch_of_one(x, beta)
            else:
                # With momentum 1 the core's new running values are the batch's own, the variance unbiased.
                zeros = np.zeros(D, dtype)
                y, pullback, batch = functional.batch_norm(
                    x, zeros, zeros, gamma, beta, training=True, momentum=1.0, eps=1e-6
                )
                mean, var = np.asarray(batch[0]), np.asarray(batch[1]) * ((N - 1) / N)
            new = 1 - self.momentum
            self.running_mean = self.momentum * self.running_mean + new * mean
            self.running_var = self.momentum * self.running_var + new * var
        else:
            mean, var = (np.asarray(s, dtype) for s in (self.running_mean, self.running_var))
            y, pullback, _ = functional.batch_norm(x, mean, var, gamma, beta, training=False, eps=1e-6)
        self._pullback, self._dtype = pullback, y.dtype
        return y.reshape(self.input_shape)

    def backward(self, dout: Any) -> Any:
        """Return the cotangent of `x`; leave `dgamma` and `dbeta`."""
        dy = _rows("BatchNormalization", as_float(dout))
        dx, _, _, self.dgamma, self.dbeta = self._pull(dy, (True, False, False, True, True))
        return None if dx is None or self.input_shape is None else dx.reshape(self.input_shape)


class Convolution(_Shell):
    """Cross-correlation of images with filters.

    Parameters
    ----------
    W : ndarray, shape (FN, C, FH, FW)
    b : number or ndarray, shape (FN,)
        Both are kept, not copied.
    stride, pad : int

    Attributes
    ----------
    x : ndarray, shape (N, C, H, W)
        The last input.
    dW, db : ndarray
        The gradients of the last `backward`.

    Notes
    -----
    Forward and backward: those of `functional.conv2d`.

    Examples
    --------
    >>> layer = Convolution(np.ones((1, 1, 2, 2)), np.zeros(1))
    >>> layer.forward(np.arange(6.0).reshape(1, 1, 2, 3)).tolist()
    [[[[8.0, 12.0]]]]
    >>> layer.backward(np.ones((1, 1, 1, 2))).tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    >>> layer.dW.tolist(), layer.db.tolist()
    ([[[[1.0, 3.0], [7.0, 9.0]]]], [2.0])
    """

    def __init__(self, W: Array, b: Any, stride: int = 1, pad: int = 0) -> None:
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.x: Array | None = None
        self.dW: Any = None
        self.db: Any = None

    def forward(self, x: Any) -> Array:
        """Return the feature maps (N, FN, H_out, W_out) of images (N, C, H, W)."""
        self.x = x = as_float(x)
        x, W, b = same_dtype(x, self.W, _as_bias(self.b, len(self.W)))
        y, pullback = functional.conv2d(x, W, b, stride=self.stride, padding=self.pad)
        self._pullback, self._dtype = pullback, y.dtype
        return y

    def backward(self, dout: Any) -> Any:
        """Return the cotangent of `x`; leave `dW` and `db`."""
        return self._backward(dout, needs_dx=True)

    def _backward(self, dout: Any, needs_dx: bool) -> Array | None:
        dx, self.dW, self.db = self._pull(dout, (needs_dx, True, True))
        return dx


class Pooling(_Shell):
    """The largest number of each window.

    Parameters
    ----------
    pool_h, pool_w : int
    stride : int
        2 unless given, whatever the window's size.
    pad : int
        At most half the window. The border is minus infinity and never wins.

    Attributes
    ----------
    x : ndarray, shape (N, C, H, W)
        The last input.

    Notes
    -----
    Forward and backward: those of `functional.max_pool2d`; of equal numbers the first wins.

    Examples
    --------
    >>> layer = Pooling(2, 2)
    >>> layer.forward(np.arange(8.0).reshape(1, 1, 2, 4)).tolist()
    [[[[5.0, 7.0]]]]
    >>> layer.backward(np.ones((1, 1, 1, 2))).tolist()
    [[[[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]]]
    """

    def __init__(self, pool_h: int, pool_w: int, stride: int = 2, pad: int = 0) -> None:
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x: Array | None = None

    def forward(self, x: Any) -> Array:
        """Return the maxima (N, C, H_out, W_out) of images (N, C, H, W)."""
        self.x = x = as_float(x)
        y, pullback = functional.max_pool2d(
            x, (self.pool_h, self.pool_w), stride=self.stride, padding=self.pad
        )
        self._pullback, self._dtype = pullback, y.dtype
        return y

    def backward(self, dout: Any) -> Any:
        """Return each cotangent at the place where its maximum was."""
        return self._pull(dout, (True,))[0]


def _rows(layer: str, x: Array) -> Array:
    if x.ndim == 0:
        raise refuse(layer + ".forward", "x must be (N, *): a batch of samples", x=x)
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def _as_bias(b: Any, size: int) -> Array:
    """Return one number as often as there are outputs: the book adds whatever broadcasts, also a plain 0."""
    if isinstance(b, np.ndarray) and b.shape == (size,):
        return b
    return np.broadcast_to(as_float(b), (size,))


def _batch_of_one(x: Array, beta: Array) -> tuple[Array, Pullback]:
    """Return what the normalisation of one sample is: `beta`, whatever `x`."""

    def pullback(dy: Array, _needs_input_grad: tuple[bool, ...]) -> Cotangents:
        return np.zeros_like(x), None, None, np.zeros_like(beta), dy[0].copy()

    return np.array(np.broadcast_to(beta, x.shape)), pullback
