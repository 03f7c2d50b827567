"""No layer is left out: each is held against its twin of torch.nn, or its test is named here."""

import importlib.util
from pathlib import Path

import pytest

from scratchnet import nn

# Layers that are no shells of one function, and where they are proven.
ELSEWHERE = {
    "Layer": "test_layer.py",
    "Sequential": "test_containers.py",
    "ModuleList": "test_containers.py",
    "ModuleDict": "test_containers.py",
    "Sum": "test_containers.py",
    "Concatenate": "test_containers.py",
}
HERE = Path(__file__).parent


def _twins():
    found = set()
    for path in sorted(HERE.glob("test_*.py")):
        if path.name == Path(__file__).name or "TWINS" not in path.read_text(encoding="utf-8"):
            continue
        spec = importlib.util.spec_from_file_location(f"twins_of_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= {getattr(twin, "name", twin) for twin in getattr(module, "TWINS", ())}
    return found


LAYERS = sorted(
    name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Layer)
)


@pytest.fixture(scope="module")
def twins():
    return _twins()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_held_against_its_twin(name, twins):
    assert name in twins or (name in ELSEWHERE and name in (HERE / ELSEWHERE[name]).read_text("utf-8"))
