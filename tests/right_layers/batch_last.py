"""Samples are columns: x is (D, N), W is (out, in), b is (out, 1); the loss is (1, 1)."""

import numpy as np


class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, A):
        self.A = A
        return self.W @ A + self.b

    def backward(self, dZ):
        self.dW = dZ @ self.A.T
        self.db = dZ.sum(axis=1, keepdims=True)
        return self.W.T @ dZ


class Softmax:
    def forward(self, Z):
        e = np.exp(Z - Z.max(axis=0))
        self.P = e / e.sum(axis=0)
        return self.P.copy()

    def backward(self, dP):
        return self.P * (dP - np.sum(dP * self.P, axis=0))


class MSELoss:
    def forward(self, A, Y):
        self.D = A - Y
        return np.mean(self.D**2).reshape(1, 1)

    def backward(self, dL):
        return 2 * self.D / self.D.size * dL
