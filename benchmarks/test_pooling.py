"""Pooling, forward and backward, side by side; see README.md in this folder."""

from side_by_side import Row, floats, pair_of_tests

SHAPES = ((8, 16, 16, 16), (100, 30, 24, 24), (8, 64, 56, 56))
WINDOW = (1, 1, 2, 2)


def call(function, *options):
    """Return how scratchnet and PyTorch call it: by the same name with the same options."""
    return (lambda F, x: getattr(F, function)(x, *options),) * 2


def maxima(jax, x):
    return jax.lax.reduce_window(x, -float("inf"), jax.lax.max, WINDOW, WINDOW, "VALID")


def means(jax, x):
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, WINDOW, WINDOW, "VALID") / 4


KINDS = {
    "max_pool2d k2": (*call("max_pool2d", 2), maxima),
    "avg_pool2d k2": (*call("avg_pool2d", 2), means),
    "max_pool2d k3 s2 p1": call("max_pool2d", 3, 2, 1),
    "avg_pool2d k3 s2 p1": call("avg_pool2d", 3, 2, 1),
    "lp_pool2d k2": call("lp_pool2d", 2.0, 2),
    "adaptive_avg_pool2d 1": (*call("adaptive_avg_pool2d", 1), lambda _, x: x.mean((2, 3), keepdims=True)),
    "adaptive_avg_pool2d 5": call("adaptive_avg_pool2d", 5),
    "adaptive_max_pool2d 5": call("adaptive_max_pool2d", 5),
}
ROWS = {
    f"{kind} {'x'.join(map(str, shape))}": Row(floats(shape), 1, *calls)
    for kind, calls in KINDS.items()
    for shape in SHAPES
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
