"""What a kind of layer is: how its calls are drawn in a layer's own layout, and what they should come to.

A hand-written layer has its arrays as it likes them: weights (in, out) or (out, in), the batch first or last.
A `Form` says how; a case is drawn in that form, so that the layer is handed the case's own arrays, and the
reference turns them into PyTorch's layout and its results back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..strategies import Draw, Seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._types import Array
    from ..case import Case

Shape = tuple[int, ...]
#: Options of a form that say of which shapes the arrays are, and choose no formula.
SHAPES = ("rank", "square", "samples", "alone", "several", "columns", "otherwise")


@dataclass(frozen=True)
class Layout:
    """How one array lies in a layer.

    Parameters
    ----------
    name : str
        In words, "(in, out)".
    shape : callable
        PyTorch's shape to the layer's.
    to : callable
        The layer's array as PyTorch has it.
    back : callable
        ``back(array, shape)``: PyTorch's array as the layer has it; `shape` is the layer's where it is known.
    """

    name: str
    shape: Callable[[Shape], Shape]
    to: Callable[[Array], Array]
    back: Callable[[Array, Shape | None], Array]


def moved(name: str, order: Callable[[int], tuple[int, ...]]) -> Layout:
    """Return the layout whose axes are PyTorch's in another order, a function of the rank."""

    def shape(given: Shape) -> Shape:
        return tuple(given[axis] for axis in order(len(given)))

    def to(array: Array) -> Array:
        return np.asarray(array.transpose(tuple(int(i) for i in np.argsort(order(array.ndim)))))

    def back(array: Array, _: Shape | None) -> Array:
        return np.asarray(array.transpose(order(array.ndim)))

    return Layout(name, shape, to, back)


def reshaped(name: str, shape: Callable[[Shape], Shape]) -> Layout:
    """Return the layout of a vector that has sides of one beside its own."""
    return Layout(
        name,
        shape,
        lambda array: array.reshape(-1),
        lambda array, own: array.reshape(shape(array.shape) if own is None else own),
    )


SAME = moved("as PyTorch's", lambda rank: tuple(range(rank)))
ROW = reshaped("a row (1, D)", lambda s: (1, *s))
COLUMN = reshaped("a column (D, 1)", lambda s: (*s, 1))
PIXEL = reshaped("(F, 1, 1)", lambda s: (*s, 1, 1))
PIXEL_LAST = reshaped("(1, 1, 1, F)", lambda s: (1, 1, 1, *s))
CHANNEL = reshaped("(1, C, 1, 1)", lambda s: (1, *s, 1, 1))
TURNED = moved("(in, out)", lambda rank: tuple(reversed(range(rank))))
BATCH_LAST = moved("batch last", lambda rank: (*range(1, rank), 0))
#: Of what says that its samples are the columns of a matrix.
COLUMNS = "samples in columns"
#: Of what is computed some rows at a time: it may be wrong where there are more than these.
IN_BLOCKS = "a block of rows after the other"
#: Of what insists on a kernel of three a side: Winograd's algorithm is made for kernels of one size.
WINOGRAD = "a kernel of 3 by 3"
#: Of windows that say that they move by one.
STEPS_OF_ONE = "a stride of 1"
TIME_FIRST = moved("time first", lambda rank: (1, 0, *range(2, rank)) if rank > 2 else tuple(range(rank)))
#: Of a state, as PyTorch's layers have it.
ONE_LAYER = Layout("of one layer (1, N, H)", lambda s: (1, *s), lambda a: a[0], lambda a, _: a[None])
CHANNELS_LAST = moved(
    "channels last", lambda rank: (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))
)
CHANNELS_FIRST = moved(
    "channels first", lambda rank: (0, rank - 1, *range(1, rank - 1)) if rank > 2 else tuple(range(rank))
)
CHANNELS_LAST_ALONE = moved("channels last", lambda rank: (*range(1, rank), 0))
KERNEL_LAST = moved("HWIO", lambda rank: (*range(2, rank), 1, 0))
FLAT = Layout("flattened to (N, D)", lambda s: s, lambda a: a.reshape(len(a), int(np.prod(a.shape[1:]))),
              lambda a, own: a if own is None else a.reshape(own))  # fmt: skip
SCALAR = Layout("a scalar", lambda s: s, lambda a: a, lambda a, _: a)
ONE_BY_ONE = Layout("(1, 1)", lambda _: (1, 1), lambda a: a.reshape(()), lambda a, _: a.reshape(1, 1))
#: What takes these may take one-hot labels as well, call by call: they are numbers, not integers.
INDICES = Layout("class indices", lambda s: s, lambda a: a.argmax(axis=1) if a.dtype.kind == "f" else a,
                 lambda a, _: a)  # fmt: skip
