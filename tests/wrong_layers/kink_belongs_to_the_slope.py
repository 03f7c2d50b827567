"""At the corners of the clamp the gradient passes."""

import numpy as np


def hardtanh(x):
    inside = (x >= -1) & (x <= 1)

    def pullback(dy, needs_input_grad=(True,)):
        return (np.where(inside, dy, 0) if needs_input_grad[0] else None,)

    return np.clip(x, -1, 1), pullback


class ReLU6:
    def forward(self, x):
        self.x = x
        return np.clip(x, 0, 6)

    def backward(self, dy):
        return dy * ((self.x > 0) & (self.x <= 6))
