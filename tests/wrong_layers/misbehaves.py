"""Layers that raise, leave, never end, print, return nothing, the wrong type or the wrong shape."""

import numpy as np


class Relu:
    """Raises in backward."""

    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.msk


class Sigmoid:
    """Leaves the process."""

    def forward(self, x):
        self.y = np.exp(-np.logaddexp(0, -x))
        return self.y.copy()

    def backward(self, dout):
        raise SystemExit(3)


class Tanh:
    """Returns None."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        self.dx = dout * (1 - self.y**2)


class Softmax:
    """Returns a list."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.copy()

    def backward(self, dout):
        return (self.y * (dout - (dout * self.y).sum(axis=-1, keepdims=True))).tolist()


class Affine:
    """dx comes back flat."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return (dout @ self.W.T).ravel()


class LeakyReLU:
    """Never ends where an input is negative."""

    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.negative_slope * x)

    def backward(self, dout):
        dx = dout.copy()
        pending = self.x < 0
        while pending.any():
            dx = np.where(pending, self.negative_slope * dout, dout)
        return dx
