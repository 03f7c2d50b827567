"""Right dropouts, as they are written by hand."""

import numpy as np


class Dropout:
    """With a generator of its own: a second forward pass draws another mask, as it should."""

    def __init__(self, p=0.5, generator=None):
        self.p = p
        self.generator = generator or np.random.default_rng()
        self.training = True

    def forward(self, x):
        if self.training:
            self.mask = (self.generator.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        else:
            self.mask = np.ones_like(x)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


rng = np.random.default_rng(0)


class DropoutLayer:
    """With the generator of its file."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = (rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def inverted_dropout_forward(x, p=0.5):
    mask = (rng.random(x.shape) >= p) / (1 - p)
    return x * mask, mask


def inverted_dropout_backward(dout, mask):
    return dout * mask


class InvertedDropout:
    """With a generator that was seeded when the object was made."""

    def __init__(self, rate=0.5, seed=0):
        self.rate = rate
        self.rng = np.random.RandomState(seed)

    def forward(self, x, training=True):
        self.kept = None
        if not training:
            return x.copy()
        self.kept = self.rng.rand(*x.shape) > self.rate
        return x * self.kept / (1 - self.rate)

    def backward(self, dout):
        return dout.copy() if self.kept is None else dout * self.kept / (1 - self.rate)


class Dropout1d:
    def __init__(self, p=0.5):
        self.p = p
        self.training = True

    def forward(self, x):
        self.scale = np.ones((*x.shape[:2], 1), x.dtype)
        if self.training:
            self.scale[...] = (np.random.rand(*self.scale.shape) >= self.p) / (1 - self.p)
        return x * self.scale

    def backward(self, dout):
        return dout * self.scale


class Dropout2d:
    def __init__(self, p=0.5):
        self.p = p
        self.rng = np.random.default_rng(3)

    def forward(self, x, training=True):
        n, c, _, _ = x.shape
        self.mask = np.ones((n, c, 1, 1))
        if training:
            self.mask = self.rng.binomial(1, 1 - self.p, (n, c, 1, 1)) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class SpatialDropout2D:
    """Channels last, as Keras has them."""

    def __init__(self, rate=0.5):
        self.rate = rate

    def forward(self, x, training=True):
        self.mask = np.ones((len(x), 1, 1, x.shape[-1]))
        if training:
            self.mask = (np.random.random(self.mask.shape) >= self.rate) / (1 - self.rate)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Dropout3d:
    """Channel by channel; p is the share kept."""

    def __init__(self, keep_prob=0.5):
        self.keep_prob = keep_prob

    def forward(self, x, training=True):
        out = x.copy()
        self.scale = np.ones(x.shape[:2], x.dtype)
        for n in range(x.shape[0]):
            for c in range(x.shape[1]):
                if training:
                    self.scale[n, c] = (np.random.rand() < self.keep_prob) / self.keep_prob
                out[n, c] *= self.scale[n, c]
        return out

    def backward(self, dout):
        return dout * self.scale[:, :, None, None, None]


class AlphaDropout:
    def __init__(self, p=0.5):
        self.p = p
        self.training = True

    def forward(self, x):
        self.factor = np.ones_like(x)
        if not self.training:
            return x.copy()
        limit = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
        a = ((1 - self.p) * (1 + self.p * limit**2)) ** -0.5
        b = -a * limit * self.p
        kept = np.random.rand(*x.shape) >= self.p
        self.factor = (a * kept).astype(x.dtype)
        return (a * np.where(kept, x, limit) + b).astype(x.dtype)

    def backward(self, dout):
        return dout * self.factor


class FeatureAlphaDropout:
    def __init__(self, p=0.5):
        self.p = p
        self.rng = np.random.default_rng()

    def forward(self, x, training=True):
        self.factor = 1.0
        if not training:
            return x * 1.0
        limit = -1.7580993408473766
        a = ((1 - self.p) * (1 + self.p * limit**2)) ** -0.5
        kept = self.rng.random(x.shape[:2] + (1,) * (x.ndim - 2)) >= self.p
        self.factor = a * kept
        return x * self.factor + a * limit * (1 - kept) - a * self.p * limit

    def backward(self, dout):
        return dout * self.factor


def dropout2d(x, p=0.5, training=True, generator=None):
    """A value and its pullback, as torch.nn.functional's function is called."""
    scale = np.ones(x.shape[:2] + (1,) * (x.ndim - 2), x.dtype)
    if training:
        scale[...] = (generator.random(scale.shape) >= p) / (1 - p)

    def pullback(dy):
        return (dy * scale,)

    return x * scale, pullback
