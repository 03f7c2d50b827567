"""Distances, forward and backward, side by side; see README.md in this folder."""

from side_by_side import Row, floats, pair_of_tests

SHAPES = ((3, 16), (100, 128), (2_048, 512))


def similarity(jax, x1, x2):
    length = jax.numpy.linalg.norm
    return (x1 * x2).sum(1) / (length(x1, axis=1) * length(x2, axis=1))


def distance(jax, x1, x2):
    return jax.numpy.linalg.norm(x1 - x2 + 1e-6, axis=1)


ROWS = {
    f"{function} {'x'.join(map(str, shape))}": Row(
        floats(shape, shape),
        2,
        lambda F, x1, x2, function=function: getattr(F, function)(x1, x2),
        lambda F, x1, x2, function=function: getattr(F, function)(x1, x2),
        by_jax,
    )
    for function, by_jax in (("cosine_similarity", similarity), ("pairwise_distance", distance))
    for shape in SHAPES
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
