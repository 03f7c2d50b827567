"""Which argument of a signature is which array, option or size."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..references.protocol import COLUMNS, IN_BLOCKS, STEPS_OF_ONE, WINOGRAD
from ..source import tree_of
from . import names
from .protocol import Cannot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..references.protocol import Form, Kind

OPTION_NAMES = frozenset(names.OPTIONS)
#: How the names of parameter dictionaries end.
_TABLES = ("_param", "_params", "_config", "_cfg", "_opts", "_options", "_parameters", "_hparams")

#: Options of a number for each dimension.
_SIDES = (
    "kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "scale_factor",
)  # fmt: skip

#: Options that are flags, though by default PyTorch's are None, or there is none.
_FLAGS = ("training", "align_corners")


#: What something insists on whose name has a word.
_INSISTS = {
    "winograd": WINOGRAD, "3x3": WINOGRAD, "columns": COLUMNS, "stride1": STEPS_OF_ONE,
    **dict.fromkeys(("chunked", "tiled", "blocked", "blockwise"), IN_BLOCKS),
}  # fmt: skip


def insisted(thing: Callable[..., Any]) -> frozenset[str]:
    """Return what a function or class insists on, by its name."""
    own = names.plain(getattr(thing, "__name__", ""))
    return frozenset(what for word, what in _INSISTS.items() if word in own)


def in_pairs(kind: Kind, option: str, value: Any) -> Any:
    """Return a number for each of a kind's dimensions, where an option is one for all."""
    found = re.search(r"([123])d\b", kind.name)
    sides = option in _SIDES or (option == "size" and "interpolate" in kind.name)
    if not sides or not isinstance(value, int):
        return value
    # Keras' paddings are a pair of numbers for each dimension.
    one = (value, value) if option == "padding" and "keras" in kind.name else value
    return (one,) * int(found[1] if found else 2)


def options_of(kind: Kind) -> frozenset[str]:
    """Return the options a kind has."""
    return frozenset(kind.defaults) | {"training"}


