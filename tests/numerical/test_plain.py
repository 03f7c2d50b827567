"""`numerical_gradient`: the book's loop to the bit, and its argument as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchnet.numerical import numerical_gradient

FLOATS = [np.float16, np.float32, np.float64, np.longdouble]


def loop_of_the_book(f, x):
    """Transcribe section 4.4.2: move, call twice, put back."""
    h = 1e-4
    grad = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        kept = x[index]
        x[index] = kept + h
        above = f(x)
        x[index] = kept - h
        below = f(x)
        grad[index] = (above - below) / (2 * h)
        x[index] = kept
    return grad


def bits(x):
    return x.tobytes() if x.dtype != np.longdouble else x.astype(str).tolist()


@settings(deadline=None, max_examples=100)
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements=st.floats(-1e3, 1e3),
    )
)
def test_it_is_the_books_loop_bit_for_bit_in_float64(x):
    def f(v):
        return np.sum(np.sin(v) * v)

    assert bits(numerical_gradient(f, x.copy())) == bits(loop_of_the_book(f, x.copy()))


def test_it_is_the_books_loop_where_f_ignores_its_argument_and_reads_the_same_array():
    rng = np.random.default_rng(0)
    W, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))

    def loss(_):
        return float(np.square(np.tanh(x @ W)).mean())

    assert bits(numerical_gradient(loss, W)) == bits(loop_of_the_book(loss, W))


SPECIAL = [-0.0, 0.0, 1.5, np.inf, -np.inf, 1e-5, 3.0, -2.0]


def special(dtype):
    x = np.array(SPECIAL, dtype=dtype).reshape(2, 4)
    if dtype != np.longdouble:
        integer = np.dtype(f"u{x.itemsize}").type
        as_int = x.view(integer)
        infinity = as_int[0, 3]
        as_int[1, 3] = np.array(np.nan, dtype=dtype).view(integer) | integer(5)  # a quiet NaN with a payload
        as_int[0, 1] = infinity | integer(3)  # a signalling NaN: infinity's exponent and some low bits
    return x


def calls_then_raises(k):
    seen = []

    def f(v):
        seen.append(1)
        if len(seen) == k:
            raise KeyboardInterrupt
        return 0.0

    return f


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("k", [1, 2, 3, 8, 15, 16])
def test_the_argument_is_restored_bit_for_bit_when_f_raises_at_call(dtype, k):
    x = special(dtype)
    raw = x.tobytes()
    with pytest.raises(KeyboardInterrupt):
        numerical_gradient(calls_then_raises(k), x, h=0.25)
    assert x.tobytes() == raw


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_argument_is_restored_bit_for_bit_when_all_goes_well(dtype):
    x = special(dtype)
    raw = x.tobytes()
    with np.errstate(invalid="ignore"):
        numerical_gradient(lambda _: 1.0, np.nan_to_num(x, posinf=1, neginf=1).astype(dtype), h=0.25)
        numerical_gradient(lambda _: 1.0, x, h=0.25)
    assert x.tobytes() == raw


def test_what_f_itself_writes_into_the_argument_is_undone():
    x = np.arange(4.0)

    def f(v):
        v[::-1] += 7.0
        return v.sum()

    numerical_gradient(f, x)
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_entries_not_under_examination_hold_their_own_value_while_f_runs():
    x, seen = np.array([1.0, 2.0]), []
    numerical_gradient(lambda v: seen.append(v.copy()) or 0.0, x)
    assert [v.tolist() for v in seen] == [[1 + 1e-4, 2], [1 - 1e-4, 2], [1, 2 + 1e-4], [1, 2 - 1e-4]]


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda x: x.T.copy().T,
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_dtype_gives_the_gradient_in_its_own_dtype(layout, dtype):
    x = LAYOUTS[layout](np.array([[0.5, -1.0, 0.25], [1.0, 0.75, -0.5]], dtype=dtype))
    weight = np.arange(1.0, 7.0).reshape(2, 3)
    got = numerical_gradient(lambda v: (v.astype(np.longdouble) ** 2 * weight).sum(), x, h=2**-8)
    assert got.dtype == dtype
    assert got.shape == x.shape
    np.testing.assert_allclose(
        got.astype(float), 2 * x.astype(float) * weight, rtol=3 * float(np.finfo(dtype).eps) + 1e-12
    )


def test_a_single_number_and_an_empty_array_have_gradients_of_their_shape():
    got = numerical_gradient(lambda v: 3 * v, np.array(2.0))
    assert got.shape == ()
    assert abs(float(got) - 3) < 1e-10
    assert numerical_gradient(lambda v: v.sum(), np.zeros((0, 3))).shape == (0, 3)


def test_in_float32_the_divisor_is_the_way_the_entry_really_went():
    x = np.array([100.0], dtype=np.float32)  # neighbours are 7.6e-6 apart: 2h is wrong by several per cent
    got = numerical_gradient(lambda v: 3.0 * float(v[0]), x)
    assert abs(float(got[0]) - 3) < 1e-6


def test_a_loss_of_one_entry_in_an_array_is_taken_for_a_number():
    got = numerical_gradient(lambda v: np.array([[v.sum()]]), np.ones(2))
    np.testing.assert_allclose(got, 1, rtol=1e-9)


REFUSED = {
    "integers": (
        lambda: numerical_gradient(np.sum, np.arange(3)),
        TypeError,
        ["x must be floating-point", "vanishes", "int64"],
    ),
    "booleans": (
        lambda: numerical_gradient(np.sum, np.ones(2, bool)),
        TypeError,
        ["x must be floating-point", "bool"],
    ),
    "complex": (
        lambda: numerical_gradient(np.sum, np.ones(2, complex)),
        TypeError,
        ["x must have a floating-point", "complex"],
    ),
    "list": (lambda: numerical_gradient(np.sum, [1.0]), TypeError, ["x must be a NumPy array", "list"]),
    "number": (lambda: numerical_gradient(np.sum, 1.0), TypeError, ["x must be a NumPy array", "float"]),
    "read-only": (
        lambda: numerical_gradient(np.sum, np.broadcast_to(1.0, 3)),
        ValueError,
        ["x must be writable", "(3,)"],
    ),
    "h of 0": (
        lambda: numerical_gradient(np.sum, np.ones(2), h=0.0),
        ValueError,
        ["h must be positive", "h=0.0"],
    ),
    "h of NaN": (
        lambda: numerical_gradient(np.sum, np.ones(2), h=np.nan),
        ValueError,
        ["h must be positive", "nan"],
    ),
    "several numbers": (
        lambda: numerical_gradient(np.sin, np.ones(2)),
        ValueError,
        ["f must return one number", "(2,)"],
    ),
    "nothing": (
        lambda: numerical_gradient(lambda _: None, np.ones(2)),
        TypeError,
        ["f must return a real", "None"],
    ),
    "a complex number": (
        lambda: numerical_gradient(lambda _: 1j, np.ones(2)),
        TypeError,
        ["f must return a real", "1j"],
    ),
    "a step lost in float16": (
        lambda: numerical_gradient(np.sum, np.array([0, 1], np.float16)),
        ValueError,
        ["h must move", "float16", "x[1]=1.0"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_call_is_refused_with_the_reason(case):
    call, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        call()
    for word in ["numerical_gradient", *words]:
        assert word in str(caught.value)
