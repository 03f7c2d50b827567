"""A script: it trains on import, and prints as it goes."""

import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


rng = np.random.default_rng(0)
x, t = rng.standard_normal((64, 3)), rng.standard_normal((64, 2))
layer = Affine(np.zeros((3, 2)), np.zeros(2))
for step in range(20):
    difference = layer.forward(x) - t
    layer.backward(2 * difference / difference.size)
    layer.W -= 0.1 * layer.dW
    layer.b -= 0.1 * layer.db
    print("step", step, "loss", float((difference**2).mean()))
