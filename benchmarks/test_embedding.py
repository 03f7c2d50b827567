"""Embeddings, forward and backward, side by side; see README.md in this folder."""

import numpy as np
from side_by_side import Row, floats, pair_of_tests

SIZES = ((100, 16, 32), (2_000, 128, 512), (32_000, 512, 2_048))  # rows of the table, columns, ids
PER_BAG = 8


def operands(count, columns, n, *bags):
    ids = np.random.default_rng(2).integers(count, size=(n // PER_BAG, PER_BAG))
    return *floats((count, columns)), ids if bags else ids.ravel()


ROWS = {
    f"embedding {count}x{columns}, {n} ids": Row(
        operands(count, columns, n),
        1,
        lambda F, weight, ids: F.embedding(ids, weight),
        lambda F, weight, ids: F.embedding(ids, weight),
        lambda _, weight, ids: weight[ids],
    )
    for count, columns, n in SIZES
} | {
    f"embedding_bag {mode} {count}x{columns}, {n} ids": Row(
        operands(count, columns, n, "bags"),
        1,
        lambda F, weight, ids, mode=mode: F.embedding_bag(ids, weight, mode=mode),
        lambda F, weight, ids, mode=mode: F.embedding_bag(ids, weight, mode=mode),
        lambda _, weight, ids, mode=mode: getattr(weight[ids], mode)(1),
    )
    for mode in ("sum", "mean", "max")
    for count, columns, n in SIZES
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
