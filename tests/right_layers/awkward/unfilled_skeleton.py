"""A course's skeleton: one pair filled in, the others not yet."""


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1) @ w + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T @ dout, dout.sum(axis=0)


def relu_forward(x):
    out = None
    # TODO: implement the ReLU forward pass
    return out, x


def relu_backward(dout, cache):
    dx = None
    # TODO: implement the ReLU backward pass
    return dx


class Sigmoid:
    def forward(self, x):
        pass

    def backward(self, dout):
        raise NotImplementedError