ONE_HOT = Layout("one-hot", lambda s: s, lambda a: a.argmax(axis=1), lambda a, _: a)
ONE_HOT_LAST = Layout("one-hot, batch last", lambda s: s, lambda a: a.argmax(axis=0), lambda a, _: a)


@dataclass(frozen=True)
class Form:
    """How a layer of some kind wants its arrays, and by which of the possible conventions it computes.

    Parameters
    ----------
    layouts : mapping of str to Layout
        By the names of the slots and outputs; those that are not named are PyTorch's.
    options : mapping
        Choices that hold for every call, handed to the reference alone.
    conventions : mapping of str to str
        Conventions that differ from PyTorch's, by key, in words.
    absent : frozenset of str
        Slots this layer does not have.
    without : frozenset of str
        Features that are not asked of it, since it does not do them.
    """

    layouts: Mapping[str, Layout] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    conventions: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def layout(self, name: str) -> Layout:
        """Return the layout of a slot or an output."""
        return self.layouts.get(name, SAME)

    def words(self) -> list[str]:
        """Return what is worth printing: every array whose layout was guessed."""
        return [f"{name} {layout.name}" for name, layout in self.layouts.items()]

    def __add__(self, other: Form) -> Form:
        """Return both forms' choices in one; the second's win."""
        return Form(
            {**self.layouts, **other.layouts},
            {**self.options, **other.options},
            {**self.conventions, **other.conventions},
            self.absent | other.absent,
            self.without | other.without,
        )


def every(*axes: list[Form]) -> list[Form]:
    """Return all combinations of one form of each list, the first of each list first."""
    found = []
    for chosen in itertools.product(*axes):
        form = Form()
        for part in chosen:
            form = form + part
        found.append(form)
    return found


def lay(*choices: Mapping[str, Layout]) -> list[Form]:
    """Return one form for each choice of layouts."""
    return [Form(layouts=choice) for choice in choices]


class Sketch:
    """Draws the arrays of a call in a layer's own layout.

    Parameters
    ----------
    draw : Draw
        Hypothesis's, or a plain random one.
    form : Form
        The layer's.
    takes : frozenset of str
        The options the layer can be given.
    """

    def __init__(self, draw: Draw, form: Form, takes: frozenset[str] = frozenset(), forced: str = "") -> None:
        self.d = draw
        self.form = form
        self.takes = takes
        self.forced = forced
        self.asked: set[str] = set()
        self.plants: tuple[float, ...] = ()

    def array(
        self, name: str, *shape: int, positive: bool = False, plain: bool = False, far: bool = False
    ) -> Array:
        """Return an array of this PyTorch shape, in the layer's layout."""
        array = self.d.array(*self.form.layout(name).shape(shape), positive=positive, plain=plain, far=far)
        if self.plants and array.size and array.flags.writeable and self.d.integer(0, 1):
            at = np.unravel_index(self.d.integer(0, array.size - 1), array.shape)
            array[at] = self.d.one_of(*self.plants)
        return array

    def small(self, name: str, *shape: int) -> Array:
        """Return an array of numbers within 1/2 of zero: what follows does not saturate."""
        setting = self.d.setting
        self.d.setting = replace(setting, values="calm", layouts=False)
        values = self.d.array(*self.form.layout(name).shape(shape)) / 8
        self.d.setting = setting
        return self.d.laid_out(values.astype(setting.dtype))

    def moderate(self, name: str, *shape: int) -> Array:
        """Return an array within 4 of zero, but for the extreme values where these are asked for."""
        setting = self.d.setting
        if setting.values == "ordinary":
            self.d.setting = replace(setting, values="calm")
        array = self.array(name, *shape)
        self.d.setting = setting
        return array

    def may(self, feature: str, share: int = 2) -> bool:
        """Return whether this call is to have a feature, where the layer does it at all."""
        self.asked.add(feature)
        if self.forced == feature:
            return True
        if feature in self.form.without or self.forced:
            return False
        return self.d.integer(0, share) == share

    def without_bias(self) -> bool:
        """Return whether this call has no bias, or the layer none at all."""
        return "bias" in self.form.absent or ("no bias" in self.takes and self.may("no bias", 4))

    def option(self, name: str, *values: Any) -> dict[str, Any]:
        """Return one of these values for an option, where the layer takes it; else nothing."""
        return {name: self.d.one_of(*values)} if name in self.takes else {}

    def batch(self, low: int = 1, high: int = 9) -> int:
        """Return a number of samples; none at all only where the layer does that."""
        if self.forced == "an empty batch":
            return 0
        if self.d.setting.sizes == "edge":
            return 0 if low <= 1 and self.may("an empty batch", 1) else low
        self.asked.add("an empty batch")
        return self.d.integer(max(low, 2) if self.d.setting.batched else low, high)

    def side(self, low: int = 1, high: int = 5) -> int:
        """Return a side that is not the batch's."""
        return self.d.side(low, high)


