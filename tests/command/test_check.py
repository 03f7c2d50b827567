"""``scratchnet check``: what it says of a file, and that no layer brings it down."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import pytest

from scratchnet_crosscheck import command

ROOT = Path(__file__).resolve().parents[2]

RIGHT = """
class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
    def backward(self, dout):
        return dout * self.mask
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Check a file of this source; return the exit status, what was printed and the records.

    Against scratchnet's own functions, where a test does not say otherwise: PyTorch takes seconds to import.
    """

    def run(source, *words, profile="quick", name="layers.py", oracle="golden"):
        (tmp_path / name).write_text(source, encoding="utf-8")
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        out = tmp_path / "results.json"
        arguments = [str(tmp_path / name), "--profile", profile, "--seed", "1", "--json", str(out)]
        arguments += [*(["--oracle", oracle] if oracle else []), *words]
        status = command.run(parser.parse_args(arguments))
        results = json.loads(out.read_text(encoding="utf-8"))["results"] if out.exists() else []
        return status, capsys.readouterr().out, results

    return run


def verdicts(results, subject):
    return {r["verdict"] for r in results if r["subject"] == subject}


def test_right_layers_pass_against_all_oracles_that_are_there_and_the_status_is_0(check):
    status, out, results = check(RIGHT, oracle=None)
    assert status == 0
    assert "Relu (class), taken for relu" in out
    assert verdicts(results, "Relu") <= {"passed", "not_applicable"}


def test_every_record_has_every_field_of_the_schema(check):
    _, _, results = check(RIGHT)
    text = (ROOT / "docs" / "check-json.md").read_text(encoding="utf-8")
    for record in results:
        assert set(record) == {
            "file", "subject", "taken_for", "check", "oracle", "dtype", "verdict", "cases", "worst_error",
            "diagnosis", "smallest_case", "message", "report", "expected_failure", "seed", "evidence",
        }  # fmt: skip
        assert all(f"`{field}`" in text for field in record)
        assert f"`{record['verdict']}`" in text


def test_a_wrong_layer_fails_with_the_numbers_and_the_smallest_case(check):
    status, out, results = check(RIGHT.replace("dout * self.mask", "dout * self.mask * 2"))
    assert status == 1
    (failed, *_) = [
        r for r in results if r["check"] == "backward_equals_the_reference" and r["verdict"] == "failed"
    ]
    assert "ratio 2" in out or "dx" in failed["message"]
    assert failed["smallest_case"].startswith("relu(x=")


@pytest.mark.parametrize(("factor", "number"), [("0.0 * (self.mask - 1) / (1 - self.mask)", "nan"),
                                                ("1 / (1 - self.mask)", "inf")])  # fmt: skip
def test_a_gradient_that_is_not_finite_is_said_to_be_so_and_not_to_be_off(check, factor, number):
    back = f"        with __import__('numpy').errstate(all='ignore'):\n            return dout * ({factor})\n"
    source = RIGHT.replace("        return dout * self.mask\n", back)
    _, _, results = check(source)
    (failed,) = [r for r in results if r["oracle"] == "numerical" and r["verdict"] == "failed"]
    assert "where numerical differentiation has" in failed["message"]
    assert f"is {number}" in failed["message"].replace("-inf", "inf")
    assert not any("off by" in line for line in failed["report"])


def test_a_failure_takes_at_most_25_lines(check):
    _, out, _ = check(RIGHT.replace("dout * self.mask", "dout"))
    for part in out.split("FAILED")[1:]:
        assert len(part.split("\n    ")) <= 60
        assert part.count("\n      ") <= 25


def test_the_same_seed_gives_the_same_results(check):
    source = RIGHT.replace("dout * self.mask", "dout")
    assert check(source)[2] == check(source)[2]


MISBEHAVING = """
import os, sys, time
import numpy as np

class Tanh:
    def forward(self, x):
        print("a line that nobody asked for")
        os.write(1, b"and another")
        self.y = np.tanh(x)
        return self.y.copy()
    def backward(self, dout):
        return dout * (1 - self.y ** 2)

class Sigmoid:
    def forward(self, x):
        self.y = 0.5 * (np.tanh(x / 2) + 1)
        return self.y.copy()
    def backward(self, dout):
        {what}
