"""Backward draws a mask of its own."""

import numpy as np


class Layer_Dropout:
    def __init__(self, rate):
        self.rate = rate

    def _mask(self, like):
        return ((np.random.random(like.shape) >= self.rate) / (1 - self.rate)).astype(like.dtype)

    def forward(self, inputs, training):
        self.training = training
        self.output = inputs * self._mask(inputs) if training else inputs.copy()

    def backward(self, dvalues):
        self.dinputs = dvalues * self._mask(dvalues) if self.training else dvalues.copy()
