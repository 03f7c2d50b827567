"""What only moves elements: every property, against every oracle that is installed."""

import numpy as np
import pytest

from scratchnet.functional._reshape import copied

FAMILY = "reshape"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)


def test_the_identity_is_a_copy_of_what_it_is_given_and_so_is_its_gradient():
    x, dy = np.asfortranarray([[1.0, np.nan], [3.0, -0.0]]), np.array([[0.5, 1.0], [np.inf, -2.0]])
    y, pullback = copied(x)
    (dx,) = pullback(dy)
    for given, found in ((x, y), (dy, dx)):
        np.testing.assert_array_equal(found, given)
        assert found.dtype == given.dtype
        assert not np.shares_memory(found, given)
    assert pullback(dy, (False,)) == (None,)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: copied([1.0]), TypeError, ("Identity: x must be a NumPy array", "list")),
        (
            lambda: copied(np.ones(2))[1](np.ones(3)),
            ValueError,
            ("Identity's pullback: dy must have", "(2,)", "(3,)"),
        ),
        (
            lambda: copied(np.ones(2))[1](np.ones(2, np.float32)),
            TypeError,
            ("Identity's pullback: dy must have", "float64", "float32"),
        ),
    ],
    ids=["a list", "a cotangent of another shape", "a cotangent of another dtype"],
)
def test_the_identity_refuses(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert all(word in str(raised.value) for word in words), raised.value
