"""Layers and files that misbehave: said in words, the other layers checked, the file left as it was."""

import pytest

from scratchnet_crosscheck import isolation

WELL_BEHAVED = """
import os, sys, threading, time
import numpy as np

def relu6_forward(x):
    return np.clip(x, 0, 6), x
def relu6_backward(dout, x):
    return dout * ((x > 0) & (x < 6))
"""

#: Of each layer that misbehaves, what it does, and what must be said of it.
MISBEHAVING = {
    "relu": ("np.maximum = lambda a, b: a\n    y = x * (x > 0)", "it replaced numpy.maximum"),
    "sigmoid": ("y = 0.5 * np.tanh(x / 2) + 0.5\n    os.fork()", "it forks"),
    "tanh": ("y = tanh_forward(x)", "RecursionError"),
    "softplus": ("y = np.ones(10 ** 12)", "Unable to allocate"),
    "elu": ("y = x\n    while True: pass", "did not come back within 2 s"),
    "silu": ("raise KeyboardInterrupt", "the process ended during a call"),
    "mish": ("y = np.lib.stride_tricks.as_strided(x, x.shape, x.strides)\n    y = [y]", "list"),
    "softsign": ("sys.exit('enough')", "sys.exit"),
}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a file of this source; return its records by subject."""

    def run(source, name="layers.py", processes=2):
        path = tmp_path / name
        path.write_text(source, encoding="utf-8")
        options = isolation.Options(oracles=("golden",), profile="quick", seed=1, seconds=2.0)
        report = isolation.check_file(path, options, processes=processes)
        by_subject = {}
        for record in report.records:
            by_subject.setdefault(record["subject"], []).append(record)
        assert path.read_text(encoding="utf-8") == source
        return by_subject, report.notes

    return run


def verdicts(records):
    return {r["verdict"] for r in records}


def test_each_layer_that_misbehaves_fails_with_words_and_the_others_are_checked(check):
    source = WELL_BEHAVED
    for name, (body, _) in MISBEHAVING.items():
        source += f"def {name}_forward(x):\n    {body}\n    return y, x\n"
        source += f"def {name}_backward(dout, x):\n    return dout * x\n"
    found, _ = check(source)
    assert verdicts(found["relu6_forward"]) <= {"passed", "not_applicable"}
    for name, (_, words) in MISBEHAVING.items():
        records = found[f"{name}_forward"]
        assert "failed" in verdicts(records), name
        assert any(words in r["message"] for r in records), (name, [r["message"] for r in records][:2])


def test_what_a_layer_does_to_its_process_does_not_reach_the_next(check):
    source = (
        WELL_BEHAVED.replace("relu6", "softsign")
        .replace("np.clip(x, 0, 6)", "x / (1 + abs(x))")
        .replace("dout * ((x > 0) & (x < 6))", "dout / (1 + abs(x)) ** 2")
    )
    source = (
        """
import os, sys
def hardtanh_forward(x):
    sys.stdout = sys.stderr = None
    print("nobody hears this")
    os.chdir("/")
    os.environ.clear()
    np.tanh = None
    return np.clip(x, -1, 1), x
def hardtanh_backward(dout, x):
    return dout * (abs(x) < 1)
"""
        + source
    )
    found, _ = check(source, processes=1)
    assert any("it replaced numpy.tanh" in r["message"] for r in found["hardtanh_forward"])
    assert verdicts(found["softsign_forward"]) <= {"passed", "not_applicable"}


def test_a_layer_that_removes_its_own_file_is_told_on_and_the_file_is_put_back(check):
    source = WELL_BEHAVED.replace(
        "return np.clip", "os.path.exists(__file__) and os.remove(__file__)\n    return np.clip"
    )
    found, _ = check(source)
    (record,) = found[""]
    assert record["verdict"] == "failed"
    assert "put back" in record["message"]


def test_a_file_that_trains_for_hours_is_checked_by_its_definitions(check, monkeypatch):
    monkeypatch.setattr(isolation, "IMPORT_SECONDS", 2.0)
    found, notes = check(WELL_BEHAVED + "while True:\n    pass\n")
    assert verdicts(found["relu6_forward"]) <= {"passed", "not_applicable"}
    assert any("took more than 2 s" in note for note in notes)


@pytest.mark.parametrize(
    "line",
    ["sys.argv[1]", "input()", "os._exit(4)", "import plots_that_nobody_has"],
)
def test_a_file_that_cannot_run_to_its_end_is_checked_by_its_definitions(check, line):
    found, notes = check(WELL_BEHAVED.replace("def relu6_forward", f"{line}\ndef relu6_forward"))
    assert verdicts(found["relu6_forward"]) <= {"passed", "not_applicable"}
    assert notes


def test_a_folder_is_not_a_file(tmp_path, monkeypatch):
    report = isolation.check_file(tmp_path, isolation.Options(oracles=("golden",), seconds=2.0))
    assert verdicts(report.records) == {"not_checked"}


@pytest.mark.parametrize("source", ["", "# nothing but a comment\n", "def f(:\n", "print 'two'\n"])
def test_a_file_of_nothing_comes_to_not_checked(check, source):
    found, _ = check(source)
    assert verdicts(found[""]) == {"not_checked"}
