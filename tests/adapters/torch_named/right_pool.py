"""Right poolings of every kind, and what puts maxima back, as they are written by hand."""

import math

import numpy as np


def numbers(value, n):
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


class _Windows:
    """Where the windows of a pooling lie, in any number of dimensions."""

    def __init__(self, n, kernel, stride, padding, dilation, ceil_mode):
        self.n, self.kernel, self.padding = n, numbers(kernel, n), numbers(padding, n)
        self.stride = self.kernel if stride is None else numbers(stride, n)
        self.dilation, self.ceil_mode = numbers(dilation, n), ceil_mode

    def out(self, sides):
        found = []
        for m, k, s, p, d in zip(sides, self.kernel, self.stride, self.padding, self.dilation, strict=True):
            rest = m + 2 * p - d * (k - 1) - 1
            count = (-(-rest // s) if self.ceil_mode else rest // s) + 1
            if self.ceil_mode and (count - 1) * s >= m + p:
                count -= 1
            found.append(count)
        return tuple(found)

    def elements(self, place, sides):
        """Yield the places in the image of the elements of a window."""
        for at in np.ndindex(*self.kernel):
            where = tuple(
                i * s - p + a * d
                for i, s, p, a, d in zip(place, self.stride, self.padding, at, self.dilation, strict=True)
            )
            if all(0 <= w < m for w, m in zip(where, sides, strict=True)):
                yield where

    def size(self, place, sides):
        """Return how many elements a window has, the padding's among them."""
        return math.prod(
            min(i * s - p + k, m + p) - (i * s - p)
            for i, s, p, k, m in zip(place, self.stride, self.padding, self.kernel, sides, strict=True)
        )


class _MaxPoolNd:
    dimensions = 2

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        self.windows = _Windows(self.dimensions, kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x):
        self.shape, n = x.shape, self.dimensions
        sides = x.shape[-n:]
        out = self.windows.out(sides)
        y = np.empty((*x.shape[:-n], *out), x.dtype)
        self.chosen = {}
        for place in np.ndindex(*out):
            where = list(self.windows.elements(place, sides))
            values = np.stack([x[(..., *w)] for w in where], -1)
            y[(..., *place)] = values.max(-1)
            self.chosen[place] = where, values.argmax(-1)
        return y

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        for place, (where, best) in self.chosen.items():
            for number, w in enumerate(where):
                dx[(..., *w)] += np.where(best == number, dout[(..., *place)], 0)
        return dx


class MaxPool1d(_MaxPoolNd):
    dimensions = 1


class MaxPool2d(_MaxPoolNd):
    dimensions = 2


class MaxPool3d(_MaxPoolNd):
    dimensions = 3


class _AvgPoolNd:
    dimensions = 2

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
        divisor_override=None,
    ):  # fmt: skip
        self.windows = _Windows(self.dimensions, kernel_size, stride, padding, 1, ceil_mode)
        self.counts, self.divisor = count_include_pad, divisor_override

    def _share(self, place, where, sides):
        return self.divisor or (self.windows.size(place, sides) if self.counts else len(where))

    def forward(self, x):
        self.shape, n = x.shape, self.dimensions
        sides = x.shape[-n:]
        out = self.windows.out(sides)
        y = np.zeros((*x.shape[:-n], *out), x.dtype)
        for place in np.ndindex(*out):
            where = list(self.windows.elements(place, sides))
            for w in where:
                y[(..., *place)] += x[(..., *w)]
            y[(..., *place)] /= self._share(place, where, sides)
        return y

    def backward(self, dout):
        dx, n = np.zeros(self.shape, dout.dtype), self.dimensions
        sides = self.shape[-n:]
        for place in np.ndindex(*dout.shape[-n:]):
            where = list(self.windows.elements(place, sides))
            for w in where:
                dx[(..., *w)] += dout[(..., *place)] / self._share(place, where, sides)
        return dx


class AvgPool1d(_AvgPoolNd):
    dimensions = 1

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(_AvgPoolNd):
    dimensions = 2


class AvgPool3d(_AvgPoolNd):
    dimensions = 3


class MaxPooling3D:
    """Channels last, windows next to each other, tied maxima share the gradient."""

    def __init__(self, pool_size=2):
        self.k = pool_size

    def forward(self, x):
        self.x, k = x, self.k
        n, d, h, w, c = x.shape
        self.blocks = x.reshape(n, d // k, k, h // k, k, w // k, k, c)
        self.y = self.blocks.max(axis=(2, 4, 6), keepdims=True)
        return self.y.reshape(n, d // k, h // k, w // k, c)

    def backward(self, dout):
        mask = self.blocks == self.y
        share = dout.reshape(self.y.shape) / mask.sum(axis=(2, 4, 6), keepdims=True)
        return (mask * share).reshape(self.x.shape).astype(dout.dtype)


class AveragePooling1D:
    """Means of what lies in the image alone, at the padded border too."""

    def __init__(self, size, stride=1, pad=0):
        self.size, self.stride, self.pad = size, stride, pad

    def forward(self, x):
        self.length = x.shape[2]
        count = (self.length + 2 * self.pad - self.size) // self.stride + 1
        self.parts = []
        for i in range(count):
            start = i * self.stride - self.pad
            self.parts.append(slice(max(start, 0), min(start + self.size, self.length)))
        return np.stack([x[:, :, part].mean(axis=2) for part in self.parts], axis=2)

    def backward(self, dout):
        dx = np.zeros((*dout.shape[:2], self.length), dout.dtype)
        for i, part in enumerate(self.parts):
            dx[:, :, part] += dout[:, :, i : i + 1] / (part.stop - part.start)
        return dx


class _LPPoolNd:
    dimensions = 2

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        self.p = norm_type
        self.windows = _Windows(self.dimensions, kernel_size, stride, 0, 1, ceil_mode)

    def forward(self, x):
        self.x, n = x, self.dimensions
        out = self.windows.out(x.shape[-n:])
        self.y = np.zeros((*x.shape[:-n], *out), x.dtype)
        for place in np.ndindex(*out):
            for w in self.windows.elements(place, x.shape[-n:]):
                self.y[(..., *place)] += np.abs(x[(..., *w)]) ** self.p
        self.y **= 1 / self.p
        return self.y.copy()

    def backward(self, dout):
        dx, n = np.zeros_like(self.x), self.dimensions
        for place in np.ndindex(*self.y.shape[-n:]):
            for w in self.windows.elements(place, self.x.shape[-n:]):
                x, y = self.x[(..., *w)], self.y[(..., *place)]
                dx[(..., *w)] += dout[(..., *place)] * np.sign(x) * (np.abs(x) / y) ** (self.p - 1)
        return dx


class LPPool1d(_LPPoolNd):
    dimensions = 1


class LPPool2d(_LPPoolNd):
    dimensions = 2


class LPPool3d(_LPPoolNd):
    dimensions = 3


class LPPooling2D:
    """Square roots of sums of squares, windows next to each other."""

    def __init__(self, k=2):
        self.k = k

    def forward(self, x):
        n, c, h, w = x.shape
        self.x = x
        self.blocks = x.reshape(n, c, h // self.k, self.k, w // self.k, self.k)
        self.y = np.sqrt((self.blocks**2).sum(axis=(3, 5), keepdims=True))
        return self.y[:, :, :, 0, :, 0]

    def backward(self, dout):
        return (dout[:, :, :, None, :, None] * self.blocks / self.y).reshape(self.x.shape)


def bins(side, out):
    return [slice(i * side // out, -(-(i + 1) * side // out)) for i in range(out)]


class _Adaptive:
    dimensions = 2

    def __init__(self, output_size):
        self.size = numbers(output_size, self.dimensions)

    def _parts(self):
        n = self.dimensions
        each = [bins(m, k) for m, k in zip(self.x.shape[-n:], self.size, strict=True)]
        for place in np.ndindex(*self.size):
            yield place, (..., *(each[axis][i] for axis, i in enumerate(place)))


class _AdaptiveAvgPoolNd(_Adaptive):
    def forward(self, x):
        self.x, n = x, self.dimensions
        y = np.empty((*x.shape[:-n], *self.size), x.dtype)
        for place, part in self._parts():
            y[(..., *place)] = x[part].mean(axis=tuple(range(-n, 0)))
        return y

    def backward(self, dout):
        dx, n = np.zeros_like(self.x), self.dimensions
        for place, part in self._parts():
            count = math.prod(self.x[part].shape[-n:])
            dx[part] += (dout[(..., *place)] / count).reshape(*dout.shape[:-n], *(1,) * n)
        return dx


class _AdaptiveMaxPoolNd(_Adaptive):
    def forward(self, x):
        self.x, n = x, self.dimensions
        y = np.empty((*x.shape[:-n], *self.size), x.dtype)
        for place, part in self._parts():
            y[(..., *place)] = x[part].max(axis=tuple(range(-n, 0)))
        return y

    def backward(self, dout):
        dx, n = np.zeros_like(self.x), self.dimensions
        for place, part in self._parts():
            sides = self.x[part].shape[-n:]
            flat = self.x[part].reshape(*dout.shape[:-n], math.prod(sides))
            first = flat.argmax(-1)[..., None] == np.arange(flat.shape[-1])
            dx[part] += (first * dout[(..., *place)][..., None]).reshape(*dout.shape[:-n], *sides)
        return dx


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    dimensions = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    dimensions = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    dimensions = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    dimensions = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    dimensions = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    dimensions = 3


class AdaptiveAveragePool2d:
    """Sides that are whole multiples of the output's alone."""

    def __init__(self, output_size):
        self.oh, self.ow = output_size if isinstance(output_size, tuple) else (output_size, output_size)

    def forward(self, x):
        self.shape = n, c, h, w = x.shape
        if h % self.oh or w % self.ow:
            raise ValueError("the output does not divide the input")
        self.k = h // self.oh, w // self.ow
        return x.reshape(n, c, self.oh, self.k[0], self.ow, self.k[1]).mean(axis=(3, 5))

    def backward(self, dout):
        kh, kw = self.k
        return dout.repeat(kh, axis=2).repeat(kw, axis=3) / (kh * kw)


class GlobalAveragePooling2D:
    """Channels last, to (N, C)."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, dout):
        _, h, w, _ = self.shape
        return np.broadcast_to(dout[:, None, None, :] / (h * w), self.shape).copy()


class GlobalMaxPooling2D:
    """To (N, C), channels first."""

    def forward(self, x):
        n, c = x.shape[:2]
        self.shape, flat = x.shape, x.reshape(n, c, -1)
        self.best = flat.argmax(axis=2)
        return flat.max(axis=2)

    def backward(self, dout):
        n, c = self.shape[:2]
        dx = np.zeros((n, c, self.shape[2] * self.shape[3]), dout.dtype)
        np.put_along_axis(dx, self.best[..., None], dout[..., None], axis=2)
        return dx.reshape(self.shape)


class GlobalMaxPool1d:
    """Tied maxima share the gradient; sides of one are kept."""

    def forward(self, x):
        self.mask = x == x.max(axis=2, keepdims=True)
        return x.max(axis=2, keepdims=True)

    def backward(self, dout):
        return dout * self.mask / self.mask.sum(axis=2, keepdims=True).astype(dout.dtype)


class GlobalAveragePooling1D:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=1)

    def backward(self, dout):
        return np.repeat(dout[:, None], self.shape[1], axis=1) / self.shape[1]


class _MaxUnpoolNd:
    dimensions = 2

    def __init__(self, kernel_size, stride=None, padding=0):
        n = self.dimensions
        self.kernel, self.padding = numbers(kernel_size, n), numbers(padding, n)
        self.stride = self.kernel if stride is None else numbers(stride, n)

    def forward(self, x, indices, output_size=None):
        n = self.dimensions
        out = output_size or tuple(
            (m - 1) * s + k - 2 * p
            for m, s, k, p in zip(x.shape[-n:], self.stride, self.kernel, self.padding, strict=True)
        )
        planes = math.prod(x.shape[:-n])
        self.indices, self.shape = indices.reshape(planes, math.prod(x.shape[-n:])), x.shape
        y = np.zeros((planes, math.prod(out)), x.dtype)
        np.put_along_axis(y, self.indices, x.reshape(self.indices.shape), axis=1)
        return y.reshape(*x.shape[:-n], *out)

    def backward(self, dout):
        flat = dout.reshape(len(self.indices), math.prod(dout.shape[-self.dimensions :]))
        return np.take_along_axis(flat, self.indices, axis=1).reshape(self.shape)


class MaxUnpool1d(_MaxUnpoolNd):
    dimensions = 1


class MaxUnpool2d(_MaxUnpoolNd):
    dimensions = 2


class MaxUnpool3d(_MaxUnpoolNd):
    dimensions = 3


class MaxUnpooling2D:
    """One loop, windows next to each other."""

    def __init__(self, size=2):
        self.k = size

    def forward(self, x, switches):
        self.switches = switches
        n, c, h, w = x.shape
        out = np.zeros((n, c, h * self.k, w * self.k), x.dtype)
        for place in np.ndindex(x.shape):
            out[place[:2]].reshape(-1)[switches[place]] = x[place]
        return out

    def backward(self, dout):
        dx = np.zeros(self.switches.shape, dout.dtype)
        for place in np.ndindex(dx.shape):
            dx[place] = dout[place[:2]].reshape(-1)[self.switches[place]]
        return dx


class _FractionalMaxPoolNd:
    dimensions = 2

    def __init__(self, kernel_size, output_size, _random_samples):
        self.kernel = numbers(kernel_size, self.dimensions)
        self.size = numbers(output_size, self.dimensions)
        self.samples = _random_samples

    def _starts(self, sample, side, kernel, out):
        if out == 1:
            return [side - kernel]
        alpha = (side - kernel) / (out - 1)
        return [
            int((i + sample) * alpha) - int(sample * alpha) if i < out - 1 else side - kernel
            for i in range(out)
        ]

    def forward(self, x):
        n, self.shape = self.dimensions, x.shape
        planes = x.reshape(-1, *x.shape[-n:]) if x.size else x.reshape(0, *x.shape[-n:])
        y = np.empty((len(planes), *self.size), x.dtype)
        self.best = np.empty((*y.shape, n), int)
        # PyTorch's samples are of the last side first.
        samples = self.samples.reshape(-1, n)
        for number, plane in enumerate(planes):
            starts = [
                self._starts(float(samples[number, n - 1 - axis]), side, k, out)
                for axis, (side, k, out) in enumerate(zip(plane.shape, self.kernel, self.size, strict=True))
            ]
            for place in np.ndindex(*self.size):
                low = [starts[axis][i] for axis, i in enumerate(place)]
                part = plane[tuple(slice(a, a + k) for a, k in zip(low, self.kernel, strict=True))]
                at = np.unravel_index(part.argmax(), part.shape)
                y[(number, *place)] = part[at]
                self.best[(number, *place)] = [a + b for a, b in zip(low, at, strict=True)]
        return y.reshape(*x.shape[:-n], *self.size)

    def backward(self, dout):
        n = self.dimensions
        dx = np.zeros((len(self.best), *self.shape[-n:]), dout.dtype)
        dout = dout.reshape(len(self.best), *self.size)
        for place in np.ndindex(*dout.shape):
            dx[(place[0], *self.best[place])] += dout[place]
        return dx.reshape(self.shape)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """For images."""


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    dimensions = 3


def max_pool1d_forward(x, kernel_size, stride):
    count = (x.shape[2] - kernel_size) // stride + 1
    windows = np.stack([x[:, :, i * stride : i * stride + kernel_size] for i in range(count)], axis=2)
    best = windows.argmax(axis=3)
    return windows.max(axis=3), (x.shape, best, stride)


def max_pool1d_backward(dout, cache):
    shape, best, stride = cache
    dx = np.zeros(shape, dout.dtype)
    n, c, count = np.ogrid[: shape[0], : shape[1], : dout.shape[2]]
    np.add.at(dx, (n, c, count * stride + best), dout)
    return dx


def adaptive_avg_pool1d(x, output_size):
    """Value and pullback."""
    parts = bins(x.shape[2], output_size)
    y = np.stack([x[:, :, part].mean(axis=2) for part in parts], axis=2)

    def pullback(dy):
        dx = np.zeros_like(x)
        for i, part in enumerate(parts):
            dx[:, :, part] += dy[:, :, i : i + 1] / (part.stop - part.start)
        return (dx,)

    return y, pullback
