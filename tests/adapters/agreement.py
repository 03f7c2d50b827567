"""Whether a fitted thing does what it was taken for, without the suite's own checks or by them."""

import numpy as np

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.runner import Reference, runner_of
from scratchnet_crosscheck.checking import check_subject
from scratchnet_crosscheck.references.protocol import Sampler
from scratchnet_crosscheck.strategies import Setting

SETTING = Setting(np.dtype(np.float64), layouts=False)


def agrees(subject):
    """Whether a thing's gradients are the reference's, on a few calls, but for a named division by N."""
    runner, judge = runner_of(subject), Reference("torch", subject)
    for seed in range(4):
        case = subject.case(Sampler(np.random.default_rng(seed), SETTING), "nothing")
        y = runner.forward(case)[: len(case.outputs)]
        dy = tuple(np.random.default_rng(seed).normal(size=o.shape) for o in y)
        for got, wanted in zip(runner.vjp(case, dy), judge.vjp(case, dy), strict=True):
            if wanted is not None and not np.allclose(got, wanted, 1e-9, 1e-12):
                return False
    return True


def failed(candidate):
    """Return the checks that a thing fails, of all that it is asked."""
    records = list(check_subject("a_file.py", fit(candidate), oracles=("torch",), profile="default", seed=7))
    assert any(r["verdict"] == "passed" for r in records)
    return {r["check"] for r in records if r["verdict"] == "failed"}
