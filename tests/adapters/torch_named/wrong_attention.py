"""Attention and a recurrent layer with one slip each in the backward pass."""

import numpy as np


def scaled_dot_product_attention(query, key, value, is_causal=False, scale=None):
    """The keys' gradient has the usual scale, whatever was asked for."""
    usual = query.shape[-1] ** -0.5
    factor = usual if scale is None else scale
    scores = query @ key.swapaxes(-1, -2) * factor
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)

    def pullback(dy):
        dp = dy @ value.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(-1, keepdims=True))
        return ds @ key * factor, ds.swapaxes(-1, -2) @ query * usual, p.swapaxes(-1, -2) @ dy

    return p @ value, pullback


class RNN:
    """Where the last state alone is given, its cotangent goes to the first step as well."""

    def __init__(self, units, input_dim, return_sequences=False):
        self.return_sequences = return_sequences
        self.kernel = np.random.randn(input_dim, units)
        self.recurrent_kernel = np.random.randn(units, units)
        self.bias = np.zeros(units)

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((len(x), len(self.bias)), x.dtype)]
        for t in range(x.shape[1]):
            self.hs.append(np.tanh(x[:, t] @ self.kernel + self.hs[-1] @ self.recurrent_kernel + self.bias))
        return np.stack(self.hs[1:], 1) if self.return_sequences else self.hs[-1]

    def backward(self, dout):
        last = self.x.shape[1] - 1
        self.dkernel, self.drecurrent_kernel = (
            np.zeros_like(self.kernel),
            np.zeros_like(self.recurrent_kernel),
        )
        self.dbias, dx, dh = np.zeros_like(self.bias), np.zeros_like(self.x), 0.0
        for t in range(last, -1, -1):
            dh = dh + (dout[:, t] if self.return_sequences else dout * (t in (0, last)))
            dz = dh * (1 - self.hs[t + 1] ** 2)
            self.dkernel += self.x[:, t].T @ dz
            self.drecurrent_kernel += self.hs[t].T @ dz
            self.dbias += dz.sum(0)
            dx[:, t], dh = dz @ self.kernel.T, dz @ self.recurrent_kernel.T
        return dx
