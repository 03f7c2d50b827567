"""RMSprop: a learning rate for each entry, which follows its recent gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_number
from ._optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


class RMSprop(Optimizer):
    """Divide each entry's step by a running root mean square of its gradients.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update, in place.
    lr : float, default 1e-2
    alpha : float, default 0.99
        The weight of the past in the running mean.
    eps : float, default 1e-8
        Added to the root.
    weight_decay : float, default 0
    momentum : float, default 0
    centered : bool, default False
        Whether to subtract the squared running mean: the root is then a standard deviation.
    maximize : bool, default False

    Raises
    ------
    TypeError, ValueError
        As `Optimizer`.

    Notes
    -----
    ``s = alpha s + (1 - alpha) g^2``; `centered`: ``m = alpha m + (1 - alpha) g`` and ``s - m^2`` for `s`;
    then ``p -= lr g / (sqrt(s) + eps)``, or with a momentum ``v = momentum v + g / (sqrt(s) + eps)`` and
    ``p -= lr v``.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop" (COURSERA: Neural Networks for Machine Learning, 2012);
    Graves, "Generating Sequences With Recurrent Neural Networks" (2013), equations 38 to 41, for `centered`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import optim
    >>> params = {"w": np.array([1.0])}
    >>> optim.RMSprop(params, lr=0.25, alpha=0.75, eps=0.0).step({"w": np.array([8.0])})
    >>> params["w"].tolist()
    [0.5]
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        self.alpha = check_number("RMSprop", "alpha", alpha, minimum=0.0)
        self.eps = check_number("RMSprop", "eps", eps, minimum=0.0)
        self.momentum = check_number("RMSprop", "momentum", momentum, minimum=0.0)
        self.centered = centered
        zeros = {name: np.zeros_like(value) for name, value in self.params.items()}
        self._square = zeros
        self._mean = {name: value.copy() for name, value in zeros.items()} if centered else {}
        self._velocity = {name: value.copy() for name, value in zeros.items()} if momentum else {}

    def _update(self, name: str, parameter: Array, gradient: Array, scratch: Array) -> None:
        square = self._square[name]
        square *= self.alpha
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1.0 - self.alpha
        square += scratch
        if self.centered:
            mean = self._mean[name]
            mean *= self.alpha
            mean += np.multiply(gradient, 1.0 - self.alpha, out=scratch)
            np.multiply(mean, mean, out=scratch)
            np.subtract(square, scratch, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square, out=scratch)
        scratch += self.eps
        np.divide(gradient, scratch, out=scratch)
        if self.momentum:
            velocity = self._velocity[name]
            velocity *= self.momentum
            velocity += scratch
            np.multiply(velocity, self.lr, out=scratch)
        else:
            scratch *= self.lr
        parameter -= scratch
