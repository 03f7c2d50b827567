"""Gradients are added to those of the call before; nothing sets them to zero."""

import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        np.add.at(self.grads[0], self.idx, dout)


class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        h_next = np.tanh(x @ Wx + h_prev @ Wh + b)
        self.cache = x, h_prev, h_next.copy()
        return h_next

    def backward(self, dh_next):
        x, h_prev, h_next = self.cache
        da = dh_next * (1 - h_next**2)
        self.grads[0] += x.T @ da
        self.grads[1] += h_prev.T @ da
        self.grads[2] += da.sum(axis=0)
        return da @ self.params[0].T, da @ self.params[1].T
