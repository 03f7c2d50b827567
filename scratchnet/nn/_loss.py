"""Losses as layers: functions of `scratchnet.functional` with their options; `backward` begins at 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from .._check import check_float_array
from ..functional._loss_reduction import check_deprecated
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array, Scalar


class Loss(Layer):
    """What losses share: the gradient of the predictions is what `backward` returns."""

    _slots: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean") -> None:
        super().__init__()
        check_deprecated(type(self).__name__, size_average, reduce)
        self.reduction = reduction

    def _keep_weight(self, name: str, weight: Array | None) -> None:
        """Keep a weight that is not learned as a buffer, where one is given."""
        if weight is not None:
            check_float_array(type(self).__name__, name, weight)
            self._buffers[name] = weight.copy()


class CrossEntropyLoss(Loss):
    """Cross entropy of logits: `scratchnet.functional.cross_entropy`.

    Parameters
    ----------
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
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

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(
        self,
        weight: Array | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self._keep_weight("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of logits x against class indices, or against probabilities."""
        y: Array | Scalar = self._keep(
            F.cross_entropy(
                x,
                target,
                self._buffers.get("weight"),
                ignore_index=self.ignore_index,
                reduction=self.reduction,
                label_smoothing=self.label_smoothing,
            )
        )
        return y


class NLLLoss(Loss):
    """Negative log-likelihood of log-probabilities: `scratchnet.functional.nll_loss`.

    Parameters
    ----------
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
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

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(
        self,
        weight: Array | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self._keep_weight("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of log-probabilities x against class indices."""
        y: Array | Scalar = self._keep(
            F.nll_loss(
                x,
                target,
                self._buffers.get("weight"),
                ignore_index=self.ignore_index,
                reduction=self.reduction,
            )
        )
        return y
