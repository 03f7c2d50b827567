"""The loop over time starts one step too early in time."""

import numpy as np


class TimeRNN:
    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]
        self.stateful = stateful

    def forward(self, xs):
        Wx, Wh, b = self.params
        self.xs = xs
        self.hs = [np.zeros((len(xs), len(Wh)), dtype=xs.dtype)]
        for t in range(xs.shape[1]):
            self.hs.append(np.tanh(xs[:, t] @ Wx + self.hs[-1] @ Wh + b))
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dhs):
        Wx, Wh, _ = self.params
        T = dhs.shape[1]
        dxs = np.zeros_like(self.xs)
        totals = [np.zeros_like(p) for p in self.params]
        dh = 0
        for t in range(T - 2, -1, -1) if T > 1 else [0]:
            da = (dhs[:, t] + dh) * (1 - self.hs[t + 1] ** 2)
            dxs[:, t] = da @ Wx.T
            totals[0] += self.xs[:, t].T @ da
            totals[1] += self.hs[t].T @ da
            totals[2] += da.sum(axis=0)
            dh = da @ Wh.T
        for grad, total in zip(self.grads, totals, strict=True):
            grad[...] = total
        return dxs
