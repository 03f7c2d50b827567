"""Right layers of two inputs, of a table's rows, and of another shape, as they are written by hand."""

import numpy as np


class Bilinear:
    def __init__(self, in1_features, in2_features, out_features, bias=True):
        self.weight = np.random.randn(out_features, in1_features, in2_features)
        self.bias = np.zeros(out_features) if bias else None

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        return np.einsum("...i,oij,...j->...o", x1, self.weight, x2) + self.bias

    def backward(self, dout):
        axes = tuple(range(dout.ndim - 1))
        flat1, flat2 = (x.reshape(-1, x.shape[-1]) for x in (self.x1, self.x2))
        self.dweight = np.einsum("no,ni,nj->oij", dout.reshape(-1, dout.shape[-1]), flat1, flat2)
        self.dbias = dout.sum(axis=axes)
        dx1 = np.einsum("...o,oij,...j->...i", dout, self.weight, self.x2)
        return dx1, np.einsum("...o,oij,...i->...j", dout, self.weight, self.x1)


class BilinearLayer:
    """No bias, and the outputs last."""

    def __init__(self, dim1, dim2, out_dim):
        self.W = np.random.randn(dim1, dim2, out_dim)

    def forward(self, a, b):
        self.a, self.b = a, b
        return np.einsum("ni,nj,ijo->no", a, b, self.W)

    def backward(self, dout):
        self.dW = np.einsum("ni,nj,no->ijo", self.a, self.b, dout)
        da = np.einsum("no,nj,ijo->ni", dout, self.b, self.W)
        db = np.einsum("no,ni,ijo->nj", dout, self.a, self.W)
        return da, db


class EmbeddingBag:
    """Means and sums of rows of ids."""

    def __init__(self, num_embeddings, embedding_dim, mode="mean"):
        if mode not in ("mean", "sum"):
            raise ValueError(mode)
        self.W = np.random.randn(num_embeddings, embedding_dim)
        self.mode = mode

    def forward(self, ids):
        self.ids = ids
        rows = self.W[ids]
        return rows.mean(axis=1) if self.mode == "mean" else rows.sum(axis=1)

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        for n, bag in enumerate(self.ids):
            for i in bag:
                self.dW[i] += dout[n] / (len(bag) if self.mode == "mean" else 1)


class EmbeddingBagSum:
    """Weighted sums; the weights of the entries are no parameters, and have no gradient."""

    def __init__(self, num_embeddings, embedding_dim):
        self.W = np.random.randn(num_embeddings, embedding_dim)

    def forward(self, ids, per_sample_weights=None):
        self.ids = ids
        self.scale = np.ones(ids.shape, self.W.dtype) if per_sample_weights is None else per_sample_weights
        return (self.W[ids] * self.scale[..., None]).sum(axis=1)

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.ids, dout[:, None] * self.scale[..., None])


class EmbeddingBagLayer:
    """Maxima, and bags one after the other; a bag of nothing is 0."""

    def __init__(self, num_embeddings, embedding_dim, mode="mean", padding_idx=None):
        self.weight = np.random.randn(num_embeddings, embedding_dim)
        self.mode, self.padding_idx = mode, padding_idx
        self.grads = {}

    def forward(self, x, offsets=None, per_sample_weights=None):
        if offsets is None:
            offsets = np.arange(len(x)) * x.shape[1]
        self.x, self.ends = x.reshape(-1), [*offsets, x.size]
        self.shape = x.shape
        self.scale = None if per_sample_weights is None else per_sample_weights.reshape(-1)
        out = np.zeros((len(offsets), self.weight.shape[1]), self.weight.dtype)
        self.bags = []
        for n, (a, b) in enumerate(zip(self.ends[:-1], self.ends[1:], strict=True)):
            where = [i for i in range(a, b) if self.x[i] != self.padding_idx]
            self.bags.append(where)
            rows = self.weight[self.x[where]]
            if self.scale is not None:
                rows = rows * self.scale[where, None]
            if where:
                out[n] = getattr(rows, self.mode)(axis=0)
        return out

    def backward(self, dout):
        grad = np.zeros_like(self.weight)
        dscale = None if self.scale is None else np.zeros_like(self.scale)
        for dy, where in zip(dout, self.bags, strict=True):
            if not where:
                continue
            ids = self.x[where]
            if self.mode == "max":
                best = self.weight[ids].argmax(axis=0)
                np.add.at(grad, (ids[best], np.arange(len(dy))), dy)
                continue
            for i in where:
                each = dy / len(where) if self.mode == "mean" else dy
                grad[self.x[i]] += each if self.scale is None else each * self.scale[i]
                if dscale is not None:
                    dscale[i] = each @ self.weight[self.x[i]]
        self.grads = {"weight": grad}
        return None, None, None if dscale is None else dscale.reshape(self.shape)


class Unflatten:
    def __init__(self, dim, unflattened_size):
        self.dim, self.sizes = dim, unflattened_size

    def forward(self, x):
        self.shape = x.shape
        dim = self.dim % x.ndim
        return x.reshape(*x.shape[:dim], *self.sizes, *x.shape[dim + 1 :])

    def backward(self, dout):
        return dout.reshape(self.shape)


class UnflattenLayer:
    """The shape of each sample."""

    def __init__(self, shape):
        self.sample = shape

    def forward(self, x):
        return x.reshape(len(x), *self.sample)

    def backward(self, dout):
        return dout.reshape(len(dout), -1)


def bilinear(x1, x2, weight, bias):
    """A value and its pullback, as torch.nn.functional's function is called."""

    def pullback(dy):
        return (
            np.einsum("no,oij,nj->ni", dy, weight, x2),
            np.einsum("no,oij,ni->nj", dy, weight, x1),
            np.einsum("no,ni,nj->oij", dy, x1, x2),
            dy.sum(axis=0),
        )

    return np.einsum("ni,oij,nj->no", x1, weight, x2) + bias, pullback
