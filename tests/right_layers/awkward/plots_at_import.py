"""A notebook saved as a file: a plot of the activation at the bottom."""

import matplotlib.pyplot as plt
import numpy as np


class Relu:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * (self.x > 0)


grid = np.linspace(-3, 3, 61)
plt.plot(grid, Relu().forward(grid))
plt.show()
