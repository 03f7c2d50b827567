"""Every right layer agrees with PyTorch's float64 autograd, driven directly, without the suite."""

from pathlib import Path

import pytest
from zoo_files import NEEDS, load, public_names, skip_where_absent
from zoo_witness import CONTRACTS, disagreements

HERE = Path(__file__).parent
manifest = load(HERE / "manifest.py")
RIGHT = manifest.RIGHT
IDS = [f"{r.file}:{r.subject}" for r in RIGHT]
OF_CONTRACT = (
    "cotangent_is_overwritten",
    "input_is_overwritten",
    "second_backward_differs",
    "second_call_differs",
    "results_share_memory",
    "float64_comes_out",
    "cotangent_layout_matters",
    "input_layout_matters",
)
NOT_OF_RANDOM = {"second_call_differs", "cotangent_layout_matters", "input_layout_matters"}
#: Handed from forward to backward, so that calls may be interleaved.
WITH_CACHE = ("cs231n", "scratchnet", "autograd_function", "jax")


@pytest.mark.parametrize("right", RIGHT, ids=IDS)
def test_right_layer_agrees_with_the_reference(right):
    skip_where_absent(right)
    module = load(HERE / right.file)
    for case in right.cases:
        for seed in range(3):
            wrong = disagreements(
                right.convention, module, right.subject, case, seed, tolerance=case.tolerance
            )
            assert not wrong, (case, seed, wrong)


@pytest.mark.parametrize("right", RIGHT, ids=IDS)
def test_right_layer_keeps_the_contract(right):
    skip_where_absent(right)
    module = load(HERE / right.file)
    for name in OF_CONTRACT:
        if name == "second_backward_differs" and right.convention.startswith("updates"):
            continue  # the parameters have moved, as they should
        if name == "float64_comes_out" and "computes_in_float64" in right.conventions:
            continue
        if right.family != "dropout" or name not in NOT_OF_RANDOM:
            assert not CONTRACTS[name](right.convention, module, right.subject, right.cases[0]), name


@pytest.mark.parametrize("right", [r for r in RIGHT if r.convention in WITH_CACHE and r.family != "dropout"],
                         ids=lambda r: f"{r.file}:{r.subject}")  # fmt: skip
def test_right_layer_with_a_cache_lets_calls_interleave(right):
    skip_where_absent(right)
    module = load(HERE / right.file)
    assert not CONTRACTS["interleaved_calls_mix"](right.convention, module, right.subject, right.cases[0])
    if right.convention == "scratchnet":
        assert not CONTRACTS["skipping_one_changes_another"](
            right.convention, module, right.subject, right.cases[0]
        )


def test_ids_are_unique():
    assert len(set(IDS)) == len(IDS)


def test_conventions_are_known():
    assert {c for r in RIGHT for c in r.conventions} <= set(manifest.CONVENTIONS)


def test_every_file_and_every_layer_of_it_is_in_the_manifest():
    files = {p.name for p in HERE.glob("*.py")} - {"manifest.py", "conftest.py", Path(__file__).name}
    assert files == {r.file for r in RIGHT}
    for file in files - {"scipy_layers.py", "autograd_functions.py", "custom_vjps.py"}:
        missing = public_names(HERE / file, {r.subject for r in RIGHT if r.file == file})
        assert missing <= {"Module"}, (file, missing)


def test_awkward_files_are_there():
    assert all((HERE / file).exists() for file in manifest.AWKWARD)


def test_at_least_five_styles():
    assert {"loops", "einsum", "im2col", "stride tricks", "scipy"} <= {r.style for r in RIGHT}
    assert set(NEEDS)
