"""``scratchnet prove`` and ``scratchnet coverage``: what they say is what was found."""

import importlib.util
import json

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet import nn
from scratchnet.__main__ import main
from scratchnet_crosscheck import coverage, proving


def test_what_was_proven_is_written_down_and_shown(tmp_path, capsys, monkeypatch):
    record = tmp_path / "proven.json"
    words = ["prove", "relu", "flatten", "--cases", "300", "--profile", "quick", "--record", str(record)]
    assert main(words) == 0
    assert "2 operations" in capsys.readouterr().out
    found = json.loads(record.read_text(encoding="utf-8"))
    assert sum(operation["cases"] for operation in found["operations"].values()) >= 300
    assert all(operation["worst"] <= 1.0 for operation in found["operations"].values())
    monkeypatch.setattr(proving, "PROVEN", record)
    assert main(["coverage"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.split()[:1] == ["ReLU"]]
    assert line.split() == ["ReLU", "yes", f"{found['operations']['relu']['cases']:,}", "cases", "relu"]
    assert found["date"] in lines[-1]


def test_a_wrong_function_makes_the_proof_fail(capsys, monkeypatch):
    right = F.relu

    def wrong(x):
        y, pullback = right(x)
        return y, lambda dy, needs_input_grad=(True,): tuple(
            None if dx is None else np.negative(dx) for dx in pullback(dy, needs_input_grad)
        )

    monkeypatch.setattr(F, "relu", wrong)
    assert main(["prove", "relu", "--cases", "1", "--profile", "quick"]) == 1
    assert "relu (scratchnet, float64): backward equals numerical differentiation" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["no_such_operation"], ["relu", "--oracle", "delphi"]])
def test_an_unknown_name_is_said(words, capsys):
    assert main(["prove", *words]) == 1
    assert words[-1] in capsys.readouterr().err


def test_every_layer_that_is_here_is_in_the_table():
    here = {row.name for row in coverage.rows() if row.here}
    extra = {"Layer", "Sum", "Concatenate"}  # torch.nn has none of these
    classes = {
        name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Layer)
    }
    assert classes - extra == here


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_no_class_of_torch_nn_is_left_out_of_the_table():
    assert {row.section for row in coverage.rows()} == set(coverage.SECTIONS)


def test_a_layer_that_is_not_here_has_a_reason_or_is_counted_as_missing(capsys):
    assert main(["coverage", "--missing"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [row for row in coverage.rows() if not row.here]
    assert len([line for line in lines if line.startswith("  ")]) == len(rows)
    assert all(row.why for row in rows if row.section in ("Recurrent", "Transformer"))
