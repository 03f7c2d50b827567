"""p is the probability of dropping, here it is the one of keeping."""

import numpy as np


def dropout(x, p=0.5, training=True, generator=None):
    rng = np.random.default_rng() if generator is None else generator
    scale = ((rng.random(x.shape) < p) / (1 - p)).astype(x.dtype) if training else np.ones_like(x)

    def pullback(dy, needs_input_grad=(True,)):
        return (dy * scale if needs_input_grad[0] else None,)

    return x * scale, pullback
