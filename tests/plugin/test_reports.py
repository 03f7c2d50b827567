"""Reports: on the terminal, with workers, as JSON, JUnit and a page."""

import importlib.util
import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

RELU = 'crosscheck(layers.my_relu, like="relu")'
WRITING = 'crosscheck(layers.writing_relu, like="relu")'
WRONG = 'crosscheck(layers.wrong_relu, like="relu")'


def test_the_header_says_what_is_tested_and_the_table_what_it_came_to(project, line):
    done = project(line(RELU), "-k", "equals", "--crosscheck-seed=3")
    assert done.lines("crosscheck: profile quick; oracles numerical, golden; float64 and float32; seed 3")
    assert done.lines("thing", "check", "oracle", "dtype", "cases", "worst error", "verdict")
    (row,) = done.lines("my_relu as relu", "forward equals the reference", "golden", "float32")
    assert row.split()[-3:-1][0] == "12"
    assert row.endswith("passed")
    assert done.lines("numerical", "backward equals numerical differentiation")


def test_a_run_without_cross_checks_says_nothing(project):
    done = project({"test_plain.py": "def test_plain():\n    pass\n"})
    assert done.status == 0
    assert "crosscheck" not in done.text.replace("plugins: scratchnet-crosscheck", "")


@pytest.fixture(scope="module")
def wrong(shared, line):
    """One quiet run of a wrong layer, written as JSON and, where there is Jinja2, as a page."""
    page = ["--crosscheck-html=o.html"] if importlib.util.find_spec("jinja2") else []
    words = ("-q", "-k", "equals_the_reference and not empty", "--crosscheck-json=new/o.json", *page)
    return shared(line(WRONG, skip="extreme_values_equal_the_reference"), *words)


def test_quietly_only_what_did_not_hold_is_printed(wrong):
    assert not wrong.lines("forward equals the reference", "passed")
    assert wrong.lines("wrong_relu as relu", "backward equals the reference", "failed")


@pytest.mark.skipif(not importlib.util.find_spec("xdist"), reason="pytest-xdist is not installed")
def test_workers_make_one_report(project, line):
    arguments = ("-k", "forward_equals or cotangents_are", "--hypothesis-seed=5")
    alone = project(line(WRITING), *arguments, "--crosscheck-json=one.json", plugins=("hypothesispytest",))
    spread = project(
        line(WRITING), *arguments, "-n2", "--crosscheck-json=two.json", "--junitxml=j.xml",
        "-p", "no:cacheprovider", "--strict-markers", "-W", "error", plugins=None,
    )  # fmt: skip
    assert alone.status == spread.status == 1, spread.text
    assert spread.lines("crosscheck: profile quick", "seed 5")

    def results(name):
        found = json.loads((spread.folder / name).read_text(encoding="utf-8"))
        return sorted(found["results"], key=lambda r: (r["check"], r["oracle"], r["dtype"]))

    assert results("one.json") == results("two.json")
    names = [p.get("name") for p in ET.parse(spread.folder / "j.xml").iter("property")]
    assert names == ["crosscheck"] * len(results("two.json"))


def test_every_result_is_written_as_json(wrong):
    found = json.loads((wrong.folder / "new" / "o.json").read_text(encoding="utf-8"))
    assert (found["schema_version"], found["profile"], found["oracles"]) == (1, "quick", ["golden"])
    assert len(found["results"]) == 4
    failed = [result for result in found["results"] if result["verdict"] == "failed"]
    assert {result["check"] for result in failed} == {"backward_equals_the_reference"}
    for result in failed:
        assert (result["file"], result["subject"], result["taken_for"]) == ("layers.py", "wrong_relu", "relu")
        assert result["oracle"] == "golden"
        assert result["worst_error"] > 1
        assert result["smallest_case"].startswith("relu(x=np.array(")
        assert result["seed"] == found["seed"]


