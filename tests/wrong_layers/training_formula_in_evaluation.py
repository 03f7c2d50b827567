"""Evaluation is treated as training, on one of the two ways."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get("eps", 1e-5)
    if bn_param["mode"] == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        m = bn_param.get("momentum", 0.9)
        bn_param["running_mean"] = m * bn_param.get("running_mean", 0) + (1 - m) * mean
        bn_param["running_var"] = m * bn_param.get("running_var", 0) + (1 - m) * var
    else:
        mean, var = bn_param["running_mean"], bn_param["running_var"]
    inv = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * inv
    return gamma * xhat + beta, (xhat, gamma, inv)


def batchnorm_backward(dout, cache):
    xhat, gamma, inv = cache
    n = len(dout)
    dbeta, dgamma = dout.sum(axis=0), (dout * xhat).sum(axis=0)
    return gamma * inv * (dout - dbeta / n - xhat * dgamma / n), dgamma, dbeta


class Dropout:
    """Drops in evaluation too."""

    def __init__(self, p=0.5):
        self.p = p
        self.training = True

    def eval(self):
        self.training = False
        return self

    def forward(self, x):
        self.scale = ((np.random.random(x.shape) >= self.p) / (1 - self.p)).astype(x.dtype)
        return x * self.scale

    def backward(self, dy):
        return dy * self.scale
