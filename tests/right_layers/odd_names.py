"""Other names for the two passes, as they are met."""

import numpy as np


class Tanh:
    """forward / backprop"""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backprop(self, grad):
        return grad * (1 - self.y**2)


class Sigmoid:
    """forward / derivative: the cotangent is handed to the derivative"""

    def forward(self, z):
        self.a = np.exp(-np.logaddexp(0, -z))
        return self.a.copy()

    def derivative(self, upstream):
        return upstream * (self.a - self.a**2)


class FullyConnected:
    """forward_propagate / back_propagate; the parameter is a dict with its value and its gradient"""

    def __init__(self, in_dim, out_dim):
        self.W = {"val": np.random.randn(in_dim, out_dim) / np.sqrt(in_dim), "grad": 0}
        self.b = {"val": np.zeros(out_dim), "grad": 0}

    def forward_propagate(self, X):
        self.X = X
        return X @ self.W["val"] + self.b["val"]

    def back_propagate(self, dY):
        self.W["grad"] = self.X.T @ dY
        self.b["grad"] = dY.sum(axis=0)
        return dY @ self.W["val"].T


class LeakyReLU:
    """propagate / backpropagate"""

    def __init__(self, slope=0.01):
        self.slope = slope

    def propagate(self, x):
        self.factor = np.where(x > 0, 1, self.slope).astype(x.dtype)
        return x * self.factor

    def backpropagate(self, error):
        return error * self.factor


class Softplus:
    """call / deriv"""

    def call(self, x):
        self.x = x
        return np.logaddexp(0, x).astype(x.dtype)

    def deriv(self, dy):
        return (dy * np.exp(-np.logaddexp(0, -self.x))).astype(dy.dtype)


class MeanSquaredError:
    """loss / grad"""

    def loss(self, prediction, target):
        self.error = prediction - target
        return (self.error**2).mean()

    def grad(self):
        return 2 * self.error / self.error.size


class SquareLoss:
    """loss / derivative, one loss an element"""

    def loss(self, prediction, target):
        self.error = prediction - target
        return 0.5 * np.power(self.error, 2)

    def derivative(self, upstream):
        return upstream * self.error


class Linear:
    """gradients called dLdW, dLdb"""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.sum(axis=0)[:, None]
        return dLdZ @ self.W
