"""Training a classifier, one step at a time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from . import nn, optim
from ._check import check_generator, check_integer, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ._types import Array


def multilayer_perceptron(
    sizes: Sequence[int],
    *,
    std: float = 0.01,
    dtype: npt.DTypeLike = np.float32,
    generator: np.random.Generator | None = None,
) -> nn.Sequential:
    """Return linear layers with ReLU between them, begun as the book begins its networks.

    Parameters
    ----------
    sizes : sequence of int
        The sides from input to output: ``(784, 50, 10)`` is the book's TwoLayerNet.
    std : float, default 0.01
        The standard deviation of the initial weights, which are normal; the biases begin at 0.
    dtype : dtype, default float32
    generator : numpy.random.Generator, optional

    Returns
    -------
    Sequential

    Raises
    ------
    ValueError, TypeError
        `sizes` has fewer than two numbers, or one that is not a positive integer.

    Notes
    -----
    Saitoh, "Deep Learning from Scratch" (2016), section 5.7.2.

    Examples
    --------
    >>> multilayer_perceptron((784, 50, 10))
    Sequential(
      (0): Linear(in_features=784, out_features=50, bias=True)
      (1): ReLU()
      (2): Linear(in_features=50, out_features=10, bias=True)
    )
    """
    if len(sizes) < 2:
        raise refuse("multilayer_perceptron", "sizes must hold at least an input and an output", sizes=sizes)
    for size in sizes:
        check_integer("multilayer_perceptron", "every size", size, minimum=1)
    generator = check_generator("multilayer_perceptron", generator)
    layers: list[nn.Layer] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = nn.Linear(fan_in, fan_out, dtype=dtype, generator=generator)
        # Drawn in float64 whatever dtype is: one seed gives one network in every precision.
        layer.params["weight"][...] = std * generator.standard_normal((fan_out, fan_in))
        layer.params["bias"][...] = 0.0
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def sgd_losses(
    net: nn.Layer,
    x: Array,
    t: Array,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    generator: np.random.Generator,
    momentum: float = 0.0,
    falling: bool = False,
) -> Iterator[float]:
    """Train `net` by stochastic gradient descent; yield the loss of each step once it is taken.

    Parameters
    ----------
    net : Layer
        Takes a batch of `x`, returns logits. Updated in place, a step each time the iterator advances.
    x : ndarray, shape (N, *)
    t : ndarray of int, shape (N,)
        Class indices.
    steps, batch_size : int
        Each batch is drawn with replacement, as in the book.
    lr : float
        The learning rate.
    generator : numpy.random.Generator
        Draws the batches.
    momentum : float, default 0
    falling : bool, default False
        Whether the rate falls by the same amount each step, from `lr` to 0 at the end; else it is constant.

    Yields
    ------
    float
        The mean cross entropy of the batch, before the step.

    Raises
    ------
    ValueError, TypeError
        There is nothing to learn from, or `x` and `t` differ in length.
    FloatingPointError
        The loss is no longer a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> net = multilayer_perceptron((2, 8, 2), std=0.5, generator=generator)
    >>> x = generator.standard_normal((100, 2)).astype(np.float32)
    >>> t = (x[:, 0] > x[:, 1]).astype(np.int64)
    >>> losses = list(sgd_losses(net, x, t, steps=200, batch_size=20, lr=0.5, generator=generator))
    >>> losses[-1] < losses[0] / 2
    True
    """
    if len(x) != len(t) or len(x) == 0:
        raise refuse("sgd_losses", "x and t must be equally long and not empty", x=x, t=t)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.params, lr=lr, momentum=momentum)
    for step in range(1, steps + 1):
        if falling:
            optimizer.lr = lr * (steps + 1 - step) / steps
        batch = generator.integers(len(x), size=batch_size)
        loss = float(criterion(net(x[batch]), t[batch]))
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss} at step {step}")
        net.backward(criterion.backward(), needs_input_grad=False)
        optimizer.step(net.grads)
        yield loss


def accuracy(net: nn.Layer, x: Array, t: Array, *, batch_size: int = 1000) -> float:
    """Return the fraction of `x` whose largest output of `net` is at the index `t`.

    Parameters
    ----------
    net : Layer
        Takes a batch of `x`, returns one number a class. It is evaluated in evaluation mode, in which dropout
        drops nothing and batch normalisation uses its running statistics; its mode is then as it was.
    x : ndarray, shape (N, *)
    t : ndarray of int, shape (N,)
    batch_size : int, default 1000
        How many are evaluated at once.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        `x` and `t` differ in length, or are empty.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> accuracy(nn.ReLU(), np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1]))
    0.5
    """
    if len(x) != len(t) or len(x) == 0:
        raise refuse("accuracy", "x and t must be equally long and not empty", x=x, t=t)
    right, modes = 0, _modes(net)
    net.eval()
    try:
        for start in range(0, len(x), batch_size):
            part = slice(start, start + batch_size)
            right += int(np.count_nonzero(np.argmax(net(x[part]), axis=1) == t[part]))
    finally:
        for layer, training in modes:
            layer.training = training
    return right / len(x)


def _modes(net: nn.Layer) -> list[tuple[nn.Layer, bool]]:
    """Return every layer of a network with its mode."""
    return [(net, net.training), *(pair for child in net.children.values() for pair in _modes(child))]
