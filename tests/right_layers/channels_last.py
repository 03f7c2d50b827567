"""NHWC images and HWIO kernels."""

import numpy as np


class Conv2D:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b = W, b
        self.stride, self.pad = stride, pad

    def forward(self, x):
        kh, kw = self.W.shape[:2]
        p, s = self.pad, self.stride
        self.x_shape = x.shape
        self.xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        oh = (self.xp.shape[1] - kh) // s + 1
        ow = (self.xp.shape[2] - kw) // s + 1
        out = np.zeros((len(x), oh, ow, self.W.shape[3]), dtype=x.dtype)
        for i in range(kh):
            for j in range(kw):
                out += self.xp[:, i : i + s * oh : s, j : j + s * ow : s] @ self.W[i, j]
        return out + self.b

    def backward(self, dout):
        kh, kw = self.W.shape[:2]
        p, s = self.pad, self.stride
        oh, ow = dout.shape[1:3]
        dxp = np.zeros_like(self.xp)
        self.dW = np.zeros_like(self.W)
        for i in range(kh):
            for j in range(kw):
                rows, columns = slice(i, i + s * oh, s), slice(j, j + s * ow, s)
                self.dW[i, j] = np.tensordot(self.xp[:, rows, columns], dout, axes=([0, 1, 2], [0, 1, 2]))
                dxp[:, rows, columns] += dout @ self.W[i, j].T
        self.db = dout.sum(axis=(0, 1, 2))
        _, H, W, _ = self.x_shape
        return dxp[:, p : p + H, p : p + W].copy()


class MaxPool2D:
    def __init__(self, pool_h, pool_w, stride):
        self.pool_h, self.pool_w, self.stride = pool_h, pool_w, stride

    def forward(self, x):
        s = self.stride
        self.x = x
        oh = (x.shape[1] - self.pool_h) // s + 1
        ow = (x.shape[2] - self.pool_w) // s + 1
        out = np.full((x.shape[0], oh, ow, x.shape[3]), -np.inf, dtype=x.dtype)
        for i in range(self.pool_h):
            for j in range(self.pool_w):
                out = np.maximum(out, x[:, i : i + s * oh : s, j : j + s * ow : s])
        self.out = out
        return out.copy()

    def backward(self, dout):
        s = self.stride
        oh, ow = dout.shape[1:3]
        dx = np.zeros_like(self.x)
        free = np.ones(dout.shape, dtype=bool)  # the first maximum of a window takes all
        for i in range(self.pool_h):
            for j in range(self.pool_w):
                here = (slice(None), slice(i, i + s * oh, s), slice(j, j + s * ow, s))
                hit = (self.x[here] == self.out) & free
                dx[here] += np.where(hit, dout, 0)
                free &= ~hit
        return dx
