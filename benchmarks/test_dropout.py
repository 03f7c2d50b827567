"""Dropout, forward and backward, side by side; see README.md in this folder."""

from side_by_side import Row, floats, pair_of_tests

ROWS = {
    f"{function} {'x'.join(map(str, shape))}": Row(
        floats(shape),
        1,
        lambda F, x, function=function: getattr(F, function)(x, 0.5, training=True),
        lambda F, x, function=function: getattr(F, function)(x, 0.5, training=True),
        compared=False,
    )
    for function in ("dropout", "alpha_dropout", "dropout2d", "feature_alpha_dropout")
    for shape in ((2, 4, 4, 2), (8, 16, 16, 16), (32, 32, 32, 32))
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
