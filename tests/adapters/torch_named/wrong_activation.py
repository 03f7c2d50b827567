"""Activations with one slip each, in the backward pass."""

import numpy as np


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


class Softmax2d:
    """The derivative of each element by itself alone."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


class Softmin:
    """The sign of a softmax."""

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        e = np.exp(x.min(axis=self.dim, keepdims=True) - x)
        self.p = e / e.sum(axis=self.dim, keepdims=True)
        return self.p

    def backward(self, dout):
        return self.p * (dout - np.sum(dout * self.p, axis=self.dim, keepdims=True))


class GLU:
    """The halves of the gradient are exchanged."""

    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        self.a, b = np.split(x, 2, axis=self.dim)
        self.gate = _sigmoid(b)
        return self.a * self.gate

    def backward(self, dout):
        db = dout * self.a * self.gate * (1 - self.gate)
        return np.concatenate([db, dout * self.gate], axis=self.dim)


class Hardshrink:
    """What is negative has no gradient."""

    def __init__(self, lambd=0.5):
        self.lambd = lambd

    def forward(self, x):
        self.x = x
        return np.where(np.abs(x) > self.lambd, x, 0)

    def backward(self, dout):
        return np.where(self.x > self.lambd, dout, 0)


class Softshrink:
    """A gradient goes through where nothing came out."""

    def __init__(self, lambd=0.5):
        self.lambd = lambd

    def forward(self, x):
        return np.sign(x) * np.maximum(np.abs(x) - self.lambd, 0)

    def backward(self, dout):
        return dout.copy()


class Tanhshrink:
    """The derivative of tanh, not what is left of 1."""

    def forward(self, x):
        self.t = np.tanh(x)
        return x - self.t

    def backward(self, dout):
        return dout * (1 - self.t**2)


class Threshold:
    """The mask is that of a ReLU."""

    def __init__(self, threshold, value):
        self.threshold, self.value = threshold, value

    def forward(self, x):
        self.x = x
        return np.where(x > self.threshold, x, x.dtype.type(self.value))

    def backward(self, dout):
        return dout * (self.x > 0)


class RReLU:
    """Backward uses the mean of the slopes, not those that were drawn."""

    def __init__(self, lower=1 / 8, upper=1 / 3):
        self.lower, self.upper = lower, upper

    def forward(self, x, training=True):
        self.x = x
        middle = (self.lower + self.upper) / 2
        slope = np.random.uniform(self.lower, self.upper, x.shape) if training else middle
        return np.where(x > 0, x, x * slope).astype(x.dtype)

    def backward(self, dout):
        return np.where(self.x > 0, dout, dout * ((self.lower + self.upper) / 2)).astype(dout.dtype)


class Softplus:
    """Beta is forgotten inside the logistic function."""

    def __init__(self, beta=1.0, threshold=20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, x):
        self.x = x
        z = self.beta * x
        return np.where(z > self.threshold, x, np.logaddexp(0, z) / self.beta).astype(x.dtype)

    def backward(self, dout):
        return np.where(self.beta * self.x > self.threshold, dout, dout * _sigmoid(self.x))


class Hardtanh:
    """The upper bound alone stops the gradient."""

    def __init__(self, min_val=-1.0, max_val=1.0):
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x):
        self.x = x
        return np.clip(x, self.min_val, self.max_val)

    def backward(self, dout):
        return dout * (self.x < self.max_val)


class Hardsigmoid:
    """A slope of 1/5, Keras' old one."""

    def forward(self, x):
        self.inside = (x > -3) & (x < 3)
        return np.clip(x / 6 + 0.5, 0, 1)

    def backward(self, dout):
        return np.where(self.inside, dout * dout.dtype.type(0.2), 0)
