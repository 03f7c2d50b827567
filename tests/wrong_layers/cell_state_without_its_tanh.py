"""The derivative of tanh is taken of the state itself, not of its tanh."""

import numpy as np


class LSTM:
    """Gates in the order forget, candidate, input, output."""

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        a = x @ Wx + h_prev @ Wh + b
        f, g, i, o = (
            np.tanh(p) if k == 1 else np.exp(-np.logaddexp(0, -p)) for k, p in enumerate(np.split(a, 4, 1))
        )
        c = f * c_prev + g * i
        self.cache = x, h_prev, c_prev, f, g, i, o, c.copy()
        return o * np.tanh(c), c

    def backward(self, dh, dc):
        Wx, Wh, _ = self.params
        x, h_prev, c_prev, f, g, i, o, c = self.cache
        ds = dc + dh * o * (1 - c**2)
        da = np.hstack(
            (
                ds * c_prev * f * (1 - f),
                ds * i * (1 - g**2),
                ds * g * i * (1 - i),
                dh * np.tanh(c) * o * (1 - o),
            )
        )
        self.grads[0][...], self.grads[1][...], self.grads[2][...] = x.T @ da, h_prev.T @ da, da.sum(axis=0)
        return da @ Wx.T, da @ Wh.T, ds * f
