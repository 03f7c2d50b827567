"""Attention in several conventions, and a recurrent layer that gives its last state or all."""

import numpy as np


def scaled_dot_product_attention(query, key, value, is_causal=False, scale=None):
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.swapaxes(-1, -2) * factor
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)

    def pullback(dy):
        dp = dy @ value.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * factor
        return ds @ key, ds.swapaxes(-1, -2) @ query, p.swapaxes(-1, -2) @ dy

    return p @ value, pullback


def sdpa_forward(q, k, v, causal=False):
    y, pullback = scaled_dot_product_attention(q, k, v, is_causal=causal)
    return y, pullback


def sdpa_backward(dout, cache):
    return cache(dout)


class DotProductAttention:
    """The scores are not scaled."""

    def forward(self, q, k, v):
        y, self.pullback = scaled_dot_product_attention(q, k, v, scale=1.0)
        return y

    def backward(self, dout):
        return self.pullback(dout)


class LSTM:
    """Keras' names; the last state, or all of them."""

    def __init__(self, units, input_dim, return_sequences=False):
        self.units, self.return_sequences = units, return_sequences
        self.weights = {
            "kernel": np.random.randn(input_dim, 4 * units),
            "recurrent_kernel": np.random.randn(units, 4 * units),
            "bias": np.zeros(4 * units),
        }
        self.grads = {}

    def forward(self, x):
        n = self.units
        w, u, b = (self.weights[k] for k in ("kernel", "recurrent_kernel", "bias"))
        h = c = np.zeros((len(x), n), x.dtype)
        self.steps, hs = [], []
        for t in range(x.shape[1]):
            z = x[:, t] @ w + h @ u + b
            i, f, o = (1 / (1 + np.exp(-z[:, k * n : (k + 1) * n])) for k in (0, 1, 3))
            g = np.tanh(z[:, 2 * n : 3 * n])
            before, c_before, c = h, c, f * c + i * g
            h = o * np.tanh(c)
            self.steps.append((x[:, t], before, c_before, c, i, f, g, o))
            hs.append(h)
        self.shape = x.shape
        return np.stack(hs, 1) if self.return_sequences else h

    def backward(self, dout):
        w, u = self.weights["kernel"], self.weights["recurrent_kernel"]
        self.grads = {k: np.zeros_like(v) for k, v in self.weights.items()}
        dx = np.zeros(self.shape, dout.dtype)
        dh, dc = np.zeros_like(self.steps[0][1]), 0.0
        for t in reversed(range(self.shape[1])):
            x, before, c_before, c, i, f, g, o = self.steps[t]
            if self.return_sequences:
                dh = dh + dout[:, t]
            elif t == self.shape[1] - 1:
                dh = dout
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            parts = dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g)
            dz = np.concatenate([*parts, dh * np.tanh(c) * o * (1 - o)], 1)
            self.grads["kernel"] += x.T @ dz
            self.grads["recurrent_kernel"] += before.T @ dz
            self.grads["bias"] += dz.sum(0)
            dx[:, t], dh, dc = dz @ w.T, dz @ u.T, dc * f
        return dx
