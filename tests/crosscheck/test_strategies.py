"""What is drawn is valid, varied, and what its setting asks for."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from scratchnet_crosscheck.catalogue import operations
from scratchnet_crosscheck.oracles.golden import Golden
from scratchnet_crosscheck.strategies import COTANGENTS, LAYOUTS, Setting, cotangent, lay_out

SETTINGS = {
    "ordinary": Setting(np.dtype(np.float64)),
    "calm": Setting(np.dtype(np.float64), values="calm"),
    "edge": Setting(np.dtype(np.float32), sizes="edge"),
    "extreme": Setting(np.dtype(np.float32), values="extreme"),
    "batched": Setting(np.dtype(np.float64), batched=True),
}


def _drawn(strategy, count=60, seed=0):
    found = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate,),
    )  # fmt: skip
    @hypothesis.given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


@pytest.mark.parametrize("name", operations())
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_call_drawn_is_valid(name, setting):
    entry = operations()[name]
    golden = Golden()
    for case in _drawn(entry.cases(SETTINGS[setting])):
        assert case.operation == name
        assert case.dtype == SETTINGS[setting].dtype
        with np.errstate(all="ignore"):
            outputs = golden.forward(case)
        assert len(outputs) == len(case.outputs) + len(case.extras), repr(case)


@pytest.mark.parametrize("name", operations())
def test_a_drawn_call_prints_as_a_call_that_gives_the_same(name):
    import scratchnet.functional as F

    entry = operations()[name]
    golden = Golden()
    for case in _drawn(entry.cases(SETTINGS["ordinary"]), 15, seed=1):
        value = eval(f"F.{case!r}", {"F": F, "np": np})[0]
        first = value[0] if isinstance(value, tuple) else value
        np.testing.assert_allclose(first, golden.forward(case)[0], rtol=1e-12, atol=1e-12)


def test_edges_are_empty_batches_and_batches_of_one():
    sizes = {
        case["x"].shape[0]
        for case in _drawn(operations()["max_pool2d"].cases(SETTINGS["edge"]))
        if case["x"].ndim == 4
    }
    assert sizes == {0, 1}


def test_options_vary_together():
    cases = _drawn(operations()["conv2d"].cases(SETTINGS["ordinary"]), 200)
    strided = [c for c in cases if c.options["stride"] not in (1, (1, 1))]
    assert any(
        c.options["padding"] not in (0, (0, 0), "valid") and c.options["dilation"] not in (1, (1, 1))
        and "the stride leaves a remainder" in c.marks and c["x"].shape[-1] != c["x"].shape[-2]
        for c in strided
    )  # fmt: skip
    assert {c.options["groups"] for c in cases} == {1, 2, 3}


def test_every_layout_is_drawn():
    seen = set()
    for case in _drawn(operations()["linear"].cases(SETTINGS["ordinary"]), 200):
        seen |= case.tags()
    assert {"C order", "Fortran order", "reversed", "strided", "broadcast"} <= seen


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_layout_keeps_the_numbers(kind):
    x = np.arange(24.0).reshape(2, 3, 4)
    laid = lay_out(x, kind)
    assert np.array_equal(laid, x)
    assert not np.shares_memory(laid, x)
    if kind != "C order":
        assert not laid.flags.c_contiguous


@pytest.mark.parametrize("kind", sorted(set(COTANGENTS)))
def test_a_cotangent_has_the_shape_and_dtype_of_its_output(kind):
    for shape in ((), (0,), (2, 0, 3), (3, 4)):
        dy = cotangent(kind, np.zeros(shape, np.float32), np.random.default_rng(1))
        assert dy.shape == shape
        assert dy.dtype == np.float32
        assert np.isfinite(dy).all()


def test_a_strided_cotangent_is_a_view_into_a_larger_array():
    dy = cotangent("strided", np.zeros((3, 4)), np.random.default_rng(1))
    assert dy.base is not None
    assert dy.base.size > dy.size


def test_small_arrays_shrink_to_zeros():
    strategy = st.tuples(operations()["relu"].cases(SETTINGS["ordinary"]))
    (case,) = hypothesis.find(
        strategy, lambda drawn: drawn[0]["x"].size >= 3,
        settings=hypothesis.settings(database=None, deadline=None, max_examples=500),
    )  # fmt: skip
    assert case["x"].size == 3
    assert not case["x"].any()
