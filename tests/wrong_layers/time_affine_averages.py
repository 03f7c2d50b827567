"""The weight's gradient is averaged over time."""

import numpy as np


class TimeAffine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        N, T, D = self.x.shape
        flat = dout.reshape(N * T, -1)
        self.grads[0][...] = self.x.reshape(N * T, D).T @ flat / max(T, 1)
        self.grads[1][...] = flat.sum(axis=0)
        return dout @ self.params[0].T
