"""Dropouts with one slip each, in the backward pass."""

import numpy as np


class Dropout:
    """Backward draws again, from the generator that the object keeps."""

    def __init__(self, p=0.5, generator=None):
        self.p = p
        self.generator = generator or np.random.default_rng()

    def _mask(self, shape):
        return (self.generator.random(shape) >= self.p) / (1 - self.p)

    def forward(self, x):
        return x * self._mask(x.shape)

    def backward(self, dout):
        return dout * self._mask(dout.shape)


class Dropout1d:
    """Backward does not scale what was kept."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.kept = np.random.rand(*x.shape[:2], 1) >= self.p
        return x * self.kept / (1 - self.p)

    def backward(self, dout):
        return dout * self.kept


class Dropout2d:
    """Backward takes a channel's mask to be the first sample's."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = (np.random.rand(*x.shape[:2], 1, 1) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask[:1]


class ChannelDropout:
    """Elements are dropped, not whole channels."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        self.mask = (np.random.rand(*x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Dropout3d:
    """Backward lets everything through."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        return x * ((np.random.rand(*x.shape[:2], 1, 1, 1) >= self.p) / (1 - self.p))

    def backward(self, dout):
        return dout.copy()


class AlphaDropout:
    """Backward scales by 1 / (1 - p), as a dropout without its alpha does."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        limit = -1.7580993408473766
        a = ((1 - self.p) * (1 + self.p * limit**2)) ** -0.5
        self.kept = np.random.rand(*x.shape) >= self.p
        return a * np.where(self.kept, x, limit) - a * limit * self.p

    def backward(self, dout):
        return dout * self.kept / (1 - self.p)


class FeatureAlphaDropout:
    """What was dropped has a gradient as well."""

    def __init__(self, p=0.5):
        self.p = p

    def forward(self, x):
        limit = -1.7580993408473766
        self.a = ((1 - self.p) * (1 + self.p * limit**2)) ** -0.5
        kept = np.random.rand(*x.shape[:2], 1, 1) >= self.p
        return self.a * np.where(kept, x, limit) - self.a * limit * self.p

    def backward(self, dout):
        return dout * self.a
