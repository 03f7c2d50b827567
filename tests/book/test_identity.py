"""scratchnet.book is the book's system: the same random stream, the same learning, to the last digits."""

from __future__ import annotations

import book_witness as witness
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.book.deep_convnet import DeepConvNet
from scratchnet.book.multi_layer_net import MultiLayerNet
from scratchnet.book.multi_layer_net_extend import MultiLayerNetExtend
from scratchnet.book.simple_convnet import SimpleConvNet
from scratchnet.book.two_layer_net import TwoLayerNet
from scratchnet.datasets import load_mnist_part

quick = settings(max_examples=30, deadline=None)


@pytest.fixture(scope="module")
def digits():
    return load_mnist_part("train", one_hot_label=True)


def assert_same_bits(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key, array in theirs.items():
        assert ours[key].dtype == array.dtype
        np.testing.assert_array_equal(ours[key], array, err_msg=key)


def assert_close(ours, theirs, tolerance):
    assert ours.keys() == theirs.keys()
    for key, array in theirs.items():
        assert ours[key].shape == array.shape
        assert np.abs(ours[key] - array).max() <= tolerance, key


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_two_layer_net_starts_from_the_books_parameters_bit_for_bit(seed):
    np.random.seed(seed)
    net = TwoLayerNet(784, 50, 10)
    np.random.seed(seed)
    assert_same_bits(net.params, witness.two_layer_weights())


def test_simple_convnet_starts_from_the_books_parameters_bit_for_bit():
    np.random.seed(0)
    net = SimpleConvNet()
    np.random.seed(0)
    assert_same_bits(net.params, witness.conv_weights())


@pytest.mark.parametrize(
    ("rule", "numerator"), [("relu", 2.0), ("he", 2.0), ("sigmoid", 1.0), ("xavier", 1.0), (0.05, None)]
)
@pytest.mark.parametrize("kind", [MultiLayerNet, MultiLayerNetExtend])
def test_multi_layer_nets_start_from_the_books_parameters_bit_for_bit(kind, rule, numerator):
    np.random.seed(3)
    net = kind(6, [5, 4], 3, weight_init_std=rule)
    np.random.seed(3)
    for index, (fan_in, fan_out) in enumerate([(6, 5), (5, 4), (4, 3)], start=1):
        scale = rule if numerator is None else np.sqrt(numerator / fan_in)
        np.testing.assert_array_equal(net.params[f"W{index}"], scale * np.random.randn(fan_in, fan_out))
        np.testing.assert_array_equal(net.params[f"b{index}"], np.zeros(fan_out))


def test_deep_convnet_starts_from_the_books_parameters_bit_for_bit():
    np.random.seed(4)
    net = DeepConvNet()
    np.random.seed(4)
    shapes = [(16, 1, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)]
    fans = np.sqrt(2.0 / np.array([9, 144, 144, 288, 288, 576, 1024, 50]))
    for index, (shape, scale) in enumerate(zip([*shapes, (1024, 50), (50, 10)], fans, strict=True), start=1):
        np.testing.assert_array_equal(net.params[f"W{index}"], scale * np.random.randn(*shape))


def test_after_200_training_steps_on_mnist_the_parameters_are_still_the_books(digits):
    images, answers = digits
    np.random.seed(0)
    weights = witness.two_layer_weights()
    their_losses = witness.two_layer_training(weights, images, answers, steps=200)

    np.random.seed(0)
    net = TwoLayerNet(input_size=784, hidden_size=50, output_size=10)
    for step in range(200):
        batch = np.random.choice(images.shape[0], 100)
        x, t = images[batch], answers[batch]
        grads = net.gradient(x, t)
        for key in ("W1", "b1", "W2", "b2"):
            net.params[key] -= 0.1 * grads[key]
        loss = net.loss(x, t)
        # The guard inside the book's logarithm accounts for all of the difference between the losses.
        right = np.sum(net.lastLayer.y * t, axis=1)
        assert abs(loss - -np.mean(np.log(right))) < 1e-12
        assert abs(their_losses[step] - -np.mean(np.log(right + 1e-7))) < 1e-10
    assert_close(net.params, weights, 1e-10)


def test_convolutional_training_on_mnist_follows_the_book(digits):
    images, answers = digits[0].reshape(-1, 1, 28, 28), digits[1].argmax(axis=1)
    np.random.seed(5)
    weights = witness.conv_weights()
    net = SimpleConvNet()
    for key in net.params:
        net.params[key][...] = weights[key]
    for _ in range(4):
        x, t = witness.draw_batch(images, answers, 20)
        loss, slopes = witness.conv_gradient(weights, x, t)
        grads = net.gradient(x, t)
        assert abs(net.last_layer.loss - loss) < 1e-5
        assert_close(grads, slopes, 1e-12)
        witness.descend(weights, slopes, 0.1)
        for key in net.params:
            net.params[key] -= 0.1 * grads[key]
    assert_close(net.params, weights, 1e-12)


@quick
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 7), st.integers(2, 6)),
    seed=st.integers(0, 2**16),
    one_hot=st.booleans(),
)
def test_gradient_is_the_books_for_every_size(sizes, seed, one_hot):
    N, D, H, C = sizes
    np.random.seed(seed)
    net = TwoLayerNet(D, H, C, weight_init_std=1.0)
    x, t = np.random.randn(N, D), np.random.randint(C, size=N)
    t = np.eye(C)[t] if one_hot else t
    assert_close(net.gradient(x, t), witness.two_layer_gradient(net.params, x, t), 1e-12)


