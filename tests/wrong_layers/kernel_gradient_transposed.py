"""Channels last: the kernel's gradient comes back with its two sides exchanged."""

import numpy as np


class Conv2D:
    """NHWC, square kernels (k, k, in, out), stride 1, no padding."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        k = self.W.shape[0]
        self.win = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
        return np.einsum("nhwcij,ijco->nhwo", self.win, self.W) + self.b

    def backward(self, dout):
        k = self.W.shape[0]
        oh, ow = dout.shape[1:3]
        self.dW = np.einsum("nhwcij,nhwo->jico", self.win, dout)
        self.db = dout.sum(axis=(0, 1, 2))
        dx = np.zeros_like(self.x)
        for i in range(k):
            for j in range(k):
                dx[:, i : i + oh, j : j + ow] += dout @ self.W[i, j].T
        return dx
