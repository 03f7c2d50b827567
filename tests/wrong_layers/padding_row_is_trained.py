"""The row of the padding index gets a gradient like any other."""

import numpy as np


class Embedding:
    def __init__(self, num_embeddings, embedding_dim, padding_idx=None):
        self.params = {"weight": np.random.randn(num_embeddings, embedding_dim)}
        self.grads = {}
        self.padding_idx = padding_idx
        if padding_idx is not None:
            self.params["weight"][padding_idx] = 0

    def forward(self, ids):
        self.ids = ids
        return self.params["weight"][ids]

    def backward(self, dy):
        dweight = np.zeros_like(self.params["weight"])
        np.add.at(dweight, self.ids, dy)
        self.grads["weight"] = dweight
