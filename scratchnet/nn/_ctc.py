"""Connectionist temporal classification, as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from ._loss import Loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._types import Array, Scalar


class CTCLoss(Loss):
    """Loss of labels that are not aligned with their input: `scratchnet.functional.ctc_loss`.

    Parameters
    ----------
    blank : int, default 0
        The class that stands for no label.
    reduction : {"mean", "sum", "none"}, default "mean"
    zero_infinity : bool, default False
        Whether an infinite loss and its derivative are taken to be 0.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.CTCLoss()
    >>> log_probs = np.log(np.full((2, 1, 2), 0.5))
    >>> round(float(np.exp(-criterion(log_probs, np.array([[1]]), [2], [1]))), 6)
    0.75
    >>> criterion.backward().round(4).tolist()
    [[[0.1667, -0.1667]], [[0.1667, -0.1667]]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "", "")

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Array,
        targets: Array,
        input_lengths: Array | Sequence[int],
        target_lengths: Array | Sequence[int],
    ) -> Array | Scalar:
        """Return the loss of log-probabilities against labels."""
        y: Array | Scalar = self._keep(
            F.ctc_loss(
                log_probs,
                targets,
                input_lengths,
                target_lengths,
                self.blank,
                self.reduction,
                self.zero_infinity,
            )
        )
        return y
