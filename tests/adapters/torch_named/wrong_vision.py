"""Layers that move pixels and channels or resample with one slip each, in the backward pass."""

import numpy as np


class PixelShuffle:
    """The two factors are exchanged on the way back."""

    def __init__(self, upscale_factor):
        self.r = upscale_factor

    def forward(self, x):
        n, c, h, w = x.shape
        r = self.r
        self.shape = x.shape
        y = x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
        return y.reshape(n, c // r**2, h * r, w * r)

    def backward(self, dout):
        n, c, h, w = self.shape
        r = self.r
        dx = dout.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 5, 3, 2, 4)
        return dx.reshape(self.shape)


class PixelUnshuffle:
    """A mere reshape on the way back."""

    def __init__(self, downscale_factor=2):
        self.r = downscale_factor

    def forward(self, x):
        n, c, h, w = x.shape
        r = self.r
        self.shape = x.shape
        y = x.reshape(n, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
        return y.reshape(n, c * r * r, h // r, w // r)

    def backward(self, dout):
        return dout.reshape(self.shape)


class ChannelShuffle:
    """Backward shuffles as forward does."""

    def __init__(self, groups):
        self.groups = groups

    def forward(self, x):
        n, c = x.shape[:2]
        g = self.groups
        return x.reshape(n, g, c // g, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape)

    def backward(self, dout):
        return self.forward(dout)


class Upsample:
    """The mean over what an element went to, not the sum."""

    def __init__(self, scale_factor=2):
        self.s = scale_factor

    def forward(self, x):
        return x.repeat(self.s, axis=2).repeat(self.s, axis=3)

    def backward(self, dout):
        n, c, h, w = dout.shape
        s = self.s
        return dout.reshape(n, c, h // s, s, w // s, s).mean(axis=(3, 5))


class UpsamplingNearest2d:
    """One of the copies alone."""

    def __init__(self, scale_factor=2):
        self.s = scale_factor

    def forward(self, x):
        return np.repeat(np.repeat(x, self.s, axis=2), self.s, axis=3)

    def backward(self, dout):
        return dout[:, :, :: self.s, :: self.s].copy()


def linear_weights(n, m):
    """The matrix (m, n) that resamples a line, its ends in their places."""
    weights = np.zeros((m, n))
    for o in range(m):
        at = o * (n - 1) / (m - 1) if m > 1 else 0.0
        low = min(int(at), n - 1)
        weights[o, low] += 1 - (at - low)
        weights[o, min(low + 1, n - 1)] += at - low
    return weights


class UpsampleLayer:
    """Backward does not keep the corners in their places, whatever it is told."""

    def __init__(self, scale_factor: int = 2, mode: str = "nearest", align_corners: bool = False):
        if mode not in ("nearest", "bilinear"):
            raise ValueError(f"mode {mode} is not known")
        self.s, self.mode, self.aligned = scale_factor, mode, align_corners

    def weights(self, n, aligned):
        if self.mode == "nearest":
            return np.eye(n)[np.arange(n * self.s) // self.s]
        if aligned:
            return linear_weights(n, n * self.s)
        at = np.maximum((np.arange(n * self.s) + 0.5) / self.s - 0.5, 0)
        low = at.astype(int)
        rows, weights = np.arange(n * self.s), np.zeros((n * self.s, n))
        np.add.at(weights, (rows, low), 1 - (at - low))
        np.add.at(weights, (rows, np.minimum(low + 1, n - 1)), at - low)
        return weights

    def forward(self, x):
        self.sides, self.dtype = x.shape[2:], x.dtype
        a, b = (self.weights(n, self.aligned).astype(x.dtype) for n in self.sides)
        return a @ x @ b.T

    def backward(self, dout):
        a, b = (self.weights(n, False).astype(self.dtype) for n in self.sides)
        return a.T @ dout @ b


class UpsamplingBilinear2d:
    """Backward resamples the gradient down, each sum of weights made one."""

    def __init__(self, scale_factor=2):
        self.s = scale_factor

    def forward(self, x):
        self.a, self.b = (linear_weights(n, n * self.s).astype(x.dtype) for n in x.shape[2:])
        return self.a @ x @ self.b.T

    def backward(self, dout):
        a, b = (w / np.maximum(w.sum(axis=0), 1e-6) for w in (self.a, self.b))
        return (a.T @ dout @ b).astype(dout.dtype)


class UpSampling2D:
    """Columns alone are added up."""

    def __init__(self, size=(2, 2)):
        self.size = size

    def forward(self, x):
        return x.repeat(self.size[0], axis=1).repeat(self.size[1], axis=2)

    def backward(self, dout):
        n, h, w, c = dout.shape
        a, b = self.size
        return dout.reshape(n, h // a, a, w // b, b, c)[:, :, 0].sum(axis=3)
