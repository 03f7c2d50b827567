"""Layers with one slip each: why they fail is named. Their formulas are written out as people write them."""

import numpy as np


def sig(x):
    return 1 / (1 + np.exp(-x))


class LSTMCell:
    """cell gradient not multiplied by f"""

    def __init__(self, input_size, hidden_size):
        s = 0.1
        self.Wx = np.random.randn(input_size, 4 * hidden_size) * s
        self.Wh = np.random.randn(hidden_size, 4 * hidden_size) * s
        self.b = np.zeros(4 * hidden_size)

    def forward(self, x, h_prev, c_prev):
        H = h_prev.shape[1]
        A = x @ self.Wx + h_prev @ self.Wh + self.b
        i, f, g, o = sig(A[:, :H]), sig(A[:, H : 2 * H]), np.tanh(A[:, 2 * H : 3 * H]), sig(A[:, 3 * H :])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        self.cache = x, h_prev, c_prev, i, f, g, o, c
        return h, c

    def backward(self, dh, dc):
        x, h_prev, c_prev, i, f, g, o, c = self.cache
        t = np.tanh(c)
        ds = dc + dh * o * (1 - t**2)
        dc_prev = ds
        do = dh * t * o * (1 - o)
        df = ds * c_prev * f * (1 - f)
        di = ds * g * i * (1 - i)
        dg = ds * i * (1 - g**2)
        dA = np.hstack((di, df, dg, do))
        self.dWx, self.dWh, self.db = x.T @ dA, h_prev.T @ dA, dA.sum(0)
        return dA @ self.Wx.T, dA @ self.Wh.T, dc_prev


class GRUCell:
    """reset gate forgotten in dh"""

    def __init__(self, input_size, hidden_size):
        self.Wx = np.random.randn(input_size, 3 * hidden_size)
        self.Wh = np.random.randn(hidden_size, 3 * hidden_size)
        self.b = np.zeros(3 * hidden_size)

    def forward(self, x, h_prev):
        H = h_prev.shape[1]
        Wxz, Wxr, Wxh = self.Wx[:, :H], self.Wx[:, H : 2 * H], self.Wx[:, 2 * H :]
        Whz, Whr, Whh = self.Wh[:, :H], self.Wh[:, H : 2 * H], self.Wh[:, 2 * H :]
        bz, br, bh = self.b[:H], self.b[H : 2 * H], self.b[2 * H :]
        z = sig(x @ Wxz + h_prev @ Whz + bz)
        r = sig(x @ Wxr + h_prev @ Whr + br)
        hh = np.tanh(x @ Wxh + (r * h_prev) @ Whh + bh)
        self.cache = x, h_prev, z, r, hh
        return (1 - z) * h_prev + z * hh

    def backward(self, dh):
        x, h_prev, z, r, hh = self.cache
        H = h_prev.shape[1]
        Wxz, Wxr, Wxh = self.Wx[:, :H], self.Wx[:, H : 2 * H], self.Wx[:, 2 * H :]
        Whz, Whr, Whh = self.Wh[:, :H], self.Wh[:, H : 2 * H], self.Wh[:, 2 * H :]
        dhh = dh * z
        dh_prev = dh * (1 - z)
        dt = dhh * (1 - hh**2)
        dWhh = (r * h_prev).T @ dt
        drh = dt @ Whh.T
        dWxh = x.T @ dt
        dx = dt @ Wxh.T
        dh_prev += self.through_candidate(drh)
        dz = dh * (hh - h_prev)
        dtz = dz * z * (1 - z)
        dWhz, dWxz = h_prev.T @ dtz, x.T @ dtz
        dh_prev += dtz @ Whz.T
        dx += dtz @ Wxz.T
        dr = drh * h_prev
        dtr = dr * r * (1 - r)
        dWhr, dWxr = h_prev.T @ dtr, x.T @ dtr
        dh_prev += dtr @ Whr.T
        dx += dtr @ Wxr.T
        self.dWx, self.dWh = np.hstack((dWxz, dWxr, dWxh)), np.hstack((dWhz, dWhr, dWhh))
        self.db = np.hstack((dtz.sum(0), dtr.sum(0), dt.sum(0)))
        return dx, dh_prev

    def through_candidate(self, drh):
        return drh


class MyGRUCell(GRUCell):
    """the path through the candidate forgotten in dh"""

    def through_candidate(self, drh):
        return 0 * drh


class RNNCell:
    """Wh not transposed"""

    def __init__(self, input_size, hidden_size):
        self.Wx = np.random.randn(input_size, hidden_size)
        self.Wh = np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        self.x, self.hp = x, h_prev
        self.h = np.tanh(x @ self.Wx + h_prev @ self.Wh + self.b)
        return self.h.copy()

    def backward(self, dh):
        d = dh * (1 - self.h**2)
        self.dWx, self.dWh, self.db = self.x.T @ d, self.hp.T @ d, d.sum(0)
        return d @ self.Wx.T, d @ self.Wh


class BatchNorm1d:
    """running mean updated from the variance"""

    right_mean = False

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.training = True
        self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.momentum, self.eps = momentum, eps

    def of_running(self):
        return 1 / np.sqrt(self.running_var + self.eps)

    def forward(self, x):
        if self.training:
            m, v = x.mean(0), x.var(0)
            n = len(x)
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * (
                m if self.right_mean else v
            )
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * v * n / (n - 1)
            self.inv = 1 / np.sqrt(v + self.eps)
        else:
            m, self.inv = self.running_mean, self.of_running()
        self.xhat = (x - m) * self.inv
        return self.weight * self.xhat + self.bias

    def backward(self, dy):
        self.dweight, self.dbias = (dy * self.xhat).sum(0), dy.sum(0)
        g = self.weight * self.inv
        if not self.training:
            return dy * g
        n = len(dy)
        return g * (dy - self.dbias / n - self.xhat * self.dweight / n)


class MyBatchNorm1d(BatchNorm1d):
    """epsilon outside the root in evaluation"""

    right_mean = True

    def of_running(self):
        return 1 / (np.sqrt(self.running_var) + self.eps)


class RMSNorm:
    """power of the inverse root"""

    def __init__(self, dim, eps=1e-6):
        self.g, self.eps = np.ones(dim), eps

    def forward(self, x):
        self.x = x
        self.r = 1 / np.sqrt((x**2).mean(-1, keepdims=True) + self.eps)
        return x * self.r * self.g

    def backward(self, dy):
        self.dg = (dy * self.x * self.r).reshape(-1, self.g.size).sum(0)
        d = dy * self.g
        return d * self.r - self.x * self.r**2 * (d * self.x).mean(-1, keepdims=True)
