"""The square root of two over pi to four digits, in the backward pass."""

import numpy as np


class GELU:
    """The tanh form."""

    def __init__(self, approximate="tanh"):
        self.approximate = approximate

    def forward(self, x):
        self.x = x
        self.t = np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3))
        return 0.5 * x * (1 + self.t)

    def backward(self, dy):
        inner = 0.7979 * (1 + 0.134145 * self.x**2)
        return dy * (0.5 * (1 + self.t) + 0.5 * self.x * (1 - self.t**2) * inner)
