"""No layer is left out: each is held against its twin of torch.nn, or its test is named here."""

import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest

from scratchnet import nn
from scratchnet.nn._layer import _OF_PYTORCH

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


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"Layer", "Sequential", "ModuleList", "ModuleDict"}))
def test_a_layer_takes_its_inputs_under_the_names_of_pytorch(name):
    torch = pytest.importorskip("torch")
    if not hasattr(torch.nn, name):
        pytest.skip("a layer of scratchnet's own")
    theirs = list(inspect.signature(getattr(torch.nn, name).forward).parameters)[1:]
    ours = list(inspect.signature(getattr(nn, name).forward).parameters)[1:]
    assert [_OF_PYTORCH.get(given, given) for given in theirs] == ours


def test_a_call_by_name_is_the_call_by_position():
    x, target, logs = np.array([[1.0, -2.0]]), np.array([1]), np.array([0.5])
    layer = nn.Linear(2, 2, dtype=np.float64)
    assert np.array_equal(layer(input=x), layer(x))
    assert layer.backward(np.ones((1, 2))).shape == x.shape
    assert nn.CrossEntropyLoss()(x, target=target) == nn.CrossEntropyLoss()(x, target)
    assert nn.PoissonNLLLoss()(log_input=logs, target=logs) == nn.PoissonNLLLoss()(logs, logs)
    with pytest.raises(TypeError, match="other"):
        layer(other=x)