@pytest.mark.skipif(not importlib.util.find_spec("jinja2"), reason="Jinja2 is not installed")
def test_the_page_is_one_file_that_needs_nothing_else(wrong):
    page = (wrong.folder / "o.html").read_text(encoding="utf-8")
    assert "wrong_relu as relu" in page
    assert "<svg" in page
    assert "x = np.array(" in page
    assert not any(outside in page for outside in ("http:", "https:", "src=", "<link", "<script"))


def test_what_a_layer_is_called_cannot_break_the_page():
    pytest.importorskip("jinja2")
    from scratchnet_crosscheck.report.html import page
    from scratchnet_crosscheck.report.records import record

    said = {
        "dtype": "float32",
        "message": "<b>",
        "report": ["<b>"],
        "diagnosis": [{"key": "k", "words": "<b>"}],
    }
    result = record("my.py", "<script>x", "relu", "dtype_is_preserved", "failed", **said)
    text = page([result], {"profile": "quick"})
    assert "<script>" not in text
    assert "&lt;script&gt;x" in text
    assert text.count("<b>") == 1
    assert "<b>&lt;b&gt;</b>" in text


def test_without_jinja2_the_page_is_refused_in_words(project, line):
    blocked = {"jinja2.py": "raise ImportError\n"}
    done = project(line(RELU) | blocked | {"conftest.py": "import sys\nsys.modules['jinja2'] = None\n"}, "-q",
                   "--crosscheck-html=o.html")  # fmt: skip
    assert done.status != 0
    assert done.lines("Jinja2")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_the_layer_the_check_and_the_cases_are_shown(project, line):
    # Slow enough to be seen: the line is written at most ten times a second.
    slow = "def slow_relu(x):\n    import time\n    time.sleep(0.02)\n    return my_relu(x)\n"
    files = line('crosscheck(layers.slow_relu, like="relu")')
    files["test_line.py"] = (
        f"import layers\nfrom layers import my_relu\n{slow}\n"
        'from scratchnet_crosscheck import crosscheck\ntest_it = crosscheck(slow_relu, like="relu")\n'
    )
    on_terminal = "pty.spawn([sys.executable, '-m', 'pytest', *sys.argv[1:]])"
    spawn = {"spawn.py": f"import pty, sys\nsys.exit({on_terminal} >> 8)\n"}
    words = ("-p", "crosscheck", "-k", "inputs_are")
    done = project(files | spawn, python=("spawn.py", *words))
    assert done.status == 0, done.text
    assert re.search(r"slow_relu: inputs are not written to, \d+ cases", done.text), done.text
    assert "cases\x1b8" not in project(files, *words).text


def test_without_a_terminal_no_progress_is_shown(project, line):
    done = project(line(RELU), "-k", "inputs_are")
    assert "\x1b" not in done.text


def test_every_field_of_the_schema_is_on_its_page_and_written_by_both(project, line):
    page = (Path(__file__).parents[2] / "docs" / "check-json.md").read_text(encoding="utf-8")
    done = project(line(RELU), "-k", "inputs_are", "--crosscheck-json=one.json")
    words = ("check", "layers.py", "--profile", "quick", "--oracle", "golden", "--json", "two.json")
    again = project(line(RELU), python=("-m", "scratchnet", *words))
    assert done.status == 0
    assert again.status == 0, again.text
    one, two = (json.loads((done.folder / f"{n}.json").read_text(encoding="utf-8")) for n in ("one", "two"))
    assert set(one) == set(two) == set(_fields(page, "`schema_version`"))
    for found in (*one["results"], *two["results"]):
        assert set(found) == set(_fields(page, "`file`"))
        assert f"`{found['verdict']}`" in page


def _fields(page, first):
    """Return the names in the first column of the table whose first row begins with `first`."""
    rows = page[page.index(f"| {first}") :].split("\n\n")[0].splitlines()
    return [row.split("`")[1] for row in rows]
