"""Dropout: leave out elements, or whole channels, at random."""

from __future__ import annotations

import math

import numpy as np

from .._check import check_cotangent, check_float_array, check_generator, check_number, refuse
from .._types import Array, Cotangents, Pullback


def dropout(
    x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each element to zero with probability `p`, and scale the others so that the mean stays.

    Parameters
    ----------
    x : ndarray, any shape
    p : float in [0, 1], default 0.5
        The probability of an element to be dropped.
    training : bool, default True
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each element,
        whatever the dtype of `x`, and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1].

    Notes
    -----
    Forward: ``y = x m / (1 - p)``, where the elements of the mask m are independently 0 with probability p
    and 1 otherwise; zeros for p = 1.

    Backward: ``dx = dy m / (1 - p)``.

    What is dropped is multiplied by 0, as in PyTorch: a dropped infinity or NaN becomes NaN, forward and
    backward.

    References
    ----------
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (JMLR 15, 2014),
    section 10 (scaling at training time).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = dropout(np.ones(6), p=0.5, generator=np.random.default_rng(0))
    >>> y.tolist()
    [2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    >>> pullback(np.full(6, 10.0))[0].tolist()
    [20.0, 20.0, 20.0, 0.0, 0.0, 0.0]
    >>> dropout(np.ones(3), training=False)[0].tolist()
    [1.0, 1.0, 1.0]
    """
    check_float_array("dropout", "x", x)
    return _dropout("dropout", x, p, training, generator, x.shape)


def dropout1d(
    x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each channel of each sample to zero with probability `p`, and scale the others.

    Parameters
    ----------
    x : ndarray, shape (N, C, L) or (C, L)
    p : float in [0, 1], default 0.5
        The probability of a channel to be dropped.
    training : bool, default True
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each channel of
        each sample, and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1], or `x` is not (N, C, L) or (C, L).

    Notes
    -----
    Forward: ``y[n, c] = x[n, c] m[n, c] / (1 - p)``, where the m are independently 0 with probability p and
    1 otherwise; zeros for p = 1.

    Backward: ``dx[n, c] = dy[n, c] m[n, c] / (1 - p)``.

    Of `x` without a batch, each of its C rows is a channel.
    What is dropped is multiplied by 0: an infinity or NaN becomes NaN.

    References
    ----------
    Tompson et al., "Efficient Object Localization Using Convolutional Networks" (CVPR 2015), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = dropout1d(np.ones((1, 4, 2)), 0.5, generator=np.random.default_rng(0))
    >>> y[0].tolist()
    [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]
    >>> bool((pullback(np.ones((1, 4, 2)))[0] == y).all())
    True
    """
    check_float_array("dropout1d", "x", x)
    if x.ndim not in (2, 3):
        raise refuse("dropout1d", "x must be (N, C, L) or (C, L)", x=x)
    return _dropout("dropout1d", x, p, training, generator, (*x.shape[:-1], 1))


def dropout2d(
    x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each channel of each sample to zero with probability `p`, and scale the others.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W), or (N, C, *) with any number of axes behind
    p : float in [0, 1], default 0.5
        The probability of a channel to be dropped.
    training : bool, default True
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each channel of
        each sample, and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1], or `x` has fewer than two axes where something can be dropped.

    Notes
    -----
    Forward: ``y[n, c] = x[n, c] m[n, c] / (1 - p)``, where the m are independently 0 with probability p and
    1 otherwise; zeros for p = 1.

    Backward: ``dx[n, c] = dy[n, c] m[n, c] / (1 - p)``.

    Three axes are taken for a batch of sequences (N, C, L) and not for one image without a batch, as in
    PyTorch; two axes are dropped element by element.
    What is dropped is multiplied by 0: an infinity or NaN becomes NaN.

    References
    ----------
    Tompson et al., "Efficient Object Localization Using Convolutional Networks" (CVPR 2015), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = dropout2d(np.ones((1, 4, 1, 2)), 0.5, generator=np.random.default_rng(0))
    >>> y[0, :, 0].tolist()
    [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]
    >>> bool((pullback(np.ones((1, 4, 1, 2)))[0] == y).all())
    True
    """
    check_float_array("dropout2d", "x", x)
    if x.ndim < 2 and training and p != 0 and x.size:
        raise refuse("dropout2d", "x must be (N, C, H, W), or have at least two axes (N, C, *)", x=x)
    return _dropout("dropout2d", x, p, training, generator, _channels(x.shape, batched=True))


def dropout3d(
    x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each channel of each sample to zero with probability `p`, and scale the others.

    Parameters
    ----------
    x : ndarray, shape (N, C, D, H, W) or (C, D, H, W), or (C, *) with any other number of axes
    p : float in [0, 1], default 0.5
        The probability of a channel to be dropped.
    training : bool, default True
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each channel of
        each sample, and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1], or `x` has no axis where something can be dropped.

    Notes
    -----
    Forward: ``y[n, c] = x[n, c] m[n, c] / (1 - p)``, where the m are independently 0 with probability p and
    1 otherwise; zeros for p = 1.

    Backward: ``dx[n, c] = dy[n, c] m[n, c] / (1 - p)``.

    All but five axes are one sample without a batch, whose first axis are the channels, as in PyTorch, which
    warns of other ranks than four and five.
    What is dropped is multiplied by 0: an infinity or NaN becomes NaN.

    References
    ----------
    Tompson et al., "Efficient Object Localization Using Convolutional Networks" (CVPR 2015), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = dropout3d(np.ones((1, 4, 1, 1, 2)), 0.5, generator=np.random.default_rng(0))
    >>> y[0, :, 0, 0].tolist()
    [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]
    >>> bool((pullback(np.ones((1, 4, 1, 1, 2)))[0] == y).all())
    True
    """
    check_float_array("dropout3d", "x", x)
    if x.ndim == 0 and training and p != 0:
        raise refuse("dropout3d", "x must be (N, C, D, H, W), or have at least one axis (C, *)", x=x)
    mask = _channels(x.shape, batched=x.ndim == 5)
    return _dropout("dropout3d", x, p, training, generator, mask)


