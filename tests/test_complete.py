"""Nothing is missing: every public function has an entry, a layer and all sections of its docstring."""

import inspect

import pytest

import scratchnet.functional as F
from scratchnet import nn
from scratchnet_crosscheck.catalogue import operations

# A function that has no layer, with the reason.
NO_LAYER: dict[str, str] = {
    "affine_grid": "torch.nn has none",
    "grid_sample": "torch.nn has none",
    "interpolate": "its layers are called Upsample",
    "pad": "its layers are called ConstantPad1d, ReflectionPad2d and so on",
}

SECTIONS = ("Parameters", "Returns", "Raises", "Notes", "Examples")

# Nothing is computed, so there is no formula to find the source of.
NO_REFERENCE = {"flatten", "unflatten"}


def _functions():
    return sorted(
        name for name, value in vars(F).items() if inspect.isfunction(value) and not name.startswith("_")
    )


@pytest.mark.parametrize("name", _functions())
def test_a_public_function_has_a_catalogue_entry(name):
    assert name in operations()


@pytest.mark.parametrize("name", operations())
def test_a_catalogue_entry_has_a_function(name):
    assert name in _functions()


@pytest.mark.parametrize("name", operations())
def test_a_catalogue_entry_has_bad_calls(name):
    assert len(operations()[name].invalid) >= 5


def _layers(name):
    """Return what the layer of a function may be called: batch_norm's is BatchNorm1d, nll_loss's NLLLoss."""
    plain = name.replace("_", "").replace("binarycrossentropy", "bce")
    return {plain, f"{plain}loss", *(f"{plain}{n}d" for n in (1, 2, 3))}


@pytest.mark.parametrize("name", _functions())
def test_a_public_function_has_a_layer(name):
    found = [
        layer
        for layer, value in vars(nn).items()
        if inspect.isclass(value) and layer.lower() in _layers(name)
    ]
    assert bool(found) != (name in NO_LAYER), (
        f"its layer in scratchnet.nn: {found}; say in NO_LAYER why it has none"
    )


@pytest.mark.parametrize("name", _functions())
def test_a_docstring_has_all_its_sections(name):
    text = inspect.getdoc(getattr(F, name)) or ""
    wanted = SECTIONS if name in NO_REFERENCE else (*SECTIONS, "References")
    missing = [section for section in wanted if f"\n{section}\n{'-' * len(section)}\n" not in text]
    assert not missing
    assert ">>> " in text
    if "are `" not in text.split("Notes\n", 1)[1]:  # "The formulas and conventions are `avg_pool2d`'s"
        assert "Forward" in text
        assert "Backward" in text


def test_exemptions_are_functions():
    assert set(NO_LAYER) | NO_REFERENCE <= set(_functions())
