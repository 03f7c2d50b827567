"""exp(x) / (1 + exp(x)): infinity over infinity from x = 89 on in float32."""

import numpy as np


class Sigmoid:
    def forward(self, x):
        e = np.exp(x)
        self.out = e / (1 + e)
        return self.out.copy()

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


def softplus(x):
    """The other of this kind: log1p(exp(x))."""
    y = np.log1p(np.exp(x))

    def pullback(dy, needs_input_grad=(True,)):
        s = np.exp(-np.logaddexp(0, -x))
        return (dy * s if needs_input_grad[0] else None,)

    return y, pullback
