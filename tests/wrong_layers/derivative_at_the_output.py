"""The derivative takes the output where it wants the input."""

import numpy as np


def _logistic(x):
    return np.exp(-np.logaddexp(0, -x))


class Sigmoid:
    def forward(self, z):
        self.a = _logistic(z)
        return self.a.copy()

    def derivative(self, upstream):
        s = _logistic(self.a)
        return upstream * s * (1 - s)


def silu_forward(x):
    out = x * _logistic(x)
    return out, out.copy()


def silu_backward(dout, cache):
    s = _logistic(cache)
    return dout * s * (1 + cache * (1 - s))
