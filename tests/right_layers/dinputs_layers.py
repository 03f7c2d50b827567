"""Nothing is returned: forward sets self.output, backward sets self.dinputs, self.dweights, self.dbiases."""

import numpy as np


class Layer_Dense:
    """Biases are a row, (1, n_neurons)."""

    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def forward(self, inputs, training):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Activation_ReLU:
    def forward(self, inputs, training):
        self.inputs = inputs
        self.output = np.maximum(0, inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()
        self.dinputs[self.inputs <= 0] = 0


class Activation_Softmax:
    def forward(self, inputs, training):
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exp_values / np.sum(exp_values, axis=1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for index, (output, dvalue) in enumerate(zip(self.output, dvalues, strict=True)):
            column = output.reshape(-1, 1)
            jacobian = np.diagflat(column) - np.dot(column, column.T)
            self.dinputs[index] = np.dot(jacobian, dvalue)


class Layer_Dropout:
    """`rate` is the share that is dropped."""

    def __init__(self, rate):
        self.rate = 1 - rate

    def forward(self, inputs, training):
        if not training:
            self.binary_mask = np.ones_like(inputs)
        else:
            drawn = np.random.binomial(1, self.rate, size=inputs.shape) / self.rate
            self.binary_mask = drawn.astype(inputs.dtype)
        self.output = inputs * self.binary_mask

    def backward(self, dvalues):
        self.dinputs = dvalues * self.binary_mask