def alpha_dropout(
    x: Array, p: float = 0.5, training: bool = False, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each element to SELU's limit with probability `p`, keeping mean and variance.

    Parameters
    ----------
    x : ndarray, shape any shape
    p : float in [0, 1], default 0.5
        The probability to be dropped.
    training : bool, default False
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each element,
        and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1].

    Notes
    -----
    Forward: ``y = a (x m + s (1 - m)) - a p s``, where the m are independently 0 with probability p and 1
    otherwise, ``s = -1.7580993`` is the limit of SELU at minus infinity and
    ``a = ((1 - p) (1 + p s^2))^(-1/2)``, so that inputs of mean 0 and variance 1 keep both; zeros for p = 1.

    Backward: ``dx = a dy m``.

    What is dropped is multiplied by 0, as in PyTorch: an infinity or NaN becomes NaN.

    References
    ----------
    Klambauer et al., "Self-Normalizing Neural Networks" (NeurIPS 2017), section "New Dropout Technique".

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = alpha_dropout(np.ones((1, 4)), training=True, generator=np.random.default_rng(0))
    >>> y.round(4).tolist()
    [[1.6656, 1.6656, 1.6656, -0.7792]]
    >>> pullback(np.ones((1, 4)))[0].round(4).tolist()
    [[0.8864, 0.8864, 0.8864, 0.0]]
    """
    check_float_array("alpha_dropout", "x", x)
    p = check_number("alpha_dropout", "p", p, minimum=0, maximum=1)
    generator = check_generator("alpha_dropout", generator)
    return _alpha_dropout("alpha_dropout", x, p if training else 0.0, generator, x.shape)


def feature_alpha_dropout(
    x: Array, p: float = 0.5, training: bool = False, generator: np.random.Generator | None = None
) -> tuple[Array, Pullback]:
    """Set each channel of each sample to SELU's limit with probability `p`, keeping mean and variance.

    Parameters
    ----------
    x : ndarray, shape (N, C, *), or (*) where nothing can be dropped
    p : float in [0, 1], default 0.5
        The probability to be dropped.
    training : bool, default False
        False drops nothing: `y` is a copy of `x`.
    generator : numpy.random.Generator, optional
        The source of the mask; a freshly seeded one by default. One float32 is drawn for each channel of
        each sample,
        and none where nothing can be dropped.

    Returns
    -------
    y : ndarray, shape and dtype of `x`
    pullback : callable
        ``pullback(dy, needs_input_grad=(True,)) -> (dx,)``, with the mask of the forward pass.

    Raises
    ------
    TypeError
        `x` is not an array of floats, `p` not a number or `generator` not a ``numpy.random.Generator``.
    ValueError
        `p` is not in [0, 1].
        `x` has fewer than two axes (and elements, and something can be dropped).

    Notes
    -----
    Forward: ``y = a (x m + s (1 - m)) - a p s``, where the m are independently 0 with probability p and 1
    otherwise, ``s = -1.7580993`` is the limit of SELU at minus infinity and
    ``a = ((1 - p) (1 + p s^2))^(-1/2)``, so that inputs of mean 0 and variance 1 keep both; zeros for p = 1.

    Backward: ``dx = a dy m``.

    What is dropped is multiplied by 0, as in PyTorch: an infinity or NaN becomes NaN.

    References
    ----------
    Klambauer et al., "Self-Normalizing Neural Networks" (NeurIPS 2017), section "New Dropout Technique".

    Examples
    --------
    >>> import numpy as np
    >>> seeded = np.random.default_rng(0)
    >>> y, pullback = feature_alpha_dropout(np.ones((1, 4)), training=True, generator=seeded)
    >>> y.round(4).tolist()
    [[1.6656, 1.6656, 1.6656, -0.7792]]
    >>> pullback(np.ones((1, 4)))[0].round(4).tolist()
    [[0.8864, 0.8864, 0.8864, 0.0]]
    """
    check_float_array("feature_alpha_dropout", "x", x)
    p = check_number("feature_alpha_dropout", "p", p, minimum=0, maximum=1)
    generator = check_generator("feature_alpha_dropout", generator)
    if not training or p == 0 or x.size == 0:
        return _unchanged("feature_alpha_dropout", x)
    if x.ndim < 2:
        raise refuse("feature_alpha_dropout", "x must have at least two axes (N, C, *)", x=x)
    return _alpha_dropout("feature_alpha_dropout", x, p, generator, _channels(x.shape, batched=True))


_SELU_LIMIT = -1.7580993408473766  # minus SELU's scale times its alpha


def _channels(shape: tuple[int, ...], *, batched: bool) -> tuple[int, ...]:
    """Return the shape of one number for each channel, of each sample where there is a batch."""
    lead = 2 if batched else 1
    return (*shape[:lead], *(1,) * (len(shape) - lead))


def _dropout(
    name: str,
    x: Array,
    p: float,
    training: bool,
    generator: np.random.Generator | None,
    mask_shape: tuple[int, ...],
) -> tuple[Array, Pullback]:
    """Drop by a mask of `mask_shape`, which is broadcast."""
    p = check_number(name, "p", p, minimum=0, maximum=1)
    generator = check_generator(name, generator)
    if not training or p == 0:
        return _unchanged(name, x)
    factors = _draw(generator, mask_shape, p) * x.dtype.type(1 / (1 - p) if p < 1 else 0)
    return _product(x, factors), _masked_pullback(name, x, factors)


def _alpha_dropout(
    name: str, x: Array, p: float, generator: np.random.Generator, mask_shape: tuple[int, ...]
) -> tuple[Array, Pullback]:
    if p == 0:
        return _unchanged(name, x)
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SELU_LIMIT**2)) if p < 1 else 0.0
    kept, number = _draw(generator, mask_shape, p), x.dtype.type
    factors = kept * number(scale)
    y = _product(x, factors)
    # What is kept is moved by -a p s, what is dropped to a s - a p s.
    y += np.where(kept, number(-scale * p * _SELU_LIMIT), number(scale * (1 - p) * _SELU_LIMIT))
    return y, _masked_pullback(name, x, factors)


def _draw(generator: np.random.Generator, shape: tuple[int, ...], p: float) -> Array:
    """Return which are kept."""
    return np.asarray(generator.random(shape, dtype=np.float32) >= np.float32(p))


def _unchanged(name: str, x: Array) -> tuple[Array, Pullback]:
    shape, dtype = x.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(name, dy, shape, dtype)
        return (dy.copy() if needs_input_grad[0] else None,)

    return x.copy(), pullback


def _masked_pullback(name: str, x: Array, factors: Array) -> Pullback:
    shape, dtype = x.shape, x.dtype

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent(name, dy, shape, dtype)
        return (_product(dy, factors) if needs_input_grad[0] else None,)

    return pullback


def _product(x: Array, factors: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # an infinity times 0 is NaN
        return np.asarray(x * factors)
