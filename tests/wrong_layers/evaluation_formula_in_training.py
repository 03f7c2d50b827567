"""Training's way back takes the statistics for constants, as evaluation may."""

import numpy as np


def batch_norm(x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5):
    axes = tuple(a for a in range(x.ndim) if a != 1)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    if training:
        n = x.size // x.shape[1]
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        state = (
            (1 - momentum) * running_mean + momentum * mean,
            (1 - momentum) * running_var + momentum * var * n / (n - 1),
        )
    else:
        mean, var = running_mean, running_var
        state = mean.copy(), var.copy()
    inv = (1 / np.sqrt(var + eps)).reshape(shape)
    xhat = (x - mean.reshape(shape)) * inv

    def pullback(dy, needs_input_grad=(True, False, False, True, True)):
        need = needs_input_grad
        return (
            dy * weight.reshape(shape) * inv if need[0] else None,
            None,
            None,
            (dy * xhat).sum(axis=axes) if need[3] else None,
            dy.sum(axis=axes) if need[4] else None,
        )

    return xhat * weight.reshape(shape) + bias.reshape(shape), pullback, state
