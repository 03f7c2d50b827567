"""Import a file of the zoo by its path, as often as asked under the same name."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import pytest

#: Conventions whose files need a package that may be absent, and files that do.
NEEDS = {"autograd_function": "torch", "jax": "jax", "scipy_layers.py": "scipy"}


@cache
def load(path: Path):
    """Return the module in `path`."""
    name = f"zoo_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def skip_where_absent(entry):
    """Skip what cannot be proven here."""
    pytest.importorskip("torch", reason="the references are PyTorch's")
    for key in (entry.convention, entry.file):
        if key in NEEDS:
            pytest.importorskip(NEEDS[key])


def public_names(path: Path, names: set[str]):
    """Return what a file defines that could be a subject, and is not among `names`."""
    module = load(path)
    found = set()
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if (
            isinstance(value, type) and any(hasattr(value, m) for m in ("forward", "forward_pass"))
        ) or name.endswith("_forward"):
            found.add(name)
    return found - names
