"""Derivatives along a direction: what is evaluated where, and how far the result can be trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._check import check_option, refuse
from ._estimate import Estimate, OneSided, extrapolate
from ._probe import Along, Entry, Probe, check_scale, complex_dtype, step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike

    from .._types import Array

    Method = Literal["richardson", "central", "complex"]

_LEVELS = {"richardson": 3, "central": 1}
"""Steps of a central difference; m of them leave an error of h^(2m), best against eps/h at eps^(1/(2m+1))."""

_NOISE = 4.0
"""Roundings that one evaluation of f is taken to be off by. Measured on 11,000 derivatives of polynomials,
exp, sin, log, rational functions and small networks in float64: with 4 no error exceeded its estimate, with 1
ten did, by a factor of 2."""

_SIDE_LEVELS = 4
"""Steps of a one-sided difference: an error of h^4, best against eps/h at eps^(1/5)."""


def directional_derivative(
    f: Callable[..., Any],
    args: Any,
    direction: Any,
    *,
    method: Method = "richardson",
    scale: float | None = None,
    dtype: DTypeLike | None = None,
) -> Estimate:
    r"""Derivative of any function of arrays along a direction in all its arguments.

    Parameters
    ----------
    f : callable
        Called as ``f(*args)`` on fresh copies, so it may write to them; returns an array, a number, or a
        (nested) tuple of such. The same arguments must give the same result: a `numpy.random.Generator`
        among `args` is copied before each call, which replays its draws.
    args : tuple, or one argument
        Floating arrays (any shape, layout and float dtype) and Python floats are what can be moved;
        whatever else stands here (integers, options, None) is handed on as it is.
    direction : tuple, or one slot for one argument
        One floating array of its argument's shape for each of `args`, None to hold it fixed.
    method : {'richardson', 'central', 'complex'}
        Central differences at three steps and Richardson extrapolation, six evaluations and an error
        estimate; one central difference, two evaluations, error unknown; or :func:`complex_step`.
    scale : float, optional
        The length over which `f` is smooth, to which the step is in proportion. None takes 1 or the largest
        ``abs(x)`` that moves, whichever is larger. The complex step needs none.
    dtype : float dtype, optional
        Evaluate in this dtype (numpy.float64, numpy.longdouble); None leaves each argument as it is.

    Returns
    -------
    Estimate
        ``value`` and ``error`` in the structure of what `f` returns, None for outputs that are not floating.

    Raises
    ------
    TypeError
        No argument is floating, an argument is complex or a list, or `f` returns nothing floating.
    ValueError
        `direction` does not fit `args`, `f` changes the shape of its result, or an option is unknown.

    Notes
    -----
    .. math:: D(h) = \frac{f(x + hu) - f(x - hu)}{2h}
       = \partial_u f + c_2 h^2 + c_4 h^4 + \dots

    .. math:: R(h) = \frac{4 D(h/2) - D(h)}{3}, \qquad
       \partial_u f \approx \frac{16 R(h/2) - R(h)}{15} \quad (\text{error } h^6)

    Step: :math:`\varepsilon^{1/(2m+1)}\, \mathrm{scale} / \|u\|` for m steps, which balances the truncation
    :math:`h^{2m}` with the rounding :math:`\varepsilon/h`: the exponent is 1/3 for one central
    difference, 1/5 for two, 1/7 for the three used here; half of it with extrapolation, for the sake of the
    error estimate. :math:`\varepsilon` is that of the coarsest dtype among arguments and outputs. The step is
    a power of two, and the divisor is the distance :math:`(x + hu) - (x - hu)` that rounding has left.

    Error: the larger distance of an extrapolated value to the two it came from, plus the rounding of `f`,
    taken as four :math:`\varepsilon` of its size. At a kink both sides differ; where the second differences
    show this, half the jump is added, so that a central difference of ``abs`` at 0 does not look
    exact. It is an estimate, not a proof: in float64 and for functions that are smooth over `scale`, more
    than 999 in 1,000 errors are within it and the others within twice it. A function that is noisier
    than its size lets on (large terms that cancel) or oscillates within a step escapes it.

    References
    ----------
    L. F. Richardson, *The approximate arithmetical solution by finite differences of physical problems
    involving differential equations* (1911), Phil. Trans. R. Soc. A 210.
    C. J. F. Ridders, *Accurate computation of F'(x) and F'(x)F''(x)* (1982), Adv. Eng. Software 4(2).
    W. H. Press et al., *Numerical Recipes*, 3rd ed. (2007), section 5.7 (step sizes).

    Examples
    --------
    >>> x, u = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    >>> value, error = directional_derivative(np.exp, x, u)
    >>> bool((abs(value - np.exp(x) * u) <= error).all()), bool(error.max() < 1e-10)
    (True, True)

    Several arguments, one of them held fixed:

    >>> W = np.array([[3.0, 4.0]])
    >>> directional_derivative(np.matmul, (W, x), (None, u)).value.round(9).tolist()
    [-1.0]
    """
    name = "directional_derivative"
    check_option(name, "method", method, (*_LEVELS, "complex"))
    check_scale(name, scale)
    if method == "complex":
        return complex_step(f, args, direction, dtype=dtype)
    probe = Probe(name, f, args, dtype)
    return as_outputs(probe, slopes(probe, Along(probe, direction), method, scale))


def one_sided_derivatives(
    f: Callable[..., Any],
    args: Any,
    direction: Any,
    *,
    scale: float | None = None,
    dtype: DTypeLike | None = None,
) -> OneSided:
    r"""Derivatives along a direction to the right and to the left: what a kink still has.

    Parameters
    ----------
    f, args, direction, scale, dtype
        As in :func:`directional_derivative`.

    Returns
    -------
    OneSided
        ``right`` and ``left``, each an :class:`Estimate` in the structure of what `f` returns. Both are
        slopes along `direction`: for a smooth function they agree.

    Raises
    ------
    TypeError, ValueError
        As :func:`directional_derivative`.

    Notes
    -----
    .. math:: \partial_u^{\pm} f = \lim_{h \to 0+} \frac{f(x \pm hu) - f(x)}{\pm h}

    from quotients at four steps, whose error has every power of h: the column j of the extrapolation is
    :math:`(2^j T(h/2) - T(h)) / (2^j - 1)`. The largest step is
    :math:`\varepsilon^{1/5}\, \mathrm{scale} / \|u\|`, the smallest an eighth of it. A backward
    pass is right at a kink where it lies between the two, up to their errors. Kinks that lie within the
    steps, but not at the point, show as a large error.

    References
    ----------
    As :func:`directional_derivative`.

    Examples
    --------
    >>> right, left = one_sided_derivatives(np.abs, np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    >>> right.value.round(9).tolist(), left.value.round(9).tolist()
    ([1.0, 1.0], [-1.0, 1.0])
    """
    name = "one_sided_derivatives"
    check_scale(name, scale)
    probe = Probe(name, f, args, dtype)
    way = Along(probe, direction)
    if way.u_norm == 0:
        return OneSided(*(as_outputs(probe, _no_slopes(probe)) for _ in range(2)))
    first = step(5, probe.eps, scale, way)
    return OneSided(*(as_outputs(probe, _side(probe, way, sign * first)) for sign in (1, -1)))


def complex_step(
    f: Callable[..., Any], args: Any, direction: Any, *, dtype: DTypeLike | None = None
) -> Estimate:
    r"""Derivative along a direction of an analytic function, as exact as the function itself.

    Parameters
    ----------
    f, args, direction, dtype
        As in :func:`directional_derivative`; `f` must also take complex arrays.

    Returns
    -------
    Estimate
        ``value`` and ``error`` in the structure of what `f` returns. The error is eight roundings of the
        value: nothing is subtracted. What cancels within `f` itself is not seen.

    Raises
    ------
    TypeError
        `f` refuses complex numbers, or returns a real result for them.
    ValueError
        The result contradicts a central difference: `f` takes complex numbers but is not analytic
        (``conj``, ``real``, ``abs`` inside it).

    Notes
    -----
    .. math:: \partial_u f \approx \frac{\operatorname{Im} f(x + ihu)}{h}, \qquad \text{error } O(h^2)

    with h of :math:`2^{-256}` (float64, longdouble) or :math:`2^{-32}` (float32), over the norm of u:
    as no difference is taken, h can be so small that its square vanishes. The result is then compared with
    central differences, to three digits.

    References
    ----------
    W. Squire and G. Trapp, *Using complex variables to estimate derivatives of real functions* (1998),
    SIAM Review 40(1).

    Examples
    --------
    >>> x = np.array([0.5, 1.5])
    >>> value, error = complex_step(np.sin, x, np.ones(2))
    >>> bool((abs(value - np.cos(x)) <= 1e-15).all())
    True
    """
    name = "complex_step"
    probe = Probe(name, f, args, dtype)
    way = Along(probe, direction)
    found = slopes(probe, way, "complex", None)
    check_analytic(probe, found, slopes(probe, way, "richardson", None))
    return as_outputs(probe, found)


def slopes(
    probe: Probe,
    way: Along | Entry,
    method: Method,
    scale: float | None,
    weights: Sequence[Array] | None = None,
) -> list[tuple[Array, Array]]:
    """Return value and error of each output's slope along `way`, or of their sum weighted by `weights`."""
    if way.u_norm == 0:
        return _no_slopes(probe) if weights is None else [(probe.work(0), probe.work(0))]
    if method == "complex":
        return _complex_slopes(probe, way, weights)
    levels = _LEVELS[method]
    first = step(2 * levels + 1, probe.eps, scale, way)
    if levels > 1:
        first /= 2  # the estimate is the error of the second-best value, which is best at a smaller step
    eps = _NOISE * probe.eps
    quotients, noises, jumps, jump_noises = [], [], [], []
    with np.errstate(all="ignore"):
        for t in (first / 2**k for k in range(levels)):
            (upper, up), (lower, down) = way.shifted(t), way.shifted(-t)
            plus, minus, width = probe(upper), probe(lower), up - down
            quotient = [(p - m) / width for p, m in zip(plus, minus, strict=True)]
            size = [np.abs(p) + np.abs(m) for p, m in zip(plus, minus, strict=True)]
            displaced = eps * way.x_max / (t * way.u_norm)  # rounding of x, as a part of the step
            noise = [eps * s / width + displaced * np.abs(q) for s, q in zip(size, quotient, strict=True)]
            bend = [(p + m - 2 * b) / t for p, m, b in zip(plus, minus, probe.base, strict=True)]
            quotients.append(_weighted(quotient, weights))
            noises.append(_weighted(noise, weights, absolute=True))
            jumps.append(_weighted(bend, weights))
            jump_noises.append([4 * n for n in noises[-1]])
        result = []
        for k in range(len(quotients[0])):
            value, error = extrapolate(
                [q[k] for q in quotients], [n[k] for n in noises], (4, 16)[: levels - 1]
            )
            # Right minus left slope: 0 at a smooth point, where it falls as h, h^3, ...
            jump, jump_error = extrapolate(
                [j[k] for j in jumps], [n[k] for n in jump_noises], (2, 8)[: levels - 1]
            )
            kink = np.abs(jump) > jump_error
            result.append((value, np.where(kink, error + np.abs(jump) / 2, error)))
    return result


def _side(probe: Probe, way: Along | Entry, first: float) -> list[tuple[Array, Array]]:
    """Return value and error of each output's slope on the side of x to which `first` points."""
    eps = _NOISE * probe.eps
    quotients, noises = [], []
    with np.errstate(all="ignore"):
        for t in (first / 2**k for k in range(_SIDE_LEVELS)):
            moved, width = way.shifted(t)
            there = probe(moved)
            displaced = eps * way.x_max / (abs(t) * way.u_norm)
            quotients.append([(y - b) / width for y, b in zip(there, probe.base, strict=True)])
            noises.append(
                [
                    eps * (np.abs(y) + np.abs(b)) / abs(width) + displaced * np.abs(q)
                    for y, b, q in zip(there, probe.base, quotients[-1], strict=True)
                ]
            )
        return [
            extrapolate([q[k] for q in quotients], [n[k] for n in noises], (2, 4, 8))
            for k in range(len(probe.base))
        ]


def _complex_slopes(
    probe: Probe, way: Along | Entry, weights: Sequence[Array] | None
) -> list[tuple[Array, Array]]:
    lowest = max(int(np.finfo(complex_dtype(probe.args[k].dtype)).minexp) for k in probe.floating)
    t = 2.0 ** (max(lowest // 4, -256) - round(math.log2(way.u_norm)))
    outputs = probe.call_complex(way.tilted(t))
    values = [np.asarray(y.imag, dtype=probe.work) / t for y in outputs]
    errors = [8 * probe.eps * np.abs(value) for value in values]
    return list(zip(_weighted(values, weights), _weighted(errors, weights, absolute=True), strict=True))


def check_analytic(
    probe: Probe, found: Sequence[tuple[Array, Array]], differences: Sequence[tuple[Array, Array]]
) -> None:
    """Require complex step and central differences to agree to three digits (conj gets none right)."""
    for (value, _), (other, error), base in zip(found, differences, probe.base, strict=True):
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(value), np.abs(other)).max(initial=0.0)
            floor = np.sqrt(probe.eps) * np.abs(base).max(initial=0.0)
            wrong = np.abs(value - other) > 10 * error + 1e-3 * size + floor
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            raise refuse(
                probe.name,
                "f must be analytic for a complex step, without conj, real or abs of its complex argument",
                complex_step=float(value[place]),
                central_difference=float(other[place]),
            )


def as_outputs(probe: Probe, found: Sequence[tuple[Array, Array]]) -> Estimate:
    """Put values and errors into the structure that `f` returned."""
    values, errors = ([np.asarray(pair[k]) for pair in found] for k in (0, 1))
    return Estimate(probe.like_outputs(values), probe.like_outputs(errors))


def _weighted(arrays: list[Array], weights: Sequence[Array] | None, *, absolute: bool = False) -> list[Any]:
    if weights is None:
        return arrays
    if absolute:
        weights = [np.abs(w) for w in weights]
    # Where the weight is 0 the output is not looked at, even if it is infinite there.
    return [sum(np.where(w == 0, 0, a * w).sum() for a, w in zip(arrays, weights, strict=True))]


def _no_slopes(probe: Probe) -> list[tuple[Array, Array]]:
    return [(np.zeros_like(leaf), np.zeros_like(leaf)) for leaf in probe.base]
