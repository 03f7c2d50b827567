"""`load_idx`: four files in, arrays out, and one clear line for each thing that can be wrong with a file."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.datasets import _idx, load_idx

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
NAMES = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS]


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


ARRAYS = {
    TRAIN_IMAGES: (np.arange(4 * 3 * 5) * 4 % 256).astype(np.uint8).reshape(4, 3, 5),
    TRAIN_LABELS: np.array([0, 2, 1, 2], dtype=np.uint8),
    TEST_IMAGES: np.full((2, 3, 5), 255, dtype=np.uint8),
    TEST_LABELS: np.array([1, 3], dtype=np.uint8),
}
CONTENT = {name: idx(array) for name, array in ARRAYS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def zipped(folder: Path) -> Path:
    for name in NAMES:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
        (folder / name).unlink()
    return folder


def assert_raw_equals_arrays(folder: Path) -> None:
    (x_train, t_train), (x_test, t_test) = load_idx(folder, normalize=False, flatten=False)
    np.testing.assert_array_equal(x_train[:, 0], ARRAYS[TRAIN_IMAGES], strict=True)
    np.testing.assert_array_equal(x_test[:, 0], ARRAYS[TEST_IMAGES], strict=True)
    np.testing.assert_array_equal(t_train, ARRAYS[TRAIN_LABELS], strict=True)
    np.testing.assert_array_equal(t_test, ARRAYS[TEST_LABELS], strict=True)
    for array in (x_train, t_train, x_test, t_test):
        assert array.flags.writeable


def message(error: type[Exception], folder: Path) -> str:
    with pytest.raises(error) as caught:
        load_idx(folder)
    text = str(caught.value)
    assert text.startswith("load_idx: ")
    assert "\n" not in text
    return text


# --- what is read


def test_plain_files_are_read(folder: Path) -> None:
    assert_raw_equals_arrays(folder)


def test_the_folder_may_be_a_string(folder: Path) -> None:
    (x_train, _), _ = load_idx(str(folder), normalize=False)
    np.testing.assert_array_equal(x_train, ARRAYS[TRAIN_IMAGES].reshape(4, 15), strict=True)


def test_compressed_files_are_read(folder: Path) -> None:
    assert_raw_equals_arrays(zipped(folder))


def test_plain_and_compressed_may_be_mixed_and_plain_is_preferred(folder: Path) -> None:
    (folder / f"{TRAIN_IMAGES}.gz").write_bytes(b"not looked at")
    (folder / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(CONTENT[TEST_LABELS]))
    (folder / TEST_LABELS).unlink()
    assert_raw_equals_arrays(folder)


def test_what_a_browser_unzipped_but_did_not_rename_is_read(folder: Path) -> None:
    for name in NAMES:
        (folder / name).rename(folder / f"{name}.gz")
    assert_raw_equals_arrays(folder)


def test_dotted_names_are_read(folder: Path) -> None:
    for name in NAMES:
        (folder / name).rename(folder / name.replace("-idx", ".idx"))
    assert_raw_equals_arrays(folder)
    zipped_dotted = folder / f"{TEST_IMAGES.replace('-idx', '.idx')}"
    (folder / f"{zipped_dotted.name}.gz").write_bytes(gzip.compress(zipped_dotted.read_bytes()))
    zipped_dotted.unlink()
    assert_raw_equals_arrays(folder)


@pytest.mark.parametrize("prefix", ["emnist-letters-", "emnist-byclass-", "my_set-"])
def test_a_prefix_and_emnists_name_for_the_test_set_are_understood(folder: Path, prefix: str) -> None:
    for name in NAMES:
        (folder / name).rename(folder / (prefix + name.replace("t10k", "test")))
    (folder / f"{prefix}mapping.txt").write_text("1 65 97", encoding="utf-8")
    assert_raw_equals_arrays(folder)


def test_each_form_is_as_load_mnist_gives_it(folder: Path) -> None:
    (x_train, t_train), (x_test, t_test) = load_idx(folder, one_hot_label=True)
    expected = ARRAYS[TRAIN_IMAGES].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(x_train, expected.reshape(4, 15), strict=True)
    np.testing.assert_array_equal(x_test, np.ones((2, 15), np.float32), strict=True)
    # Label 3 is in the test set alone: both parts are as wide.
    np.testing.assert_array_equal(t_train, np.eye(4)[[0, 2, 1, 2]], strict=True)
    np.testing.assert_array_equal(t_test, np.eye(4)[[1, 3]], strict=True)


def test_more_than_ten_classes_are_as_many_columns(folder: Path) -> None:
    (folder / TRAIN_LABELS).write_bytes(idx(np.array([61, 0, 1, 2], np.uint8)))
    (_, t_train), (_, t_test) = load_idx(folder, one_hot_label=True)
    assert (t_train.shape, t_test.shape) == ((4, 62), (2, 62))


# --- what is refused


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert message(FileNotFoundError, tmp_path / "none").endswith(f"got {tmp_path / 'none'}")


def test_a_file_in_place_of_the_folder_is_named(folder: Path) -> None:
    assert "must be a folder" in message(NotADirectoryError, folder / TRAIN_IMAGES)


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(TypeError, match="load_idx: folder must be a path; got folder=None"):
        load_idx(None)  # type: ignore[arg-type]  # the wrong argument is the point


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert message(FileNotFoundError, folder).endswith(f"got a folder without {name}")


def test_an_empty_folder_lacks_all_four(tmp_path: Path) -> None:
    assert message(FileNotFoundError, tmp_path).endswith(", ".join(NAMES))


def test_a_folder_named_like_a_file_is_no_file(folder: Path) -> None:
    (folder / TEST_LABELS).unlink()
    (folder / TEST_LABELS).mkdir()
    assert message(FileNotFoundError, folder).endswith(f"without {TEST_LABELS}")


def test_two_sets_in_one_folder_are_refused(folder: Path) -> None:
    (folder / f"emnist-letters-{TRAIN_IMAGES}").write_bytes(CONTENT[TRAIN_IMAGES])
    assert message(ValueError, folder).endswith("one set only; got sets=['(no prefix)', 'emnist-letters']")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_off_at_any_byte_is_refused(folder: Path, name: str) -> None:
    for length in range(len(CONTENT[name])):
        (folder / name).write_bytes(CONTENT[name][:length])
        text = message(ValueError, folder)
        assert "truncated" in text
        assert name in text


@pytest.mark.parametrize("name", NAMES)
def test_a_compressed_file_cut_off_at_any_byte_is_refused(folder: Path, name: str) -> None:
    zipped(folder)
    content = (folder / f"{name}.gz").read_bytes()
    for length in range(len(content)):
        (folder / f"{name}.gz").write_bytes(content[:length])
        assert name in message(ValueError, folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_compressed_file_of_truncated_content_is_refused(folder: Path, name: str) -> None:
    for length in range(len(CONTENT[name])):
        (folder / name).write_bytes(gzip.compress(CONTENT[name][:length]))
        assert "truncated" in message(ValueError, folder)


@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))),
    data=st.data(),
)
def test_truncating_any_drawn_file_at_any_byte_is_refused(
    tmp_path_factory: pytest.TempPathFactory, images: np.ndarray, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("drawn") / TRAIN_IMAGES
    content = idx(images)
    path.write_bytes(content)
    np.testing.assert_array_equal(_idx.read_idx("load_idx", path, "images"), images, strict=True)
    cut = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:cut])
    with pytest.raises(ValueError, match="truncated"):
        _idx.read_idx("load_idx", path, "images")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("compress", [lambda data: data, gzip.compress], ids=["plain", "gz"])
def test_a_file_that_is_too_long_is_refused(folder: Path, name: str, compress: object) -> None:
    assert callable(compress)
    (folder / name).write_bytes(compress(CONTENT[name] + b"\0"))
    text = message(ValueError, folder)
    assert "too long" in text
    assert name in text


@pytest.mark.parametrize(
    ("name", "other", "found"),
    [(TRAIN_IMAGES, TRAIN_LABELS, "00000801 (labels)"), (TEST_LABELS, TEST_IMAGES, "00000803 (images)")],
)
def test_images_for_labels_and_labels_for_images_are_said_to_be_so(
    folder: Path, name: str, other: str, found: str
) -> None:
    (folder / name).write_bytes(CONTENT[other])
    text = message(ValueError, folder)
    assert name in text
    assert text.endswith(f"got start='{found}'")


@pytest.mark.parametrize("start", [b"\x89PNG", b"<htm", b"\x00\x00\x0d\x03", b"\x03\x08\x00\x00"])
def test_another_magic_number_is_refused(folder: Path, start: bytes) -> None:
    (folder / TRAIN_IMAGES).write_bytes(start + CONTENT[TRAIN_IMAGES][4:])
    assert message(ValueError, folder).endswith(
        f"must start with 00000803, as IDX images do; got start='{start.hex()}'"
    )


def test_labels_that_do_not_match_the_images_are_counted(folder: Path) -> None:
    (folder / TEST_LABELS).write_bytes(idx(np.array([1, 3, 0], np.uint8)))
    text = message(ValueError, folder)
    assert text.endswith(f"a label for each image of {TEST_IMAGES}; got labels=3, images=2")


def test_test_images_of_another_size_are_refused(folder: Path) -> None:
    (folder / TEST_IMAGES).write_bytes(idx(np.zeros((2, 5, 3), np.uint8)))
    assert message(ValueError, folder).endswith("got test=(5, 3), train=(3, 5)")


@pytest.mark.parametrize("shape", [(0, 3, 5), (4, 0, 5), (4, 3, 0)])
def test_a_set_of_nothing_is_refused(folder: Path, shape: tuple[int, int, int]) -> None:
    (folder / TRAIN_IMAGES).write_bytes(idx(np.zeros(shape, np.uint8)))
    assert "at least one of its images" in message(ValueError, folder)


def test_a_flipped_bit_in_a_compressed_file_is_refused(folder: Path) -> None:
    content = gzip.compress(CONTENT[TRAIN_IMAGES])
    for place in range(10, len(content)):  # behind the fixed header, whose time and system bytes mean nothing
        (folder / TRAIN_IMAGES).write_bytes(
            content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        )
        message(ValueError, folder)


@pytest.mark.parametrize("compress", [lambda data: data, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (60_000, 2**16, 2**16), (2**20, 28, 28)])
def test_a_header_alone_allocates_nothing(
    folder: Path, compress: object, shape: tuple[int, int, int]
) -> None:
    assert callable(compress)
    (folder / TRAIN_IMAGES).write_bytes(compress(struct.pack(">4I", 0x803, *shape) + b"\1\2\3"))
    tracemalloc.start()
    try:
        message(ValueError, folder)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_compressed_bomb_is_read_only_as_far_as_its_header_says(folder: Path) -> None:
    bomb = gzip.compress(CONTENT[TRAIN_IMAGES] + bytes(1 << 26))
    (folder / TRAIN_IMAGES).write_bytes(bomb)
    tracemalloc.start()
    try:
        assert "too long" in message(ValueError, folder)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_compressed_file_beyond_the_cap_is_refused_with_the_way_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = ARRAYS[TRAIN_IMAGES].size
    zipped(folder)
    monkeypatch.setattr(_idx, "_LARGEST_UNZIPPED", size)
    assert_raw_equals_arrays(folder)
    monkeypatch.setattr(_idx, "_LARGEST_UNZIPPED", size - 1)
    assert "(gunzip a larger file first)" in message(ValueError, folder)