@quick
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(2, 8), st.integers(2, 8)),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
)
def test_convolution_is_the_books_for_every_size(seed, shape, stride, pad):
    from scratchnet.book.layers import Convolution

    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=shape), rng.normal(size=(2, shape[1], 2, 2)), rng.normal(size=2)
    layer = Convolution(W, b, stride, pad)
    y = layer.forward(x)
    their_y, memory = witness.convolve(x, W, b, stride, pad)
    assert np.abs(y - their_y).max() < 1e-12
    dy = rng.normal(size=y.shape)
    dx = layer.backward(dy)
    for ours, theirs in zip((dx, layer.dW, layer.db), witness.convolve_back(memory, dy), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1e-12


@quick
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(3, 9), st.integers(3, 9)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
)
def test_pooling_is_the_books_for_every_size(seed, shape, window, stride):
    from scratchnet.book.layers import Pooling

    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, size=shape).astype(float)  # few values: ties
    layer = Pooling(*window, stride=stride)
    y = layer.forward(x)
    their_y, memory = witness.pool(x, *window, stride)
    np.testing.assert_array_equal(y, their_y)
    dy = rng.normal(size=y.shape)
    np.testing.assert_allclose(layer.backward(dy), witness.pool_back(memory, dy), rtol=0, atol=1e-12)


def test_im2col_and_col2im_are_the_books():
    from scratchnet.book.util import col2im, im2col

    rng = np.random.default_rng(6)
    x = rng.normal(size=(2, 3, 7, 6))
    for height, width, stride, pad in ((1, 1, 1, 0), (3, 2, 1, 0), (3, 2, 2, 1), (2, 3, 3, 2)):
        col = im2col(x, height, width, stride, pad)
        np.testing.assert_array_equal(col, witness.unroll(x, height, width, stride, pad))
        back = col2im(col, x.shape, height, width, stride, pad)
        np.testing.assert_allclose(
            back, witness.roll_up(col, x.shape, height, width, stride, pad), atol=1e-12
        )


def test_numerical_gradient_is_the_books_entry_by_entry(digits):
    images, answers = digits[0][:2, ::8], digits[1][:2]
    np.random.seed(7)
    net = TwoLayerNet(98, 6, 10, weight_init_std=0.3)
    theirs = witness.two_layer_numerical_gradient(net.params, images, answers)
    # Their loss has the guard: its slope is p / (p + 1e-7) of ours, 1e-6 off at p = 0.1.
    assert_close(net.numerical_gradient(images, answers), theirs, 1e-6)
    assert_close(net.gradient(images, answers), theirs, 1e-6)


def test_updates_in_place_reach_the_layers():
    for net in (TwoLayerNet(4, 3, 2), MultiLayerNet(4, [3], 2), MultiLayerNetExtend(4, [3], 2)):
        before = net.predict(np.ones((1, 4)))
        net.params["W1"] -= 1.0
        net.params["b2"] += 1.0
        assert net.layers["Affine1"].W is net.params["W1"]
        assert not np.array_equal(net.predict(np.ones((1, 4))), before)


