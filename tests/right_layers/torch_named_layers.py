"""torch.nn's names in NumPy, einsum style: `params` and `grads` are dicts keyed as in torch's state_dict."""

import math

import numpy as np


class Module:
    def __init__(self):
        self.params = {}
        self.grads = {}
        self.training = True

    def __call__(self, *args):
        return self.forward(*args)

    def train(self, mode=True):
        self.training = mode
        return self

    def eval(self):
        return self.train(False)


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.params["weight"] = np.random.uniform(-bound, bound, (out_features, in_features))
        if bias:
            self.params["bias"] = np.random.uniform(-bound, bound, out_features)

    def forward(self, x):
        self.x = x
        y = np.einsum("...i,oi->...o", x, self.params["weight"])
        return y + self.params["bias"] if "bias" in self.params else y

    def backward(self, dy):
        self.grads["weight"] = np.einsum(
            "no,ni->oi", dy.reshape(-1, dy.shape[-1]), self.x.reshape(-1, self.x.shape[-1])
        )
        if "bias" in self.params:
            self.grads["bias"] = dy.reshape(-1, dy.shape[-1]).sum(axis=0)
        return np.einsum("...o,oi->...i", dy, self.params["weight"])


class ReLU(Module):
    def forward(self, x):
        self.positive = x > 0
        return np.where(self.positive, x, 0).astype(x.dtype)

    def backward(self, dy):
        return np.where(self.positive, dy, 0).astype(dy.dtype)


class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.negative_slope * x)

    def backward(self, dy):
        return np.where(self.x > 0, dy, self.negative_slope * dy)


class ELU(Module):
    def __init__(self, alpha=1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, dy):
        return dy * np.where(self.x > 0, 1, self.alpha * np.exp(np.minimum(self.x, 0)))


class Sigmoid(Module):
    def forward(self, x):
        self.y = np.exp(-np.logaddexp(0, -x))
        return self.y.copy()

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class Tanh(Module):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dy):
        return dy * (1 - self.y * self.y)


class GELU(Module):
    """Only the tanh form; `approximate` is kept for the signature."""

    def __init__(self, approximate="tanh"):
        super().__init__()
        if approximate != "tanh":
            raise NotImplementedError(approximate)

    def forward(self, x):
        self.x = x
        self.u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return 0.5 * x * (1 + np.tanh(self.u))

    def backward(self, dy):
        t = np.tanh(self.u)
        du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * self.x**2)
        return dy * (0.5 * (1 + t) + 0.5 * self.x * (1 - t * t) * du)


class Softmax(Module):
    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        e = np.exp(x - x.max(axis=self.dim, keepdims=True))
        self.y = e / e.sum(axis=self.dim, keepdims=True)
        return self.y.copy()

    def backward(self, dy):
        inner = (dy * self.y).sum(axis=self.dim, keepdims=True)
        return self.y * (dy - inner)


class CrossEntropyLoss(Module):
    def forward(self, logits, target):
        top = logits.max(axis=1, keepdims=True)
        log_p = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        self.p, self.target = np.exp(log_p), target
        return -log_p[np.arange(len(target)), target].mean()

    def backward(self, dy=1.0):
        d = self.p.copy()
        d[np.arange(len(d)), self.target] -= 1
        return d * dy / len(d)


class MSELoss(Module):
    def forward(self, prediction, target):
        self.difference = prediction - target
        return np.mean(self.difference**2)

    def backward(self, dy=1.0):
        return 2 * self.difference * dy / self.difference.size


class Conv2d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        k = kernel_size
        self.stride, self.padding = stride, padding
        self.params["weight"] = np.random.randn(out_channels, in_channels, k, k) / k
        if bias:
            self.params["bias"] = np.zeros(out_channels)

    def _windows(self, x):
        k = self.params["weight"].shape[2:]
        s = self.stride
        return np.lib.stride_tricks.sliding_window_view(x, k, axis=(2, 3))[:, :, ::s, ::s]

    def forward(self, x):
        p = self.padding
        self.shape = x.shape
        self.padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        y = np.einsum("nchwij,ocij->nohw", self._windows(self.padded), self.params["weight"])
        return y + self.params["bias"][:, None, None] if "bias" in self.params else y

    def backward(self, dy):
        w = self.params["weight"]
        s, p = self.stride, self.padding
        self.grads["weight"] = np.einsum("nchwij,nohw->ocij", self._windows(self.padded), dy)
        if "bias" in self.params:
            self.grads["bias"] = np.einsum("nohw->o", dy)
        spread = np.einsum("nohw,ocij->ncijhw", dy, w)
        dx = np.zeros_like(self.padded)
        oh, ow = dy.shape[2:]
        for i in range(w.shape[2]):
            for j in range(w.shape[3]):
                dx[:, :, i : i + s * oh : s, j : j + s * ow : s] += spread[:, :, i, j]
        return dx[:, :, p : p + self.shape[2], p : p + self.shape[3]].copy()


