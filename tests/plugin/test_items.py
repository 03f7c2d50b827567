"""One item for each check: by its name, with what pytest itself offers."""

import importlib.util
import json

import pytest

NUMERICAL = "backward_equals_numerical_differentiation"


def test_a_right_layer_gives_one_passed_item_for_each_check(project, line):
    done = project(line('crosscheck(layers.my_relu, like="relu")'), "-v")
    assert done.status == 0, done.text
    assert done.lines("test_line.py::test_it[backward_equals_the_reference-golden-float32] PASSED")
    assert done.lines("test_line.py::test_it[inputs_are_not_written_to] PASSED")
    assert not done.lines("items.py"), "the item stands where the user wrote it"


def test_a_wrong_layer_fails_and_says_what_is_wrong_in_few_lines(project, line):
    done = project(line('crosscheck(layers.wrong_relu, like="relu")'), "-q", "-k", "reference and float64")
    assert done.status == 1
    text = done.text.split("___ test_it[backward_equals_the_reference-golden-float64] ___")[1].split("\n___")[
        0
    ]
    assert len(text.splitlines()) <= 26
    assert (
        "wrong_relu as relu: backward equals the reference (float64, held against scratchnet): failed" in text
    )
    assert "ratio 2" in text
    assert "x = np.array(" in text
    assert "dy = np.array(" in text
    assert "again with: --crosscheck-seed=" in text


def test_only_the_check_that_sees_it_fails(project, line):
    done = project(
        line('crosscheck(layers.writing_relu, like="relu")'), "-v", "-k", "cotangents_are or dtype"
    )
    assert done.status == 1
    assert len(done.lines("PASSED")) == 2
    assert done.lines("test_it[cotangents_are_not_written_to] FAILED")


def test_the_seed_replays_a_run(project, line):
    files = line('crosscheck(layers.wrong_relu, like="relu")')
    arguments = ("-q", "-k", NUMERICAL, "--crosscheck-seed=7")
    first, again = (project(files, *arguments).lines("  d") for _ in range(2))
    assert first
    assert first == again


def test_expected_failures_are_xfailed_with_their_reason(project, line):
    wrong = "{'backward_equals_the_reference': 'twice as large'}"
    done = project(
        line(f'crosscheck(layers.wrong_relu, like="relu", expected_failures={wrong})'),
        "-rx",
        "-k",
        "backward_e and ref",
    )
    assert done.status == 0, done.text
    assert len(done.lines("XFAIL", "twice as large")) == 2
    assert done.lines("backward equals the reference", "failed (expected)")


def test_a_name_to_skip_that_is_no_check_is_an_error(project, line):
    done = project(line('crosscheck(layers.my_relu, like="relu", skip=["nicety"])'))
    assert done.status == 2
    assert done.lines("ValueError", "names 'nicety'; the checks are")


@pytest.mark.parametrize("argument", [{"nicety": "why"}, {"relu": {"nicety": "why"}}])
def test_an_expected_failure_that_nothing_has_is_a_warning(argument):
    pytest.importorskip("hypothesis")
    import scratchnet.functional as F
    from scratchnet_crosscheck import crosscheck

    with pytest.warns(UserWarning, match="expected_failures names 'nicety'; the layers are relu, the checks"):
        crosscheck(F.relu, expected_failures=argument)


def test_what_is_skipped_is_no_item(project, line):
    one, other = NUMERICAL, "dtype_is_preserved"
    done = project(
        line(f'crosscheck(layers.my_relu, like="relu", skip=["{one}"])'), "--collect-only", "-q",
        f"--crosscheck-skip={other}",
    )  # fmt: skip
    assert done.status == 0
    assert done.lines("inputs_are_not_written_to")
    assert not done.lines(one)
    assert not done.lines(other)


def test_an_argument_outranks_the_marker_and_that_the_command_line_and_that_the_ini_file(project, line):
    files = line("0")
    files["test_line.py"] = (
        "import layers, pytest\nfrom scratchnet_crosscheck import crosscheck, parametrize_with_checks as p\n"
        'test_argument = pytest.mark.crosscheck(seed=2)(crosscheck(layers.my_relu, like="relu", seed=1))\n'
        'test_marker = pytest.mark.crosscheck(seed=2)(crosscheck(layers.my_relu, like="relu"))\n'
        'test_line = crosscheck(layers.my_relu, like="relu")\n'
    )
    files["pytest.ini"] += "crosscheck_seed = 4\n"
    for arguments, seeds in ((["--crosscheck-seed=3"], [1, 2, 3]), ([], [1, 2, 4])):
        done = project(files, "-k", "inputs_are", "--crosscheck-json=o.json", *arguments)
        assert done.status == 0, done.text
        found = json.loads((done.folder / "o.json").read_text(encoding="utf-8"))
        assert [result["seed"] for result in found["results"]] == seeds


@pytest.mark.skipif(bool(importlib.util.find_spec("torch")), reason="PyTorch is installed")
def test_an_oracle_that_is_absent_is_skipped_and_said_to_be_absent(project, line):
    files = line('crosscheck(layers.my_relu, like="relu")', oracles="torch golden")
    done = project(files, "-k", "forward_equals")
    assert done.status == 0
    assert done.lines("crosscheck: profile quick", "absent: torch")
    assert len(done.lines("forward equals the reference", "torch", "oracle absent")) == 2


