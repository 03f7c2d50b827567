"""A function under examination: evaluated on fresh copies of its arguments, some of them moved."""

from __future__ import annotations

import copy
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import refuse, refuse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import DTypeLike

    from .._types import Array

_NO_OUTPUT = object()


class Probe:
    """`f` and its arguments.

    Attributes
    ----------
    args : list
        The arguments; floating ones as arrays of the dtype in which `f` is evaluated.
    floating : list of int
        Which of them are floating arrays: those a derivative is taken of.
    base : list of ndarray
        The floating outputs at the given arguments, flattened, in `work`.
    eps : float
        Spacing at 1 of the coarsest dtype among floating arguments and outputs: the noise of one evaluation.
    work : type
        numpy.float64, or numpy.longdouble where an argument or output is of it.
    """

    def __init__(self, name: str, f: Callable[..., Any], args: Any, dtype: DTypeLike | None) -> None:
        self.name, self.f = name, f
        given = args if isinstance(args, tuple) else (args,)
        self.args = [_argument(name, k, arg, _float_type(name, dtype)) for k, arg in enumerate(given)]
        self.floating = [k for k, arg in enumerate(self.args) if _is_floating(arg)]
        if not self.floating:
            kinds = [str(arg.dtype) if isinstance(arg, np.ndarray) else type(arg).__name__ for arg in given]
            raise refuse_type(name, "at least one argument must be a floating-point array", types=kinds)
        outputs = f(*self._fresh({}))
        self._structure = _structure(outputs)
        leaves = [np.asarray(leaf) for leaf in _flatten(outputs) if _is_real(leaf)]
        for leaf in _flatten(outputs):
            if isinstance(leaf, complex | np.ndarray | np.generic) and np.asarray(leaf).dtype.kind == "c":
                raise refuse_type(name, "f must return real numbers for real arguments", output=leaf)
        if not leaves:
            raise refuse_type(name, "f must return floating-point numbers", output=outputs)
        dtypes = [self.args[k].dtype for k in self.floating] + [leaf.dtype for leaf in leaves]
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)
        self.work: Any = np.promote_types(np.result_type(*dtypes), np.float64).type
        self.base = [np.array(leaf, dtype=self.work) for leaf in leaves]

    def _fresh(self, moved: dict[int, Array]) -> list[Any]:
        """Return arguments that `f` may keep, write to or use up: arrays copied, generators replayed."""
        return [moved[k] if k in moved else _copied(arg) for k, arg in enumerate(self.args)]

    def __call__(self, moved: dict[int, Array]) -> list[Array]:
        """Return the floating outputs with some arguments replaced, copied: `f` may reuse its buffers."""
        # Steps across the edge of the domain (log, sqrt) are ours, not the caller's: NaN says enough.
        with np.errstate(all="ignore"):
            outputs = self.f(*self._fresh(moved))
        return [np.array(leaf, dtype=self.work) for leaf in self._checked(outputs, _is_real)]

    def call_complex(self, moved: dict[int, Array]) -> list[Array]:
        """Return the outputs for complex arguments; raise a TypeError where `f` is not made for them."""
        arguments = self._fresh(moved)
        for k in self.floating:
            if k not in moved:
                arguments[k] = arguments[k].astype(complex_dtype(self.args[k].dtype))
        complex_warning = np.exceptions.ComplexWarning
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error", complex_warning)
                outputs = self.f(*arguments)
        except (TypeError, complex_warning) as error:
            raise refuse_type(
                self.name, "f must take complex numbers for a complex step", f_raised=error
            ) from error
        return [np.array(leaf) for leaf in self._checked(outputs, self._is_complex)]

    def _is_complex(self, leaf: Any) -> bool:
        if _is_real(leaf):
            raise refuse_type(
                self.name,
                "f must carry complex numbers through for a complex step, not drop the imaginary part "
                "(abs, real, a float buffer)",
                output=leaf,
            )
        return isinstance(leaf, complex | np.ndarray | np.generic) and np.asarray(leaf).dtype.kind == "c"

    def _checked(self, outputs: Any, is_output: Callable[[Any], bool]) -> list[Any]:
        leaves = [leaf for leaf in _flatten(outputs) if is_output(leaf)]
        shapes, expected = [np.shape(leaf) for leaf in leaves], [leaf.shape for leaf in self.base]
        if shapes != expected:
            raise refuse(
                self.name, f"f must return the same shapes at every call, here {expected}", shapes=shapes
            )
        return leaves

    def like_outputs(self, leaves: Sequence[Any]) -> Any:
        """Put one thing a floating output into the structure that `f` returned."""
        return _rebuilt(self._structure, iter(leaves))

    def cotangents(self, cotangent: Any) -> list[Array]:
        """Flatten a cotangent of the outputs' structure; None is zero."""
        slots, given = _flatten(self._structure), _flatten(cotangent)
        if len(slots) != len(given):
            raise refuse(
                self.name,
                f"cotangent must have one array for each of the {len(slots)} outputs",
                arrays=len(given),
            )
        weights = []
        shapes = iter(self.base)
        for slot, dy in zip(slots, given, strict=True):
            if slot is _NO_OUTPUT:
                if dy is not None:
                    raise refuse(
                        self.name,
                        "the cotangent of an output that is not floating must be None",
                        cotangent=dy,
                    )
                continue
            shape = next(shapes).shape
            if dy is None:
                weights.append(np.zeros(shape, dtype=self.work))
            elif not _is_real(dy) or np.shape(dy) != shape:
                raise refuse(
                    self.name,
                    f"cotangent must be a floating array of the output's shape {shape}",
                    cotangent=dy,
                )
            else:
                weights.append(np.asarray(dy, dtype=self.work))
        return weights


