"""One test of each twin that a file lists in TWINS and each check of `nn_twins`."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_generate_tests(metafunc):
    if {"twin", "check"} <= set(metafunc.fixturenames):
        from nn_twins import CHECKS

        absent = importlib.util.find_spec("torch") is None
        mark = pytest.mark.skipif(absent, reason="PyTorch is not installed")
        items = [
            pytest.param(twin, check, marks=mark, id=f"{twin.name}: {check.__name__.replace('_', ' ')}")
            for twin in metafunc.module.TWINS
            for check in CHECKS
        ]
        metafunc.parametrize(("twin", "check"), items)
