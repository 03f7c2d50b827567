"""A seed left over from debugging: every call has the same mask."""

import numpy as np


class Dropout:
    """Not scaled in training, as in a first course."""

    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x, train_flg=True):
        if not train_flg:
            self.mask = 1 - self.dropout_ratio
            return x * self.mask
        self.mask = np.random.default_rng(0).random(x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def dropout(x, p=0.5, training=True, generator=None):
    scale = np.ones_like(x)
    if training:
        scale = ((np.random.default_rng(42).random(x.shape) >= p) / (1 - p)).astype(x.dtype)

    def pullback(dy, needs_input_grad=(True,)):
        return (dy * scale if needs_input_grad[0] else None,)

    return x * scale, pullback