def signature(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return a callable's parameters; raise `Cannot` where they are not known."""
    lasting = isinstance(call, type) or (inspect.isfunction(call) and call.__closure__ is None)
    return list(_kept(call) if lasting else _read(call))


def _read(call: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return [
            p
            for p in inspect.signature(call).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
    except (TypeError, ValueError) as error:
        raise Cannot(f"its signature cannot be read: {error}") from error


_kept = functools.lru_cache(maxsize=512)(_read)  # a class is asked for its signature at every call of it


@dataclass
class Bound:
    """The arguments of a call, by what they are.

    Parameters
    ----------
    slots, options, sizes : dict
        Argument name to slot, option or size.
    tables : dict
        Argument name to the options a parameter dictionary holds.
    constants : dict
        Argument name to the value that it is always given.
    """

    slots: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    #: Arguments that may be left out, and are: what they are is not known.
    left_out: list[str] = field(default_factory=list)
    #: The parameter whose name says nothing, handed a slot because that is what a layer of the kind takes.
    guessed: str = ""

    @property
    def takes(self) -> frozenset[str]:
        """The options that the call can be given."""
        return frozenset(self.options.values())

    def said(self) -> list[str]:
        """Return what there is to say of arguments that are not known: with another value it is not asked."""
        unknown = [name for name in self.left_out if names.plain(name) not in names.NEUTRAL]
        return [f"left at its default: {', '.join(unknown)}"] if unknown else []


def given_option(kind: Kind, option: str, options: Mapping[str, Any], form: Form, default: Any) -> Any:
    """Return what an option's argument is handed: the call's, the form's, the argument's own, PyTorch's."""
    value: Any = default
    found = {**form.options, **options}
    if option in ("kernel_h", "kernel_w"):
        size = found.get("kernel_size", kind.defaults.get("kernel_size", 2))
        return size[option == "kernel_w"] if isinstance(size, tuple) else size
    if option in options:
        value = options[option]
        if option == "kernel_size" and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if option == "momentum" and form.options.get("kept") and value is not None:
            value = 1.0 - value
        if option == "p" and form.options.get("keep"):
            value = 1.0 - value
    elif default is inspect.Parameter.empty or default is None:
        value = kind.defaults.get(option)
    return value


def bind(
    parameters: list[inspect.Parameter],
    kind: Kind,
    slots: tuple[str, ...],
    *,
    sized: bool = False,
    inputs: int = 0,
    sides: frozenset[str] = frozenset(),
) -> Bound:
    """Say what each parameter is; raise `Cannot` for one that is required and not known.

    Parameters
    ----------
    parameters : list
        The signature.
    kind : Kind
        What the callable is taken for.
    slots : tuple of str
        The slots that may be among the parameters.
    sized : bool
        Whether sizes may stand for arrays: a constructor.
    inputs : int
        How many of the first parameters are the kind's inputs, in order, whatever their names.
    sides : frozenset of str
        The parameters that arrays are made with: sizes, whatever their names, in the usual order.
    """
    bound = Bound()
    free = list(slots)
    options = options_of(kind)
    refuse_strangers([p.name for p in parameters], kind)
    has_kernel_size = any(_size(p.name, p.default, bound, kind) == "kernel" for p in parameters)
    window = {names.option_named(p.name, names.OPTIONS, options) for p in parameters
              if names.plain(p.name) not in names.POOL_OR_PADDING}  # fmt: skip
    has_window = not window.isdisjoint(("kernel_size", "kernel_h", "kernel_w"))
    for place, parameter in enumerate(parameters):
        name, required = parameter.name, parameter.default is parameter.empty
        is_flag = isinstance(parameter.default, bool) or str(parameter.annotation) in (
            "bool",
            "<class 'bool'>",
        )
        if (
            place < inputs and required and names.slot_named(name, tuple(free)) is None
            and names.option_named(name, names.OPTIONS, options) and len(parameters) > inputs
        ):  # fmt: skip
            inputs += 1  # an option before the inputs: `softmax(axis, x)`
        elif place < inputs and required and free:
            slot = names.slot_named(name, tuple(free)) or free[0]
            later = (names.slot_named(p.name, tuple(kind.inputs)) for p in parameters[place + 1 :])
            if slot not in kind.inputs and not (names.plain(name) != "a" and any(later)):
                slot = next((s for s in free if s in kind.inputs), free[0])
            bound.slots[name] = slot
            free.remove(slot)
            continue
        option = names.option_named(name, names.OPTIONS, options)
        of_flags = option in _FLAGS or isinstance(kind.defaults.get(option or ""), bool)
        if (is_flag and not of_flags) or (has_window and names.plain(name) in names.POOL_OR_PADDING):
            option = None  # a flag is handed no number and no word
        if option == "nonlinearity" and not isinstance(parameter.default, str):
            option = None  # a function, or None
        found = names.slot_named(name, tuple(free))
        counts = names.plain(name).startswith("num")  # `num_parameters` is no dictionary of them
        if (name.endswith(_TABLES) and not counts) or names.plain(name) in (
            "hparameters",
            "hparams",
            "hyperparameters",
        ):
            bound.tables[name] = names.plain(name)
        elif is_flag and option is None:
            bound.left_out.append(name)
        elif option in bound.options.values() and parameter.default is None:
            continue  # an old name of an option that it takes under another
        elif option is not None and (found is None or (option in kind.defaults and not _is_slot(name, kind))):
            bound.options[name] = option
        elif found is not None and not (
            sized
            and (
                name in sides
                or (names.plain(name) == "filters" and has_kernel_size)  # a count, not the weight
                or (bound.sizes and isinstance(parameter.default, int | float))  # `scale=0.1`
                or (name == "bias" and not required and parameter.default is not None)
            )
        ):
            bound.slots[name] = found
            free.remove(found)
        elif sized and (size := _size(name, parameter.default, bound, kind)):
            bound.sizes[name] = size
        elif sized and required and name in sides and len(bound.sizes) < 2:
            bound.sizes[name] = next(s for s in ("in", "out") if s not in bound.sizes.values())
        elif not required:
            bound.left_out.append(name)
        elif not sized and (slots_left := [s for s in free if s in kind.learnt or s not in kind.params]):
            bound.slots[name] = slots_left[0]
            free.remove(slots_left[0])
        elif sized and not bound.sizes and free and any(s in kind.learnt for s in free):
            slot = next(s for s in free if s in kind.learnt)
            bound.slots[name] = slot
            bound.guessed = bound.guessed or name
            free.remove(slot)
        else:
            raise Cannot(
                f"its argument {name!r} is not known",
                f"give {name!r} a default, or {_usual(kind)}",
            )
    return bound


def refuse_strangers(called: list[str], kind: Kind) -> None:
    """Raise `Cannot` where an argument's name shows that a thing is another operation of the kind's name."""
    for name in called:
        if names.plain(name) in kind.strangers:
            raise Cannot(f"taken for {kind.name}, it is handed {name!r}: another loss of this name")


def _usual(kind: Kind) -> str:
    """Return what to take instead of an argument that is not known, in words."""
    usual = [*(kind.params or kind.slots), *kind.defaults]
    return f"call its arguments as usual ({', '.join(usual)})"


#: What makes an array of a shape that it is handed.
_MAKERS = frozenset(
    (
        "empty",
        "full",
        "normal",
        "ones",
        "rand",
        "randint",
        "randn",
        "random",
        "random_sample",
        "standard_normal",
        "uniform",
        "zeros",
    )
)


def sides(cls: type) -> frozenset[str]:
    """Return the parameters of a class's constructor that it makes arrays with."""
    tree = tree_of(inspect.getattr_static(cls, "__init__"))
    if tree is None:
        return frozenset()
    found = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _MAKERS:
            shape = [*call.args, *(k.value for k in call.keywords if k.arg in ("size", "shape"))]
            parts = [p for a in shape for p in (a.elts if isinstance(a, ast.Tuple | ast.List) else [a])]
            found |= {part.id for part in parts if isinstance(part, ast.Name)}
    return frozenset(found)


def unpacked(cls: type) -> dict[str, list[str]]:
    """Return which sizes a constructor takes an argument apart into: ``kh, kw, c_in = kernel_shape``."""
    tree = tree_of(inspect.getattr_static(cls, "__init__"))
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name):
            continue
        (target, *others) = node.targets
        if isinstance(target, ast.Tuple) and not others:
            parts = [part.id if isinstance(part, ast.Name) else "" for part in target.elts]
            sizes = [names.option_named(part, names.SIZES, frozenset(names.SIZES)) for part in parts]
            found[node.value.id] = [size for size in sizes if size is not None]
            if len(found[node.value.id]) < len(parts):
                del found[node.value.id]
    return found


def _size(name: str, default: Any, bound: Bound, kind: Kind) -> str | None:
    """Return which size a constructor's parameter is; with a default, only where none is given so far."""
    size = names.option_named(name, names.SIZES, frozenset(names.SIZES))
    if "1d" in kind.name and names.plain(name) in names.KERNEL_OF_1D and "weight" in kind.learnt:
        size = "kernel"
    if size is None or (size == "weight" and "weight" not in kind.slots):
        return None
    if size in ("head", "steps") and "num_heads" not in kind.defaults:
        return None
    if size == "in" and kind.name in ("embedding", "embedding_bag") and names.plain(name) in names.WIDTHS:
        size = "out"  # `(d_model, vocab_size)` as well as `(vocab_size, d_model)`
    if default is inspect.Parameter.empty:
        return "out" if size == "in" and size in bound.sizes.values() else size
    whole = isinstance(default, int | tuple) or default is None
    return size if whole and not isinstance(default, bool) and size not in bound.sizes.values() else None


def _is_slot(name: str, kind: Kind) -> bool:
    """Return whether a name that could be an option is rather an array's: `alpha` of a PReLU."""
    return any(names.plain(name) == names.plain(slot) for slot in kind.slots)
