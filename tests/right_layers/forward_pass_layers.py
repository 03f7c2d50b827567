"""forward_pass(X, training) and backward_pass(accum_grad); gradients kept as attributes."""

import numpy as np


class Dense:
    def __init__(self, W, w0):
        self.W, self.w0 = W, w0  # w0 is a row, (1, n_units)
        self.trainable = True

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        self.grad_W = self.layer_input.T.dot(accum_grad)
        self.grad_w0 = np.sum(accum_grad, axis=0, keepdims=True)
        return accum_grad.dot(self.W.T)


class Activation:
    """The ReLU."""

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return np.where(X >= 0, X, 0)

    def backward_pass(self, accum_grad):
        return accum_grad * (self.layer_input > 0)


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.99, eps=0.01):
        self.gamma, self.beta = gamma, beta
        self.momentum, self.eps = momentum, eps
        self.running_mean = self.running_var = None

    def forward_pass(self, X, training=True):
        if self.running_mean is None:
            self.running_mean, self.running_var = X.mean(axis=0), X.var(axis=0)
        if training:
            mean, var = X.mean(axis=0), X.var(axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mean, var = self.running_mean, self.running_var
        self.training = training
        self.X_centered = X - mean
        self.stddev_inv = 1 / np.sqrt(var + self.eps)
        return self.gamma * self.X_centered * self.stddev_inv + self.beta

    def backward_pass(self, accum_grad):
        X_norm = self.X_centered * self.stddev_inv
        self.grad_gamma = np.sum(accum_grad * X_norm, axis=0)
        self.grad_beta = np.sum(accum_grad, axis=0)
        if not self.training:
            return self.gamma * self.stddev_inv * accum_grad
        n = accum_grad.shape[0]
        inner = n * accum_grad - self.grad_beta - X_norm * self.grad_gamma
        return self.gamma * self.stddev_inv * inner / n
