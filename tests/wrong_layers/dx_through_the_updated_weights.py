"""The weights are updated before dx is computed with them."""


class Dense:
    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = self.inputs.T @ output_gradient
        self.weights = self.weights - learning_rate * weights_gradient
        self.bias = self.bias - learning_rate * output_gradient.sum(axis=0)
        return output_gradient @ self.weights.T


class FCLayer:
    """The other slip of this kind: the step goes up the hill."""

    def __init__(self, weights, bias, lr=0.25):
        self.weights, self.bias, self.lr = weights, bias, lr

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, grad):
        dx = grad @ self.weights.T
        self.weights = self.weights + self.lr * (self.x.T @ grad)
        self.bias = self.bias - self.lr * grad.sum(axis=0)
        return dx
