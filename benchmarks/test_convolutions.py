"""Convolutions, forward and backward, side by side; see README.md in this folder."""

import functools

import numpy as np
import pytest

TURNS = 5
# family: (row, shape of x, shape of the weight, options). Small, middle and large.
ROWS = {
    "conv2d": [
        ((8, 3, 16, 16), (16, 3, 3, 3), {"padding": 1}),
        ((32, 64, 14, 14), (64, 64, 3, 3), {"padding": 1}),
        ((100, 1, 28, 28), (30, 1, 5, 5), {}),
        ((16, 32, 28, 28), (64, 32, 3, 3), {"stride": 2, "padding": 1}),
        ((16, 16, 32, 32), (32, 16, 3, 3), {"padding": 1}),
        ((100, 16, 28, 28), (16, 16, 3, 3), {"padding": 1}),
        ((8, 128, 28, 28), (128, 128, 3, 3), {"padding": 1}),
        ((16, 64, 14, 14), (128, 64, 1, 1), {}),
    ],
    "depthwise": [
        ((8, 32, 14, 14), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
        ((32, 64, 28, 28), (64, 1, 3, 3), {"padding": 1, "groups": 64}),
        ((8, 128, 56, 56), (128, 1, 3, 3), {"padding": 1, "groups": 128}),
    ],
    "conv_transpose2d": [
        ((8, 16, 16, 16), (16, 3, 4, 4), {"stride": 2, "padding": 1}),
        ((16, 64, 14, 14), (64, 32, 4, 4), {"stride": 2, "padding": 1}),
        ((8, 128, 28, 28), (128, 64, 4, 4), {"stride": 2, "padding": 1}),
    ],
    "conv1d": [((16, 32, 256), (64, 32, 3), {"padding": 1})],
    "conv3d": [((4, 8, 16, 16, 16), (16, 8, 3, 3, 3), {"padding": 1})],
    "unfold": [((16, 16, 28, 28), None, {"kernel_size": 3, "padding": 1})],
    "fold": [((16, 144, 784), None, {"output_size": 28, "kernel_size": 3, "padding": 1})],
}
CASES = [(family, number) for family, rows in ROWS.items() for number in range(len(rows))]


def operands(family, number):
    """Return x, weight and bias, as far as there are any, and the cotangent."""
    x_shape, weight_shape, _ = ROWS[family][number]
    rng = np.random.default_rng(0)
    shapes = [x_shape]
    if weight_shape is not None:
        shapes += [weight_shape, (weight_shape[family == "conv_transpose2d"],)]
    arrays = [(rng.standard_normal(shape) / 8).astype(np.float32) for shape in shapes]
    y = function_of("scratchnet.functional", family)(*arrays, **ROWS[family][number][2])[0]
    return arrays, rng.standard_normal(y.shape).astype(np.float32)


def function_of(module, family):
    return getattr(pytest.importorskip(module), "conv2d" if family == "depthwise" else family)


def scratchnet(family, number):
    arrays, dy = operands(family, number)
    options = ROWS[family][number][2]
    function = function_of("scratchnet.functional", family)

    def work():
        _, pullback = function(*arrays, **options)
        return pullback(dy)

    return work


def pytorch(family, number):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    arrays, dy = operands(family, number)
    tensors, cotangent = [torch.from_numpy(a).requires_grad_() for a in arrays], torch.from_numpy(dy)
    options = ROWS[family][number][2]
    function = function_of("torch.nn.functional", family)
    return lambda: torch.autograd.grad(function(*tensors, **options), tensors, cotangent)


def jax_jit(family, number):
    jax = pytest.importorskip("jax")
    if "fold" in family:
        pytest.skip("JAX has no function for it")
    arrays, cotangent = operands(family, number)
    arrays, cotangent = [jax.numpy.asarray(a) for a in arrays], jax.numpy.asarray(cotangent)
    options = ROWS[family][number][2]
    n_dims = arrays[0].ndim - 2
    stride, padding = options.get("stride", 1), options.get("padding", 0)

    def convolved(x, weight, bias):
        if family == "conv_transpose2d":
            # The convolution of the spread input with the flipped kernel.
            reach = weight.shape[2] - 1 - padding
            y = jax.lax.conv_general_dilated(
                x,
                jax.numpy.flip(weight, (2, 3)).swapaxes(0, 1),
                (1,) * n_dims,
                [(reach, reach)] * n_dims,
                lhs_dilation=(stride,) * n_dims,
            )
        else:
            y = jax.lax.conv_general_dilated(
                x,
                weight,
                (stride,) * n_dims,
                [(padding, padding)] * n_dims,
                feature_group_count=options.get("groups", 1),
            )
        return y + bias.reshape(-1, *(1,) * n_dims)

    @jax.jit
    def both(x, weight, bias, dy):
        y, pull = jax.vjp(convolved, x, weight, bias)
        return y, *pull(dy)

    return lambda: jax.block_until_ready(both(*arrays, cotangent))[1:]


CONTENDERS = {"scratchnet float32": scratchnet, "PyTorch float32": pytorch, "JAX jit float32": jax_jit}


@functools.cache
def work_of(contender, family, number):
    return CONTENDERS[contender](family, number)


@pytest.mark.parametrize(("family", "number"), CASES)
@pytest.mark.parametrize("contender", ["PyTorch float32", "JAX jit float32"])
def test_every_contender_finds_the_same_gradients(contender, family, number):
    ours = work_of("scratchnet float32", family, number)()
    for mine, found in zip(ours, work_of(contender, family, number)(), strict=True):
        theirs = np.asarray(found)
        # float32 sums of up to 78,400 terms
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4 * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(("family", "number"), CASES)
def test_time(family, number, turn, contender, measure):
    x_shape, weight_shape, options = ROWS[family][number]
    work = work_of(contender, family, number)
    name = f"{family} {'x'.join(map(str, x_shape))}"
    if weight_shape is not None:
        name += f" k{weight_shape[-1]} to {weight_shape[family == 'conv_transpose2d']}"
    if "stride" in options:
        name += f" s{options['stride']}"
    measure(name, contender, work, 5, max(1, 100_000 // int(np.prod(x_shape))))
