"""One call of one operation: its arrays, its options, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._types import Array, DType, Needs


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """One call of one operation, as a value.

    Printed, it is the call itself, ready to be pasted.

    Parameters
    ----------
    operation : str
        The operation's name in the catalogue.
    arrays : mapping of str to ndarray or None
        Every array argument in signature order; None for one that is not given. The pullback's slots.
    options : mapping
        All other arguments, by keyword.
    differentiable : tuple of str
        The array arguments that have a cotangent in this call.
    outputs : tuple of str
        The results that take a cotangent, in order.
    extras : tuple of str
        The results after those, compared but without a derivative: new running statistics, indices.
    seed : int, optional
        Seed of the generator a random operation is called with.
    marks : frozenset of str
        What the strategy knows this call to exercise ("remainder", "ties"), counted in the report.

    Examples
    --------
    >>> Case("relu", {"x": np.array([0.0, 1.5], np.float32)}, differentiable=("x",))
    relu(x=np.array([0.0, 1.5], dtype=np.float32))
    """

    operation: str
    arrays: Mapping[str, Array | None]
    options: Mapping[str, object] = field(default_factory=dict)
    differentiable: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("y",)
    extras: tuple[str, ...] = ()
    seed: int | None = None
    marks: frozenset[str] = frozenset()

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of all array arguments, in signature order: one slot of the pullback each."""
        return tuple(self.arrays)

    @property
    def given(self) -> dict[str, Array]:
        """The array arguments that are given."""
        return {name: array for name, array in self.arrays.items() if array is not None}

    @property
    def dtype(self) -> DType:
        """The dtype of the differentiable arguments."""
        for name in (*self.differentiable, *self.given):
            array = self.arrays[name]
            if array is not None and array.dtype.kind == "f":
                return array.dtype
        raise TypeError(f"{self.operation}: no floating-point argument among {self.slots}")

    @property
    def needs(self) -> Needs:
        """needs_input_grad that asks for all there is: one bool a slot."""
        return tuple(name in self.differentiable for name in self.arrays)

    @property
    def size(self) -> int:
        """The number of elements of all arrays: how large a case is to its reader."""
        return sum(array.size for array in self.given.values())

    def __getitem__(self, name: str) -> Array:
        """Return the array argument `name`, which must be given."""
        array = self.arrays[name]
        if array is None:
            raise KeyError(name)
        return array

    def replace(self, **changes: Array | None) -> Case:
        """Return the same call with other arrays of these names."""
        unknown = set(changes) - set(self.arrays)
        if unknown:
            raise KeyError(f"{self.operation} has no array argument {sorted(unknown)}")
        return replace(self, arrays={**self.arrays, **changes})

    def with_options(self, **changes: object) -> Case:
        """Return the same call with other options."""
        return replace(self, options={**self.options, **changes})

    def map(self, change: Callable[[str, Array], Array]) -> Case:
        """Return the same call with `change(name, array)` for each array that is given."""
        return self.replace(**{name: change(name, array) for name, array in self.given.items()})

    def astype(self, dtype: DType | type[np.floating]) -> Case:
        """Return the same call with its floating-point arrays in `dtype`; integers stay as they are."""
        return self.map(lambda _, array: array.astype(dtype) if array.dtype.kind == "f" else array)

    def copy(self) -> Case:
        """Return the same call on fresh C-ordered copies."""
        return self.map(lambda _, array: np.array(array, order="C", copy=True))

    def tags(self) -> frozenset[str]:
        """Return what this call exercises, in words: the marks, ranks, sizes and layouts."""
        found = set(self.marks)
        for name, array in self.given.items():
            if name == self.slots[0]:
                found.add(f"rank {array.ndim}")
                if array.ndim and array.shape[0] in (0, 1):
                    found.add("empty batch" if array.shape[0] == 0 else "batch of one")
            found.add(layout_of(array))
        return frozenset(found)

    def __repr__(self) -> str:
        """Return the call, ready to be pasted."""
        arguments = [f"{n}={None if a is None else array_call(a)}" for n, a in self.arrays.items()]
        arguments += [f"{name}={_option(value)}" for name, value in self.options.items()]
        if self.seed is not None:
            arguments.append(f"generator=np.random.default_rng({self.seed})")
        return f"{self.operation}({', '.join(arguments)})"


