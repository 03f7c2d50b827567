"""The mathematics: every function returns its value and its pullback.

Names and arguments are those of ``torch.nn.functional``, except that the first argument is called ``x``.

>>> import numpy as np
>>> import scratchnet.functional as F
>>> y, pullback = F.relu(np.array([-1.0, 2.0]))
>>> pullback(np.ones(2))[0].tolist()
[0.0, 1.0]

``pullback(dy, needs_input_grad)`` maps the cotangent of the value to one slot for each array argument, in the
order of the signature: None where the argument was not given, has no derivative or was not asked for. It is a
pure function of the call's arguments and result, which it keeps: do not write to those before you have
called it.
"""

from ._activation import log_softmax as log_softmax
from ._activation import relu as relu
from ._activation import sigmoid as sigmoid
from ._activation import softmax as softmax
from ._activation import tanh as tanh
from ._conv import conv1d as conv1d
from ._conv import conv2d as conv2d
from ._conv import conv3d as conv3d
from ._dropout import dropout as dropout
from ._linear import linear as linear
from ._loss import cross_entropy as cross_entropy
from ._loss import mse_loss as mse_loss
from ._loss import nll_loss as nll_loss
from ._normalization import batch_norm as batch_norm
from ._pool import avg_pool1d as avg_pool1d
from ._pool import avg_pool2d as avg_pool2d
from ._pool import avg_pool3d as avg_pool3d
from ._pool import max_pool1d as max_pool1d
from ._pool import max_pool2d as max_pool2d
from ._pool import max_pool3d as max_pool3d
from ._reshape import flatten as flatten
