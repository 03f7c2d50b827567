"""The layers of right_classes.py with one slip each, in the backward pass."""
# ruff: noqa: A002, ARG002, N801 - named as third parties name them

import numpy as np


def sig(z):
    return 0.5 * (1 + np.tanh(z / 2))


class Sigmoid:
    def forward(self, z):
        return sig(z)

    def derivative(self, z):
        return sig(z) * (1 + sig(z))


class Tanh:
    def forward(self, x):
        return np.tanh(x)

    def gradient(self, x):
        return 1 - np.tanh(x)


class ReLU:
    def forward(self, input):
        return np.maximum(0, input)

    def backward(self, input, grad_output):
        return (input > 0) * 1.0


class Dense:
    """weight gradient from dx instead of the cotangent"""

    def __init__(self, input_units, output_units):
        self.weights = np.random.randn(input_units, output_units)
        self.biases = np.zeros((1, output_units))

    def forward(self, input):
        self.input = input
        return input @ self.weights + self.biases

    def backward(self, grad_output, learning_rate):
        grad_input = grad_output @ self.weights.T
        self.weights -= learning_rate * (self.input.T @ grad_output) / len(grad_output)
        self.biases -= learning_rate * grad_output.sum(axis=0, keepdims=True)
        return grad_input


class FullyConnected:
    """dx by the updated weights"""

    def __init__(self, input_size, output_size):
        self.W = np.random.randn(output_size, input_size)
        self.b = np.random.randn(output_size, 1)

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, g, lr):
        self.W -= lr * (g @ self.x.T)
        self.b -= lr * g
        return self.W.T @ g


class Affine:
    def __init__(self, in_size, out_size):
        self.W = np.random.randn(in_size, out_size)
        self.b = np.zeros((1, out_size))

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T, [self.X.T @ dout, dout.mean(axis=0, keepdims=True)]


class Linear:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W.T + self.b

    def backward(self, delta):
        return delta @ self.W, {"dW": delta.T @ self.x, "db": delta.sum()}


class MeanSquaredError:
    def loss(self, y, y_pred):
        return ((y_pred - y) ** 2).mean()

    def gradient(self, y, y_pred):
        return 2 * (y - y_pred) / y.size


class Loss_MeanSquaredError:
    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        self.dinputs = -(y_true - dvalues) / dvalues.shape[1] / len(dvalues)


class Loss_CategoricalCrossentropy:
    def forward(self, y_pred, y_true):
        p = np.clip(y_pred, 1e-7, 1 - 1e-7)
        c = p[range(len(p)), y_true] if y_true.ndim == 1 else (p * y_true).sum(axis=1)
        return -np.log(c)

    def backward(self, dvalues, y_true):
        if y_true.ndim == 1:
            y_true = np.eye(dvalues.shape[1])[y_true]
        self.dinputs = (dvalues - y_true) / len(dvalues)


class BinaryCrossEntropy:
    def forward(self, y_hat, y):
        self.y_hat, self.y = y_hat, y
        return -(y * np.log(y_hat + 1e-8) + (1 - y) * np.log(1 - y_hat + 1e-8)).mean()

    def backward(self):
        return (-(self.y / self.y_hat) - (1 - self.y) / (1 - self.y_hat)) / self.y.size


class SoftmaxCrossEntropy:
    def forward(self, x, y):
        p = np.exp(x - x.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        self.p, self.y = p, y
        return p, -np.log(p[np.arange(len(x)), y]).mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.y] -= 1
        return d


class Dropout:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def forward(self, x, train=True):
        if not train:
            return x
        self.mask = np.random.rand(*x.shape) > self.ratio
        return x * self.mask / (1 - self.ratio)

    def backward(self, dout):
        return dout * self.mask


class Identity:
    def forward(self, x):
        return x.copy()

    def backward(self, d):
        return np.ones_like(d)


class SELU:
    a, s = 1.6732632423543772, 1.0507009873554805

    def __call__(self, x):
        return self.s * np.where(x > 0, x, self.a * np.expm1(np.minimum(x, 0)))

    def gradient(self, x):
        return np.where(x > 0, 1.0, self.s * self.a * np.exp(np.minimum(x, 0)))


