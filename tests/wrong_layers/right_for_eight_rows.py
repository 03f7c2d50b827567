"""Works through the batch in blocks of eight; a second block replaces the first."""

import numpy as np


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward_pass(self, X, training=True):
        self.X = X
        return X @ self.W + self.b

    def backward_pass(self, accum_grad):
        self.grad_W = np.zeros_like(self.W)
        for start in range(0, len(self.X), 8):
            block = slice(start, start + 8)
            self.grad_W = self.X[block].T @ accum_grad[block]
        self.grad_b = accum_grad.sum(axis=0)
        return accum_grad @ self.W.T
