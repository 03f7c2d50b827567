"""The packaged MNIST: bit for bit the published one, in the book's forms, and loud where it is damaged."""

from __future__ import annotations

import hashlib
import itertools
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from scratchnet.datasets import _codec, _encode, _mnist, load_mnist, load_mnist_part

# Stated here once more, so that a slip in the package's own table would be seen.
PUBLISHED = {
    ("train", "images"): "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ("train", "labels"): "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ("test", "images"): "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ("test", "labels"): "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    train, test = load_mnist(normalize=False)
    return {"train": train, "test": test}


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `_packaged` was asked for, and bytes to give out in place of a file's."""
    seen: dict[str, Any] = {"names": [], "instead": {}}
    original = _mnist._packaged

    def watched(name: str, at_most: int) -> bytes:
        seen["names"].append(name)
        change = seen["instead"].get(name)
        data = original(name, at_most)
        return change(data) if change else data

    monkeypatch.setattr(_mnist, "_packaged", watched)
    return seen


@pytest.mark.parametrize("part", ["train", "test"])
def test_decoded_arrays_are_bit_for_bit_the_published_files(raw: dict[str, Any], part: str) -> None:
    x, t = raw[part]
    images = struct.pack(">4I", 0x803, len(x), 28, 28) + x.tobytes()
    labels = struct.pack(">2I", 0x801, len(t)) + t.tobytes()
    assert hashlib.sha256(images).hexdigest() == PUBLISHED[part, "images"]
    assert hashlib.sha256(labels).hexdigest() == PUBLISHED[part, "labels"]


ALL_FORMS = list(itertools.product(["test"], *[[True, False]] * 3))


@pytest.mark.parametrize(
    ("part", "normalize", "flatten", "one_hot_label"),
    [*ALL_FORMS, ("train", True, True, False), ("train", False, False, True)],
)
def test_every_form_is_the_books(
    raw: dict[str, Any], part: str, normalize: bool, flatten: bool, one_hot_label: bool
) -> None:
    x, t = load_mnist_part(part, normalize, flatten, one_hot_label)
    pixels, labels = raw[part]
    n = {"train": 60_000, "test": 10_000}[part]
    assert x.shape == ((n, 784) if flatten else (n, 1, 28, 28))
    assert x.dtype == (np.float32 if normalize else np.uint8)
    expected = pixels.astype(np.float32) / np.float32(255) if normalize else pixels
    np.testing.assert_array_equal(x.reshape(n, 784), expected, strict=True)
    if one_hot_label:
        np.testing.assert_array_equal(t, np.eye(10)[labels], strict=True)
    else:
        np.testing.assert_array_equal(t, labels, strict=True)


def test_load_mnist_is_its_two_parts_with_the_books_defaults() -> None:
    (x_train, t_train), (x_test, t_test) = load_mnist()
    assert (x_train.shape, x_train.dtype, x_test.shape) == ((60_000, 784), np.float32, (10_000, 784))
    assert (t_train.shape, t_train.dtype, t_test.shape) == ((60_000,), np.uint8, (10_000,))
    assert float(x_train.min()) == 0.0
    assert float(x_train.max()) == 1.0
    assert x_train.flags.c_contiguous


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("one_hot_label", [True, False])
def test_results_are_the_callers_own(normalize: bool, one_hot_label: bool) -> None:
    x, t = load_mnist_part("test", normalize, True, one_hot_label)
    before = x.copy(), t.copy()
    x[...], t[...] = 7, 7
    again = load_mnist_part("test", normalize, True, one_hot_label)
    np.testing.assert_array_equal(again[0], before[0])
    np.testing.assert_array_equal(again[1], before[1])


@pytest.mark.parametrize(("part", "stem"), [("test", "t10k"), ("train", "train")])
def test_loading_one_part_does_not_open_the_other(packaged: dict[str, Any], part: str, stem: str) -> None:
    load_mnist_part(part)
    assert packaged["names"] == [f"mnist/{stem}-images.xz", f"mnist/{stem}-labels.xz"]


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(
        ValueError, match="load_mnist_part: part must be one of 'train', 'test'; got part='valid'"
    ):
        load_mnist_part("valid")


DAMAGES = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-1],
    "cut to half": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0\0\0\0",
    "another file": lambda data: b"\x89PNG" + data,
    "one bit": lambda data: (
        data[: len(data) // 3] + bytes([data[len(data) // 3] ^ 4]) + data[len(data) // 3 + 1 :]
    ),
}


@pytest.mark.parametrize("name", ["mnist/t10k-images.xz", "mnist/t10k-labels.xz"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_one_line(packaged: dict[str, Any], name: str, damage: str) -> None:
    packaged["instead"][name] = DAMAGES[damage]
    with pytest.raises(
        ValueError, match=f"^load_mnist: the packaged file {name} must be undamaged"
    ) as caught:
        load_mnist_part("test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_other_data_of_the_right_size_are_refused_by_their_hash(packaged: dict[str, Any], kind: str) -> None:
    def other(_: bytes) -> bytes:
        if kind == "labels":
            return _codec.encode_labels(np.zeros(10_000, dtype=np.uint8))
        return _codec.encode_images(np.zeros((10_000, 28, 28), dtype=np.uint8))

    packaged["instead"][f"mnist/t10k-{kind}.xz"] = other
    with pytest.raises(ValueError, match=f"t10k-{kind}.xz must decode to the published data, SHA-256"):
        load_mnist_part("test")


def test_a_package_without_its_data_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_mnist.PART_FILES, "test", ("absent", 10_000))
    with pytest.raises(
        FileNotFoundError, match=r"^load_mnist: the package must .* mnist/absent-images.xz in it$"
    ):
        load_mnist_part("test")


def test_importing_the_datasets_imports_nothing_that_only_loading_needs() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import scratchnet.datasets; "
        "heavy = {'lzma', '_lzma', 'gzip', 'hashlib', 'zlib', 'importlib.resources', 'tempfile', 'inspect'}; "
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert done.stdout == "[]\n"


def test_the_encoder_reproduces_the_published_data_and_refuses_others(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, t = load_mnist_part("test", normalize=False)
    for stem in ("train", "t10k"):
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes(
            struct.pack(">4I", 0x803, 10_000, 28, 28) + x.tobytes()
        )
        (tmp_path / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 10_000) + t.tobytes())
    target = tmp_path / "target"
    target.mkdir()
    monkeypatch.setattr(_encode, "_TARGET", target)
    assert str(_encode.main([str(tmp_path)])).startswith("train-images in ")
    assert list(target.iterdir()) == []
    # With the test set's hashes for the training set too, all four are written, and decode to what they were.
    for kind in ("images", "labels"):
        monkeypatch.setitem(_encode.SHA256, f"train-{kind}", PUBLISHED["test", kind])
    assert _encode.main([str(tmp_path)]) is None
    data = (target / "t10k-images.xz").read_bytes()
    np.testing.assert_array_equal(_codec.decode_images(data, (10_000, 28, 28)).reshape(x.shape), x)
    assert str(_encode.main([])).startswith("usage: ")
