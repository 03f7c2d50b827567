"""Resampling and sampling of images, forward and backward, side by side; see README.md in this folder."""

import numpy as np
from side_by_side import Row, floats, pair_of_tests

SHAPES = ((1, 3, 16, 16), (8, 16, 32, 32), (8, 32, 64, 64))


def interpolated(mode, align_corners):
    return (lambda F, x: F.interpolate(x, scale_factor=2, mode=mode, align_corners=align_corners),) * 2


def by_jax(method):
    return lambda jax, x: jax.image.resize(x, (*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]), method)


def grid_operands(shape):
    grid = np.random.default_rng(2).uniform(-0.99, 0.99, size=(shape[0], *shape[2:], 2))
    return *floats(shape), grid.astype(np.float32)


ROWS = {
    f"interpolate {mode} {'x'.join(map(str, shape))}": Row(
        floats(shape),
        1,
        *interpolated(mode, None if mode == "nearest" else False),
        by_jax(mode) if mode != "bicubic" else None,  # JAX's bicubic has another kernel
    )
    for mode in ("bilinear", "nearest", "bicubic")
    for shape in SHAPES
} | {
    f"grid_sample {mode} {'x'.join(map(str, shape))}": Row(
        grid_operands(shape),
        2,
        lambda F, x, grid, mode=mode: F.grid_sample(x, grid, mode=mode, align_corners=False),
        lambda F, x, grid, mode=mode: F.grid_sample(x, grid, mode=mode, align_corners=False),
    )
    for mode in ("bilinear", "nearest")
    for shape in SHAPES
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
