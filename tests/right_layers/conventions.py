"""Not what a framework does, and right all the same: choices that must be named as conventions."""

import numpy as np


class LinearMean:
    """Parameter gradients are averaged over the batch inside the layer, weight and bias alike."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        n = len(self.x)
        self.dW = self.x.T @ dout / n
        self.db = dout.sum(axis=0) / n
        return dout @ self.W.T


class MaxPoolEven:
    """Tied maxima share the gradient evenly."""

    def __init__(self, pool_h, pool_w, stride):
        self.pool_h, self.pool_w, self.stride = pool_h, pool_w, stride

    def forward(self, x):
        self.x, s = x, self.stride
        view = np.lib.stride_tricks.sliding_window_view(x, (self.pool_h, self.pool_w), axis=(2, 3))
        self.windows = view[:, :, ::s, ::s]
        return self.windows.max(axis=(-2, -1))

    def backward(self, dout):
        s = self.stride
        hit = self.windows == self.windows.max(axis=(-2, -1), keepdims=True)
        share = hit * (dout / hit.sum(axis=(-2, -1)))[..., None, None]
        dx = np.zeros_like(self.x)
        oh, ow = dout.shape[2:]
        for i in range(self.pool_h):
            for j in range(self.pool_w):
                dx[:, :, i : i + s * oh : s, j : j + s * ow : s] += share[..., i, j]
        return dx


class LayerNormStd:
    """Epsilon is added to the deviation, forward and backward alike."""

    def __init__(self, gamma, beta, eps=1e-5):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward(self, x):
        self.xc = x - x.mean(axis=-1, keepdims=True)
        self.std = np.sqrt((self.xc**2).mean(axis=-1, keepdims=True))
        self.scale = self.std + self.eps
        return self.gamma * self.xc / self.scale + self.beta

    def backward(self, dout):
        self.dgamma = (dout * self.xc / self.scale).sum(axis=0)
        self.dbeta = dout.sum(axis=0)
        g = dout * self.gamma / self.scale
        inner = (g * self.xc).mean(axis=-1, keepdims=True) / (self.std * self.scale)
        return g - g.mean(axis=-1, keepdims=True) - self.xc * inner


def max_pool_forward_naive(x, pool_param):
    """Its arrays are of the default dtype: float64 comes out whatever goes in, forward and backward."""
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    out = np.zeros((N, C, 1 + (H - ph) // s, 1 + (W - pw) // s))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = x[:, :, i * s : i * s + ph, j * s : j * s + pw].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx
