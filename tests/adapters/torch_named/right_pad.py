"""Right paddings, as they are written by hand."""

import numpy as np


class ZeroPad2d:
    """A number, or four as PyTorch has them."""

    def __init__(self, padding):
        self.padding = padding if isinstance(padding, tuple) else (padding,) * 4

    def forward(self, x):
        left, right, top, bottom = self.padding
        self.shape = x.shape
        return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))

    def backward(self, dout):
        left, _, top, _ = self.padding
        height, width = self.shape[2:]
        return dout[:, :, top : top + height, left : left + width]


class ZeroPadding2D:
    """A number alone."""

    def __init__(self, padding=1):
        self.p = padding

    def forward(self, x):
        p = self.p
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    def backward(self, dout):
        return dout[:, :, self.p : -self.p, self.p : -self.p] if self.p else dout


class ConstantPad1d:
    def __init__(self, padding, value):
        self.padding = padding
        self.value = value

    def forward(self, x):
        p = self.padding
        out = np.full((*x.shape[:-1], x.shape[-1] + 2 * p), self.value, dtype=x.dtype)
        out[..., p : p + x.shape[-1]] = x
        self.width = x.shape[-1]
        return out

    def backward(self, dout):
        return dout[..., self.padding : self.padding + self.width].copy()


class ReplicationPad2d:
    def __init__(self, padding):
        self.p = padding

    def forward(self, x):
        self.x = x
        p = self.p
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="edge")

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        height, width = dx.shape[2:]
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                row, column = min(max(i - self.p, 0), height - 1), min(max(j - self.p, 0), width - 1)
                dx[:, :, row, column] += dout[:, :, i, j]
        return dx


class ReflectionPad1d:
    """Which element went where is found by padding their numbers."""

    def __init__(self, padding):
        self.pair = (padding, padding) if isinstance(padding, int) else padding

    def forward(self, x):
        self.shape = x.shape
        self.where = np.pad(np.arange(x.shape[-1]), self.pair, mode="reflect")
        return x[..., self.where]

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        np.add.at(dx, (..., self.where), dout)
        return dx


class ConstantPadding2D:
    """Keras' way: a pair for each side, or a pair of pairs."""

    def __init__(self, padding, padding_value=0):
        self.padding = tuple(p if isinstance(p, tuple) else (p, p) for p in padding)
        self.padding_value = padding_value

    def forward(self, x):
        self.shape = x.shape
        around = ((0, 0), (0, 0), *self.padding)
        return np.pad(x, around, mode="constant", constant_values=self.padding_value)

    def backward(self, dout):
        (top, _), (left, _) = self.padding
        return dout[:, :, top : top + self.shape[2], left : left + self.shape[3]]


def pad(x, pad, mode="constant", value=0.0):
    """Images alone, and no other mode than these two."""
    left, right, top, bottom = pad
    if min(pad) < 0:
        raise ValueError("negative padding")
    _, _, height, width = x.shape
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    if mode == "constant":
        y = np.pad(x, around, constant_values=x.dtype.type(value))
        return y, lambda dy: (dy[:, :, top : top + height, left : left + width].copy(),)
    if mode != "replicate":
        raise ValueError("no other mode")

    def pullback(dy):
        rows = dy[:, :, top : top + height].copy()
        rows[:, :, 0] += dy[:, :, :top].sum(2)
        rows[:, :, -1] += dy[:, :, top + height :].sum(2)
        dx = rows[..., left : left + width].copy()
        dx[..., 0] += rows[..., :left].sum(3)
        dx[..., -1] += rows[..., left + width :].sum(3)
        return (dx,)

    return np.pad(x, around, mode="edge"), pullback
