"""The IDX file format, in which MNIST and the sets made after its pattern are published."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._check import refuse, refuse_type
from ._arrange import arrange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from gzip import GzipFile
    from io import BufferedReader

    from .._types import Array
    from ._arrange import Part

# The magic number: two zero bytes, the type of the data (8: unsigned byte), the number of dimensions.
_MAGIC = {"images": bytes([0, 0, 8, 3]), "labels": bytes([0, 0, 8, 1])}
_DIMENSIONS = {"images": 3, "labels": 1}

_FILES = [(part, kind) for part in ("train", "test") for kind in ("images", "labels")]
_NAME = re.compile(
    r"(?P<set>(?:\w+-)*?)(?P<part>train|t10k|test)-"
    r"(?:(?P<images>images)(?P<dot3>[.-])idx3|(?P<labels>labels)(?P<dot1>[.-])idx1)-ubyte(?P<gz>\.gz)?"
)

_CHUNK = 1 << 20
_LARGEST_UNZIPPED = 1 << 30  # EMNIST's largest file has 0.55e9 bytes
_DEFLATE_FACTOR = 1032  # the format's own limit: 258 bytes are told in two bits at best


def load_idx(
    folder: str | os.PathLike[str], normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> tuple[Part, Part]:
    """Load a set of images from four IDX files, the format of MNIST.

    Fashion-MNIST, KMNIST and EMNIST come in it. The files are ``train-images-idx3-ubyte``,
    ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, plain or
    compressed (``.gz``; a plain file is preferred where both are there). ``.idx3`` for ``-idx3``, ``test``
    for ``t10k`` and a prefix such as ``emnist-letters-`` are understood; the folder must hold files of one
    set only.

    Parameters
    ----------
    folder : str or path-like
        Where the four files lie.
    normalize : bool
        Give float32 pixels in [0, 1] instead of uint8.
    flatten : bool
        Give images as rows (N, H * W) instead of (N, 1, H, W).
    one_hot_label : bool
        Give labels as float64 (N, K) with one 1 a row instead of uint8 (N,). K is the largest label in the
        two label files plus 1.

    Returns
    -------
    (x_train, t_train), (x_test, t_test)
        Fresh arrays: the training set and the test set.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        The folder, or one of its four files, is missing.
    TypeError
        `folder` is no path.
    ValueError
        A file is truncated, longer than its header says, damaged, empty or of another kind than its name
        says; images and labels do not match; or the folder holds several sets.

    Notes
    -----
    Nothing is allocated because a header says so: a plain file's header is compared with the size of the file
    first, a compressed file is read piece by piece up to the size its header declares, at most 1 GiB.

    EMNIST stores its images with rows and columns exchanged; they are given as they are stored.

    Examples
    --------
    >>> load_idx("no/such/folder")
    Traceback (most recent call last):
    FileNotFoundError: load_idx: folder must be an existing folder; got no/such/folder
    """
    if not isinstance(folder, str | os.PathLike):
        raise refuse_type("load_idx", "folder must be a path", folder=folder)
    paths = _find_set("load_idx", Path(folder))
    parts = []
    for part in ("train", "test"):
        images_path, labels_path = paths[part, "images"], paths[part, "labels"]
        images = read_idx("load_idx", images_path, "images")
        labels = read_idx("load_idx", labels_path, "labels")
        if len(images) != len(labels):
            raise refuse(
                "load_idx",
                f"{labels_path} must hold a label for each image of {images_path.name}",
                labels=len(labels),
                images=len(images),
            )
        parts.append((images, labels))
    (x_train, t_train), (x_test, t_test) = parts
    if x_train.shape[1:] != x_test.shape[1:]:
        raise refuse(
            "load_idx",
            f"{paths['test', 'images']} must hold images of the size in {paths['train', 'images'].name}",
            test=x_test.shape[1:],
            train=x_train.shape[1:],
        )
    n_classes = 1 + int(max(t_train.max(), t_test.max())) if one_hot_label else None
    return (
        arrange(x_train, t_train, normalize, flatten, n_classes),
        arrange(x_test, t_test, normalize, flatten, n_classes),
    )


def idx_header(shape: Sequence[int]) -> bytes:
    """Return the bytes that stand before the unsigned bytes of an array of this shape in an IDX file.

    Examples
    --------
    >>> idx_header((60000,)).hex(" ", 4)
    '00000801 0000ea60'
    """
    return b"".join(number.to_bytes(4, "big") for number in (0x0800 | len(shape), *shape))


def read_idx(function: str, path: Path, kind: str) -> Array:
    """Return the uint8 array of one IDX file: "images" of shape (N, H, W) or "labels" of shape (N,).

    `function` is whom the error messages name. A file that starts as gzip files do is taken for one, whatever
    its name.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        return (_read_compressed if compressed else _read_plain)(function, path, kind, file, size)