class GRU:
    """no gradient through the reset gate into h"""

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        H = h_prev.shape[1]
        z = sig(x @ Wx[:, :H] + h_prev @ Wh[:, :H] + b[:H])
        r = sig(x @ Wx[:, H : 2 * H] + h_prev @ Wh[:, H : 2 * H] + b[H : 2 * H])
        hh = np.tanh(x @ Wx[:, 2 * H :] + (r * h_prev) @ Wh[:, 2 * H :] + b[2 * H :])
        self.cache = x, h_prev, z, r, hh
        return (1 - z) * h_prev + z * hh

    def backward(self, dh):
        Wx, Wh, _ = self.params
        x, h, z, r, hh = self.cache
        H = h.shape[1]
        dt = dh * z * (1 - hh**2)
        dr = dt @ Wh[:, 2 * H :].T
        dpr = dr * h * r * (1 - r)
        dz = dh * (hh - h) * z * (1 - z)
        dx = dz @ Wx[:, :H].T + dpr @ Wx[:, H : 2 * H].T + dt @ Wx[:, 2 * H :].T
        dhp = dh * (1 - z) + dz @ Wh[:, :H].T + dpr @ Wh[:, H : 2 * H].T
        self.grads[0][...] = np.hstack([x.T @ dz, x.T @ dpr, x.T @ dt])
        self.grads[1][...] = np.hstack([h.T @ dz, h.T @ dpr, (r * h).T @ dt])
        self.grads[2][...] = np.hstack([dz.sum(0), dpr.sum(0), dt.sum(0)])
        return dx, dhp


class EmbeddingDot:
    def __init__(self, W):
        self.W = W

    def forward(self, h, idx):
        self.h, self.idx, self.t = h, idx, self.W[idx]
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        dout = dout[:, None]
        self.dW = np.zeros_like(self.W)
        self.dW[self.idx] = dout * self.h
        return dout * self.t


class TimeEmbedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, xs):
        (W,) = self.params
        self.idx = xs
        out = np.empty((*xs.shape, W.shape[1]), dtype="f")
        out[...] = W[xs]
        return out

    def backward(self, dout):
        self.grads[0][...] = 0
        self.grads[0][self.idx] = dout


class Conv2D:
    def __init__(self, X_dim, n_filter, h_filter, w_filter, stride=1, padding=0):
        self.s, self.p = stride, padding
        self.W = np.random.randn(n_filter, X_dim[0], h_filter, w_filter)
        self.b = np.zeros((n_filter, 1))

    def forward(self, x):
        p = self.p
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        kh, kw = self.W.shape[2:]
        self.v = np.lib.stride_tricks.sliding_window_view(self.x, (kh, kw), (2, 3))[
            :, :, :: self.s, :: self.s
        ]
        return np.einsum("nchwij,ocij->nohw", self.v, self.W) + self.b[:, :, None]

    def backward(self, d):
        dW = np.einsum("nchwij,nohw->ocij", self.v, d)
        db = d.mean((0, 2, 3))[:, None]
        dx = np.zeros_like(self.x)
        for i in range(d.shape[2]):
            for j in range(d.shape[3]):
                y, x = i * self.s, j * self.s
                dx[:, :, y : y + self.W.shape[2], x : x + self.W.shape[3]] += np.einsum(
                    "no,ocij->ncij", d[:, :, i, j], self.W
                )
        p = self.p
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p] if p else dx, [dW, db]


class MaxPool2D:
    def __init__(self, kernel_size=(2, 2), stride=None):
        self.kh, self.kw = kernel_size
        self.sh, self.sw = stride if stride is not None else kernel_size

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        oh, ow = (h - self.kh) // self.sh + 1, (w - self.kw) // self.sw + 1
        out = np.empty((n, c, oh, ow), x.dtype)
        for i in range(oh):
            for j in range(ow):
                out[:, :, i, j] = x[
                    :, :, i * self.sh : i * self.sh + self.kh, j * self.sw : j * self.sw + self.kw
                ].max((2, 3))
        return out

    def backward(self, d):
        dx = np.zeros_like(self.x)
        for n, c, i, j in np.ndindex(d.shape):
            win = self.x[n, c, i * self.sh : i * self.sh + self.kh, j * self.sw : j * self.sw + self.kw]
            a, b = np.unravel_index(win.argmax(), win.shape)
            dx[n, c, i * self.sh + a, j * self.sw + b] = d[n, c, i, j]
        return dx


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, d):
        return d.reshape(self.shape[0], *self.shape[1:][::-1])


