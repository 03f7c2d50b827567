"""Files of layers as the command loads them."""

import sys
from pathlib import Path

import pytest

from scratchnet_crosscheck import discover
from scratchnet_crosscheck.adapters import recognise

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Load a file of this source as the command does; return its candidates by name, and the notes."""

    def load(source, **like):
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "layers_of_a_test.py"
        path.write_text("import numpy as np\n" + source, encoding="utf-8")
        module, notes = discover.load(path)
        return {c.name: c for c in recognise(discover.defined(module), like)}, notes

    return load


@pytest.fixture
def candidates(loaded):
    """Load a file of this source as the command does; return its candidates by name."""
    return lambda source, **like: loaded(source, **like)[0]
