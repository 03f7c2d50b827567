"""Negative log-likelihoods of other distributions than the categorical one, and the divergence of two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_float_array, check_float_arrays, check_number, refuse
from ._activation import sigmoid
from ._activation_smooth import logsigmoid
from ._loss_reduction import (
    check_deprecated,
    check_fits,
    check_reduction,
    common_shape,
    read_target,
    reduced,
)

if TYPE_CHECKING:
    from .._types import Array, Pullback, Scalar

# PyTorch's constant, which has the digits of float32.
_SMALLEST_VARIANCE = float(np.float32(1e-12))


def poisson_nll_loss(
    x: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    size_average: None = None,
    eps: float = 1e-8,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Negative log-likelihood of counts under a Poisson distribution.

    Parameters
    ----------
    x : ndarray, any shape
        The logarithm of the distribution's mean, or the mean itself where `log_input` is False.
    target : ndarray, shape of `x`
        Counts: of the dtype of `x`, or integers. Another shape is broadcast, as in PyTorch.
    log_input : bool, default True
        What `x` is.
    full : bool, default False
        Whether to add Stirling's approximation of log(target!), where the target is above 1.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    eps : float, default 1e-8
        Added to the mean before its logarithm is taken; not used with `log_input`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, dtarget)``; a target of integers has no
        derivative.

    Raises
    ------
    TypeError
        An argument is not an array of floats (or integers, for the target), or the dtypes differ.
    ValueError
        The shapes do not broadcast, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = exp(x) - t x``, or ``l = x - t log(x + eps)`` without `log_input`. `full` adds
    ``t log t - t + log(2 pi t) / 2`` where t > 1.

    Backward: ``dx = (exp(x) - t) dl``, or ``(1 - t / (x + eps)) dl``; ``dt = -x dl``, or
    ``-log(x + eps) dl``; `full` adds ``(log t + 1 / (2 t)) dl`` to it where t > 1. ``dl`` is dy, or dy by the
    number of elements for the mean.

    With `full`, dt is NaN for targets of 0 and below, as in PyTorch, which multiplies an infinite slope by 0.
    The mean of nothing is NaN.

    References
    ----------
    McCullagh and Nelder, "Generalized Linear Models" (2nd edition, 1989), section 6.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = poisson_nll_loss(np.zeros(2), np.array([1, 3]))
    >>> float(y)
    1.0
    >>> pullback()[0].tolist()
    [0.0, -1.0]
    """
    check_deprecated("poisson_nll_loss", size_average, reduce)
    check_float_array("poisson_nll_loss", "x", x)
    counts, has_derivative = read_target("poisson_nll_loss", x, target)
    common_shape("poisson_nll_loss", x=x, target=target)
    eps = check_number("poisson_nll_loss", "eps", eps)
    check_reduction("poisson_nll_loss", reduction)
    number = x.dtype.type
    one, half = number(1), number(0.5)
    with np.errstate(all="ignore"):
        if log_input:
            logarithm, mean = x, np.asarray(np.exp(x))
        else:
            logarithm, mean = np.asarray(np.log(x + number(eps))), x
        losses = np.asarray(mean - counts * logarithm)
        if full:
            # Two logarithms, not one of the power: t^t overflows at 26 in float32.
            stirling = counts * np.log(counts) - counts + half * np.log(number(2 * math.pi) * counts)
            losses = np.asarray(losses + np.where(counts > 1, stirling, number(0)))

    def by_x(dlosses: Array) -> Any:
        if log_input:
            return dlosses * mean - dlosses * counts
        return dlosses * (one - counts / (x + number(eps)))

    def by_target(dlosses: Array) -> Any:
        slopes = -logarithm
        if full:
            counted = (counts > 1).astype(x.dtype)
            # t / t - 1 is 0, or NaN where t is 0 or infinite.
            slopes = slopes + counted * (np.log(counts) + (counts / counts - one) + half / counts)
        return dlosses * slopes

    return reduced(
        "poisson_nll_loss", losses, reduction, (x, counts), (by_x, by_target if has_derivative else None)
    )


