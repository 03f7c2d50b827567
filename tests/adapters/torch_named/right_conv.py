"""Right convolutions, transposed and not, and windows as columns, as they are written by hand."""

import itertools

import numpy as np


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


class ConvTranspose2d:
    """Every input pixel stamps the kernel onto the output; all of PyTorch's options."""

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
        bias=True, dilation=1,
    ):  # fmt: skip
        self.kernel, self.stride, self.padding = pair(kernel_size), pair(stride), pair(padding)
        self.extra, self.dilation, self.groups = pair(output_padding), pair(dilation), groups
        rng = np.random.default_rng(0)
        self.weight = rng.normal(size=(in_channels, out_channels // groups, *self.kernel))
        self.bias = np.zeros(out_channels) if bias else None

    def _size(self, side, axis):
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return (side - 1) * self.stride[axis] + reach

    def _place(self, i, j, height, width):
        top, left = i * self.dilation[0], j * self.dilation[1]
        return (
            slice(top, top + (height - 1) * self.stride[0] + 1, self.stride[0]),
            slice(left, left + (width - 1) * self.stride[1] + 1, self.stride[1]),
        )

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        full = np.zeros(
            (n, self.weight.shape[1] * self.groups, *(self._size(s, k) + self.extra[k] + self.padding[k]
             for k, s in enumerate((h, w)))), x.dtype,
        )  # fmt: skip
        parts = x.reshape(n, self.groups, c // self.groups, h, w)
        weight = self.weight.reshape(self.groups, c // self.groups, *self.weight.shape[1:])
        for i, j in np.ndindex(*self.kernel):
            rows, columns = self._place(i, j, h, w)
            stamp = np.einsum("ngchw,gco->ngohw", parts, weight[..., i, j])
            full[:, :, rows, columns] += stamp.reshape(n, -1, h, w)
        (top, left) = self.padding
        out_h = self._size(h, 0) + self.extra[0] - 2 * top
        out_w = self._size(w, 1) + self.extra[1] - 2 * left
        y = full[:, :, top : top + out_h, left : left + out_w]
        return y + self.bias[:, None, None] if self.bias is not None else y.copy()

    def backward(self, dout):
        n, c, h, w = self.x.shape
        (top, left), (out_h, out_w) = self.padding, dout.shape[2:]
        full = np.zeros(
            (
                n,
                dout.shape[1],
                self._size(h, 0) + self.extra[0] + top,
                self._size(w, 1) + self.extra[1] + left,
            ),
            dout.dtype,
        )
        full[:, :, top : top + out_h, left : left + out_w] = dout
        parts = self.x.reshape(n, self.groups, c // self.groups, h, w)
        weight = self.weight.reshape(self.groups, c // self.groups, *self.weight.shape[1:])
        dx, dweight = np.zeros_like(parts), np.zeros_like(weight)
        for i, j in np.ndindex(*self.kernel):
            rows, columns = self._place(i, j, h, w)
            piece = full[:, :, rows, columns].reshape(n, self.groups, -1, h, w)
            dx += np.einsum("ngohw,gco->ngchw", piece, weight[..., i, j])
            dweight[..., i, j] = np.einsum("ngchw,ngohw->gco", parts, piece)
        self.dweight = dweight.reshape(self.weight.shape)
        self.dbias = dout.sum((0, 2, 3))
        return dx.reshape(self.x.shape)


class Conv2DTranspose:
    """Channels last and the kernel as Keras has it, (kh, kw, out, in)."""

    def __init__(self, out_channels, kernel_size, in_channels, strides=1):
        self.k, self.s = kernel_size, strides
        self.params = {
            "W": np.random.randn(kernel_size, kernel_size, out_channels, in_channels),
            "b": np.zeros(out_channels),
        }
        self.grads = {}

    def forward(self, x):
        self.x = x
        n, h, w, _ = x.shape
        k, s = self.k, self.s
        out = np.zeros((n, (h - 1) * s + k, (w - 1) * s + k, self.params["W"].shape[2]), x.dtype)
        for i in range(h):
            for j in range(w):
                out[:, i * s : i * s + k, j * s : j * s + k] += np.einsum(
                    "nc,abfc->nabf", x[:, i, j], self.params["W"]
                )
        return out + self.params["b"]

    def backward(self, dout):
        k, s = self.k, self.s
        dx, dw = np.zeros_like(self.x), np.zeros_like(self.params["W"])
        for i in range(self.x.shape[1]):
            for j in range(self.x.shape[2]):
                piece = dout[:, i * s : i * s + k, j * s : j * s + k]
                dx[:, i, j] = np.einsum("nabf,abfc->nc", piece, self.params["W"])
                dw += np.einsum("nabf,nc->abfc", piece, self.x[:, i, j])
        self.grads = {"W": dw, "b": dout.sum((0, 1, 2))}
        return dx


class Deconvolution:
    """Zeros between the pixels, then a convolution with the kernel as it lies: (out, in, kh, kw)."""

    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b = W, b
        self.stride, self.pad = stride, pad

    def _spread(self, x):
        n, c, h, w = x.shape
        s, k = self.stride, self.W.shape[2:]
        big = np.zeros((n, c, (h - 1) * s + 2 * k[0] - 1, (w - 1) * s + 2 * k[1] - 1), x.dtype)
        big[:, :, k[0] - 1 : k[0] - 1 + (h - 1) * s + 1 : s, k[1] - 1 : k[1] - 1 + (w - 1) * s + 1 : s] = x
        return big

    def forward(self, x):
        self.shape = x.shape
        self.big = self._spread(x)
        windows = np.lib.stride_tricks.sliding_window_view(self.big, self.W.shape[2:], (2, 3))
        out = np.einsum("nchwij,ocij->nohw", windows, self.W) + self.b.reshape(1, -1, 1, 1)
        p = self.pad
        self.full = out.shape
        return out[:, :, p : out.shape[2] - p, p : out.shape[3] - p].copy()

    def backward(self, dout):
        p, (kh, kw) = self.pad, self.W.shape[2:]
        full = np.zeros(self.full, dout.dtype)
        full[:, :, p : self.full[2] - p, p : self.full[3] - p] = dout
        windows = np.lib.stride_tricks.sliding_window_view(self.big, (kh, kw), (2, 3))
        self.dW = np.einsum("nchwij,nohw->ocij", windows, full)
        self.db = dout.sum((0, 2, 3))
        dbig = np.zeros_like(self.big)
        for i in range(kh):
            for j in range(kw):
                dbig[:, :, i : i + full.shape[2], j : j + full.shape[3]] += np.einsum(
                    "nohw,oc->nchw", full, self.W[:, :, i, j]
                )
        s, (h, w) = self.stride, self.shape[2:]
        return dbig[:, :, kh - 1 : kh - 1 + (h - 1) * s + 1 : s, kw - 1 : kw - 1 + (w - 1) * s + 1 : s].copy()


class TransposedConv2d:
    """Weights (out, in, kh, kw), no bias, gradients returned."""

    def __init__(self, weight, stride=2):
        self.weight = weight
        self.stride = stride

    def forward(self, x):
        self.x = x
        n, _, h, w = x.shape
        o, _, kh, kw = self.weight.shape
        y = np.zeros((n, o, (h - 1) * self.stride + kh, (w - 1) * self.stride + kw), x.dtype)
        for i, j in np.ndindex(h, w):
            top, left = i * self.stride, j * self.stride
            y[:, :, top : top + kh, left : left + kw] += np.tensordot(x[:, :, i, j], self.weight, (1, 1))
        return y

    def backward(self, dy):
        _, _, kh, kw = self.weight.shape
        dx, dweight = np.zeros_like(self.x), np.zeros_like(self.weight)
        for i, j in np.ndindex(*self.x.shape[2:]):
            top, left = i * self.stride, j * self.stride
            piece = dy[:, :, top : top + kh, left : left + kw]
            dx[:, :, i, j] = np.tensordot(piece, self.weight, ((1, 2, 3), (0, 2, 3)))
            dweight += np.tensordot(piece, self.x[:, :, i, j], (0, 0)).transpose(0, 3, 1, 2)
        return dx, dweight


class ConvTranspose1d:
    """The gradient of a convolution, in its matrix."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.k, self.s, self.p = kernel_size, stride, padding
        self.W = np.random.randn(in_channels, out_channels, kernel_size)
        self.b = np.zeros(out_channels)

    def _matrix(self, length):
        out = (length - 1) * self.s + self.k - 2 * self.p
        at = np.zeros((self.k, length, out))
        for a in range(self.k):
            for i in range(length):
                place = i * self.s + a - self.p
                if 0 <= place < out:
                    at[a, i, place] = 1
        return at

    def forward(self, x):
        self.x = x
        at = self._matrix(x.shape[2]).astype(x.dtype)
        return np.einsum("ncl,cok,klm->nom", x, self.W, at) + self.b[:, None]

    def backward(self, dout):
        at = self._matrix(self.x.shape[2]).astype(dout.dtype)
        self.dW = np.einsum("ncl,nom,klm->cok", self.x, dout, at)
        self.db = dout.sum(axis=(0, 2))
        return np.einsum("nom,cok,klm->ncl", dout, self.W, at)


class ConvTranspose3d:
    def __init__(self, W, b, stride=1, padding=0, output_padding=0):
        self.W, self.b = W, b
        self.stride, self.padding, self.output_padding = stride, padding, output_padding

    def _slices(self, offset, sides):
        s = self.stride
        return tuple(slice(o, o + (m - 1) * s + 1, s) for o, m in zip(offset, sides, strict=True))

    def forward(self, x):
        self.x = x
        s, p, e = self.stride, self.padding, self.output_padding
        full = [(m - 1) * s + k + e for m, k in zip(x.shape[2:], self.W.shape[2:], strict=True)]
        y = np.zeros((x.shape[0], self.W.shape[1], *full), x.dtype)
        for at in np.ndindex(*self.W.shape[2:]):
            y[(..., *self._slices(at, x.shape[2:]))] += np.einsum("ncdhw,co->nodhw", x, self.W[(..., *at)])
        self.full = y.shape
        return y[(..., *(slice(p, m - p) for m in full))] + self.b.reshape(-1, 1, 1, 1)

    def backward(self, dout):
        p = self.padding
        full = np.zeros(self.full, dout.dtype)
        full[(..., *(slice(p, m - p) for m in self.full[2:]))] = dout
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        for at in np.ndindex(*self.W.shape[2:]):
            piece = full[(..., *self._slices(at, self.x.shape[2:]))]
            dx += np.einsum("nodhw,co->ncdhw", piece, self.W[(..., *at)])
            self.dW[(..., *at)] = np.einsum("ncdhw,nodhw->co", self.x, piece)
        self.db = dout.sum((0, 2, 3, 4))
        return dx


def conv_transpose2d_forward(x, w, b, stride=1, pad=0):
    n, _, h, width = x.shape
    _, o, kh, kw = w.shape
    y = np.zeros((n, o, (h - 1) * stride + kh, (width - 1) * stride + kw), x.dtype)
    for i in range(h):
        for j in range(width):
            y[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += np.tensordot(
                x[:, :, i, j], w, (1, 0)
            )
    y = y[:, :, pad : y.shape[2] - pad, pad : y.shape[3] - pad] + b[None, :, None, None]
    return y, (x, w, stride, pad)


def conv_transpose2d_backward(dout, cache):
    x, w, stride, pad = cache
    _, _, kh, kw = w.shape
    dout_full = np.pad(dout, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            piece = dout_full[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            dx[:, :, i, j] = np.tensordot(piece, w, ((1, 2, 3), (1, 2, 3)))
            dw += np.tensordot(x[:, :, i, j], piece, (0, 0))
    return dx, dw, dout.sum((0, 2, 3))


class Conv3d:
    """All of PyTorch's options but groups."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1):
        self.sides = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 3
        self.stride = stride if isinstance(stride, tuple) else (stride,) * 3
        self.padding = padding if isinstance(padding, tuple) else (padding,) * 3
        self.dilation = dilation if isinstance(dilation, tuple) else (dilation,) * 3
        self.weight = np.random.randn(out_channels, in_channels, *self.sides)
        self.bias = np.zeros(out_channels)
        self.grad = {}

    def _at(self, at, out):
        return tuple(
            slice(a * d, a * d + (m - 1) * s + 1, s)
            for a, d, m, s in zip(at, self.dilation, out, self.stride, strict=True)
        )

    def forward(self, x):
        self.padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in self.padding)))
        out = [
            (m - d * (k - 1) - 1) // s + 1
            for m, d, k, s in zip(self.padded.shape[2:], self.dilation, self.sides, self.stride, strict=True)
        ]
        y = np.zeros((x.shape[0], len(self.weight), *out), x.dtype)
        for at in itertools.product(*(range(k) for k in self.sides)):
            piece = self.padded[(..., *self._at(at, out))]
            y += np.einsum("ncdhw,oc->nodhw", piece, self.weight[(..., *at)])
        return y + self.bias[:, None, None, None]

    def backward(self, dout):
        dpadded, dweight = np.zeros_like(self.padded), np.zeros_like(self.weight)
        for at in itertools.product(*(range(k) for k in self.sides)):
            place = (..., *self._at(at, dout.shape[2:]))
            dpadded[place] += np.einsum("nodhw,oc->ncdhw", dout, self.weight[(..., *at)])
            dweight[(..., *at)] = np.einsum("nodhw,ncdhw->oc", dout, self.padded[place])
        self.grad = {"weight": dweight, "bias": dout.sum((0, 2, 3, 4))}
        inner = (slice(p, m - p) for p, m in zip(self.padding, self.padded.shape[2:], strict=True))
        return dpadded[(..., *inner)].copy()


class Conv1d:
    """With groups."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        self.k, self.stride, self.padding, self.groups = kernel_size, stride, padding, groups
        self.W = np.random.randn(out_channels, in_channels // groups, kernel_size)
        self.b = np.zeros(out_channels)

    def forward(self, x):
        self.x = np.pad(x, ((0, 0), (0, 0), (self.padding, self.padding)))
        windows = np.lib.stride_tricks.sliding_window_view(self.x, self.k, 2)[:, :, :: self.stride]
        self.windows = windows
        y = []
        for part, w in zip(np.split(windows, self.groups, 1), np.split(self.W, self.groups), strict=True):
            y.append(np.einsum("nclk,ock->nol", part, w))
        return np.concatenate(y, 1) + self.b[:, None]

    def backward(self, dout):
        self.db = dout.sum((0, 2))
        dx, dW = np.zeros_like(self.x), []
        per_in = self.x.shape[1] // self.groups
        for g, (part, dy) in enumerate(
            zip(np.split(self.windows, self.groups, 1), np.split(dout, self.groups, 1), strict=True)
        ):
            w = np.split(self.W, self.groups)[g]
            dW.append(np.einsum("nol,nclk->ock", dy, part))
            for a in range(self.k):
                stop = a + (dout.shape[2] - 1) * self.stride + 1
                dx[:, g * per_in : (g + 1) * per_in, a : stop : self.stride] += np.einsum(
                    "nol,oc->ncl", dy, w[:, :, a]
                )
        self.dW = np.concatenate(dW)
        return dx[:, :, self.padding : dx.shape[2] - self.padding].copy()


class Conv1D:
    """Channels last, kernel (k, in, out), as Keras has it."""

    def __init__(self, out_channels, kernel_size, input_channels):
        self.W = np.random.randn(kernel_size, input_channels, out_channels)
        self.b = np.zeros((1, out_channels))

    def forward(self, x):
        self.windows = np.lib.stride_tricks.sliding_window_view(x, len(self.W), 1)
        self.shape = x.shape
        return np.einsum("nlck,kcf->nlf", self.windows, self.W) + self.b

    def backward(self, dout):
        self.dW = np.einsum("nlck,nlf->kcf", self.windows, dout)
        self.db = dout.sum((0, 1))[None]
        dx = np.zeros(self.shape, dout.dtype)
        for a in range(len(self.W)):
            dx[:, a : a + dout.shape[1]] += dout @ self.W[a].T
        return dx


class Unfold:
    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        self.kernel, self.dilation = pair(kernel_size), pair(dilation)
        self.padding, self.stride = pair(padding), pair(stride)

    def forward(self, x):
        self.shape = x.shape
        (ph, pw), (dh, dw) = self.padding, self.dilation
        padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        self.padded = padded.shape
        oh = (padded.shape[2] - dh * (self.kernel[0] - 1) - 1) // self.stride[0] + 1
        ow = (padded.shape[3] - dw * (self.kernel[1] - 1) - 1) // self.stride[1] + 1
        columns = np.empty((*x.shape[:2], *self.kernel, oh, ow), x.dtype)
        for i, j in np.ndindex(*self.kernel):
            columns[:, :, i, j] = padded[self._place(i, j, oh, ow)]
        self.out = oh, ow
        return (
            columns.reshape(x.shape[0], -1, oh * ow)
            if len(x)
            else columns.reshape(0, x.shape[1] * self.kernel[0] * self.kernel[1], oh * ow)
        )

    def _place(self, i, j, oh, ow):
        top, left = i * self.dilation[0], j * self.dilation[1]
        return (
            slice(None), slice(None),
            slice(top, top + (oh - 1) * self.stride[0] + 1, self.stride[0]),
            slice(left, left + (ow - 1) * self.stride[1] + 1, self.stride[1]),
        )  # fmt: skip

    def backward(self, dout):
        dout = dout.reshape(*self.shape[:2], *self.kernel, *self.out)
        dpadded = np.zeros(self.padded, dout.dtype)
        for i, j in np.ndindex(*self.kernel):
            dpadded[self._place(i, j, *self.out)] += dout[:, :, i, j]
        (ph, pw), (h, w) = self.padding, self.shape[2:]
        return dpadded[:, :, ph : ph + h, pw : pw + w].copy()


class UnfoldLayer:
    """Each window a row, of one number for all options."""

    def __init__(self, k, stride=1):
        self.k, self.s = k, stride

    def forward(self, x):
        self.shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x, (self.k, self.k), (2, 3))
        windows = windows[:, :, :: self.s, :: self.s]
        self.out = windows.shape[2:4]
        n, c = x.shape[:2]
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, self.out[0] * self.out[1], c * self.k**2)

    def backward(self, dout):
        n, c = self.shape[:2]
        dout = dout.reshape(n, *self.out, c, self.k, self.k)
        dx = np.zeros(self.shape, dout.dtype)
        for i in range(self.out[0]):
            for j in range(self.out[1]):
                dx[:, :, i * self.s : i * self.s + self.k, j * self.s : j * self.s + self.k] += dout[:, i, j]
        return dx


class Fold:
    def __init__(self, output_size, kernel_size, stride=1):
        self.size, self.kernel, self.stride = pair(output_size), pair(kernel_size), pair(stride)

    def _windows(self):
        (h, w), (kh, kw), (sh, sw) = self.size, self.kernel, self.stride
        for i in range(0, h - kh + 1, sh):
            for j in range(0, w - kw + 1, sw):
                yield slice(i, i + kh), slice(j, j + kw)

    def forward(self, x):
        self.shape = x.shape
        kh, kw = self.kernel
        out = np.zeros((x.shape[0], x.shape[1] // (kh * kw), *self.size), x.dtype)
        for column, (rows, columns) in enumerate(self._windows()):
            out[:, :, rows, columns] += x[:, :, column].reshape(*out.shape[:2], kh, kw)
        return out

    def backward(self, dout):
        dx = np.zeros(self.shape, dout.dtype)
        for column, (rows, columns) in enumerate(self._windows()):
            dx[:, :, column] = dout[:, :, rows, columns].reshape(self.shape[:2])
        return dx


def unfold(x, kernel_size, stride=1):
    """Value and pullback."""
    layer = Unfold(kernel_size, stride=stride)
    return layer.forward(x), lambda dy: (layer.backward(dy),)


def conv_transpose1d(x, weight, bias=None, stride=1):
    """Value and pullback."""
    length, k = x.shape[2], weight.shape[2]
    y = np.zeros((x.shape[0], weight.shape[1], (length - 1) * stride + k), x.dtype)
    for a in range(k):
        y[:, :, a : a + (length - 1) * stride + 1 : stride] += np.einsum("ncl,co->nol", x, weight[:, :, a])
    if bias is not None:
        y += bias[:, None]

    def pullback(dy):
        dx, dweight = np.zeros_like(x), np.zeros_like(weight)
        for a in range(k):
            piece = dy[:, :, a : a + (length - 1) * stride + 1 : stride]
            dx += np.einsum("nol,co->ncl", piece, weight[:, :, a])
            dweight[:, :, a] = np.einsum("ncl,nol->co", x, piece)
        return dx, dweight, None if bias is None else dy.sum((0, 2))

    return y, pullback
