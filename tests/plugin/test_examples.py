"""The examples in docs/plugin.md, run as they are written."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.draft

PAGE = Path(__file__).parents[2] / "docs" / "plugin.md"
FILES = {
    re.match(r"# (\w+\.py)\n", code)[1]: code
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
}


def test_the_test_files_of_the_page_pass(project):
    assert sorted(name for name in FILES if name.startswith("test_")) == [
        "test_decorated.py", "test_line.py", "test_own.py"
    ]  # fmt: skip
    done = project(FILES, "--crosscheck-profile=quick", "--crosscheck-oracle=golden", "-v")
    assert done.status == 0, done.text
    for line in (
        "test_line.py::test_relu[backward_equals_the_reference-golden-float64] PASSED",
        "test_decorated.py::test_activations[my_relu-inputs_are_not_written_to] PASSED",
        "test_decorated.py::test_activations[sigmoid-inputs_are_not_written_to] PASSED",
        "test_own.py::test_square[backward_equals_numerical_differentiation] PASSED",
        "test_own.py::test_square_against_numpy[forward_equals_the_reference-numpy-float32] PASSED",
    ):
        assert done.lines(line), line
    assert not done.lines("FAILED")


def test_the_example_without_pytest_prints_results(project):
    done = project(FILES, python=("in_a_notebook.py",))
    assert done.status == 0, done.text
    assert done.lines("relu (my_relu, float64): backward equals the reference against golden: passed on")


def test_every_option_of_the_page_is_there_and_the_other_way_round(project):
    options = set(re.findall(r"`(--crosscheck[a-z-]*)", PAGE.read_text(encoding="utf-8")))
    text = project({}, "--help").text
    assert options == set(re.findall(r"^ +(--crosscheck[a-z-]*)", text, re.MULTILINE))
    inis = set(re.findall(r"`(crosscheck_[a-z]+)`", PAGE.read_text(encoding="utf-8")))
    assert inis == set(re.findall(r"^ +(crosscheck_[a-z]+)", text, re.MULTILINE))
