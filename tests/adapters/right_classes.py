"""Right layers in conventions of their own: what they are taken for is what they are."""
# ruff: noqa: A002, N801 - named as third parties name them

import numpy as np


def sig(z):
    return 0.5 * (1 + np.tanh(z / 2))


class Sigmoid:
    """forward / derivative(x): each element's own derivative"""

    def forward(self, z):
        return sig(z)

    def derivative(self, z):
        s = sig(z)
        return s * (1 - s)


class Tanh:
    """static methods; the derivative is one of the output"""

    @staticmethod
    def activate(x):
        return np.tanh(x)

    @staticmethod
    def derivative(output):
        return 1 - output**2


class ReLU:
    """backward(input, grad_output)"""

    def forward(self, input):
        return np.maximum(0, input)

    def backward(self, input, grad_output):
        return grad_output * (input > 0)


class Dense:
    """backward(input, grad_output), rate kept on the object"""

    def __init__(self, input_units, output_units, learning_rate=0.1):
        self.learning_rate = learning_rate
        self.weights = np.random.randn(input_units, output_units) * 0.01
        self.biases = np.zeros(output_units)

    def forward(self, input):
        return input @ self.weights + self.biases

    def backward(self, input, grad_output):
        dx = grad_output @ self.weights.T
        self.weights = self.weights - self.learning_rate * (input.T @ grad_output)
        self.biases = self.biases - self.learning_rate * grad_output.sum(axis=0)
        return dx


class FullyConnected:
    """one sample, a column; rate handed to backward"""

    def __init__(self, input_size, output_size):
        self.W = np.random.randn(output_size, input_size)
        self.b = np.random.randn(output_size, 1)

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, g, lr):
        dx = self.W.T @ g
        self.W -= lr * (g @ self.x.T)
        self.b -= lr * g
        return dx


class Softmax:
    """one column"""

    def forward(self, x):
        e = np.exp(x - x.max())
        self.s = e / e.sum()
        return self.s.copy()

    def backward(self, g):
        n = self.s.size
        return (np.eye(n, dtype=g.dtype) * self.s - self.s @ self.s.T) @ g


class Affine:
    """returns dx, [dW, db]"""

    def __init__(self, in_size, out_size):
        self.W = np.random.randn(in_size, out_size)
        self.b = np.zeros((1, out_size))

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dout):
        return dout @ self.W.T, [self.X.T @ dout, dout.sum(axis=0, keepdims=True)]


class Linear:
    """returns a dict of gradients beside dx"""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W.T + self.b

    def backward(self, delta):
        return delta @ self.W, {"dW": delta.T @ self.x, "db": delta.sum(0)}


class MeanSquaredError:
    """target first, handed to backward again"""

    def loss(self, y, y_pred):
        return ((y_pred - y) ** 2).mean()

    def gradient(self, y, y_pred):
        return 2 * (y_pred - y) / y.size


class Loss_MeanSquaredError:
    """one loss a sample, backward of the mean"""

    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        self.dinputs = -2 * (y_true - dvalues) / dvalues.shape[1] / len(dvalues)


class Loss_CategoricalCrossentropy:
    def forward(self, y_pred, y_true):
        p = np.clip(y_pred, 1e-7, 1 - 1e-7)
        c = p[range(len(p)), y_true] if y_true.ndim == 1 else (p * y_true).sum(axis=1)
        return -np.log(c)

    def backward(self, dvalues, y_true):
        if y_true.ndim == 1:
            y_true = np.eye(dvalues.shape[1], dtype=dvalues.dtype)[y_true]
        self.dinputs = -y_true / dvalues / len(dvalues)


class BinaryCrossEntropy:
    """epsilon in both passes"""

    def forward(self, y_hat, y):
        self.y_hat, self.y = y_hat, y
        return -(y * np.log(y_hat + 1e-8) + (1 - y) * np.log(1 - y_hat + 1e-8)).mean()

    def backward(self):
        e = 1e-8
        return (-(self.y / (self.y_hat + e)) + (1 - self.y) / (1 - self.y_hat + e)) / self.y.size


class SoftmaxCrossEntropy:
    """returns the probabilities and the loss; backward() sets self.dx"""

    def forward(self, x, y):
        shifted = x - x.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.p, self.y = np.exp(log_p), y
        return self.p, -log_p[np.arange(len(x)), y].mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.y] -= 1
        return d / len(d)


