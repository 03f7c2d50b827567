"""One formula divides by N - 1 where the other, or the definition, divides by N."""

import numpy as np


class LayerNorm:
    def __init__(self, normalized_shape, eps=1e-5):
        self.eps = eps
        self.params = {"weight": np.ones(normalized_shape), "bias": np.zeros(normalized_shape)}
        self.grads = {}

    def forward(self, x):
        d = x.shape[-1]
        self.xc = x - x.mean(axis=-1, keepdims=True)
        self.inv = 1 / np.sqrt((self.xc**2).sum(axis=-1, keepdims=True) / (d - 1) + self.eps)
        return self.params["weight"] * self.xc * self.inv + self.params["bias"]

    def backward(self, dy):
        d = dy.shape[-1]
        axes = tuple(range(dy.ndim - 1))
        xhat = self.xc * self.inv
        self.grads = {"weight": (dy * xhat).sum(axis=axes), "bias": dy.sum(axis=axes)}
        g = dy * self.params["weight"]
        along = (g * xhat).sum(axis=-1, keepdims=True) / (d - 1)
        return self.inv * (g - g.mean(axis=-1, keepdims=True) - xhat * along)


class BatchNormalization:
    """Forward divides by N, backward by N - 1."""

    def __init__(self, gamma, beta, eps=0.01):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward_pass(self, X):
        self.xc = X - X.mean(axis=0)
        self.inv = 1 / np.sqrt(X.var(axis=0) + self.eps)
        return self.gamma * self.xc * self.inv + self.beta

    def backward_pass(self, accum_grad):
        n = len(accum_grad)
        xhat = self.xc * self.inv
        self.grad_gamma, self.grad_beta = (accum_grad * xhat).sum(axis=0), accum_grad.sum(axis=0)
        inner = accum_grad - self.grad_beta / n - xhat * self.grad_gamma / (n - 1)
        return self.gamma * self.inv * inner


class BatchNorm1d:
    """The running variance is the biased one, where torch.nn's name promises the unbiased."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.params = {"weight": np.ones(num_features), "bias": np.zeros(num_features)}
        self.grads = {}
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

    def forward(self, x):
        m = self.momentum
        if self.training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_var = (1 - m) * self.running_var + m * var
        else:
            mean, var = self.running_mean, self.running_var
        self.inv = 1 / np.sqrt(var + self.eps)
        self.xhat = (x - mean) * self.inv
        return self.params["weight"] * self.xhat + self.params["bias"]

    def backward(self, dy):
        self.grads = {"weight": (dy * self.xhat).sum(axis=0), "bias": dy.sum(axis=0)}
        g = dy * self.params["weight"]
        if self.training:
            g = g - g.mean(axis=0) - self.xhat * (g * self.xhat).mean(axis=0)
        return g * self.inv
