"""How calls are drawn: sides, strides, flags, memory layouts and numbers, all solved and nothing filtered.

A catalogue entry is a plain function of a `Draw`. What it draws depends on the `Setting`: the same function
draws ordinary calls, calm ones for numerical differentiation, extreme magnitudes, and empty or tiny shapes.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._types import Array, DType
    from .case import Case

T = TypeVar("T")

#: Arrays of up to so many elements are drawn one element at a time, so that they shrink to readable ones.
SMALL = 24

#: Where float32 or float64 exponentials overflow and underflow, where squares do, and what is not a number.
EXTREMES = (
    math.nan, math.inf, -math.inf, 1e30, -1e30, 1e-30, -1e-30, 88.5, 89.5, -89.5, -104.5, 709.5, 710.5,
    -746.5, 0.0,
)  # fmt: skip

#: How far from zero values lie whose mean is large: so far that eighths are exact in float32 all the same.
FAR = 4096.0

LAYOUTS = ("C order", "Fortran order", "transposed", "reversed", "strided", "strided rows")


@dataclass(frozen=True)
class Setting:
    """What kind of calls to draw.

    Parameters
    ----------
    dtype : numpy.dtype
        Of all floating-point arguments.
    values : {"ordinary", "calm", "extreme"}
        Ordinary: eighths, tenths, other scales, planted zeros, ties, tiny and large values. Calm: eighths
        within 4 of zero, whose distinct values are far enough apart for a finite difference. Extreme:
        ordinary with NaN, infinities and magnitudes at the edge of the exponent planted.
    sizes : {"ordinary", "edge", "small"}
        Edge: an empty batch, a batch of one, sides of one. Small: one or two of everything, so that arrays
        are drawn element by element; Hypothesis cannot make a larger array, which follows from one seed,
        into one of more parts.
    layouts : bool
        Whether memory layouts are drawn too; without, every array is in C order.
    batched : bool
        Whether only calls are wanted that have two samples or more and no reduction over them.
    extremes : tuple of float
        What is planted for extreme values.
    """

    dtype: DType
    values: Literal["ordinary", "calm", "extreme"] = "ordinary"
    sizes: Literal["ordinary", "edge", "small"] = "ordinary"
    layouts: bool = True
    batched: bool = False
    extremes: tuple[float, ...] = EXTREMES


@dataclass(frozen=True)
class Window:
    """One spatial dimension of a convolution or pooling: the input side and what slides over it."""

    side: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    remainder: int


class Choices(Protocol):
    """Where a `Draw` takes its integers from."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high]; the simplest is `low`."""
        ...

    def integers(self, count: int, low: int, high: int) -> list[int]:
        """Return so many integers in [low, high]."""
        ...


class Shrinking:
    """Choices that Hypothesis makes one by one, and can make smaller."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return int(self._draw(st.integers(low, high)))

    def integers(self, count: int, low: int, high: int) -> list[int]:
        """Return so many integers in [low, high]."""
        return list(self._draw(st.lists(st.integers(low, high), min_size=count, max_size=count)))

    def of(self, strategy: st.SearchStrategy[Any]) -> Any:
        """Return what a strategy of somebody else's draws."""
        return self._draw(strategy)


