"""Recurrent layers under torch.nn's names, with its names of weights, each with one slip."""

import numpy as np


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


class _Recurrent:
    gates = 1

    def __init__(self, input_size, hidden_size, batch_first=False):
        self.hidden_size, self.batch_first = hidden_size, batch_first
        rows = self.gates * hidden_size
        self.weight_ih_l0 = np.random.uniform(-1, 1, (rows, input_size))
        self.weight_hh_l0 = np.random.uniform(-1, 1, (rows, hidden_size))
        self.bias_ih_l0 = np.random.uniform(-1, 1, rows)
        self.bias_hh_l0 = np.random.uniform(-1, 1, rows)

    def _steps(self, x):
        return x.swapaxes(0, 1) if self.batch_first else x

    def _zero(self):
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            setattr(self, f"grad_{name}", np.zeros_like(getattr(self, name)))

    def _add(self, x, h, dgi, dgh):
        self.grad_weight_ih_l0 += dgi.T @ x
        self.grad_weight_hh_l0 += dgh.T @ h
        self.grad_bias_ih_l0 += dgi.sum(0)
        self.grad_bias_hh_l0 += dgh.sum(0)
        return dgi @ self.weight_ih_l0, dgh @ self.weight_hh_l0

    def _projected(self, x, h):
        return x @ self.weight_ih_l0.T + self.bias_ih_l0, h @ self.weight_hh_l0.T + self.bias_hh_l0


class RNN(_Recurrent):
    def forward(self, x, h0=None):
        x = self._steps(x)
        h = np.zeros((x.shape[1], self.hidden_size), x.dtype) if h0 is None else h0[0]
        self.tape = []
        for step in x:
            gi, gh = self._projected(step, h)
            new = np.tanh(gi + gh)
            self.tape.append((step, h, new))
            h = new
        return self._steps(np.stack([kept[2] for kept in self.tape])), h[None].copy()

    def backward(self, dy, dh_n=None):
        dy = self._steps(dy)
        self._zero()
        dh = np.zeros_like(dy[0]) if dh_n is None else dh_n[0]
        dx = []
        for dstep, (x, h, new) in zip(dy[::-1], self.tape[::-1], strict=True):
            da = dstep * (1 - new * new) + dh
            dstep_x, dh = self._add(x, h, da, da)
            dx.append(dstep_x)
        return self._steps(np.stack(dx[::-1])), dh[None]


class GRU(_Recurrent):
    gates = 3

    def forward(self, x, h0=None):
        x = self._steps(x)
        h = np.zeros((x.shape[1], self.hidden_size), x.dtype) if h0 is None else h0[0]
        self.tape, ys = [], []
        for step in x:
            gi, gh = (np.split(g, 3, axis=-1) for g in self._projected(step, h))
            r, z = _sigmoid(gi[0] + gh[0]), _sigmoid(gi[1] + gh[1])
            n = np.tanh(gi[2] + r * gh[2])
            self.tape.append((step, h, r, z, n, gh[2]))
            h = (1 - z) * n + z * h
            ys.append(h)
        return self._steps(np.stack(ys)), h[None].copy()

    def backward(self, dy, dh_n=None):
        dy = self._steps(dy)
        self._zero()
        dh = np.zeros_like(dy[0]) if dh_n is None else dh_n[0]
        dx = []
        for dstep, (x, h, r, z, n, of_h) in zip(dy[::-1], self.tape[::-1], strict=True):
            d = dstep + dh
            dn = d * (1 - z) * (1 - n)
            dz = d * (h - n) * z * (1 - z)
            dr = dn * of_h * r * (1 - r)
            dstep_x, dh = self._add(
                x, h, np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1)
            )
            dh = dh + d * z
            dx.append(dstep_x)
        return self._steps(np.stack(dx[::-1])), dh[None]


class LSTM(_Recurrent):
    gates = 4

    def forward(self, x, hx=None):
        x = self._steps(x)
        if hx is None:
            h = c = np.zeros((x.shape[1], self.hidden_size), x.dtype)
        else:
            h, c = (state[0] for state in hx)
        self.tape, ys = [], []
        for step in x:
            gi, gh = self._projected(step, h)
            i, f, g, o = np.split(gi + gh, 4, axis=-1)
            i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
            before, c = c, f * c + i * g
            self.tape.append((step, h, before, i, f, g, o, np.tanh(c)))
            h = o * np.tanh(c)
            ys.append(h)
        return self._steps(np.stack(ys)), (h[None].copy(), c[None].copy())

    def backward(self, dy, dstates=None):
        dy = self._steps(dy)
        self._zero()
        dh, dc = (np.zeros_like(dy[0]),) * 2 if dstates is None else (d[0] for d in dstates)
        dx = []
        for dstep, (x, h, before, i, f, g, o, bent) in zip(dy[::-1], self.tape[::-1], strict=True):
            d = dstep + dh
            dc = dc + d * o * (1 - bent * bent)
            da = np.concatenate([
                dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g * g), d * bent * o * (1 - o),
            ], axis=1)  # fmt: skip
            dstep_x, dh = self._add(x, h, da, da)
            dc = dc * f * f
            dx.append(dstep_x)
        return self._steps(np.stack(dx[::-1])), (dh[None], dc[None])
