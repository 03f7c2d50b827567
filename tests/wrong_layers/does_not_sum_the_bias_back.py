"""Broadcasting the bias over time is not summed back."""


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    return (x.reshape(N * T, D) @ w).reshape(N, T, -1) + b, (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    N, T, D = x.shape
    flat = dout.reshape(N * T, -1)
    dx = (flat @ w.T).reshape(x.shape)
    dw = x.reshape(N * T, D).T @ flat
    return dx, dw, dout.sum(axis=0)


def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout[0].copy()
    return dx, dw, db
