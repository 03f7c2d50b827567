"""Activations, forward and backward, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest

TURNS = 5
SIZES = (64, 4096, 1_000_000)
NAMES = ("tanh", "relu", "sigmoid", "silu", "softplus", "gelu", "elu", "leaky_relu", "hardswish", "mish")
CASES = [(name, size) for name in NAMES for size in SIZES]


def operands(size):
    rng = np.random.default_rng(0)
    return (rng.normal(size=size) * 2).astype(np.float32), rng.normal(size=size).astype(np.float32)


def scratchnet(name, size):
    import scratchnet.functional as F

    x, dy = operands(size)
    function = getattr(F, name)

    def work():
        _, pullback = function(x)
        return pullback(dy)[0]

    return work


def pytorch(name, size):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    x, dy = (torch.from_numpy(a) for a in operands(size))
    x.requires_grad_()
    function = getattr(torch if name in ("tanh", "sigmoid") else torch.nn.functional, name)
    return lambda: torch.autograd.grad(function(x), x, dy)[0]


def jax_jit(name, size):
    jax = pytest.importorskip("jax")
    x, dy = (jax.numpy.asarray(a) for a in operands(size))
    function = {
        "tanh": jax.numpy.tanh, "gelu": functools.partial(jax.nn.gelu, approximate=False),
        "hardswish": jax.nn.hard_swish,
    }.get(name) or getattr(jax.nn, name)  # fmt: skip

    @jax.jit
    def both(x, dy):
        y, pull = jax.vjp(function, x)
        return y, pull(dy)[0]

    return lambda: jax.block_until_ready(both(x, dy))[1]


CONTENDERS = {"scratchnet float32": scratchnet, "PyTorch float32": pytorch, "JAX jit float32": jax_jit}


@functools.cache
def work_of(contender, name, size):
    return CONTENDERS[contender](name, size)


@pytest.mark.parametrize(("name", "size"), CASES)
@pytest.mark.parametrize("contender", ["PyTorch float32", "JAX jit float32"])
def test_every_contender_finds_the_same_gradient(contender, name, size):
    ours, found = work_of("scratchnet float32", name, size)(), work_of(contender, name, size)()
    # A dozen roundings of numbers up to 10.
    np.testing.assert_allclose(ours, np.asarray(found), rtol=0, atol=120 * float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(("name", "size"), CASES)
def test_time(name, size, turn, contender, measure):
    work = work_of(contender, name, size)
    measure(f"{name} of {size:,}", contender, work, 5, max(1, 400_000 // size // 4))
