"""Backward has the initial value of the parameter written into it."""

import numpy as np


class PReLU:
    def __init__(self, weight):
        self.weight = weight

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.weight * x)

    def backward(self, dy):
        self.dweight = np.sum(np.where(self.x > 0, 0, self.x * dy)).reshape(self.weight.shape)
        return np.where(self.x > 0, dy, 0.25 * dy)


class LeakyReLU:
    def __init__(self, slope=0.01):
        self.slope = slope

    def propagate(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backpropagate(self, error):
        return np.where(self.x > 0, error, 0.01 * error)


class ELU:
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        self.out = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return self.out.copy()

    def backward(self, dy):
        return dy * np.where(self.x > 0, 1, self.out + 1)