class MaxPool2d(Module):
    def __init__(self, kernel_size, stride=None):
        super().__init__()
        self.k = kernel_size
        self.s = kernel_size if stride is None else stride

    def forward(self, x):
        k, s = self.k, self.s
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]
        flat = windows.reshape(*windows.shape[:4], k * k)
        self.at, self.shape = flat.argmax(axis=-1), x.shape
        return flat.max(axis=-1)

    def backward(self, dy):
        dx = np.zeros(self.shape, dtype=dy.dtype)
        for position in range(self.k * self.k):
            i, j = divmod(position, self.k)
            chosen = np.where(self.at == position, dy, 0)
            oh, ow = dy.shape[2:]
            dx[:, :, i : i + self.s * oh : self.s, j : j + self.s * ow : self.s] += chosen
        return dx


class AvgPool2d(Module):
    def __init__(self, kernel_size, stride=None):
        super().__init__()
        self.k = kernel_size
        self.s = kernel_size if stride is None else stride

    def forward(self, x):
        self.shape = x.shape
        view = np.lib.stride_tricks.sliding_window_view(x, (self.k, self.k), axis=(2, 3))
        return view[:, :, :: self.s, :: self.s].mean(axis=(-2, -1))

    def backward(self, dy):
        dx = np.zeros(self.shape, dtype=dy.dtype)
        share = dy / (self.k * self.k)
        oh, ow = dy.shape[2:]
        for i in range(self.k):
            for j in range(self.k):
                dx[:, :, i : i + self.s * oh : self.s, j : j + self.s * ow : self.s] += share
        return dx


class BatchNorm1d(Module):
    """Momentum is the share of the new; the running variance is the unbiased one."""

    axes = (0,)

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.params = {"weight": np.ones(num_features), "bias": np.zeros(num_features)}
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

    def _wide(self, v, x):
        return v.reshape(1, -1, *(1,) * (x.ndim - 2))

    def forward(self, x):
        if self.training:
            mean, var = x.mean(axis=self.axes), x.var(axis=self.axes)
            n = x.size // x.shape[1]
            m = self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mean
            self.running_var = (1 - m) * self.running_var + m * var * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_var
        self.inv = self._wide(1 / np.sqrt(var + self.eps), x)
        self.xhat = (x - self._wide(mean, x)) * self.inv
        return self._wide(self.params["weight"], x) * self.xhat + self._wide(self.params["bias"], x)

    def backward(self, dy):
        self.grads["weight"] = (dy * self.xhat).sum(axis=self.axes)
        self.grads["bias"] = dy.sum(axis=self.axes)
        g = dy * self._wide(self.params["weight"], dy)
        if self.training:
            g = g - g.mean(axis=self.axes, keepdims=True)
            g = g - self.xhat * (g * self.xhat).mean(axis=self.axes, keepdims=True)
        return g * self.inv


class BatchNorm2d(BatchNorm1d):
    axes = (0, 2, 3)


class LayerNorm(Module):
    def __init__(self, normalized_shape, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.params = {"weight": np.ones(normalized_shape), "bias": np.zeros(normalized_shape)}

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        self.rstd = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)
        self.xhat = centred * self.rstd
        return self.xhat * self.params["weight"] + self.params["bias"]

    def backward(self, dy):
        self.grads["weight"] = (dy * self.xhat).reshape(-1, dy.shape[-1]).sum(axis=0)
        self.grads["bias"] = dy.reshape(-1, dy.shape[-1]).sum(axis=0)
        g = dy * self.params["weight"]
        along = np.einsum("...d,...d->...", g, self.xhat)[..., None] / g.shape[-1]
        return self.rstd * (g - g.mean(axis=-1, keepdims=True) - self.xhat * along)


class Dropout(Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            self.scale = np.ones_like(x)
            return x.copy()
        kept = np.random.random(x.shape) >= self.p
        self.scale = (kept / (1 - self.p)).astype(x.dtype)
        return x * self.scale

    def backward(self, dy):
        return dy * self.scale


class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim):
        super().__init__()
        self.params["weight"] = np.random.randn(num_embeddings, embedding_dim)

    def forward(self, ids):
        self.ids = ids
        return self.params["weight"][ids]

    def backward(self, dy):
        weight = self.params["weight"]
        one_hot = (self.ids.reshape(-1, 1) == np.arange(len(weight))).astype(dy.dtype)
        self.grads["weight"] = one_hot.T @ dy.reshape(-1, weight.shape[1])


class RNNCell(Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        scale = 1 / math.sqrt(hidden_size)
        self.params = {
            "weight_ih": np.random.uniform(-scale, scale, (hidden_size, input_size)),
            "weight_hh": np.random.uniform(-scale, scale, (hidden_size, hidden_size)),
            "bias_ih": np.zeros(hidden_size),
            "bias_hh": np.zeros(hidden_size),
        }

    def forward(self, x, h):
        p = self.params
        self.x, self.h = x, h
        pre = x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]
        self.out = np.tanh(pre)
        return self.out.copy()

    def backward(self, dh):
        da = dh * (1 - self.out**2)
        self.grads = {
            "weight_ih": da.T @ self.x,
            "weight_hh": da.T @ self.h,
            "bias_ih": da.sum(axis=0),
            "bias_hh": da.sum(axis=0),
        }
        return da @ self.params["weight_ih"], da @ self.params["weight_hh"]
