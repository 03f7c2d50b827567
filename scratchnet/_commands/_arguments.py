"""Kinds of command-line arguments, and what several subcommands do with theirs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array

    Data = tuple[tuple[Array, Array], tuple[Array, Array]]


def _number(
    kind: type[int] | type[float], right: Callable[[float], bool], words: str
) -> Callable[[str], Any]:
    """Return what turns an argument's text into a number of a kind for which `right` holds, or refuses it."""

    def parse(text: str) -> Any:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not right(number):
            raise argparse.ArgumentTypeError(f"must be {words}; got {text!r}")
        return number

    return parse


positive_int = _number(int, lambda n: n >= 1, "a positive integer")
seed = _number(int, lambda n: n >= 0, "a non-negative integer")
positive_float = _number(float, lambda x: 0.0 < x < float("inf"), "a positive number")
fraction = _number(float, lambda x: 0.0 <= x < 1.0, "a number in [0, 1)")


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `train` and `gradcheck` share."""
    parser.add_argument("--seed", type=seed, default=0, help="of all random numbers")
    parser.add_argument(
        "--hidden", type=positive_int, nargs="+", default=[50], metavar="N", help="sides of the hidden layers"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="four IDX files, plain or .gz, to use instead of the MNIST inside the package",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write settings and results there")


def load(folder: Path | None, dtype: str) -> Data:
    """Return ``(x_train, t_train), (x_test, t_test)``: rows of pixels in [0, 1], and labels."""
    parts = datasets.load_mnist() if folder is None else datasets.load_idx(folder)
    kind = np.dtype(dtype)
    (x_train, t_train), (x_test, t_test) = parts
    for name, x in (("training", x_train), ("test", x_test)):
        if len(x) == 0:
            raise ValueError(f"the {name} set of {folder} is empty")
    if x_train.shape[1] != x_test.shape[1]:
        raise ValueError(
            f"{folder}: training images have {x_train.shape[1]} pixels, test images {x_test.shape[1]}"
        )
    return (x_train.astype(kind, copy=False), t_train), (x_test.astype(kind, copy=False), t_test)


def n_classes(data: Data) -> int:
    """Return how many classes the labels tell apart: at least MNIST's ten."""
    return max(10, *(int(t.max()) + 1 for _, t in data))


def check_writable(*paths: Path | None) -> None:
    """Refuse, before the work begins, what could not be written after it."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory", os.fspath(path))
        if not path.parent.is_dir():
            raise FileNotFoundError(2, "No such folder", os.fspath(path.parent))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(13, "Permission denied", os.fspath(path))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as JSON, wholly or not at all."""
    import json

    from .._files import write_atomically

    text = json.dumps(content, indent=2, allow_nan=False, default=str)
    write_atomically(path, f"{text}\n".encode())
