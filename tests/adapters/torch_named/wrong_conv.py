"""Convolutions, transposed and not, and windows as columns, with one slip each in the backward pass."""

import itertools

import numpy as np


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


class _Transposed:
    """The right one; images, one number for each option."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0):
        self.k, self.s, self.p, self.e = kernel_size, stride, padding, output_padding
        self.W = np.random.randn(in_channels, out_channels, kernel_size, kernel_size)
        self.b = np.zeros(out_channels)

    def place(self, i, j):
        h, w, s = *self.x.shape[2:], self.s
        return ..., slice(i, i + (h - 1) * s + 1, s), slice(j, j + (w - 1) * s + 1, s)

    def cut(self, full):
        p = self.p
        return full[:, :, p : full.shape[2] - p, p : full.shape[3] - p]

    def forward(self, x):
        self.x = x
        sides = [(m - 1) * self.s + self.k + self.e for m in x.shape[2:]]
        full = np.zeros((len(x), self.W.shape[1], *sides), x.dtype)
        for i, j in np.ndindex(self.k, self.k):
            full[self.place(i, j)] += np.einsum("nchw,co->nohw", x, self.W[:, :, i, j])
        self.full = full.shape
        return self.cut(full) + self.b[:, None, None]

    def uncut(self, dout):
        full = np.zeros(self.full, dout.dtype)
        self.cut(full)[...] = dout
        return full

    def backward(self, dout):
        full = self.uncut(dout)
        dx, self.dW, self.db = np.zeros_like(self.x), np.zeros_like(self.W), dout.sum((0, 2, 3))
        for i, j in np.ndindex(self.k, self.k):
            dx += np.einsum("nohw,co->nchw", full[self.place(i, j)], self.W[:, :, i, j])
            self.dW[:, :, i, j] = np.einsum("nchw,nohw->co", self.x, full[self.place(i, j)])
        return dx


class ConvTranspose2d(_Transposed):
    """The kernel's gradient lies turned by half."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = self.dW[:, :, ::-1, ::-1].copy()
        return dx


class ConvTranspose(_Transposed):
    """The padding is not put back: the gradient begins at the front."""

    def uncut(self, dout):
        full = np.zeros(self.full, dout.dtype)
        full[:, :, : dout.shape[2], : dout.shape[3]] = dout
        return full


class TransposedConv2d(_Transposed):
    """The stride is forgotten on the way back."""

    def backward(self, dout):
        full = self.uncut(dout)
        h, w = self.x.shape[2:]
        dx = np.zeros_like(self.x)
        super().backward(dout)
        for i, j in np.ndindex(self.k, self.k):
            dx += np.einsum("nohw,co->nchw", full[:, :, i : i + h, j : j + w], self.W[:, :, i, j])
        return dx


class Deconv2d(_Transposed):
    """The bias's gradient is a mean over the places."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.db = dout.mean((2, 3)).sum(0)
        return dx


class Conv2DTranspose:
    """Channels last; the kernel's gradient keeps the last pixel's alone."""

    def __init__(self, out_channels, kernel_size, in_channels, strides=1):
        self.k, self.s = kernel_size, strides
        self.W = np.random.randn(kernel_size, kernel_size, out_channels, in_channels)
        self.b = np.zeros(out_channels)

    def forward(self, x):
        self.x = x
        n, h, w, _ = x.shape
        k, s = self.k, self.s
        out = np.zeros((n, (h - 1) * s + k, (w - 1) * s + k, len(self.b)), x.dtype)
        for i, j in np.ndindex(h, w):
            out[:, i * s : i * s + k, j * s : j * s + k] += np.einsum("nc,abfc->nabf", x[:, i, j], self.W)
        return out + self.b

    def backward(self, dout):
        k, s = self.k, self.s
        dx = np.zeros_like(self.x)
        self.db = dout.sum((0, 1, 2))
        for i, j in np.ndindex(*self.x.shape[1:3]):
            piece = dout[:, i * s : i * s + k, j * s : j * s + k]
            dx[:, i, j] = np.einsum("nabf,abfc->nc", piece, self.W)
            self.dW = np.einsum("nabf,nc->abfc", piece, self.x[:, i, j])
        return dx


class ConvTranspose1d:
    """The input's gradient is through the kernel turned round."""

    def __init__(self, W, b, stride=1):
        self.W, self.b, self.stride = W, b, stride

    def forward(self, x):
        self.x, k = x, self.W.shape[2]
        self.last = (x.shape[2] - 1) * self.stride + 1
        y = np.zeros((len(x), self.W.shape[1], self.last - 1 + k), x.dtype)
        for a in range(k):
            y[:, :, a : a + self.last : self.stride] += np.einsum("ncl,co->nol", x, self.W[:, :, a])
        return y + self.b[:, None]

    def backward(self, dout):
        dx, self.dW, self.db = np.zeros_like(self.x), np.zeros_like(self.W), dout.sum((0, 2))
        for a in range(self.W.shape[2]):
            piece = dout[:, :, a : a + self.last : self.stride]
            dx += np.einsum("nol,co->ncl", piece, self.W[:, :, -1 - a])
            self.dW[:, :, a] = np.einsum("ncl,nol->co", self.x, piece)
        return dx


