"""The examples in docs/plugin.md, run as they are written."""

import re
from pathlib import Path

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


def _said_on_the_page():
    (block,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    title, *lines = block.splitlines()
    kept = [line for line in lines if "diagnosis:" in line or "ratio" in line]
    return [
        title,
        *(re.sub(r"got .*, ratio", "got .*, ratio", re.sub(r"([][()])", r"\\\1", k)) for k in kept),
    ]


def test_the_file_without_tests_is_said_of_what_the_page_says(project):
    done = project(
        FILES, "--crosscheck", "layers_of_the_book.py", "--crosscheck-profile=quick", "-k",
        "backward_equals_numerical or inputs_are",
    )  # fmt: skip
    assert done.status == 1, done.text
    title, *lines = _said_on_the_page()
    assert done.lines(title), done.text
    for pattern in lines:
        assert re.search(pattern, done.text), (pattern, done.text)
    assert done.lines("1 failed, 3 passed")


def test_the_command_says_the_same_of_it(project):
    words = ("check", "layers_of_the_book.py", "--profile", "quick", "--oracle", "golden")
    done = project(FILES, python=("-m", "scratchnet", *words))
    assert done.status == 1
    for pattern in _said_on_the_page()[1:]:
        assert re.search(pattern, done.text), (pattern, done.text)
    assert done.lines("wrong: Affine")


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
