"""scratchnet.functional gives what the onnx package's node test vectors expect.

They are an oracle that shares nothing with PyTorch or with this project. What is not run is said in
`onnx_skipped.py`, where what is not needed fails. Where PyTorch is installed its functions are asked the
same: that proves what `onnx_operators.py` says, also of functions that scratchnet does not have yet.
"""

from collections import Counter

import numpy as np
import pytest
from onnx_libraries import NotThere, PyTorch, Scratchnet
from onnx_operators import OPERATORS, Cannot
from onnx_skipped import AWAITED, OTHER, RECURRENT, SKIPPED, WITHOUT_FUNCTION
from onnx_vectors import PRESENT, difference, vectors

import scratchnet.functional
import scratchnet.nn

REASONS = {name: reason for reason, names in SKIPPED.items() for name in names}

#: Fewer vectors than this in a release of the package is no release we know.
AT_LEAST = 435

pytestmark = pytest.mark.skipif(not PRESENT, reason="onnx is not installed")


def pytest_generate_tests(metafunc):
    if {"vector", "way"} <= set(metafunc.fixturenames):
        items = [
            pytest.param(vector, way, id=f"{vector.name.removeprefix('test_')}: {way.__name__}")
            for vector in (vectors().values() if PRESENT else ())
            for way in OPERATORS.get(vector.operator, ())
            if way.only(vector)
        ]
        metafunc.parametrize(("vector", "way"), items)


def differences(library, vector, way):
    """Return in what way the results differ from the expected ones, for each output."""

    def again(call):
        return way(library, call)

    outputs = again(vector)
    assert len(outputs) == len(vector.expected)
    compared = [
        (place, np.asarray(got), expected)
        for place, (got, expected) in enumerate(zip(outputs, vector.expected, strict=True))
        if got is not None and expected is not None
    ]
    assert compared, "nothing is compared"
    found = [
        difference(got, expected, lambda call, place=place: again(call)[place], vector, way.data)
        for place, got, expected in compared
    ]
    return [why for why in found if why is not None]


def test_scratchnet_gives_what_is_expected(vector, way):
    reason = REASONS.get(vector.name)
    try:
        different = differences(Scratchnet(), vector, way)
    except NotThere as absent:
        if str(absent) not in AWAITED:
            pytest.fail(f"scratchnet.functional has no {absent}: a name for AWAITED in onnx_skipped.py?")
        pytest.skip(f"scratchnet.functional has no {absent} yet")
    except Cannot as cannot:
        if str(cannot) != reason:
            pytest.fail(f"onnx_skipped.py should have it, because of {cannot}")
        pytest.skip(reason)
    except (TypeError, ValueError) as refused:
        if reason is None:
            raise
        pytest.skip(f"{reason}: {refused}")
    assert not different
    assert reason is None, f"it holds: take it from onnx_skipped.py ({reason})"


def test_pytorch_gives_what_is_expected_so_that_the_mapping_is_right(vector, way):
    pytest.importorskip("torch")
    if vector.name in REASONS:
        pytest.skip(REASONS[vector.name])
    assert not differences(PyTorch(), vector, way)


def test_no_function_is_awaited_that_has_arrived():
    arrived = {name for name in AWAITED if hasattr(scratchnet.functional, name)}
    assert not arrived, "take them from AWAITED in onnx_skipped.py: their vectors are run now"


def test_every_function_that_is_awaited_has_a_vector():
    class Asked:
        def __getattr__(self, name):
            raise NotThere(name)

    asked = set()
    for vector in vectors().values():
        for way in OPERATORS.get(vector.operator, ()):
            if way.only(vector):
                try:
                    way(Asked(), vector)
                except NotThere as absent:
                    asked.add(str(absent))
                except Cannot:
                    pass
    behind = {"silu", "scaled_dot_product_attention"}  # asked for once another has answered
    assert asked | behind >= AWAITED


def test_no_recurrent_layer_has_arrived():
    arrived = [name for name in RECURRENT if hasattr(scratchnet.nn, name)]
    assert not arrived, "say in onnx_operators.py how their vectors are run"


def test_every_operator_is_run_or_has_a_reason_not_to_be():
    tables = [set(OPERATORS), set(WITHOUT_FUNCTION), set(RECURRENT), OTHER]
    known = Counter(name for table in tables for name in table)
    assert max(known.values()) == 1, "an operator in two tables"
    assert {vector.operator for vector in vectors().values()} == set(known)


def test_every_vector_that_is_skipped_exists():
    assert set(REASONS) <= set(vectors())
    assert len(REASONS) == sum(map(len, SKIPPED.values())), "a vector with two reasons"


def test_there_are_as_many_vectors_of_layers_as_there_were():
    counted = [vector for vector in vectors().values() if vector.operator in OPERATORS]
    assert len(counted) >= AT_LEAST


class Off:
    """A library whose results are off by one part in a hundred thousand."""

    def __getattr__(self, name):
        function = getattr(Scratchnet(), name)

        def call(*arrays, **options):
            y = function(*arrays, **options)
            return y * y.dtype.type(1.00001) if isinstance(y, np.ndarray | np.generic) else y

        return call


@pytest.mark.parametrize(
    "operator", ["Conv", "Softmax", "BatchNormalization", "Gemm", "NegativeLogLikelihoodLoss"]
)
def test_a_relative_error_of_a_hundred_thousandth_is_seen(operator):
    (way, *_) = OPERATORS[operator]
    seen = 0
    for vector in vectors().values():
        if vector.operator == operator and vector.name not in REASONS:
            with np.errstate(all="ignore"):
                seen += bool(differences(Off(), vector, way))
    assert seen
