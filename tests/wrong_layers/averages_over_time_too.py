"""The loss is averaged over the batch, its gradient over batch and time."""

import numpy as np


def temporal_softmax_loss(x, y, mask):
    N, T, V = x.shape
    flat, labels, keep = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    top = flat - flat.max(axis=1, keepdims=True)
    log_p = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    loss = -np.sum(keep * log_p[np.arange(N * T), labels]) / N
    dflat = np.exp(log_p)
    dflat[np.arange(N * T), labels] -= 1
    dflat *= keep[:, None] / (N * T)
    return loss, dflat.reshape(N, T, V)
