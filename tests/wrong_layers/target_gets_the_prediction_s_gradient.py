"""The two slots are exchanged, and with them the signs."""

import numpy as np


def mse_loss(x, target):
    d = x - target

    def pullback(dy, needs_input_grad=(True, True)):
        dtarget, dx = d * (2 * dy / d.size), d * (-2 * dy / d.size)
        return dx if needs_input_grad[0] else None, dtarget if needs_input_grad[1] else None

    return np.asarray((d * d).mean()), pullback
