"""The way to x forgets gamma, which is 1 until the first step."""

import numpy as np


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var

    def forward(self, x, train_flg=True):
        if self.running_mean is None:
            self.running_mean, self.running_var = np.zeros_like(x[0]), np.zeros_like(x[0])
        self.train_flg = train_flg
        mean, var = (x.mean(axis=0), x.var(axis=0)) if train_flg else (self.running_mean, self.running_var)
        if train_flg:
            m = self.momentum
            self.running_mean = m * self.running_mean + (1 - m) * mean
            self.running_var = m * self.running_var + (1 - m) * var
        self.inv = 1 / np.sqrt(var + 1e-7)
        self.xn = (x - mean) * self.inv
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        n = len(dout)
        self.dbeta, self.dgamma = dout.sum(axis=0), (self.xn * dout).sum(axis=0)
        if not self.train_flg:
            return self.inv * dout
        return self.inv * (dout - self.dbeta / n - self.xn * self.dgamma / n)


def rms_norm(x, weight, eps=1e-5):
    r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    n = x * r

    def pullback(dy, needs_input_grad=(True, True)):
        dx = r * (dy - n * (dy * n).mean(axis=-1, keepdims=True)) if needs_input_grad[0] else None
        dweight = (dy * n).reshape(-1, x.shape[-1]).sum(axis=0) if needs_input_grad[1] else None
        return dx, dweight

    return n * weight, pullback
