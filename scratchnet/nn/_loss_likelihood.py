"""Negative log-likelihoods of other distributions than the categorical one, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .. import functional as F
from ._loss import Loss

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Scalar


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts: `scratchnet.functional.poisson_nll_loss`.

    Parameters
    ----------
    log_input : bool, default True
        Whether the predictions are logarithms of means, not means.
    full : bool, default False
        Whether to add Stirling's approximation of log(target!).
    size_average, reduce : None
        Use `reduction`.
    eps : float, default 1e-8
        Added to a mean before its logarithm is taken.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.PoissonNLLLoss()
    >>> float(criterion(np.zeros(2), np.array([1, 3])))
    1.0
    >>> criterion.backward().tolist()
    [0.0, -1.0]
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: None = None,
        eps: float = 1e-8,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of means, or their logarithms, x against the counts target."""
        y: Array | Scalar = self._keep(
            F.poisson_nll_loss(x, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)
        )
        return y


class GaussianNLLLoss(Loss):
    """Negative log-likelihood of samples of normal distributions: `scratchnet.functional.gaussian_nll_loss`.

    Parameters
    ----------
    full : bool, default False
        Whether to add the constant ``log(2 pi) / 2``.
    eps : float, default 1e-6
        Smaller variances are taken to be this one.
    reduction : {"mean", "sum", "none"}, default "mean"

    Notes
    -----
    Means and variances are both predicted: `backward` returns the gradients of the two.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.GaussianNLLLoss()
    >>> float(criterion(np.array([1.0, 2.0]), np.array([0.0, 2.0]), np.ones(2)))
    0.25
    >>> dx, dvar = criterion.backward()
    >>> dx.tolist(), dvar.tolist()
    ([0.5, 0.0], [0.0, 0.25])
    """

    _inputs: ClassVar[int] = 2
    _slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, x: Array, target: Array, var: Array) -> Array | Scalar:
        """Return the loss of means x and variances var against the samples target."""
        y, pullback = F.gaussian_nll_loss(x, target, var, self.full, self.eps, self.reduction)

        def of_predictions(
            dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool] = (True, True)
        ) -> Cotangents:
            dx, _, dvar = pullback(dy, (needs_input_grad[0], False, needs_input_grad[1]))
            return dx, dvar

        self._pullback = of_predictions
        return y


class KLDivLoss(Loss):
    """Kullback-Leibler divergence: `scratchnet.functional.kl_div`.

    Parameters
    ----------
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "batchmean", "sum", "none"}, default "mean"
        "batchmean" is the divergence, averaged over the batch.
    log_target : bool, default False
        Whether the target holds logarithms.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.KLDivLoss(reduction="batchmean")
    >>> round(float(criterion(np.log(np.array([[0.5, 0.5]])), np.array([[0.25, 0.75]]))), 4)
    0.1308
    >>> criterion.backward().tolist()
    [[-0.25, -0.75]]
    """

    def __init__(
        self,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of log-probabilities x against the probabilities target."""
        y: Array | Scalar = self._keep(
            F.kl_div(x, target, reduction=self.reduction, log_target=self.log_target)
        )
        return y


class BCELoss(Loss):
    """Cross entropy of probabilities of yes: `scratchnet.functional.binary_cross_entropy`.

    Parameters
    ----------
    weight : ndarray, optional
        Of each element; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.BCELoss()
    >>> round(float(criterion(np.array([0.5, 0.5]), np.array([1.0, 0.0]))), 4)
    0.6931
    >>> criterion.backward().tolist()
    [-1.0, 1.0]
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
        """Return the loss of probabilities x against target."""
        y: Array | Scalar = self._keep(
            F.binary_cross_entropy(x, target, self._buffers.get("weight"), reduction=self.reduction)
        )
        return y


class BCEWithLogitsLoss(Loss):
    """Cross entropy of logits of yes: `scratchnet.functional.binary_cross_entropy_with_logits`.

    Parameters
    ----------
    weight : ndarray, optional
        Of each element; kept as a buffer.
    size_average, reduce : None
        Use `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
    pos_weight : ndarray, optional
        How much a yes counts beside a no; kept as a buffer.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> criterion = nn.BCEWithLogitsLoss()
    >>> round(float(criterion(np.zeros(2), np.array([1.0, 0.0]))), 4)
    0.6931
    >>> criterion.backward().tolist()
    [-0.25, 0.25]
    """

    _slots: ClassVar[tuple[str, ...]] = ("", "", "")

    def __init__(
        self,
        weight: Array | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Array | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self._keep_weight("weight", weight)
        self._keep_weight("pos_weight", pos_weight)

    def forward(self, x: Array, target: Array) -> Array | Scalar:
        """Return the loss of logits x against the probabilities target."""
        y: Array | Scalar = self._keep(
            F.binary_cross_entropy_with_logits(
                x,
                target,
                self._buffers.get("weight"),
                reduction=self.reduction,
                pos_weight=self._buffers.get("pos_weight"),
            )
        )
        return y
