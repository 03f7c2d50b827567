"""Each row of docs/book-differences.md: where the book's code is wrong or unsafe, ours is right."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from pathlib import Path

import book_witness as witness
import numpy as np
import pytest

from scratchnet.book import functions, gradient, layers, util
from scratchnet.book.deep_convnet import DeepConvNet
from scratchnet.book.multi_layer_net import MultiLayerNet
from scratchnet.book.multi_layer_net_extend import MultiLayerNetExtend
from scratchnet.book.simple_convnet import SimpleConvNet
from scratchnet.book.trainer import Trainer
from scratchnet.book.two_layer_net import TwoLayerNet

SMALL = {
    "input_dim": (1, 6, 6),
    "conv_param": {"filter_num": 2, "filter_size": 3, "pad": 0, "stride": 1},
    "hidden_size": 3,
    "output_size": 4,
}


def small_images(N):
    return np.random.default_rng(0).normal(size=(N, 1, 6, 6)), np.arange(N) % 4


# ------------------------------------------------------------------------------------------------ losses


def test_loss_has_no_guard_and_no_ceiling():
    scores, t = np.array([[0.0, 50.0], [0.0, 1000.0]]), np.array([0, 0])
    assert layers.SoftmaxWithLoss().forward(scores, t) == pytest.approx(525.0)
    assert functions.softmax_loss(scores, t) == pytest.approx(525.0)
    assert witness.guarded_loss(witness.probabilities(scores), t) < 16.2


def test_cross_entropy_error_touches_zero_alone():
    y = np.array([[0.25, 0.75], [1e-12, 1.0 - 1e-12], [0.0, 1.0]])
    for row, expected in zip(y, (-np.log(0.25), -np.log(1e-12), -np.log(np.finfo(float).tiny)), strict=True):
        assert functions.cross_entropy_error(row, np.array([1, 0])) == pytest.approx(expected, rel=1e-12)
    assert functions.cross_entropy_error(y[:1], np.array([0])) == pytest.approx(-np.log(0.25), rel=1e-15)


def test_loss_and_gradient_agree_for_targets_that_are_not_one_hot():
    scores, t = np.array([[0.5, -1.0, 2.0]]), np.array([[0.2, 0.5, 0.3]])
    last = layers.SoftmaxWithLoss()
    expected = -np.sum(t * np.log(functions.softmax(scores)))
    assert last.forward(scores, t) == pytest.approx(expected)
    assert functions.cross_entropy_error(functions.softmax(scores), t) == pytest.approx(expected)
    numerical = gradient.numerical_gradient(lambda x: functions.softmax_loss(x, t), scores)
    np.testing.assert_allclose(last.backward(), numerical, atol=1e-8)


def test_loss_backward_multiplies_by_dout():
    last = layers.SoftmaxWithLoss()
    last.forward(np.array([[0.0, 0.0]]), np.array([1]))
    assert last.backward(4.0).tolist() == [[2.0, -2.0]]


def test_label_out_of_range_is_refused():
    scores = np.zeros((2, 3))
    for labels in ([0, 3], [-1, 0]):
        for call in (layers.SoftmaxWithLoss().forward, functions.softmax_loss):
            with pytest.raises(ValueError, match=r"class index.*\[0, 2\]"):
                call(scores, np.array(labels))
        with pytest.raises(ValueError, match=r"class index.*\[0, 2\]"):
            functions.cross_entropy_error(functions.softmax(scores), np.array(labels))
    with pytest.raises(TypeError, match="labels must be integers"):
        layers.SoftmaxWithLoss().forward(scores, np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="t must hold labels"):
        layers.SoftmaxWithLoss().forward(scores, np.array([0, 1, 2]))


def test_labels_as_a_column_count_once_for_each_sample():
    scores, t = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]), np.array([2, 1])
    column = t.reshape(2, 1)
    last = layers.SoftmaxWithLoss()
    assert last.forward(scores, column) == layers.SoftmaxWithLoss().forward(scores, t)
    flat = layers.SoftmaxWithLoss()
    flat.forward(scores, t)
    np.testing.assert_array_equal(last.backward(), flat.backward())
    np.random.seed(0)
    net, x = TwoLayerNet(3, 5, 3, weight_init_std=1.0), np.eye(3)
    best = net.predict(x).argmax(axis=1)
    assert net.accuracy(x, best.reshape(3, 1)) == net.accuracy(x, best) == 1.0


# --------------------------------------------------------------------------------- activations and layers


def test_sigmoid_does_not_overflow():
    x = np.array([-1000.0, -50.0, 0.0, 1000.0])  # warnings are errors here
    expected = np.array([0.0, 1.0 / (1.0 + np.exp(50.0)), 0.5, 1.0])
    # It may be exp(x) / (1 + exp(x)) as well: a rounding of the one or the other.
    np.testing.assert_array_max_ulp(functions.sigmoid(x), expected, maxulp=2)
    assert np.isfinite(functions.sigmoid_grad(x)).all()
    layer = layers.Sigmoid()
    layer.forward(x)
    assert np.isfinite(layer.backward(np.ones(4))).all()


def test_relu_grad_is_0_at_0_as_relu_itself():
    x = np.array([-1.0, 0.0, 2.0])
    layer = layers.Relu()
    layer.forward(x)
    assert functions.relu_grad(x).tolist() == layer.backward(np.ones(3)).tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (layers.Relu(), np.array([[1.0, -1.0]])),
        (layers.Sigmoid(), np.array([[1.0, -1.0]])),
        (layers.Affine(np.ones((2, 2)), np.zeros(2)), np.array([[1.0, -1.0]])),
        (layers.Dropout(), np.array([[1.0, -1.0]])),
        (layers.BatchNormalization(np.ones(2), np.zeros(2)), np.array([[1.0, -1.0], [2.0, 0.0]])),
        (layers.Convolution(np.ones((1, 1, 2, 2)), np.zeros(1)), np.arange(9.0).reshape(1, 1, 3, 3)),
        (layers.Pooling(2, 2, stride=1), np.arange(9.0).reshape(1, 1, 3, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_backward_does_not_write_to_its_argument(layer, x):
    kept = x.copy()
    dout = np.full(layer.forward(x).shape, 3.0)
    first = layer.backward(dout)
    assert (dout == 3.0).all()
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(layer.backward(dout), first)


def test_dropout_backward_follows_a_pass_at_test_time():
    layer = layers.Dropout(0.25)
    layer.forward(np.ones(3), train_flg=True)
    layer.forward(np.ones(4), train_flg=False)
    assert layer.backward(np.full(4, 4.0)).tolist() == [3.0] * 4


def test_pooling_pads_with_minus_infinity_and_counts_the_padding():
    layer = layers.Pooling(2, 2, stride=2, pad=1)
    x = -np.arange(1.0, 17.0).reshape(1, 1, 4, 4)
    assert layer.forward(x).tolist() == [[[[-1.0, -2.0, -4.0], [-5.0, -6.0, -8.0], [-13.0, -14.0, -16.0]]]]
    dx = layer.backward(np.ones((1, 1, 3, 3)))
    assert dx.shape == x.shape
    assert dx.sum() == 9.0


def test_float32_stays_float32():
    f = np.float32
    x, maps = np.ones((2, 4), f), np.ones((2, 1, 4, 4), f)
    pairs = [
        (layers.Relu(), x),
        (layers.Sigmoid(), x),
        (layers.Affine(np.ones((4, 3), f), np.zeros(3, f)), x),
        (layers.Dropout(0.5), x),
        (layers.BatchNormalization(np.ones(4, f), np.zeros(4, f)), x),
        (layers.Convolution(np.ones((2, 1, 2, 2), f), np.zeros(2, f), pad=1), maps),
        (layers.Pooling(2, 2), maps),
    ]
    for layer, values in pairs:
        y = layer.forward(values)
        assert y.dtype == layer.backward(y).dtype == f
        for name in ("dW", "db", "dgamma", "dbeta", "running_mean", "running_var"):
            assert getattr(layer, name, y).dtype == f
    last = layers.SoftmaxWithLoss()
    assert last.forward(x, np.array([0, 1])).dtype == last.backward().dtype == last.y.dtype == f
    assert util.col2im(util.im2col(maps, 2, 2), maps.shape, 2, 2).dtype == f


def test_backward_before_forward_says_so():
    for layer in (layers.Relu(), layers.Affine(np.ones((1, 1)), np.zeros(1)), layers.Dropout()):
        with pytest.raises(ValueError, match=r"backward: forward must be called first"):
            layer.backward(np.ones((1, 1)))


# ---------------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_accuracy_counts_the_last_partial_batch(batch_size):
    np.random.seed(0)
    for net, size in ((SimpleConvNet(**SMALL), 6), (DeepConvNet((1, 8, 8), hidden_size=4), 8)):
        x = np.random.randn(7, 1, size, size)
        best = net.predict(x).argmax(axis=1)
        assert net.accuracy(x, best, batch_size=batch_size) == 1.0
        assert net.accuracy(x, (best + 1) % 4, batch_size=batch_size) == 0.0


def test_accuracy_of_nothing_is_refused():
    for net, x in ((TwoLayerNet(3, 2, 2), np.ones((0, 3))), (SimpleConvNet(**SMALL), np.ones((0, 1, 6, 6)))):
        with pytest.raises(ValueError, match="at least one sample"):
            net.accuracy(x, np.zeros(0, int))


def test_simple_convnet_takes_sides_that_pooling_does_not_divide():
    for dims, flat in (((1, 7, 7), 2 * 2 * 2), ((1, 9, 5), 2 * 3 * 1), ((1, 6, 8), 2 * 2 * 3)):
        net = SimpleConvNet(**(SMALL | {"input_dim": dims}))
        assert net.params["W2"].shape == (flat, 3)
        x, t = np.random.default_rng(0).normal(size=(3, *dims)), np.arange(3)
        expected = witness.conv_gradient(net.params, x, t)[1]  # which takes the weights' shapes as they are
        for key, grad in net.gradient(x, t).items():
            np.testing.assert_allclose(grad, expected[key], atol=1e-14)


def test_deep_convnet_sizes_and_scales_follow_its_arguments():
    np.random.seed(0)
    net = DeepConvNet((3, 16, 12), hidden_size=7, output_size=5)
    assert net.predict(np.ones((2, 3, 16, 12))).shape == (2, 5)
    assert net.params["W1"].std() == pytest.approx(np.sqrt(2 / 27), rel=0.15)


def test_numerical_gradient_leaves_running_statistics_and_replays_dropout():
    np.random.seed(0)
    net = MultiLayerNetExtend(4, [3], 2, use_batchnorm=True, use_dropout=True)
    net.params["beta1"] += 0.5
    x, t = np.random.randn(5, 4), np.arange(5) % 2
    net.gradient(x, t)
    norm = net.layers["BatchNorm1"]
    mean = norm.running_mean.copy()
    first = net.numerical_gradient(x, t)
    np.testing.assert_array_equal(norm.running_mean, mean)
    assert np.abs(first["W2"]).max() < 10.0  # fresh masks would differ by 1 / h


def test_unknown_names_are_refused_in_words():
    with pytest.raises(ValueError, match="activation must be one of 'sigmoid', 'relu'"):
        MultiLayerNet(2, [2], 2, activation="tanh")
    with pytest.raises(ValueError, match="weight_init_std must be a number or one of"):
        MultiLayerNet(2, [2], 2, weight_init_std="glorot")
    x, t = np.ones((2, 2)), np.array([0, 1])
    with pytest.raises(ValueError, match="optimizer must be one of sgd"):
        Trainer(TwoLayerNet(2, 2, 2), x, t, x, t, optimizer="lbfgs")


# ---------------------------------------------------------------------------------------------- learning


def test_trainer_evaluates_once_an_epoch_also_where_batches_do_not_divide_the_data():
    np.random.seed(0)
    x, t = np.random.randn(10, 3), np.arange(10) % 2
    trainer = Trainer(TwoLayerNet(3, 4, 2), x, t, x, t, epochs=6, mini_batch_size=4, verbose=False)
    trainer.train()
    assert (len(trainer.train_loss_list), len(trainer.train_acc_list)) == (15, 6)


def test_numerical_gradient_puts_the_entry_back_when_the_function_raises():
    x = np.array([1.0, 2.0])

    def fails(_):
        raise ArithmeticError

    for differentiate in (gradient.numerical_gradient, gradient.numerical_gradient_2d):
        with pytest.raises(ArithmeticError):
            differentiate(fails, x)
        assert x.tolist() == [1.0, 2.0]


def test_numerical_gradient_refuses_integers():
    for differentiate in (gradient.numerical_gradient, gradient.numerical_gradient_2d):
        with pytest.raises(TypeError, match="float"):
            differentiate(lambda x: np.sum(x * x), np.array([3, 4]))


def test_conv_output_size_is_an_integer_and_rounds_down():
    assert util.conv_output_size(28, 5) == 24
    assert type(util.conv_output_size(28, 5)) is int
    assert util.conv_output_size(7, 2, stride=2) == 3
    with pytest.raises(ValueError, match="must fit"):
        util.conv_output_size(2, 5)


def test_shuffle_dataset_refuses_sets_of_two_lengths():
    with pytest.raises(ValueError, match="one length"):
        util.shuffle_dataset(np.ones((3, 2)), np.ones(4))


# ----------------------------------------------------------------------------------------- files and data


def test_parameters_are_saved_and_read_without_pickle(tmp_path):
    net, other, file = SimpleConvNet(**SMALL), SimpleConvNet(**SMALL), tmp_path / "params.pkl"
    net.save_params(str(file))
    assert [path.name for path in tmp_path.iterdir()] == ["params.pkl"]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(file.read_bytes())
    other.load_params(str(file))
    x, _ = small_images(2)
    np.testing.assert_array_equal(other.predict(x), net.predict(x))
    other.params["W1"] += 1.0
    assert other.layers["Conv1"].W is other.params["W1"]


def test_a_file_that_does_not_fit_leaves_the_network_as_it_was(tmp_path):
    net, file = SimpleConvNet(**SMALL), tmp_path / "params.pkl"
    before = {key: value.copy() for key, value in net.params.items()}
    arrays = {key: value + 1 for key, value in before.items()}
    for wrong, message in (
        (arrays | {"W3": np.ones((2, 2))}, r"W3 must be .* \(3, 4\); got .*W3 of shape \(2, 2\)"),
        ({key: arrays[key] for key in ("W1", "b1")}, "missing="),
        (arrays | {"W9": np.ones(1)}, r"unknown=\['W9'\]"),
        (arrays | {"b3": np.ones(4, int)}, "b3 must be an array of floats"),
    ):
        file.write_bytes(pickle.dumps(wrong))
        with pytest.raises(ValueError, match=message):
            net.load_params(file)
        for key, value in before.items():
            np.testing.assert_array_equal(net.params[key], value)
            assert net.layers["Conv1"].W is net.params["W1"]


def test_the_data_need_no_download():
    from scratchnet.book.dataset import mnist

    assert not hasattr(mnist, "download_mnist")
    source = inspect.getsource(mnist)
    assert "urllib" not in source
    assert "http" not in source


def test_two_layer_net_of_chapter_4_is_that_of_chapter_5():
    net = TwoLayerNet(3, 2, 2)
    assert [type(layer).__name__ for layer in net.layers.values()] == ["Affine", "Relu", "Affine"]
    x = np.ones((1, 3))
    assert net.predict(x).tolist() == (np.maximum(x @ net.params["W1"], 0) @ net.params["W2"]).tolist()


# ----------------------------------------------------------------------------------------------- the page


def test_every_row_of_the_page_names_a_test_here_and_every_test_here_a_row():
    page = Path(__file__).parents[2].joinpath("docs", "book-differences.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Where")]
    assert rows
    named = [re.search(r"`(test_\w+)` \|$", row) for row in rows]
    assert all(named), "a row without a test"
    here = {name for name in dir(sys.modules[__name__]) if name.startswith("test_")}
    here.remove("test_every_row_of_the_page_names_a_test_here_and_every_test_here_a_row")
    assert {match[1] for match in named if match} == here
