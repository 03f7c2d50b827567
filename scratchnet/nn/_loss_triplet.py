"""Losses of triplets, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import functional as F
from .._check import refuse
from ._layer import Layer
from ._loss import Loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array, Pullback, Scalar


class TripletMarginLoss(Loss):
    """Hinge on the distances from an anchor: `scratchnet.functional.triplet_margin_loss`.

    Parameters
    ----------
    margin : float, default 1.0
        How much nearer the positive should be.
    p : float, default 2.0
        Of the norm.
    eps : float, default 1e-6
        Added to each difference.
    swap : bool, default False
        Whether the distance from the positive to the negative counts too, where it is the smaller one.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.TripletMarginLoss(eps=0.0)
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]])
    >>> float(criterion(a, p, n))
    4.0
    >>> [gradient.round(6).tolist() for gradient in criterion.backward()][1]
    [[0.6, 0.8]]
    """

    _inputs: ClassVar[int] = 3
    _slots: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if not margin > 0:
            raise refuse("TripletMarginLoss", "margin must be above 0", margin=margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Array, positive: Array, negative: Array) -> Array | Scalar:
        """Return the loss of triplets of vectors."""
        y: Array | Scalar = self._keep(
            F.triplet_margin_loss(
                anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
            )
        )
        return y


class TripletMarginWithDistanceLoss(Loss):
    """Hinge on distances of one's own: `scratchnet.functional.triplet_margin_with_distance_loss`.

    Parameters
    ----------
    distance_function : callable or Layer, optional
        ``distance_function(a, b) -> (distances, pullback)``, or a layer of two inputs without parameters; the
        Euclidean distance by default.
    margin : float, default 1.0
        How much nearer the positive should be.
    swap : bool, default False
        Whether the distance from the positive to the negative counts too, where it is the smaller one.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.TripletMarginWithDistanceLoss()
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]])
    >>> round(float(criterion(a, p, n)), 4)
    4.0
    >>> [gradient.round(4).tolist() for gradient in criterion.backward()][1]
    [[0.6, 0.8]]
    """

    _inputs: ClassVar[int] = 3
    _slots: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        distance_function: Callable[[Array, Array], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if not margin > 0:
            raise refuse("TripletMarginWithDistanceLoss", "margin must be above 0", margin=margin)
        if isinstance(distance_function, Layer) and distance_function.params:
            raise refuse(
                "TripletMarginWithDistanceLoss",
                "distance_function must be a layer without parameters, or a function",
                distance_function=distance_function,
            )
        self.distance_function = distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Array, positive: Array, negative: Array) -> Array | Scalar:
        """Return the loss of triplets."""
        distance = self.distance_function
        y: Array | Scalar = self._keep(
            F.triplet_margin_with_distance_loss(
                anchor,
                positive,
                negative,
                distance_function=_of_layer(distance) if isinstance(distance, Layer) else distance,
                margin=self.margin,
                swap=self.swap,
                reduction=self.reduction,
            )
        )
        return y

    def __repr__(self) -> str:
        """Return what PyTorch prints, where the default is a layer within."""
        if self.distance_function is None:
            return "TripletMarginWithDistanceLoss(\n  (distance_function): PairwiseDistance()\n)"
        return super().__repr__()


def _of_layer(layer: Layer) -> Callable[[Array, Array], tuple[Any, Pullback]]:
    """Return a layer as a function: its pullback is taken out, as the layer keeps only the last."""

    def distance(a: Array, b: Array) -> tuple[Any, Pullback]:
        value = layer(a, b)
        pullback = layer._pullback
        if pullback is None:
            raise refuse("TripletMarginWithDistanceLoss", "the layer must keep its pullback", layer=layer)
        return value, pullback

    return distance