def _read_plain(function: str, path: Path, kind: str, file: BufferedReader, size: int) -> Array:
    shape = _read_header(function, path, kind, file)
    expected, found = math.prod(shape), size - file.tell()
    _check_length(function, path, kind, shape, found)
    content = bytearray(expected)
    if file.readinto(content) != expected:
        raise refuse(function, f"{path} must not change while it is read")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_compressed(function: str, path: Path, kind: str, file: BufferedReader, size: int) -> Array:
    import gzip
    import zlib

    content = bytearray()
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            shape = _read_header(function, path, kind, unzipped)
            expected = math.prod(shape)
            if expected > _LARGEST_UNZIPPED:
                raise refuse(
                    function,
                    f"{path} must hold at most 1 GiB (gunzip a larger file first)",
                    shape_in_header=shape,
                )
            if expected > size * _DEFLATE_FACTOR:
                raise refuse(
                    function,
                    f"{path} must hold the {expected} bytes of {kind} its header declares; it is truncated",
                    compressed_bytes=size,
                )
            # To one byte more than there should be: enough to see that there is too much, and else the end,
            # where gzip compares its checksum.
            while len(content) <= expected and (
                chunk := unzipped.read(min(_CHUNK, expected + 1 - len(content)))
            ):
                content += chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refuse(function, f"{path} must be an undamaged gzip file", error=str(error)) from error
    _check_length(function, path, kind, shape, len(content))
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_header(function: str, path: Path, kind: str, file: BufferedReader | GzipFile) -> tuple[int, ...]:
    """Read magic number and shape; what they say is not yet to be believed."""
    magic = file.read(4)
    if len(magic) == 4 and magic != _MAGIC[kind]:
        known = [f" ({name})" for name, start in _MAGIC.items() if start == magic]
        raise refuse(
            function,
            f"{path} must start with {_MAGIC[kind].hex()}, as IDX {kind} do",
            start="".join([magic.hex(), *known]),
        )
    sides = file.read(4 * _DIMENSIONS[kind])
    if len(magic) < 4 or len(sides) < 4 * _DIMENSIONS[kind]:
        raise refuse(
            function,
            f"{path} must start with the {4 + 4 * _DIMENSIONS[kind]} bytes of an IDX header; it is truncated",
            bytes=len(magic) + len(sides),
        )
    shape = tuple(int.from_bytes(sides[i : i + 4], "big") for i in range(0, len(sides), 4))
    if 0 in shape:
        raise refuse(function, f"{path} must hold at least one of its {kind}", shape_in_header=shape)
    return shape


def _check_length(function: str, path: Path, kind: str, shape: tuple[int, ...], found: int) -> None:
    expected = math.prod(shape)
    if found != expected:
        wrong = "truncated" if found < expected else "too long"
        raise refuse(
            function,
            f"{path} must hold the {expected} bytes of {kind} its header declares; it is {wrong}",
            shape_in_header=shape,
            **(
                {"bytes": found} if found < expected else {}
            ),  # of an overlong .gz, only the first are counted
        )


def _find_set(function: str, folder: Path) -> dict[tuple[str, str], Path]:
    """Return the file for each part ("train", "test") and kind ("images", "labels")."""
    if not folder.exists():
        raise FileNotFoundError(f"{function}: folder must be an existing folder; got {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{function}: folder must be a folder; got the file {folder}")

    sets: dict[str, dict[tuple[str, str], list[tuple[bool, str, Path]]]] = {}
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            part = "train" if match["part"] == "train" else "test"
            kind = match["images"] or match["labels"]
            # Where a file is there twice: plain before compressed, then in the order of the alphabet.
            choice = (match["gz"] is not None, path.name, path)
            sets.setdefault(match["set"], {}).setdefault((part, kind), []).append(choice)
    if len(sets) > 1:
        names = sorted(name.rstrip("-") or "(no prefix)" for name in sets)
        raise refuse(function, f"{folder} must hold the files of one set only", sets=names)

    prefix, files = next(iter(sets.items())) if sets else ("", {})
    missing = [
        f"{prefix}{'train' if part == 'train' else 't10k'}-{kind}-idx{_DIMENSIONS[kind]}-ubyte"
        for part, kind in _FILES
        if (part, kind) not in files
    ]
    if missing:
        raise FileNotFoundError(
            f"{function}: {folder} must hold four IDX files, plain or .gz; "
            f"got a folder without {', '.join(missing)}"
        )
    return {key: min(choices)[2] for key, choices in files.items()}