class AttentionWeight:
    def forward(self, hs, h):
        self.hs, self.h = hs, h
        s = (hs * h[:, None]).sum(2)
        e = np.exp(s - s.max(1, keepdims=True))
        self.a = e / e.sum(1, keepdims=True)
        return self.a.copy()

    def backward(self, da):
        ds = self.a * (da - (da * self.a).mean(1, keepdims=True))
        return ds[:, :, None] * self.h[:, None], (ds[:, :, None] * self.hs).sum(1)


class SigmoidWithLoss:
    def forward(self, x, t):
        self.t, self.y = t, sig(x)
        return -(t * np.log(self.y + 1e-7) + (1 - t) * np.log(1 - self.y + 1e-7)).mean()

    def backward(self, dout=1):
        return (self.y - self.t) * dout


class LayerNorm:
    def __init__(self, dim, eps=1e-5):
        self.params = {"gamma": np.ones(dim), "beta": np.zeros(dim)}
        self.grads, self.eps = {}, eps

    def forward(self, x):
        m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        self.i = 1 / np.sqrt(v + self.eps)
        self.n = (x - m) * self.i
        return self.n * self.params["gamma"] + self.params["beta"]

    def backward(self, d):
        ax = tuple(range(d.ndim - 1))
        self.grads["gamma"], self.grads["beta"] = (d * self.n).sum(ax), d.sum(ax)
        g = d * self.params["gamma"]
        return self.i * (g - self.n * (g * self.n).mean(-1, keepdims=True))


class SimpleSoftmaxCrossEntropy:
    """One loss a position; the label's score is left out of the gradient of the first position."""

    def forward(self, scores, labels):
        _n, _t, _v = scores.shape
        self.p = np.exp(scores - scores.max(-1, keepdims=True))
        self.p /= self.p.sum(-1, keepdims=True)
        self.labels = labels
        return -np.log(np.take_along_axis(self.p, labels[..., None], -1)[..., 0])

    def backward(self):
        n, t = self.labels.shape
        d = self.p.copy()
        d[np.arange(n)[:, None], np.arange(1, t)[None], self.labels[:, 1:]] -= 1
        return d


class SimpleDense:
    """Of samples over time; its bias is averaged over the batch."""

    def __init__(self, n_in, n_out):
        self.w, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, d, lr):
        dx = d @ self.w.T
        self.w -= lr * self.x.reshape(-1, len(self.w)).T @ d.reshape(-1, d.shape[-1])
        self.b -= lr * d.mean(axis=0).sum(axis=0)
        return dx


class SimpleSoftmax:
    """Of square scores; what one score takes from the others is left out."""

    def forward(self, x):
        _n, _h, _t, _ = x.shape
        e = np.exp(x - x.max(-1, keepdims=True))
        self.y = e / e.sum(-1, keepdims=True)
        return self.y

    def backward(self, d):
        return d * self.y * (1 - self.y)


class SimpleLinear:
    """Steps itself, by its rate times the batch for the weight and by its rate for the bias."""

    def __init__(self, number_of_inputs, number_neurons, activation):
        self.W = np.random.randn(number_of_inputs, number_neurons)
        self.b = np.zeros(number_neurons)
        self.activation = activation

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d, learning_rate):
        dx = d @ self.W.T
        self.W -= learning_rate * len(d) * (self.x.T @ d)
        self.b -= learning_rate * d.sum(0)
        return dx


class SimpleReLU:
    """Masks by an output that is never negative: nothing is masked, in the cotangent's own memory."""

    def forward(self, x):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, d):
        d[self.y < 0] = 0
        return d


