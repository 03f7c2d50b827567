"""f(x, y) -> (loss, dx): the loss and its gradient in one go."""

import numpy as np


def mse_loss(x, y):
    difference = x - y
    return (difference**2).mean(), 2 * difference / difference.size


def l1_loss(x, y):
    difference = x - y
    return np.abs(difference).mean(), np.sign(difference) / difference.size


def softmax_cross_entropy(x, t):
    """`t` is one-hot."""
    shifted = x - x.max(axis=1, keepdims=True)
    log_z = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    log_p = shifted - log_z
    return -(t * log_p).sum() / len(x), (np.exp(log_p) - t) / len(x)


def binary_cross_entropy_with_logits(x, y):
    loss = np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))
    p = np.exp(-np.logaddexp(0, -x))
    return loss.mean(), (p - y) / x.size


def hinge_loss(x, y):
    """Multi-class, margin 1, by a loop over samples."""
    loss, dx = 0.0, np.zeros_like(x)
    n = len(x)
    for i, label in enumerate(y):
        for c in range(x.shape[1]):
            margin = x[i, c] - x[i, label] + 1
            if c != label and margin > 0:
                loss += margin / n
                dx[i, c] += 1 / n
                dx[i, label] -= 1 / n
    return loss, dx


def smooth_l1_loss(x, y, beta=1.0):
    d = x - y
    small = np.abs(d) < beta
    loss = np.where(small, 0.5 * d**2 / beta, np.abs(d) - 0.5 * beta)
    return loss.mean(), np.where(small, d / beta, np.sign(d)) / d.size
