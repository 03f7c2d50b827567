"""Gradient, vector-Jacobian product and Jacobian: a directional derivative for each entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_option, refuse
from ._directional import check_analytic, slopes
from ._estimate import Estimate
from ._probe import Along, Entry, Probe, check_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike

    from .._types import Array
    from ._directional import Method


def gradient(
    f: Callable[..., Any],
    *args: Any,
    method: Method = "richardson",
    scale: float | None = None,
    dtype: DTypeLike | None = None,
) -> Estimate:
    r"""Gradient of a function that returns one number, with respect to every floating argument.

    Parameters
    ----------
    f : callable
        Called as ``f(*args)`` on fresh copies; returns one number.
    *args
        Floating arrays and Python floats are differentiated; whatever else stands here is handed on as it is.
        To hold a floating one fixed, close over it: ``gradient(lambda W: f(x, W), W)``.
    method, scale, dtype
        As in :func:`directional_derivative`.

    Returns
    -------
    Estimate
        ``value`` and ``error``: tuples with one slot for each of `args`, an array of its shape, or None where
        the argument is not floating.

    Raises
    ------
    TypeError, ValueError
        As :func:`directional_derivative`; a ValueError also where `f` returns several numbers.

    Notes
    -----
    Entry i is the derivative along :math:`e_i`; where no scale is given, the step is chosen for that
    entry from :math:`\max(|x_i|, 1)`. Six evaluations an entry (two for 'central', one for 'complex').
    For many entries check a few random directions instead (:func:`signed_direction`):
    :math:`\partial_u f = \langle \nabla f, u \rangle`.

    References
    ----------
    As :func:`directional_derivative`.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    >>> (dx, dy), error = gradient(np.dot, x, y)
    >>> dx.round(9).tolist(), dy.round(9).tolist()
    ([3.0, 5.0], [1.0, 2.0])
    """
    probe = _prepared("gradient", f, args, method, scale, dtype)
    shapes = [leaf.shape for leaf in probe.base]
    if len(shapes) != 1 or probe.base[0].size != 1:
        raise refuse("gradient", "f must return one number (else use vjp or jacobian)", shapes=shapes)
    return _contracted(probe, [np.ones_like(probe.base[0])], method, scale)


def vjp(
    f: Callable[..., Any],
    args: Any,
    cotangent: Any,
    *,
    method: Method = "richardson",
    scale: float | None = None,
    dtype: DTypeLike | None = None,
) -> Estimate:
    r"""Vector-Jacobian product: what the backward pass of `f` must return for a cotangent.

    Parameters
    ----------
    f : callable
        Called as ``f(*args)`` on fresh copies; returns an array, a number, or a (nested) tuple of such.
    args : tuple, or one argument
        As in :func:`directional_derivative`.
    cotangent : in the structure of what `f` returns
        Floating arrays of the outputs' shapes; None is zero, and stands for an output that is not floating.
    method, scale, dtype
        As in :func:`directional_derivative`.

    Returns
    -------
    Estimate
        ``value`` and ``error``: tuples with one slot for each of `args`, as :func:`gradient`.

    Raises
    ------
    TypeError, ValueError
        As :func:`directional_derivative`; a ValueError also where `cotangent` does not fit the outputs.

    Notes
    -----
    .. math:: \bar{x}_i = \sum_k \bar{y}_k \frac{\partial f_k}{\partial x_i}

    Each difference is taken output by output, then summed, so that the size of the sum costs no digits.

    References
    ----------
    As :func:`directional_derivative`.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> (dx,), error = vjp(np.square, x, np.array([10.0, 1.0]))
    >>> dx.round(9).tolist()
    [20.0, 4.0]
    """
    probe = _prepared("vjp", f, args, method, scale, dtype)
    return _contracted(probe, probe.cotangents(cotangent), method, scale)


def jacobian(
    f: Callable[..., Any],
    *args: Any,
    method: Method = "richardson",
    scale: float | None = None,
    dtype: DTypeLike | None = None,
) -> Estimate:
    r"""Jacobian of any function of arrays with respect to every floating argument.

    Parameters
    ----------
    f : callable
        Called as ``f(*args)`` on fresh copies; returns an array, a number, or a (nested) tuple of such.
    *args
        As in :func:`gradient`.
    method, scale, dtype
        As in :func:`directional_derivative`.

    Returns
    -------
    Estimate
        ``value`` and ``error``: in the structure of what `f` returns, and for each output a tuple with one
        slot for each of `args`: an array of shape ``output.shape + argument.shape``, or None.

    Raises
    ------
    TypeError, ValueError
        As :func:`directional_derivative`.

    Notes
    -----
    .. math:: J_{k, i} = \frac{\partial f_k}{\partial x_i}

    one derivative along :math:`e_i` for each entry of each argument, as in :func:`gradient`.

    References
    ----------
    As :func:`directional_derivative`.

    Examples
    --------
    >>> (J,), error = jacobian(np.cumsum, np.array([1.0, 2.0, 3.0]))
    >>> J.round(9).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    probe = _prepared("jacobian", f, args, method, scale, dtype)
    tables: list[tuple[list[Any], list[Any]]] = [([], []) for _ in probe.base]
    for k, arg in enumerate(probe.args):
        if k not in probe.floating:
            for table in tables:
                table[0].append(None)
                table[1].append(None)
            continue
        for table, leaf in zip(tables, probe.base, strict=True):
            table[0].append(np.empty(leaf.shape + arg.shape, dtype=probe.work))
            table[1].append(np.empty(leaf.shape + arg.shape, dtype=probe.work))
        for index in np.ndindex(arg.shape):
            found = slopes(probe, Entry(probe, k, index), method, scale)
            place = (Ellipsis, *index)
            for table, (value, error) in zip(tables, found, strict=True):
                table[0][k][place] = value
                table[1][k][place] = error
    return Estimate(*(probe.like_outputs([tuple(table[part]) for table in tables]) for part in (0, 1)))


