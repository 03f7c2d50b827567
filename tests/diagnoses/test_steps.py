"""What is said of recurrent steps and normalisations that have one slip."""

import types
from pathlib import Path

import pytest

from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.checking import check_subject, known_checks

pytest.importorskip("torch", reason="classes are held against PyTorch here")
VALUES = {"forward_equals_the_reference", "backward_equals_the_reference"}


def _wrong():
    module = types.ModuleType("wrong_steps")
    exec((Path(__file__).parent / "wrong_steps.py").read_text(encoding="utf-8"), vars(module))
    own = {k: v for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
    return {c.name: c for c in recognise(own, {})}


WRONG = _wrong()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LSTMCell", "is not multiplied by the forget gate"),
        ("GRUCell", "lacks the reset gate"),
        ("MyGRUCell", "lacks the path through the candidate"),
        ("RNNCell", "the state's weight is not transposed on the way back"),
        ("BatchNorm1d", "new_running_mean takes in the batch's variance where its mean should be"),
        ("MyBatchNorm1d", "in evaluation epsilon is added to the deviation, not to the variance"),
        ("RMSNorm", "second power of the inverse deviation where the third should be"),
    ],
)
def test_the_slip_is_named(name, words):
    skip = [check for check in known_checks() if check not in VALUES]
    found = check_subject(
        "a_file.py", fit(WRONG[name]), oracles=("torch",), profile="quick", seed=7, skip=skip
    )
    failed = [record for record in found if record["verdict"] == "failed"]
    assert failed
    for record in failed:
        assert words in record["diagnosis"][0]["words"]
