"""The bound is tight enough to see a small error in every operation, and wide enough for rounding."""

from dataclasses import replace

import numpy as np
import pytest

from scratchnet_crosscheck.case import Case
from scratchnet_crosscheck.catalogue import operation_of, operations
from scratchnet_crosscheck.oracles.golden import Golden
from scratchnet_crosscheck.run import Profile, check_property, plans
from scratchnet_crosscheck.tolerance import Yardstick, perturb

SEARCH = Profile("sensitivity", 40, shrinking=0.0)
PLANTED = {"float64": 1e-10, "float32": 1e-4}
# What only moves elements has no precision to lose: its plan in float32 is as sharp.


class Planted(Golden):
    """The golden model with one result off by a relative error."""

    def __init__(self, part: str, error: float) -> None:
        super().__init__(name=f"{part} off by {error:g}")
        self._part, self._factor = part, 1.0 + error

    def linearize(self, case):
        outputs, pull = super().linearize(case)
        names = (*case.outputs, *case.extras)
        changed = tuple(self._change(name, y) for name, y in zip(names, outputs, strict=True))
        return changed, lambda dy, needs=None: tuple(
            self._change(f"d{slot}", grad) for slot, grad in zip(case.slots, pull(dy, needs), strict=True)
        )

    def _change(self, name, array):
        if name != self._part or array is None:
            return array
        return np.asarray(array * array.dtype.type(self._factor))


def _parts():
    for name, entry in operations().items():
        good = entry.invalid[0].case
        seen = dict.fromkeys((*good.outputs, *good.extras), False)
        seen |= {f"d{slot}": True for slot in good.slots if slot in good.differentiable}
        if name in ("cross_entropy", "mse_loss"):  # given in some calls only
            seen |= {f"d{slot}": True for slot in good.slots}
        for part, backward in seen.items():
            for dtype in PLANTED:
                yield pytest.param(entry, part, backward, dtype, id=f"{name}: {part} in {dtype}")


@pytest.mark.parametrize(("entry", "part", "backward", "dtype"), list(_parts()))
def test_a_planted_relative_error_is_seen_in(entry, part, backward, dtype, judge):
    if entry.randomness and judge == "golden":
        pytest.skip("only PyTorch is given the mask of a random operation")
    name = "backward_equals_the_reference" if backward else "forward_equals_the_reference"
    (plan,) = [p for p in plans(entry, (judge,)) if p.name == name and p.dtypes == (dtype,)]
    result = check_property(entry, plan, Planted(part, PLANTED[dtype]), profile=SEARCH, seed=3)
    assert result.verdict == "failed", str(result)
    assert result.failure is not None
    assert result.failure.part == part, str(result)


def _linear_yardstick(dtype, factor=1.0):
    rng = np.random.default_rng(0)
    case = Case(
        "linear",
        {
            "x": rng.normal(size=(3, 4)).astype(dtype),
            "weight": rng.normal(size=(2, 4)).astype(dtype),
            "bias": None,
        },
        differentiable=("x", "weight"),
    )
    golden = Golden()
    yardstick = Yardstick(lambda c, _: golden.forward(c), case, (), operation_of("linear"))
    return yardstick, tuple(y * y.dtype.type(factor) for y in golden.forward(case))


def test_what_is_right_is_within_the_bound():
    for dtype in (np.float64, np.float32):
        yardstick, got = _linear_yardstick(dtype)
        assert yardstick.compare(got) is None
        assert yardstick.worst <= 1


def test_a_small_slice_is_not_hidden_by_a_large_one():
    truth = np.array([[1e8, -1e8], [1.0, 2.0]])
    case = Case("relu", {"x": truth}, differentiable=("x",))
    yardstick = Yardstick(lambda c, _: (c["x"],), case, (), operation_of("relu"))
    wrong = truth * np.array([[1.0], [1.0 + 1e-10]])
    assert yardstick.compare((truth,)) is None
    found = yardstick.compare((wrong,))
    assert found is not None
    assert found.index is not None
    assert found.index[0] == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((np.zeros(2),), "has shape (2,), not (3,)"),
        ((None,), "is None"),
        ((), "0 results, not 1"),
        ((np.array([1.0, np.nan, 3.0]),), "is nan where the reference is 2"),
        ((np.array([1.0, -np.inf, 3.0]),), "is -inf where the reference is 2"),
        (([1.0, 2.0, 3.0],), "is a list, not an array"),
    ],
)
def test_what_cannot_be_compared_by_size_is_said_in_words(wrong, why):
    case = Case("relu", {"x": np.array([1.0, 2.0, 3.0])}, differentiable=("x",))
    found = Yardstick(lambda c, _: (c["x"],), case, (), operation_of("relu")).compare(wrong)
    assert found is not None
    assert found.why == why


def test_a_gradient_that_is_zero_by_mistake_is_seen_however_small_it_should_be():
    small = np.full(4, 1e-9)
    case = Case("relu", {"x": small}, differentiable=("x",))
    dy = (np.full(4, 1e-9),)
    yardstick = Yardstick(lambda c, d: (c["x"] * d[0],), case, dy, operation_of("relu"))
    assert yardstick.compare((small * dy[0],)) is None
    assert yardstick.compare((np.zeros(4),)) is not None


def test_perturbing_leaves_zeros_kinks_and_ties_alone():
    x = np.array([0.0, -0.0, 0.1, 0.1, -0.3, np.inf, np.nan])
    case = Case("max_pool1d", {"x": x}, differentiable=("x",))
    entry = operation_of("max_pool1d")
    moved = perturb(case, entry, np.random.default_rng(0))["x"]
    assert moved[0] == 0
    assert moved[1] == 0
    assert moved[2] == moved[3] != 0.1
    assert moved[4] != x[4]
    assert np.isinf(moved[5])
    assert np.isnan(moved[6])
    kinked = replace(entry, ties=False, kinks=(0.1,))
    assert perturb(case, kinked, np.random.default_rng(0))["x"][2] == 0.1


def test_what_the_reference_is_off_by_on_the_very_call_is_allowed():
    x = np.array([-1e-6, 3.0], np.float32)  # and 1e-6 added to it is 0 in float32 alone
    case = Case("relu", {"x": x}, differentiable=("x",))

    def signs(case, _):
        return (np.asarray(np.sign(case["x"] + case["x"].dtype.type(1e-6))),)

    yardstick = Yardstick(signs, case, (), operation_of("relu"))
    assert yardstick.compare(signs(case, ())) is None
    assert (
        Yardstick(signs, case, (), operation_of("relu")).compare((np.array([0, 99], np.float32),)) is not None
    )


def test_of_another_formula_each_element_need_be_within_the_one_bound_or_the_other():
    x = np.array([[4096.25, 4095.5], [4097.75, 4096.125]])
    case = Case("relu", {"x": x}, differentiable=("x",))

    def reference(case, _):  # its first line moves far with x, its second hardly
        return (np.stack([1e6 * (case["x"][0] - 4096), 1e-10 * case["x"][1]]),)

    (truth,) = reference(case, ())
    off = np.array([[1e-7, 0.0], [1e-13, 0.0]])  # 16 roundings of the results' 2e6 are 6e-9

    def judge(error, any_formula):
        yardstick = Yardstick(reference, case, (), operation_of("relu"), any_formula=any_formula)
        return yardstick.compare((truth + error,))

    assert judge(off, any_formula=True) is None
    found = judge(off, any_formula=False)
    assert found is not None
    assert found.index == (1, 0)
    for wrong in (off * [[1e4], [1]], off * [[1], [1e6]]):
        assert judge(wrong, any_formula=True) is not None