def signed_direction(args: Any, generator: np.random.Generator) -> tuple[Array | None, ...]:
    r"""Random direction of entries +1 and -1 in every floating argument, None for the others.

    Parameters
    ----------
    args : tuple, or one argument
        As in :func:`directional_derivative`.
    generator : numpy.random.Generator
        Where the signs are drawn from.

    Returns
    -------
    tuple
        One slot for each argument.

    Notes
    -----
    A wrong gradient differs from the right one by some d; along a random signed direction the two differ by
    :math:`\langle d, u \rangle`, which is 0 for at most half of all directions and of the size of d's
    norm for most. All entries move by the same length: no part of the input is looked at less than another.

    Examples
    --------
    >>> u, none = signed_direction((np.zeros((2, 2)), 3), np.random.default_rng(0))
    >>> u.tolist(), none
    ([[1.0, 1.0], [1.0, -1.0]], None)
    """
    given = args if isinstance(args, tuple) else (args,)
    return tuple(
        2.0 * generator.integers(0, 2, size=np.shape(arg)) - 1.0
        if isinstance(arg, float | np.ndarray | np.floating) and np.asarray(arg).dtype.kind == "f"
        else None
        for arg in given
    )


def _prepared(
    name: str, f: Callable[..., Any], args: Any, method: Method, scale: float | None, dtype: DTypeLike | None
) -> Probe:
    check_option(name, "method", method, ("richardson", "central", "complex"))
    check_scale(name, scale)
    probe = Probe(name, f, args, dtype)
    if method == "complex":
        # Once, along one direction: whether f is analytic here at all.
        way = Along(probe, signed_direction(tuple(probe.args), np.random.default_rng(0)))
        check_analytic(probe, slopes(probe, way, "complex", scale), slopes(probe, way, "richardson", scale))
    return probe


def _contracted(probe: Probe, weights: Sequence[Array], method: Method, scale: float | None) -> Estimate:
    values: list[Array | None] = []
    errors: list[Array | None] = []
    for k, arg in enumerate(probe.args):
        if k not in probe.floating:
            values.append(None)
            errors.append(None)
            continue
        value, error = np.zeros(arg.shape, dtype=probe.work), np.zeros(arg.shape, dtype=probe.work)
        for index in np.ndindex(arg.shape):
            ((value[index], error[index]),) = slopes(probe, Entry(probe, k, index), method, scale, weights)
        values.append(value)
        errors.append(error)
    return Estimate(tuple(values), tuple(errors))