class Seeded:
    """Choices that follow from one seed: many times as fast, and not to be made smaller."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return low + int(self._random.random() * (high - low + 1))

    def integers(self, count: int, low: int, high: int) -> list[int]:
        """Return so many integers in [low, high]."""
        return self._random.choices(range(low, high + 1), k=count)


class Draw:
    """Draws the parts of a call within a `Setting`.

    Parameters
    ----------
    choices : Choices
        Where its integers come from.
    setting : Setting
        What kind of call is wanted.
    """

    def __init__(self, choices: Choices, setting: Setting) -> None:
        self._choices = choices
        self.setting = setting
        self.marks: set[str] = set()

    # ---- configuration

    def of(self, strategy: st.SearchStrategy[Any]) -> Any:
        """Return what a strategy of somebody else's draws: of an operation that says `by_strategy` alone."""
        if not isinstance(self._choices, Shrinking):
            raise TypeError("a strategy can be drawn from by Hypothesis alone, not from a seed")
        return self._choices.of(strategy)

    def one_of(self, *options: T) -> T:
        """Return one of `options`; shrinks towards the first."""
        return options[self._choices.integer(0, len(options) - 1)]

    def flag(self) -> bool:
        """Return a bool; shrinks towards False."""
        return bool(self._choices.integer(0, 1))

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high]; shrinks towards `low`."""
        return self._choices.integer(low, high)

    def batch(self, low: int = 1, high: int = 5) -> int:
        """Return a number of samples: 0 or `low` at the edge."""
        if self.setting.sizes == "edge":
            return self.one_of(0, low)
        low = max(low, 2) if self.setting.batched else low
        return self.integer(low, min(high, low + 1) if self.setting.sizes == "small" else high)

    def samples(self, high: int = 3) -> tuple[int, ...]:
        """Return the leading side of a batch, or no side at all: one sample without a batch axis."""
        return (self.batch(high=high),) if self.setting.batched or self.integer(0, 4) < 4 else ()

    def reduction(self) -> str:
        """Return a loss's reduction."""
        return "none" if self.setting.batched else self.one_of("mean", "sum", "none")

    def side(self, low: int = 1, high: int = 5) -> int:
        """Return the side of a dimension that is not the batch: `low` or one more at the edge."""
        return self.integer(low, high if self.setting.sizes == "ordinary" else min(high, low + 1))

    def sides(self, count: int, low: int = 1, high: int = 5) -> tuple[int, ...]:
        """Return `count` sides, drawn one by one: unequal unless chance has it otherwise."""
        return tuple(self.side(low, high) for _ in range(count))

    def numbers(self, values: Iterable[int]) -> int | tuple[int, ...]:
        """Return `values` as a tuple, or as one number where they are equal and it is drawn so."""
        each = tuple(values)
        return each[0] if len(set(each)) == 1 and self.flag() else each

    def window(
        self, *, dilations: int = 2, half_padding: bool = False, padding: bool = True, outputs: int = 4
    ) -> Window:
        """Return a sliding window whose input side is computed from its output side.

        The remainder is what the stride leaves over at the end. With `half_padding` the padding is at most
        half the kernel, as pooling requires.
        """
        out = self.integer(1, outputs if self.setting.sizes == "ordinary" else 2)
        kernel, stride = self.integer(1, 3), self.integer(1, 3)
        dilation = self.integer(1, dilations)
        remainder = self.integer(0, stride - 1)
        reach = (out - 1) * stride + dilation * (kernel - 1) + 1 + remainder
        limit = min(kernel, (reach - 1) // 2)
        if half_padding:  # and the side at least the dilation: no window lies in the padding alone
            limit = max(0, min(kernel // 2, (reach - dilation) // 2))
        pad = self.integer(0, limit) if padding else 0
        if remainder:
            self.marks.add("the stride leaves a remainder")
        return Window(reach - 2 * pad, kernel, stride, pad, dilation, remainder)

    # ---- numbers

    def array(self, *shape: int, positive: bool = False, plain: bool = False, far: bool = False) -> Array:
        """Return a floating-point array of this shape, in a drawn memory layout.

        `positive` draws from 1/8 upwards. `plain` plants nothing extreme in it. With `far` some arrays
        lie far from zero: their mean is large beside their deviation.
        """
        values = self._values(shape, positive)
        if far and self.setting.values == "ordinary" and self._is_far():
            values = values + FAR
            self.marks.add("far from zero")
        if self.setting.values == "extreme" and values.size and not plain:
            values = self._plant_extremes(values, positive)
        return self.laid_out(values.astype(self.setting.dtype))

    def laid_out(self, array: Array) -> Array:
        """Return the same numbers in a drawn memory layout."""
        if not self.setting.layouts or array.ndim == 0 or array.size == 0:
            return array
        kind = self.one_of("C order", "C order", *LAYOUTS, "broadcast")
        return broadcast_first(array) if kind == "broadcast" else lay_out(array, kind)

    def labels(self, *shape: int, classes: int, ignore: int | None = None) -> Array:
        """Return class indices, some of them `ignore` where that is given."""
        size = math.prod(shape)
        choices = [*range(classes), *([ignore] if ignore is not None else [])]
        drawn = [choices[i] for i in self._choices.integers(size, 0, len(choices) - 1)]
        labels: Array = np.array(drawn, dtype=np.int64).reshape(shape)
        return labels

    def seed(self) -> int:
        """Return a small seed for a generator."""
        return self.integer(0, 2**16)

    def _is_far(self) -> bool:
        return self.integer(0, 5) == 5

    def _values(self, shape: tuple[int, ...], positive: bool) -> Array:
        size = math.prod(shape)
        calm = self.setting.values == "calm"
        if size <= SMALL:
            kind = 0 if calm else self.integer(0, 3)  # 2: few values, so that zeros and ties are met
            low, high, step = ((-32, 32, 0.125), (-32, 32, 0.125), (-3, 3, 0.5), (-40, 40, 0.1))[kind]
            drawn = self._choices.integers(size, 1 if positive else low, high)
            values = np.round(np.array(drawn, dtype=np.float64) * step, 3)
            if kind < 3 or positive:
                return values.reshape(shape)
            return (values * self.one_of(1.0, 0.01, 100.0)).reshape(shape)
        rng = np.random.default_rng(self.seed())
        if calm or positive:
            return rng.integers(1 if positive else -32, 33, size=shape) / 8.0
        values = np.round(rng.normal(size=shape), 2) * self.one_of(1.0, 0.01, 100.0)
        for special in self.one_of(
            (), (0.0,), ("tie",), (1e-6, -1e-6), (1e3, -1e3), (0.0, "tie", 1e3, -1e-6)
        ):
            count = max(1, size // 8)
            where = rng.integers(0, size, size=count)
            values.flat[where] = values.flat[rng.integers(size)] if special == "tie" else special
            self.marks.add("ties" if special == "tie" else f"planted {special:g}")
        return values

    def _plant_extremes(self, values: Array, positive: bool) -> Array:
        values = values.copy()
        for _ in range(self.integer(0, 3)):
            special = self.one_of(*self.setting.extremes)
            values.flat[self.integer(0, values.size - 1)] = abs(special) if positive else special
            self.marks.add(f"planted {special:g}")
        return values


def cases(entry: Callable[[Draw], Case], setting: Setting) -> st.SearchStrategy[Case]:
    """Return the strategy that draws the calls of a catalogue entry within `setting`."""
    return _cases(entry, setting)


@st.composite  # once: Hypothesis reads the source of what it is made of
def _cases(
    draw: Callable[[st.SearchStrategy[Any]], Any], entry: Callable[[Draw], Case], setting: Setting
) -> Case:
    return drawn_by(entry, Draw(Shrinking(draw), setting))


def seeded_case(entry: Callable[[Draw], Case], setting: Setting, seed: int) -> Case:
    """Return the call of a catalogue entry that follows from a seed."""
    return drawn_by(entry, Draw(Seeded(seed), setting))


def drawn_by(entry: Callable[[Draw], Case], drawer: Draw) -> Case:
    """Return the call that an entry draws, marked with what was drawn for it."""
    case = entry(drawer)
    return replace(case, marks=case.marks | drawer.marks)


def lay_out(array: Array, kind: str) -> Array:
    """Return the same numbers in another memory layout; what lies between them in memory is NaN or -1.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> [lay_out(x, kind).strides for kind in LAYOUTS]
    [(24, 8), (8, 16), (8, 16), (-24, -8), (48, 16), (48, 8)]
    >>> all((lay_out(x, kind) == x).all() for kind in LAYOUTS)
    True
    """
    if array.ndim == 0 or kind == "C order":
        return np.array(array, order="C", copy=True)
    if kind == "Fortran order":
        return np.array(array, order="F", copy=True)
    if kind == "transposed":  # the last two axes exchanged in memory
        axes = (*range(array.ndim - 2), array.ndim - 1, array.ndim - 2) if array.ndim > 1 else (0,)
        return np.asarray(np.array(array.transpose(axes), order="C", copy=True).transpose(axes))
    if kind == "reversed":
        turn = (slice(None, None, -1),) * array.ndim
        return np.asarray(np.array(array[turn], order="C", copy=True)[turn])
    axis = {"strided": array.ndim - 1, "strided rows": 0}[kind]
    shape = list(array.shape)
    shape[axis] *= 2
    larger = np.full(shape, np.nan if array.dtype.kind == "f" else -1, dtype=array.dtype)
    view = larger[(slice(None),) * axis + (slice(None, None, 2),)]
    view[...] = array
    return view


def broadcast_first(array: Array) -> Array:
    """Return the first slice of `array` along its first axis, repeated with stride 0: other numbers."""
    view: Array = np.broadcast_to(array[:1].copy(), array.shape)
    return view


def read_only(array: Array) -> Array:
    """Return a copy that cannot be written to."""
    copy = np.array(array, copy=True, order="K")
    copy.flags.writeable = False
    return copy


# ---- cotangents

#: What is handed to a backward pass, the simplest first.
COTANGENTS = (
    "signed", "signed", "ones", "zero", "huge", "tiny", "Fortran order", "transposed", "reversed", "strided",
    "strided rows", "broadcast", "read-only",
)  # fmt: skip


def cotangent(kind: str, output: Array, rng: np.random.Generator) -> Array:
    """Return a cotangent for `output`: random signed eighths, varied as `kind` says.

    Examples
    --------
    >>> cotangent("ones", np.zeros(3), np.random.default_rng(0))
    array([1., 1., 1.])
    >>> bool(cotangent("huge", np.zeros(2), np.random.default_rng(0)).max() > 1e15)
    True
    """
    eighths = rng.integers(-16, 17, size=output.shape) / 8.0
    signed = np.asarray(eighths, dtype=output.dtype)
    if kind == "ones":
        return np.ones_like(signed)
    if kind == "zero":
        return np.zeros_like(signed)
    if kind == "huge":
        return np.asarray(signed * signed.dtype.type(2.0**60))
    if kind == "tiny":
        return np.asarray(signed * signed.dtype.type(2.0**-60))
    if kind == "read-only":
        return read_only(signed)
    if kind == "broadcast":  # what `y.sum()` hands back: one number for all
        return np.broadcast_to(signed.flat[0] if signed.size else signed.dtype.type(1), signed.shape)
    return lay_out(signed, kind) if kind in LAYOUTS else signed