class Along:
    """The way along a direction: ``x + t u`` for all arguments at once."""

    def __init__(self, probe: Probe, direction: Any) -> None:
        given = direction if isinstance(direction, tuple) else (direction,)
        if len(given) != len(probe.args):
            raise refuse(
                probe.name,
                f"direction must have one slot for each of the {len(probe.args)} arguments (None: fixed)",
                slots=len(given),
            )
        self.probe = probe
        self.u: dict[int, Array] = {}
        for k, u in enumerate(given):
            if u is None:
                continue
            if k not in probe.floating:
                raise refuse_type(
                    probe.name,
                    "direction must be None beside an argument that is not floating",
                    argument=probe.args[k],
                )
            x = probe.args[k]
            if not _is_real(u) or np.shape(u) != x.shape or not np.isfinite(u).all():
                raise refuse(
                    probe.name, f"direction must be a finite floating array of shape {x.shape}", direction=u
                )
            self.u[k] = np.asarray(u, dtype=probe.work)
        moving = [np.abs(probe.args[k][u != 0]) for k, u in self.u.items()]
        self.x_max = max((_largest_finite(m) for m in moving), default=0.0)
        largest = max((np.abs(u).max(initial=0) for u in self.u.values()), default=0)
        # Divided by the largest entry: the squares of tiny and huge directions stay in range.
        self._unit = {k: u / largest for k, u in self.u.items()} if largest else {}
        square = float(sum((unit * unit).sum() for unit in self._unit.values()))
        self.u_norm = float(largest) * math.sqrt(square)
        self._divisor = largest * square

    def shifted(self, t: float) -> tuple[dict[int, Array], Any]:
        """Return the arguments at `t` and the t to which rounding has moved them (the least-squares one)."""
        moved, travelled = {}, self.probe.work(0)
        for k, u in self.u.items():
            x = self.probe.args[k]
            moved[k] = np.asarray(x + t * u, dtype=x.dtype)
            travelled += ((moved[k].astype(self.probe.work) - x) * self._unit[k]).sum()
        return moved, travelled / self._divisor

    def tilted(self, t: float) -> dict[int, Array]:
        """Return the arguments with ``t u`` as their imaginary part."""
        moved = {}
        for k, u in self.u.items():
            moved[k] = self.probe.args[k].astype(complex_dtype(self.probe.args[k].dtype))
            moved[k].imag[...] = t * u
        return moved


