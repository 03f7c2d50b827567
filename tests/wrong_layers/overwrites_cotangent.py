"""Backward writes into the cotangent it was handed."""

import numpy as np


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        dx = dout
        return dx


def affine_relu_forward(x, w, b):
    a = x.dot(w) + b
    return np.maximum(a, 0), (x, w, a)


def affine_relu_backward(dout, cache):
    x, w, a = cache
    dout *= a > 0
    return dout.dot(w.T), x.T.dot(dout), dout.sum(axis=0)
