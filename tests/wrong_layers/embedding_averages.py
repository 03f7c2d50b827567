"""Each row's gradient is divided by how often its index is met."""

import numpy as np


def embedding(ids, weight):
    flat = ids.reshape(-1)

    def pullback(dy, needs_input_grad=(False, True)):
        if not needs_input_grad[1]:
            return None, None
        dweight = np.zeros_like(weight)
        np.add.at(dweight, ids, dy)
        count = np.bincount(flat, minlength=len(weight))
        return None, dweight / np.maximum(count, 1).astype(weight.dtype)[:, None]

    return weight[ids], pullback
