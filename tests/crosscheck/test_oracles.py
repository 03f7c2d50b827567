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
