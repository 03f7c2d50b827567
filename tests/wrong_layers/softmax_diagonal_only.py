"""The Jacobian of the softmax without what lies off its diagonal."""

import numpy as np


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.output = e / e.sum(axis=-1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = dvalues * self.output * (1 - self.output)
