"""Of two calls that are run beside each other, the one that raises is the one that is shown."""

import numpy as np
import pytest

from scratchnet_crosscheck.case import Case
from scratchnet_crosscheck.failure import Failure
from scratchnet_crosscheck.properties.calls import a_call_between_changes_nothing, interleaved_calls_agree


class OfMatrices:
    """A runner that takes matrices alone."""

    name = "of matrices"

    def forward(self, case):
        rows, columns = case["x"].shape
        return (2 * case["x"].reshape(rows, columns),)

    def vjp(self, _, cotangents):
        return (2 * cotangents[0],)

    def linearize(self, case):
        return self.forward(case), lambda cotangents, _: self.vjp(case, cotangents)


class Beside:
    """A trial with another call."""

    def __init__(self, other):
        self.other = other

    def cotangents(self, _, outputs):
        return tuple(np.ones_like(y) for y in outputs)


@pytest.mark.parametrize(
    "check", [interleaved_calls_agree, a_call_between_changes_nothing], ids=lambda c: c.name
)
def test_the_call_that_raises_is_the_one_that_is_shown(check):
    case, other = (Case("relu", {"x": np.zeros(shape)}, {}, ("x",), ("y",)) for shape in ((2, 3), (2, 3, 4)))
    with pytest.raises(Failure, match="raised ValueError: too many values") as failure:
        check.check(OfMatrices(), case, Beside(other))
    assert failure.value.case is other
