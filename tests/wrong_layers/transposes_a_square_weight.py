"""A shape is repaired afterwards; for a square weight there is nothing to see, and it is transposed."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.params = {
            "weight": np.random.randn(out_features, in_features) / np.sqrt(in_features),
            "bias": np.zeros(out_features),
        }
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"].T + self.params["bias"]

    def backward(self, dy):
        dweight = self.x.T @ dy
        if dweight.shape != self.params["weight"].shape:
            dweight = dweight.T
        self.grads = {"weight": dweight, "bias": dy.sum(axis=0)}
        return dy @ self.params["weight"]
