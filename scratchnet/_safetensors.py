"""The .safetensors format, read and written: a length, a JSON header, the arrays' bytes one after the other.

    8 bytes    N, the header's length, a little-endian unsigned integer
    N bytes    {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...} in UTF-8, then spaces
    the rest   each array's elements, little-endian, last axis fastest; offsets count from here

A file is read only if every byte of it is accounted for, and that is settled from its length and its header,
before there is memory for a single array: a header cannot ask for more than the file holds.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from ._check import refuse, refuse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._types import Array

METADATA = "__metadata__"
"""The one name in a header that is no array's: strings by name, about the file."""

# Largest elements first, as the reference implementation orders arrays in a file: each is then aligned.
_DTYPES = {
    "U64": "u8", "I64": "i8", "F64": "f8", "C64": "c8", "F32": "f4", "U32": "u4", "I32": "i4", "F16": "f2",
    "U16": "u2", "I16": "i2", "I8": "i1", "U8": "u1", "BOOL": "b1",
}  # fmt: skip
_NAMES = {code: name for name, code in _DTYPES.items()}
_RANKS = {name: rank for rank, name in enumerate(_DTYPES)}
_STORED = {**_DTYPES, "BF16": "u2"}  # as what its bytes are read
_SMALL_FLOATS = ("F8", "F6", "F4")

_MAX_HEADER = 100_000_000  # bytes; the reference implementation's limit
_MAX_NESTING = 127  # of lists and objects in the header; the reference implementation's limit
_FIELDS = ("dtype", "shape", "data_offsets")


class _Entry(NamedTuple):
    """Where an array lies, in bytes from the header's end."""

    begin: int
    end: int
    name: str
    dtype: str
    shape: tuple[int, ...]


class _JSONError(ValueError):
    """The header is not the JSON it should be."""


# Writing.


def encode(arrays: Mapping[str, Array], function: str) -> bytes:
    """Return a file's bytes; `function` is for the messages. The counterpart of `decode`."""
    import json

    dtypes = {name: _dtype_of(name, array, function) for name, array in arrays.items()}
    header, chunks, end = {}, [], 0
    for name in sorted(arrays, key=lambda name: (_RANKS[dtypes[name]], name)):
        array, begin = arrays[name], end
        end += array.nbytes
        values = (dtypes[name], list(array.shape), [begin, end])
        header[name] = dict(zip(_FIELDS, values, strict=True))
        chunks.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the first array is aligned
    if len(text) > _MAX_HEADER:
        raise refuse(function, f"names and shapes must fit into {_MAX_HEADER} bytes", bytes=len(text))
    return b"".join([len(text).to_bytes(8, "little"), text, *chunks])


def _dtype_of(name: str, array: Array, function: str) -> str:
    """Return what the format calls an array's dtype."""
    if name == METADATA:
        raise refuse(function, "the format has this name for its own use", key=name)
    code = array.dtype.str[1:]
    if code not in _NAMES:
        raise refuse_type(
            function,
            f"every dtype must be one of {', '.join(_NAMES)} in a .safetensors file",
            key=name,
            value=array,
        )
    return _NAMES[code]


# Reading.


def decode(file: BinaryIO, path: str, function: str) -> dict[str, Array]:
    """Return the arrays of an open file, in its order; `path` and `function` are for the messages."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    entries = _read_header(file, size, path, function)
    arrays = {}
    for entry in entries:
        stored = np.empty(entry.shape, np.dtype(_STORED[entry.dtype]).newbyteorder("<"))
        if stored.size and file.readinto(stored.reshape(-1).view(np.uint8).data) != stored.nbytes:  # type: ignore[attr-defined] # the stubs' BinaryIO has no readinto
            raise refuse(function, "the file became shorter while it was read", file=path, key=entry.name)
        arrays[entry.name] = _native(stored, entry.dtype)
    return arrays


def _native(stored: Array, dtype: str) -> Array:
    """Return an array of this machine's byte order and of a dtype that NumPy has."""
    if dtype == "BF16":  # the upper half of a float32
        wide = stored.astype(np.uint32)
        np.left_shift(wide, np.uint32(16), out=wide)
        return wide.view(np.float32)
    if dtype == "BOOL":
        return stored.view(np.uint8).astype(np.bool_)  # any byte but 0 becomes 1, as NumPy expects it
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _read_header(file: BinaryIO, size: int, path: str, function: str) -> list[_Entry]:
    """Return where each array lies, in order, after all checks."""
    if size < 8:
        raise refuse(function, "the file must begin with 8 bytes, the header's length", file=path, size=size)
    length = int.from_bytes(file.read(8), "little")
    if length > _MAX_HEADER:
        raise refuse(function, f"the header's length must be at most {_MAX_HEADER}", file=path, length=length)
    if length > size - 8:
        raise refuse(
            function, "the header's length must fit into the file", file=path, length=length, size=size
        )
    try:
        header = _parse(file.read(length))
    except (ValueError, RecursionError) as error:
        raise refuse(function, f"the header must be a JSON object ({error})", file=path) from error

    metadata = header.pop(METADATA, None)
    if not (
        metadata is None or (isinstance(metadata, dict) and all(type(v) is str for v in metadata.values()))
    ):
        raise refuse(
            function, f"{METADATA} must be an object of strings", file=path, key=METADATA, value=metadata
        )
    entries = sorted(_entry(name, info, path, function) for name, info in header.items())
    end = 0
    for entry in entries:
        if entry.begin != end:
            found = "a hole" if entry.begin > end else "an overlap"
            raise refuse(
                function,
                f"each array must begin where the one before ends, at {end} ({found})",
                file=path,
                key=entry.name,
                data_offsets=[entry.begin, entry.end],
            )
        end = entry.end
    if end != size - 8 - length:
        raise refuse(
            function,
            f"the arrays must fill the {size - 8 - length} bytes after the header",
            file=path,
            key=entries[-1].name if entries else None,
            end=end,
        )
    return entries