@pytest.mark.parametrize(
    "options", [{"use_batchnorm": True}, {"use_dropout": True}, {"activation": "sigmoid"}]
)
def test_extended_network_backpropagates_what_it_computes(options):
    np.random.seed(8)
    net = MultiLayerNetExtend(5, [6, 4], 3, weight_decay_lambda=0.1, **options)
    for key in ("b1", "b2"):  # off the kink of relu, where a unit sits whose whole input is dropped
        net.params[key] += np.random.randn(len(net.params[key]))
    x, t = np.random.randn(7, 5), np.arange(7) % 3
    stream = np.random.get_state()
    numerical = net.numerical_gradient(x, t)
    np.random.set_state(stream)  # the same dropout
    assert_close(net.gradient(x, t), numerical, 1e-7)


def test_dropout_draws_from_the_global_stream_and_scales_at_test_time():
    from scratchnet.book.layers import Dropout

    x = np.arange(1.0, 3001.0).reshape(30, 100)
    np.random.seed(9)
    layer = Dropout(0.3)
    y = layer.forward(x)
    np.random.seed(9)
    mask = np.random.rand(30, 100) > 0.3
    np.testing.assert_array_equal(layer.mask, mask)
    np.testing.assert_array_equal(y, x * mask)
    np.testing.assert_array_equal(layer.backward(x), x * mask)
    np.testing.assert_allclose(layer.forward(x, False), x * 0.7)


def test_batch_normalization_follows_the_books_conventions():
    from scratchnet.book.layers import BatchNormalization

    rng = np.random.default_rng(10)
    x = rng.normal(2.0, 3.0, size=(6, 2, 2, 3))  # each pixel is a feature of its own
    gamma, beta = rng.normal(size=12), rng.normal(size=12)
    layer = BatchNormalization(gamma, beta, momentum=0.75)
    rows = x.reshape(6, 12)
    mean, var = rows.mean(axis=0), rows.var(axis=0)
    expected = gamma * (rows - mean) / np.sqrt(var + 1e-6) + beta
    np.testing.assert_allclose(layer.forward(x), expected.reshape(x.shape), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean, 0.25 * mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, 0.25 * var, rtol=1e-12)

    kept_mean, kept_var = layer.running_mean.copy(), layer.running_var.copy()
    expected = gamma * (rows - kept_mean) / np.sqrt(kept_var + 1e-6) + beta
    np.testing.assert_allclose(layer.forward(x, train_flg=False), expected.reshape(x.shape), rtol=1e-10)
    np.testing.assert_array_equal(layer.running_mean, kept_mean)


def test_batch_normalization_takes_a_batch_of_one_as_the_books_script_does():
    from scratchnet.book.layers import BatchNormalization

    layer = BatchNormalization(np.full(3, 2.0), np.array([1.0, 2.0, 3.0]))
    x, dy = np.array([[5.0, -5.0, 0.0]]), np.array([[1.0, 2.0, 3.0]])
    assert layer.forward(x).tolist() == [[1.0, 2.0, 3.0]]
    np.testing.assert_allclose(layer.running_mean, 0.1 * x[0])
    assert layer.backward(dy).tolist() == [[0.0, 0.0, 0.0]]
    assert layer.dgamma.tolist() == [0.0, 0.0, 0.0]
    assert layer.dbeta.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_half_precision_parameters_and_images_work(dtype):
    np.random.seed(11)
    net = SimpleConvNet((1, 8, 8), {"filter_num": 3, "filter_size": 3, "pad": 0, "stride": 1}, 6, 4)
    x, t = np.random.rand(5, 1, 8, 8), np.arange(5) % 4
    exact = net.predict(x)
    for param in net.params.values():  # as the half-precision script of chapter 8 does it
        param[...] = param.astype(dtype)
    assert np.abs(net.predict(x.astype(dtype)) - exact).max() < 1e-2
    assert 0.0 <= net.accuracy(x.astype(dtype), t) <= 1.0

    for key in net.params:  # and parameters that are of that type
        net.params[key] = net.params[key].astype(dtype)
    for index, key in enumerate(("Conv1", "Affine1", "Affine2"), start=1):
        net.layers[key].W, net.layers[key].b = net.params[f"W{index}"], net.params[f"b{index}"]
    grads = net.gradient(x.astype(dtype), t)
    assert {g.dtype for g in grads.values()} == {np.dtype(dtype)}
    assert net.predict(x.astype(dtype)).dtype == dtype