class Dropout:
    """nothing in evaluation's backward; mask kept in float32"""

    def __init__(self, ratio=0.5):
        self.ratio, self.train_flg, self.mask = ratio, True, None

    def forward(self, x):
        if not self.train_flg:
            return x.copy()
        self.mask = (np.random.rand(*x.shape) > self.ratio).astype("f") / np.float32(1 - self.ratio)
        return (x * self.mask).astype(x.dtype)

    def backward(self, dout):
        return (dout * self.mask).astype(dout.dtype)


class Identity:
    def forward(self, *inputs):
        return inputs[0]

    def backward(self, *grads):
        return grads[0]


class SELU:
    alpha, scale = 1.6732632423543772, 1.0507009873554805

    def __call__(self, x):
        return self.scale * np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def gradient(self, x):
        return np.where(x > 0, self.scale, self.scale * self.alpha * np.exp(np.minimum(x, 0))).astype(x.dtype)


class GRU:
    """z, r, h; reset before the product"""

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
        dhp = dh * (1 - z) + dr * r + dz @ Wh[:, :H].T + dpr @ Wh[:, H : 2 * H].T
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
        np.add.at(self.dW, self.idx, dout * self.h)
        return dout * self.t


class TimeEmbedding:
    """float32 whatever it is given"""

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
        np.add.at(self.grads[0], self.idx, dout)


class Conv2D:
    """made from the shape of a sample"""

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
        db = d.sum((0, 2, 3))[:, None]
        dx = np.zeros_like(self.x)
        for i in range(d.shape[2]):
            for j in range(d.shape[3]):
                y, x = i * self.s, j * self.s
                dx[:, :, y : y + self.W.shape[2], x : x + self.W.shape[3]] += np.einsum(
                    "no,ocij->ncij", d[:, :, i, j], self.W
                )
        p = self.p
        dx = dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p] if p else dx
        return dx, [dW, db]


class MaxPool2D:
    """pairs for the sides"""

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
            dx[n, c, i * self.sh + a, j * self.sw + b] += d[n, c, i, j]
        return dx


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, d):
        return d.reshape(self.shape)


class AttentionWeight:
    def forward(self, hs, h):
        self.hs, self.h = hs, h
        s = (hs * h[:, None]).sum(2)
        e = np.exp(s - s.max(1, keepdims=True))
        self.a = e / e.sum(1, keepdims=True)
        return self.a.copy()

    def backward(self, da):
        ds = self.a * (da - (da * self.a).sum(1, keepdims=True))
        return ds[:, :, None] * self.h[:, None], (ds[:, :, None] * self.hs).sum(1)


class SigmoidWithLoss:
    def forward(self, x, t):
        self.t, self.y = t, sig(x)
        return -(t * np.log(self.y + 1e-7) + (1 - t) * np.log(1 - self.y + 1e-7)).mean()

    def backward(self, dout=1):
        return ((self.y - self.t) * dout / self.t.size).astype(self.y.dtype)


class LayerNorm:
    """gamma, beta made from sizes; gradients in self.grads by name"""

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
        return self.i * (g - g.mean(-1, keepdims=True) - self.n * (g * self.n).mean(-1, keepdims=True))


class SimpleSoftmaxCrossEntropy:
    """One loss a position of (N, T, V) scores."""

    def forward(self, scores, labels):
        n, t, _v = scores.shape
        self.p = np.exp(scores - scores.max(-1, keepdims=True))
        self.p /= self.p.sum(-1, keepdims=True)
        self.at = np.arange(n)[:, None], np.arange(t)[None], labels
        return -np.log(self.p[self.at])

    def backward(self):
        d = self.p.copy()
        d[self.at] -= 1
        return d


class SimpleTimeSoftmaxWithLoss:
    """Labels one-hot at each of the times."""

    def forward(self, xs, ts):
        n, t, _v = xs.shape
        self.ys = []
        loss = 0.0
        for k in range(t):
            e = np.exp(xs[:, k] - xs[:, k].max(1, keepdims=True))
            self.ys.append(e / e.sum(1, keepdims=True))
            loss -= np.sum(np.log(self.ys[-1]) * ts[:, k, :]) / n
        self.ts = ts
        return loss / t

    def backward(self, dout=1):
        n, t, _v = self.ts.shape
        return np.stack([(self.ys[k] - self.ts[:, k]) * dout / (n * t) for k in range(t)], axis=1)


