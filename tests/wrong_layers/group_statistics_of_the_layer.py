"""The way back of the group norm averages over all channels, not over the group's."""

import numpy as np


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    grouped = x.reshape(len(x), G, -1)
    inv = 1 / np.sqrt(grouped.var(axis=2, keepdims=True) + gn_param.get("eps", 1e-5))
    xhat = (grouped - grouped.mean(axis=2, keepdims=True)) * inv
    return gamma * xhat.reshape(x.shape) + beta, (xhat, gamma, inv, G)


def spatial_groupnorm_backward(dout, cache):
    xhat, gamma, inv, G = cache
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dgamma = (dout * xhat.reshape(dout.shape)).sum(axis=(0, 2, 3), keepdims=True)
    g = (dout * gamma).reshape(len(dout), G, -1)
    m = dout[0].size
    dx = inv * (g - g.sum(axis=2, keepdims=True) / m - xhat * (g * xhat).sum(axis=2, keepdims=True) / m)
    return dx.reshape(dout.shape), dgamma, dbeta
