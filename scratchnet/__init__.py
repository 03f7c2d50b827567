"""scratchnet: neural-network layers written by hand in NumPy, forward and backward, each proven.

>>> import numpy as np
>>> import scratchnet as sn
>>> y, pullback = sn.functional.linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
>>> y.tolist()
[[11.0]]
>>> dx, dweight, dbias = pullback(np.array([[1.0]]))
>>> dweight.tolist()
[[1.0, 2.0]]

The rooms: `functional` (the mathematics), `nn` (layers with state), `optim`, `training`, `serialization`
(arrays in files), `numerical` (numerical differentiation), `datasets` (MNIST, embedded), `book` (the code of
"Deep Learning from Scratch").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from . import book as book
    from . import datasets as datasets
    from . import functional as functional
    from . import nn as nn
    from . import numerical as numerical
    from . import optim as optim
    from . import serialization as serialization
    from . import training as training

__version__ = "0.1.0"

_ROOMS = ("book", "datasets", "functional", "nn", "numerical", "optim", "serialization", "training")


def __getattr__(name: str) -> ModuleType:
    # Rooms are imported when first used: `import scratchnet` then costs hardly more than `import numpy`.
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
