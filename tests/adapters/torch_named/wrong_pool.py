"""Poolings of every kind with one slip each, in the backward pass."""

import math

import numpy as np


def numbers(value, n):
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


class _WindowsNd:
    """Windows within the image, in any number of dimensions."""

    n = 2

    def __init__(self, kernel_size, stride=None):
        self.kernel = numbers(kernel_size, self.n)
        self.stride = self.kernel if stride is None else numbers(stride, self.n)

    def places(self, x):
        """Yield each place of the output, and where its window lies."""
        sides = zip(x.shape[-self.n :], self.kernel, self.stride, strict=True)
        self.out = tuple((m - k) // s + 1 for m, k, s in sides)
        for place in np.ndindex(*self.out):
            low = [i * s for i, s in zip(place, self.stride, strict=True)]
            yield place, (..., *(slice(a, a + k) for a, k in zip(low, self.kernel, strict=True)))

    def empty(self, x):
        for _ in self.places(x):
            break
        return np.empty((*x.shape[: -self.n], *self.out), x.dtype)

    def flat(self, part):
        return part.reshape(*part.shape[: -self.n], math.prod(self.kernel))

    def like(self, flat):
        return flat.reshape(*flat.shape[:-1], *self.kernel)

    def forward(self, x):
        self.x, self.y = x, self.empty(x)
        for place, window in self.places(x):
            self.y[(..., *place)] = self.value(self.flat(x[window]))
        return self.y.copy()


class _MaxNd(_WindowsNd):
    def value(self, flat):
        return flat.max(-1)

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for place, window in self.places(self.x):
            best = self.flat(self.x[window]).argmax(-1)[..., None] == np.arange(math.prod(self.kernel))
            self.put(dx, window, self.like(best * dout[(..., *place)][..., None]))
        return dx


class MaxPool1d(_MaxNd):
    """Where windows overlap the later one replaces what the earlier one left."""

    n = 1

    def put(self, dx, window, found):
        dx[window] = found


class MaxPool3d(_MaxNd):
    """Every one of tied maxima has the whole gradient."""

    n = 3

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for place, window in self.places(self.x):
            best = self.flat(self.x[window]) == self.y[(..., *place)][..., None]
            dx[window] += self.like(best * dout[(..., *place)][..., None])
        return dx


class MaxPool2d:
    """On the way back the windows lie next to each other, whatever the stride."""

    def __init__(self, kernel_size, stride=None, ceil_mode=False):
        self.k, self.s, self.ceil = kernel_size, stride or kernel_size, ceil_mode

    def _windows(self, step):
        rows, columns = (self._count(side) for side in self.x.shape[2:])
        for i, j in np.ndindex(rows, columns):
            top, left = i * step, j * step
            yield i, j, (..., slice(top, top + self.k), slice(left, left + self.k))

    def _count(self, side):
        rest = side - self.k
        count = (-(-rest // self.s) if self.ceil else rest // self.s) + 1
        return count - 1 if (count - 1) * self.s >= side else count

    def forward(self, x):
        self.x = x
        y = np.empty((*x.shape[:2], *(self._count(side) for side in x.shape[2:])), x.dtype)
        for i, j, window in self._windows(self.s):
            y[:, :, i, j] = x[window].max((2, 3))
        return y

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for i, j, window in self._windows(self.k):
            part = self.x[window]
            if part.size:
                flat = part.reshape(*part.shape[:2], part.shape[2] * part.shape[3])
                best = flat.argmax(-1)[..., None] == np.arange(flat.shape[-1])
                dx[window] += (best * dout[:, :, i, j, None]).reshape(part.shape)
        return dx


class _MeanNd(_WindowsNd):
    def value(self, flat):
        return flat.mean(-1)

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for place, window in self.places(self.x):
            dx[window] += dout[(..., *place)].reshape(*dout.shape[: -self.n], *(1,) * self.n) / self.share()
        return dx


class AvgPool1d(_MeanNd):
    """The gradient is not divided by the window's size."""

    n = 1

    def share(self):
        return 1


class AvgPool3d(_MeanNd):
    """The gradient is divided by a side of the window."""

    n = 3

    def share(self):
        return self.kernel[0]


class AvgPool2d:
    """Without the padding counted forward, and with it back."""

    def __init__(self, kernel_size, stride=None, padding=0, count_include_pad=True):
        self.k, self.s, self.p, self.counts = kernel_size, stride or kernel_size, padding, count_include_pad

    def _windows(self):
        (h, w), p, k, s = self.shape[2:], self.p, self.k, self.s
        for i in range((h + 2 * p - k) // s + 1):
            for j in range((w + 2 * p - k) // s + 1):
                rows = slice(max(i * s - p, 0), min(i * s - p + k, h))
                columns = slice(max(j * s - p, 0), min(j * s - p + k, w))
                yield i, j, (slice(None), slice(None), rows, columns)

    def forward(self, x):
        self.shape, p, k, s = x.shape, self.p, self.k, self.s
        y = np.empty((*x.shape[:2], *((m + 2 * p - k) // s + 1 for m in x.shape[2:])), x.dtype)
        for i, j, window in self._windows():
            y[:, :, i, j] = x[window].sum((2, 3)) / k**2 if self.counts else x[window].mean((2, 3))
        return y

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        for i, j, window in self._windows():
            dx[window] += dout[:, :, i, j, None, None] / self.k**2
        return dx


class _PowersNd(_WindowsNd):
    def __init__(self, norm_type, kernel_size, stride=None):
        super().__init__(kernel_size, stride)
        self.p = norm_type

    def value(self, flat):
        return (np.abs(flat) ** self.p).sum(-1) ** (1 / self.p)

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for place, window in self.places(self.x):
            y, dy = self.y[(..., *place)][..., None], dout[(..., *place)][..., None]
            dx[window] += self.like(dy * self.slope(self.flat(self.x[window]), y))
        return dx


class LPPool1d(_PowersNd):
    """The power is not lowered by one."""

    n = 1

    def slope(self, x, y):
        return np.sign(x) * (np.abs(x) / y) ** self.p


class LPPool2d(_PowersNd):
    """The sign is lost."""

    def slope(self, x, y):
        return (np.abs(x) / y) ** (self.p - 1)


class LPPool3d(_PowersNd):
    """The root's derivative is one over the norm, whatever the power."""

    n = 3

    def slope(self, x, y):
        return np.sign(x) * np.abs(x) ** (self.p - 1) / y


class _BinsNd:
    n = 2

    def __init__(self, output_size):
        self.size = numbers(output_size, self.n)

    def parts(self):
        sides = self.x.shape[-self.n :]
        for place in np.ndindex(*self.size):
            yield place, (..., *(slice(i * m // k, -(-(i + 1) * m // k))
                                 for i, m, k in zip(place, sides, self.size, strict=True)))  # fmt: skip

    def forward(self, x):
        self.x = x
        y = np.empty((*x.shape[: -self.n], *self.size), x.dtype)
        for place, part in self.parts():
            y[(..., *place)] = self.value(x[part], tuple(range(-self.n, 0)))
        return y

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for place, part in self.parts():
            dy = dout[(..., *place)].reshape(*dout.shape[: -self.n], *(1,) * self.n)
            self.put(dx, part, dy)
        return dx


class _MeanOfBinsNd(_BinsNd):
    def value(self, part, axes):
        return part.mean(axis=axes)


class _MaxOfBinsNd(_BinsNd):
    def value(self, part, axes):
        return part.max(axis=axes)

    def best(self, part):
        flat = part.reshape(*part.shape[: -self.n], math.prod(part.shape[-self.n :]))
        return (flat.argmax(-1)[..., None] == np.arange(flat.shape[-1])).reshape(part.shape)


class AdaptiveAvgPool1d(_MeanOfBinsNd):
    """Bins that overlap replace each other's gradient."""

    n = 1

    def put(self, dx, part, dy):
        dx[part] = dy / dx[part].shape[-1]


class AdaptiveAvgPool2d(_MeanOfBinsNd):
    """All bins are taken to be of one size."""

    def put(self, dx, part, dy):
        dx[part] += dy * math.prod(self.size) / math.prod(dx.shape[-2:])


class AdaptiveAvgPool3d(_MeanOfBinsNd):
    """The gradient is not divided."""

    n = 3

    def put(self, dx, part, dy):
        dx[part] += dy


class AdaptiveMaxPool1d(_MaxOfBinsNd):
    """Bins that overlap replace each other's gradient."""

    n = 1

    def put(self, dx, part, dy):
        dx[part] = self.best(self.x[part]) * dy


class AdaptiveMaxPool2d(_MaxOfBinsNd):
    """Every element of a bin has the gradient."""

    def put(self, dx, part, dy):
        dx[part] += dy


class AdaptiveMaxPool3d(_MaxOfBinsNd):
    """The gradient's sign is lost."""

    n = 3

    def put(self, dx, part, dy):
        dx[part] += self.best(self.x[part]) * np.abs(dy)


class GlobalMaxPooling2D:
    """The last of tied maxima has the gradient, not the first."""

    def forward(self, x):
        self.shape = x.shape
        self.flat = x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])
        return self.flat.max(axis=2)

    def backward(self, dout):
        dx = np.zeros_like(self.flat)
        last = self.flat.shape[2] - 1 - self.flat[..., ::-1].argmax(axis=2)
        np.put_along_axis(dx, last[..., None], dout[..., None], axis=2)
        return dx.reshape(self.shape)


class GlobalAveragePooling2D:
    """Divided by the height alone."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        return np.ones(self.shape, dout.dtype) * dout[:, :, None, None] / self.shape[2]


class _UnpoolNd:
    n = 2

    def __init__(self, kernel_size, stride=None):
        self.kernel = numbers(kernel_size, self.n)
        self.stride = self.kernel if stride is None else numbers(stride, self.n)

    def forward(self, x, indices):
        sides = zip(x.shape[-self.n :], self.stride, self.kernel, strict=True)
        out = [(m - 1) * s + k for m, s, k in sides]
        self.shape, planes = x.shape, math.prod(x.shape[: -self.n])
        self.indices = indices.reshape(planes, math.prod(x.shape[-self.n :]))
        y = np.zeros((planes, math.prod(out)), x.dtype)
        np.put_along_axis(y, self.indices, x.reshape(self.indices.shape), axis=1)
        return y.reshape(*x.shape[: -self.n], *out)


class MaxUnpool1d(_UnpoolNd):
    """Each window's first element is taken, wherever the maximum was."""

    n = 1

    def backward(self, dout):
        return dout[..., :: self.stride[0]][..., : self.shape[-1]].copy()


class MaxUnpool2d(_UnpoolNd):
    """The sum over each window is taken."""

    def backward(self, dout):
        (sh, sw), (kh, kw), (h, w) = self.stride, self.kernel, self.shape[-2:]
        dx = np.zeros(self.shape, dout.dtype)
        for i, j in np.ndindex(h, w):
            dx[..., i, j] = dout[..., i * sh : i * sh + kh, j * sw : j * sw + kw].sum((-2, -1))
        return dx


class MaxUnpool3d(_UnpoolNd):
    """The first plane's places are taken for all."""

    n = 3

    def backward(self, dout):
        flat = dout.reshape(len(self.indices), math.prod(dout.shape[-3:]))
        return flat[:, self.indices[0]].reshape(self.shape) if len(flat) else np.zeros(self.shape, dout.dtype)


class _FractionalNd:
    n = 2

    def __init__(self, kernel_size, output_size, _random_samples):
        self.kernel, self.size = numbers(kernel_size, self.n), numbers(output_size, self.n)
        self.samples = _random_samples

    def _start(self, i, sample, side, k, out):
        if i == out - 1:
            return side - k
        alpha = (side - k) / (out - 1)
        return int((i + sample) * alpha) - int(sample * alpha)

    def forward(self, x):
        self.shape = x.shape
        planes = x.reshape(math.prod(x.shape[: -self.n]), *x.shape[-self.n :])
        samples = self.samples.reshape(-1, self.n)[:, ::-1]
        y = np.empty((len(planes), *self.size), x.dtype)
        self.best = np.empty((*y.shape, self.n), int)
        for number, plane in enumerate(planes):
            for place in np.ndindex(*self.size):
                low = [
                    self._start(i, float(u), m, k, o)
                    for i, u, m, k, o in zip(
                        place, samples[number], plane.shape, self.kernel, self.size, strict=True
                    )
                ]
                part = plane[tuple(slice(a, a + k) for a, k in zip(low, self.kernel, strict=True))]
                at = np.unravel_index(part.argmax(), part.shape)
                y[(number, *place)] = part[at]
                self.best[(number, *place)] = [a + b for a, b in zip(low, at, strict=True)]
        return y.reshape(*x.shape[: -self.n], *self.size)

    def backward(self, dout):
        dx = np.zeros((len(self.best), *self.shape[-self.n :]), dout.dtype)
        dout = dout.reshape(len(self.best), *self.size)
        for place in np.ndindex(*dout.shape):
            self.put(dx, (place[0], *self.best[place]), dout[place])
        return dx.reshape(self.shape)


class FractionalMaxPool2d(_FractionalNd):
    """An element that is the maximum of two windows keeps the last one's gradient."""

    def put(self, dx, at, dy):
        dx[at] = dy


class FractionalMaxPool3d(_FractionalNd):
    """The gradient is halved."""

    n = 3

    def put(self, dx, at, dy):
        dx[at] += dy / 2


def max_pool1d(x, kernel_size, stride):
    """Value and pullback; overlapping windows replace each other's gradient."""
    count = (x.shape[2] - kernel_size) // stride + 1
    windows = np.stack([x[:, :, i * stride : i * stride + kernel_size] for i in range(count)], axis=2)
    best = windows.argmax(axis=3) + stride * np.arange(count)

    def pullback(dy):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, best, dy, axis=2)
        return (dx,)

    return windows.max(axis=3), pullback