class NaiveSoftmaxWithLoss:
    """One loss a sample; the gradient is that of their mean."""

    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.p, self.t = e / e.sum(1, keepdims=True), t
        return -np.log(self.p[np.arange(len(x)), t])

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.t] -= 1
        return d / len(d)


class SimpleSoftmax:
    """Of square scores, (N, H, T, T)."""

    def __init__(self, axis=-1):
        assert axis == -1, "the last axis alone"

    def forward(self, x):
        e = np.exp(x - x.max(-1, keepdims=True))
        self.y = e / e.sum(-1, keepdims=True)
        return self.y

    def backward(self, d):
        _n, _h, t, _ = self.y.shape
        local = self.y[..., None] * np.eye(t) - self.y[..., None] * self.y[..., None, :]
        return np.einsum("nhti,nhtij->nhtj", d, local)


class SimpleDense:
    """Of samples over time; steps itself."""

    def __init__(self, n_in, n_out):
        self.w, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, d, lr):
        dx = d @ self.w.T
        self.w -= lr * self.x.reshape(-1, len(self.w)).T @ d.reshape(-1, d.shape[-1])
        self.b -= lr * d.sum(axis=(0, 1))
        return dx


class SimpleMatMul:
    """Of samples over time."""

    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return np.matmul(x, self.params[0])

    def backward(self, d):
        self.grads[0][...] = np.matmul(self.x.swapaxes(-2, -1), d).sum(axis=0)
        return np.matmul(d, self.params[0].T)


class SimpleEmbedding:
    """Its own rate is times the batch: what comes from above was divided by it."""

    def __init__(self, vocab, dim):
        self.weights = np.random.randn(vocab, dim)

    def forward(self, ids):
        self.ids = ids
        return self.weights[ids]

    def backward(self, d, learning_rate):
        np.add.at(self.weights, self.ids, -(learning_rate * len(d)) * d)


class SimpleLayerNorm:
    """Of samples over time; its parameters are objects that hold their gradients."""

    class Held:
        def __init__(self, data):
            self.data, self.gradient = data, np.zeros_like(data)

    def __init__(self, d_model, rng):
        self.weight = self.Held(rng.normal(size=d_model))
        self.bias = self.Held(np.zeros(d_model))

    def forward(self, x):
        self.std = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        self.n = (x - x.mean(-1, keepdims=True)) / self.std
        return self.weight.data * self.n + self.bias.data

    def backward(self, d):
        self.weight.gradient = (d * self.n).sum(axis=(0, 1))
        self.bias.gradient = d.sum(axis=(0, 1))
        g = d * self.weight.data
        return (g - g.mean(-1, keepdims=True) - self.n * (g * self.n).mean(-1, keepdims=True)) / self.std


class SimpleLinear:
    """Told its activation, which may be none; divides by the batch and multiplies its rate by it."""

    def __init__(self, number_of_inputs, number_neurons, activation):
        self.W = np.random.randn(number_neurons, number_of_inputs)
        self.b = np.zeros((number_neurons, 1))
        self.activation = activation

    def forward(self, x):
        self.x = x
        z = (self.W @ x.T + self.b).T
        return np.maximum(z, 0) if self.activation == "relu" else z

    def backward(self, d, learning_rate):
        n = len(d)
        dx = d @ self.W
        rate = learning_rate * n
        self.W = self.W - rate * (d.T @ self.x / n)
        self.b = self.b - rate * (d.T.sum(1, keepdims=True) / n)
        return dx


class MyLinear:
    """Handed its parameters by every call."""

    def forward(self, x, W, b):
        self.x, self.W = x, W
        return x @ W + b

    def backward(self, gy):
        return gy @ self.W.T, self.x.T @ gy, gy.sum(axis=0)


class MyMatMul:
    """As above, without a bias."""

    def forward(self, x, W):
        self.x, self.W = x, W
        return x @ W

    def backward(self, gy):
        return gy @ self.W.T, self.x.T @ gy


