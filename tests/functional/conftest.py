"""One test for each operation of a family and each property, with each oracle.

A file here names its FAMILY; what is tested follows from the catalogue and the properties.
"""

import importlib.util
import os

import hypothesis
import pytest

from scratchnet_crosscheck.catalogue import operations
from scratchnet_crosscheck.run import PROFILES, Plan, Profile, check_property, plans

# Mutation testing runs every test against hundreds of wrong functions: few cases, and none made smaller.
FEW = Profile("few", 24, shrinking=0.0)
hypothesis.settings.register_profile(
    "few",
    max_examples=20,
    deadline=None,
    database=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)

# An oracle that PyTorch-free and JAX-free environments go without.
PACKAGES = {"torch": "PyTorch", "jax": "JAX"}


def _item(entry, plan: Plan):
    marks = []
    if plan.oracle in PACKAGES:
        absent = importlib.util.find_spec(plan.oracle) is None
        marks.append(pytest.mark.skipif(absent, reason=f"{PACKAGES[plan.oracle]} is not installed"))
    return pytest.param(entry, plan, marks=marks, id=f"{entry.name}: {plan.words}")


def pytest_generate_tests(metafunc):
    if {"entry", "plan"} <= set(metafunc.fixturenames):
        items = []
        for entry in operations(metafunc.module.FAMILY).values():
            oracles = ("torch", "jax") if entry.jax is not None else ("torch",)
            items += [_item(entry, plan) for plan in plans(entry, oracles)]
        metafunc.parametrize(("entry", "plan"), items)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Two libraries with a thread for each core wait for one another."""
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def verify(request, record_property):
    """Run one check; fail with its smallest case, or because it ran on nothing."""

    def run(entry, plan):
        seed = request.config.getoption("--hypothesis-seed", default=None)
        number = (
            int(seed) if seed is not None and str(seed).isdigit() else 0
        )  # `scratchnet prove` tries others
        profile = PROFILES[os.environ.get("SCRATCHNET_PROFILE", "default")]
        profile = FEW if "SCRATCHNET_FEW_CASES" in os.environ else profile
        result = check_property(entry, plan, profile=profile, seed=number)
        record_property("cases", result.cases)
        record_property("worst", result.worst)
        if result.verdict == "not_applicable":
            pytest.skip(result.message)
        if result.verdict != "passed":
            pytest.fail(str(result), pytrace=False)

    return run
