"""Paddings with one slip each, in the backward pass."""

import numpy as np


class ZeroPad2d:
    """The first rows and columns are taken, not the middle ones."""

    def __init__(self, padding):
        self.padding = padding

    def forward(self, x):
        p = self.padding
        self.shape = x.shape
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    def backward(self, dout):
        return dout[:, :, : self.shape[2], : self.shape[3]].copy()


class ConstantPad2d:
    """Left and top are exchanged on the way back."""

    def __init__(self, padding, value=0.0):
        self.padding = padding if isinstance(padding, tuple) else (padding,) * 4
        self.value = value

    def forward(self, x):
        left, right, top, bottom = self.padding
        self.shape = x.shape
        return np.pad(
            x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=x.dtype.type(self.value)
        )

    def backward(self, dout):
        left, _, top, _ = self.padding
        dx = np.zeros(self.shape, dout.dtype)
        part = dout[:, :, left : left + self.shape[2], top : top + self.shape[3]]
        dx[:, :, : part.shape[2], : part.shape[3]] = part
        return dx


class ReflectionPad1d:
    """What the reflections copied is not added back."""

    def __init__(self, padding):
        self.pair = (padding, padding) if isinstance(padding, int) else padding

    def forward(self, x):
        self.width = x.shape[-1]
        return np.pad(x, ((0, 0),) * (x.ndim - 1) + (self.pair,), mode="reflect")

    def backward(self, dout):
        return dout[..., self.pair[0] : self.pair[0] + self.width].copy()


class CircularPad1d:
    """An element that went two ways keeps the last one's gradient alone."""

    def __init__(self, padding):
        self.pair = (padding, padding) if isinstance(padding, int) else padding

    def forward(self, x):
        self.shape = x.shape
        self.where = np.pad(np.arange(x.shape[-1]), self.pair, mode="wrap")
        return x[..., self.where]

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        dx[..., self.where] = dout
        return dx
