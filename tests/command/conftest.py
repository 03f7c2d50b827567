"""Running the command line as a user does: in a process of its own, away from the checkout."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def run(tmp_path):
    """Run ``scratchnet`` with arguments in an empty folder; return what the process left."""

    def run(*arguments, expect=0, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "scratchnet", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def write_idx():
    """Write an IDX file of unsigned bytes, as the MNIST files are."""
    return _write_idx


def _write_idx(path, array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def small_data(tmp_path):
    """Return a folder with a small set of 4 by 4 images that a network can learn."""
    folder = tmp_path / "data"
    folder.mkdir()
    random = np.random.default_rng(0)
    for stem, n in (("train", 300), ("t10k", 100)):
        labels = random.integers(3, size=n)
        images = random.integers(40, size=(n, 4, 4))
        images[np.arange(n), labels] += 200
        _write_idx(folder / f"{stem}-images-idx3-ubyte", images)
        _write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", labels)
    return folder
