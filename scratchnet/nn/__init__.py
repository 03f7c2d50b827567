"""Layers: functions of `scratchnet.functional` with their state. Names and arguments as in ``torch.nn``."""

from ._activation import LogSoftmax as LogSoftmax
from ._activation import ReLU as ReLU
from ._activation import Sigmoid as Sigmoid
from ._activation import Softmax as Softmax
from ._activation import Tanh as Tanh
from ._container import Sequential as Sequential
from ._conv import Conv1d as Conv1d
from ._conv import Conv2d as Conv2d
from ._conv import Conv3d as Conv3d
from ._dropout import Dropout as Dropout
from ._layer import Layer as Layer
from ._linear import Linear as Linear
from ._loss import CrossEntropyLoss as CrossEntropyLoss
from ._loss import MSELoss as MSELoss
from ._loss import NLLLoss as NLLLoss
from ._normalization import BatchNorm1d as BatchNorm1d
from ._normalization import BatchNorm2d as BatchNorm2d
from ._normalization import BatchNorm3d as BatchNorm3d
from ._pool import AvgPool1d as AvgPool1d
from ._pool import AvgPool2d as AvgPool2d
from ._pool import AvgPool3d as AvgPool3d
from ._pool import MaxPool1d as MaxPool1d
from ._pool import MaxPool2d as MaxPool2d
from ._pool import MaxPool3d as MaxPool3d
from ._reshape import Flatten as Flatten
