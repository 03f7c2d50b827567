"""The book's ``common.optimizer``: the update rules of chapter 6.

``update(params, grads)`` changes each array of `params` in place; a parameter that is a plain number is
replaced.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]

_TINY = 1e-7  # keeps the divisions by a root finite, as in the book


class SGD:
    """Stochastic gradient descent.

    Parameters
    ----------
    lr : float
        Learning rate.

    Notes
    -----
    Forward: ``p <- p - lr g``.

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> SGD(lr=0.1).update(params, {"W": np.array([5.0])})
    >>> params["W"].tolist()
    [0.5]
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        for key in params:
            params[key] -= self.lr * grads[key]


class Momentum:
    """Gradient descent with momentum.

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        What is left of the velocity after each step.

    Notes
    -----
    Forward: ``v <- momentum v - lr g``, ``p <- p + v``.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).

    Examples
    --------
    >>> params, grads = {"W": np.array([1.0])}, {"W": np.array([1.0])}
    >>> optimizer = Momentum(lr=0.5, momentum=0.5)
    >>> optimizer.update(params, grads)
    >>> optimizer.update(params, grads)
    >>> params["W"].tolist()
    [-0.25]
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.v: dict[str, Any] | None = None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        if self.v is None:
            self.v = _zeros(params)
        for key in params:
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.v[key]


class Nesterov:
    """Nesterov's accelerated gradient.

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        What is left of the velocity after each step.

    Notes
    -----
    Forward: ``p <- p + momentum^2 v - (1 + momentum) lr g``, then ``v <- momentum v - lr g``.

    References
    ----------
    Bengio, Boulanger-Lewandowski and Pascanu, "Advances in optimizing recurrent networks" (2012), equation 7:
    http://arxiv.org/abs/1212.0901

    Examples
    --------
    >>> params, grads = {"W": np.array([1.0])}, {"W": np.array([1.0])}
    >>> optimizer = Nesterov(lr=0.5, momentum=0.5)
    >>> optimizer.update(params, grads)
    >>> params["W"].tolist(), optimizer.v["W"].tolist()
    ([0.25], [-0.5])
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.v: dict[str, Any] | None = None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        if self.v is None:
            self.v = _zeros(params)
        for key in params:
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]


class AdaGrad:
    """Steps that shrink with the sum of the squared gradients.

    Parameters
    ----------
    lr : float
        Learning rate.

    Notes
    -----
    Forward: ``h <- h + g^2``, ``p <- p - lr g / (sqrt(h) + 1e-7)``.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods" (JMLR 2011), figure 1.

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> AdaGrad(lr=0.5).update(params, {"W": np.array([10.0])})
    >>> np.round(params["W"], 6).tolist()
    [0.5]
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr
        self.h: dict[str, Any] | None = None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        if self.h is None:
            self.h = _zeros(params)
        for key in params:
            self.h[key] += grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + _TINY)


class RMSprop:
    """AdaGrad that forgets.

    Parameters
    ----------
    lr : float
        Learning rate.
    decay_rate : float
        What is left of the old squares after each step.

    Notes
    -----
    Forward: ``h <- decay_rate h + (1 - decay_rate) g^2``, ``p <- p - lr g / (sqrt(h) + 1e-7)``.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop" (Coursera, 2012).

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> RMSprop(lr=0.05).update(params, {"W": np.array([10.0])})
    >>> np.round(params["W"], 6).tolist()
    [0.5]
    """

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr = lr
        self.decay_rate = decay_rate
        self.h: dict[str, Any] | None = None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        if self.h is None:
            self.h = _zeros(params)
        for key in params:
            self.h[key] *= self.decay_rate
            self.h[key] += (1 - self.decay_rate) * grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + _TINY)


class Adam:
    """Momentum and RMSprop in one, corrected for their start at zero.

    Parameters
    ----------
    lr : float
        Learning rate.
    beta1, beta2 : float
        What is left of the mean gradient, and of the mean square, after each step.

    Notes
    -----
    Forward, at step i: ``m <- m + (1 - beta1) (g - m)``, ``v <- v + (1 - beta2) (g^2 - v)``,
    ``p <- p - lr sqrt(1 - beta2^i) / (1 - beta1^i) m / (sqrt(v) + 1e-7)``.

    References
    ----------
    Kingma and Ba, "Adam" (ICLR 2015), the reordered form at the end of section 2:
    http://arxiv.org/abs/1412.6980v8

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> Adam(lr=0.5).update(params, {"W": np.array([10.0])})
    >>> np.round(params["W"], 5).tolist()
    [0.5]
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m: dict[str, Any] | None = None
        self.v: dict[str, Any] | None = None

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take one step."""
        if self.m is None or self.v is None:
            self.m, self.v = _zeros(params), _zeros(params)
        self.iter += 1
        # A Python float: a NumPy one would pull float32 parameters up to float64 on the way.
        rate = self.lr * math.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for key in params:
            grad = grads[key]
            self.m[key] += (1 - self.beta1) * (grad - self.m[key])
            self.v[key] += (1 - self.beta2) * (grad * grad - self.v[key])
            params[key] -= rate * self.m[key] / (np.sqrt(self.v[key]) + _TINY)


def _zeros(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: np.zeros_like(value) for key, value in params.items()}