def test_a_thing_of_which_no_check_ran_makes_the_run_fail(project, line):
    # A package that merely calls itself torch is no oracle.
    files = line('crosscheck(layers.my_relu, like="relu")', oracles="torch") | {
        "torch.py": "__version__ = '9'\n"
    }
    done = project(files, "-k", "forward_equals")
    assert done.status == 1
    assert done.lines("my_relu: no check ran; it is not checked")


FILE = {
    "few.py": """
import numpy as np

class Relu:
    def forward(self, x):
        self.mask = x <= 0
        return np.where(self.mask, np.zeros_like(x), x)

    def backward(self, dout):
        return np.where(self.mask, np.zeros_like(dout), dout)

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        return dout * (1 - self.y)

class Helper:
    def forward(self, x):
        return x
""",
    "pyproject.toml": """
[tool.crosscheck.expected_failures.Tanh]
backward_equals_numerical_differentiation = "the square was forgotten"
""",
}
BOTH = ("--crosscheck", "few.py", "--crosscheck-profile=quick", "--crosscheck-oracle=golden")


def test_a_file_without_tests_gives_one_item_for_each_check_of_each_thing(project):
    done = project(FILE, *BOTH, "-v", "-rs", "--crosscheck-json=o.json", "--crosscheck-seed=1")
    assert done.status == 1, done.text
    assert done.lines("few.py::Relu[backward_equals_the_reference-golden-float64] PASSED")
    assert done.lines("few.py::Relu[interleaved_calls_agree] SKIPPED")
    assert done.lines("few.py::Tanh[forward_equals_the_reference-golden-float32] PASSED")
    assert done.lines("few.py::Tanh[backward_equals_the_reference-golden-float64] FAILED")
    assert done.lines(f"few.py::Tanh[{NUMERICAL}] XFAIL")
    assert done.lines("few.py::Helper[not_checked] SKIPPED")
    assert done.lines("SKIPPED", "not checked: it has a forward pass and no backward pass")
    assert not done.lines("no check ran"), "what a file holds beside its layers is listed, and no more"
    found = json.loads((done.folder / "o.json").read_text(encoding="utf-8"))["results"]
    assert len({(r["subject"], r["check"], r["oracle"], r["dtype"]) for r in found}) == len(found)
    (expected,) = [r for r in found if r["expected_failure"]]
    assert (expected["check"], expected["expected_failure"]) == (NUMERICAL, "the square was forgotten")


def test_of_a_file_only_what_is_selected_is_run(project):
    done = project(FILE, *BOTH, "-k", "Relu and inputs_are", "-v")
    assert done.status == 0, done.text
    assert len(done.lines("PASSED")) == 1


def test_a_file_in_which_nothing_is_known_fails_the_run(project):
    done = project({"few.py": "x = 1\n"}, *BOTH)
    assert done.status == 1
    assert done.lines("nothing in it is known")


def test_a_layer_that_ends_its_process_fails_and_the_others_are_checked(project):
    fatal = FILE["few.py"].replace("return dout * (1 - self.y)", "import os; os._exit(3)")
    done = project({"few.py": fatal}, *BOTH, "-k", "Relu and inputs_are or Tanh", "-v")
    assert done.status == 1
    assert done.lines("Relu[inputs_are_not_written_to] PASSED")
    assert done.lines("Tanh[", "FAILED")
    assert done.lines("the process ended during a call")


def test_a_file_that_is_not_there_is_a_usage_error(project):
    done = project({}, "--crosscheck", "nowhere.py")
    assert done.status == 4
    assert done.lines("--crosscheck: nowhere.py: no such file")


@pytest.mark.parametrize(
    ("option", "word"),
    [("profile", "fast"), ("oracles", "tensorflow"), ("seed", "three"), ("skip", "nicety")],
)
def test_a_misspelt_setting_is_a_usage_error(project, line, option, word):
    done = project(line("0", **{option: word}))
    assert done.status == 4
    assert done.lines(f"crosscheck_{option}", word)


def test_two_files_beyond_the_root_folder_keep_their_names_and_their_things_apart(project, tmp_path_factory):
    away = [tmp_path_factory.mktemp("away") / name for name in ("one.py", "two.py")]
    for path in away:
        path.write_text(FILE["few.py"], encoding="utf-8")
    asked = [word for path in away for word in ("--crosscheck", str(path))]
    done = project({}, "--rootdir=.", *asked, *BOTH[2:], "-k", "dtype", "--crosscheck-json=o.json")
    assert done.status == 0, done.text
    found = json.loads((done.folder / "o.json").read_text(encoding="utf-8"))["results"]
    assert {r["file"] for r in found} == {path.as_posix() for path in away}


def test_things_of_one_name_in_several_files_are_told_apart_in_the_table():
    from scratchnet_crosscheck.report.records import record
    from scratchnet_crosscheck.report.terminal import table

    results = [record(file, "Relu", "relu", "dtype_is_preserved", "passed") for file in ("one.py", "two.py")]
    assert [row.split(" as relu in ")[1].split()[0] for row in table(results)[1:]] == ["one.py", "two.py"]
