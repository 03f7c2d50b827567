"""Samples are columns; db is a mean over them, dW a sum."""


class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, A):
        self.A = A
        return self.W @ A + self.b

    def backward(self, dZ):
        self.dW = dZ @ self.A.T
        self.db = dZ.mean(axis=1, keepdims=True)
        return self.W.T @ dZ
