"""The loss leaves ignored labels out, the gradient does not."""

import numpy as np


def cross_entropy(x, target, ignore_index=-100):
    top = x - x.max(axis=1, keepdims=True)
    log_p = top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    keep = target != ignore_index
    count = int(keep.sum())
    rows = np.arange(len(x))
    y = -np.where(keep, log_p[rows, np.where(keep, target, 0)], 0).sum() / count

    def pullback(dy, needs_input_grad=(True, False)):
        if not needs_input_grad[0]:
            return None, None
        dx = np.exp(log_p)
        dx[rows[keep], target[keep]] -= 1
        return dx * (dy / count), None

    return np.asarray(y), pullback
