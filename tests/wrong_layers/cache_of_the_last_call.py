"""What backward needs lies in the module, not in the cache: a later forward replaces it."""

import numpy as np

_saved = {}


def sigmoid_forward(x):
    out = np.exp(-np.logaddexp(0, -x))
    _saved["out"] = out
    return out.copy(), None


def sigmoid_backward(dout, cache):
    out = _saved["out"]
    return dout * out * (1 - out)


def tanh(x):
    y = np.tanh(x)
    _saved["y"] = y

    def pullback(dy, needs_input_grad=(True,)):
        y = _saved["y"]
        return (dy * (1 - y * y) if needs_input_grad[0] else None,)

    return y.copy(), pullback


def affine_forward(x, w, b):
    _saved["x"] = x
    return x.reshape(len(x), -1) @ w + b, (w, b)


def affine_backward(dout, cache):
    w, _ = cache
    x = _saved["x"]
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)
