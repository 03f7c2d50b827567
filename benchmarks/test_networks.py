"""The book's networks, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest
from contenders import CONTENDERS

ROWS = {
    "gradient of 784-50-10, batch 3": (lambda c: c.gradient(3), 200, 20, 3),
    "gradient of 784-50-10, batch 100": (lambda c: c.gradient(100), 100, 10, 3),
    "training step of 784-50-10, batch 100": (lambda c: c.step(100), 100, 10, 3),
    "training step of SimpleConvNet, batch 100": (lambda c: c.conv_step(), 10, 2, 3),
    "numerical gradient of 784-50-10, batch 3": (lambda c: c.numerical_gradient(), 1, 1, 1),
    "whole training run of 784-50-10, 10,000 steps": (lambda c: c.run(), 1, 1, 1),
}
CASES = [
    (row, turn, contender)
    for row, (_, _, _, turns) in ROWS.items()
    for turn in range(turns)
    for contender in CONTENDERS
]


@functools.cache
def contender_of(name):
    try:
        return CONTENDERS[name]()
    except ImportError as missing:
        return str(missing)


@functools.cache
def work_of(row, name):
    contender = contender_of(name)
    if isinstance(contender, str):
        pytest.skip(contender)
    work = ROWS[row][0](contender)
    if work is None:
        pytest.skip("not for this dtype")
    return work


@pytest.mark.parametrize("row", [row for row in ROWS if "numerical" not in row and "whole" not in row])
@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_finds_the_same_gradient(row, name):
    if not hasattr(work_of(row, name), "named"):
        pytest.skip("the row before compares")
    expected, found = work_of(row, "book's method").named(), work_of(row, name).named()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        # float32 sums of up to 57,600 terms against float64
        close = 1e-4 if found[key].dtype == np.float32 else 1e-12
        np.testing.assert_allclose(found[key], value, rtol=0, atol=close * np.abs(value).max(), err_msg=key)


@pytest.mark.parametrize(("row", "turn", "contender"), CASES, ids=str)
def test_time(row, turn, contender, measure):
    _, rounds, iterations, _ = ROWS[row]
    measure(row, contender, work_of(row, contender), rounds, iterations)
