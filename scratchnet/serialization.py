"""Arrays in files, .npz and .safetensors: written whole or not at all, read without pickle."""

from __future__ import annotations

import io
import math
import os
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import _safetensors
from ._check import refuse, refuse_type
from ._files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._types import Array

StrPath: TypeAlias = str | os.PathLike[str]

NUMBER_DTYPES = frozenset(
    ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32")
)
"""The dtypes a file may hold, without their byte order: plain numbers and nothing that points elsewhere."""


def save(path: StrPath, arrays: Mapping[str, Array]) -> None:
    """Write named arrays into an .npz or a .safetensors file, all or nothing.

    Parameters
    ----------
    path : str or path-like
        Its suffix says which of the two; exactly this name is written. An existing file is replaced once the
        new one is complete.
    arrays : mapping of str to ndarray
        For instance ``net.state_dict()``.

    Raises
    ------
    TypeError
        A key is not a string, a value not an array of numbers, or its dtype not one that .safetensors has.
    ValueError
        `path` has another suffix, or a key is one that the format cannot hold.
    OSError
        The file cannot be written; an older one is then still there.

    Notes
    -----
    Neither is compressed, and the same arrays give the same bytes. ``numpy.load`` reads the .npz as well. The
    .safetensors file is, byte for byte, what the `safetensors` package writes for the same arrays in C order:
    larger elements first, then by name. It has no float wider than 64 bits, and of the complex numbers
    complex64 alone.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("weights.npz", "weights.safetensors"):
    ...         path = os.path.join(folder, name)
    ...         save(path, {"0.weight": np.eye(2)})
    ...         load(path)["0.weight"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    suffix = check_suffix("save", path)
    write_atomically(path, archive_of(arrays, "save") if suffix == ".npz" else _tensors_of(arrays, "save"))


def load(path: StrPath) -> dict[str, Array]:
    """Read the arrays of an .npz or a .safetensors file, whoever wrote it.

    Parameters
    ----------
    path : str or path-like
        Its suffix says which of the two.

    Returns
    -------
    dict of str to ndarray
        New, writable arrays in native byte order. Those of a .safetensors file are in its order; BF16, which
        NumPy lacks, is read as float32, exactly.

    Raises
    ------
    ValueError
        `path` has another suffix, or the file is damaged, or holds anything else than numbers.
    OSError
        The file cannot be read.

    Notes
    -----
    Nothing is unpickled, and no more memory is used than a small multiple of the file's size. An archive's
    members are read only where stored uncompressed, and each header is held against the bytes that are there.

    A .safetensors file is settled by its length and its header, before anything else is read: the header's
    length (of at most 100 MB), JSON, names, dtypes, shapes and offsets must account for every byte once. What
    the `safetensors` package refuses is refused. It takes a few things that its format rules out, and these
    are refused too: a header that begins with white space, a name that stands twice, and an array
    described by anything but an object with a dtype in letters. Floats of 8 bits and fewer are not read.
    The strings that a file may carry under ``__metadata__`` are checked and left out.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.safetensors")
    ...     with open(path, "wb") as file:
    ...         _ = file.write((2**40).to_bytes(8, "little"))
    ...     load(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: load: the header's length must be at most 100000000; got file='...', length=1099511627776
    """
    suffix = check_suffix("load", path)
    with open(path, "rb") as file:  # noqa: PTH123 - takes whatever names a file
        if suffix == ".npz":
            return arrays_of(file.read(), "load", path)
        return _safetensors.decode(file, os.fspath(path), "load")


def check_suffix(function: str, path: StrPath) -> str:
    """Return a file's suffix in lower case; require it to be one that `save` and `load` know."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - takes whatever names a file
    if suffix not in (".npz", ".safetensors"):
        raise refuse(function, "a file's name must end in .npz or .safetensors", file=os.fspath(path))
    return suffix


def _tensors_of(arrays: Mapping[str, Array], function: str) -> bytes:
    for name, array in arrays.items():
        _check_item(function, name, array)
    return _safetensors.encode(arrays, function)


def _check_item(function: str, name: str, array: Array) -> None:
    """Require a name that a file can hold and an array of numbers."""
    if not isinstance(name, str):
        raise refuse_type(function, "every key must be a string", key=name)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise refuse(function, "every key must be text that UTF-8 can hold", key=name) from error
    if not isinstance(array, np.ndarray | np.generic):
        raise refuse_type(
            function,
            "every value must be an array of numbers (use np.asarray)",
            key=name,
            **{"type of value": type(array).__name__},
        )
    if array.dtype.str[1:] not in NUMBER_DTYPES:
        raise refuse_type(function, "every value must be an array of numbers", key=name, value=array)


def archive_of(arrays: Mapping[str, Array], function: str) -> bytes:
    """Return an archive's bytes; `function` is for the message. The counterpart of `arrays_of`."""
    import zipfile

    buffer = io.BytesIO()
    # Not np.savez: it puts the time of day into the file, and cannot name an array "file".
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            _check_item(function, name, array)
            if "\0" in name or len(name.encode()) > 60_000:
                raise refuse(function, "a key of an archive must be short and without NUL", key=name)
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def arrays_of(data: bytes, function: str, path: StrPath) -> dict[str, Array]:
    """Return the arrays of an archive's bytes; `function` and `path` are for the message."""
    import zipfile
    import zlib

    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            for member in members:
                if member.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{member.filename} is compressed")  # noqa: TRY301 - one wording below
            # The sum catches archives whose entries overlap: every byte of the file may be used once.
            if sum(member.file_size for member in members) > len(data):
                raise ValueError("its members are larger than the file")  # noqa: TRY301 - one wording below
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise ValueError(f"{name!r} stands there twice")  # noqa: TRY301 - one wording below
                arrays[name] = _array_of(archive.read(member))
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        OverflowError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise refuse(
            function, f"the file must be an undamaged .npz archive of numbers ({error})", file=os.fspath(path)
        ) from error
    return arrays


def _array_of(content: bytes) -> Array:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"unknown .npy version {version}")
    return make_array(dtype.str, shape, "F" if fortran else "C", content[stream.tell() :])


def make_array(dtype: str, shape: tuple[int, ...], order: str, content: bytes | bytearray) -> Array:
    """Return a new array in native byte order; dtype and shape must ask for just the bytes given."""
    if dtype[1:] not in NUMBER_DTYPES:
        raise ValueError(f"dtype {dtype!r} is not one of numbers"[:120])
    if type(shape) is not tuple or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"shape {shape!r} is not a tuple of sides"[:120])
    kind = np.dtype(dtype)
    if math.prod(shape) * kind.itemsize != len(content):
        raise ValueError(f"an array of shape {shape} and dtype {kind} has not {len(content)} bytes")
    array = np.frombuffer(content, kind).reshape(shape, order="F" if order == "F" else "C")
    return array.astype(kind.newbyteorder("="), order="C")  # a copy, always
