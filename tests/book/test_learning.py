"""Optimizers, the trainer and the helpers of chapter 6."""

from __future__ import annotations

import numpy as np
import pytest

from scratchnet.book import optimizer, util
from scratchnet.book.trainer import Trainer
from scratchnet.book.two_layer_net import TwoLayerNet


def by_hand(name, p, gradients):
    """The published rules, one number at a time."""
    v = h = m = 0.0
    for i, g in enumerate(gradients, start=1):
        if name == "SGD":
            p = p - 0.1 * g
        elif name == "Momentum":
            v = 0.9 * v - 0.1 * g
            p = p + v
        elif name == "Nesterov":
            p = p + 0.9 * 0.9 * v - 1.9 * 0.1 * g
            v = 0.9 * v - 0.1 * g
        elif name == "AdaGrad":
            h = h + g * g
            p = p - 0.1 * g / (h**0.5 + 1e-7)
        elif name == "RMSprop":
            h = 0.99 * h + 0.01 * g * g
            p = p - 0.1 * g / (h**0.5 + 1e-7)
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            rate = 0.1 * (1 - 0.999**i) ** 0.5 / (1 - 0.9**i)
            p = p - rate * m / (v**0.5 + 1e-7)
    return p


NAMES = ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"]


@pytest.mark.parametrize("name", NAMES)
def test_each_optimizer_follows_its_rule_in_place(name):
    rule = getattr(optimizer, name)(lr=0.1)
    params = {"W": np.array([1.0, -2.0]), "x": -7.0}  # numbers too, as in the script that compares the rules
    array, gradients = params["W"], [0.5, -1.25, 2.0, 0.0]
    for g in gradients:
        rule.update(params, {"W": np.array([g, 2 * g]), "x": g})
    assert params["W"] is array
    expected = [by_hand(name, 1.0, gradients), by_hand(name, -2.0, [2 * g for g in gradients])]
    np.testing.assert_allclose(array, expected, rtol=1e-12)
    np.testing.assert_allclose(params["x"], by_hand(name, -7.0, gradients), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_each_optimizer_keeps_float32_and_the_gradients_it_is_given(name):
    rule = getattr(optimizer, name)(lr=0.1)
    params, grads = {"W": np.ones(3, np.float32)}, {"W": np.full(3, 0.5, np.float32)}
    for _ in range(2):
        rule.update(params, grads)
    assert params["W"].dtype == np.float32
    assert grads["W"].tolist() == [0.5, 0.5, 0.5]
    for state in ("v", "h", "m"):
        if hasattr(rule, state):
            assert getattr(rule, state)["W"].dtype == np.float32


def toy(N):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 4)), np.arange(N) % 3


def test_trainer_prints_the_books_lines(capsys):
    np.random.seed(0)
    x, t = toy(6)
    trainer = Trainer(TwoLayerNet(4, 5, 3), x, t, x, t, epochs=2, mini_batch_size=3, optimizer="Adam")
    trainer.train()
    lines = capsys.readouterr().out.splitlines()
    losses, train_acc, test_acc = trainer.train_loss_list, trainer.train_acc_list, trainer.test_acc_list
    assert lines == [
        f"train loss:{losses[0]!s}",
        f"=== epoch:1, train acc:{train_acc[0]}, test acc:{test_acc[0]} ===",
        f"train loss:{losses[1]!s}",
        f"train loss:{losses[2]!s}",
        f"=== epoch:2, train acc:{train_acc[1]}, test acc:{test_acc[1]} ===",
        f"train loss:{losses[3]!s}",
        "=============== Final Test Accuracy ===============",
        f"test acc:{trainer.network.accuracy(x, t)}",
    ]
    assert (trainer.iter_per_epoch, trainer.max_iter, trainer.current_epoch) == (2.0, 4, 2)


def test_trainer_draws_batches_from_the_global_stream():
    x, t = toy(10)
    np.random.seed(1)
    trainer = Trainer(TwoLayerNet(4, 5, 3), x, t, x, t, epochs=1, mini_batch_size=5, verbose=False)
    trainer.train()
    np.random.seed(1)
    net = TwoLayerNet(4, 5, 3)
    for _ in range(2):
        batch = np.random.choice(10, 5)
        grads = net.gradient(x[batch], t[batch])
        for key in net.params:
            net.params[key] -= 0.01 * grads[key]
    for key in net.params:
        np.testing.assert_array_equal(trainer.network.params[key], net.params[key])


def test_trainer_evaluates_on_as_many_samples_as_it_is_told():
    x, t = toy(8)
    seen = []

    class Spy(TwoLayerNet):
        def accuracy(self, x, t):
            seen.append((len(x), len(t)))
            return 0.0

    sizes = {"epochs": 1, "mini_batch_size": 4, "evaluate_sample_num_per_epoch": 3, "verbose": False}
    Trainer(Spy(4, 5, 3), x, t, x[:5], t[:5], **sizes).train()
    assert seen == [(3, 3), (3, 3), (5, 5)]


def test_smooth_curve_is_as_long_as_its_input_and_takes_lists():
    x = np.sin(np.arange(30.0))
    y = util.smooth_curve(list(x))
    assert y.shape == x.shape
    weights = np.kaiser(11, 2) / np.kaiser(11, 2).sum()
    np.testing.assert_allclose(y[5:-5], np.convolve(weights, x, mode="valid"))


@pytest.mark.parametrize("shape", [(6, 2), (6, 1, 2, 2)])
def test_shuffle_dataset_uses_one_permutation_of_the_global_stream(shape):
    x, t = np.arange(np.prod(shape)).reshape(shape), np.arange(6)
    np.random.seed(2)
    shuffled, labels = util.shuffle_dataset(x, t)
    np.random.seed(2)
    order = np.random.permutation(6)
    np.testing.assert_array_equal(shuffled, x[order])
    np.testing.assert_array_equal(labels, order)
