"""Imports the file beside it by its bare name."""

import numpy as np
from activations import softmax


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        return -np.log(self.y[np.arange(len(x)), t]).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dout * dx / len(dx)
