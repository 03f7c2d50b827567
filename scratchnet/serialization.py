"""Arrays in files: .npz archives that are written whole or not at all, and read without pickle."""

from __future__ import annotations

import io
import math
import os
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

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
    """Write named arrays into an .npz archive, all or nothing.

    Parameters
    ----------
    path : str or path-like
        Exactly this name is written; an existing file is replaced once the new one is complete.
    arrays : mapping of str to ndarray
        For instance ``net.state_dict()``.

    Raises
    ------
    TypeError
        A value is not an array of numbers.
    OSError
        The file cannot be written; an older one is then still there.

    Notes
    -----
    The archive is not compressed, and equal arrays give equal bytes. ``numpy.load(path)`` reads it as well.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     save(path, {"0.weight": np.eye(2)})
    ...     load(path)["0.weight"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    write_atomically(path, archive_of(arrays, "save"))


def load(path: StrPath) -> dict[str, Array]:
    """Read the arrays of an .npz archive that `save` (or ``numpy.savez``) has written.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to ndarray
        New, writable arrays in native byte order.

    Raises
    ------
    ValueError
        The file is no such archive, or damaged, or holds anything else than numbers.
    OSError
        The file cannot be read.

    Notes
    -----
    Nothing is unpickled, and no more memory is used than a small multiple of the file's size: members are
    read only where stored uncompressed, and each header is held against the bytes that are there.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - takes whatever names a file
        data = file.read()
    return arrays_of(data, "load", path)


def archive_of(arrays: Mapping[str, Array], function: str) -> bytes:
    """Return an archive's bytes; `function` is for the message. The counterpart of `arrays_of`."""
    import zipfile

    buffer = io.BytesIO()
    # Not np.savez: it puts the time of day into the file, and cannot name an array "file".
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, value in arrays.items():
            array = np.asarray(value)
            if array.dtype.str[1:] not in NUMBER_DTYPES:
                raise refuse_type(function, "every value must be an array of numbers", **{name: array})
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
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
                arrays[member.filename.removesuffix(".npy")] = _array_of(archive.read(member))
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
