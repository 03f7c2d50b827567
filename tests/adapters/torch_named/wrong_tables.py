"""Layers of two inputs, of a table's rows, and of another shape, with one slip each, in the backward pass."""

import numpy as np


class Bilinear:
    """The second input's gradient is made with the second input."""

    def __init__(self, in1_features, in2_features, out_features):
        self.weight = np.random.randn(out_features, in1_features, in2_features)
        self.bias = np.zeros(out_features)

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        return np.einsum("ni,oij,nj->no", x1, self.weight, x2) + self.bias

    def backward(self, dout):
        self.dweight = np.einsum("no,ni,nj->oij", dout, self.x1, self.x2)
        self.dbias = dout.sum(axis=0)
        dx1 = np.einsum("no,oij,nj->ni", dout, self.weight, self.x2)
        return dx1, np.einsum("no,oij,nj->nj", dout, self.weight, self.x2)


class EmbeddingBag:
    """A row that is twice in a bag has the gradient of one."""

    def __init__(self, num_embeddings, embedding_dim, mode="mean"):
        self.W = np.random.randn(num_embeddings, embedding_dim)
        self.mode = mode

    def forward(self, ids):
        self.ids = ids
        rows = self.W[ids]
        return getattr(rows, self.mode)(axis=1)

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        share = 1 / self.ids.shape[1] if self.mode == "mean" else 1
        for n, bag in enumerate(self.ids):
            self.dW[bag] += dout[n] * self.W.dtype.type(share)


class Unflatten:
    """Back in the other order."""

    def __init__(self, dim, unflattened_size):
        self.dim, self.sizes = dim, unflattened_size

    def forward(self, x):
        self.shape = x.shape
        dim = self.dim % x.ndim
        return x.reshape(*x.shape[:dim], *self.sizes, *x.shape[dim + 1 :])

    def backward(self, dout):
        return dout.reshape(self.shape, order="F")
