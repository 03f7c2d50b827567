"""Backward subtracts the labels from what it saved: a second backward subtracts them again."""

import numpy as np


def softmax_cross_entropy_forward(x, t):
    top = x - x.max(axis=1, keepdims=True)
    log_p = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(len(x)), t].mean()
    return loss, (np.exp(log_p), t)


def softmax_cross_entropy_backward(dout, cache):
    p, t = cache
    p[np.arange(len(p)), t] -= 1
    return dout * p / len(p)
