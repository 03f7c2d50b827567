"""Padding and shuffling, forward and backward, side by side; see README.md in this folder."""

from side_by_side import Row, floats, pair_of_tests

SHAPES = ((1, 4, 16, 16), (8, 16, 32, 32), (8, 64, 56, 56))
BY_JAX = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

ROWS = {
    f"pad {mode} {'x'.join(map(str, shape))}": Row(
        floats(shape),
        1,
        lambda F, x, mode=mode: F.pad(x, (1, 2, 1, 2), mode=mode),
        lambda F, x, mode=mode: F.pad(x, (1, 2, 1, 2), mode=mode),
        lambda jax, x, name=name: jax.numpy.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2)), name),
    )
    for mode, name in BY_JAX.items()
    for shape in SHAPES
} | {
    f"{function} {'x'.join(map(str, shape))}": Row(
        floats(shape),
        1,
        lambda F, x, function=function: getattr(F, function)(x, 2),
        lambda F, x, function=function: getattr(F, function)(x, 2),
    )
    for function in ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
    for shape in SHAPES
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
