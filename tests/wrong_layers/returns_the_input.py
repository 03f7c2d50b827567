"""Results are views: of the input in evaluation, of the cotangent on the way back."""

import numpy as np


def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x, lambda dy, needs_input_grad=(True,): (dy if needs_input_grad[0] else None,)
    rng = np.random.default_rng() if generator is None else generator
    scale = ((rng.random(x.shape) >= p) / (1 - p)).astype(x.dtype)

    def pullback(dy, needs_input_grad=(True,)):
        return (dy * scale if needs_input_grad[0] else None,)

    return x * scale, pullback
