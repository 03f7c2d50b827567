"""Losses of the error of a prediction, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from .._check import check_number
from ._loss import Loss

if TYPE_CHECKING:
    from .._types import Array, Scalar


class MSELoss(Loss):
    """Squared error: `scratchnet.functional.mse_loss`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.MSELoss()
    >>> float(criterion(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    >>> criterion.backward().tolist()
    [0.0, 2.0]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of predictions x against target."""
        y: Array | Scalar = self._keep(F.mse_loss(x, target, reduction=self.reduction))
        return y


class L1Loss(Loss):
    """Absolute error: `scratchnet.functional.l1_loss`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.L1Loss()
    >>> float(criterion(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    1.0
    >>> criterion.backward().tolist()
    [0.0, 0.5]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of predictions x against target."""
        y: Array | Scalar = self._keep(F.l1_loss(x, target, reduction=self.reduction))
        return y


class SmoothL1Loss(Loss):
    """Absolute error, rounded near 0: `scratchnet.functional.smooth_l1_loss`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
    beta : float, default 1.0
        The error from which on the loss is a straight line.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.SmoothL1Loss(reduction="sum")
    >>> float(criterion(np.array([0.5, 3.0]), np.zeros(2)))
    2.625
    >>> criterion.backward().tolist()
    [0.5, 1.0]
    """

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of predictions x against target."""
        y: Array | Scalar = self._keep(F.smooth_l1_loss(x, target, reduction=self.reduction, beta=self.beta))
        return y


class HuberLoss(Loss):
    """Half the squared error, continued by its tangent: `scratchnet.functional.huber_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
    delta : float, default 1.0
        The error from which on the loss is a straight line.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.HuberLoss("sum", delta=2.0)
    >>> float(criterion(np.array([0.5, 3.0]), np.zeros(2)))
    4.125
    >>> criterion.backward().tolist()
    [0.5, 2.0]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        check_number("HuberLoss", "delta", delta)
        self.delta = delta

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of predictions x against target."""
        y: Array | Scalar = self._keep(F.huber_loss(x, target, self.reduction, self.delta))
        return y