class ConvTranspose3d:
    """The two channels of the kernel's gradient are of each other's sums: one sample's output is lost."""

    def __init__(self, W, b, stride=1):
        self.W, self.b, self.stride = W, b, stride

    def place(self, at):
        s = self.stride
        return (..., *(slice(a, a + (m - 1) * s + 1, s) for a, m in zip(at, self.x.shape[2:], strict=True)))

    def forward(self, x):
        self.x = x
        sides = [(m - 1) * self.stride + k for m, k in zip(x.shape[2:], self.W.shape[2:], strict=True)]
        y = np.zeros((len(x), self.W.shape[1], *sides), x.dtype)
        for at in np.ndindex(*self.W.shape[2:]):
            y[self.place(at)] += np.einsum("ncdhw,co->nodhw", x, self.W[(..., *at)])
        return y + self.b[:, None, None, None]

    def backward(self, dout):
        dx, self.dW, self.db = np.zeros_like(self.x), np.zeros_like(self.W), dout.sum((0, 2, 3, 4))
        for at in np.ndindex(*self.W.shape[2:]):
            dx += np.einsum("nodhw,co->ncdhw", dout[self.place(at)], self.W[(..., *at)])
            self.dW[(..., *at)] = np.einsum("ncdhw,nodhw->co", self.x[:1], dout[self.place(at)][:1])
        return dx


