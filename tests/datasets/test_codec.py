"""The storage format: decoding undoes encoding, and damage never allocates or passes."""

from __future__ import annotations

import lzma
import tracemalloc

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.datasets import _codec
from scratchnet.datasets._codec import decode_images, decode_labels, encode_images, encode_labels

shapes = st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 18))
pixels = st.one_of(st.just(0), st.sampled_from([1, 253, 254, 255]), st.integers(0, 255))
image_arrays = shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=pixels))


@given(image_arrays)
def test_decoding_undoes_encoding(images: np.ndarray) -> None:
    decoded = decode_images(encode_images(images), images.shape)
    np.testing.assert_array_equal(decoded, images, strict=True)
    assert decoded.flags.writeable


@given(image_arrays, st.integers(1, 300))
@settings(max_examples=50)
def test_the_size_of_a_block_changes_nothing(images: np.ndarray, block_bytes: int) -> None:
    data = encode_images(images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_codec, "_BLOCK_BYTES", block_bytes)
        np.testing.assert_array_equal(decode_images(data, images.shape), images, strict=True)


@given(hnp.arrays(np.uint8, st.integers(0, 50)))
def test_decoding_labels_undoes_encoding(labels: np.ndarray) -> None:
    decoded = decode_labels(encode_labels(labels), len(labels))
    np.testing.assert_array_equal(decoded, labels, strict=True)
    assert decoded.flags.writeable


@given(image_arrays)
@settings(max_examples=50)
def test_the_order_of_the_values_is_the_documented_one(images: np.ndarray) -> None:
    padded = np.pad(images != 0, ((0, 0), (1, 1), (1, 1)))
    keyed = [
        (int(padded[n, i : i + 3, j : j + 3].sum()), int(images[n, i, j]))
        for n, i, j in np.ndindex(*images.shape)
        if images[n, i, j]
    ]
    expected = bytes(value for _, value in sorted(keyed, key=lambda pair: pair[0]))
    row_bytes = images.shape[2] // 8 + 1
    whole = lzma.decompress(encode_images(images))  # to other tools it is one .xz file
    mask_bytes = images.shape[0] * images.shape[1] * row_bytes
    assert whole[mask_bytes:] == expected
    bits = np.unpackbits(np.frombuffer(whole[:mask_bytes], np.uint8), bitorder="little")
    mask = bits.reshape(*images.shape[:2], row_bytes * 8)
    np.testing.assert_array_equal(mask[:, :, : images.shape[2]], images != 0)
    assert not mask[:, :, images.shape[2] :].any()


IMAGES = np.arange(3 * 5 * 7, dtype=np.uint8).reshape(3, 5, 7) % 5


def test_cutting_off_any_number_of_bytes_is_refused() -> None:
    data = encode_images(IMAGES)
    for length in range(len(data)):
        with pytest.raises(ValueError, match="xz data"):
            decode_images(data[:length], IMAGES.shape)


@pytest.mark.parametrize("shape", [(2, 5, 7), (4, 5, 7), (3, 4, 7), (3, 5, 8)])
def test_another_shape_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="xz data"):
        decode_images(encode_images(IMAGES), shape)


@pytest.mark.parametrize("tail", [b"\0", b"\0\0\0\0", encode_labels(np.zeros(3, np.uint8))])
def test_bytes_after_the_end_are_refused(tail: bytes) -> None:
    with pytest.raises(ValueError, match="after the end"):
        decode_images(encode_images(IMAGES) + tail, IMAGES.shape)
    with pytest.raises(ValueError, match="after the end"):
        decode_labels(encode_labels(IMAGES[0, 0]) + tail, 7)


def test_more_values_or_fewer_than_the_mask_has_are_refused() -> None:
    mask = lzma.compress(bytes([0b011]))
    assert decode_images(mask + lzma.compress(b"ab"), (1, 1, 3)).tolist() == [[[97, 98, 0]]]
    for values in (b"a", b"abc"):
        with pytest.raises(ValueError, match="xz data hold"):
            decode_images(mask + lzma.compress(values), (1, 1, 3))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = lzma.compress(bytes(1 << 26), preset=0)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than the 6 bytes"):
            decode_labels(bomb, 6)
        with pytest.raises(ValueError, match="more than the 10 bytes"):
            decode_images(bomb, (2, 5, 7))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_header_that_asks_for_a_large_dictionary_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 26}]
    with pytest.raises(ValueError, match="damaged"):
        decode_labels(lzma.compress(b"abc", filters=filters), 3)
