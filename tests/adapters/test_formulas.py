"""Each kind's formula in NumPy is its formula in PyTorch, in every form and with every option it may have."""

import numpy as np
import pytest

from scratchnet_crosscheck.references import kinds
from scratchnet_crosscheck.references.protocol import Sampler, Sketch
from scratchnet_crosscheck.strategies import Setting

torch = pytest.importorskip("torch", reason="the other formula is PyTorch's")
SETTING = Setting(np.dtype(np.float64), layouts=False)


def calls(kind):
    """Two calls of each form, with every option, and one with each feature of these forced."""
    takes = frozenset(kind.defaults) | {"no bias"}
    for form in kind.forms(False)[:40]:
        asked = set()
        for seed in range(2):
            sketch = Sketch(Sampler(np.random.default_rng(seed), SETTING), form, takes)
            yield form, *kind.draw(sketch)
            asked |= sketch.asked
        for feature in sorted(asked):
            yield form, *kind.draw(Sketch(Sampler(np.random.default_rng(5), SETTING), form, takes, feature))


@pytest.mark.parametrize("kind", [k for k in kinds().values() if not k.random], ids=lambda kind: kind.name)
def test_the_formula_in_numpy_is_the_one_in_pytorch(kind):
    compared = 0
    for form, arrays, options in calls(kind):
        given = {k: np.asarray(form.layout(k).to(a)) for k, a in arrays.items() if a is not None}
        own = {**form.options, **options}
        try:
            with np.errstate(all="ignore"):
                found = kind.forward(given, own)
        except (ValueError, IndexError, ZeroDivisionError):  # an empty batch, of a loss that divides by it
            continue
        tensors = {k: torch.from_numpy(np.ascontiguousarray(a)) for k, a in given.items()}
        wanted = kind.torch(torch, tensors, own)
        for y, other in zip(found, wanted, strict=False):
            np.testing.assert_allclose(y, other.numpy(), 1e-9, 1e-12, err_msg=f"{form.words()} {own}")
            compared += 1
    assert compared
