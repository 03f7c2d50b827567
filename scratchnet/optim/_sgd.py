"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_number, refuse
from ._optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's momentum.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update, in place.
    lr : float, default 1e-3
    momentum : float, default 0
    dampening : float, default 0
        How much of a gradient does not enter the velocity.
    weight_decay : float, default 0
        The factor of the penalty's gradient, ``weight_decay * p``.
    nesterov : bool, default False
        Needs a momentum and no dampening.
    maximize : bool, default False

    Raises
    ------
    TypeError, ValueError
        As `Optimizer`; `nesterov` without momentum or with dampening.

    Notes
    -----
    ``v = momentum v + (1 - dampening) g``, at the first step ``v = g``; then ``p -= lr v``, or with
    `nesterov` ``p -= lr (g + momentum v)``.

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML 2013),
    section 2, in PyTorch's form, where the learning rate multiplies the velocity.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import optim
    >>> params = {"w": np.array([1.0])}
    >>> optimizer = optim.SGD(params, lr=0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.step({"w": np.array([1.0])})
    >>> params["w"].tolist()
    [-0.25]
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        self.momentum = check_number("SGD", "momentum", momentum, minimum=0.0)
        self.dampening = check_number("SGD", "dampening", dampening, minimum=float("-inf"))
        if nesterov and (momentum == 0 or dampening != 0):
            raise refuse(
                "SGD",
                "nesterov needs a momentum and no dampening",
                nesterov=nesterov,
                momentum=momentum,
                dampening=dampening,
            )
        self.nesterov = nesterov
        self._velocity: dict[str, Array] = {}

    def _update(self, name: str, parameter: Array, gradient: Array, scratch: Array) -> None:
        if self.momentum != 0.0:
            velocity = self._velocity.get(name)
            if velocity is None:
                self._velocity[name] = np.array(gradient)  # of a 0-d array too: a NumPy scalar stays as it is
                velocity = self._velocity[name]
            else:
                velocity *= self.momentum
                velocity += np.multiply(gradient, 1.0 - self.dampening, out=scratch)
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        np.multiply(gradient, self.lr, out=scratch)
        np.subtract(parameter, scratch, out=parameter)
