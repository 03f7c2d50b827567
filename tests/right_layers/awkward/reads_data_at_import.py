"""Reads a data file that only its author has, after the layers."""

import numpy as np


class Sigmoid:
    def forward(self, x):
        self.y = np.exp(-np.logaddexp(0, -x))
        return self.y.copy()

    def backward(self, dout):
        return dout * self.y * (1 - self.y)


data = np.loadtxt("train_of_the_author.csv", delimiter=",")
