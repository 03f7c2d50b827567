"""A pickle machine that can build dicts, lists, tuples, numbers, strings and arrays of numbers, nothing else.

It is a machine of its own: Python's is never started, so there is nothing that a hostile file could reach.
No name in the file is ever looked up. The handful of names that array pickles contain are known by heart,
and what NumPy would do for them is done here after a look at the arguments. Opcodes are read by the
standard library's `pickletools`, which holds every length against the bytes that are there; the arrays
built may together take no more than twice the bytes of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..serialization import NUMBER_DTYPES, make_array

if TYPE_CHECKING:
    from .._types import Array

_CORES = ("numpy.core", "numpy._core")  # NumPy 1 and 2
_NAMES = {
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "collections.OrderedDict": "dict",
    "_codecs.encode": "encode",
    "__builtin__.bytes": "bytes",  # protocols 0 to 2 write empty bytes as a call
    **{f"{core}.multiarray._reconstruct": "reconstruct" for core in _CORES},
    **{f"{core}.multiarray.scalar": "scalar" for core in _CORES},
    **{f"{core}.numeric._frombuffer": "frombuffer" for core in _CORES},
}

_PUSH = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class RefusedError(Exception):
    """The pickle asks for something that a file of parameters has no use for."""


def read_arrays(data: bytes) -> dict[str, Array]:
    """Return the arrays of a pickled dict of arrays by name.

    Raises
    ------
    RefusedError
        The pickle asks for something else than the few kinds of object, or is no dict of arrays; the message
        names it.
    Exception
        Of any kind: the pickle is damaged.

    Examples
    --------
    >>> import pickle
    >>> read_arrays(pickle.dumps({"b1": np.zeros(2)}))
    {'b1': array([0., 0.])}
    >>> read_arrays(pickle.dumps({"b1": print}))
    Traceback (most recent call last):
    ...
    scratchnet.book._unpickle.RefusedError: builtins.print
    """
    arrays: dict[str, Array] = {}
    for key, value in _only(_Machine(data).run(), dict).items():
        if type(key) is not str:
            raise RefusedError(f"the name {key!r}")
        if type(value) is _Slot and value.array is not None:
            arrays[key] = value.array
        elif type(value) in (bool, int, float):
            arrays[key] = np.asarray(value, dtype=np.float64)
        else:
            raise RefusedError(f"a {type(value).__name__.lstrip('_')} as {key}"[:80])
    return arrays


class _Global:
    """A known name, not what it stands for."""

    def __init__(self, name: str) -> None:
        self.name = name


class _DType:
    """A dtype in the making: its name, then (by BUILD) its byte order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order = "="


class _Slot:
    """An array in the making: empty, then (by BUILD) with its content."""

    def __init__(self, array: Array | None = None) -> None:
        self.array = array


class _Machine:
    """The stack machine; `run` returns the object on top at the end, arrays still in their slots."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # the stacks below each open mark
        self.memo: dict[int, Any] = {}
        # A small file could name one string a million times and have it made into an array each time.
        # Twice the file, because protocols 0 to 2 turn text into bytes before bytes into an array.
        self.budget = 2 * len(data)

    def run(self) -> Any:
        import pickletools

        for opcode, argument, _ in pickletools.genops(self.data):
            name = opcode.name
            if name == "STOP":
                break
            if name in _PUSH:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _TUPLES:
                size = _TUPLES[name]
                parts = [self.stack.pop() for _ in range(size)]
                self.stack.append(tuple(reversed(parts)))
            elif name not in ("PROTO", "FRAME"):  # those two only prepare the reader
                self.step(name, argument)
        (top,) = self.stack
        return top

    def step(self, name: str, argument: Any) -> None:
        stack, memo = self.stack, self.memo
        match name:
            case "MARK":
                self.outer.append(stack)
                self.stack = []
            case "TUPLE" | "LIST" | "DICT":
                items = self.since_mark()
                made = tuple(items) if name == "TUPLE" else items if name == "LIST" else _pairs(items)
                self.stack.append(made)
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "APPEND":
                item = stack.pop()
                _only(stack[-1], list).append(item)
            case "APPENDS":
                items = self.since_mark()
                _only(self.stack[-1], list).extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _only(stack[-1], dict).update(_pairs([key, value]))
            case "SETITEMS":
                items = self.since_mark()
                _only(self.stack[-1], dict).update(_pairs(items))
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_known(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(_known(f"{module}.{attribute}"))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(self.call(_only(function, _Global).name, _only(arguments, tuple)))
            case "BUILD":
                state = _only(stack.pop(), tuple)
                self.build(stack[-1], state)
            case _:
                raise RefusedError(f"opcode {name}")

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.outer.pop()
        return items

    def call(self, name: str, arguments: tuple[Any, ...]) -> object:
        match name, arguments:
            case "dtype", (str(code), *_) if code in NUMBER_DTYPES:
                return _DType(code)
            case "dtype", (code, *_):
                raise RefusedError(f"dtype {code!r}"[:80])
            case "reconstruct", (_Global(name="ndarray"), _, _):
                return _Slot()
            case "scalar", (_DType() as dtype, content):
                return _Slot(self.array((), dtype, "C", content))
            case "frombuffer", (content, _DType() as dtype, shape, order):
                return _Slot(self.array(shape, dtype, order, content))
            case "frombuffer", (content, _DType() as dtype, shape, _, axes):
                # A transposed view: stored in C order, then turned.
                turned = self.array(shape, dtype, "C", content).transpose(axes)
                return _Slot(np.ascontiguousarray(turned))
            case "encode", (str(text), "latin1"):
                self.spend(len(text))
                return text.encode("latin1")
            case "bytes", ():
                return b""
            case "dict", ():
                return {}
            case "dict", (list(pairs),):  # Python 2's OrderedDict
                return _pairs([part for key, value in pairs for part in (key, value)])
            case _:
                raise RefusedError(f"{name} called with {len(arguments)} unfitting arguments")

    def build(self, thing: object, state: tuple[Any, ...]) -> None:
        match thing, state:
            # (version, byte order, subarray, field names, fields, size, alignment, flags)
            case _DType(), (_, "<" | ">" | "|" | "=" as order, None, None, None, *_):
                thing.order = order
            case _DType(), _:
                raise RefusedError("a structured dtype")
            # (version, shape, dtype, whether in Fortran order, content)
            case _Slot(array=None), (_, shape, _DType() as dtype, fortran, content):
                thing.array = self.array(shape, dtype, "F" if fortran else "C", content)
            case _:
                raise RefusedError(f"the state of {type(thing).__name__.lstrip('_')}")

    def array(self, shape: Any, dtype: _DType, order: Any, content: Any) -> Array:
        if type(content) is str:  # Python 2's byte strings
            content = content.encode("latin1")
        if type(content) not in (bytes, bytearray):
            raise RefusedError(f"an array of {type(content).__name__} objects")
        self.spend(len(content))
        return make_array(dtype.order + dtype.name, shape, order, content)

    def spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise RefusedError("arrays larger than the file")


def _known(name: str) -> _Global:
    if name not in _NAMES:
        raise RefusedError(name[:80])
    return _Global(_NAMES[name])


def _only(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise RefusedError(f"a {type(value).__name__.lstrip('_')} in place of a {kind.__name__.lstrip('_')}")
    return value


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    keys = flat[::2]
    for key in keys:
        # Other keys have no use here, and hashing a tuple nested a million deep would end the process.
        if type(key) not in (str, int):
            raise RefusedError(f"a dict with a key of type {type(key).__name__}")
    return dict(zip(keys, flat[1::2], strict=True))
