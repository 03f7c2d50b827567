"""Every wrong layer is wrong, in what its entry says and in nothing else; without the suite."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from zoo_files import load, public_names, skip_where_absent
from zoo_witness import CONTRACTS, disagreements

HERE = Path(__file__).parent
manifest = load(HERE / "manifest.py")
WRONG = manifest.WRONG
IDS = [f"{w.file}:{w.subject}" for w in WRONG]
BENIGN = [(w, i) for w, i in zip(WRONG, IDS, strict=True) if w.benign is not None]


@pytest.mark.parametrize("wrong", WRONG, ids=IDS)
def test_wrong_layer_is_wrong_in_its_witness_and_nowhere_else(wrong):
    skip_where_absent(wrong)
    module = load(HERE / wrong.file)
    if wrong.how != "values":
        with np.errstate(all="ignore"):
            assert CONTRACTS[wrong.how](wrong.convention, module, wrong.subject, wrong.case)
        return
    found = disagreements(wrong.convention, module, wrong.subject, wrong.case)
    assert set(found) == set(wrong.parts), found
    assert all(isinstance(v, str) or v > 1e-6 for v in found.values()), found


@pytest.mark.parametrize("wrong", [w for w, _ in BENIGN], ids=[i for _, i in BENIGN])
def test_wrong_layer_is_right_where_its_slip_does_not_show(wrong):
    skip_where_absent(wrong)
    module = load(HERE / wrong.file)
    for seed in range(2):
        assert not disagreements(wrong.convention, module, wrong.subject, wrong.benign, seed)


def test_ids_are_unique():
    assert [name for name, count in Counter(IDS).items() if count > 1] == []


def test_there_are_at_least_eighty_in_at_least_four_conventions():
    assert len(WRONG) >= 80
    assert len({w.convention for w in WRONG}) >= 4


def test_diagnoses_are_defined():
    assert {w.diagnosis for w in WRONG} <= set(manifest.DIAGNOSES)


def test_every_property_has_a_wrong_layer_that_must_fail_it():
    properties = pytest.importorskip("scratchnet_crosscheck.properties").properties()
    named = {name for w in WRONG for name in w.properties}
    assert named <= set(properties), named - set(properties)
    assert set(properties) <= named, set(properties) - named


def test_every_file_and_every_layer_of_it_is_in_the_manifest():
    files = {p.name for p in HERE.glob("*.py")} - {
        "manifest.py",
        "conftest.py",
        "misbehaves.py",
        Path(__file__).name,
    }
    assert files == {w.file for w in WRONG}
    for file in files - {"torch_functions.py", "jax_functions.py"}:
        missing = public_names(HERE / file, {w.subject for w in WRONG if w.file == file})
        assert not missing, (file, missing)


def test_what_misbehaves_does():
    module = load(HERE / "misbehaves.py")
    assert public_names(HERE / "misbehaves.py", set()) == set(manifest.MISBEHAVES)
    x = np.ones((2, 3))
    for name, error in (("Relu", AttributeError), ("Sigmoid", SystemExit)):
        layer = getattr(module, name)()
        layer.forward(x)
        with pytest.raises(error):
            layer.backward(x)
    for name, kind in (("Tanh", type(None)), ("Softmax", list)):
        layer = getattr(module, name)()
        layer.forward(x)
        assert isinstance(layer.backward(x), kind)
    affine = module.Affine(np.ones((3, 2)), np.zeros(2))
    assert affine.backward(affine.forward(x)).shape == (6,)