"""


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("sys.exit(3)", "sys.exit"),
        ("raise RuntimeError('of its own')", "of its own"),
        ("os._exit(5)", "the process ended"),
        ("import ctypes; ctypes.string_at(0)", "the process ended"),
        ("time.sleep(60)", "did not come back within 6 s"),
        ("return np.ones((10 ** 6, 10 ** 6))", "Memory"),
        ("return (dout * self.y).tolist()", "list"),
        ("return (dout * self.y).ravel()", "shape"),
        ("self.y = None; return None", "None"),
    ],
)
def test_a_layer_that_misbehaves_fails_and_the_others_are_still_checked(check, what, words):
    status, out, results = check(MISBEHAVING.format(what=what), "--time-limit", "6")
    assert status == 1
    assert verdicts(results, "Tanh") <= {"passed", "not_applicable"}
    assert "failed" in verdicts(results, "Sigmoid")
    assert words in " ".join(r["message"] for r in results if r["subject"] == "Sigmoid")
    assert "nobody asked for" not in out


def test_what_it_does_not_know_is_listed_with_the_option_that_would_get_it_checked(check):
    source = RIGHT.replace("class Relu", "class Thing")
    status, out, results = check(source)
    assert status == 3
    assert "--like Thing=OPERATION" in out
    assert verdicts(results, "Thing") == {"not_checked"}
    assert check(source, "--like", "Thing=relu")[0] == 0


def test_a_pullback_of_an_unknown_name_is_listed_and_does_not_pass(check):
    source = "def bent(x):\n    return x * x, lambda dy: (2 * x * dy,)\n"
    status, out, results = check(RIGHT + source)
    assert status == 0
    assert verdicts(results, "bent") == {"not_checked"}
    assert "--like bent=OPERATION" in out


def test_what_is_raised_in_every_check_is_said_once_and_recorded_each_time(check):
    _, out, results = check(RIGHT.replace("dout * self.mask", "dout * mask"))
    raised = [r for r in results if r["verdict"] == "failed"]
    assert len(raised) > 5
    assert out.count("FAILED") == 1
    assert f"and {len(raised) - 1} more checks" in out


def test_a_folder_is_said_to_be_one(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([str(tmp_path)])) == 2
    assert "is a folder: name the files in it" in capsys.readouterr().err


def test_a_mapping_in_pyproject_toml_is_taken(check, tmp_path):
    if sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    (tmp_path / "pyproject.toml").write_text('[tool.crosscheck.like]\nThing = "relu"\n', encoding="utf-8")
    assert check(RIGHT.replace("class Relu", "class Thing"))[0] == 0


def test_python_2_is_said_to_be_so_and_nothing_was_checked(check):
    status, out, _ = check("def f():\n    exec 'hello' in {}\n")
    assert status == 3
    assert "Python 2" in out


@pytest.mark.parametrize(
    "after",
    [
        "raise FileNotFoundError('data.csv')",
        "import sys; sys.exit(1)",
        "import a_library_that_nobody_has",
        "input('?')",
    ],
)
def test_a_file_that_stops_at_import_is_checked_all_the_same(check, after):
    status, out, _ = check(f"{RIGHT}\n{after}\n")
    assert status == 0
    assert "importing it stopped" in out


def test_a_file_with_nothing_in_it_comes_to_3(check):
    assert check("x = 1\n")[0] == 3


@pytest.mark.parametrize(
    "words",
    [
        ["--like", "nonsense"],
        ["--like", "Relu=nothing_known"],
        ["--skip", "no_such_check"],
        ["--oracle", "tensorflow"],
    ],
)
def test_words_that_mean_nothing_are_a_usage_error(check, words):
    assert check(RIGHT, *words)[0] == 2


def test_a_check_that_is_skipped_is_not_run(check):
    _, _, results = check(RIGHT, "--skip", "dtype_is_preserved")
    assert "dtype_is_preserved" not in {r["check"] for r in results}


def test_it_works_with_scratchnets_own_functions_as_the_oracle(check):
    status, _, results = check(RIGHT)
    assert status == 0
    assert {r["oracle"] for r in results} == {"", "golden", "numerical"}


def test_jax_and_numerical_differentiation_judge_layers_too(check):
    pytest.importorskip("jax")
    status, _, results = check(RIGHT, oracle="jax")
    assert status == 0
    judged = {(r["oracle"], r["verdict"]) for r in results if r["check"].startswith("backward_equals")}
    assert judged == {("jax", "passed"), ("numerical", "passed")}


def test_a_failure_that_is_expected_is_said_so_and_the_status_is_0(check, tmp_path):
    if sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    wrong = RIGHT.replace("dout * self.mask", "(self.mask * dout).astype(float)").replace(
        "class", "import numpy as np\nclass"
    )
    found = [r["check"] for r in check(wrong)[2] if r["verdict"] == "failed"]
    assert set(found) == {"dtype_is_preserved"}
    (tmp_path / "pyproject.toml").write_text(
        "[tool.crosscheck.expected_failures.Relu]\n"
        'dtype_is_preserved = "float64 on purpose"\nnot_a_check = "a slip"\n',
        encoding="utf-8",
    )
    status, out, results = check(wrong)
    assert status == 0
    assert "failed as expected: dtype is preserved [float32]: float64 on purpose" in out
    assert "note: a failure of Relu is expected, not_a_check, but no such check ran" in out
    assert {r["expected_failure"] for r in results} == {"", "float64 on purpose"}


def test_a_page_is_written_too(check, tmp_path):
    pytest.importorskip("jinja2")
    check(RIGHT, "--html", str(tmp_path / "o.html"))
    assert "Relu" in (tmp_path / "o.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["imports_a_sibling.py", "trains_at_import.py", "reads_data_at_import.py"])
def test_files_that_are_hard_to_import_are_checked(check, tmp_path, name):
    awkward = ROOT / "tests" / "right_layers" / "awkward"
    for file in awkward.glob("*.py"):
        shutil.copy(file, tmp_path / file.name)
    # One of them takes the logarithm of a softmax: infinite where logits are far apart, and said so.
    source = (awkward / name).read_text(encoding="utf-8")
    assert check(source, "--skip", "extreme_values_equal_the_reference", name=name)[0] == 0


def test_the_last_line_tells_what_was_not_checked_from_what_was_in_part(check):
    loss = """
def kl_div(x, target):
    def pullback(dy, needs_input_grad=(True, True)):
        return -dy * target / x.size, dy * (np.log(target) + 1 - x) / x.size
    return (target * (np.log(target) - x)).mean(), pullback
def bent(x):
    return x * x, lambda dy: (2 * x * dy,)
"""
    _, out, _ = check("import numpy as np\n" + loss)
    last = out.strip().splitlines()[-1]
    assert "not checked: gradient of target: it returns one, which is not asked" in out
    assert "not checked: bent; checked in part: kl_div" in last
