"""The gradient lives in a buffer of the layer that the next call writes to again."""

import numpy as np


class Tanh:
    def __init__(self):
        self.buffer = None

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dy):
        if self.buffer is None or self.buffer.shape != dy.shape or self.buffer.dtype != dy.dtype:
            self.buffer = np.empty_like(dy)
        np.multiply(dy, 1 - self.y * self.y, out=self.buffer)
        return self.buffer


def relu(x):
    dx = np.empty_like(x)

    def pullback(dy, needs_input_grad=(True,)):
        if not needs_input_grad[0]:
            return (None,)
        np.multiply(dy, x > 0, out=dx)
        return (dx,)

    return np.maximum(x, 0), pullback
