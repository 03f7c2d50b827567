"""The same work by each contender, from the same weights and data: functions without arguments, to be timed.

A contender is a class with one method a row of the table, each of which prepares and returns the function to
time. What it returns when called is its gradients by the book's names, where a row has gradients, so that the
contenders can be compared before they are timed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "book"))

RATE = 0.1
RUN_STEPS = 10_000


def two_layer_weights():
    random = np.random.default_rng(0)
    return {
        "W1": 0.01 * random.standard_normal((784, 50)),
        "b1": np.zeros(50),
        "W2": 0.01 * random.standard_normal((50, 10)),
        "b2": np.zeros(10),
    }


def conv_weights():
    random = np.random.default_rng(0)
    return {
        "W1": 0.01 * random.standard_normal((30, 1, 5, 5)),
        "b1": np.zeros(30),
        "W2": 0.01 * random.standard_normal((4320, 100)),
        "b2": np.zeros(100),
        "W3": 0.01 * random.standard_normal((100, 10)),
        "b3": np.zeros(10),
    }


def images(n, dtype):
    """Return the first n training images and labels of MNIST."""
    from scratchnet.datasets import load_mnist_part

    x, t = load_mnist_part("train")
    return np.ascontiguousarray(x[:n]).astype(dtype), t[:n].astype(np.int64)


def turned(name, array):
    """Return a weight as layers of torch.nn hold it, (out, in), and as the book does, (in, out), and back."""
    return np.ascontiguousarray(array.T) if name.startswith("W") and array.ndim == 2 else array


class Scratchnet:
    """The library through its layers and optimizers."""

    def __init__(self, dtype):
        self.dtype = dtype

    def _net(self, weights, layers, names):
        from scratchnet import nn

        net = nn.Sequential(*layers(nn, {"dtype": self.dtype}))
        net.load_state_dict(
            {
                f"{position}.{'weight' if name.startswith('W') else 'bias'}": turned(name, weights[name])
                for position, name in names
            }
        )
        return net, nn.CrossEntropyLoss()

    def _two_layer(self):
        names = [(0, "W1"), (0, "b1"), (2, "W2"), (2, "b2")]
        return self._net(
            two_layer_weights(),
            lambda nn, kind: [nn.Linear(784, 50, **kind), nn.ReLU(), nn.Linear(50, 10, **kind)],
            names,
        ), names

    def gradient(self, n):
        (net, criterion), names = self._two_layer()
        x, t = images(n, self.dtype)

        def work():
            criterion(net(x), t)
            net.backward(criterion.backward(), needs_input_grad=False)
            return net.grads

        def named():
            grads = work()
            return {b: turned(b, grads[f"{p}.{'weight' if b[0] == 'W' else 'bias'}"]) for p, b in names}

        work.named = named
        return work

    def step(self, n):
        from scratchnet import optim

        (net, criterion), _ = self._two_layer()
        x, t = images(n, self.dtype)
        optimizer = optim.SGD(net.params, lr=RATE)

        def work():
            criterion(net(x), t)
            net.backward(criterion.backward(), needs_input_grad=False)
            optimizer.step(net.grads)

        return work

    def run(self):
        from scratchnet.training import sgd_losses

        (net, _), _ = self._two_layer()
        x, t = images(60_000, self.dtype)

        def work():
            generator = np.random.default_rng(0)
            for _ in sgd_losses(net, x, t, steps=RUN_STEPS, batch_size=100, lr=RATE, generator=generator):
                pass

        return work

    def conv_step(self):
        from scratchnet import optim

        names = [(0, "W1"), (0, "b1"), (4, "W2"), (4, "b2"), (6, "W3"), (6, "b3")]
        net, criterion = self._net(
            conv_weights(),
            lambda nn, kind: [
                nn.Conv2d(1, 30, 5, **kind),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(4320, 100, **kind),
                nn.ReLU(),
                nn.Linear(100, 10, **kind),
            ],
            names,
        )
        x, t = images(100, self.dtype)
        x = x.reshape(100, 1, 28, 28)
        optimizer = optim.SGD(net.params, lr=RATE)

        def gradients():
            criterion(net(x), t)
            net.backward(criterion.backward(), needs_input_grad=False)
            return net.grads

        def named():
            grads = gradients()
            return {b: turned(b, grads[f"{p}.{'weight' if b[0] == 'W' else 'bias'}"]) for p, b in names}

        def work():
            optimizer.step(gradients())

        work.named = named
        return work

    def numerical_gradient(self):
        if self.dtype != np.float64:
            return None
        from scratchnet.numerical import two_layer_numerical_gradient

        weights = two_layer_weights()
        x, t = images(3, self.dtype)
        return lambda: two_layer_numerical_gradient(x, t, **weights)


class Book:
    """scratchnet.book, in float64 as the book is."""

    def _two_layer(self):
        from scratchnet.book.two_layer_net import TwoLayerNet

        net = TwoLayerNet(784, 50, 10)
        for name, value in two_layer_weights().items():
            net.params[name][...] = value
        return net

    def gradient(self, n):
        net = self._two_layer()
        x, t = images(n, np.float64)

        def work():
            return net.gradient(x, t)

        work.named = work
        return work

    def step(self, n):
        net = self._two_layer()
        x, t = images(n, np.float64)

        def work():
            for name, slope in net.gradient(x, t).items():
                net.params[name] -= RATE * slope

        return work

    def run(self):
        net = self._two_layer()
        x, t = images(60_000, np.float64)

        def work():
            for _ in range(RUN_STEPS):
                batch = np.random.choice(60_000, 100)
                for name, slope in net.gradient(x[batch], t[batch]).items():
                    net.params[name] -= RATE * slope

        return work

    def conv_step(self):
        from scratchnet.book.simple_convnet import SimpleConvNet

        net = SimpleConvNet()
        for name, value in conv_weights().items():
            net.params[name][...] = value
        x, t = images(100, np.float64)
        x = x.reshape(100, 1, 28, 28)

        def work():
            for name, slope in net.gradient(x, t).items():
                net.params[name] -= RATE * slope

        work.named = lambda: net.gradient(x, t)
        return work

    def numerical_gradient(self):
        net = self._two_layer()
        x, t = images(3, np.float64)
        return lambda: net.numerical_gradient(x, t)


class BooksMethod:
    """The book's published method, transcribed in our own words: tests/book/book_witness.py."""

    def __init__(self):
        import book_witness

        self.witness = book_witness

    def gradient(self, n):
        weights = two_layer_weights()
        x, t = images(n, np.float64)

        def work():
            return self.witness.two_layer_gradient(weights, x, t)

        work.named = work
        return work

    def step(self, n):
        weights = two_layer_weights()
        x, t = images(n, np.float64)
        return lambda: self.witness.descend(weights, self.witness.two_layer_gradient(weights, x, t), RATE)

    def run(self):
        weights = two_layer_weights()
        x, t = images(60_000, np.float64)

        def work():
            for _ in range(RUN_STEPS):
                batch, labels = self.witness.draw_batch(x, t, 100)
                self.witness.descend(weights, self.witness.two_layer_gradient(weights, batch, labels), RATE)

        return work

    def conv_step(self):
        weights = conv_weights()
        x, t = images(100, np.float64)
        x = x.reshape(100, 1, 28, 28)

        def work():
            self.witness.descend(weights, self.witness.conv_gradient(weights, x, t)[1], RATE)

        work.named = lambda: self.witness.conv_gradient(weights, x, t)[1]
        return work

    def numerical_gradient(self):
        weights = two_layer_weights()
        x, t = images(3, np.float64)
        return lambda: self.witness.two_layer_numerical_gradient(weights, x, t)


