"""What is installed has the data: found as resources of the installed package and decoded from there."""

from __future__ import annotations

import hashlib
import struct
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import pytest

from scratchnet.datasets._codec import decode_images, decode_labels

PUBLISHED = {
    ("train", 60_000, "images"): "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ("train", 60_000, "labels"): "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ("t10k", 10_000, "images"): "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ("t10k", 10_000, "labels"): "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def test_the_package_under_test_is_the_one_the_wheel_installed() -> None:
    installed = distribution("scratchnet-crosscheck")
    recorded = {str(path) for path in installed.files or ()}
    if "scratchnet/datasets/_mnist.py" not in recorded:
        pytest.skip("an editable install: no wheel to look at")
    # A run from the repository's root may import the repository instead, and prove nothing about the wheel.
    assert Path(str(files("scratchnet"))).samefile(str(installed.locate_file("scratchnet")))
    assert recorded >= {f"scratchnet/datasets/mnist/{stem}-{kind}.xz" for stem, _, kind in PUBLISHED}
    assert "scratchnet/datasets/mnist/LICENSE-MNIST.txt" in recorded


@pytest.mark.parametrize(("stem", "n", "kind"), PUBLISHED)
def test_the_installed_data_are_bit_for_bit_the_published_files(stem: str, n: int, kind: str) -> None:
    data = files("scratchnet").joinpath("datasets", "mnist", f"{stem}-{kind}.xz").read_bytes()
    if kind == "images":
        published = struct.pack(">4I", 0x803, n, 28, 28) + decode_images(data, (n, 28, 28)).tobytes()
    else:
        published = struct.pack(">2I", 0x801, n) + decode_labels(data, n).tobytes()
    assert hashlib.sha256(published).hexdigest() == PUBLISHED[stem, n, kind]


def test_the_datas_licence_and_attribution_are_installed_beside_them() -> None:
    text = files("scratchnet").joinpath("datasets", "mnist", "LICENSE-MNIST.txt").read_text(encoding="utf-8")
    for part in ("Yann LeCun", "Corinna Cortes", "Christopher J.C. Burges", "CC BY-SA 3.0", "NIST"):
        assert part in text
    assert "https://creativecommons.org/licenses/by-sa/3.0/" in text


def test_the_data_take_less_than_nine_megabytes() -> None:
    folder = files("scratchnet").joinpath("datasets", "mnist")
    assert sum(len(path.read_bytes()) for path in folder.iterdir()) < 8.92e6
