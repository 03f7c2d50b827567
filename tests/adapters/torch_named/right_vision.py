"""Right layers that move pixels and channels or resample, as they are written by hand."""

import numpy as np


class PixelShuffle:
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
        dx = dout.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 3, 5, 2, 4)
        return dx.reshape(self.shape)


class PixelUnshuffle:
    """By slices."""

    def __init__(self, downscale_factor=2):
        self.r = downscale_factor

    def forward(self, x):
        n, c, h, w = x.shape
        r = self.r
        out = np.zeros((n, c * r * r, h // r, w // r), x.dtype)
        for i in range(r):
            for j in range(r):
                out[:, i * r + j :: r * r] = x[:, :, i::r, j::r]
        return out

    def backward(self, dout):
        r = self.r
        n, c, h, w = dout.shape
        dx = np.zeros((n, c // (r * r), h * r, w * r), dout.dtype)
        for i in range(r):
            for j in range(r):
                dx[:, :, i::r, j::r] = dout[:, i * r + j :: r * r]
        return dx


class ChannelShuffle:
    def __init__(self, groups):
        self.groups = groups

    def forward(self, x):
        n, c = x.shape[:2]
        g = self.groups
        return x.reshape(n, g, c // g, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape)

    def backward(self, dout):
        n, c = dout.shape[:2]
        g = self.groups
        return dout.reshape(n, c // g, g, *dout.shape[2:]).swapaxes(1, 2).reshape(dout.shape)


def linear_weights(n, m, aligned):
    """The matrix (m, n) that resamples a line."""
    weights = np.zeros((m, n))
    for o in range(m):
        at = o * (n - 1) / max(m - 1, 1) if aligned else max((o + 0.5) * n / m - 0.5, 0.0)
        low = min(int(at), n - 1)
        high = min(low + 1, n - 1)
        weights[o, low] += 1 - (at - low)
        weights[o, high] += at - low
    return weights


class Upsample:
    """Nearest and bilinear, by a factor or to a size."""

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None):
        if mode not in ("nearest", "bilinear"):
            raise ValueError(f"mode {mode} is not known")
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.aligned = bool(align_corners)

    def forward(self, x):
        sides = x.shape[2:]
        if len(sides) != 2:
            raise ValueError("images of four dimensions only")
        if self.size is not None:
            new = self.size if isinstance(self.size, tuple) else (self.size,) * 2
        else:
            s = self.scale_factor
            factors = s if isinstance(s, tuple) else (s, s)
            new = tuple(int(n * f) for n, f in zip(sides, factors, strict=True))
        self.matrices = []
        for n, m in zip(sides, new, strict=True):
            if self.mode == "bilinear":
                weights = linear_weights(n, m, self.aligned)
            else:
                weights = np.eye(n)[np.arange(m) * n // m]
            self.matrices.append(weights.astype(x.dtype))
        a, b = self.matrices
        return a @ x @ b.T

    def backward(self, dout):
        a, b = self.matrices
        return a.T @ dout @ b


class UpsampleLayer:
    """Its size is a factor."""

    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        return x.repeat(self.size, axis=2).repeat(self.size, axis=3)

    def backward(self, dout):
        n, c, h, w = dout.shape
        s = self.size
        return dout.reshape(n, c, h // s, s, w // s, s).sum(axis=(3, 5))


class UpsamplingNearest2d:
    """One factor for both sides."""

    def __init__(self, scale_factor=2):
        self.s = scale_factor

    def forward(self, x):
        return np.repeat(np.repeat(x, self.s, axis=2), self.s, axis=3)

    def backward(self, dout):
        n, c, h, w = dout.shape
        s = self.s
        return dout.reshape(n, c, h // s, s, w // s, s).sum(axis=(3, 5))


class UpsamplingBilinear2d:
    """Corners keep their places."""

    def __init__(self, scale_factor=2):
        self.s = scale_factor

    def forward(self, x):
        self.a, self.b = (linear_weights(n, n * self.s, True).astype(x.dtype) for n in x.shape[2:])
        return np.einsum("oh,nchw,pw->ncop", self.a, x, self.b)

    def backward(self, dout):
        return np.einsum("oh,ncop,pw->nchw", self.a, dout, self.b)


class UpSampling2D:
    """Channels last, a size for each side, as Keras has it."""

    def __init__(self, size=(2, 2)):
        self.size = size

    def forward(self, x):
        return x.repeat(self.size[0], axis=1).repeat(self.size[1], axis=2)

    def backward(self, dout):
        n, h, w, c = dout.shape
        a, b = self.size
        return dout.reshape(n, h // a, a, w // b, b, c).sum(axis=(2, 4))


class UpSampling1D:
    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        return np.repeat(x, self.size, axis=1)

    def backward(self, dout):
        return sum(dout[:, i :: self.size] for i in range(self.size))


class BilinearUpsample:
    """A number written into it, and places between the pixels' middles."""

    def forward(self, x):
        self.a, self.b = (linear_weights(n, 2 * n, False).astype(x.dtype) for n in x.shape[2:])
        return self.a @ x @ self.b.T

    def backward(self, dout):
        return self.a.T @ dout @ self.b


class NearestUpsample:
    """By loops, a factor of two."""

    def forward(self, x):
        self.shape = x.shape
        n, c, h, w = x.shape
        out = np.zeros((n, c, 2 * h, 2 * w), x.dtype)
        for i in range(2 * h):
            for j in range(2 * w):
                out[:, :, i, j] = x[:, :, i // 2, j // 2]
        return out

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dx[:, :, i // 2, j // 2] += dout[:, :, i, j]
        return dx


def pixel_shuffle(x, upscale_factor):
    """A value and its pullback, as torch.nn.functional's function is called."""
    n, c, h, w = x.shape
    r = upscale_factor

    def pullback(dy):
        dx = dy.reshape(n, c // r**2, h, r, w, r).transpose(0, 1, 3, 5, 2, 4)
        return (dx.reshape(n, c, h, w).copy(),)

    y = x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // r**2, h * r, w * r).copy(), pullback


def upsample_forward(x, scale=2):
    return x.repeat(scale, axis=2).repeat(scale, axis=3), (x.shape, scale)


def upsample_backward(dout, cache):
    (n, c, h, w), s = cache
    return dout.reshape(n, c, h, s, w, s).sum(axis=(3, 5))
