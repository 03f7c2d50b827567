"""The inner product of the backward pass runs over the whole batch."""

import numpy as np


def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    out = e / e.sum(axis=1, keepdims=True)
    return out, out.copy()


def softmax_backward(dout, cache):
    return cache * (dout - (dout * cache).sum())


class LogSoftmax:
    """The other of this kind: the maximum is the batch's, and so is the sum."""

    def forward(self, x):
        top = x - x.max(axis=-1, keepdims=True)
        total = np.exp(top).sum(axis=-1, keepdims=True)
        self.y = top - np.log(total.mean())
        return self.y.copy()

    def backward(self, dy):
        return dy - np.exp(self.y) * dy.sum(axis=-1, keepdims=True)
