"""Reports: on the terminal, with workers, as JSON, JUnit and a page."""

import importlib.util
import json
import xml.etree.ElementTree as ET

import pytest

pytestmark = pytest.mark.draft

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
    assert "crosscheck" not in done.text.replace("scratchnet_crosscheck", "").split("\n", 4)[-1]


def test_quietly_only_what_did_not_hold_is_printed(project, line):
    done = project(line(WRONG), "-q", "-k", "equals_the_reference and float64")
    assert not done.lines("forward equals the reference", "passed")
    assert done.lines("wrong_relu as relu", "backward equals the reference", "failed")


@pytest.mark.skipif(not importlib.util.find_spec("xdist"), reason="pytest-xdist is not installed")
def test_workers_make_one_report(project, line):
    arguments = ("-k", "forward_equals or cotangents_are", "--hypothesis-seed=5")
    alone = project(line(WRITING), *arguments, "--crosscheck-json=one.json")
    spread = project(
        line(WRITING), *arguments, "-n2", "--crosscheck-json=two.json", "--junitxml=j.xml",
        "-p", "no:cacheprovider", "--strict-markers", "-W", "error",
    )  # fmt: skip
    assert alone.status == spread.status == 1, spread.text
    assert spread.lines("crosscheck: profile quick", "seed 5")

    def results(name):
        found = json.loads((spread.folder / name).read_text(encoding="utf-8"))
        return sorted(found["results"], key=lambda r: (r["check"], r["oracle"], r["dtype"]))

    assert results("one.json") == results("two.json")
    names = [p.get("name") for p in ET.parse(spread.folder / "j.xml").iter("property")]
    assert names == ["crosscheck"] * len(results("two.json"))


def test_every_result_is_written_as_json(project, line):
    done = project(line(WRONG), "--crosscheck-json=new/o.json", "-k", "backward_equals_the_reference")
    found = json.loads((done.folder / "new" / "o.json").read_text(encoding="utf-8"))
    assert (found["schema_version"], found["profile"], found["oracles"]) == (1, "quick", ["golden"])
    assert len(found["results"]) == 2
    for result in found["results"]:
        assert (result["file"], result["subject"], result["taken_for"]) == ("layers.py", "wrong_relu", "relu")
        assert (result["check"], result["oracle"]) == ("backward_equals_the_reference", "golden")
        assert result["verdict"] == "failed"
        assert result["worst_error"] > 1
        assert result["smallest_case"].startswith("relu(x=np.array(")
        assert result["seed"] == found["seed"]


@pytest.mark.skipif(not importlib.util.find_spec("jinja2"), reason="Jinja2 is not installed")
def test_the_page_is_one_file_that_needs_nothing_else(project, line):
    done = project(line(WRONG), "-k", "backward_equals_the_reference", "--crosscheck-html=o.html")
    page = (done.folder / "o.html").read_text(encoding="utf-8")
    assert "wrong_relu as relu" in page
    assert "<svg" in page
    assert "relu(x=np.array(" in page
    assert not any(outside in page for outside in ("http:", "https:", "src=", "<link", "<script"))


def test_what_a_layer_is_called_cannot_break_the_page():
    pytest.importorskip("jinja2")
    from scratchnet_crosscheck.report.html import page
    from scratchnet_crosscheck.report.records import record
    from scratchnet_crosscheck.run import Result

    result = record(Result("relu", "<script>x", "dtype_is_preserved", "", "float32", "failed", message="<b>"))
    text = page([result], {"profile": "quick"})
    assert "<script>" not in text
    assert "&lt;script&gt;x" in text
    assert "<b>" not in text


def test_without_jinja2_the_page_is_refused_in_words(project, line):
    blocked = {"jinja2.py": "raise ImportError\n"}
    done = project(line(RELU) | blocked | {"conftest.py": "import sys\nsys.modules['jinja2'] = None\n"}, "-q",
                   "--crosscheck-html=o.html")  # fmt: skip
    assert done.status != 0
    assert done.lines("Jinja2")
