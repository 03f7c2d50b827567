"""Right activations, as they are written by hand."""

import numpy as np


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


class Softmax2d:
    """Over the channels of (N, C, H, W)."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)
        return self.out

    def backward(self, dout):
        return self.out * (dout - (dout * self.out).sum(axis=1, keepdims=True))


class Softmin:
    def __init__(self, dim=-1):
        self.dim = dim

    def forward(self, x):
        e = np.exp(x.min(axis=self.dim, keepdims=True) - x)
        self.p = e / e.sum(axis=self.dim, keepdims=True)
        return self.p

    def backward(self, dout):
        inner = np.sum(dout * self.p, axis=self.dim, keepdims=True)
        return -self.p * (dout - inner)


class GLU:
    """The channels are halved, whatever else there is."""

    def forward(self, x):
        self.a, b = np.split(x, 2, axis=1)
        self.gate = _sigmoid(b)
        return self.a * self.gate

    def backward(self, dout):
        db = dout * self.a * self.gate * (1 - self.gate)
        return np.concatenate([dout * self.gate, db], axis=1)


class GatedLinearUnit:
    """The last dimension is halved."""

    def forward(self, x):
        half = x.shape[-1] // 2
        self.x, self.gate = x, _sigmoid(x[..., half:])
        return x[..., :half] * self.gate

    def backward(self, dout):
        half = self.x.shape[-1] // 2
        dx = np.empty_like(self.x)
        dx[..., :half] = dout * self.gate
        dx[..., half:] = dout * self.x[..., :half] * self.gate * (1 - self.gate)
        return dx


class Hardshrink:
    def __init__(self, lambd=0.5):
        self.lambd = lambd

    def forward(self, x):
        self.kept = (x > self.lambd) | (x < -self.lambd)
        return np.where(self.kept, x, 0)

    def backward(self, dout):
        return np.where(self.kept, dout, 0)


class HardShrink:
    """A number written into it."""

    def forward(self, x):
        self.kept = np.abs(x) > 0.5
        return x * self.kept

    def backward(self, dout):
        return dout * self.kept


class Softshrink:
    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def forward(self, x):
        self.x = x
        t = self.threshold
        return np.where(x > t, x - t, np.where(x < -t, x + t, 0.0)).astype(x.dtype)

    def backward(self, dout):
        return dout * (np.abs(self.x) > self.threshold)


class Tanhshrink:
    def forward(self, x):
        self.t = np.tanh(x)
        return x - self.t

    def backward(self, dout):
        return dout * self.t**2


class Threshold:
    def __init__(self, threshold, value):
        self.threshold, self.value = threshold, value

    def forward(self, x):
        self.mask = x > self.threshold
        return np.where(self.mask, x, x.dtype.type(self.value))

    def backward(self, dout):
        return dout * self.mask


class ThresholdedReLU:
    """Keras' name of its option."""

    def __init__(self, theta=1.0):
        self.theta = theta

    def forward(self, inputs):
        self.mask = inputs > self.theta
        return inputs * self.mask

    def backward(self, dout):
        return dout * self.mask


class RReLU:
    """A slope for each element, drawn from a generator of its own; their mean in evaluation."""

    def __init__(self, lower=1 / 8, upper=1 / 3):
        self.lower, self.upper = lower, upper
        self.rng = np.random.default_rng()
        self.training = True

    def forward(self, x):
        if self.training:
            slope = self.rng.uniform(self.lower, self.upper, x.shape)
        else:
            slope = (self.lower + self.upper) / 2
        self.slope = np.where(x > 0, 1, slope).astype(x.dtype)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


class RandomizedLeakyReLU:
    """Slopes are drawn for what is negative alone."""

    def __init__(self, lower=0.125, upper=0.375):
        self.lower, self.upper = lower, upper

    def forward(self, x, training=True):
        self.slope = np.ones_like(x)
        below = x <= 0
        if training:
            self.slope[below] = np.random.uniform(self.lower, self.upper, int(below.sum()))
        else:
            self.slope[below] = (self.lower + self.upper) / 2
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


class Softplus:
    """As PyTorch has it: a line above the threshold."""

    def __init__(self, beta=1.0, threshold=20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, x):
        self.z = self.beta * x
        return np.where(self.z > self.threshold, x, np.logaddexp(0, self.z) / self.beta).astype(x.dtype)

    def backward(self, dout):
        return np.where(self.z > self.threshold, dout, dout * _sigmoid(self.z))


class SoftPlus:
    """The sharpness alone, by another name's spelling."""

    def __init__(self, beta=1):
        self.beta = beta

    def forward(self, x):
        self.x = x
        z = self.beta * x
        return (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / self.beta

    def backward(self, dout):
        return dout * _sigmoid(self.beta * self.x)


class Hardtanh:
    def __init__(self, min_val=-1.0, max_val=1.0):
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x):
        self.inside = (x > self.min_val) & (x < self.max_val)
        return np.clip(x, self.min_val, self.max_val)

    def backward(self, dout):
        return dout * self.inside


class HardTanh:
    """Between two numbers written into it."""

    def forward(self, x):
        self.x = x
        return np.maximum(-1.0, np.minimum(1.0, x))

    def backward(self, dout):
        dx = dout.copy()
        dx[np.abs(self.x) >= 1] = 0
        return dx


class Hardsigmoid:
    def forward(self, x):
        self.inside = (x > -3) & (x < 3)
        return np.clip(x / 6 + 0.5, 0, 1)

    def backward(self, dout):
        return np.where(self.inside, dout / 6, 0)


class HardSigmoid:
    """Keras' first one."""

    def forward(self, x):
        self.x = x
        return np.clip(0.2 * x + 0.5, 0, 1)

    def backward(self, dout):
        return np.where(np.abs(0.2 * self.x) < 0.5, 0.2 * dout, 0)


def hardshrink(x, lambd=0.5):
    """A value and its pullback, as torch.nn.functional's function is called."""
    kept = np.abs(x) > lambd

    def pullback(dy):
        return (np.where(kept, dy, 0),)

    return np.where(kept, x, 0), pullback


def softshrink_forward(x, lambd=0.5):
    return np.sign(x) * np.maximum(np.abs(x) - lambd, 0), (x, lambd)


def softshrink_backward(dout, cache):
    x, lambd = cache
    return dout * (np.abs(x) > lambd)