def _entry(name: str, info: object, path: str, function: str) -> _Entry:
    """Return an array's entry, checked by itself."""

    def refused(requirement: str, **got: object) -> ValueError:
        return refuse(function, requirement, file=path, key=name, **got)

    if not isinstance(info, dict):
        raise refused("an array's entry must be an object", entry=info)
    missing = [field for field in _FIELDS if field not in info]
    if missing:
        raise refused(f"an array's entry must have {', '.join(_FIELDS)}", missing=missing)
    dtype, shape, offsets = (info[field] for field in _FIELDS)
    if type(dtype) is not str or dtype not in _STORED:
        known = ", ".join(_STORED)
        if type(dtype) is str and dtype.startswith(_SMALL_FLOATS):
            raise refused(
                f"floats of 8 bits and fewer are not read; dtype must be one of {known}", dtype=dtype
            )
        raise refused(f"dtype must be one of {known}", dtype=dtype)
    if type(shape) is not list or not all(map(_is_size, shape)):
        raise refused("shape must be a list of integers from 0", shape=shape)
    if type(offsets) is not list or len(offsets) != 2 or not all(map(_is_size, offsets)):
        raise refused("data_offsets must be two integers from 0", data_offsets=offsets)
    begin, end = offsets
    kind = np.dtype(_STORED[dtype])
    try:
        # Costs nothing whatever the shape, and fails where no array could have it: too many axes, or sides
        # too large even beside one of 0. First, so that the product below is one of few numbers.
        np.ndarray(shape, kind, bytes(kind.itemsize), strides=[0] * len(shape))
    except (ValueError, OverflowError) as error:
        raise refused(f"shape must be one that a NumPy array can have ({error})", shape=shape) from error
    if math.prod(shape) * kind.itemsize != end - begin:
        raise refused(
            f"shape and dtype ask for {math.prod(shape) * kind.itemsize} bytes, which data_offsets must span",
            dtype=dtype,
            shape=shape,
            data_offsets=offsets,
        )
    return _Entry(begin, end, name, dtype, tuple(shape))


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**64  # a bool is an int to isinstance


def _parse(data: bytes) -> dict[str, Any]:
    """Return the header, held to what JSON allows where Python's parser is more lenient.

    The reference implementation, which is stricter there, and this one are to refuse the same files: numbers
    beyond a double, NaN and Infinity, minus zero as an integer, half a surrogate pair, deep nesting. A
    name that stands twice is refused as well, as the format demands.
    """
    import json

    if not data.startswith(b"{"):
        raise _JSONError(f"it begins with {data[:8]!r}")
    header: dict[str, Any] = json.loads(
        data.decode(),
        object_pairs_hook=_unique,
        parse_int=_integer,
        parse_float=_finite,
        parse_constant=_no_constant,
    )
    _check_within(header, 1)
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value] # add returns None, which is the point
        raise _JSONError(f"{twice!r} stands there twice")
    return found


def _integer(text: str) -> int | float:
    if text == "-0" or len(text) > 20:  # 2**64 has 20 digits
        return _finite(text)
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _JSONError(f"the number {text[:40]} is too large")
    return value


def _no_constant(text: str) -> float:
    raise _JSONError(f"{text} is no number of JSON")


def _check_within(value: Any, depth: int) -> None:
    """Require every string to be one that UTF-8 can hold, and few levels."""
    if isinstance(value, str):
        value.encode()  # fails for half a surrogate pair
    elif isinstance(value, dict | list):
        if depth > _MAX_NESTING:
            raise _JSONError(f"nested more than {_MAX_NESTING} deep")
        if isinstance(value, dict):
            for name in value:
                name.encode()
            value = value.values()
        for item in value:
            _check_within(item, depth + 1)
