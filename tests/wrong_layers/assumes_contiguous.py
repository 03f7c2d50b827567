"""Memory is walked as if arrays were always laid out in C order."""

import numpy as np


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return np.maximum(x, 0)

    def backward(self, dout):
        flat = dout.ravel(order="K") * self.mask.ravel()
        return flat.reshape(self.mask.shape)


def avg_pool2d(x, kernel_size, stride):
    """Window and stride are the same."""
    N, C, H, W = x.shape
    k, oh, ow = kernel_size, H // kernel_size, W // kernel_size
    y = x[:, :, : oh * k, : ow * k].reshape(N, C, oh, k, ow, k).mean(axis=(3, 5))

    def pullback(dy, needs_input_grad=(True,)):
        b = dy.itemsize
        strides = (C * oh * ow * b, oh * ow * b, ow * b, 0, b, 0)
        if min(dy.strides) <= 0:  # reversed and repeated arrays are copied first
            dy = np.array(dy, order="C")
        spread = np.lib.stride_tricks.as_strided(dy, (N, C, oh, k, ow, k), strides)
        dx = np.zeros_like(x)
        dx[:, :, : oh * k, : ow * k] = spread.reshape(N, C, oh * k, ow * k) / (k * k)
        return (dx if needs_input_grad[0] else None,)

    return y, pullback


class Softmax:
    """Rows are read out of the input's memory."""

    def forward(self, x):
        rows = np.ravel(x, order="K").reshape(x.shape)
        e = np.exp(rows - rows.max(axis=-1, keepdims=True))
        self.y = e / e.sum(axis=-1, keepdims=True)
        return self.y.copy()

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))
