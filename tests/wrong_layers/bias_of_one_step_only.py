"""Over time the weights' gradients are summed, the bias' is replaced."""

import numpy as np


class TimeLSTM:
    """Gates in the order forget, candidate, input, output."""

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, xs):
        Wx, Wh, b = self.params
        H = len(Wh)
        self.xs, self.steps = xs, []
        h = np.zeros((len(xs), H), dtype=xs.dtype)
        c = np.zeros_like(h)
        out = []
        for t in range(xs.shape[1]):
            a = xs[:, t] @ Wx + h @ Wh + b
            f, g, i, o = (
                np.tanh(p) if k == 1 else np.exp(-np.logaddexp(0, -p))
                for k, p in enumerate(np.split(a, 4, 1))
            )
            prev = h, c
            c = f * c + g * i
            h = o * np.tanh(c)
            self.steps.append((*prev, f, g, i, o, np.tanh(c)))
            out.append(h)
        return np.stack(out, axis=1)

    def backward(self, dhs):
        Wx, Wh, _ = self.params
        dxs = np.zeros_like(self.xs)
        totals = [np.zeros_like(p) for p in self.params]
        dh = dc = 0
        for t in reversed(range(len(self.steps))):
            h, c, f, g, i, o, tc = self.steps[t]
            dh = dh + dhs[:, t]
            dc = dc + dh * o * (1 - tc**2)
            da = np.hstack(
                (dc * c * f * (1 - f), dc * i * (1 - g**2), dc * g * i * (1 - i), dh * tc * o * (1 - o))
            )
            dxs[:, t] = da @ Wx.T
            totals[0] += self.xs[:, t].T @ da
            totals[1] += h.T @ da
            totals[2] = da.sum(axis=0)
            dh, dc = da @ Wh.T, dc * f
        for grad, total in zip(self.grads, totals, strict=True):
            grad[...] = total
        return dxs
