"""The rows and columns that no window reaches come back filled with something."""

import numpy as np


class Conv2d:
    """Rows that were not reached are filled up with the last one that was."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        k = kernel_size
        self.stride, self.padding = stride, padding
        self.params = {
            "weight": np.random.randn(out_channels, in_channels, k, k),
            "bias": np.zeros(out_channels),
        }
        self.grads = {}

    def forward(self, x):
        k, s, p = self.params["weight"].shape[2:], self.stride, self.padding
        self.shape = x.shape
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.padded_shape = xp.shape
        self.win = np.lib.stride_tricks.sliding_window_view(xp, k, axis=(2, 3))[:, :, ::s, ::s]
        y = np.einsum("nchwij,ocij->nohw", self.win, self.params["weight"])
        return y + self.params["bias"][:, None, None]

    def backward(self, dy):
        w, s, p = self.params["weight"], self.stride, self.padding
        self.grads = {"weight": np.einsum("nchwij,nohw->ocij", self.win, dy), "bias": dy.sum(axis=(0, 2, 3))}
        oh, ow = dy.shape[2:]
        reached_h, reached_w = (oh - 1) * s + w.shape[2], (ow - 1) * s + w.shape[3]
        dx = np.zeros((*self.padded_shape[:2], reached_h, reached_w), dtype=dy.dtype)
        for i in range(w.shape[2]):
            for j in range(w.shape[3]):
                dx[:, :, i : i + s * oh : s, j : j + s * ow : s] += np.einsum(
                    "nohw,oc->nchw", dy, w[:, :, i, j]
                )
        left_h, left_w = self.padded_shape[2] - reached_h, self.padded_shape[3] - reached_w
        dx = np.pad(dx, ((0, 0), (0, 0), (0, left_h), (0, left_w)), mode="edge")
        return dx[:, :, p : p + self.shape[2], p : p + self.shape[3]].copy()


def max_pool_forward(x, pool_param):
    k, s = (pool_param["pool_height"], pool_param["pool_width"]), pool_param["stride"]
    win = np.lib.stride_tricks.sliding_window_view(x, k, axis=(2, 3))[:, :, ::s, ::s]
    flat = win.reshape(*win.shape[:4], -1)
    return flat.max(axis=-1), (x, flat.argmax(axis=-1), k, s)


def max_pool_backward(dout, cache):
    """What no window reaches keeps the numbers that the copy of x came with."""
    x, at, (kh, kw), s = cache
    oh, ow = dout.shape[2:]
    dx = x.copy()
    dx[:, :, : (oh - 1) * s + kh, : (ow - 1) * s + kw] = 0
    for n, c, i, j in np.ndindex(*dout.shape):
        a, b = divmod(int(at[n, c, i, j]), kw)
        dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx
