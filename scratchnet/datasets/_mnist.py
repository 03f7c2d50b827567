"""MNIST: 70,000 handwritten digits, shipped inside the package.

The files in ``mnist/`` are written by ``_encode.py`` and described in ``_codec.py``. Their licence is not the
code's: see ``mnist/LICENSE-MNIST.txt``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .._check import check_option, refuse
from ._arrange import arrange
from ._codec import decode_images, decode_labels
from ._idx import idx_header

if TYPE_CHECKING:
    from .._types import Array
    from ._arrange import Part

SIDE = 28
PART_FILES = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
"""For each part the stem of its files' names, which are those of the published files, and its size."""

SHA256 = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""The published, uncompressed IDX files; what is decoded here must be exactly these."""


def load_mnist(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> tuple[Part, Part]:
    """Load MNIST: 60,000 images to train on and 10,000 to test with.

    Parameters
    ----------
    normalize : bool
        Give float32 pixels in [0, 1] instead of uint8 in 0 .. 255.
    flatten : bool
        Give images as rows (N, 784) instead of (N, 1, 28, 28).
    one_hot_label : bool
        Give labels as float64 (N, 10) with one 1 a row instead of uint8 (N,).

    Returns
    -------
    (x_train, t_train), (x_test, t_test)
        Fresh arrays at each call.

    Raises
    ------
    FileNotFoundError
        The package was installed without its data.
    ValueError
        The data are damaged: they are compared with the SHA-256 of the published files.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998.

    Examples
    --------
    >>> (x_train, t_train), (x_test, t_test) = load_mnist()
    >>> x_train.shape, x_train.dtype, t_test.shape, t_test.dtype
    ((60000, 784), dtype('float32'), (10000,), dtype('uint8'))
    >>> t_train[:8].tolist()
    [5, 0, 4, 1, 9, 2, 1, 3]
    """
    return (
        load_mnist_part("train", normalize, flatten, one_hot_label),
        load_mnist_part("test", normalize, flatten, one_hot_label),
    )


def load_mnist_part(
    part: str, normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> Part:
    """Load one part of MNIST without decoding the other.

    Parameters
    ----------
    part : {"train", "test"}
        Which of the two.
    normalize, flatten, one_hot_label : bool
        As for `load_mnist`.

    Returns
    -------
    x, t
        Images and labels, fresh arrays.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `load_mnist`.

    Examples
    --------
    >>> x, t = load_mnist_part("test", flatten=False, one_hot_label=True)
    >>> x.shape, t.shape
    ((10000, 1, 28, 28), (10000, 10))
    >>> t[0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    """
    check_option("load_mnist_part", "part", part, PART_FILES)
    stem, n = PART_FILES[part]
    images = _load(f"{stem}-images", (n, SIDE, SIDE))
    labels = _load(f"{stem}-labels", (n,))
    return arrange(images, labels, normalize, flatten, 10 if one_hot_label else None)


def _load(stem: str, shape: tuple[int, int, int] | tuple[int]) -> Array:
    """Return the array of one packaged file, once it is known to be the published one."""
    import hashlib

    name = f"mnist/{stem}.xz"
    data = _packaged(name, math.prod(shape))
    try:
        array = decode_images(data, shape) if len(shape) == 3 else decode_labels(data, *shape)
    except ValueError as error:
        raise refuse(
            "load_mnist",
            f"the packaged file {name} must be undamaged (install the package again)",
            error=str(error),
        ) from error
    digest = hashlib.sha256(idx_header(shape))
    digest.update(array.data.cast("B"))
    if digest.hexdigest() != SHA256[stem]:
        raise refuse(
            "load_mnist",
            f"the packaged file {name} must decode to the published data, SHA-256 {SHA256[stem]} "
            "(install the package again)",
            sha256=digest.hexdigest(),
        )
    return array


def _packaged(name: str, at_most: int) -> bytes:
    """Return the bytes of a file of the package; it is smaller than what it decodes to, or it is damaged."""
    from importlib.resources import files

    resource = files("scratchnet.datasets").joinpath(name)
    if not resource.is_file():
        raise FileNotFoundError(
            f"load_mnist: the package must have been installed with its data; got no file {name} in it"
        )
    with resource.open("rb") as file:
        return file.read(at_most)
