"""The exact GELU is promised, the tanh formula is computed."""

import math

import numpy as np


def gelu(x, approximate="none"):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t = np.tanh(inner)

    def pullback(dy, needs_input_grad=(True,)):
        dinner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        dx = dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)
        return (dx if needs_input_grad[0] else None,)

    return 0.5 * x * (1 + t), pullback
