"""Normalisations, forward and backward, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest

TURNS = 5
# family: (row, shape of x, further arguments). Small, middle and large.
ROWS = {
    "layer_norm": [((64, 256), 1), ((1024, 768), 1), ((4096, 1024), 1)],
    "rms_norm": [((64, 256), 1), ((1024, 768), 1), ((4096, 1024), 1)],
    "batch_norm": [((8, 16, 8, 8), 0), ((32, 64, 14, 14), 0), ((100, 16, 28, 28), 0)],
    "group_norm": [((8, 16, 8, 8), 4), ((32, 64, 14, 14), 8), ((8, 64, 56, 56), 8)],
    "instance_norm": [((8, 16, 8, 8), 0), ((32, 64, 14, 14), 0), ((8, 64, 56, 56), 0)],
    "local_response_norm": [((8, 16, 8, 8), 5), ((32, 64, 14, 14), 5), ((8, 64, 56, 56), 5)],
}
CASES = [(family, shape, option) for family, rows in ROWS.items() for shape, option in rows]


def operands(family, shape):
    rng = np.random.default_rng(0)
    width = shape[-1] if family in ("layer_norm", "rms_norm") else shape[1]
    x, dy = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    weight, bias = (rng.normal(size=width).astype(np.float32) for _ in range(2))
    return x, weight, bias, dy


def arguments(family, shape, option, weight, bias):
    """Return what follows x, in every contender's order, and which arguments those are."""
    return {
        "layer_norm": lambda: ((shape[-1:], weight, bias), {}),
        "rms_norm": lambda: ((shape[-1:], weight), {}),
        "batch_norm": lambda: ((None, None, weight, bias), {"training": True}),
        "group_norm": lambda: ((option, weight, bias), {}),
        "instance_norm": lambda: ((None, None, weight, bias), {}),
        "local_response_norm": lambda: ((option,), {}),
    }[family]()


def scratchnet(family, shape, option):
    import scratchnet.functional as F

    x, weight, bias, dy = operands(family, shape)
    args, kwargs = arguments(family, shape, option, weight, bias)
    function = getattr(F, family)

    def work():
        _, pullback, *_ = function(x, *args, **kwargs)
        return [slot for slot in pullback(dy) if slot is not None]

    return work


def pytorch(family, shape, option):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    x, weight, bias, dy = (torch.from_numpy(a) for a in operands(family, shape))
    wanted = [x, weight, bias][: {"rms_norm": 2, "local_response_norm": 1}.get(family, 3)]
    for tensor in wanted:
        tensor.requires_grad_()
    args, kwargs = arguments(family, shape, option, weight, bias)
    function = getattr(torch.nn.functional, family)
    return lambda: torch.autograd.grad(function(x, *args, **kwargs), wanted, dy)


def jax_jit(family, shape, option):
    jax = pytest.importorskip("jax")
    x, weight, bias, dy = (jax.numpy.asarray(a) for a in operands(family, shape))
    axes = {"batch_norm": (0, *range(2, len(shape))), "instance_norm": tuple(range(2, len(shape)))}

    def of_neighbours(x):
        channels, before = x.shape[1], option // 2
        squares = jax.numpy.pad(x * x, [(0, 0), (before, option - 1 - before), (0, 0), (0, 0)])
        total = sum(squares[:, step : step + channels] for step in range(option))
        return x / (1.0 + 1e-4 / option * total) ** 0.75

    def normalized(x, weight, bias):
        wide = (
            (-1, *(1,) * (len(shape) - 2))
            if family in ("batch_norm", "group_norm", "instance_norm")
            else (-1,)
        )
        grouped = x.reshape(shape[0], option, -1) if family == "group_norm" else x
        over = 2 if family == "group_norm" else axes.get(family, -1)
        mean = 0.0 if family == "rms_norm" else grouped.mean(over, keepdims=True)
        var = ((grouped - mean) ** 2).mean(over, keepdims=True)
        y = ((grouped - mean) / jax.numpy.sqrt(var + 1e-5)).reshape(shape) * weight.reshape(wide)
        return y if bias is None else y + bias.reshape(wide)

    @jax.jit
    def both(x, weight, bias, dy):
        if family == "local_response_norm":
            y, pull = jax.vjp(of_neighbours, x)
        elif family == "rms_norm":
            y, pull = jax.vjp(lambda x, weight: normalized(x, weight, None), x, weight)
        else:
            y, pull = jax.vjp(normalized, x, weight, bias)
        return y, *pull(dy)

    return lambda: jax.block_until_ready(both(x, weight, bias, dy))[1:]


CONTENDERS = {"scratchnet float32": scratchnet, "PyTorch float32": pytorch, "JAX jit float32": jax_jit}


@functools.cache
def work_of(contender, family, shape, option):
    return CONTENDERS[contender](family, shape, option)


@pytest.mark.parametrize(("family", "shape", "option"), CASES, ids=str)
@pytest.mark.parametrize("contender", ["PyTorch float32", "JAX jit float32"])
def test_every_contender_finds_the_same_gradients(contender, family, shape, option):
    ours = work_of("scratchnet float32", family, shape, option)()
    for mine, found in zip(ours, work_of(contender, family, shape, option)(), strict=True):
        theirs = np.asarray(found)
        # float32 sums of up to 78,400 terms
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4 * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(("family", "shape", "option"), CASES, ids=str)
def test_time(family, shape, option, turn, contender, measure):
    size = int(np.prod(shape))
    iterations = max(1, 400_000 // size)
    work = work_of(contender, family, shape, option)
    measure(f"{family} {'x'.join(map(str, shape))}", contender, work, 5, iterations)