def _option(value: object) -> str:
    """Return an option as an expression: infinity has no literal."""
    if isinstance(value, float) and not np.isfinite(value):
        return {"inf": "np.inf", "-inf": "-np.inf"}.get(str(value), "np.nan")
    return repr(value)


def layout_of(array: Array) -> str:
    """Return the array's memory layout in words.

    Examples
    --------
    >>> x = np.zeros((2, 3))
    >>> [layout_of(v) for v in (x, x.T, x[::-1], x[:, ::2], np.broadcast_to(x[0], (4, 3)))]
    ['C order', 'Fortran order', 'reversed', 'strided', 'broadcast']
    """
    if array.flags.c_contiguous:
        return "C order"
    if array.flags.f_contiguous:
        return "Fortran order"
    moving = [stride for side, stride in zip(array.shape, array.strides, strict=True) if side > 1]
    if any(stride == 0 for stride in moving):
        return "broadcast"
    if any(stride < 0 for stride in moving):
        return "reversed"
    if np.prod(array.shape) * array.itemsize == _span(array):
        return "transposed"
    return "strided"


def _span(array: Array) -> int:
    return int(
        array.itemsize
        + sum((side - 1) * abs(stride) for side, stride in zip(array.shape, array.strides, strict=True))
    )


def array_call(array: Array) -> str:
    """Return the NumPy expression that builds `array`, its memory layout included.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> print(array_call(x.T))
    np.asfortranarray(np.array([[1.0, 3.0], [2.0, 4.0]], dtype=np.float64))
    >>> print(array_call(x[:, ::-1]))
    np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float64)[:, ::-1]
    >>> print(array_call(np.broadcast_to(x[:1], (3, 2))))
    np.broadcast_to(np.array([[1.0, 2.0]], dtype=np.float64), (3, 2))
    """
    if not isinstance(array, np.ndarray):  # a bad call's
        return repr(array)
    layout = layout_of(array) if array.size else "C order"
    if layout == "Fortran order":
        return f"np.asfortranarray({_plain(array)})"
    if layout == "broadcast":
        once = array[tuple(slice(0, 1) if s == 0 else slice(None) for s in array.strides)]
        return f"np.broadcast_to({_plain(once)}, {array.shape})"
    if layout == "reversed":
        turn = tuple(slice(None, None, -1) if s < 0 else slice(None) for s in array.strides)
        index = ", ".join("::-1" if s < 0 else ":" for s in array.strides)
        return f"{_plain(array[turn])}[{index}]"
    if layout == "transposed":
        order = tuple(int(axis) for axis in np.argsort([-s for s in array.strides], kind="stable"))
        back = tuple(int(axis) for axis in np.argsort(order))
        return f"{_plain(array.transpose(order))}.transpose{back}"
    if layout == "strided":
        return f"np.repeat({_plain(array)}, 2, axis=-1)[..., ::2]"
    return _plain(array)


def _plain(array: Array) -> str:
    name = "bool" if array.dtype == np.bool_ else f"np.{array.dtype}"
    return f"np.array({_numbers(array)}, dtype={name})" + (
        f".reshape({array.shape})" if array.size == 0 and array.ndim > 1 else ""
    )


def _numbers(array: Array) -> str:
    if array.ndim:
        return "[" + ", ".join(_numbers(part) for part in array) + "]" if array.size else "[]"
    if array.dtype.kind != "f":
        return repr(array.item())
    value = float(array)
    if not np.isfinite(value):
        return {"inf": "np.inf", "-inf": "-np.inf"}.get(str(value), "np.nan")
    # float32 prints with the digits float32 has: 0.1, not 0.10000000149011612.
    return str(array.dtype.type(value)) if array.dtype.itemsize < 8 else repr(value)


def all_equal(first: Iterable[Array | None], second: Iterable[Array | None]) -> bool:
    """Return whether two sequences of arrays are equal bit for bit (NaN equal to NaN, 0 unlike -0)."""
    pairs = list(zip(first, second, strict=True))
    return all(
        (a is None and b is None)
        or (
            a is not None
            and b is not None
            and a.shape == b.shape
            and a.dtype == b.dtype
            and a.tobytes() == b.tobytes()
        )
        for a, b in pairs
    )
