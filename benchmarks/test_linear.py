"""Linear maps, forward and backward, side by side; see README.md in this folder."""

from side_by_side import Row, floats, pair_of_tests

ROWS = {
    f"linear {n}x{d}->{out}": Row(
        floats((n, d), (out, d), (out,)),
        3,
        lambda F, *a: F.linear(*a),
        lambda F, *a: F.linear(*a),
        lambda _, x, weight, bias: x @ weight.T + bias,
    )
    for n, d, out in ((3, 784, 50), (100, 784, 50), (512, 1024, 1024))
} | {
    f"bilinear {n}x{d}x{d}->{out}": Row(
        floats((n, d), (n, d), (out, d, d), (out,)),
        4,
        lambda F, *a: F.bilinear(*a),
        lambda F, *a: F.bilinear(*a),
        lambda jax, x1, x2, weight, bias: jax.numpy.einsum("ni,oij,nj->no", x1, weight, x2) + bias,
    )
    for n, d, out in ((3, 16, 8), (32, 64, 16), (128, 128, 32))
}

test_every_contender_finds_the_same_gradients, test_time = pair_of_tests(ROWS)
