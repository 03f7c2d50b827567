"""Activations, forward and backward, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest

TURNS = 5
SIZES = (64, 4096, 1_000_000)
NAMES = (
    "tanh", "relu", "sigmoid", "silu", "softplus", "gelu", "elu", "selu", "leaky_relu", "hardswish",
    "hardtanh", "softsign", "mish",
)  # fmt: skip
OVER_ROWS = ("softmax", "log_softmax")
SHAPES = ((100, 10), (1024, 1000), (128, 32000))
CASES = [(name, size) for name in NAMES for size in SIZES]
CASES += [(name, shape) for name in OVER_ROWS for shape in SHAPES]


def operands(size):
    """Return x and dy of so many elements, or of a shape."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=size) * 2).astype(np.float32), rng.normal(size=size).astype(np.float32)


def taken(function, name, **options):
    """Return `function`, with `options` where it goes over rows."""
    return functools.partial(function, **options) if name in OVER_ROWS else function


def scratchnet(name, size):
    import scratchnet.functional as F

    x, dy = operands(size)
    function = taken(getattr(F, name), name, dim=1)

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
    function = taken(function, name, dim=1)
    return lambda: torch.autograd.grad(function(x), x, dy)[0]


def jax_jit(name, size):
    jax = pytest.importorskip("jax")
    x, dy = (jax.numpy.asarray(a) for a in operands(size))
    function = {
        "tanh": jax.numpy.tanh, "gelu": functools.partial(jax.nn.gelu, approximate=False),
        "hardswish": jax.nn.hard_swish, "hardtanh": jax.nn.hard_tanh, "softsign": jax.nn.soft_sign,
    }.get(name) or getattr(jax.nn, name)  # fmt: skip
    function = taken(function, name, axis=1)

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
    # A dozen roundings of numbers up to 10; over rows of exponents up to 20, which scale the gradient.
    largest = 20 * float(np.abs(ours).max()) if name in OVER_ROWS else 10
    atol = 12 * largest * float(np.finfo(np.float32).eps)
    np.testing.assert_allclose(ours, np.asarray(found), rtol=0, atol=atol)


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(("name", "size"), CASES)
def test_time(name, size, turn, contender, measure):
    work = work_of(contender, name, size)
    n_elements = int(np.prod(size))
    label = f"{name} of {size:,}" if name in NAMES else f"{name} of {size[0]} x {size[1]}"
    measure(label, contender, work, 5, max(1, 400_000 // n_elements // 4))
