"""Forward writes into the array it was given."""

import numpy as np


class ReLU:
    def forward(self, x):
        x[x < 0] = 0
        self.positive = x > 0
        return x.copy()

    def backward(self, dy):
        return dy * self.positive


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    x -= x.mean(axis=0)
    var = (x**2).mean(axis=0)
    inv = 1 / np.sqrt(var + eps)
    bn_param["momentum"] = momentum
    xhat = x * inv
    return gamma * xhat + beta, (xhat, gamma, inv)


def batchnorm_backward(dout, cache):
    xhat, gamma, inv = cache
    n = len(dout)
    dbeta, dgamma = dout.sum(axis=0), (dout * xhat).sum(axis=0)
    return gamma * inv * (dout - dbeta / n - xhat * dgamma / n), dgamma, dbeta
