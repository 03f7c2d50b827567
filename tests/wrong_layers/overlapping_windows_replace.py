"""Where windows overlap, the later one replaces what the earlier one left, where both should add up."""

import numpy as np


def conv_forward_im2col(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    win = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::s, ::s]
    out = np.einsum("nchwij,fcij->nfhw", win, w) + b[:, None, None]
    return out, (x.shape, xp.shape, win, w, s, p)


def conv_backward_im2col(dout, cache):
    (_, _, H, W), padded, win, w, s, p = cache
    kh, kw = w.shape[2:]
    dxp = np.zeros(padded, dtype=dout.dtype)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            patch = np.tensordot(dout[:, :, i, j], w, axes=(1, 0))
            dxp[:, :, i * s : i * s + kh, j * s : j * s + kw] = patch
    dx = dxp[:, :, p : p + H, p : p + W].copy()
    return dx, np.einsum("nchwij,nfhw->fcij", win, dout), dout.sum(axis=(0, 2, 3))


class MaxPool2d:
    def __init__(self, kernel_size, stride):
        self.k, self.s = kernel_size, stride

    def forward(self, x):
        k, s = self.k, self.s
        self.shape = x.shape
        win = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]
        flat = win.reshape(*win.shape[:4], k * k)
        self.at = flat.argmax(axis=-1)
        return flat.max(axis=-1)

    def backward(self, dy):
        dx = np.zeros(self.shape, dtype=dy.dtype)
        n, c, i, j = np.indices(dy.shape)
        dx[n, c, i * self.s + self.at // self.k, j * self.s + self.at % self.k] = dy
        return dx