Parts = tuple[Mapping[str, "Array | None"], dict[str, Any]]


@dataclass(frozen=True)
class Measured:
    """A number in a layer's formula that is found out from what it gives.

    Parameters
    ----------
    form : callable
        The form of such a number.
    telling : callable
        Turns an input into one of which the number shows most.
    variants : tuple of Form
        The formulas that it may stand in.
    beside : mapping of str to callable
        Turns other arrays into ones beside which it shows.
    """

    form: Callable[[float], Form]
    telling: Callable[[Array], Array]
    variants: tuple[Form, ...] = (Form(),)
    beside: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """An operation as it is met in hand-written files.

    Parameters
    ----------
    name : str
        torch.nn.functional's.
    slots : tuple of str
        Every array a call may have, in the order met: inputs, then parameters, then state.
    params : tuple of str
        Those that a layer object keeps.
    forward : callable
        ``forward(arrays, options) -> outputs``, in NumPy, plain: what is known without any framework.
    torch : callable
        ``torch(torch, arrays, options) -> outputs`` on tensors.
    draw : callable
        ``draw(Sketch) -> (arrays, options)``.
    forms : callable
        ``forms(strict) -> list``: the forms to try; a strict one promises PyTorch's conventions.
    fixed : tuple of str
        Slots without a derivative.
    """

    name: str
    slots: tuple[str, ...]
    forward: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Any, ...]]
    torch: Callable[[Any, Mapping[str, Any], Mapping[str, Any]], tuple[Any, ...]]
    draw: Callable[[Sketch], Parts]
    forms: Callable[[bool], list[Form]] = lambda _: [Form()]
    params: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("y",)
    extras: tuple[str, ...] = ()
    golden: Callable[[Mapping[str, Any], Mapping[str, Any]], Case | None] | None = None
    kinks: tuple[float, ...] = ()
    ties: bool = False
    random: bool = False
    #: Whether what a random one draws are slopes where x is not positive, and no mask.
    slopes: bool = False
    #: Options that it must be made or called with: one that takes them not is another thing of the same name.
    needs: tuple[str, ...] = ()
    loss: bool = False
    elementwise: bool = False
    views: bool = False
    extremes: tuple[float, ...] = ()
    per_sample: tuple[str, ...] = ()
    #: ``sizes(arrays and options)``: what a constructor may ask for, by what it is ("in", "kernel").
    sizes: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    #: Whether it may have no parameters at all.
    plain: bool = False
    #: Parameters that a layer may do without, beside those that are everywhere.
    may_lack: tuple[str, ...] = ()
    #: Of a name that means many things, what is tried, in words: what fits none of it is not checked.
    tried: str = ""
    #: What a layer may return beside its output, in words; it is not checked.
    beside: str = ""
    #: The options it may be made or called with, by PyTorch's names, and PyTorch's value where none is given.
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: Numbers that a layer may have written into its formula: by option, how each is measured.
    measured: Mapping[str, Measured] = field(default_factory=dict)
    #: As of the catalogue's `Operation`: directions along which the derivative is defined.
    tangent: Callable[[Case, dict[str, Array]], dict[str, Array]] | None = None
    #: Arguments, plain, that show that a thing of this name is another operation.
    strangers: tuple[str, ...] = ()
    #: ``another(shape, given)``: what a thing of this name is that gives an output of this shape, or "".
    another: Callable[[Shape, Shape], str] = lambda _shape, _given: ""

    @property
    def learnt(self) -> tuple[str, ...]:
        """The parameters that have a derivative; weights of classes have none."""
        return tuple(s for s in self.params if s not in self.fixed)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The slots that are handed to the forward pass."""
        return tuple(s for s in self.slots if s not in self.params and s not in self.state)


class Sampler(Draw):
    """A `Draw` of generic values (no two alike), for probing."""

    def __init__(self, rng: np.random.Generator, setting: Any) -> None:
        super().__init__(Seeded(int(rng.integers(2**32))), setting)
        self._rng = rng

    def labels(self, *shape: int, classes: int, ignore: int | None = None) -> Array:
        """Return class indices."""
        labels = self._rng.integers(0, classes, shape)
        if ignore is not None:
            labels[self._rng.random(shape) < 0.3] = ignore
        return np.asarray(labels)

    def _is_far(self) -> bool:
        return False

    def _values(self, shape: Shape, positive: bool) -> Array:
        values = np.round(self._rng.normal(size=shape), 3)
        return np.asarray(np.abs(values) + 0.125 if positive else values)


def iterate(arrays: Mapping[str, Array | None]) -> Iterator[tuple[str, Array]]:
    """Yield the arrays that are given, by name."""
    for name, array in arrays.items():
        if array is not None:
            yield name, array