class MyEmbedding:
    """Its width first."""

    def __init__(self, d_model, vocab_size):
        self.weight = np.random.randn(vocab_size, d_model)

    def forward(self, ids):
        self.ids = ids
        return self.weight[ids]

    def backward(self, d):
        self.dweight = np.zeros_like(self.weight)
        np.add.at(self.dweight, self.ids, d)


class FCLayer:
    """One sample at a time on the way back: the bias takes in what it is handed, unsummed."""

    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        return np.dot(self.input, self.weights) + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        self.weights -= learning_rate * np.dot(self.input.T, output_error)
        self.bias -= learning_rate * output_error
        return input_error


class GlobalAveragePooling2D:
    """Channels last, and without sides of one."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, dout):
        _, h, w, _ = self.shape
        return np.broadcast_to(dout[:, None, None, :] / (h * w), self.shape).copy()


class MyConv2D:
    """Its padding is a word."""

    def __init__(self, out_channels, kernel_size, in_channels, padding="valid"):
        self.W = np.random.randn(kernel_size, kernel_size, in_channels, out_channels)
        self.b = np.zeros(out_channels)
        self.k, self.pad = kernel_size, {"valid": 0, "same": kernel_size // 2}[padding]

    def forward(self, x):
        p = self.pad
        self.side = x.shape[1:3]
        self.x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        view = np.lib.stride_tricks.sliding_window_view(self.x, (self.k, self.k), (1, 2))
        return np.einsum("nhwcij,ijcf->nhwf", view, self.W) + self.b

    def backward(self, d):
        view = np.lib.stride_tricks.sliding_window_view(self.x, (self.k, self.k), (1, 2))
        self.dW, self.db = np.einsum("nhwcij,nhwf->ijcf", view, d), d.sum((0, 1, 2))
        dx = np.zeros_like(self.x)
        h, w = d.shape[1:3]
        for i in range(self.k):
            for j in range(self.k):
                dx[:, i : i + h, j : j + w] += d @ self.W[i, j].T
        p, (h, w) = self.pad, self.side
        return dx[:, p : p + h, p : p + w]


class MyLSTM:
    """Time first, the gates i f g o, both states optional."""

    def __init__(self, input_size, hidden_size):
        self.H = hidden_size
        self.W_ih, self.W_hh = np.ones((4 * hidden_size, input_size)), np.ones((4 * hidden_size, hidden_size))
        self.b_ih, self.b_hh = np.zeros(4 * hidden_size), np.zeros(4 * hidden_size)

    def forward(self, x, h0=None, c0=None):
        h = np.zeros((x.shape[1], self.H), x.dtype) if h0 is None else h0
        c = np.zeros((x.shape[1], self.H), x.dtype) if c0 is None else c0
        self.steps, out = [], []
        for t in range(len(x)):
            a = x[t] @ self.W_ih.T + self.b_ih + h @ self.W_hh.T + self.b_hh
            i, f, g, o = np.split(a, 4, axis=1)
            i, f, o, g = *(1 / (1 + np.exp(-v)) for v in (i, f, o)), np.tanh(g)
            new = f * c + i * g
            self.steps.append((x[t], h, c, i, f, g, o, np.tanh(new)))
            h, c = o * np.tanh(new), new
            out.append(h)
        return np.stack(out)

    def backward(self, d):
        self.dW_ih, self.dW_hh = np.zeros_like(self.W_ih), np.zeros_like(self.W_hh)
        self.db_ih, self.db_hh = np.zeros_like(self.b_ih), np.zeros_like(self.b_hh)
        dh, dc, dx = np.zeros_like(d[0]), np.zeros_like(d[0]), []
        for (x, h, c, i, f, g, o, tc), dy in zip(self.steps[::-1], d[::-1]):  # noqa: B905 - of one length
            dh = dh + dy
            dc = dc + dh * o * (1 - tc**2)
            da = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * tc * o * (1 - o)]
            da = np.concatenate(da, axis=1)
            self.dW_ih += da.T @ x
            self.dW_hh += da.T @ h
            self.db_ih += da.sum(0)
            self.db_hh += da.sum(0)
            dx.insert(0, da @ self.W_ih)
            dh, dc = da @ self.W_hh, dc * f
        return np.stack(dx)


class QuickGELU:
    """x sigmoid(1.702 x)"""

    def forward(self, x):
        self.x, self.s = x, 0.5 * (1 + np.tanh(0.851 * x))
        return x * self.s

    def backward(self, dy):
        return dy * (self.s + 1.702 * self.x * self.s * (1 - self.s))


class GELU:
    """a flag says which form it is"""

    def __init__(self, approximate=True):
        self.approximate = approximate

    def forward(self, x):
        if not self.approximate:
            raise NotImplementedError
        self.x = x
        self.t = np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
        return 0.5 * x * (1 + self.t)

    def backward(self, dy):
        x, t = self.x, self.t
        slope = 0.7978845608028654 * (1 + 0.134145 * x**2)
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * slope)


class DenseLayer:
    """One sample at a time, as a column; the update makes a bias for each sample of more."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros((n_out, 1))

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, delta, lr):
        dx = self.W.T @ delta
        self.W = self.W - lr * delta @ self.x.T
        self.b = self.b - lr * delta
        return dx


