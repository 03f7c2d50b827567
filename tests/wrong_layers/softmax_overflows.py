"""No maximum is subtracted: logits beyond 89 overflow in float32."""

import numpy as np


class Softmax:
    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        e = np.exp(x)
        self.y = e / e.sum(axis=self.dim, keepdims=True)
        return self.y.copy()

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=self.dim, keepdims=True))


def softmax_loss(x, y):
    p = np.exp(x)
    p = p / p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, y]).mean()
    dx = p.copy()
    dx[rows, y] -= 1
    return loss, dx / len(x)
