"""``scratchnet gradcheck``: its table and verdict, and that it sees a wrong backward pass."""

import json

import numpy as np
import pytest

from scratchnet import functional, nn
from scratchnet.__main__ import main


def test_the_books_check_on_mnist_holds_for_every_entry(run, tmp_path):
    done = run("gradcheck", "--json", "r.json")
    assert "784-50-10 network, float64, 3 images" in done.stdout
    assert "verdict: backpropagation is right: all 39,760 entries agree" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in report["parameters"]] == ["W1", "b1", "W2", "b2"]
    assert all(row["max_difference"] < 1e-9 for row in report["parameters"])
    assert report["right"] is True
    assert report["ratio"] > 1000


@pytest.mark.parametrize("seed", range(10))
def test_the_directional_check_has_no_false_alarm_over_seeds(run, seed):
    done = run("gradcheck", "--method", "directional", "--seed", seed, "--batch", 5)
    assert "all 20 directions agree" in done.stdout


@pytest.mark.parametrize("seed", range(10))
def test_the_full_check_has_no_false_alarm_where_a_step_crosses_a_kink(run, small_data, seed):
    # 100 images and 30 units: some pre-activation nearly always lies within a step of zero.
    done = run("gradcheck", "--data", small_data, "--hidden", 30, "--batch", 100, "--seed", seed)
    assert "backpropagation is right" in done.stdout


def test_several_hidden_layers_are_checked_each(run, small_data):
    out = run("gradcheck", "--data", small_data, "--hidden", 6, 5, "--method", "directional").stdout
    assert [line.split()[0] for line in out.splitlines()[2:8]] == ["W1", "b1", "W2", "b2", "W3", "b3"]


def _with(slot, change):
    """Return functional.linear with one slot of its pullback changed."""
    right = functional.linear

    def linear(x, weight, bias=None):
        y, pullback = right(x, weight, bias)

        def wrong(dy, needs_input_grad=(True, True, True)):
            slots = list(pullback(dy, needs_input_grad))
            if slots[slot] is not None:
                slots[slot] = change(slots[slot])
            return tuple(slots)

        return y, wrong

    return linear


WRONG = {
    "a factor of 1 + 1e-6 in dW": (1, lambda d: d * (1 + 1e-6)),
    "the sign of db": (2, lambda d: -d),
    "one entry of dW": (1, lambda d: np.where(np.arange(d.size).reshape(d.shape) == 11, d + 1e-3, d)),
    "NaN in db": (2, lambda d: np.full_like(d, np.nan)),
    "dx forgotten": (0, np.zeros_like),
}


@pytest.mark.parametrize("method", ["full", "directional"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_backward_pass_is_seen_and_placed(monkeypatch, capsys, small_data, name, method):
    monkeypatch.setattr(nn._linear.F, "linear", _with(*WRONG[name]))
    status = main(["gradcheck", "--data", str(small_data), "--hidden", "6", "--method", method])
    out = capsys.readouterr().out
    assert status == 1
    assert "verdict: backpropagation is WRONG" in out
    assert "numerical differentiation" in out


def test_more_images_than_there_are_is_refused(run, small_data):
    done = run("gradcheck", "--data", small_data, "--batch", 301, expect=1)
    assert "301" in done.stderr
    assert len(done.stderr.splitlines()) == 1
