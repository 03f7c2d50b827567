"""A case is the call it describes."""

import numpy as np
import pytest

from scratchnet_crosscheck.case import Case, all_equal, array_call, layout_of
from scratchnet_crosscheck.strategies import LAYOUTS, broadcast_first, lay_out


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_an_array_prints_as_an_expression_that_builds_it(kind, dtype):
    x = lay_out(np.arange(24).reshape(2, 3, 4).astype(dtype) / dtype(1), kind).astype(dtype, copy=False)
    built = eval(array_call(x), {"np": np})
    assert built.dtype == x.dtype
    assert np.array_equal(built, x)


@pytest.mark.parametrize("kind", ["Fortran order", "transposed", "reversed", "strided"])
def test_the_expression_keeps_the_memory_layout(kind):
    x = lay_out(np.arange(24.0).reshape(2, 3, 4), kind)
    assert eval(array_call(x), {"np": np}).strides == x.strides


def test_a_broadcast_array_prints_as_one():
    x = broadcast_first(np.arange(6.0).reshape(2, 3))
    built = eval(array_call(x), {"np": np})
    assert layout_of(built) == "broadcast"
    assert np.array_equal(built, x)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.array(2.5),
        np.array([np.nan, np.inf, -np.inf, -0.0, 1e-30]),
        np.array([0.1], np.float32),
    ],
    ids=["empty", "number", "special", "float32"],
)
def test_odd_arrays_print_too(array):
    built = eval(array_call(array), {"np": np})
    assert built.tobytes() == array.tobytes()
    assert built.shape == array.shape


def test_a_case_prints_as_its_call():
    case = Case("dropout", {"x": np.array([1.0])}, {"p": 0.5}, ("x",), seed=3)
    assert (
        repr(case)
        == "dropout(x=np.array([1.0], dtype=np.float64), p=0.5, generator=np.random.default_rng(3))"
    )


def test_arguments_not_given_keep_their_slot():
    case = Case(
        "linear", {"x": np.ones((1, 2)), "weight": np.ones((3, 2)), "bias": None}, {}, ("x", "weight")
    )
    assert case.slots == ("x", "weight", "bias")
    assert case.needs == (True, True, False)
    assert repr(case).endswith("bias=None)")


def test_astype_leaves_integers_alone():
    case = Case("nll_loss", {"x": np.ones((1, 2)), "target": np.array([1])}, {}, ("x",)).astype(np.float32)
    assert case.dtype == np.float32
    assert case["target"].dtype == np.int64


def test_equal_bit_for_bit_tells_zeros_apart():
    assert all_equal([np.array([np.nan])], [np.array([np.nan])])
    assert not all_equal([np.array([0.0])], [np.array([-0.0])])
    assert not all_equal([None], [np.array([0.0])])
