"""Losses as layers: functions of `scratchnet.functional` with their options; `backward` begins at 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from .._check import check_float_array
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array, Scalar


class _Loss(Layer):
    """What losses share: the gradient of the predictions is what `backward` returns."""

    _slots: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class _ClassWeights(_Loss):
    """A loss with a weight for each class, which is a buffer, not a parameter."""

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(self, weight: Array | None, ignore_index: int, reduction: str) -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        if weight is not None:
            check_float_array(type(self).__name__, "weight", weight)
            self._buffers["weight"] = weight.copy()


class CrossEntropyLoss(_ClassWeights):
    """Cross entropy of logits: `scratchnet.functional.cross_entropy`.

    Parameters
    ----------
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    ignore_index : int, default -100
        The class index that counts for nothing.
    reduction : {"mean", "sum", "none"}, default "mean"
    label_smoothing : float, default 0.0
        How much of each target is spread over all classes, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.CrossEntropyLoss()
    >>> float(criterion(np.zeros((1, 4)), np.array([2])).round(6))
    1.386294
    >>> criterion.backward().tolist()
    [[0.25, 0.25, -0.75, 0.25]]
    """

    def __init__(
        self,
        weight: Array | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = label_smoothing

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of logits x against class indices, or against probabilities."""
        y: Array | Scalar = self._keep(
            F.cross_entropy(
                x,
                target,
                self._buffers.get("weight"),
                self.ignore_index,
                self.reduction,
                self.label_smoothing,
            )
        )
        return y


class NLLLoss(_ClassWeights):
    """Negative log-likelihood of log-probabilities: `scratchnet.functional.nll_loss`.

    Parameters
    ----------
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    ignore_index : int, default -100
        The class index that counts for nothing.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.NLLLoss()
    >>> float(criterion(np.array([[-1.0, -2.0]]), np.array([1])))
    2.0
    >>> criterion.backward().tolist()
    [[0.0, -1.0]]
    """

    def __init__(
        self, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, ignore_index, reduction)

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of log-probabilities x against class indices."""
        y: Array | Scalar = self._keep(
            F.nll_loss(x, target, self._buffers.get("weight"), self.ignore_index, self.reduction)
        )
        return y


class MSELoss(_Loss):
    """Mean squared error: `scratchnet.functional.mse_loss`.

    Parameters
    ----------
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

    _slots: ClassVar[tuple[str, ...]] = ("", "")  # the function takes a weight, too

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of predictions x against target."""
        y: Array | Scalar = self._keep(F.mse_loss(x, target, self.reduction))
        return y
