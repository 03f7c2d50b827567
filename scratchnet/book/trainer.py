"""The book's ``common.trainer``: the training loop of chapters 6 to 8."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from .._check import refuse
from . import optimizer as _optimizer
from .optimizer import *  # noqa: F403 - the book's module hands on the names of its optimizers
from .optimizer import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop, np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array

__all__ = [*_optimizer.__all__, "Trainer", "os", "sys"]  # noqa: PLE0604

_OPTIMIZERS: dict[str, Any] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
}
_OPTIMIZER_PARAM = {"lr": 0.01}


class Trainer:
    """Trains a network and keeps the curves.

    Parameters
    ----------
    network : object
        With `params`, `gradient`, `loss` and `accuracy`.
    x_train, t_train, x_test, t_test : ndarray
    epochs, mini_batch_size : int
    optimizer : {'sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'}
        In any case of letters.
    optimizer_param : mapping
        Its arguments.
    evaluate_sample_num_per_epoch : int, optional
        How many samples of each set the accuracy of an epoch is taken from; all if not given.
    verbose : bool
        Print the loss of each step and the accuracies of each epoch.

    Attributes
    ----------
    train_loss_list : list
        One loss a step, of the batch just learnt.
    train_acc_list, test_acc_list : list of float
        One accuracy an epoch, after its first step.

    Notes
    -----
    Batches are drawn with ``np.random.choice(train_size, mini_batch_size)`` from NumPy's global stream. An
    epoch has ``train_size / mini_batch_size`` steps, which may be a fraction; accuracies are taken at the
    first step that falls into each epoch.

    Examples
    --------
    >>> from scratchnet.book.two_layer_net import TwoLayerNet
    >>> x, t = np.eye(4), np.arange(4)
    >>> trainer = Trainer(TwoLayerNet(4, 8, 4), x, t, x, t, epochs=3, mini_batch_size=2, verbose=False)
    >>> trainer.train()
    >>> len(trainer.train_loss_list), len(trainer.test_acc_list)
    (6, 3)
    """

    def __init__(
        self,
        network: Any,
        x_train: Array,
        t_train: Array,
        x_test: Array,
        t_test: Array,
        epochs: int = 20,
        mini_batch_size: int = 100,
        optimizer: str = "SGD",
        optimizer_param: Mapping[str, Any] = _OPTIMIZER_PARAM,
        evaluate_sample_num_per_epoch: int | None = None,
        verbose: bool = True,
    ) -> None:
        if optimizer.lower() not in _OPTIMIZERS:
            raise refuse("Trainer", f"optimizer must be one of {', '.join(_OPTIMIZERS)}", optimizer=optimizer)
        if len(x_train) == 0:
            raise refuse("Trainer", "x_train must hold at least one sample", x_train=x_train)
        self.network = network
        self.verbose = verbose
        self.x_train = x_train
        self.t_train = t_train
        self.x_test = x_test
        self.t_test = t_test
        self.epochs = epochs
        self.batch_size = mini_batch_size
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        self.optimizer = _OPTIMIZERS[optimizer.lower()](**optimizer_param)

        self.train_size = x_train.shape[0]
        self.iter_per_epoch = max(self.train_size / mini_batch_size, 1)
        self.max_iter = int(epochs * self.iter_per_epoch)
        self.current_iter = 0
        self.current_epoch = 0

        self.train_loss_list: list[Any] = []
        self.train_acc_list: list[float] = []
        self.test_acc_list: list[float] = []

    def train_step(self) -> None:
        """Learn one batch; at the first step of an epoch, take the accuracies."""
        batch = np.random.choice(self.train_size, self.batch_size)
        x, t = self.x_train[batch], self.t_train[batch]
        self.optimizer.update(self.network.params, self.network.gradient(x, t))

        loss = self.network.loss(x, t)
        self.train_loss_list.append(loss)
        self._say(f"train loss:{loss!s}")

        if self.current_iter >= self.current_epoch * self.iter_per_epoch:
            self.current_epoch += 1
            self._evaluate()
        self.current_iter += 1

    def train(self) -> None:
        """Take all steps, then the accuracy on the whole test set."""
        for _ in range(self.max_iter):
            self.train_step()
        test_acc = self.network.accuracy(self.x_test, self.t_test)
        self._say("=============== Final Test Accuracy ===============")
        self._say(f"test acc:{test_acc}")

    def _evaluate(self) -> None:
        part = slice(self.evaluate_sample_num_per_epoch)
        train_acc = self.network.accuracy(self.x_train[part], self.t_train[part])
        test_acc = self.network.accuracy(self.x_test[part], self.t_test[part])
        self.train_acc_list.append(train_acc)
        self.test_acc_list.append(test_acc)
        self._say(f"=== epoch:{self.current_epoch}, train acc:{train_acc}, test acc:{test_acc} ===")

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line)
