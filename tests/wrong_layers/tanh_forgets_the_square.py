"""1 - y where 1 - y**2 belongs."""

import numpy as np


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backprop(self, grad):
        return grad * (1 - self.y)