def gaussian_nll_loss(
    x: Array,
    target: Array,
    var: Array | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Negative log-likelihood of samples under normal distributions with these means and variances.

    Parameters
    ----------
    x : ndarray, shape (N, *) or (*)
        Means.
    target : ndarray, shape of `x`
        Samples: of the dtype of `x`, or integers. Another shape is broadcast, as in PyTorch.
    var : ndarray, shape of `x`, or with one side of 1 instead, or without the last side; or float
        Variances, none of them negative.
    full : bool, default False
        Whether to add the constant ``log(2 pi) / 2``.
    eps : float, default 1e-6
        Smaller variances are taken to be this one.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, dvar)``; a target of integers
        and a variance that is a float have no derivative.

    Raises
    ------
    TypeError
        `x` or `var` is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit, a variance is negative, or `reduction` is not one of the three.

    Notes
    -----
    Forward: ``l = (log v + (x - t)^2 / v) / 2`` with ``v = max(var, eps)``.

    Backward: ``dx = dl (x - t) / v``, ``dt = -dx``, ``dvar = dl (1 - (x - t)^2 / v) / (2 v)``, where ``dl``
    is dy, or dy by the number of elements for the mean.

    A variance below `eps` has the derivative it would have at `eps`, as in PyTorch: otherwise it would stay
    there for ever. The mean of nothing is NaN.

    References
    ----------
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution" (1994).

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = gaussian_nll_loss(np.array([1.0, 2.0]), np.array([0.0, 2.0]), np.ones(2))
    >>> float(y)
    0.25
    >>> dx, _, dvar = pullback()
    >>> dx.tolist(), dvar.tolist()
    ([0.5, 0.0], [0.0, 0.25])
    """
    check_float_array("gaussian_nll_loss", "x", x)
    samples, has_derivative = read_target("gaussian_nll_loss", x, target)
    number = x.dtype.type
    given: Array | None = None
    if isinstance(var, float):
        variance = np.full(x.shape, check_number("gaussian_nll_loss", "var", var, minimum=0), x.dtype)
    else:
        check_float_arrays("gaussian_nll_loss", "x", x, var=var)
        given, variance = var, _fitted_variance(x, var)
        if (var < 0).any():
            raise refuse("gaussian_nll_loss", "no variance may be negative", smallest=float(np.nanmin(var)))
    common_shape("gaussian_nll_loss", x=x, target=target, var=variance)
    eps = check_number("gaussian_nll_loss", "eps", eps)
    check_reduction("gaussian_nll_loss", reduction)
    half, one = number(0.5), number(1)
    with np.errstate(all="ignore"):
        variance = np.asarray(np.maximum(variance, number(eps)))
        errors = np.asarray(x - samples)
        losses = np.asarray(half * (np.log(variance) + errors * errors / variance))
        if full:
            losses = np.asarray(losses + number(0.5 * math.log(2 * math.pi)))

    def by_x(dlosses: Array) -> Any:
        return dlosses * (errors / variance)

    def by_target(dlosses: Array) -> Any:
        return -(dlosses * (errors / variance))

    def by_variance(dlosses: Array) -> Any:
        return dlosses * (half * (one / variance - errors * errors / variance / variance))

    y, pullback = reduced(
        "gaussian_nll_loss",
        losses,
        reduction,
        (x, samples, None if given is None else variance),
        (by_x, by_target if has_derivative else None, by_variance),
    )
    if given is None or given.shape == variance.shape:
        return y, pullback

    def with_the_variances_shape(
        dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool, bool] = (True, True, True)
    ) -> tuple[Array | None, ...]:
        dx, dtarget, dvar = pullback(dy, needs_input_grad)
        return dx, dtarget, None if dvar is None else dvar.reshape(given.shape)

    return y, with_the_variances_shape


def _fitted_variance(x: Array, var: Array) -> Array:
    """Return `var` with the side of 1 that it takes to broadcast."""
    if var.shape == x.shape:
        return var
    if var.shape == x.shape[:-1]:
        return var[..., None]
    if any(var.shape == (*x.shape[:axis], 1, *x.shape[axis + 1 :]) for axis in range(x.ndim)):
        return var
    raise refuse(
        "gaussian_nll_loss",
        "var must have the shape of x, or it with one side of 1, or it without the last side",
        var=var,
        x=x,
    )


def kl_div(
    x: Array,
    target: Array,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> tuple[Array | Scalar, Pullback]:
    """Kullback-Leibler divergence of a distribution from the one that is predicted, term by term.

    Parameters
    ----------
    x : ndarray, any shape
        Log-probabilities that are predicted.
    target : ndarray, shape and dtype of `x`
        Probabilities, or their logarithms with `log_target`. Another shape is broadcast, as in PyTorch.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'batchmean', 'sum', 'none'}, default 'mean'
        'batchmean' divides the sum by the number of samples (the first side of `x`), which gives the
        divergence; 'mean' by the number of elements.
    log_target : bool, default False
        Whether `target` holds logarithms.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of the arguments' common shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True)) -> (dx, dtarget)``.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not broadcast, `reduction` is not one of the four, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = t log t - t x``, with 0 for ``0 log 0``; with `log_target` ``l = exp(t) (t - x)``.

    Backward: ``dx = -t dl`` and ``dt = (log t + 1 - x) dl``; with `log_target` ``dx = -exp(t) dl`` and
    ``dt = (exp(t) (t - x) + exp(t)) dl``. ``dl`` is dy, or dy by what the mean divides by.

    At t = 0, dt is NaN as in PyTorch, though the derivative is minus infinity; and a probability of 0 for
    what x says is impossible gives NaN, 0 times infinity. The mean of nothing is NaN.

    References
    ----------
    Kullback and Leibler, "On Information and Sufficiency" (1951), equation 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> x, target = np.log(np.array([[0.5, 0.5]])), np.array([[1.0, 0.0]])
    >>> y, pullback = kl_div(x, target, reduction="batchmean")
    >>> round(float(y), 4)
    0.6931
    >>> pullback(needs_input_grad=(True, False))[0].tolist()
    [[-1.0, -0.0]]
    """
    check_deprecated("kl_div", size_average, reduce)
    check_float_arrays("kl_div", "x", x, target=target)
    common_shape("kl_div", x=x, target=target)
    check_reduction("kl_div", reduction, ("none", "mean", "sum", "batchmean"))
    number = x.dtype.type
    with np.errstate(all="ignore"):
        if log_target:
            probabilities, logarithms = np.asarray(np.exp(target)), target
            losses = np.asarray(probabilities * (logarithms - x))
        else:
            probabilities, logarithms = target, np.asarray(np.log(target))
            losses = np.asarray(np.where(target == 0, number(0), target * logarithms) - target * x)
    divisor: Scalar | None = None
    if reduction == "batchmean":
        reduction, divisor = "mean", number(x.shape[0] if x.ndim else 1)

    def by_x(dlosses: Array) -> Any:
        return -(dlosses * probabilities)

    def by_target(dlosses: Array) -> Any:
        if log_target:
            # The cotangent first, as it may be small enough for a probability that overflows.
            return dlosses * (logarithms - x) * probabilities + dlosses * probabilities
        return dlosses * (logarithms + target / target - x)

    return reduced("kl_div", losses, reduction, (x, target), (by_x, by_target), divisor)


def binary_cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> tuple[Array | Scalar, Pullback]:
    """Cross entropy between probabilities of yes and what they should be.

    From logits, `binary_cross_entropy_with_logits` is more accurate.

    Parameters
    ----------
    x : ndarray, any shape
        Probabilities, in [0, 1].
    target : ndarray, shape and dtype of `x`
        What they should be, in [0, 1].
    weight : ndarray that broadcasts to the shape of `x`, optional
        How much each element counts; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements, whatever the weights.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of its shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True)) -> (dx, dtarget, None)``: `weight` has no
        derivative here, as in PyTorch.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit, an element of `x` or `target` lies outside [0, 1], `reduction` is not one of
        the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = -w (t log x + (1 - t) log(1 - x))``, where no logarithm is taken to be less than -100: a
    prediction that is certain and wrong costs 100.

    Backward: ``dx = w dl (x - t) / max(x (1 - x), 1e-12)`` and ``dt = w dl log((1 - x) / x)``, which is
    infinite for an x of 0 or 1. ``dl`` is dy, or dy by the number of elements for the mean.

    The mean of nothing is NaN.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equation 4.90.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none")
    >>> y.round(4).tolist()
    [0.6931, 100.0]
    >>> pullback(np.array([1.0, 0.0]), needs_input_grad=(True, False, False))[0].tolist()
    [-2.0, -0.0]
    """
    function = "binary_cross_entropy"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "x", x, target=target, weight=weight)
    if target.shape != x.shape:
        raise refuse(function, "target must have the shape of x", target=target, x=x)
    if weight is not None:
        check_fits(function, "weight", weight, x)
    check_reduction(function, reduction)
    _check_probabilities(function, "x", x)
    _check_probabilities(function, "target", target)
    number = x.dtype.type
    one, least = number(1), number(-100)
    factor = one if weight is None else weight
    with np.errstate(all="ignore"):
        log_x, log_rest = np.log(x), np.log1p(-x)
        losses = (target - one) * np.maximum(log_rest, least) - target * np.maximum(log_x, least)
        losses = np.asarray(losses * factor)

    def by_x(dlosses: Array) -> Any:
        variances = np.maximum((one - x) * x, number(_SMALLEST_VARIANCE))
        return dlosses * (x - target) / variances * factor

    def by_target(dlosses: Array) -> Any:
        return dlosses * (log_rest - log_x) * factor

    return reduced(function, losses, reduction, (x, target, weight), (by_x, by_target, None))


def _check_probabilities(function: str, name: str, array: Array) -> None:
    inside = (array >= 0) & (array <= 1)  # false for NaN
    if not inside.all():
        where = np.unravel_index(int(np.argmin(inside)), array.shape)
        place = f"[{', '.join(str(int(i)) for i in where)}]" if where else ""
        raise refuse(
            function, f"every element of {name} must lie in [0, 1]", **{f"{name}{place}": float(array[where])}
        )


def binary_cross_entropy_with_logits(
    x: Array,
    target: Array,
    weight: Array | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> tuple[Array | Scalar, Pullback]:
    """Cross entropy between logits of yes, of which the sigmoid is taken here, and probabilities.

    Parameters
    ----------
    x : ndarray, any shape
        Logits.
    target : ndarray, shape and dtype of `x`
        Probabilities that they should have; they may lie outside [0, 1], as in PyTorch.
    weight : ndarray that broadcasts to the shape of `x`, optional
        How much each element counts; 1 by default.
    size_average, reduce : None
        At PyTorch's places; anything but None is refused. Use `reduction`.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides the sum by the number of elements, whatever the weights.
    pos_weight : ndarray that broadcasts to the shape of `x`, optional
        How much a yes counts beside a no, such as one number for each class.

    Returns
    -------
    y : float of the dtype of `x`, or ndarray of its shape for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True, True)) -> (dx, dtarget, None, None)``: the
        weights have no derivative here, as in PyTorch.

    Raises
    ------
    TypeError
        An argument is not an array of floats, or the dtypes differ.
    ValueError
        The shapes do not fit, `reduction` is not one of the three, or a deprecated argument is given.

    Notes
    -----
    Forward: ``l = w ((1 - t) x - (1 + (p - 1) t) log sigmoid(x))`` with the positive weight p, which is
    ``-w (p t log sigmoid(x) + (1 - t) log(1 - sigmoid(x)))``.

    Backward: ``dx = w dl ((p t + 1 - t) sigmoid(x) - p t)`` and
    ``dt = w dl (log sigmoid(-x) - p log sigmoid(x))``, where ``dl`` is dy, or dy by the number of elements
    for the mean.

    A logit of minus infinity, and one of infinity where the target is 1, give NaN, infinity less infinity.
    The mean of nothing is NaN.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), equations 4.90 and 4.91.

    Examples
    --------
    >>> import numpy as np
    >>> y, pullback = binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    >>> round(float(y), 4)  # log(2) / 2
    0.3466
    >>> pullback()[0].tolist()
    [-0.25, 0.0]
    """
    function = "binary_cross_entropy_with_logits"
    check_deprecated(function, size_average, reduce)
    check_float_arrays(function, "x", x, target=target, weight=weight, pos_weight=pos_weight)
    if target.shape != x.shape:
        raise refuse(function, "target must have the shape of x", target=target, x=x)
    for name, array in (("weight", weight), ("pos_weight", pos_weight)):
        if array is not None:
            check_fits(function, name, array, x)
    check_reduction(function, reduction)
    number = x.dtype.type
    one = number(1)
    factor = one if weight is None else weight
    with np.errstate(all="ignore"):
        log_yes = logsigmoid(x)[0]
        yes_and_no = one if pos_weight is None else (pos_weight - one) * target + one
        losses = np.asarray(((one - target) * x - yes_and_no * log_yes) * factor)
        positive = target if pos_weight is None else pos_weight * target

    def by_x(dlosses: Array) -> Any:
        return dlosses * ((positive + one - target) * sigmoid(x)[0] - positive) * factor

    def by_target(dlosses: Array) -> Any:
        slopes = -x if pos_weight is None else logsigmoid(np.asarray(-x))[0] - pos_weight * log_yes
        return dlosses * slopes * factor

    return reduced(
        function, losses, reduction, (x, target, weight, pos_weight), (by_x, by_target, None, None)
    )
