"""Data to learn from: MNIST, shipped inside the package, and any other set in the same file format."""

from ._idx import load_idx as load_idx
from ._mnist import load_mnist as load_mnist
from ._mnist import load_mnist_part as load_mnist_part
