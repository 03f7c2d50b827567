"""Adam, and AdamW, whose weight decay does not pass through the moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_number, refuse
from ._optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


class Adam(Optimizer):
    """Step by running means of the gradient and of its square.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update, in place.
    lr : float, default 1e-3
    betas : pair of float, default (0.9, 0.999)
        The weight of the past in the two running means; each in [0, 1).
    eps : float, default 1e-8
        Added to the root.
    weight_decay : float, default 0
    amsgrad : bool, default False
        Whether to divide by the largest mean square so far.
    maximize : bool, default False

    Raises
    ------
    TypeError, ValueError
        As `Optimizer`; `betas` is not a pair of numbers in [0, 1).

    Notes
    -----
    ``m = beta1 m + (1 - beta1) g``, ``s = beta2 s + (1 - beta2) g^2``, and at step t = 1, 2, ...
    ``p -= lr / (1 - beta1^t) m / (sqrt(s / (1 - beta2^t)) + eps)``.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization" (ICLR 2015), algorithm 1; Reddi, Kale and
    Kumar, "On the Convergence of Adam and Beyond" (ICLR 2018), algorithm 2, for `amsgrad`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import optim
    >>> params = {"w": np.array([1.0])}
    >>> optim.Adam(params, lr=0.25, eps=0.0).step({"w": np.array([8.0])})
    >>> params["w"].round(12).tolist()
    [0.75]
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, weight_decay, maximize)
        function = type(self).__name__
        if not isinstance(betas, tuple) or len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
            raise refuse(function, "betas must be a pair of numbers in [0, 1)", betas=betas)
        self.betas = betas
        self.eps = check_number(function, "eps", eps, minimum=0.0)
        self.amsgrad = amsgrad
        self._steps = dict.fromkeys(self.params, 0)
        self._mean = {name: np.zeros_like(value) for name, value in self.params.items()}
        self._square = {name: np.zeros_like(value) for name, value in self.params.items()}
        self._largest = {name: np.zeros_like(value) for name, value in self.params.items()} if amsgrad else {}

    def _update(self, name: str, parameter: Array, gradient: Array, scratch: Array) -> None:
        beta1, beta2 = self.betas
        step = self._steps[name] = self._steps[name] + 1
        mean, square = self._mean[name], self._square[name]
        np.subtract(gradient, mean, out=scratch)
        scratch *= 1.0 - beta1
        mean += scratch
        square *= beta2
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1.0 - beta2
        square += scratch
        if self.amsgrad:
            square = np.maximum(self._largest[name], square, out=self._largest[name])
        np.sqrt(square, out=scratch)
        scratch /= (1.0 - beta2**step) ** 0.5
        scratch += self.eps
        np.divide(mean, scratch, out=scratch)
        scratch *= self.lr / (1.0 - beta1**step)
        parameter -= scratch


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update, in place.
    lr : float, default 1e-3
    betas : pair of float, default (0.9, 0.999)
    eps : float, default 1e-8
    weight_decay : float, default 1e-2
        Each step first multiplies the parameter by ``1 - lr weight_decay``.
    amsgrad : bool, default False
    maximize : bool, default False

    Raises
    ------
    TypeError, ValueError
        As `Adam`.

    Notes
    -----
    ``p *= 1 - lr weight_decay``, then Adam's step from the gradient without a penalty.

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (ICLR 2019), algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import optim
    >>> params = {"w": np.array([2.0])}
    >>> optim.AdamW(params, lr=0.25, weight_decay=1.0, eps=0.0).step({"w": np.array([8.0])})
    >>> params["w"].round(12).tolist()
    [1.25]
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def _decayed(self, parameter: Array, gradient: Array) -> Array:
        parameter *= 1.0 - self.lr * self.weight_decay
        return np.negative(gradient) if self.maximize else gradient
