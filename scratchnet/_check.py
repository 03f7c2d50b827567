"""The one place where arguments are checked and error messages are worded.

Every message has one form: the function, what it requires, and what it got, e.g.

    conv2d: groups must divide the input channels; got groups=3, x of shape (2, 8, 5, 5)

`refuse` and `refuse_type` word it; the ``check_*`` functions below test what many functions require alike.
The checks are made for speed on the good path: one type test and one dtype test an array.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from ._types import Array

_FLOAT_CHARS = "fdeg"  # float32, float64, float16, longdouble


def _describe(name: str, value: object) -> str:
    """Return how an argument is named in a message: arrays by shape and dtype, all else by value."""
    if isinstance(value, np.ndarray):
        return f"{name} of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    if name == "file":  # whole: its end says which
        return f"{name}={text}"
    if len(text) > 80:
        text = f"{text[:77]}..."
    return f"{name}={text}"


def _message(function: str, requirement: str, got: dict[str, object]) -> str:
    described = ", ".join(_describe(name, value) for name, value in got.items())
    return f"{function}: {requirement}; got {described}" if described else f"{function}: {requirement}"


def refuse(function: str, requirement: str, **got: object) -> ValueError:
    """Return the ValueError that says what `function` requires and what it got instead.

    Examples
    --------
    >>> import numpy as np
    >>> print(refuse("conv2d", "groups must divide the input channels", groups=3))
    conv2d: groups must divide the input channels; got groups=3
    """
    return ValueError(_message(function, requirement, got))


def refuse_type(function: str, requirement: str, **got: object) -> TypeError:
    """Return the TypeError that says what `function` requires and what it got instead."""
    return TypeError(_message(function, requirement, got))


def check_float_array(function: str, name: str, value: Array) -> None:
    """Require a NumPy array of real floating-point numbers."""
    if not isinstance(value, np.ndarray):
        raise refuse_type(
            function,
            f"{name} must be a NumPy array of floats (use np.asarray)",
            **{f"type of {name}": type(value).__name__},
        )
    if value.dtype.char not in _FLOAT_CHARS:
        raise refuse_type(function, f"{name} must have a floating-point dtype", **{name: value})


def check_float_arrays(function: str, first_name: str, first: Array, **others: Array | None) -> None:
    """Require `first` and every one of `others` that is not None to be float arrays of one dtype."""
    check_float_array(function, first_name, first)
    dtype = first.dtype
    for name, other in others.items():
        if other is None or (isinstance(other, np.ndarray) and other.dtype is dtype):
            continue
        if not isinstance(other, np.ndarray) or other.dtype != dtype:
            check_float_array(function, name, other)
            raise refuse_type(
                function, f"{name} must have the dtype of {first_name}", **{name: other, first_name: first}
            )


def check_integer_array(function: str, name: str, value: Array) -> None:
    """Require a NumPy array of integers (labels, indices)."""
    if not isinstance(value, np.ndarray):
        raise refuse_type(
            function,
            f"{name} must be a NumPy array of integers (use np.asarray)",
            **{f"type of {name}": type(value).__name__},
        )
    if value.dtype.kind not in "iu":
        raise refuse_type(function, f"{name} must have an integer dtype", **{name: value})


def check_cotangent(function: str, dy: Array | float, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Require a cotangent of the output's shape and dtype; a number is taken for an output that is one."""
    if isinstance(dy, np.ndarray) and dy.shape == shape and dy.dtype == dtype:
        return dy
    if shape == () and isinstance(dy, int | float | np.floating) and not isinstance(dy, bool):
        return np.asarray(dy, dtype=dtype)
    if not isinstance(dy, np.ndarray):
        raise refuse_type(
            f"{function}'s pullback", "dy must be a NumPy array", **{"type of dy": type(dy).__name__}
        )
    if dy.shape != shape:
        raise refuse(f"{function}'s pullback", f"dy must have the output's shape {shape}", dy=dy)
    raise refuse_type(f"{function}'s pullback", f"dy must have the output's dtype {dtype}", dy=dy)


def check_option(function: str, name: str, value: object, allowed: Iterable[object]) -> None:
    """Require one of a few values."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise refuse(function, f"{name} must be one of {', '.join(map(repr, allowed))}", **{name: value})


def check_dim(function: str, dim: int, ndim: int) -> int:
    """Return `dim` counted from the front; require it to name one of the `ndim` dimensions."""
    try:
        index = operator.index(dim)
    except TypeError:
        raise refuse_type(function, "dim must be an integer", dim=dim) from None
    limit = max(ndim, 1)  # as in PyTorch, a 0-d array is taken to have one dimension
    if not -limit <= index < limit:
        raise refuse(function, f"dim must lie in [{-limit}, {limit - 1}] for {ndim} dimensions", dim=dim)
    return index % limit


def check_integer(function: str, name: str, value: int, *, minimum: int | None = None) -> int:
    """Require an integer, of at least `minimum` where there is one; return it as a Python int."""
    try:
        number = operator.index(value)
    except TypeError:
        raise refuse_type(function, f"{name} must be an integer", **{name: value}) from None
    if isinstance(value, bool | np.bool_):
        raise refuse_type(function, f"{name} must be an integer, not a bool", **{name: value})
    if minimum is not None and number < minimum:
        raise refuse(function, f"{name} must be at least {minimum}", **{name: value})
    return number


def check_number(
    function: str,
    name: str,
    value: float,
    *,
    minimum: float = float("-inf"),
    maximum: float = float("inf"),
) -> float:
    """Require a real number within [minimum, maximum], and not NaN; return it as a Python float."""
    if type(value) is float and minimum <= value <= maximum:  # the usual case, in the fewest steps
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise refuse_type(function, f"{name} must be a number", **{name: value})
    if not minimum <= value <= maximum:  # NaN fails this as well
        bounds = f"at least {minimum:g}" if maximum == float("inf") else f"in [{minimum:g}, {maximum:g}]"
        if minimum == float("-inf"):
            bounds = "a number" if maximum == float("inf") else f"at most {maximum:g}"
        raise refuse(function, f"{name} must be {bounds}", **{name: value})
    return float(value)


def check_float_dtype(function: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the dtype of a layer's parameters; require a floating-point one."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise refuse_type(function, "dtype must be a NumPy dtype", dtype=dtype) from None
    if dtype is None or found.char not in _FLOAT_CHARS:
        raise refuse_type(function, "dtype must be a floating-point dtype", dtype=dtype)
    return found


def check_labels(function: str, target: Array, n_classes: int, ignore_index: int | None = None) -> None:
    """Require class indices in ``0 .. n_classes - 1`` (or `ignore_index`)."""
    check_integer_array(function, "target", target)
    if target.size == 0:
        return
    wrong = (target < 0) | (target >= n_classes)
    if ignore_index is not None:
        wrong &= target != ignore_index
    if wrong.any():
        where = np.unravel_index(int(np.argmax(wrong)), target.shape)
        place = ", ".join(str(int(i)) for i in where)
        raise refuse(
            function,
            f"every class index of target must lie in [0, {n_classes - 1}]",
            **{f"target[{place}]": int(target[where])},
        )


def check_generator(function: str, generator: np.random.Generator | None) -> np.random.Generator:
    """Return `generator`, or a freshly seeded one for None; require a `numpy.random.Generator`."""
    if generator is None:
        return np.random.default_rng()
    if not isinstance(generator, np.random.Generator):
        raise refuse_type(
            function,
            "generator must be a numpy.random.Generator (np.random.default_rng(seed)) or None",
            **{"type of generator": type(generator).__name__},
        )
    return generator
