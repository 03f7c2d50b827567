"""Adagrad: a learning rate for each entry, which falls with the gradients it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_number
from ._optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


class Adagrad(Optimizer):
    """Divide each entry's step by the root of the sum of its squared gradients.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update, in place.
    lr : float, default 1e-2
    lr_decay : float, default 0
    weight_decay : float, default 0
    initial_accumulator_value : float, default 0
        What the sum begins with.
    eps : float, default 1e-10
        Added to the root.
    maximize : bool, default False

    Raises
    ------
    TypeError, ValueError
        As `Optimizer`.

    Notes
    -----
    ``s += g^2``; ``p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)`` at step t = 1, 2, ...

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization"
    (JMLR 12, 2011), figure 1, diagonal case.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import optim
    >>> params = {"w": np.array([1.0])}
    >>> optim.Adagrad(params, lr=0.25).step({"w": np.array([8.0])})
    >>> params["w"].round(9).tolist()
    [0.75]
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        self.lr_decay = check_number("Adagrad", "lr_decay", lr_decay, minimum=0.0)
        self.eps = check_number("Adagrad", "eps", eps, minimum=0.0)
        start = check_number("Adagrad", "initial_accumulator_value", initial_accumulator_value, minimum=0.0)
        self._steps = dict.fromkeys(self.params, 0)
        self._sum = {name: np.full_like(value, start) for name, value in self.params.items()}

    def _update(self, name: str, parameter: Array, gradient: Array, scratch: Array) -> None:
        rate = self.lr / (1.0 + self._steps[name] * self.lr_decay)
        self._steps[name] += 1
        total = self._sum[name]
        total += np.multiply(gradient, gradient, out=scratch)
        np.sqrt(total, out=scratch)
        scratch += self.eps
        np.divide(gradient, scratch, out=scratch)
        scratch *= rate
        parameter -= scratch
