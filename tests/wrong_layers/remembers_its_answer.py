"""The first answer is kept and given again, whatever the next cotangent is, and whoever has written to it."""

import numpy as np


def sigmoid(x):
    y = np.exp(-np.logaddexp(0, -x))
    kept = []

    def pullback(dy, needs_input_grad=(True,)):
        if not kept:
            kept.append(dy * y * (1 - y))
        return (kept[0] if needs_input_grad[0] else None,)

    return y.copy(), pullback