class MyLinear:
    """Handed its parameters by every call; the gradient of the bias is averaged."""

    def forward(self, x, W, b):
        self.x, self.W = x, W
        return x @ W + b

    def backward(self, gy):
        return gy @ self.W.T, self.x.T @ gy, gy.sum(axis=0) / len(gy)


class MyConv2D:
    """Channels last, HWIO; where windows overlap the later one replaces."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.kernels = np.random.randn(kernel_size, kernel_size, in_channels, out_channels)
        self.bias = np.zeros(out_channels)
        self.s, self.p = stride, padding

    def _windows(self, n):
        return [(i, slice(i * self.s, i * self.s + self.kernels.shape[0])) for i in range(n)]

    def forward(self, x):
        p, s, k = self.p, self.s, self.kernels.shape[0]
        self.xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        ho, wo = ((side - k) // s + 1 for side in self.xp.shape[1:3])
        out = np.empty((len(x), ho, wo, self.kernels.shape[3]), x.dtype)
        for i, rows in self._windows(ho):
            for j, columns in self._windows(wo):
                out[:, i, j] = np.tensordot(self.xp[:, rows, columns], self.kernels, 3) + self.bias
        return out

    def backward(self, d):
        dxp, dk = np.zeros_like(self.xp), np.zeros_like(self.kernels)
        for i, rows in self._windows(d.shape[1]):
            for j, columns in self._windows(d.shape[2]):
                dxp[:, rows, columns] = np.tensordot(d[:, i, j], self.kernels, ([1], [3]))
                dk += np.tensordot(self.xp[:, rows, columns], d[:, i, j], ([0], [0]))
        self.dkernels, self.dbias = dk, d.sum((0, 1, 2))
        h, w = dxp.shape[1:3]
        return dxp[:, self.p : h - self.p, self.p : w - self.p]


class MyAveragePooling:
    """Divides by the side of the window."""

    def __init__(self, pool_size=2, stride=2):
        self.k, self.s = pool_size, stride

    def _windows(self, n):
        return [(i, slice(i * self.s, i * self.s + self.k)) for i in range(n)]

    def forward(self, x):
        self.shape = x.shape
        ho, wo = ((side - self.k) // self.s + 1 for side in x.shape[2:])
        out = np.empty((*x.shape[:2], ho, wo), x.dtype)
        for i, rows in self._windows(ho):
            for j, columns in self._windows(wo):
                out[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
        return out

    def backward(self, d):
        dx = np.zeros(self.shape, d.dtype)
        for i, rows in self._windows(d.shape[2]):
            for j, columns in self._windows(d.shape[3]):
                dx[:, :, rows, columns] += d[:, :, i : i + 1, j : j + 1] / self.k
        return dx


class DenseLayer:
    """One sample at a time, as a column; the weights' step is taken twice."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros((n_out, 1))

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, delta, lr):
        dx = self.W.T @ delta
        self.W = self.W - 2 * lr * delta @ self.x.T
        self.b = self.b - lr * delta
        return dx


class Conv1D:
    """The dilation is forgotten in dx."""

    def __init__(self, in_channels, filters, kernel_size, dilation_rate=1, padding="valid"):
        if padding != "valid":
            raise ValueError(padding)
        self.dilation_rate = dilation_rate
        self.W = np.random.randn(kernel_size, in_channels, filters)
        self.b = np.zeros(filters)

    def forward(self, x):
        self.x, d = x, self.dilation_rate
        self.steps = x.shape[1] - (len(self.W) - 1) * d
        return sum(x[:, k * d : k * d + self.steps] @ w for k, w in enumerate(self.W)) + self.b

    def backward(self, dy):
        dx, d = np.zeros_like(self.x), self.dilation_rate
        parts = (self.x[:, k * d : k * d + self.steps] for k in range(len(self.W)))
        self.dW = np.stack([np.einsum("btc,btf->cf", part, dy) for part in parts])
        for k, w in enumerate(self.W):
            dx[:, k : k + self.steps] += dy @ w.T
        self.db = dy.sum((0, 1))
        return dx
