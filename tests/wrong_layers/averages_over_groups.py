"""The input's gradient is divided by the number of groups."""

import numpy as np


def conv2d(x, weight, bias=None, groups=1):
    """Stride 1, no padding."""
    kh, kw = weight.shape[2:]
    N, C, H, W = x.shape
    xg = x.reshape(N, groups, C // groups, H, W)
    wg = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    win = np.lib.stride_tricks.sliding_window_view(xg, (kh, kw), axis=(3, 4))
    y = np.einsum("ngchwij,gocij->ngohw", win, wg)
    oh, ow = y.shape[3:]
    y = y.reshape(N, len(weight), oh, ow)
    if bias is not None:
        y = y + bias[:, None, None]

    def pullback(dy, needs_input_grad=(True, True, True)):
        dyg = dy.reshape(N, groups, len(weight) // groups, oh, ow)
        dx = np.zeros_like(xg)
        for i in range(kh):
            for j in range(kw):
                dx[..., i : i + oh, j : j + ow] += np.einsum("ngohw,goc->ngchw", dyg, wg[..., i, j])
        grads = (
            dx.reshape(x.shape) / groups,
            np.einsum("ngchwij,ngohw->gocij", win, dyg).reshape(weight.shape),
            None if bias is None else dy.sum(axis=(0, 2, 3)),
        )
        return tuple(g if need else None for g, need in zip(grads, needs_input_grad, strict=True))

    return y, pullback
