"""The way back spreads over the kernel as if it were not dilated."""

import numpy as np


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Stride 1."""
    k, d, p = weight.shape[2], dilation, padding
    xp = np.pad(x, ((0, 0), (0, 0), (p, p)))
    length = xp.shape[2] - d * (k - 1)
    taps = np.stack([xp[:, :, i * d : i * d + length] for i in range(k)])
    y = np.einsum("incl,oci->nol", taps, weight)
    if bias is not None:
        y = y + bias[:, None]

    def pullback(dy, needs_input_grad=(True, True, True)):
        dxp = np.zeros_like(xp)
        for i in range(k):
            dxp[:, :, i : i + length] += np.einsum("nol,oc->ncl", dy, weight[:, :, i])
        grads = (
            dxp[:, :, p : p + x.shape[2]].copy(),
            np.einsum("incl,nol->oci", taps, dy),
            None if bias is None else dy.sum(axis=(0, 2)),
        )
        return tuple(g if need else None for g, need in zip(grads, needs_input_grad, strict=True))

    return y, pullback
