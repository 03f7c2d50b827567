"""One sample at a time: vectors, and one image (C, H, W) with a bias (F, 1, 1)."""

import numpy as np


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, dy):
        self.dW = np.outer(dy, self.x)
        self.db = dy.copy()
        return self.W.T @ dy


class Conv:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        F, _, kh, kw = self.W.shape
        self.x = x
        out = np.zeros((F, x.shape[1] - kh + 1, x.shape[2] - kw + 1), dtype=x.dtype)
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[:, i, j] = np.tensordot(self.W, x[:, i : i + kh, j : j + kw], axes=3)
        return out + self.b

    def backward(self, dy):
        kh, kw = self.W.shape[2:]
        self.dW, dx = np.zeros_like(self.W), np.zeros_like(self.x)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                patch = self.x[:, i : i + kh, j : j + kw]
                self.dW += dy[:, i, j][:, None, None, None] * patch
                dx[:, i : i + kh, j : j + kw] += np.tensordot(dy[:, i, j], self.W, axes=1)
        self.db = dy.sum(axis=(1, 2), keepdims=True)
        return dx
