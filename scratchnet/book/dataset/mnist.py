"""The book's ``dataset.mnist``: the data come with this package, nothing is downloaded."""

from __future__ import annotations

import numpy as np

from ...datasets import load_mnist

__all__ = ["img_dim", "img_size", "load_mnist", "np", "test_num", "train_num"]

train_num = 60000
test_num = 10000
img_dim = (1, 28, 28)
img_size = 784
