"""What mutation testing goes by: every module is in a family, and the table of equivalent mutants is sound.

The mutants themselves are run by the tox environment of that name: it takes minutes a family.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("quality_mutation", Path(__file__).with_name("mutation.py"))
mutation = importlib.util.module_from_spec(_spec)
sys.modules["quality_mutation"] = mutation
_spec.loader.exec_module(mutation)


def test_every_module_with_mathematics_belongs_to_a_family():
    assert mutation.without_family() == []


def test_every_family_has_its_tests():
    for family in mutation.FAMILIES:
        tests = mutation.ROOT / "tests/functional"
        missing = [name for name in mutation.tests_of(family) if not (tests / f"test_{name}.py").exists()]
        assert not missing, family


def test_every_equivalent_mutant_is_of_a_line_that_is_there():
    listed = mutation.listed()
    assert listed
    for change, why in listed.items():
        module = change.where.split(".")[0]
        source = (mutation.ROOT / f"scratchnet/functional/_{module}.py").read_text(encoding="utf-8")
        flat = " ".join(source.split())
        assert change.before in flat, f"{change} ({why})"


@pytest.mark.parametrize(
    ("before", "after", "wording"),
    [
        ('raise refuse("f", "x must be large", x=x)', 'raise refuse("f", "XXx must be largeXX", x=x)', True),
        ('raise refuse("f", "x must be large", x=x)', 'raise refuse("XXfXX", "x must be large", x=x)', False),
        ('raise refuse("f", "x must be large", x=x)', 'raise refuse("f", None, x=x)', False),
        ('raise refuse("f", "x must be large", x=x)', 'raise refuse("f", "X MUST BE LARGE", x=None)', False),
        ('if reduction == "mean":', 'if reduction == "XXmeanXX":', False),
    ],
)
def test_only_a_message_that_is_worded_otherwise_is_called_wording(before, after, wording):
    assert mutation.is_wording(mutation.Change("module.function", before, after)) is wording


def test_a_table_without_a_reason_is_refused(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("module.function\n- a\n+ b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"module\.function"):
        mutation.listed(tmp_path)


def test_an_entry_for_every_change_of_a_line_has_each_of_them_and_no_other_line(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("m.f\n- a\n+ *\n= only time\n\nm.f\n- b\n+ c\n= the same\n", encoding="utf-8")
    known = mutation.listed(tmp_path)
    every, one = mutation.Change("m.f", "a", "*"), mutation.Change("m.f", "b", "c")
    assert mutation.entry_of(mutation.Change("m.f", "a", "x"), known) == every
    assert mutation.entry_of(one, known) == one
    assert mutation.entry_of(mutation.Change("m.f", "b", "x"), known) is None
    assert mutation.entry_of(mutation.Change("m.g", "a", "x"), known) is None


def test_a_function_under_a_cache_is_bared_so_that_it_is_changed_too():
    source = "@functools.lru_cache(maxsize=16)\ndef f(x):\n    return x\n\n\n@staticmethod\ndef g(): ...\n"
    assert mutation.without_caches(source) == source.replace("@functools.lru_cache(maxsize=16)\n", "")
