"""The same pairs without loops over pixels: stride tricks and tensordot; composites over them."""

import numpy as np
from numpy.lib.stride_tricks import as_strided


def _windows(x, kh, kw, stride):
    N, C, H, W = x.shape
    oh, ow = (H - kh) // stride + 1, (W - kw) // stride + 1
    s = x.strides
    shape = (N, C, oh, ow, kh, kw)
    return as_strided(x, shape, (s[0], s[1], s[2] * stride, s[3] * stride, s[2], s[3]), writeable=False)


def relu_forward(x):
    return x * (x > 0), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    win = _windows(padded, w.shape[2], w.shape[3], stride)
    out = np.tensordot(win, w, axes=((1, 4, 5), (1, 2, 3))) + b
    return out.transpose(0, 3, 1, 2), (x.shape, padded, w, stride, pad)


def conv_backward(dout, cache):
    (_, _, H, W), padded, w, stride, pad = cache
    kh, kw = w.shape[2:]
    oh, ow = dout.shape[2:]
    dw = np.tensordot(dout, _windows(padded, kh, kw, stride), axes=((0, 2, 3), (0, 2, 3)))
    db = dout.sum(axis=(0, 2, 3))
    spread = np.tensordot(dout, w, axes=((1,), (0,)))  # N, oh, ow, C, kh, kw
    dpadded = np.zeros_like(padded)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + stride * oh, stride)
            columns = slice(j, j + stride * ow, stride)
            dpadded[:, :, rows, columns] += spread[..., i, j].transpose(0, 3, 1, 2)
    return dpadded[:, :, pad : pad + H, pad : pad + W].copy(), dw, db


def max_pool_forward(x, pool_param):
    kh, kw, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    win = _windows(x, kh, kw, stride)
    flat = win.reshape(*win.shape[:4], kh * kw)
    where = flat.argmax(axis=-1)
    out = np.take_along_axis(flat, where[..., None], axis=-1)[..., 0]
    return out, (x.shape, where, kw, stride)


def max_pool_backward(dout, cache):
    shape, where, kw, stride = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    n, c, i, j = np.indices(dout.shape)
    np.add.at(dx, (n, c, i * stride + where // kw, j * stride + where % kw), dout)
    return dx


def conv_relu_forward(x, w, b, conv_param):
    a, conv_cache = conv_forward(x, w, b, conv_param)
    out, relu_cache = relu_forward(a)
    return out, (conv_cache, relu_cache)


def conv_relu_backward(dout, cache):
    conv_cache, relu_cache = cache
    return conv_backward(relu_backward(dout, relu_cache), conv_cache)


def conv_relu_pool_forward(x, w, b, conv_param, pool_param):
    a, first = conv_relu_forward(x, w, b, conv_param)
    out, second = max_pool_forward(a, pool_param)
    return out, (first, second)


def conv_relu_pool_backward(dout, cache):
    first, second = cache
    return conv_relu_backward(max_pool_backward(dout, second), first)
