"""Forward divides the scores by the root of their depth, backward forgets to."""

import numpy as np


def scaled_dot_product_attention(query, key, value):
    scale = 1 / np.sqrt(np.asarray(query.shape[-1], dtype=query.dtype))
    scores = query @ key.swapaxes(-1, -2) * scale
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    a = e / e.sum(axis=-1, keepdims=True)

    def pullback(dy, needs_input_grad=(True, True, True)):
        da = dy @ value.swapaxes(-1, -2)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
        grads = ds @ key, ds.swapaxes(-1, -2) @ query, a.swapaxes(-1, -2) @ dy
        return tuple(g if need else None for g, need in zip(grads, needs_input_grad, strict=True))

    return a @ value, pullback