class Entry:
    """The way along one entry of one argument: `Along` a unit vector, without building it."""

    u_norm = 1.0

    def __init__(self, probe: Probe, k: int, index: tuple[int, ...]) -> None:
        self.probe, self.k, self.index = probe, k, index
        self.x_max = _largest_finite(np.abs(probe.args[k][index]))

    def shifted(self, t: float) -> tuple[dict[int, Array], Any]:
        """Return the arguments at `t` and the t by which the entry has really moved."""
        work, moved = self.probe.work, _copied(self.probe.args[self.k])
        before = work(moved[self.index])
        moved[self.index] = before + t
        return {self.k: moved}, work(moved[self.index]) - before

    def tilted(self, t: float) -> dict[int, Array]:
        """Return the arguments with `t` as the imaginary part of the entry."""
        x = self.probe.args[self.k]
        moved = x.astype(complex_dtype(x.dtype))
        moved.imag[self.index] = t
        return {self.k: moved}


def step(order: int, eps: float, scale: float | None, way: Along | Entry) -> float:
    """Return eps^(1/order) scale / norm(u) as a power of two: then x moves exactly, or nearly so."""
    if scale is None:
        scale = min(max(1.0, way.x_max), 1e300)
    exponent = math.log2(eps) / order + math.log2(scale) - math.log2(way.u_norm)
    return 2.0 ** round(min(max(exponent, -1000.0), 1000.0))


def complex_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the complex dtype that carries a floating one: complex64 for float16 and float32, ..."""
    return np.promote_types(dtype, np.complex64)


def check_scale(name: str, scale: float | None) -> None:
    """Require a positive, finite length, or None."""
    if scale is not None and not 0 < scale < np.inf:
        raise refuse(name, "scale must be positive and finite, or None", scale=scale)


def _argument(name: str, k: int, arg: Any, dtype: np.dtype[Any] | None) -> Any:
    if isinstance(arg, list):
        raise refuse_type(
            name, "an argument must be a NumPy array (use np.asarray), not a list", **{f"args[{k}]": arg}
        )
    if isinstance(arg, complex | np.ndarray | np.generic) and np.asarray(arg).dtype.kind == "c":
        raise refuse_type(
            name, "an argument must be real; split it into real and imaginary part", **{f"args[{k}]": arg}
        )
    if _is_real(arg):
        return np.asarray(arg, dtype=dtype)
    return arg


def _float_type(name: str, dtype: DTypeLike | None) -> np.dtype[Any] | None:
    if dtype is None:
        return None
    if np.dtype(dtype).kind != "f":
        raise refuse_type(name, "dtype must be a floating-point type", dtype=dtype)
    return np.dtype(dtype)


def _is_real(value: Any) -> bool:
    return isinstance(value, float) or (
        isinstance(value, np.ndarray | np.generic) and np.issubdtype(value.dtype, np.floating)
    )


def _is_floating(arg: Any) -> bool:
    return isinstance(arg, np.ndarray) and _is_real(arg)


def _copied(arg: Any) -> Any:
    return np.array(arg, order="K") if isinstance(arg, np.ndarray) else copy.deepcopy(arg)


def _largest_finite(magnitudes: Any) -> float:
    finite = np.isfinite(magnitudes)
    return float(np.max(magnitudes, initial=0, where=finite))


def _flatten(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in _flatten(item)]
    return [value]


def _structure(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_structure(item) for item in value)
    return None if _is_real(value) else _NO_OUTPUT


def _rebuilt(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, tuple):
        return tuple(_rebuilt(item, leaves) for item in structure)
    return None if structure is _NO_OUTPUT else next(leaves)
