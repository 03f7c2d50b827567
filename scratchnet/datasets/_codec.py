"""The storage format of the packaged images, and of the labels beside them.

Most of an MNIST image is exactly 0, and how bright a pixel is depends above all on how much ink surrounds it.
So the images of a file become two sequences of bytes, each compressed by xz:

1. **the mask**: one bit a pixel, 1 where the pixel is not 0, least significant bit first. Each row of an
   image is padded by zero bits to ``columns // 8 + 1`` whole bytes (at least one bit of padding, which the
   encoder and decoder use as a wall between rows; rows that start on a byte also compress better);
2. **the values**: the non-zero pixels, ordered by the number of non-zero pixels among the 3 x 3 around each
   (1 to 9), and those with the same number in the order of the images. The mask alone gives this order, so
   the decoder has it before it sees a value. It saves an eighth of the values' bytes.

The two xz streams follow each other in one file, with no header of its own: who decodes knows the shape.
That makes it an ordinary .xz file to other tools. Labels are one xz stream of one byte a label.

A decoder here never allocates more than the shape it was given implies, whatever the file says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._types import Array

_BLOCK_BYTES = 1 << 18  # pixels handled at once: the passes over a block stay in the processor's cache
_DICTIONARY = 1 << 23  # 0.5 % smaller than with 1 << 20, and as fast
_MEMORY_LIMIT = 1 << 24  # refuses a damaged xz header that asks for a larger dictionary


def encode_images(images: Array) -> bytes:
    """Compress uint8 images of shape (N, H, W); `decode_images` gives exactly these back.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.array([[[0, 7], [255, 0]]], dtype=np.uint8)
    >>> decode_images(encode_images(images), images.shape).tolist()
    [[[0, 7], [255, 0]]]
    """
    n, rows, columns = images.shape
    padded = np.zeros((n, rows, _row_bytes(columns) * 8), dtype=np.uint8)
    padded[:, :, :columns] = images
    ink = padded != 0
    bits = np.packbits(ink, bitorder="little")
    order = np.argsort(_ink_around(ink.view(np.uint8))[ink], kind="stable")
    return _xz(bits.tobytes(), lc=1, lp=2, pb=2) + _xz(padded[ink][order].tobytes(), lc=4, lp=0, pb=0)


def decode_images(data: bytes, shape: tuple[int, int, int]) -> Array:
    """Return the uint8 images of shape (N, H, W) that `encode_images` compressed.

    Raises
    ------
    ValueError
        `data` is damaged, or holds images of another shape.
    """
    n, rows, columns = shape
    row_bytes = _row_bytes(columns)
    mask, rest = _unxz(data, n * rows * row_bytes)
    bits = np.frombuffer(mask, dtype=np.uint8).reshape(n, rows, row_bytes)
    keys = np.concatenate([_ink_around(ink)[ink.view(np.bool_)] for _, ink in _unpacked(bits)])
    stored, rest = _unxz(rest, keys.size)
    if rest:
        raise ValueError("there are bytes after the end of the data")
    values = np.empty(keys.size, dtype=np.uint8)
    done = 0
    for key in range(1, 10):  # undoes the encoder's stable argsort, in less time and memory than by another
        places = np.flatnonzero(keys == key)
        values[places] = np.frombuffer(stored, dtype=np.uint8, count=places.size, offset=done)
        done += places.size

    images = np.empty(shape, dtype=np.uint8)
    done = 0
    for block, ink in _unpacked(bits):
        mask_of_block = ink.view(np.bool_)
        count = np.count_nonzero(mask_of_block)
        ink[mask_of_block] = values[done : done + count]  # 1 becomes the value; the zeros are right already
        images[block] = ink[:, :, :columns]
        done += count
    return images


def encode_labels(labels: Array) -> bytes:
    """Compress uint8 labels of shape (N,); `decode_labels` gives exactly these back."""
    return _xz(labels.tobytes(), lc=0, lp=0, pb=0)


def decode_labels(data: bytes, n: int) -> Array:
    """Return the `n` uint8 labels that `encode_labels` compressed.

    Raises
    ------
    ValueError
        `data` is damaged, or holds another number of labels.
    """
    stored, rest = _unxz(data, n)
    if rest:
        raise ValueError("there are bytes after the end of the data")
    return np.frombuffer(
        bytearray(stored), dtype=np.uint8
    )  # a bytearray, so that the array can be written to


def _row_bytes(columns: int) -> int:
    return columns // 8 + 1


def _unpacked(bits: Array) -> Iterator[tuple[slice, Array]]:
    """Yield ``(which images, their mask as 0 and 1 of shape (n, H, 8 * row bytes))`` a block at a time."""
    n, rows, row_bytes = bits.shape
    step = max(1, _BLOCK_BYTES // max(1, rows * row_bytes * 8))
    for start in range(0, max(n, 1), step):  # one empty block for no images, so that there is one to join
        block = slice(start, start + step)
        ink = np.unpackbits(bits[block].reshape(-1), bitorder="little")
        yield block, ink.reshape(len(bits[block]), rows, row_bytes * 8)


def _ink_around(ink: Array) -> Array:
    """Return for each pixel how many of the 3 x 3 around it are 1; the last column of `ink` must be 0."""
    flat = ink.reshape(-1)
    # A row's neighbours beyond its ends are the padding of this row and of the one before: zeros.
    across = flat.copy()
    across[1:] += flat[:-1]
    across[:-1] += flat[1:]
    across = across.reshape(ink.shape)
    around: Array = across.copy()
    around[:, 1:] += across[:, :-1]
    around[:, :-1] += across[:, 1:]
    return around


def _xz(data: bytes, *, lc: int, lp: int, pb: int) -> bytes:
    """Compress with as much effort as xz has; `lc`, `lp`, `pb` are what was found best for each sequence."""
    import lzma

    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "dict_size": _DICTIONARY,
            "lc": lc,
            "lp": lp,
            "pb": pb,
            "mode": lzma.MODE_NORMAL,
            "mf": lzma.MF_BT4,
            "nice_len": 273,
            "depth": 1000,
        }
    ]
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=filters)


def _unxz(data: bytes, size: int) -> tuple[bytes, bytes]:
    """Return the content of the first xz stream, which must be `size` bytes, and what follows the stream."""
    import lzma

    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)
    try:
        # One byte more than there should be: enough to see that there is too much, and the end of the stream.
        content = decompressor.decompress(data, max_length=size + 1)
    except lzma.LZMAError as error:
        raise ValueError(f"its xz data are damaged ({error})") from error
    if len(content) > size:
        raise ValueError(f"its xz data hold more than the {size} bytes expected")
    if not decompressor.eof:
        raise ValueError(f"its xz data are cut off after {len(content)} of {size} bytes")
    if len(content) != size:
        raise ValueError(f"its xz data hold {len(content)} bytes where {size} are expected")
    return content, decompressor.unused_data
