"""torch.nn.functional's names; every function returns its value and its pullback."""

import numpy as np


def _asked(grads, needs):
    return tuple(g() if n else None for g, n in zip(grads, needs, strict=True))


def linear(x, weight, bias=None):
    y = x @ weight.T
    if bias is not None:
        y = y + bias

    def pullback(dy, needs_input_grad=(True, True, True)):
        rows = dy.reshape(-1, dy.shape[-1])
        return _asked(
            (
                lambda: dy @ weight,
                lambda: rows.T @ x.reshape(-1, x.shape[-1]),
                lambda: None if bias is None else rows.sum(axis=0),
            ),
            needs_input_grad,
        )

    return y, pullback


def relu(x):
    def pullback(dy, needs_input_grad=(True,)):
        return _asked((lambda: np.where(x > 0, dy, 0).astype(dy.dtype),), needs_input_grad)

    return np.maximum(x, 0), pullback


def silu(x):
    s = np.exp(-np.logaddexp(0, -x))

    def pullback(dy, needs_input_grad=(True,)):
        return _asked((lambda: dy * s * (1 + x * (1 - s)),), needs_input_grad)

    return x * s, pullback


def log_softmax(x, dim):
    shifted = x - x.max(axis=dim, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))
    kept = y.copy()

    def pullback(dy, needs_input_grad=(True,)):
        total = dy.sum(axis=dim, keepdims=True)
        return _asked((lambda: dy - np.exp(kept) * total,), needs_input_grad)

    return y, pullback


def mse_loss(x, target):
    d = x - target

    def pullback(dy, needs_input_grad=(True, True)):
        return _asked((lambda: d * (2 * dy / d.size), lambda: d * (-2 * dy / d.size)), needs_input_grad)

    return np.asarray((d * d).mean()), pullback


def cross_entropy(x, target):
    log_p, inner = log_softmax(x, 1)
    rows = np.arange(len(x))

    def pullback(dy, needs_input_grad=(True, False)):
        dlog = np.zeros_like(x)
        dlog[rows, target] = -dy / len(x)
        return (inner(dlog)[0] if needs_input_grad[0] else None), None

    return np.asarray(-log_p[rows, target].mean()), pullback


def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    p, s = padding, stride
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(xp, (kh, kw), axis=(2, 3))[:, :, ::s, ::s]
    y = np.einsum("nchwij,ocij->nohw", windows, weight)
    if bias is not None:
        y = y + bias[:, None, None]

    def dx(dy):
        # the full correlation of the spread cotangent with the flipped kernel
        oh, ow = dy.shape[2:]
        spread = np.zeros((*dy.shape[:2], xp.shape[2] + kh - 1, xp.shape[3] + kw - 1), dtype=dy.dtype)
        spread[:, :, kh - 1 : kh - 1 + s * oh : s, kw - 1 : kw - 1 + s * ow : s] = dy
        seen = np.lib.stride_tricks.sliding_window_view(spread, (kh, kw), axis=(2, 3))
        full = np.einsum("nohwij,ocij->nchw", seen, weight[:, :, ::-1, ::-1])
        return full[:, :, p : p + x.shape[2], p : p + x.shape[3]].copy()

    def pullback(dy, needs_input_grad=(True, True, True)):
        return _asked(
            (
                lambda: dx(dy),
                lambda: np.einsum("nchwij,nohw->ocij", windows, dy),
                lambda: None if bias is None else dy.sum(axis=(0, 2, 3)),
            ),
            needs_input_grad,
        )

    return y, pullback


def batch_norm(x, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5):
    axes = tuple(a for a in range(x.ndim) if a != 1)

    def wide(v):
        return v.reshape(1, -1, *(1,) * (x.ndim - 2))

    if training:
        n = x.size // x.shape[1]
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        state = (
            (1 - momentum) * running_mean + momentum * mean,
            (1 - momentum) * running_var + momentum * var * (n / (n - 1)),
        )
    else:
        mean, var = running_mean, running_var
        state = running_mean.copy(), running_var.copy()
    inv = wide(1 / np.sqrt(var + eps))
    xhat = (x - wide(mean)) * inv

    def pullback(dy, needs_input_grad=(True, False, False, True, True)):
        g = dy * wide(weight)
        if training:
            g = g - g.mean(axis=axes, keepdims=True)
            g = g - xhat * (g * xhat).mean(axis=axes, keepdims=True)
        needs = needs_input_grad
        return (
            g * inv if needs[0] else None,
            None,
            None,
            (dy * xhat).sum(axis=axes) if needs[3] else None,
            dy.sum(axis=axes) if needs[4] else None,
        )

    return xhat * wide(weight) + wide(bias), pullback, state


def rms_norm(x, weight, eps=1e-5):
    r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    n = x * r

    def pullback(dy, needs_input_grad=(True, True)):
        def dx():
            g = dy * weight
            return r * (g - n * (g * n).mean(axis=-1, keepdims=True))

        return _asked((dx, lambda: (dy * n).reshape(-1, x.shape[-1]).sum(axis=0)), needs_input_grad)

    return n * weight, pullback


def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        scale = np.ones_like(x)
    elif p == 1:
        scale = np.zeros_like(x)
    else:
        rng = np.random.default_rng() if generator is None else generator
        scale = ((rng.random(x.shape) >= p) / (1 - p)).astype(x.dtype)

    def pullback(dy, needs_input_grad=(True,)):
        return _asked((lambda: dy * scale,), needs_input_grad)

    return x * scale, pullback


def embedding(ids, weight):
    def pullback(dy, needs_input_grad=(False, True)):
        dweight = None
        if needs_input_grad[1]:
            dweight = np.zeros_like(weight)
            np.add.at(dweight, ids, dy)
        return None, dweight

    return weight[ids], pullback


def scaled_dot_product_attention(query, key, value):
    scale = 1 / np.sqrt(np.asarray(query.shape[-1], dtype=query.dtype))
    scores = query @ key.swapaxes(-1, -2) * scale
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    a = e / e.sum(axis=-1, keepdims=True)

    def pullback(dy, needs_input_grad=(True, True, True)):
        da = dy @ value.swapaxes(-1, -2)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) * scale
        return _asked(
            (lambda: ds @ key, lambda: ds.swapaxes(-1, -2) @ query, lambda: a.swapaxes(-1, -2) @ dy),
            needs_input_grad,
        )

    return a @ value, pullback
