"""Oracles are what they are called, touch nothing global, and cost nothing until asked for."""

import subprocess
import sys

import numpy as np
import pytest

from scratchnet_crosscheck.case import Case
from scratchnet_crosscheck.oracles import OracleAbsent, oracle
from scratchnet_crosscheck.oracles.golden import Golden
from scratchnet_crosscheck.oracles.protocol import Linearizes, Runner, Skips

RELU = Case("relu", {"x": np.array([-1.0, 0.0, 2.0])}, differentiable=("x",))


def _python(code, **environment):
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    heavy = ("numpy", "hypothesis", "pytest", "torch", "jax", "scratchnet.functional")
    code = f"import sys, scratchnet_crosscheck; print([m for m in {heavy!r} if m in sys.modules])"
    assert _python(code) == "[]"


def test_the_catalogue_and_the_properties_import_no_framework():
    code = (
        "import sys, scratchnet_crosscheck as c; c.check_operation; list(c.operations());"
        "print([m for m in ('torch', 'jax', 'pytest') if m in sys.modules])"
    )
    assert _python(code) == "[]"


def test_every_public_name_resolves():
    code = (
        "import scratchnet_crosscheck as c\n"
        "print(all(getattr(c, n) is not None for n in c.__all__), dir(c) == sorted(c.__all__))"
    )
    assert _python(code) == "True True"


def test_a_package_that_merely_calls_itself_torch_is_not_taken_for_it(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("__version__ = '2.9'\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from scratchnet_crosscheck.oracles import OracleAbsent, oracle\n"
        "try:\n    oracle('torch')\nexcept OracleAbsent as absent:\n    print(absent)"
    )
    assert "the installed package named torch is not PyTorch" in _python(code)


_FOREIGN = """
import numpy as np

class Mine:
    name = "mine"

    def __init__(self, entry):
        self.entry = entry

    def unable(self, case):
        return None if case.operation == "relu" else "knows relu alone"

    def forward(self, case):
        return (np.where(case["x"] <= 0, np.zeros_like(case["x"]), case["x"]),)

    def vjp(self, case, cotangents):
        return (np.where(case["x"] <= 0, np.zeros_like(case["x"]), cotangents[0]),)

def without_methods(entry):
    return object()

def broken(entry):
    raise ImportError("a library that nobody has")
"""


@pytest.fixture
def foreign(tmp_path):
    """A distribution of somebody else's that registers oracles; return the code that finds it."""
    (tmp_path / "foreign.py").write_text(_FOREIGN, encoding="utf-8")
    metadata = tmp_path / "foreign-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: foreign\nVersion: 1.2\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(
        "[scratchnet_crosscheck.oracles]\nmine = foreign:Mine\nempty = foreign:without_methods\n"
        "broken = foreign:broken\ntorch = foreign:Mine\n",
        encoding="utf-8",
    )
    return (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from scratchnet_crosscheck import check_operation\n"
        "from scratchnet_crosscheck.oracles import described, names, oracle, registered\n"
        "def verdicts(name, operation='relu'):\n"
        "    checks = ['forward_equals_the_reference', 'backward_equals_the_reference']\n"
        "    found = check_operation(operation, oracle=name, checks=checks, profile='quick', seed=0)\n"
        "    return sorted({r.verdict for r in found}), found[0].message\n"
    )


def test_another_package_can_add_an_oracle(foreign):
    assert _python(f"{foreign}print(verdicts('mine')[0], verdicts('mine', 'tanh'))") == (
        "['passed'] (['not_applicable'], 'knows relu alone')"
    )
    assert (
        _python(f"{foreign}print(described(('golden', 'mine')))")
        == "(['numerical', 'golden', 'mine 1.2'], [])"
    )


def test_an_oracle_that_cannot_be_made_is_absent_and_not_failed(foreign):
    assert "oracle_absent" in _python(f"{foreign}print(verdicts('broken'))")
    assert "a library that nobody has" in _python(f"{foreign}print(verdicts('broken'))")
    assert "it has no forward, vjp, unable" in _python(f"{foreign}print(verdicts('empty'))")


def test_no_other_package_takes_the_place_of_an_oracle_of_ours(foreign):
    assert (
        _python(f"{foreign}print(registered()['torch'].value)")
        == "scratchnet_crosscheck.oracles.pytorch:PyTorch"
    )


def test_our_own_oracles_are_registered_as_anybodys_are():
    from importlib.metadata import entry_points

    from scratchnet_crosscheck.oracles import GROUP, OURS

    found = {point.name: point.value for point in entry_points(group=GROUP)}
    assert {name: found.get(name) for name in OURS} == OURS


def test_numerical_differentiation_is_no_runner_of_its_own():
    with pytest.raises(ValueError, match="no oracle is called 'numerical'; there are torch, golden, jax"):
        oracle("numerical")


def test_an_unknown_oracle_is_refused():
    with pytest.raises(ValueError, match="no oracle is called 'tensorflow'"):
        oracle("tensorflow")


def test_the_golden_model_fits_the_protocols():
    golden = Golden()
    assert isinstance(golden, Runner)
    assert isinstance(golden, Linearizes)
    assert isinstance(golden, Skips)


@pytest.mark.parametrize("name", ["golden", "torch", "jax"])
def test_an_oracle_gives_value_and_cotangents_as_fresh_arrays(name):
    if name != "golden":
        pytest.importorskip(name)
    found = oracle(name)
    assert found.unable(RELU) is None
    (y,) = found.forward(RELU)
    assert y.tolist() == [0.0, 0.0, 2.0]
    assert y.dtype == np.float64
    dy = np.array([1.0, 2.0, 3.0])
    (dx,) = found.vjp(RELU, (dy,))
    assert dx is not None
    assert dx.tolist() == [0.0, 0.0, 3.0]
    assert dx.dtype == np.float64
    assert dx.flags.writeable
    assert not np.shares_memory(dx, dy)


def test_pytorch_is_left_as_it_was():
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    before = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.get_rng_state().sum(),
    )
    with torch.no_grad():
        (dx,) = oracle("torch").vjp(RELU, (np.ones(3),))
    assert dx is not None
    assert dx.tolist() == [0.0, 0.0, 1.0]
    after = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.get_rng_state().sum(),
    )
    assert before == after


def test_jax_is_left_in_single_precision():
    jax = pytest.importorskip("jax")
    before = jax.numpy.ones(1).dtype
    assert oracle("jax").forward(RELU)[0].dtype == np.float64
    assert jax.numpy.ones(1).dtype == before


def test_an_absent_framework_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(OracleAbsent, match="JAX cannot be imported"):
        oracle("jax")


def test_a_gradient_by_pytorch_imports_no_symbolic_algebra():
    pytest.importorskip("torch")
    code = """
import sys, numpy as np
from scratchnet_crosscheck.case import Case
from scratchnet_crosscheck.oracles.pytorch import PyTorch
case = Case("relu", {"x": np.ones(3)}, differentiable=("x",))
(dx,) = PyTorch().vjp(case, (np.array([1.0, -2.0, np.inf]),))
assert dx.tolist() == [1.0, -2.0, np.inf]
assert "sympy" not in sys.modules
"""
    _python(code)


def test_a_cotangent_of_another_shape_than_its_output_is_refused_and_not_broadcast():
    pytest.importorskip("torch")
    case = Case("relu", {"x": np.ones((3, 1))}, differentiable=("x",))
    with pytest.raises(ValueError, match=r"a cotangent has shape \(3,\), its output \(3, 1\)"):
        oracle("torch").vjp(case, (np.ones(3),))