class PyTorch:
    """PyTorch eager on one thread."""

    def __init__(self, dtype):
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        self.dtype = dtype

    def _net(self, weights, layers, names):
        torch = self.torch
        kind = {"dtype": getattr(torch, np.dtype(self.dtype).name)}
        net = torch.nn.Sequential(*layers(torch.nn, kind))
        net.load_state_dict(
            {
                f"{position}.{'weight' if name.startswith('W') else 'bias'}": torch.tensor(
                    turned(name, weights[name]), **kind
                )
                for position, name in names
            }
        )
        return net

    def _two_layer(self):
        names = [(0, "W1"), (0, "b1"), (2, "W2"), (2, "b2")]
        return self._net(
            two_layer_weights(),
            lambda nn, kind: [nn.Linear(784, 50, **kind), nn.ReLU(), nn.Linear(50, 10, **kind)],
            names,
        ), names

    def _gradients(self, net, x, t):
        torch = self.torch
        cross_entropy = torch.nn.functional.cross_entropy
        parameters = list(net.parameters())

        def work():
            for parameter in parameters:
                parameter.grad = None
            cross_entropy(net(x), t).backward()

        return work

    def _named(self, work, net, names):
        def named():
            work()
            grads = {key: value.grad.numpy() for key, value in net.named_parameters()}
            return {b: turned(b, grads[f"{p}.{'weight' if b[0] == 'W' else 'bias'}"]) for p, b in names}

        return named

    def gradient(self, n):
        net, names = self._two_layer()
        x, t = map(self.torch.from_numpy, images(n, self.dtype))
        work = self._gradients(net, x, t)
        work.named = self._named(work, net, names)
        return work

    def step(self, n):
        net, _ = self._two_layer()
        gradients = self._gradients(net, *map(self.torch.from_numpy, images(n, self.dtype)))
        optimizer = self.torch.optim.SGD(net.parameters(), lr=RATE)

        def work():
            gradients()
            optimizer.step()

        return work

    def run(self):
        torch = self.torch
        net, _ = self._two_layer()
        x, t = map(torch.from_numpy, images(60_000, self.dtype))
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

        def work():
            generator = torch.Generator().manual_seed(0)
            for _ in range(RUN_STEPS):
                batch = torch.randint(len(x), (100,), generator=generator)
                optimizer.zero_grad(set_to_none=True)
                loss = torch.nn.functional.cross_entropy(net(x[batch]), t[batch])
                loss.backward()
                optimizer.step()
                loss.item()

        return work

    def conv_step(self):
        names = [(0, "W1"), (0, "b1"), (4, "W2"), (4, "b2"), (6, "W3"), (6, "b3")]
        net = self._net(
            conv_weights(),
            lambda nn, kind: [
                nn.Conv2d(1, 30, 5, **kind),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(4320, 100, **kind),
                nn.ReLU(),
                nn.Linear(100, 10, **kind),
            ],
            names,
        )
        x, t = map(self.torch.from_numpy, images(100, self.dtype))
        gradients = self._gradients(net, x.reshape(100, 1, 28, 28), t)
        optimizer = self.torch.optim.SGD(net.parameters(), lr=RATE)

        def work():
            gradients()
            optimizer.step()

        work.named = self._named(gradients, net, names)
        return work

    def numerical_gradient(self):
        if self.dtype != np.float64:
            return None
        torch = self.torch
        net, _ = self._two_layer()
        x, t = map(torch.from_numpy, images(3, self.dtype))
        cross_entropy = torch.nn.functional.cross_entropy

        def work(h=1e-4):
            with torch.no_grad():
                for parameter in net.parameters():
                    flat, found = parameter.view(-1), torch.empty(parameter.numel(), dtype=parameter.dtype)
                    values = flat.tolist()
                    for i, value in enumerate(values):
                        flat[i] = value + h
                        right = cross_entropy(net(x), t)
                        flat[i] = value - h
                        found[i] = (right - cross_entropy(net(x), t)) / (2 * h)
                        flat[i] = value

        return work


