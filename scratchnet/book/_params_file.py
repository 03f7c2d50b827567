"""Parameter files: what `save_params` writes, and reading it or one of the book's pickles safely.

Written is an .npz archive (uncompressed, the same bytes for the same parameters) under exactly the name
given. Read is such an archive or a pickle, told apart by their first bytes. Neither can run code, and
neither can make more memory be used than a small multiple of the file's own size:

- An archive's members are read only where stored uncompressed, and each header's shape is held against the
  bytes that are there before an array is made.
- A pickle is read by a machine of ours that can build only dicts, lists, numbers and arrays (`_unpickle`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._check import refuse
from .._files import write_atomically
from ..serialization import StrPath, archive_of, arrays_of
from ._unpickle import RefusedError, read_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


def save_params(params: Mapping[str, Array], path: StrPath) -> None:
    """Write arrays under their names into `path`, all or nothing.

    Parameters
    ----------
    params : mapping of str to ndarray
    path : path-like
        Exactly this name is written; an existing file is replaced once the new one is complete.

    Raises
    ------
    TypeError
        A value holds something else than numbers.
    OSError
        The file cannot be written; an older one is then still there.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = os.path.join(folder, "params.pkl")
    ...     save_params({"W1": np.eye(2)}, file)
    ...     load_params(file)["W1"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    write_atomically(path, archive_of(params, "save_params"))


def load_params(path: StrPath) -> dict[str, Array]:
    """Read the arrays of a file written by `save_params`, or of one of the book's own .pkl files.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    params : dict of str to ndarray
        New, writable arrays in native byte order.

    Raises
    ------
    ValueError
        The file is neither, or damaged, or a pickle with anything else in it than dicts, lists, tuples,
        numbers, strings and arrays of numbers.
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 - takes whatever names a file, as the book does
        data = stream.read()
    name = os.fspath(path)
    if data.startswith(b"PK"):
        return arrays_of(data, "load_params", path)
    if data[:1] in (b"\x80", b"(", b"c", b"}"):  # protocol 2 and up; protocol 0 and 1 of a dict
        return _from_pickle(data, name)
    raise refuse("load_params", "the file must hold parameters, as an .npz archive or a pickle", file=name)


def fill(params: dict[str, Array], path: StrPath) -> None:
    """Replace every array of `params` by the file's of that name and shape; on any error replace none.

    Raises
    ------
    ValueError
        As `load_params`; or names or shapes differ.
    """
    found = load_params(path)
    name = os.fspath(path)
    if found.keys() != params.keys():
        raise refuse(
            "load_params",
            "the file must hold this network's parameters " + ", ".join(params),
            file=name,
            missing=sorted(params.keys() - found.keys()),
            unknown=sorted(found.keys() - params.keys()),
        )
    for key, array in found.items():
        if array.shape != params[key].shape or array.dtype.kind != "f":
            raise refuse(
                "load_params",
                f"{key} must be an array of floats of shape {params[key].shape}",
                **{"file": name, key: array},
            )
    params.update(found)


# ------------------------------------------------------------------------------------------------ pickles


def _from_pickle(data: bytes, name: str) -> dict[str, Array]:
    try:
        return read_arrays(data)
    except RefusedError as refused:
        raise refuse(
            "load_params",
            "a pickle may hold nothing but a dict of NumPy arrays of numbers",
            file=name,
            refused=str(refused),
        ) from None
    except Exception as error:  # whatever a damaged pickle makes go wrong
        reason = f"{type(error).__name__}: {error}"
        raise refuse(
            "load_params", f"the file must be an undamaged pickle ({reason[:200]})", file=name
        ) from error
