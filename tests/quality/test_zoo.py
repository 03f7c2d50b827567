"""The suite proves itself: wrong layers of the zoo are caught, named and explained, right ones pass."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("zoo", Path(__file__).parent / "zoo.py")
zoo = importlib.util.module_from_spec(_spec)
sys.modules["zoo"] = zoo
_spec.loader.exec_module(zoo)

pytestmark = pytest.mark.zoo
TORCH = importlib.util.find_spec("torch") is not None
JAX = importlib.util.find_spec("jax") is not None


def _runs(entry) -> bool:
    needs = {"torch_functions.py": TORCH, "autograd_functions.py": TORCH, "jax_functions.py": JAX}
    needs["custom_vjps.py"] = JAX
    needs["scipy_layers.py"] = importlib.util.find_spec("scipy") is not None
    return needs.get(entry.file, True)


def _params(which: str) -> list:
    return [
        pytest.param(entry, id=f"{entry.file.removesuffix('.py')}-{entry.subject}")
        for entry in zoo.entries(which)
        if _runs(entry)
    ]


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Undo what importing a file as a script does to the process."""
    folder, path, argv, modules = Path.cwd(), sys.path[:], sys.argv, set(sys.modules)
    yield
    os.chdir(folder)
    sys.path[:], sys.argv = path, argv
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(zoo.TESTS)):
            del sys.modules[name]


@pytest.mark.skipif(not TORCH, reason="needs PyTorch: only it knows every kind of layer in the zoo")
@pytest.mark.parametrize("entry", _params("wrong"))
def test_wrong_layer_is_caught_by_its_property_and_explained_by_its_cause(entry) -> None:
    from scratchnet_crosscheck.checking import known_checks

    others = set(known_checks()) - set(entry.properties)  # the program zoo.py runs them all
    (said,) = zoo.check("wrong", entry.file, [entry.subject], [0], "default", skip=others)
    assert zoo.wrong_with(entry, said) == ""


@pytest.mark.parametrize("entry", _params("right"))
def test_right_layer_raises_no_alarm_and_its_conventions_are_named(entry) -> None:
    (said,) = zoo.check(
        "right",
        entry.file,
        [entry.subject],
        [0],
        "default" if TORCH else "quick",
        "torch" if TORCH else "golden",
    )
    assert zoo.alarm_of(entry, said) == ""
