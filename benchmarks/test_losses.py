"""Losses, forward and backward, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest

TURNS = 5
# Small, middle and large: (N, C), and for ctc_loss (T, N, C, S) with mixed lengths.
CASES = [
    ("cross_entropy", (100, 10)),
    ("cross_entropy", (1024, 1000)),
    ("cross_entropy", (128, 32000)),
    ("ctc_loss", (20, 4, 10, 5)),
    ("ctc_loss", (100, 16, 30, 20)),
    ("ctc_loss", (200, 32, 30, 40)),
]


def operands(family, shape):
    """Return what the gradient is taken of, and the integers that follow it."""
    rng = np.random.default_rng(0)
    if family == "cross_entropy":
        return rng.normal(size=shape).astype(np.float32), (rng.integers(0, shape[1], size=shape[0]),)
    times, n, classes, longest = shape
    logits = rng.normal(size=(times, n, classes))
    log_probs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    targets = rng.integers(1, classes, size=(n, longest))
    lengths = rng.integers(times // 2 + longest, times + 1, size=n), rng.integers(1, longest + 1, size=n)
    return log_probs.astype(np.float32), (targets, *lengths)


def scratchnet(family, shape):
    import scratchnet.functional as F

    x, integers = operands(family, shape)
    function = getattr(F, family)

    def work():
        _, pullback = function(x, *integers)
        return [pullback()[0]]

    return work


def pytorch(family, shape):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    x, integers = operands(family, shape)
    tensor = torch.from_numpy(x).requires_grad_()
    others = [torch.from_numpy(a) for a in integers]
    function = getattr(torch.nn.functional, family)
    return lambda: torch.autograd.grad(function(tensor, *others), [tensor])


CONTENDERS = {"scratchnet float32": scratchnet, "PyTorch float32": pytorch}


@functools.cache
def work_of(contender, family, shape):
    return CONTENDERS[contender](family, shape)


@pytest.mark.parametrize(("family", "shape"), CASES, ids=str)
def test_both_find_the_same_gradients(family, shape):
    (ours,), (theirs,) = (work_of(contender, family, shape)() for contender in CONTENDERS)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=2e-5)  # float32 sums of logarithms


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(("family", "shape"), CASES, ids=str)
def test_time(family, shape, turn, contender, measure):
    iterations = max(1, 400_000 // int(np.prod(shape)))
    work = work_of(contender, family, shape)
    measure(f"{family} {'x'.join(map(str, shape))}", contender, work, 5, iterations)
