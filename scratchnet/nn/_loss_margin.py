"""Losses that ask for a margin, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from .._check import refuse
from ._loss import Loss

if TYPE_CHECKING:
    from .._types import Array, Scalar


class MarginRankingLoss(Loss):
    """Hinge on the difference of two scores: `scratchnet.functional.margin_ranking_loss`.

    Parameters
    ----------
    margin : float, default 0.0
        By how much one should be higher.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.MarginRankingLoss(reduction="sum")
    >>> float(criterion(np.array([1.0, 3.0]), np.array([2.0, 1.0]), np.array([1, -1])))
    3.0
    >>> dinput1, dinput2 = criterion.backward()
    >>> dinput1.tolist(), dinput2.tolist()
    ([-1.0, 1.0], [1.0, -1.0])
    """

    _inputs: ClassVar[int] = 2

    def __init__(
        self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Array, input2: Array, target: Array) -> Array | Scalar:
        """Return the loss of scores; target says which should be higher."""
        y: Array | Scalar = self._keep(
            F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)
        )
        return y


class HingeEmbeddingLoss(Loss):
    """Hinge on distances of what is unlike: `scratchnet.functional.hinge_embedding_loss`.

    Parameters
    ----------
    margin : float, default 1.0
        How far apart what is unlike should be.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.HingeEmbeddingLoss(reduction="sum")
    >>> float(criterion(np.array([0.5, 0.25]), np.array([1, -1])))
    1.25
    >>> criterion.backward().tolist()
    [1.0, -1.0]
    """

    def __init__(
        self, margin: float = 1.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of distances x; target says what is alike."""
        y: Array | Scalar = self._keep(
            F.hinge_embedding_loss(x, target, self.margin, reduction=self.reduction)
        )
        return y


class SoftMarginLoss(Loss):
    """Logistic loss of scores whose sign should be the target's: `scratchnet.functional.soft_margin_loss`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.SoftMarginLoss()
    >>> round(float(criterion(np.zeros(2), np.array([1, -1]))), 4)
    0.6931
    >>> criterion.backward().tolist()
    [-0.25, 0.25]
    """

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of scores x against signs target."""
        y: Array | Scalar = self._keep(F.soft_margin_loss(x, target, reduction=self.reduction))
        return y


class MultiLabelSoftMarginLoss(Loss):
    """Cross entropy of a yes or no for each class: `scratchnet.functional.multilabel_soft_margin_loss`.

    Parameters
    ----------
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.MultiLabelSoftMarginLoss()
    >>> round(float(criterion(np.zeros((1, 2)), np.array([[1, 0]]))), 4)
    0.6931
    >>> criterion.backward().tolist()
    [[-0.25, 0.25]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(
        self,
        weight: Array | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self._keep_weight("weight", weight)

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of logits x against the classes of target."""
        y: Array | Scalar = self._keep(
            F.multilabel_soft_margin_loss(x, target, self._buffers.get("weight"), reduction=self.reduction)
        )
        return y


class MultiMarginLoss(Loss):
    """Hinges between the own class and all others: `scratchnet.functional.multi_margin_loss`.

    Parameters
    ----------
    p : {1, 2}, default 1
        The power of each hinge.
    margin : float, default 1.0
        By how much the own class should lead.
    weight : ndarray, shape (C,), optional
        Of each class; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.MultiMarginLoss()
    >>> float(criterion(np.array([[1.0, 0.5, -1.0, 2.0]]), np.array([0])))
    0.625
    >>> criterion.backward().tolist()
    [[-0.5, 0.25, 0.0, 0.25]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Array | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if p not in (1, 2):
            raise refuse("MultiMarginLoss", "p must be 1 or 2", p=p)
        self._keep_weight("weight", weight)
        if weight is not None and weight.ndim != 1:
            raise refuse("MultiMarginLoss", "weight must hold one number for each class", weight=weight)
        self.p = p
        self.margin = margin

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of scores x against class indices."""
        y: Array | Scalar = self._keep(
            F.multi_margin_loss(
                x, target, self.p, self.margin, self._buffers.get("weight"), reduction=self.reduction
            )
        )
        return y


class MultiLabelMarginLoss(Loss):
    """Hinges between the classes of a sample and all others: `scratchnet.functional.multilabel_margin_loss`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.MultiLabelMarginLoss()
    >>> round(float(criterion(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([[3, 0, -1, 1]]))), 4)
    0.85
    >>> criterion.backward().tolist()
    [[-0.5, 0.5, 0.5, -0.5]]
    """

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of scores x against lists of classes, filled up with -1."""
        y: Array | Scalar = self._keep(F.multilabel_margin_loss(x, target, reduction=self.reduction))
        return y


class CosineEmbeddingLoss(Loss):
    """Cosines of pairs of vectors: `scratchnet.functional.cosine_embedding_loss`.

    Parameters
    ----------
    margin : float, default 0.0
        The cosine up to which vectors are unlike enough.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.CosineEmbeddingLoss()
    >>> float(criterion(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([1])))
    1.0
    >>> dinput1, dinput2 = criterion.backward()
    >>> (dinput1.round(6) + 0.0).tolist(), (dinput2.round(6) + 0.0).tolist()
    ([[0.0, -1.0]], [[-1.0, 0.0]])
    """

    _inputs: ClassVar[int] = 2

    def __init__(
        self, margin: float = 0.0, size_average: None = None, reduce: None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Array, input2: Array, target: Array) -> Array | Scalar:
        """Return the loss of pairs of vectors; target says which are alike."""
        y: Array | Scalar = self._keep(
            F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)
        )
        return y