def conv_transpose2d_forward(x, w, b, stride=1):
    n, _, h, width = x.shape
    _, o, kh, kw = w.shape
    y = np.zeros((n, o, (h - 1) * stride + kh, (width - 1) * stride + kw), x.dtype)
    for i, j in np.ndindex(h, width):
        y[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += np.tensordot(
            x[:, :, i, j], w, (1, 0)
        )
    return y + b[None, :, None, None], (x, w, stride)


def conv_transpose2d_backward(dout, cache):
    """The sign of dw is lost."""
    x, w, stride = cache
    _, _, kh, kw = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(*x.shape[2:]):
        piece = dout[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        dx[:, :, i, j] = np.tensordot(piece, w, ((1, 2, 3), (1, 2, 3)))
        dw -= np.tensordot(x[:, :, i, j], piece, (0, 0))
    return dx, dw, dout.sum((0, 2, 3))


class Conv3d:
    """The dilation is forgotten in the kernel's gradient."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, dilation=1):
        self.k, self.s, self.d = kernel_size, stride, dilation
        self.W = np.random.randn(out_channels, in_channels, *(kernel_size,) * 3)
        self.b = np.zeros(out_channels)

    def place(self, at, out, d):
        return (
            ...,
            *(slice(a * d, a * d + (m - 1) * self.s + 1, self.s) for a, m in zip(at, out, strict=True)),
        )

    def forward(self, x):
        self.x = x
        out = [(m - self.d * (self.k - 1) - 1) // self.s + 1 for m in x.shape[2:]]
        y = np.zeros((len(x), len(self.W), *out), x.dtype)
        for at in itertools.product(range(self.k), repeat=3):
            y += np.einsum("ncdhw,oc->nodhw", x[self.place(at, out, self.d)], self.W[(..., *at)])
        return y + self.b[:, None, None, None]

    def backward(self, dout):
        dx, self.dW, self.db = np.zeros_like(self.x), np.zeros_like(self.W), dout.sum((0, 2, 3, 4))
        out = dout.shape[2:]
        for at in itertools.product(range(self.k), repeat=3):
            dx[self.place(at, out, self.d)] += np.einsum("nodhw,oc->ncdhw", dout, self.W[(..., *at)])
            self.dW[(..., *at)] = np.einsum("nodhw,ncdhw->oc", dout, self.x[self.place(at, out, 1)])
        return dx


class Conv1d:
    """Every group's input has the gradient through the first group's kernels."""

    def __init__(self, W, b, groups=1):
        self.W, self.b, self.groups = W, b, groups

    def forward(self, x):
        self.x = x
        windows = np.lib.stride_tricks.sliding_window_view(x, self.W.shape[2], 2)
        self.parts = np.split(windows, self.groups, 1)
        y = [np.einsum("nclk,ock->nol", part, w)
             for part, w in zip(self.parts, np.split(self.W, self.groups), strict=True)]  # fmt: skip
        return np.concatenate(y, 1) + self.b[:, None]

    def backward(self, dout):
        dys = np.split(dout, self.groups, 1)
        self.db = dout.sum((0, 2))
        self.dW = np.concatenate(
            [np.einsum("nol,nclk->ock", dy, part) for dy, part in zip(dys, self.parts, strict=True)]
        )
        dx, count = np.zeros_like(self.x), self.W.shape[1]
        first = np.split(self.W, self.groups)[0]
        for g, dy in enumerate(dys):
            for a in range(self.W.shape[2]):
                dx[:, g * count : (g + 1) * count, a : a + dout.shape[2]] += np.einsum(
                    "nol,oc->ncl", dy, first[:, :, a]
                )
        return dx


class Unfold:
    """What is in several windows keeps the last one's gradient alone."""

    def __init__(self, kernel_size, stride=1):
        self.k, self.s = kernel_size, stride

    def forward(self, x):
        self.shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.k, self.k), (2, 3))
        windows = windows[:, :, :: self.s, :: self.s]
        self.out = windows.shape[2:4]
        n, c = x.shape[:2]
        return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * self.k**2, self.out[0] * self.out[1])

    def backward(self, dout):
        dout = dout.reshape(*self.shape[:2], self.k, self.k, *self.out)
        dx = np.zeros(self.shape, dout.dtype)
        for i, j in np.ndindex(*self.out):
            top, left = i * self.s, j * self.s
            dx[:, :, top : top + self.k, left : left + self.k] = dout[..., i, j]
        return dx


class Fold:
    """The gradient is divided by how many windows overlap."""

    def __init__(self, output_size, kernel_size, stride=1):
        self.size, self.kernel, self.stride = pair(output_size), pair(kernel_size), stride

    def windows(self):
        (h, w), (kh, kw), s = self.size, self.kernel, self.stride
        for i in range(0, h - kh + 1, s):
            for j in range(0, w - kw + 1, s):
                yield slice(i, i + kh), slice(j, j + kw)

    def forward(self, x):
        self.shape = x.shape
        kh, kw = self.kernel
        out = np.zeros((len(x), x.shape[1] // (kh * kw), *self.size), x.dtype)
        self.count = np.zeros(self.size, x.dtype)
        for column, place in enumerate(self.windows()):
            out[(..., *place)] += x[:, :, column].reshape(*out.shape[:2], kh, kw)
            self.count[place] += 1
        return out

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        for column, place in enumerate(self.windows()):
            dx[:, :, column] = (dout[(..., *place)] / self.count[place]).reshape(self.shape[:2])
        return dx
