"""What `import scratchnet` brings along: NumPy, and nothing heavy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scratchnet

HEAVY = {
    "argparse",
    "json",
    "lzma",
    "gzip",
    "hashlib",
    "zipfile",
    "tempfile",
    "importlib.metadata",
    "inspect",
}
FOREIGN = {"torch", "jax", "hypothesis", "pytest", "matplotlib", "tqdm", "scipy", "scratchnet_crosscheck"}


def _modules_after(code):
    program = (
        f"import sys, numpy; before = set(sys.modules); {code}; found = set(sys.modules) - before; "
        "import json; print(json.dumps(sorted(found)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return set(json.loads(done.stdout))


def test_importing_scratchnet_imports_two_modules_of_its_own_and_no_room():
    ours = {name for name in _modules_after("import scratchnet") if name.startswith("scratchnet")}
    assert ours == {"scratchnet"}


@pytest.mark.parametrize("room", ["functional", "nn", "optim", "numerical", "datasets", "book"])
def test_a_room_imports_numpy_and_nothing_foreign_or_heavy(room):
    found = _modules_after(f"import scratchnet.{room}")
    assert not found & FOREIGN
    # What NumPy itself imports lazily is not held against the room.
    assert not found & HEAVY


def test_rooms_are_found_without_being_imported_one_by_one():
    found = _modules_after(
        "import scratchnet; scratchnet.nn.Linear; scratchnet.functional.relu; scratchnet.optim.SGD"
    )
    assert "scratchnet.nn" in found
    assert "scratchnet.book" not in found
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        _ = scratchnet.nowhere
    assert {"nn", "functional", "numerical"} <= set(dir(scratchnet))


@pytest.mark.skipif("SCRATCHNET_TEST_WHEEL" not in os.environ, reason="says which package tox tests")
def test_what_is_tested_is_the_installed_wheel():
    assert "site-packages" in Path(scratchnet.__file__).parts
    assert (Path(scratchnet.__file__).parent / "py.typed").exists()


def test_the_version_is_the_distributions():
    from importlib.metadata import metadata

    found = metadata("scratchnet-crosscheck")
    assert found["Version"] == scratchnet.__version__
    assert found["License-Expression"] == "MIT AND CC-BY-SA-3.0"
    runtime = [line for line in found.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert [line.split(">")[0] for line in runtime] == ["numpy"]
