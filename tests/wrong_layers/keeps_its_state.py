"""The state of the last sequence is where the next one starts, though nobody asked for it."""

import numpy as np


class TimeRNN:
    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]
        self.stateful = stateful
        self.h = None

    def forward(self, xs):
        Wx, Wh, b = self.params
        if self.h is None or self.h.shape != (len(xs), len(Wh)):
            self.h = np.zeros((len(xs), len(Wh)), dtype=xs.dtype)
        self.xs, self.hs = xs, [self.h]
        for t in range(xs.shape[1]):
            self.hs.append(np.tanh(xs[:, t] @ Wx + self.hs[-1] @ Wh + b))
        self.h = self.hs[-1]
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dhs):
        Wx, Wh, _ = self.params
        dxs = np.zeros_like(self.xs)
        totals = [np.zeros_like(p) for p in self.params]
        dh = 0
        for t in reversed(range(dhs.shape[1])):
            da = (dhs[:, t] + dh) * (1 - self.hs[t + 1] ** 2)
            dxs[:, t] = da @ Wx.T
            totals[0] += self.xs[:, t].T @ da
            totals[1] += self.hs[t].T @ da
            totals[2] += da.sum(axis=0)
            dh = da @ Wh.T
        for grad, total in zip(self.grads, totals, strict=True):
            grad[...] = total
        return dxs