class Jax:
    """JAX, compiled by jit, in float32 as it is by default."""

    dtype = np.float32

    def __init__(self):
        import jax

        self.jax = jax

    def _weights(self, weights):
        return {k: self.jax.numpy.asarray(v, dtype=np.float32) for k, v in weights.items()}

    def _two_layer_loss(self, w, x, t):
        jax = self.jax
        hidden = jax.nn.relu(x @ w["W1"] + w["b1"])
        chances = jax.nn.log_softmax(hidden @ w["W2"] + w["b2"])
        return -jax.numpy.take_along_axis(chances, t[:, None], axis=1).mean()

    def _conv_loss(self, w, x, t):
        jax = self.jax
        maps = jax.lax.conv(x, w["W1"], (1, 1), "VALID") + w["b1"][:, None, None]
        best = jax.lax.reduce_window(
            jax.nn.relu(maps), -np.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
        )
        hidden = jax.nn.relu(best.reshape(len(x), -1) @ w["W2"] + w["b2"])
        chances = jax.nn.log_softmax(hidden @ w["W3"] + w["b3"])
        return -jax.numpy.take_along_axis(chances, t[:, None], axis=1).mean()

    def _gradients(self, loss, weights, x, t):
        jax = self.jax
        compiled = jax.jit(jax.value_and_grad(loss))
        weights = self._weights(weights)
        x, t = jax.numpy.asarray(x), jax.numpy.asarray(t, dtype=np.int32)

        def work():
            return jax.block_until_ready(compiled(weights, x, t))

        work.named = lambda: {k: np.asarray(v) for k, v in work()[1].items()}
        return work

    def _step(self, loss, weights, x, t):
        jax = self.jax

        @jax.jit
        def update(weights, x, t):
            value, slopes = jax.value_and_grad(loss)(weights, x, t)
            return value, {k: weights[k] - RATE * slopes[k] for k in weights}

        state = self._weights(weights)
        x, t = jax.numpy.asarray(x), jax.numpy.asarray(t, dtype=np.int32)

        def work():
            nonlocal state
            _, state = jax.block_until_ready(update(state, x, t))

        return work

    def gradient(self, n):
        return self._gradients(self._two_layer_loss, two_layer_weights(), *images(n, np.float32))

    def step(self, n):
        return self._step(self._two_layer_loss, two_layer_weights(), *images(n, np.float32))

    def run(self):
        jax = self.jax
        x, t = images(60_000, np.float32)
        t = t.astype(np.int32)

        @jax.jit
        def update(weights, x, t):
            value, slopes = jax.value_and_grad(self._two_layer_loss)(weights, x, t)
            return value, {k: weights[k] - RATE * slopes[k] for k in weights}

        def work():
            state = self._weights(two_layer_weights())
            generator = np.random.default_rng(0)
            for _ in range(RUN_STEPS):
                batch = generator.integers(len(x), size=100)
                value, state = update(state, x[batch], t[batch])
                float(value)

        return work

    def conv_step(self):
        x, t = images(100, np.float32)
        x = x.reshape(100, 1, 28, 28)
        work = self._step(self._conv_loss, conv_weights(), x, t)
        work.named = self._gradients(self._conv_loss, conv_weights(), x, t).named
        return work

    def numerical_gradient(self):
        return None  # float32 cannot resolve a step of 1e-4


CONTENDERS = {
    "scratchnet float32": lambda: Scratchnet(np.float32),
    "scratchnet float64": lambda: Scratchnet(np.float64),
    "scratchnet.book": Book,
    "book's method": BooksMethod,
    "PyTorch float32": lambda: PyTorch(np.float32),
    "PyTorch float64": lambda: PyTorch(np.float64),
    "JAX jit float32": Jax,
}
