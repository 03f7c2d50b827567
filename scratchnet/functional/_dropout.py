"""Dropout: leave out elements at random."""

from __future__ import annotations

import numpy as np

from .._check import check_cotangent, check_float_array, check_generator, check_number
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
    p = check_number("dropout", "p", p, minimum=0, maximum=1)
    generator = check_generator("dropout", generator)
    shape, dtype = x.shape, x.dtype
    if not training or p == 0:

        def identity_pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
            dy = check_cotangent("dropout", dy, shape, dtype)
            return (dy.copy() if needs_input_grad[0] else None,)

        return x.copy(), identity_pullback

    kept = np.asarray(generator.random(shape, dtype=np.float32) >= np.float32(p))
    factors = kept * dtype.type(1 / (1 - p) if p < 1 else 0)

    def pullback(dy: Array, needs_input_grad: tuple[bool] = (True,)) -> Cotangents:
        dy = check_cotangent("dropout", dy, shape, dtype)
        return (_product(dy, factors) if needs_input_grad[0] else None,)

    return _product(x, factors), pullback


def _product(x: Array, factors: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # an infinity times 0 is NaN
        return np.asarray(x * factors)
