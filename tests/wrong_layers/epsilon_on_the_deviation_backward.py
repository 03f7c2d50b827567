"""Forward adds epsilon to the variance, backward to the deviation: seen where the deviation is small."""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get("eps", 1e-5)
    mean, var = x.mean(axis=0), x.var(axis=0)
    xc = x - mean
    return gamma * xc / np.sqrt(var + eps) + beta, (xc, var, eps, gamma)


def batchnorm_backward(dout, cache):
    xc, var, eps, gamma = cache
    n = len(dout)
    std = np.sqrt(var) + eps
    xhat = xc / std
    dbeta, dgamma = dout.sum(axis=0), (dout * xhat).sum(axis=0)
    return gamma / std * (dout - dbeta / n - xhat * dgamma / n), dgamma, dbeta
