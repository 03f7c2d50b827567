"""Layers: functions of `scratchnet.functional` with their state. Names and arguments as in ``torch.nn``."""

from ._activation import LogSoftmax as LogSoftmax
from ._activation import ReLU as ReLU
from ._activation import Sigmoid as Sigmoid
from ._activation import Softmax as Softmax
from ._activation import Tanh as Tanh
from ._container import Sequential as Sequential
from ._layer import Layer as Layer
from ._linear import Linear as Linear
