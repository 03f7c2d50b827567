"""Optimizers: names, arguments and arithmetic as in ``torch.optim``, on dicts of arrays.

>>> import numpy as np
>>> from scratchnet import optim
>>> params = {"w": np.array([1.0, 2.0])}
>>> optimizer = optim.SGD(params, lr=0.5)
>>> optimizer.step({"w": np.array([1.0, -1.0])})
>>> params["w"].tolist()
[0.5, 2.5]
"""

from ._adagrad import Adagrad as Adagrad
from ._adam import Adam as Adam
from ._adam import AdamW as AdamW
from ._optimizer import Optimizer as Optimizer
from ._rmsprop import RMSprop as RMSprop
from ._sgd import SGD as SGD
