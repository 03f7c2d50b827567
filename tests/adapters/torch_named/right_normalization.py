"""Right normalisations, as they are written by hand."""

import numpy as np


class BatchNorm3d:
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.eps, self.momentum = eps, momentum
        self.training = True

    def forward(self, x):
        axes, wide = (0, 2, 3, 4), (1, -1, 1, 1, 1)
        if self.training:
            mean, var = x.mean(axis=axes), x.var(axis=axes)
            n = x.size / x.shape[1]
            m = self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_var = (1 - m) * self.running_var + m * var * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + self.eps).reshape(wide)
        self.xhat = (x - mean.reshape(wide)) / self.std
        return self.gamma.reshape(wide) * self.xhat + self.beta.reshape(wide)

    def backward(self, dout):
        axes, wide = (0, 2, 3, 4), (1, -1, 1, 1, 1)
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=axes), dout.sum(axis=axes)
        g = dout * self.gamma.reshape(wide)
        if self.training:
            g = g - g.mean(axis=axes, keepdims=True)
            g = g - self.xhat * (g * self.xhat).mean(axis=axes, keepdims=True)
        return g / self.std


class InstanceNorm1d:
    """All of PyTorch's options."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False):
        self.eps, self.momentum = eps, momentum
        self.weight = np.ones(num_features) if affine else None
        self.bias = np.zeros(num_features) if affine else None
        self.running_mean = np.zeros(num_features) if track_running_stats else None
        self.running_var = np.ones(num_features) if track_running_stats else None
        self.training = True
        self.grads = {}

    def forward(self, x):
        tracked = self.running_mean is not None
        self.own = self.training or not tracked
        if self.own:
            mean, var = x.mean(axis=2, keepdims=True), x.var(axis=2, keepdims=True)
            if tracked:
                n, m = x.shape[2], self.momentum
                self.running_mean = (1 - m) * self.running_mean + m * mean.mean(axis=(0, 2))
                self.running_var = (1 - m) * self.running_var + m * var.mean(axis=(0, 2)) * n / (n - 1)
        else:
            mean, var = self.running_mean[:, None], self.running_var[:, None]
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mean) / self.std
        if self.weight is None:
            return self.xhat
        return self.xhat * self.weight[:, None] + self.bias[:, None]

    def backward(self, dout):
        g = dout
        if self.weight is not None:
            self.grads = {"weight": (dout * self.xhat).sum(axis=(0, 2)), "bias": dout.sum(axis=(0, 2))}
            g = dout * self.weight[:, None]
        if self.own:
            g = g - g.mean(axis=2, keepdims=True)
            g = g - self.xhat * (g * self.xhat).mean(axis=2, keepdims=True)
        return g / self.std


class InstanceNorm2d:
    """No parameters, and an epsilon of its own."""

    def __init__(self, num_features):
        self.channels, self.eps = num_features, 1e-6

    def forward(self, x):
        mean = x.mean(axis=(2, 3), keepdims=True)
        self.std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + self.eps)
        self.xhat = (x - mean) / self.std
        return self.xhat

    def backward(self, dout):
        n = dout.shape[2] * dout.shape[3]
        s1 = dout.sum(axis=(2, 3), keepdims=True)
        s2 = (dout * self.xhat).sum(axis=(2, 3), keepdims=True)
        return (n * dout - s1 - self.xhat * s2) / (n * self.std)


class InstanceNorm3d:
    """Channels last."""

    def __init__(self, num_features, eps=1e-5):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.eps = eps

    def forward(self, x):
        axes = (1, 2, 3)
        self.std = np.sqrt(x.var(axis=axes, keepdims=True) + self.eps)
        self.xhat = (x - x.mean(axis=axes, keepdims=True)) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        axes = (1, 2, 3)
        dgamma, dbeta = (dout * self.xhat).sum(axis=(0, *axes)), dout.sum(axis=(0, *axes))
        g = dout * self.gamma
        g = g - g.mean(axis=axes, keepdims=True)
        g = g - self.xhat * (g * self.xhat).mean(axis=axes, keepdims=True)
        return g / self.std, dgamma, dbeta


class LocalResponseNorm:
    """PyTorch's: the mean over the neighbours."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def _sum(self, v, before):
        out = np.zeros_like(v)
        channels = v.shape[1]
        for c in range(channels):
            low, high = max(0, c - before), min(channels, c - before + self.size)
            out[:, c] = v[:, low:high].sum(axis=1)
        return out

    def forward(self, x):
        self.x = x
        self.scale = self.k + self.alpha / self.size * self._sum(x**2, self.size // 2)
        return x * self.scale**-self.beta

    def backward(self, dout):
        inner = dout * self.x * self.scale ** (-self.beta - 1)
        back = self._sum(inner, self.size - 1 - self.size // 2)
        return dout * self.scale**-self.beta - 2 * self.alpha * self.beta / self.size * self.x * back


class LRN:
    """As the paper has it: the sum over n neighbours, odd, and k = 2."""

    def __init__(self, n=5, alpha=1e-4, beta=0.75, k=2):
        self.n, self.alpha, self.beta, self.k = n, alpha, beta, k

    def forward(self, x):
        self.x = x
        half = self.n // 2
        padded = np.pad(x**2, ((0, 0), (half, half)) + ((0, 0),) * (x.ndim - 2))
        total = sum(padded[:, i : i + x.shape[1]] for i in range(2 * half + 1))
        self.scale = self.k + self.alpha * total
        return x / self.scale**self.beta

    def backward(self, dout):
        half = self.n // 2
        inner = dout * self.x / self.scale ** (self.beta + 1)
        padded = np.pad(inner, ((0, 0), (half, half)) + ((0, 0),) * (inner.ndim - 2))
        back = sum(padded[:, i : i + dout.shape[1]] for i in range(2 * half + 1))
        return dout / self.scale**self.beta - 2 * self.alpha * self.beta * self.x * back


def instancenorm_forward(x, gamma, beta, eps=1e-5):
    wide = (1, -1, 1, 1)
    std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + eps)
    xhat = (x - x.mean(axis=(2, 3), keepdims=True)) / std
    return xhat * gamma.reshape(wide) + beta.reshape(wide), (xhat, std, gamma)


def instancenorm_backward(dout, cache):
    xhat, std, gamma = cache
    g = dout * gamma.reshape(1, -1, 1, 1)
    dx = g - g.mean(axis=(2, 3), keepdims=True)
    dx = (dx - xhat * (g * xhat).mean(axis=(2, 3), keepdims=True)) / std
    return dx, (dout * xhat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


class LayerNorm:
    """Over as many sides as it is told."""

    def __init__(self, normalized_shape, eps=1e-5):
        self.shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.weight, self.bias = eps, np.ones(self.shape), np.zeros(self.shape)

    def forward(self, x):
        self.axes = tuple(range(x.ndim - len(self.shape), x.ndim))
        centred = x - x.mean(self.axes, keepdims=True)
        self.rstd = 1 / np.sqrt((centred**2).mean(self.axes, keepdims=True) + self.eps)
        self.xhat = centred * self.rstd
        return self.xhat * self.weight + self.bias

    def backward(self, dy):
        rows, g = tuple(range(dy.ndim - len(self.shape))), dy * self.weight
        self.grad_weight, self.grad_bias = (dy * self.xhat).sum(rows), dy.sum(rows)
        first, second = (t.mean(self.axes, keepdims=True) for t in (g, g * self.xhat))
        return self.rstd * (g - first - self.xhat * second)


class LayerNormalization:
    """Over the last side alone, whatever shape its parameters are told to have."""

    def __init__(self, normalized_shape, eps=1e-5):
        self.eps, self.weight, self.bias = eps, np.ones(normalized_shape), np.zeros(normalized_shape)

    def forward(self, x):
        centred = x - x.mean(-1, keepdims=True)
        self.rstd = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + self.eps)
        self.xhat = centred * self.rstd
        return self.xhat * self.weight + self.bias

    def backward(self, dy):
        rows, g = tuple(range(dy.ndim - 1)), dy * self.weight
        self.grad_weight, self.grad_bias = (dy * self.xhat).sum(rows), dy.sum(rows)
        first, second = (t.mean(-1, keepdims=True) for t in (g, g * self.xhat))
        return self.rstd * (g - first - self.xhat * second)
