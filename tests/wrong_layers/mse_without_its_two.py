"""The derivative of a square without its factor 2."""

import numpy as np


def mse_loss(x, y):
    difference = x - y
    return (difference**2).mean(), difference / difference.size


class MSELoss:
    """The other factor: divided by the batch, not by the elements."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.mean(self.difference**2)

    def backward(self, dy=1.0):
        return 2 * self.difference * dy / len(self.difference)
