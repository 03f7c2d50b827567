"""Normalisations with one slip each, in the backward pass."""

import numpy as np


class BatchNorm3d:
    """The mean is taken for a constant."""

    def __init__(self, num_features, eps=1e-5):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.eps = eps

    def forward(self, x):
        axes, wide = (0, 2, 3, 4), (1, -1, 1, 1, 1)
        self.std = np.sqrt(x.var(axis=axes, keepdims=True) + self.eps)
        self.xhat = (x - x.mean(axis=axes, keepdims=True)) / self.std
        return self.gamma.reshape(wide) * self.xhat + self.beta.reshape(wide)

    def backward(self, dout):
        axes, wide = (0, 2, 3, 4), (1, -1, 1, 1, 1)
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=axes), dout.sum(axis=axes)
        g = dout * self.gamma.reshape(wide)
        return (g - self.xhat * (g * self.xhat).mean(axis=axes, keepdims=True)) / self.std


class InstanceNorm1d:
    """Evaluation goes back as training does."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False):
        self.eps, self.momentum = eps, momentum
        self.weight = np.ones(num_features) if affine else None
        self.bias = np.zeros(num_features) if affine else None
        self.running_mean = np.zeros(num_features) if track_running_stats else None
        self.running_var = np.ones(num_features) if track_running_stats else None
        self.training = True

    def forward(self, x):
        mean, var = x.mean(axis=2, keepdims=True), x.var(axis=2, keepdims=True)
        if self.running_mean is not None and not self.training:
            mean, var = self.running_mean[:, None], self.running_var[:, None]
        elif self.running_mean is not None:
            n, m = x.shape[2], self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mean.mean(axis=(0, 2))
            self.running_var = (1 - m) * self.running_var + m * var.mean(axis=(0, 2)) * n / (n - 1)
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mean) / self.std
        if self.weight is None:
            return self.xhat
        return self.xhat * self.weight[:, None] + self.bias[:, None]

    def backward(self, dout):
        g = dout
        if self.weight is not None:
            self.dweight, self.dbias = (dout * self.xhat).sum(axis=(0, 2)), dout.sum(axis=(0, 2))
            g = dout * self.weight[:, None]
        g = g - g.mean(axis=2, keepdims=True)
        g = g - self.xhat * (g * self.xhat).mean(axis=2, keepdims=True)
        return g / self.std


class InstanceNorm2d:
    """The gradient of the bias is a mean."""

    def __init__(self, num_features, eps=1e-5):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.eps = eps

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + self.eps)
        self.xhat = (x - x.mean(axis=(2, 3), keepdims=True)) / self.std
        return self.gamma[:, None, None] * self.xhat + self.beta[:, None, None]

    def backward(self, dout):
        axes = (2, 3)
        self.dgamma = (dout * self.xhat).sum(axis=(0, 2, 3))
        self.dbeta = dout.sum(axis=0).mean(axis=(1, 2))
        g = dout * self.gamma[:, None, None]
        g = g - g.mean(axis=axes, keepdims=True)
        return (g - self.xhat * (g * self.xhat).mean(axis=axes, keepdims=True)) / self.std


class InstanceNorm3d:
    """The variance is taken for a constant."""

    def __init__(self, num_features, eps=1e-5):
        self.channels, self.eps = num_features, eps

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=(2, 3, 4), keepdims=True) + self.eps)
        return (x - x.mean(axis=(2, 3, 4), keepdims=True)) / self.std

    def backward(self, dout):
        return (dout - dout.mean(axis=(2, 3, 4), keepdims=True)) / self.std


class LocalResponseNorm:
    """The neighbours' own terms are left out."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x):
        before = self.size // 2
        pad = ((0, 0), (before, self.size - 1 - before)) + ((0, 0),) * (x.ndim - 2)
        squares = np.pad(x**2, pad)
        total = sum(squares[:, i : i + x.shape[1]] for i in range(self.size))
        self.scale = self.k + self.alpha / self.size * total
        return x * self.scale**-self.beta

    def backward(self, dout):
        return dout * self.scale**-self.beta


class LayerNorm:
    """The means of backward are over the last side alone, whatever the shape."""

    def __init__(self, normalized_shape, eps=1e-5):
        self.shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.weight, self.bias = eps, np.ones(self.shape), np.zeros(self.shape)

    def forward(self, x):
        axes = tuple(range(x.ndim - len(self.shape), x.ndim))
        centred = x - x.mean(axes, keepdims=True)
        self.rstd = 1 / np.sqrt((centred**2).mean(axes, keepdims=True) + self.eps)
        self.xhat = centred * self.rstd
        return self.xhat * self.weight + self.bias

    def backward(self, dy):
        rows, g = tuple(range(dy.ndim - len(self.shape))), dy * self.weight
        self.grad_weight, self.grad_bias = (dy * self.xhat).sum(rows), dy.sum(rows)
        first, second = (t.mean(-1, keepdims=True) for t in (g, g * self.xhat))
        return self.rstd * (g - first - self.xhat * second)


class InstanceNorm1dLayer:
    """Evaluation goes back by the sample's own statistics."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, track_running_stats=False):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.running_mean = np.zeros(num_features) if track_running_stats else None
        self.running_var = np.ones(num_features) if track_running_stats else None

    def forward(self, x):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        self.xhat, self.deviation = (x - mean) / np.sqrt(var + self.eps), np.sqrt(var + self.eps)
        if self.running_mean is None:
            return self.xhat
        if not self.training:
            centred = x - self.running_mean[:, None]
            return centred / np.sqrt(self.running_var[:, None] + self.eps)
        n, m = x.shape[-1], self.momentum
        self.running_mean = (1 - m) * self.running_mean + m * mean.mean(0)[:, 0]
        self.running_var = (1 - m) * self.running_var + m * var.mean(0)[:, 0] * n / (n - 1)
        return self.xhat

    def backward(self, dy):
        terms = dy.mean(-1, keepdims=True) + self.xhat * (dy * self.xhat).mean(-1, keepdims=True)
        return (dy - terms) / self.deviation