class Conv1D:
    """Keras' layouts, with paddings of its own: not "same"."""

    def __init__(self, in_channels, filters, kernel_size, dilation_rate=1, padding="valid"):
        if padding not in ("valid", "causal"):
            raise ValueError(padding)
        self.dilation_rate, self.padding = dilation_rate, padding
        self.W = np.random.randn(kernel_size, in_channels, filters)
        self.b = np.zeros(filters)

    def forward(self, x):
        reach = (len(self.W) - 1) * self.dilation_rate
        self.left = reach if self.padding == "causal" else 0
        self.padded = np.pad(x, ((0, 0), (self.left, 0), (0, 0)))
        self.steps = self.padded.shape[1] - reach
        return sum(self.padded[:, at] @ w for at, w in self.taps()) + self.b

    def taps(self):
        starts = np.arange(len(self.W)) * self.dilation_rate
        return [(slice(start, start + self.steps), w) for start, w in zip(starts, self.W, strict=True)]

    def backward(self, dy):
        dx = np.zeros_like(self.padded)
        self.dW = np.stack([np.einsum("btc,btf->cf", self.padded[:, at], dy) for at, _ in self.taps()])
        for at, w in self.taps():
            dx[:, at] += dy @ w.T
        self.db = dy.sum((0, 1))
        return dx[:, self.left :]


class Convolution2D:
    """Keras' arguments; the kernel is made at the first call."""

    def __init__(self, filters, kernel_size, strides=1):
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.params, self.grads = {}, {}

    def build(self, shape):
        kh, kw = self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,) * 2
        self.params = {
            "kernel": np.random.randn(kh, kw, shape[-1], self.filters), "bias": np.zeros(self.filters)
        }  # fmt: skip

    def forward(self, x):
        if not self.params:
            self.build(x.shape)
        self.x, kernel, s = x, self.params["kernel"], self.strides
        h, w = ((m - k) // s + 1 for m, k in zip(x.shape[1:3], kernel.shape[:2], strict=True))
        self.places = [
            (i, j, (slice(None), slice(i, i + s * (h - 1) + 1, s), slice(j, j + s * (w - 1) + 1, s)))
            for i, j in np.ndindex(kernel.shape[:2])
        ]
        return sum(x[at] @ kernel[i, j] for i, j, at in self.places) + self.params["bias"]

    def backward(self, grad):
        kernel = self.params["kernel"]
        dx, dkernel = np.zeros_like(self.x), np.zeros_like(kernel)
        for i, j, at in self.places:
            dx[at] += grad @ kernel[i, j].T
            dkernel[i, j] = np.tensordot(self.x[at], grad, ((0, 1, 2), (0, 1, 2)))
        self.grads = {"kernel": dkernel, "bias": grad.sum((0, 1, 2))}
        return dx


class _Slotted:
    __slots__ = ("data", "grad")

    def __init__(self, data):
        self.data, self.grad = data, None


class FullyConnectedLayer:
    """Its parameter is an object with slots."""

    def __init__(self, in_features, out_features):
        self.weight = _Slotted(np.random.randn(out_features, in_features))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T

    def backward(self, dout):
        rows = dout.reshape(-1, dout.shape[-1])
        self.weight.grad = rows.T @ self.x.reshape(-1, self.x.shape[-1])
        return dout @ self.weight.data
